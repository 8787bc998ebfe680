/* SPDX-License-Identifier: MIT */

/* The real other side: a C program with the system's own calls, PHP, Python and
 * Boost, each a process of its own that makes, reads, writes and removes shared
 * memory in its way. They obey lines:
 *
 *   open KIND NAME SIZE   make it (SIZE 0: it is there): ok, or none
 *   size                  of it
 *   write OFFSET TEXT     ok
 *   read OFFSET SIZE      the text
 *   close, remove         ok
 *   quit
 *
 * and PHP also put, get and del, for the variables of shm_put_var().
 */

#ifndef UVSHM_TEST_OTHERS_H_
#define UVSHM_TEST_OTHERS_H_

#include "harness.h"

#include "uvshm.h"

#include <stdint.h>

/* How large what they share is. */
#define OTHER_BYTES 10000u

/* ---- who ----------------------------------------------------------------- */

/* The role of the C program, for test_spawn(). */
int other_role_c(int argc, char** argv);

/* 0: it is not installed, as was said. */
int other_start_php(struct test_process* php);
int other_start_python(struct test_process* python);
int other_start_boost(struct test_process* boost);

/* Say this line, and hear `wanted`. */
void other_ask(struct test_process* other,
               const char* wanted,
               const char* format,
               ...);
void other_quit(struct test_process* other);

/* ---- what they share ----------------------------------------------------- */

/* How both sides call one thing. */
struct other_names {
  const char* kind;   /* of the others' open */
  const char* theirs; /* their name */
  const char* ours;   /* uvshm's */
  uint32_t flags;
};

/* A name with a slash before it; a key that nobody else has, as text for both
 * sides. */
const char* other_shm_name(const char* stem);
void other_any_key(char number[32], char name[64]);

int other_open_ours(uvshm_region_t** region,
                    const struct other_names* names,
                    uint32_t flags,
                    uint64_t size);
uint32_t other_name_lost(const uvshm_region_t* region);

/* They make it and take the name away, then we do; both write. */
void other_both(struct test_process* other, const struct other_names* names);

#endif /* UVSHM_TEST_OTHERS_H_ */
