/* SPDX-License-Identifier: MIT */

/* What writer.c and reader.c pass on. Types of fixed width and no pointers: the
 * two programs may have been built by different compilers, one for 32 bits. */

#ifndef EXAMPLE_REPORT_H_
#define EXAMPLE_REPORT_H_

#include <stdint.h>

struct report {
  int64_t station;
  int32_t year;
  uint32_t count; /* how many of the samples below */
  double samples[8];
  double mean;
  char text[64];
};

#endif /* EXAMPLE_REPORT_H_ */
