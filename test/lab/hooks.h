/* SPDX-License-Identifier: MIT */

/* Included before everything else in code that the lab watches (see
 * lab.cmake). Two ways to see a store:
 *
 *   S  -fsanitize=thread: the compiler calls a function at each load and store,
 *      plain or atomic, and tsan_runtime.c has these functions. Only what the C
 *      library does has to be led past us here.
 *   A  LAB_ATOMICS: for compilers that have no such switch, or have it taken
 *      already (sanitizers, MSVC, 32-bit x86). The functions of base/atomic.h
 *      are replaced. Core stores to shared memory in no other way; a test that
 *      does so is not seen to.
 */

#ifndef UVSHM_TEST_LAB_HOOKS_H_
#define UVSHM_TEST_LAB_HOOKS_H_

/* For core/peek.h, whose loads no sanitizer shall see, but we do. */
#define UVSHM__WATCHED 1

#include "store.h"

#include <string.h>

#undef memcpy
#undef memmove
#undef memset
#define memcpy(to, from, size) lab_memcpy(to, from, size)
#define memmove(to, from, size) lab_memmove(to, from, size)
#define memset(to, value, size) lab_memset(to, value, size)

#if defined(LAB_ATOMICS)
# include "base/atomic.h"

# define LAB_L(call, p) (lab_load(p, sizeof(*(p))), call)
# define LAB_S(call, p) (lab_store(p, sizeof(*(p))), call)

# define uvshm__a16_load_relaxed(p) LAB_L(uvshm__a16_load_relaxed(p), p)
# define uvshm__a16_load_seq_cst(p) LAB_L(uvshm__a16_load_seq_cst(p), p)
# define uvshm__a16_store_release(p, v) LAB_S(uvshm__a16_store_release(p, v), p)
# define uvshm__a16_cas_seq_cst(p, e, d)                                       \
  LAB_S(uvshm__a16_cas_seq_cst(p, e, d), p)
# define uvshm__a32_load_relaxed(p) LAB_L(uvshm__a32_load_relaxed(p), p)
# define uvshm__a32_load_acquire(p) LAB_L(uvshm__a32_load_acquire(p), p)
# define uvshm__a32_load_seq_cst(p) LAB_L(uvshm__a32_load_seq_cst(p), p)
# define uvshm__a32_store_relaxed(p, v) LAB_S(uvshm__a32_store_relaxed(p, v), p)
# define uvshm__a32_store_release(p, v) LAB_S(uvshm__a32_store_release(p, v), p)
# define uvshm__a32_store_seq_cst(p, v) LAB_S(uvshm__a32_store_seq_cst(p, v), p)
# define uvshm__a32_xchg(p, v) LAB_S(uvshm__a32_xchg(p, v), p)
# define uvshm__a32_xchg_seq_cst(p, v) LAB_S(uvshm__a32_xchg_seq_cst(p, v), p)
# define uvshm__a32_cas(p, e, d) LAB_S(uvshm__a32_cas(p, e, d), p)
# define uvshm__a32_add(p, v) LAB_S(uvshm__a32_add(p, v), p)
# define uvshm__a32_or(p, v) LAB_S(uvshm__a32_or(p, v), p)
# define uvshm__a32_and(p, v) LAB_S(uvshm__a32_and(p, v), p)
# define uvshm__a64_load_relaxed(p) LAB_L(uvshm__a64_load_relaxed(p), p)
# define uvshm__a64_load_acquire(p) LAB_L(uvshm__a64_load_acquire(p), p)
# define uvshm__a64_load_seq_cst(p) LAB_L(uvshm__a64_load_seq_cst(p), p)
# define uvshm__a64_store_relaxed(p, v) LAB_S(uvshm__a64_store_relaxed(p, v), p)
# define uvshm__a64_store_release(p, v) LAB_S(uvshm__a64_store_release(p, v), p)
# define uvshm__a64_store_seq_cst(p, v) LAB_S(uvshm__a64_store_seq_cst(p, v), p)
# define uvshm__a64_xchg(p, v) LAB_S(uvshm__a64_xchg(p, v), p)
# define uvshm__a64_cas(p, e, d) LAB_S(uvshm__a64_cas(p, e, d), p)
# define uvshm__a64_cas_seq_cst(p, e, d)                                       \
  LAB_S(uvshm__a64_cas_seq_cst(p, e, d), p)
# define uvshm__a64_add(p, v) LAB_S(uvshm__a64_add(p, v), p)
# define uvshm__a64_or(p, v) LAB_S(uvshm__a64_or(p, v), p)
# define uvshm__a64_and(p, v) LAB_S(uvshm__a64_and(p, v), p)
#endif

#endif /* UVSHM_TEST_LAB_HOOKS_H_ */
