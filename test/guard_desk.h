/* SPDX-License-Identifier: MIT */

/* What the tests of UVSHM_GUARD have in common: objects, the files they lie in,
 * and the cut. */

#ifndef UVSHM_TEST_GUARD_DESK_H_
#define UVSHM_TEST_GUARD_DESK_H_

#include "harness.h"

#include "uvshm.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEST(sentence) static void sentence(void** state)

/* In a program that is built with it, ThreadSanitizer's runtime does the atomic
 * operations, and has a lock of its own while it does. A fault in there calls
 * the handler, whose atomic operations wait for that lock. */
#if defined(__SANITIZE_THREAD__)
# define UNDER_TSAN 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define UNDER_TSAN 1
# endif
#endif
#ifndef UNDER_TSAN
# define UNDER_TSAN 0
#endif

#define SIZE (1u << 20)
#define CONTROL (64u << 10)


static inline uvshm_region_t* open_region(const char* name, uint32_t flags) {
  uvshm_region_options_t options;
  uvshm_region_t* region = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = flags & UVSHM_CREATE ? SIZE : 0;
  err = uvshm_region_open(&region, name, &options);
  if (err < 0) fprintf(stderr, "%s\n", uvshm_strerror(err));
  return region;
}


static inline uvshm_segment_t* open_segment(const char* name, uint32_t flags) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = SIZE;
  err = uvshm_segment_open(&segment, name, &options);
  if (err < 0) fprintf(stderr, "%s\n", uvshm_strerror(err));
  return segment;
}


static inline void path_of(const uvshm_region_t* region,
                           char* path,
                           size_t size) {
  uvshm_region_info_t info;

  path[0] = '\0';
  if (uvshm_region_info(region, &info) < 0) return;
  snprintf(path, size, "%s", info.system_name);
}


static inline void cut(const char* path, off_t size) {
  if (truncate(path, size) != 0) fprintf(stderr, "%s: cannot cut\n", path);
}


/* A sanitizer's handler would make another end of it. */
static inline void by_default(void) {
  signal(SIGBUS, SIG_DFL);
}


static inline uint64_t sum(const volatile unsigned char* bytes, size_t size) {
  uint64_t total = 0;
  size_t i;

  for (i = 0; i < size; i += 512) total += bytes[i];
  return total;
}


static inline int is_over(uint64_t since) {
  return test_now_ms() - since > TEST_PATIENCE_MS;
}

#endif /* UVSHM_TEST_GUARD_DESK_H_ */
