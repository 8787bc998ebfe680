/* SPDX-License-Identifier: MIT */

/* look.c */
#include <stdio.h>
#include <uvshm.h>

/* look PATH: adds one to the number that Qt keeps behind this native key */
int main(int argc, char** argv) {
  uvshm_region_options_t options = {.flags = UVSHM_REGION_FOREIGN};
  uvshm_region_t* region;
  char name[1000];
  int* count;

  if (argc != 2) return 2;
  snprintf(name, sizeof name, "sysv:ftok=%s:81", argv[1]); /* 81 is 'Q' */
  if (uvshm_region_open(&region, name, &options) < 0) {
    fprintf(stderr, "%s\n", uvshm_error_detail());
    return 1;
  }
  count = uvshm_region_base(region);
  printf("ours: %d\n", ++*count);
  uvshm_region_close(region);
  return 0;
}
