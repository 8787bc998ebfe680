/* SPDX-License-Identifier: MIT */

/* A program of somebody else: the package has headers and a library of one
 * version, and a map in a segment works. */

#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>


static int try_it(uvshm_segment_t* segment) {
  uvshm_map_t* map;
  char value[8];
  size_t size = sizeof(value);
  int err = uvshm_map_open(&map, segment, "map", NULL);

  if (err < 0) return err;
  err = uvshm_map_put(map, "key", 3, "value", 5);
  if (err == 0) err = uvshm_map_get(map, "key", 3, value, &size, NULL);
  if (err == 0 && (size != 5 || memcmp(value, "value", 5) != 0)) err = UV_EIO;
  uvshm_map_close(map);
  return err;
}


int main(void) {
  uvshm_segment_t* segment;
  uvshm_segment_options_t options;
  char name[64];
  uint64_t now = uv_hrtime();
  int err;

  if (uvshm_version() != UVSHM_VERSION_HEX) {
    fprintf(stderr, "the library is %s\n", uvshm_version_string());
    return 1;
  }
  snprintf(name, sizeof(name), "package-%llx", (unsigned long long) now);
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE;
  options.size = 1 << 16;
  err = uvshm_segment_open(&segment, name, &options);
  if (err == 0) {
    err = try_it(segment);
    if (err < 0) fprintf(stderr, "map: %s\n", uvshm_strerror(err));
    uvshm_segment_close(segment);
  } else {
    fprintf(stderr, "segment: %s\n", uvshm_strerror(err));
  }
  if (err < 0) return 1;
  printf(
      "uvshm %s with libuv %s\n", uvshm_version_string(), uv_version_string());
  return 0;
}
