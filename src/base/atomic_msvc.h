/* SPDX-License-Identifier: MIT */

/* The MSVC half of base/atomic.h: _Interlocked intrinsics.
 *
 * x86 and x64 order loads after loads and stores after everything before them,
 * so acquire and release only have to hold the compiler back; ARM64 needs a
 * dmb. Sequential consistency is the same on both: a full barrier stands
 * between a seq_cst store and whatever follows it, and each load is followed by
 * an acquire barrier. Every _Interlocked function is a full barrier.
 *
 * A plain volatile access is not used with MSVC: what it means depends on
 * /volatile:, and on 32-bit x86 MSVC splits a 64-bit one in two. The
 * __iso_volatile intrinsics are single accesses (on 32-bit x86 one SSE2 movq;
 * since Visual Studio 2019 16.7), and they never write, so a reader may have
 * mapped the page read-only. _mm_loadl_epi64() would look as good, but gcc and
 * clang turn it into two 32-bit loads.
 *
 * gcc compiles this half too (UVSHM__FORCE_INTERLOCKED, mingw), so that its
 * barriers and loops run in tests; it lacks the __iso_volatile intrinsics.
 */

#ifndef UVSHM_BASE_ATOMIC_MSVC_H_
#define UVSHM_BASE_ATOMIC_MSVC_H_

#ifndef UVSHM_BASE_ATOMIC_H_
# error "include base/atomic.h"
#endif

#include <intrin.h>

#if defined(_M_ARM64)
/* 0xB: inner shareable, loads and stores. 0x9: inner shareable, loads before
 * loads and stores. */
# define UVSHM__BARRIER_FULL() __dmb(0xB)
# define UVSHM__BARRIER_ACQUIRE() __dmb(0x9)
# define UVSHM__BARRIER_RELEASE() __dmb(0xB)
#else
# define UVSHM__BARRIER_FULL() uvshm__barrier_full()
# define UVSHM__BARRIER_ACQUIRE() _ReadWriteBarrier()
# define UVSHM__BARRIER_RELEASE() _ReadWriteBarrier()

/* A locked instruction on our own stack is cheaper than mfence. */
static inline void uvshm__barrier_full(void) {
  volatile long here = 0;

  (void) _InterlockedOr(&here, 0);
}
#endif

static inline void uvshm__fence_acquire(void) {
  UVSHM__BARRIER_ACQUIRE();
}


static inline void uvshm__fence_release(void) {
  UVSHM__BARRIER_RELEASE();
}


static inline void uvshm__fence_seq_cst(void) {
  UVSHM__BARRIER_FULL();
}


static inline void uvshm__fence_compiler(void) {
  _ReadWriteBarrier();
}


/* Full, for who has just made a compare-and-swap that worked out, which is a
 * full barrier already on some processors. */
static inline void uvshm__fence_after_cas(void) {
#if defined(_M_IX86) || defined(_M_X64)
  uvshm__fence_compiler();
#else
  uvshm__fence_seq_cst();
#endif
}


static inline void uvshm__pause(void) {
#if defined(_M_ARM64)
  __yield();
#else
  _mm_pause();
#endif
}

/* ---- single accesses, the one thing that gcc spells differently ---------- */

#if defined(__GNUC__)

static inline uint32_t uvshm__raw16_load(const uvshm__a16_t* p) {
  return *(const volatile uint16_t*) &p->value;
}


static inline void uvshm__raw16_store(uvshm__a16_t* p, uint32_t v) {
  *(volatile uint16_t*) &p->value = (uint16_t) v;
}


static inline uint32_t uvshm__raw32_load(const uvshm__a32_t* p) {
  return *(const volatile uint32_t*) &p->value;
}


static inline void uvshm__raw32_store(uvshm__a32_t* p, uint32_t v) {
  *(volatile uint32_t*) &p->value = v;
}

# if defined(__i386__)

/* What MSVC makes of the intrinsics. gcc knows xmm7 only when it may use it
 * itself. */
#  if defined(__SSE2__)
#   define UVSHM__XMM7 "xmm7"
#  else
#   define UVSHM__XMM7 "memory"
#  endif

static inline uint64_t uvshm__raw64_load(const uvshm__a64_t* p) {
  uint64_t v;

  __asm__ __volatile__("movq %1, %%xmm7\n\tmovq %%xmm7, %0"
                       : "=m"(v)
                       : "m"(*p)
                       : UVSHM__XMM7);
  return v;
}


static inline void uvshm__raw64_store(uvshm__a64_t* p, uint64_t v) {
  __asm__ __volatile__("movq %1, %%xmm7\n\tmovq %%xmm7, %0"
                       : "=m"(*p)
                       : "m"(v)
                       : UVSHM__XMM7);
}

# else

static inline uint64_t uvshm__raw64_load(const uvshm__a64_t* p) {
  return *(const volatile uint64_t*) &p->value;
}


static inline void uvshm__raw64_store(uvshm__a64_t* p, uint64_t v) {
  *(volatile uint64_t*) &p->value = v;
}

# endif

#else /* MSVC */

static inline uint32_t uvshm__raw16_load(const uvshm__a16_t* p) {
  return (uint16_t) __iso_volatile_load16((const volatile __int16*) &p->value);
}


static inline void uvshm__raw16_store(uvshm__a16_t* p, uint32_t v) {
  __iso_volatile_store16((volatile __int16*) &p->value, (__int16) v);
}


static inline uint32_t uvshm__raw32_load(const uvshm__a32_t* p) {
  return (uint32_t) __iso_volatile_load32((const volatile __int32*) &p->value);
}


static inline void uvshm__raw32_store(uvshm__a32_t* p, uint32_t v) {
  __iso_volatile_store32((volatile __int32*) &p->value, (__int32) v);
}


static inline uint64_t uvshm__raw64_load(const uvshm__a64_t* p) {
  return (uint64_t) __iso_volatile_load64((const volatile __int64*) &p->value);
}


static inline void uvshm__raw64_store(uvshm__a64_t* p, uint64_t v) {
  __iso_volatile_store64((volatile __int64*) &p->value, (__int64) v);
}

#endif

static inline volatile long* uvshm__long(uvshm__a32_t* p) {
  return (volatile long*) &p->value;
}


static inline volatile __int64* uvshm__int64(uvshm__a64_t* p) {
  return (volatile __int64*) &p->value;
}

/* ---- 16 bits ------------------------------------------------------------- */

static inline uint32_t uvshm__a16_load_relaxed(const uvshm__a16_t* p) {
  return uvshm__raw16_load(p);
}


static inline uint32_t uvshm__a16_load_seq_cst(const uvshm__a16_t* p) {
  uint32_t v;

  _ReadWriteBarrier();
  v = uvshm__raw16_load(p);
  UVSHM__BARRIER_ACQUIRE();
  return v;
}


static inline void uvshm__a16_store_release(uvshm__a16_t* p, uint32_t v) {
  UVSHM__BARRIER_RELEASE();
  uvshm__raw16_store(p, v);
}


static inline int uvshm__a16_cas_seq_cst(uvshm__a16_t* p,
                                         uint32_t expected,
                                         uint32_t desired) {
  return _InterlockedCompareExchange16((volatile short*) &p->value,
                                       (short) desired,
                                       (short) expected) == (short) expected;
}

/* ---- 32 bits ------------------------------------------------------------- */

static inline uint32_t uvshm__a32_load_relaxed(const uvshm__a32_t* p) {
  return uvshm__raw32_load(p);
}


static inline int uvshm__a32_is(const uvshm__a32_t* p, uint32_t v) {
  return uvshm__a32_load_relaxed(p) == v;
}


static inline uint32_t uvshm__a32_load_acquire(const uvshm__a32_t* p) {
  uint32_t v = uvshm__raw32_load(p);

  UVSHM__BARRIER_ACQUIRE();
  return v;
}


static inline uint32_t uvshm__a32_load_seq_cst(const uvshm__a32_t* p) {
  _ReadWriteBarrier();
  return uvshm__a32_load_acquire(p);
}


static inline void uvshm__a32_store_relaxed(uvshm__a32_t* p, uint32_t v) {
  uvshm__raw32_store(p, v);
}


static inline void uvshm__a32_store_release(uvshm__a32_t* p, uint32_t v) {
  UVSHM__BARRIER_RELEASE();
  uvshm__raw32_store(p, v);
}


static inline uint32_t uvshm__a32_xchg(uvshm__a32_t* p, uint32_t v) {
  return (uint32_t) _InterlockedExchange(uvshm__long(p), (long) v);
}


static inline uint32_t uvshm__a32_xchg_seq_cst(uvshm__a32_t* p, uint32_t v) {
  return uvshm__a32_xchg(p, v);
}


static inline void uvshm__a32_store_seq_cst(uvshm__a32_t* p, uint32_t v) {
  (void) uvshm__a32_xchg(p, v);
}


static inline int uvshm__a32_cas(uvshm__a32_t* p,
                                 uint32_t expected,
                                 uint32_t desired) {
  return _InterlockedCompareExchange(uvshm__long(p),
                                     (long) desired,
                                     (long) expected) == (long) expected;
}


static inline uint32_t uvshm__a32_add(uvshm__a32_t* p, uint32_t v) {
  return (uint32_t) _InterlockedExchangeAdd(uvshm__long(p), (long) v);
}


static inline uint32_t uvshm__a32_or(uvshm__a32_t* p, uint32_t v) {
  return (uint32_t) _InterlockedOr(uvshm__long(p), (long) v);
}


static inline uint32_t uvshm__a32_and(uvshm__a32_t* p, uint32_t v) {
  return (uint32_t) _InterlockedAnd(uvshm__long(p), (long) v);
}

/* ---- 64 bits ------------------------------------------------------------- */

static inline uint64_t uvshm__a64_load_relaxed(const uvshm__a64_t* p) {
  return uvshm__raw64_load(p);
}


static inline int uvshm__a64_is(const uvshm__a64_t* p, uint64_t v) {
  return uvshm__a64_load_relaxed(p) == v;
}


static inline uint64_t uvshm__a64_load_acquire(const uvshm__a64_t* p) {
  uint64_t v = uvshm__raw64_load(p);

  UVSHM__BARRIER_ACQUIRE();
  return v;
}


static inline uint64_t uvshm__a64_load_seq_cst(const uvshm__a64_t* p) {
  _ReadWriteBarrier();
  return uvshm__a64_load_acquire(p);
}


static inline void uvshm__a64_store_relaxed(uvshm__a64_t* p, uint64_t v) {
  uvshm__raw64_store(p, v);
}


static inline void uvshm__a64_store_release(uvshm__a64_t* p, uint64_t v) {
  UVSHM__BARRIER_RELEASE();
  uvshm__raw64_store(p, v);
}


static inline void uvshm__a64_store_seq_cst(uvshm__a64_t* p, uint64_t v) {
  uvshm__a64_store_release(p, v);
  UVSHM__BARRIER_FULL();
}


static inline int uvshm__a64_cas(uvshm__a64_t* p,
                                 uint64_t expected,
                                 uint64_t desired) {
  return _InterlockedCompareExchange64(
             uvshm__int64(p), (__int64) desired, (__int64) expected) ==
         (__int64) expected;
}


/* The intrinsic is in the one order anyway. */
static inline int uvshm__a64_cas_seq_cst(uvshm__a64_t* p,
                                         uint64_t expected,
                                         uint64_t desired) {
  return uvshm__a64_cas(p, expected, desired);
}

#if defined(_WIN64)

static inline uint64_t uvshm__a64_xchg(uvshm__a64_t* p, uint64_t v) {
  return (uint64_t) _InterlockedExchange64(uvshm__int64(p), (__int64) v);
}


static inline uint64_t uvshm__a64_add(uvshm__a64_t* p, uint64_t v) {
  return (uint64_t) _InterlockedExchangeAdd64(uvshm__int64(p), (__int64) v);
}


static inline uint64_t uvshm__a64_or(uvshm__a64_t* p, uint64_t v) {
  return (uint64_t) _InterlockedOr64(uvshm__int64(p), (__int64) v);
}


static inline uint64_t uvshm__a64_and(uvshm__a64_t* p, uint64_t v) {
  return (uint64_t) _InterlockedAnd64(uvshm__int64(p), (__int64) v);
}

#else /* 32-bit x86 has the compare-and-exchange alone */

static inline uint64_t uvshm__a64_xchg(uvshm__a64_t* p, uint64_t v) {
  uint64_t old;

  do old = uvshm__raw64_load(p);
  while (!uvshm__a64_cas(p, old, v));
  return old;
}


static inline uint64_t uvshm__a64_add(uvshm__a64_t* p, uint64_t v) {
  uint64_t old;

  do old = uvshm__raw64_load(p);
  while (!uvshm__a64_cas(p, old, old + v));
  return old;
}


static inline uint64_t uvshm__a64_or(uvshm__a64_t* p, uint64_t v) {
  uint64_t old;

  do old = uvshm__raw64_load(p);
  while (!uvshm__a64_cas(p, old, old | v));
  return old;
}


static inline uint64_t uvshm__a64_and(uvshm__a64_t* p, uint64_t v) {
  uint64_t old;

  do old = uvshm__raw64_load(p);
  while (!uvshm__a64_cas(p, old, old & v));
  return old;
}

#endif /* _WIN64 */

#endif /* UVSHM_BASE_ATOMIC_MSVC_H_ */
