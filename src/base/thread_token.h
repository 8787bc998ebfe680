/* SPDX-License-Identifier: MIT */

/* A number that no other living thread of this process has, never 0, for one
 * load: where the thread keeps its own things. A thread-local variable has such
 * an address too, but in a shared library finding it is a call. */

#ifndef UVSHM_BASE_THREAD_TOKEN_H_
#define UVSHM_BASE_THREAD_TOKEN_H_

#include "base/thread_local.h"

#include <stdint.h>

#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
# include <intrin.h>
#endif

/* Only its address counts. */
extern UVSHM__THREAD_LOCAL char uvshm__thread_mark;

static inline uint64_t uvshm__thread_token(void) {
#if defined(_MSC_VER) && defined(_M_X64)
  return __readgsqword(0x30); /* the thread's block, by its own word for it */
#elif defined(_MSC_VER) && defined(_M_IX86)
  return __readfsdword(0x18);
#elif defined(__x86_64__) && defined(_WIN64) && defined(__GNUC__)
  uint64_t token;

  __asm__("movq %%gs:0x30, %0" : "=r"(token));
  return token;
#elif defined(__x86_64__) && defined(__linux__) && defined(__LP64__)
  uint64_t token;

  __asm__("movq %%fs:0, %0" : "=r"(token));
  return token;
#elif defined(__aarch64__) && defined(__linux__)
  uint64_t token;

  __asm__("mrs %0, tpidr_el0" : "=r"(token));
  return token;
#else
  return (uint64_t) (uintptr_t) &uvshm__thread_mark;
#endif
}

#endif /* UVSHM_BASE_THREAD_TOKEN_H_ */
