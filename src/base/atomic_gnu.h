/* SPDX-License-Identifier: MIT */

/* The gcc, clang and mingw half of base/atomic.h: __atomic builtins.
 *
 * One case needs more than the builtins: a 64-bit load on 32-bit x86. There the
 * compilers may use cmpxchg8b, which writes and so faults on a read-only
 * mapping, or call libatomic, whose locks are private to a process. One SSE2
 * movq is a single access to aligned memory; it is written out below, for
 * stores too. Read-modify-write stays cmpxchg8b, which is right for that.
 */

#ifndef UVSHM_BASE_ATOMIC_GNU_H_
#define UVSHM_BASE_ATOMIC_GNU_H_

#ifndef UVSHM_BASE_ATOMIC_H_
# error "include base/atomic.h"
#endif

static inline void uvshm__fence_acquire(void) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
}


static inline void uvshm__fence_release(void) {
  __atomic_thread_fence(__ATOMIC_RELEASE);
}


static inline void uvshm__fence_seq_cst(void) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}


static inline void uvshm__fence_compiler(void) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}


/* Full, for who has just made a compare-and-swap that worked out, which is a
 * full barrier already on some processors. */
static inline void uvshm__fence_after_cas(void) {
#if defined(__i386__) || defined(__x86_64__)
  uvshm__fence_compiler();
#else
  uvshm__fence_seq_cst();
#endif
}


static inline void uvshm__pause(void) {
#if defined(__i386__) || defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  /* `yield` does nothing on most cores; isb takes as long as x86's pause. */
  __asm__ __volatile__("isb" ::: "memory");
#else
  uvshm__fence_compiler();
#endif
}

/* One instruction loads and compares, but compilers make two of an atomic load
 * and a comparison. */
#if defined(__x86_64__) && defined(__GCC_ASM_FLAG_OUTPUTS__)
# define UVSHM__COMPARES_MEMORY 1
#else
# define UVSHM__COMPARES_MEMORY 0
#endif

/* ---- 16 bits ------------------------------------------------------------- */

static inline uint32_t uvshm__a16_load_relaxed(const uvshm__a16_t* p) {
  return __atomic_load_n(&p->value, __ATOMIC_RELAXED);
}


static inline uint32_t uvshm__a16_load_seq_cst(const uvshm__a16_t* p) {
  return __atomic_load_n(&p->value, __ATOMIC_SEQ_CST);
}


static inline void uvshm__a16_store_release(uvshm__a16_t* p, uint32_t v) {
  __atomic_store_n(&p->value, (uint16_t) v, __ATOMIC_RELEASE);
}


static inline int uvshm__a16_cas_seq_cst(uvshm__a16_t* p,
                                         uint32_t expected,
                                         uint32_t desired) {
  uint16_t found = (uint16_t) expected;

  return __atomic_compare_exchange_n(&p->value,
                                     &found,
                                     (uint16_t) desired,
                                     0,
                                     __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST);
}

/* ---- 32 bits ------------------------------------------------------------- */

static inline uint32_t uvshm__a32_load_relaxed(const uvshm__a32_t* p) {
  return __atomic_load_n(&p->value, __ATOMIC_RELAXED);
}


static inline int uvshm__a32_is(const uvshm__a32_t* p, uint32_t v) {
#if UVSHM__COMPARES_MEMORY
  int same;

  __asm__ __volatile__("cmpl %2, %1" : "=@ccz"(same) : "m"(*p), "r"(v));
  return same;
#else
  return uvshm__a32_load_relaxed(p) == v;
#endif
}


static inline uint32_t uvshm__a32_load_acquire(const uvshm__a32_t* p) {
  return __atomic_load_n(&p->value, __ATOMIC_ACQUIRE);
}


static inline uint32_t uvshm__a32_load_seq_cst(const uvshm__a32_t* p) {
  return __atomic_load_n(&p->value, __ATOMIC_SEQ_CST);
}


static inline void uvshm__a32_store_relaxed(uvshm__a32_t* p, uint32_t v) {
  __atomic_store_n(&p->value, v, __ATOMIC_RELAXED);
}


static inline void uvshm__a32_store_release(uvshm__a32_t* p, uint32_t v) {
  __atomic_store_n(&p->value, v, __ATOMIC_RELEASE);
}


static inline void uvshm__a32_store_seq_cst(uvshm__a32_t* p, uint32_t v) {
  __atomic_store_n(&p->value, v, __ATOMIC_SEQ_CST);
}


static inline uint32_t uvshm__a32_xchg(uvshm__a32_t* p, uint32_t v) {
  return __atomic_exchange_n(&p->value, v, __ATOMIC_ACQ_REL);
}


static inline uint32_t uvshm__a32_xchg_seq_cst(uvshm__a32_t* p, uint32_t v) {
  return __atomic_exchange_n(&p->value, v, __ATOMIC_SEQ_CST);
}


static inline int uvshm__a32_cas(uvshm__a32_t* p,
                                 uint32_t expected,
                                 uint32_t desired) {
  return __atomic_compare_exchange_n(
      &p->value, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}


static inline uint32_t uvshm__a32_add(uvshm__a32_t* p, uint32_t v) {
  return __atomic_fetch_add(&p->value, v, __ATOMIC_ACQ_REL);
}


static inline uint32_t uvshm__a32_or(uvshm__a32_t* p, uint32_t v) {
  return __atomic_fetch_or(&p->value, v, __ATOMIC_ACQ_REL);
}


static inline uint32_t uvshm__a32_and(uvshm__a32_t* p, uint32_t v) {
  return __atomic_fetch_and(&p->value, v, __ATOMIC_ACQ_REL);
}

/* ---- 64 bits ------------------------------------------------------------- */

/* i386 aligns uint64_t to 4, and clang calls libatomic for what it believes to
 * be misaligned. The address of a uvshm__a64_t is a multiple of 8. */
typedef uint64_t uvshm__a64_bits_t __attribute__((__aligned__(8)));

static inline uvshm__a64_bits_t* uvshm__a64_bits(uvshm__a64_t* p) {
  return (uvshm__a64_bits_t*) &p->value;
}

#if defined(__i386__)

/* xmm7 is saved and restored by nobody, so it is named as used. The code is
 * spelled in memory operands, which needs no -msse2 from whoever builds us. */
# if defined(__SSE2__)
#  define UVSHM__XMM "xmm7"
# else
#  define UVSHM__XMM "memory"
# endif

static inline uint64_t uvshm__a64_load_relaxed(const uvshm__a64_t* p) {
  uint64_t v;

  __asm__ __volatile__("movq %1, %%xmm7\n\tmovq %%xmm7, %0"
                       : "=m"(v)
                       : "m"(*p)
                       : UVSHM__XMM);
  return v;
}


/* x86 orders loads after loads and stores after everything before them: the
 * compiler alone has to be told. */
static inline uint64_t uvshm__a64_load_acquire(const uvshm__a64_t* p) {
  uint64_t v = uvshm__a64_load_relaxed(p);

  uvshm__fence_compiler();
  return v;
}


static inline uint64_t uvshm__a64_load_seq_cst(const uvshm__a64_t* p) {
  uvshm__fence_compiler();
  return uvshm__a64_load_acquire(p);
}


static inline void uvshm__a64_store_relaxed(uvshm__a64_t* p, uint64_t v) {
  __asm__ __volatile__("movq %1, %%xmm7\n\tmovq %%xmm7, %0"
                       : "=m"(*p)
                       : "m"(v)
                       : UVSHM__XMM);
}


static inline void uvshm__a64_store_release(uvshm__a64_t* p, uint64_t v) {
  uvshm__fence_compiler();
  uvshm__a64_store_relaxed(p, v);
}


static inline void uvshm__a64_store_seq_cst(uvshm__a64_t* p, uint64_t v) {
  uvshm__a64_store_release(p, v);
  uvshm__fence_seq_cst();
}

#else /* !__i386__ */

static inline uint64_t uvshm__a64_load_relaxed(const uvshm__a64_t* p) {
  return __atomic_load_n(&p->value, __ATOMIC_RELAXED);
}


static inline uint64_t uvshm__a64_load_acquire(const uvshm__a64_t* p) {
  return __atomic_load_n(&p->value, __ATOMIC_ACQUIRE);
}


static inline uint64_t uvshm__a64_load_seq_cst(const uvshm__a64_t* p) {
  return __atomic_load_n(&p->value, __ATOMIC_SEQ_CST);
}


static inline void uvshm__a64_store_relaxed(uvshm__a64_t* p, uint64_t v) {
  __atomic_store_n(&p->value, v, __ATOMIC_RELAXED);
}


static inline void uvshm__a64_store_release(uvshm__a64_t* p, uint64_t v) {
  __atomic_store_n(&p->value, v, __ATOMIC_RELEASE);
}


static inline void uvshm__a64_store_seq_cst(uvshm__a64_t* p, uint64_t v) {
  __atomic_store_n(&p->value, v, __ATOMIC_SEQ_CST);
}

#endif /* __i386__ */

static inline int uvshm__a64_is(const uvshm__a64_t* p, uint64_t v) {
#if UVSHM__COMPARES_MEMORY
  int same;

  __asm__ __volatile__("cmpq %2, %1" : "=@ccz"(same) : "m"(*p), "r"(v));
  return same;
#else
  return uvshm__a64_load_relaxed(p) == v;
#endif
}


static inline uint64_t uvshm__a64_xchg(uvshm__a64_t* p, uint64_t v) {
  return __atomic_exchange_n(uvshm__a64_bits(p), v, __ATOMIC_ACQ_REL);
}


static inline int uvshm__a64_cas(uvshm__a64_t* p,
                                 uint64_t expected,
                                 uint64_t desired) {
  uvshm__a64_bits_t found = expected;

  return __atomic_compare_exchange_n(uvshm__a64_bits(p),
                                     &found,
                                     desired,
                                     0,
                                     __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE);
}


static inline int uvshm__a64_cas_seq_cst(uvshm__a64_t* p,
                                         uint64_t expected,
                                         uint64_t desired) {
  uvshm__a64_bits_t found = expected;

  return __atomic_compare_exchange_n(uvshm__a64_bits(p),
                                     &found,
                                     desired,
                                     0,
                                     __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST);
}


static inline uint64_t uvshm__a64_add(uvshm__a64_t* p, uint64_t v) {
  return __atomic_fetch_add(uvshm__a64_bits(p), v, __ATOMIC_ACQ_REL);
}


static inline uint64_t uvshm__a64_or(uvshm__a64_t* p, uint64_t v) {
  return __atomic_fetch_or(uvshm__a64_bits(p), v, __ATOMIC_ACQ_REL);
}


static inline uint64_t uvshm__a64_and(uvshm__a64_t* p, uint64_t v) {
  return __atomic_fetch_and(uvshm__a64_bits(p), v, __ATOMIC_ACQ_REL);
}

#endif /* UVSHM_BASE_ATOMIC_GNU_H_ */
