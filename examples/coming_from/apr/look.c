/* SPDX-License-Identifier: MIT */

/* look.c */
#include <stdio.h>
#include <uvshm.h>

/* look /ShM.0123456789abcdef: the first long of what APR made */
int main(int argc, char** argv) {
  uvshm_region_options_t options = {.flags =
                                        UVSHM_REGION_FOREIGN | UVSHM_READONLY};
  uvshm_region_t* region;
  const size_t* bytes;

  if (argc != 2) return 2;
  if (uvshm_region_open(&region, argv[1], &options) < 0) {
    fprintf(stderr, "%s\n", uvshm_error_detail());
    return 1;
  }
  bytes = uvshm_region_base(region); /* APR's own note: the size */
  printf("%d bytes, the first number is %ld\n",
         (int) bytes[0],
         *(const long*) (bytes + 1));
  uvshm_region_close(region);
  return 0;
}
