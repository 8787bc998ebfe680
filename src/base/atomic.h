/* SPDX-License-Identifier: MIT */

/* The one place that knows the compiler: atomic words with named orderings.
 *
 * The words are plain integers wrapped in one-field structs, so that
 * `lock->word == 0` does not compile and every access says its ordering. Not
 * _Atomic: MSVC lacks it in the mode that we build with, and its layout need
 * not be that of the plain type.
 *
 * Two halves with the same functions: __atomic_* for gcc, clang and mingw,
 * _Interlocked* for MSVC. UVSHM__FORCE_INTERLOCKED compiles the second half
 * with mingw too, so that it runs in CI.
 *
 * For every width W (32, 64):
 *   uvshm__aW_load_{relaxed,acquire,seq_cst}(p)
 *   uvshm__aW_is(p, v)                  1: load_relaxed(p) == v
 *   uvshm__aW_store_{relaxed,release,seq_cst}(p, v)
 *   uvshm__aW_xchg(p, v)                acquire and release; the old value
 *   uvshm__aW_cas(p, expected, desired) acquire and release; 1 when it was done
 *   uvshm__aW_add(p, v), _or(p, v), _and(p, v)
 *                                       acquire and release; the old value
 *   uvshm__a32_xchg_seq_cst(p, v), uvshm__a64_cas_seq_cst(p, expected, desired)
 *                                       the same, and in the one order of all
 *                                       that is seq_cst
 * and for 16 bits, as arguments and results uint32_t:
 *   uvshm__a16_load_{relaxed,seq_cst}(p), uvshm__a16_store_release(p, v),
 *   uvshm__a16_cas_seq_cst(p, expected, desired)
 * and
 *   uvshm__fence_acquire(), _release(), _seq_cst(), _after_cas(), _compiler()
 *   uvshm__pause()                      in a spinning loop
 */

#ifndef UVSHM_BASE_ATOMIC_H_
#define UVSHM_BASE_ATOMIC_H_

#include <stdint.h>

typedef struct {
  uint16_t value;
} uvshm__a16_t;

typedef struct {
  uint32_t value;
} uvshm__a32_t;

/* i386 aligns uint64_t to 4 inside structs; a segment is shared with 64-bit
 * processes, so the alignment is stated. */
typedef struct {
  _Alignas(8) uint64_t value;
} uvshm__a64_t;

_Static_assert(sizeof(uvshm__a16_t) == 2, "plain layout");
_Static_assert(sizeof(uvshm__a32_t) == 4, "plain layout");
_Static_assert(sizeof(uvshm__a64_t) == 8, "plain layout");
_Static_assert(_Alignof(uvshm__a64_t) == 8, "never split over two lines");

#if (defined(_MSC_VER) && !defined(__clang__)) ||                              \
    defined(UVSHM__FORCE_INTERLOCKED) || defined(UVSHM__MSVC_RULES)
# include "base/atomic_msvc.h"
#else
# include "base/atomic_gnu.h"
#endif

#endif /* UVSHM_BASE_ATOMIC_H_ */
