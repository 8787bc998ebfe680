/* SPDX-License-Identifier: MIT */

/* The functions that code compiled with -fsanitize=thread calls: not those of
 * ThreadSanitizer, but these, which tell the lab of each load and store. This
 * file itself is compiled without that switch.
 *
 * gcc and clang call them by the same names, apart from the compare-exchanges:
 * gcc has _strong and _weak, clang _val.
 */

#include "store.h"

#include <stdint.h>

#if defined(__clang__)
# pragma clang diagnostic ignored "-Wmissing-prototypes"
#elif defined(__GNUC__)
# pragma GCC diagnostic ignored "-Wmissing-prototypes"
#endif

/* The compiler's names are reserved ones, as they should be.
 * NOLINTBEGIN(bugprone-reserved-identifier) */

void __tsan_init(void) {
}


void __tsan_func_entry(void* caller) {
  (void) caller;
}


void __tsan_func_exit(void) {
}


void __tsan_read_range(void* p, unsigned long size) {
  lab_load(p, size);
}


void __tsan_write_range(void* p, unsigned long size) {
  lab_store(p, size);
}

#define PLAIN(size)                                                            \
 void __tsan_read##size(void* p) {                                             \
  lab_load(p, size);                                                           \
 }                                                                             \
 void __tsan_write##size(void* p) {                                            \
  lab_store(p, size);                                                          \
 }                                                                             \
 void __tsan_unaligned_read##size(void* p) {                                   \
  lab_load(p, size);                                                           \
 }                                                                             \
 void __tsan_unaligned_write##size(void* p) {                                  \
  lab_store(p, size);                                                          \
 }                                                                             \
 void __tsan_read_write##size(void* p) {                                       \
  lab_store(p, size);                                                          \
 }                                                                             \
 void __tsan_unaligned_read_write##size(void* p) {                             \
  lab_store(p, size);                                                          \
 }                                                                             \
 void __tsan_volatile_read##size(void* p) {                                    \
  lab_load(p, size);                                                           \
 }                                                                             \
 void __tsan_volatile_write##size(void* p) {                                   \
  lab_store(p, size);                                                          \
 }

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

/* One thread runs at a time here, so the strongest order is as good as any. */
#define FETCH(bits, op)                                                        \
 uint##bits##_t __tsan_atomic##bits##_fetch_##op(                              \
     volatile uint##bits##_t* p, uint##bits##_t v, int order) {                \
  (void) order;                                                                \
  lab_store(p, bits / 8);                                                      \
  return __atomic_fetch_##op(p, v, __ATOMIC_SEQ_CST);                          \
 }

#define ATOMIC(bits)                                                           \
 uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t* p,   \
                                           int order) {                        \
  (void) order;                                                                \
  lab_load(p, bits / 8);                                                       \
  return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                 \
 }                                                                             \
 void __tsan_atomic##bits##_store(                                             \
     volatile uint##bits##_t* p, uint##bits##_t v, int order) {                \
  (void) order;                                                                \
  lab_store(p, bits / 8);                                                      \
  __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                    \
 }                                                                             \
 uint##bits##_t __tsan_atomic##bits##_exchange(                                \
     volatile uint##bits##_t* p, uint##bits##_t v, int order) {                \
  (void) order;                                                                \
  lab_store(p, bits / 8);                                                      \
  return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                          \
 }                                                                             \
 int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t* p, \
                                                   uint##bits##_t* expected,   \
                                                   uint##bits##_t desired,     \
                                                   int order,                  \
                                                   int failed) {               \
  (void) order;                                                                \
  (void) failed;                                                               \
  lab_store(p, bits / 8);                                                      \
  return __atomic_compare_exchange_n(                                          \
      p, expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);            \
 }                                                                             \
 int __tsan_atomic##bits##_compare_exchange_weak(volatile uint##bits##_t* p,   \
                                                 uint##bits##_t* expected,     \
                                                 uint##bits##_t desired,       \
                                                 int order,                    \
                                                 int failed) {                 \
  return __tsan_atomic##bits##_compare_exchange_strong(                        \
      p, expected, desired, order, failed);                                    \
 }                                                                             \
 uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                    \
     volatile uint##bits##_t* p,                                               \
     uint##bits##_t expected,                                                  \
     uint##bits##_t desired,                                                   \
     int order,                                                                \
     int failed) {                                                             \
  (void) __tsan_atomic##bits##_compare_exchange_strong(                        \
      p, &expected, desired, order, failed);                                   \
  return expected;                                                             \
 }                                                                             \
 FETCH(bits, add)                                                              \
 FETCH(bits, sub)                                                              \
 FETCH(bits, and)                                                              \
 FETCH(bits, or)                                                               \
 FETCH(bits, xor)                                                              \
 FETCH(bits, nand)

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)


void __tsan_atomic_thread_fence(int order) {
  (void) order;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}


void __tsan_atomic_signal_fence(int order) {
  (void) order;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* NOLINTEND(bugprone-reserved-identifier) */
