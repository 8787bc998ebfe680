/* SPDX-License-Identifier: MIT */

#include "segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>


uvshm_segment_t* test_segment(const char* name, uint32_t flags) {
  uvshm_segment_options_t options;
  uvshm_segment_t* opened = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = 1 << 20;
  options.max_size = 64 << 20;
  err = uvshm_segment_open(&opened, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return opened;
}


uvshm_region_t* test_region(const char* name, uint32_t flags, uint64_t size) {
  uvshm_region_options_t options;
  uvshm_region_t* region = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | flags;
  options.size = size;
  err = uvshm_region_open(&region, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return region;
}


int test_region_attach(uvshm_region_t** region,
                       const char* name,
                       uint32_t flags) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  return uvshm_region_open(region, name, &options);
}
