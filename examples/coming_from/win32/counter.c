/* SPDX-License-Identifier: MIT */

/* counter.c */
#include <stdio.h>
#include <uvshm.h>

/* With nothing of Win32's in it: it runs on Linux, too, and counts on after its
 * last run has ended. */
int main(void) {
  uvshm_region_options_t options = {.flags = UVSHM_CREATE | UVSHM_KEEP,
                                    .size = sizeof(int32_t)};
  uvshm_region_t* region = NULL;
  uvshm_mutex_t* lock = NULL;
  int32_t* count;
  int err = uvshm_region_open(&region, "coming-from", &options);

  if (err == 0) err = uvshm_mutex_open(&lock, NULL, "coming-from.lock", NULL);
  if (err == 0) err = uvshm_mutex_lock(lock, 5000);
  if (err < 0) {
    fprintf(stderr, "%s\n", uvshm_strerror(err));
    return 1;
  }
  count = uvshm_region_base(region);
  printf("%d\n", (int) ++*count);
  uvshm_mutex_unlock(lock);
  uvshm_mutex_close(lock);
  uvshm_region_close(region);
  return 0;
}
