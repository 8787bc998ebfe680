/* SPDX-License-Identifier: MIT */

/* Three numbers, three meanings.
 *
 *   library   UVSHM_VERSION_*: semantic versioning; CMake and uvshm.pc read it
 *             from here
 *   ABI       the SONAME; 0.<minor> before 1.0, then the major number
 *   format    UVSHM_FORMAT: how the bytes of a shared object lie. It is stored
 *             in every object, and an object of another format is refused with
 *             UV_EPROTONOSUPPORT and a sentence that names both numbers
 */

#ifndef UVSHM_VERSION_H_
#define UVSHM_VERSION_H_

#include "uvshm/export.h"

/* Of the library that this header belongs to. */
#define UVSHM_VERSION_MAJOR 0
#define UVSHM_VERSION_MINOR 1
#define UVSHM_VERSION_PATCH 0

/* The same as one number, for comparing: 0x000100 is 0.1.0. */
#define UVSHM_VERSION_HEX                                                      \
 ((UVSHM_VERSION_MAJOR << 16) | (UVSHM_VERSION_MINOR << 8) |                   \
  UVSHM_VERSION_PATCH)

/* Of the bytes. */
#define UVSHM_FORMAT 2

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, which need not be that of the header
 * the program was built with. Any thread, never blocks. */
UVSHM_EXTERN unsigned int uvshm_version(void);

/* The same as text, "0.1.0". Valid for ever. */
UVSHM_EXTERN const char* uvshm_version_string(void);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_VERSION_H_ */
