/* SPDX-License-Identifier: MIT */

/* What objects cost while nobody does anything with them. */

#ifndef UVSHM_BENCH_MEMORY_H_
#define UVSHM_BENCH_MEMORY_H_

/* Rows whose name has `only` in it. */
void bench_memory(const char* only);
void bench_memory_map(const char* only);

/* Fill a map up to ten million keys and write what a put costs on the way to
 * `path`, as a list of {"keys", "ns"}. The program's exit code. */
int bench_growth(const char* path);

#endif /* UVSHM_BENCH_MEMORY_H_ */
