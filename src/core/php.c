/* SPDX-License-Identifier: MIT */

/* The list of chunks in which PHP keeps variables, one behind the other: a look
 * for one goes through them, a removal moves all behind it down, and a new one
 * goes to the end.
 *
 * The bytes are not ours, and PHP takes no lock. So each word is read once into
 * a local and checked there; every position used is one that was checked, below
 * an end that was checked; and a chunk is never smaller than its head, so that
 * each walk ends. What others do meanwhile can make a result wrong, and cannot
 * lead out of the memory.
 */

#include "core/php.h"

#include "base/align.h"
#include "base/atomic.h"
#include "base/error.h"
#include "core/php_layout.h"

#include <string.h>


static struct uvshm__php_head* head_of(const struct uvshm__php* php) {
  return (struct uvshm__php_head*) php->base;
}


static struct uvshm__php_chunk* chunk_at(const struct uvshm__php* php,
                                         uint64_t at) {
  return (struct uvshm__php_chunk*) (php->base + at);
}


static int read_empty(struct uvshm__php* php, uint64_t start, uint64_t end) {
  if (start != 0 || end != 0)
    return uvshm__fail(UV_EPROTO, "it does not begin as PHP's variables do");
  php->end = UVSHM__PHP_START;
  php->limit = php->size;
  php->free = php->size - UVSHM__PHP_START;
  return UV_ENOENT;
}


int uvshm__php_read(struct uvshm__php* php, void* base, uint64_t size) {
  struct uvshm__php_head* head = base;
  uint64_t start;
  uint64_t total;
  uint64_t room;

  memset(php, 0, sizeof(*php));
  php->base = base;
  php->size = size;
  if (php->size < UVSHM__PHP_START)
    return uvshm__fail(UV_EPROTO, "it is too small for PHP's variables");
  start = uvshm__a64_load_relaxed(&head->start);
  php->end = uvshm__a64_load_relaxed(&head->end);
  php->free = uvshm__a64_load_relaxed(&head->free);
  total = uvshm__a64_load_relaxed(&head->total);
  if (uvshm__a64_load_relaxed(&head->magic) == 0)
    return read_empty(php, start, php->end);
  if (uvshm__a64_load_relaxed(&head->magic) != UVSHM__PHP_MAGIC)
    return uvshm__fail(UV_EPROTO, "it does not begin as PHP's variables do");
  if ((uint32_t) start == UVSHM__PHP_START_32)
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "its variables are those of a PHP of 32 bits");
  if (start != UVSHM__PHP_START)
    return uvshm__fail(UV_EPROTO, "its variables begin where PHP's never do");

  /* `total` is what somebody gave to shm_attach(), and may be anything. */
  php->limit = total < php->size ? total : php->size;
  if (php->end < UVSHM__PHP_START || php->end > php->limit ||
      !uvshm__is_multiple(php->end, 8))
    return uvshm__fail(UV_EPROTO, "its variables end outside of it");
  room = php->limit - php->end;
  if (php->free > (uint64_t) INT64_MAX) php->free = 0;
  if (php->free > room) php->free = room;
  return 0;
}


void uvshm__php_format(struct uvshm__php* php) {
  struct uvshm__php_head* head = head_of(php);

  uvshm__a64_store_relaxed(&head->start, UVSHM__PHP_START);
  uvshm__a64_store_relaxed(&head->end, php->end);
  uvshm__a64_store_relaxed(&head->free, php->free);
  uvshm__a64_store_relaxed(&head->total, php->limit);
  uvshm__a64_store_release(&head->magic, UVSHM__PHP_MAGIC);
}


/* `at` is a position below the end, or the end. */
static int read_chunk(const struct uvshm__php* php,
                      uint64_t at,
                      struct uvshm__php_var* var) {
  const struct uvshm__php_chunk* chunk = chunk_at(php, at);
  uint64_t size;
  uint64_t next;

  if (at == php->end) return UV_ENOENT;
  if (php->end - at < UVSHM__PHP_CHUNK)
    return uvshm__fail(UV_EPROTO, "a variable of PHP's is cut off");
  var->key = (int64_t) uvshm__a64_load_relaxed(&chunk->key);
  size = uvshm__a64_load_relaxed(&chunk->length);
  next = uvshm__a64_load_relaxed(&chunk->next);
  if (next < UVSHM__PHP_CHUNK || next > php->end - at ||
      !uvshm__is_multiple(next, 8) || size > next - UVSHM__PHP_TEXT)
    return uvshm__fail(UV_EPROTO,
                       "variable %lld of PHP's has an impossible size",
                       (long long) var->key);
  var->at = at;
  var->next = next;
  var->size = size;
  return 0;
}


int uvshm__php_next(const struct uvshm__php* php,
                    uint64_t at,
                    struct uvshm__php_var* var) {
  if (at == 0) return read_chunk(php, UVSHM__PHP_START, var);
  if (at < UVSHM__PHP_START || at > php->end || !uvshm__is_multiple(at, 8))
    return uvshm__fail(UV_EPROTO, "its variables were changed meanwhile");
  return read_chunk(php, at, var);
}


int uvshm__php_find(const struct uvshm__php* php,
                    int64_t key,
                    struct uvshm__php_var* var) {
  uint64_t at = UVSHM__PHP_START;
  int err = read_chunk(php, at, var);

  while (err == 0 && var->key != key) {
    at += var->next;
    err = read_chunk(php, at, var);
  }
  return err;
}


/* The end first, so that a reader who comes in between walks less, not more. */
static void set_end(struct uvshm__php* php, uint64_t end, uint64_t left) {
  struct uvshm__php_head* head = head_of(php);

  php->end = end;
  php->free = left;
  uvshm__a64_store_release(&head->end, end);
  uvshm__a64_store_relaxed(&head->free, left);
}


void uvshm__php_remove(struct uvshm__php* php,
                       const struct uvshm__php_var* var) {
  uint64_t behind = var->at + var->next;

  memmove(
      php->base + var->at, php->base + behind, (size_t) (php->end - behind));
  set_end(php, php->end - var->next, php->free + var->next);
}


static void write_chunk(struct uvshm__php* php,
                        uint64_t at,
                        const struct uvshm__php_var* var,
                        const struct uvshm__php_text* text) {
  struct uvshm__php_chunk* chunk = chunk_at(php, at);
  unsigned char* to = php->base + at + UVSHM__PHP_TEXT;
  int i;

  uvshm__a64_store_relaxed(&chunk->key, (uint64_t) var->key);
  uvshm__a64_store_relaxed(&chunk->length, var->size);
  uvshm__a64_store_relaxed(&chunk->next, var->next);
  for (i = 0; i < 3; i++) {
    if (text->size[i] != 0) memcpy(to, text->bytes[i], (size_t) text->size[i]);
    to += text->size[i];
  }
}


static int measure(const struct uvshm__php* php,
                   const struct uvshm__php_text* text,
                   struct uvshm__php_var* var) {
  int i;

  var->size = 0;
  for (i = 0; i < 3; i++)
    if (!uvshm__add(var->size, text->size[i], &var->size)) return UV_ENOSPC;
  if (var->size > php->size) return UV_ENOSPC;
  var->next = (var->size + UVSHM__PHP_CHUNK - 1) / 8 * 8 + 8;
  return 0;
}


int uvshm__php_put(struct uvshm__php* php,
                   int64_t key,
                   const struct uvshm__php_text* text) {
  struct uvshm__php_var fresh = {.key = key};
  struct uvshm__php_var old;
  uint64_t room = php->free;
  int err = uvshm__php_find(php, key, &old);
  int found = err == 0;

  if (err < 0 && err != UV_ENOENT) return err;
  err = measure(php, text, &fresh);
  if (found) room += old.next;
  if (err < 0 || fresh.next > room)
    return uvshm__fail(UV_ENOSPC,
                       "there is no room for a variable of this size: %llu "
                       "bytes are free",
                       (unsigned long long) room);
  if (found && fresh.next == old.next) {
    write_chunk(php, old.at, &fresh, text);
    return 0;
  }
  if (found) uvshm__php_remove(php, &old);
  write_chunk(php, php->end, &fresh, text);
  set_end(php, php->end + fresh.next, php->free - fresh.next);
  return 0;
}
