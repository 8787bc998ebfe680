/* SPDX-License-Identifier: MIT */

/* The chunks of PHP's variables, on plain memory (php_layout.h). What a chunk's
 * text says is not known here. */

#ifndef UVSHM_CORE_PHP_H_
#define UVSHM_CORE_PHP_H_

#include <stddef.h>
#include <stdint.h>

/* The memory and, once read and checked, its head. `end` and `limit` never
 * exceed `size`, whatever the bytes say. */
struct uvshm__php {
  unsigned char* base; /* at a multiple of 8 */
  uint64_t size;
  uint64_t end;   /* behind the last chunk */
  uint64_t limit; /* behind the last byte that may be used */
  uint64_t free;  /* as PHP counts, at most limit - end */
};

/* A chunk that was read and checked: it lies inside [start, end). */
struct uvshm__php_var {
  uint64_t at;   /* its offset */
  uint64_t next; /* bytes to the next one */
  uint64_t size; /* of the text */
  int64_t key;
};

/* Text in pieces, so that a string need not be copied to get its quotes. */
struct uvshm__php_text {
  const void* bytes[3];
  uint64_t size[3];
};

/* Read the head of the `size` bytes at `base`. 0; UV_ENOENT: there are zeros,
 * `php` is that of an empty one; UV_EPROTO; UV_EPROTONOSUPPORT. */
int uvshm__php_read(struct uvshm__php* php, void* base, uint64_t size);

/* Write the head of an empty one into zeros. Before the first put. */
void uvshm__php_format(struct uvshm__php* php);

/* The chunk behind `at` (0: the first). UV_ENOENT: none; UV_EPROTO. */
int uvshm__php_next(const struct uvshm__php* php,
                    uint64_t at,
                    struct uvshm__php_var* var);

/* The first chunk with this key. */
int uvshm__php_find(const struct uvshm__php* php,
                    int64_t key,
                    struct uvshm__php_var* var);

/* Where its text lies. It may change at any moment. */
static inline const unsigned char* uvshm__php_bytes(
    const struct uvshm__php* php, const struct uvshm__php_var* var) {
  return php->base + var->at + 24;
}


/* Set a variable. 0, UV_ENOSPC (nothing was changed), UV_EPROTO. */
int uvshm__php_put(struct uvshm__php* php,
                   int64_t key,
                   const struct uvshm__php_text* text);

/* Remove what find or next gave. */
void uvshm__php_remove(struct uvshm__php* php,
                       const struct uvshm__php_var* var);

#endif /* UVSHM_CORE_PHP_H_ */
