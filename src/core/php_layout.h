/* SPDX-License-Identifier: MIT */

/* The bytes of PHP's variables in shared memory, which PHP laid down (extension
 * sysvshm, on 64-bit systems) and uvshm only follows. Nothing of ours is here,
 * and UVSHM__FORMAT has no say in it.
 *
 * The head:
 *
 *   offset  size  field   meaning
 *        0     8  magic   "PHP_SM" and two zeros
 *        8     8  start   offset of the first chunk, 40
 *       16     8  end     offset behind the last chunk
 *       24     8  free    bytes that PHP may still use
 *       32     8  total   bytes in all, as its first user wanted
 *
 * A chunk, one behind the other, at multiples of 8:
 *
 *   offset  size  field   meaning
 *        0     8  key     signed
 *        8     8  length  of the text, bytes
 *       16     8  next    from this chunk to the next
 *       24     n  text    of serialize()
 *
 * `next` is length + 32 - 1, divided by 8, times 8, and 8 more: PHP takes its
 * struct of a chunk, padded to 32, for the head of one, and rounds up twice. So
 * a chunk has at least 1 and at most 15 bytes of padding.
 *
 * Everybody writes every field, and PHP takes no lock.
 */

#ifndef UVSHM_CORE_PHP_LAYOUT_H_
#define UVSHM_CORE_PHP_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>
#include <stdint.h>

#define UVSHM__PHP_MAGIC UINT64_C(0x00004d535f504850) /* "PHP_SM", 0, 0 */
#define UVSHM__PHP_START 40u
#define UVSHM__PHP_TEXT 24u  /* offset of a chunk's text */
#define UVSHM__PHP_CHUNK 32u /* the smallest chunk */
#define UVSHM__PHP_START_32 24u

struct uvshm__php_head {
  uvshm__a64_t magic;
  uvshm__a64_t start;
  uvshm__a64_t end;
  uvshm__a64_t free;
  uvshm__a64_t total;
};

struct uvshm__php_chunk {
  uvshm__a64_t key;
  uvshm__a64_t length;
  uvshm__a64_t next;
};

_Static_assert(sizeof(struct uvshm__php_head) == UVSHM__PHP_START, "the table");
_Static_assert(offsetof(struct uvshm__php_head, start) == 8, "the table");
_Static_assert(offsetof(struct uvshm__php_head, end) == 16, "the table");
_Static_assert(offsetof(struct uvshm__php_head, free) == 24, "the table");
_Static_assert(offsetof(struct uvshm__php_head, total) == 32, "the table");
_Static_assert(sizeof(struct uvshm__php_chunk) == UVSHM__PHP_TEXT, "the table");
_Static_assert(offsetof(struct uvshm__php_chunk, length) == 8, "the table");
_Static_assert(offsetof(struct uvshm__php_chunk, next) == 16, "the table");

#endif /* UVSHM_CORE_PHP_LAYOUT_H_ */
