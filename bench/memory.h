/* SPDX-License-Identifier: MIT */

/* What objects cost while nobody does anything with them. */

#ifndef UVSHM_BENCH_MEMORY_H_
#define UVSHM_BENCH_MEMORY_H_

/* Rows whose name has `only` in it. */
void bench_memory(const char* only);

#endif /* UVSHM_BENCH_MEMORY_H_ */
