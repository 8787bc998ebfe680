/* SPDX-License-Identifier: MIT */

/* php: the variables that PHP keeps in shared memory, from C.
 *
 * A PHP program calls $s = shm_attach(0x1234, 10000) and then
 * shm_put_var($s, 1, "hello"); a C program reads it:
 *
 *   uvshm_region_t* region;
 *   uvshm_region_options_t options = { .flags = UVSHM_REGION_FOREIGN };
 *   uvshm_php_value_t value;
 *   char text[100];
 *   int err = uvshm_region_open(&region, "sysv:key=0x1234", &options);
 *   if (err == 0)
 *     err = uvshm_php_get(region, 1, &value, text, sizeof text);
 *
 * The variables are PHP's, with PHP's weaknesses. PHP takes no lock for them
 * and neither do these calls: two programs that write at once, or one that
 * reads while another writes, destroy or misread them, and a program that dies
 * within a put or a remove leaves half of it. Whoever writes while others are
 * about takes a lock first, on both sides. C has uvshm_mutex_lock(); a PHP
 * script can be run as a whole by `uvshm lock NAME -- php script.php`.
 *
 * Any bytes may lie there. They are checked at each step; what cannot be PHP's
 * is UV_EPROTO, and no call reads or writes outside the region.
 *
 * The layout is that of PHP 5.3 to 8 on 64-bit systems, little-endian. What
 * shmop_write() writes is plain bytes, and needs none of this.
 *
 * Threads: any, under the lock that is spoken of above. Nothing here blocks.
 */

#ifndef UVSHM_PHP_H_
#define UVSHM_PHP_H_

#include "uvshm/export.h"
#include "uvshm/region.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a variable is. */
typedef enum {
  UVSHM_PHP_NULL = 0,
  UVSHM_PHP_BOOL = 1,
  UVSHM_PHP_INT = 2,
  UVSHM_PHP_FLOAT = 3,
  UVSHM_PHP_STRING = 4,
  UVSHM_PHP_SERIALIZED = 5 /* arrays, objects: what PHP's serialize() gives */
} uvshm_php_type_t;

/* A variable: of what it is, only the members that belong to its type. */
typedef struct {
  uvshm_php_type_t type; /* which of the members below counts */
  int64_t integer;       /* an int; a bool: 0 or 1 */
  double number;         /* a float */
  uint64_t size;         /* bytes of a string, or of serialized text */
} uvshm_php_value_t;

typedef struct {
  uint64_t size; /* bytes that PHP uses, its head of 40 included: as given to */
                 /* shm_attach(), at most the region's size */
  uint64_t used; /* by the head and the variables */
  uint64_t free; /* left, as PHP counts */
  uint64_t count; /* variables */
} uvshm_php_info_t;

/* Read the variable `key`. What a string or serialized text holds is copied to
 * `bytes`, which has room for `room` bytes; no zero is added. With another type
 * `bytes` is left alone. It may be NULL when `room` is 0.
 *
 *   0
 *   UV_ENOENT           there is no such variable, or none at all yet
 *   UV_ENOBUFS          value->size bytes, more than there is room for; the
 *                       rest of `value` is right
 *   UV_EPROTO           what lies there is not PHP's, or is damaged
 *   UV_EPROTONOSUPPORT  written by a PHP of 32 bits
 *   UV_ENOTCONN         a forked child that has not rejoined
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_php_get(const uvshm_region_t* region,
                                                int64_t key,
                                                uvshm_php_value_t* value,
                                                void* bytes,
                                                size_t room);

/* Set the variable `key`. `bytes` are the value->size bytes of a string or of
 * serialized text, which PHP will take apart again: it must be what serialize()
 * makes. A region of zeros becomes PHP's by its first variable, as PHP itself
 * would make it.
 *
 *   0, UV_EPROTO, UV_EPROTONOSUPPORT, UV_ENOTCONN
 *   UV_ENOSPC  PHP would call it full; the old value stays (PHP removes it)
 *   UV_EACCES  the region is attached for reading
 *   UV_EINVAL  an unknown type
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_php_put(uvshm_region_t* region,
                                                int64_t key,
                                                const uvshm_php_value_t* value,
                                                const void* bytes);

/* Remove the variable `key`. 0, UV_ENOENT, UV_EACCES, UV_EPROTO,
 * UV_EPROTONOSUPPORT, UV_ENOTCONN. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_php_remove(uvshm_region_t* region,
                                                   int64_t key);

/* The next variable, oldest first: *cursor is 0 before the first, and not to be
 * looked at. `value` tells type, size and number; uvshm_php_get() gives the
 * bytes. After a put or remove begin anew. UV_ENOENT after the last; UV_EPROTO,
 * UV_EPROTONOSUPPORT, UV_ENOTCONN. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_php_next(const uvshm_region_t* region,
                                                 uint64_t* cursor,
                                                 int64_t* key,
                                                 uvshm_php_value_t* value);

/* How full it is. 0, UV_ENOENT (zeros: no variable was ever put), UV_EPROTO,
 * UV_EPROTONOSUPPORT, UV_ENOTCONN. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_php_info(const uvshm_region_t* region,
                                                 uvshm_php_info_t* info);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_PHP_H_ */
