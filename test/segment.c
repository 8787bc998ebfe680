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
