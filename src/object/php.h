/* SPDX-License-Identifier: MIT */

/* What PHP's serialize() makes of one value, and back. */

#ifndef UVSHM_OBJECT_PHP_H_
#define UVSHM_OBJECT_PHP_H_

#include "core/php.h"
#include "uvshm/php.h"

#include <stddef.h>
#include <stdint.h>

/* Room for the text of a number, or of what stands before a string. */
#define UVSHM__PHP_NUMBER_ROOM 64

/* The text of `value`, in pieces that lie in `room` (UVSHM__PHP_NUMBER_ROOM
 * bytes) and in `bytes`. 0, UV_EINVAL. */
int uvshm__php_encode(struct uvshm__php_text* text,
                      char* room,
                      const uvshm_php_value_t* value,
                      const void* bytes);

/* The value of `size` bytes of text that may change while they are read. A
 * string's bytes begin at *offset of it. 0, UV_EPROTO. */
int uvshm__php_decode(uvshm_php_value_t* value,
                      uint64_t* offset,
                      const unsigned char* text,
                      uint64_t size);

#endif /* UVSHM_OBJECT_PHP_H_ */
