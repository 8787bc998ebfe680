/* SPDX-License-Identifier: MIT */

/* ours.c */
#include <stdio.h>
#include <uvshm.h>

/* The same number, and the same lock: theirs.c does not notice. */
int main(void) {
  uvshm_region_options_t options = {
      .flags = UVSHM_CREATE | UVSHM_REGION_FOREIGN, .size = sizeof(int32_t)};
  uvshm_mutex_options_t native = {.flags = UVSHM_MUTEX_NATIVE};
  uvshm_region_t* region = NULL;
  uvshm_mutex_t* lock = NULL;
  int32_t* count;
  int err = uvshm_region_open(&region, "Local\\coming-from", &options);

  if (err == 0)
    err = uvshm_mutex_open(&lock, NULL, "Local\\coming-from.lock", &native);
  if (err == 0) err = uvshm_mutex_lock(lock, 5000);
  if (err < 0) {
    fprintf(stderr, "%s\n", uvshm_strerror(err));
    return 1;
  }
  if (err == UVSHM_OWNER_DIED) puts("its owner died");
  count = uvshm_region_base(region);
  printf("ours: %d\n", (int) ++*count);
  fflush(stdout);
  uvshm_mutex_unlock(lock);
  getchar();
  uvshm_mutex_close(lock);
  uvshm_region_close(region);
  return 0;
}
