/* SPDX-License-Identifier: MIT */

/* PHP's variables in a region: argument checks, and core's chunks with the text
 * in them. */

#include "object/php.h"

#include "base/error.h"
#include "object/attach.h"

#include <string.h>


/* A region is nothing but its attach (region.c). */
static struct uvshm__attach* attach_of(const uvshm_region_t* region) {
  return (struct uvshm__attach*) region;
}


/* 0, UV_ENOENT for zeros, or an error. */
static int begin(struct uvshm__php* php, const uvshm_region_t* region) {
  int err = uvshm__attach_usable(attach_of(region));

  if (err < 0) return err;
  return uvshm__php_read(
      php, uvshm_region_base(region), uvshm_region_size(region));
}


static int begin_change(struct uvshm__php* php, const uvshm_region_t* region) {
  if (attach_of(region)->readonly)
    return uvshm__fail(UV_EACCES, "it is attached for reading");
  return begin(php, region);
}


static int finish(const uvshm_region_t* region,
                  const char* what,
                  int err,
                  unsigned int failures) {
  if (err >= 0) return err;
  return uvshm__fail(err,
                     "cannot %s PHP's variables in \"%s\": %s",
                     what,
                     attach_of(region)->name,
                     uvshm__reason(err, failures));
}


static int absent(const uvshm_region_t* region, int64_t key) {
  return uvshm__fail(UV_ENOENT,
                     "there is no variable %lld of PHP's in \"%s\"",
                     (long long) key,
                     attach_of(region)->name);
}


int uvshm_php_get(const uvshm_region_t* region,
                  int64_t key,
                  uvshm_php_value_t* value,
                  void* bytes,
                  size_t room) {
  unsigned int failures = uvshm__error_count();
  uvshm_php_value_t got;
  struct uvshm__php_var var;
  struct uvshm__php php;
  const unsigned char* text;
  uint64_t offset;
  int err = begin(&php, region);

  if (err == 0) err = uvshm__php_find(&php, key, &var);
  if (err == UV_ENOENT) return absent(region, key);
  if (err < 0) return finish(region, "read", err, failures);
  text = uvshm__php_bytes(&php, &var);
  err = uvshm__php_decode(&got, &offset, text, var.size);
  if (err < 0) return finish(region, "read", err, failures);
  *value = got;
  if (got.size > room)
    return uvshm__fail(UV_ENOBUFS,
                       "variable %lld of PHP's in \"%s\" has %llu bytes",
                       (long long) key,
                       attach_of(region)->name,
                       (unsigned long long) got.size);
  if (got.size != 0) memcpy(bytes, text + offset, (size_t) got.size);
  return 0;
}


int uvshm_php_put(uvshm_region_t* region,
                  int64_t key,
                  const uvshm_php_value_t* value,
                  const void* bytes) {
  unsigned int failures = uvshm__error_count();
  char number[UVSHM__PHP_NUMBER_ROOM];
  struct uvshm__php_text text;
  struct uvshm__php php;
  int empty;
  int err = begin_change(&php, region);

  empty = err == UV_ENOENT;
  if (err == 0 || empty) err = uvshm__php_encode(&text, number, value, bytes);
  if (err == 0 && empty) uvshm__php_format(&php);
  if (err == 0) err = uvshm__php_put(&php, key, &text);
  return finish(region, "change", err, failures);
}


int uvshm_php_remove(uvshm_region_t* region, int64_t key) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__php_var var;
  struct uvshm__php php;
  int err = begin_change(&php, region);

  if (err == 0) err = uvshm__php_find(&php, key, &var);
  if (err == UV_ENOENT) return absent(region, key);
  if (err == 0) uvshm__php_remove(&php, &var);
  return finish(region, "change", err, failures);
}


int uvshm_php_next(const uvshm_region_t* region,
                   uint64_t* cursor,
                   int64_t* key,
                   uvshm_php_value_t* value) {
  unsigned int failures = uvshm__error_count();
  uvshm_php_value_t got;
  struct uvshm__php_var var;
  struct uvshm__php php;
  uint64_t offset;
  int err = begin(&php, region);

  if (err == 0) err = uvshm__php_next(&php, *cursor, &var);
  if (err == UV_ENOENT) return uvshm__fail_bare(err);
  if (err == 0)
    err = uvshm__php_decode(
        &got, &offset, uvshm__php_bytes(&php, &var), var.size);
  if (err < 0) return finish(region, "list", err, failures);
  *cursor = var.at + var.next;
  *key = var.key;
  *value = got;
  return 0;
}


int uvshm_php_info(const uvshm_region_t* region, uvshm_php_info_t* info) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__php_var var;
  struct uvshm__php php;
  uint64_t count = 0;
  uint64_t at = 0;
  int err = begin(&php, region);

  if (err == UV_ENOENT)
    return uvshm__fail(UV_ENOENT,
                       "there are no variables of PHP's in \"%s\" yet",
                       attach_of(region)->name);
  while (err == 0 && (err = uvshm__php_next(&php, at, &var)) == 0) {
    at = var.at + var.next;
    count++;
  }
  if (err != UV_ENOENT) return finish(region, "count", err, failures);
  info->size = php.limit;
  info->used = php.end;
  info->free = php.free;
  info->count = count;
  return 0;
}
