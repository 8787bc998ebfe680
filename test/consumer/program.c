/* SPDX-License-Identifier: MIT */

/* What a program of somebody else looks like: a region, a mutex by its name
 * alone, and libuv's codes. It uses these two headers and nothing else, so it
 * also shows what comes along with them (test/consumer/alone.cmake). */

#include <uvshm/mutex.h>
#include <uvshm/region.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>


static int with_lock(uvshm_region_t* region, uvshm_mutex_t* lock) {
  int err = uvshm_mutex_lock(lock, 5000);
  if (err < 0) return err;
  strcpy((char*) uvshm_region_base(region), "hello");
  return uvshm_mutex_unlock(lock);
}


int main(void) {
  uvshm_region_options_t options;
  uvshm_region_t* region;
  uvshm_mutex_t* lock;
  uv_timeval64_t now;
  char name[64];
  int err;

  if (uv_gettimeofday(&now) < 0) return 1;
  snprintf(name,
           sizeof(name),
           "consumer-%" PRIu64 "-%d",
           (uint64_t) now.tv_sec,
           (int) now.tv_usec);
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE;
  options.size = 4096;
  err = uvshm_region_open(&region, name, &options);
  if (err < 0) {
    fprintf(stderr, "region: %s\n", uv_strerror(err));
    return 1;
  }
  strcat(name, "-lock");
  err = uvshm_mutex_open(&lock, NULL, name, NULL);
  if (err == 0) {
    err = with_lock(region, lock);
    uvshm_mutex_close(lock);
  }
  if (err == 0 && strcmp((char*) uvshm_region_base(region), "hello") != 0)
    err = 1;
  uvshm_region_close(region);
  if (err != 0) {
    fprintf(stderr, "mutex: %s\n", uv_strerror(err));
    return 1;
  }
  printf("consumer: works, with libuv %s\n", uv_version_string());
  return 0;
}
