/* SPDX-License-Identifier: MIT */

/* Where instrumented code meets the lab. */

#ifndef UVSHM_TEST_LAB_STORE_H_
#define UVSHM_TEST_LAB_STORE_H_

#include <stddef.h>

/* `size` bytes at `place` are about to be stored, or loaded. */
void lab_store(const volatile void* place, size_t size);
void lab_load(const volatile void* place, size_t size);

/* Those of <string.h>, a store for each word. */
void* lab_memcpy(void* to, const void* from, size_t size);
void* lab_memmove(void* to, const void* from, size_t size);
void* lab_memset(void* to, int value, size_t size);

#endif /* UVSHM_TEST_LAB_STORE_H_ */
