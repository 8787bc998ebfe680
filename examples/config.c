/* SPDX-License-Identifier: MIT */

/* Settings that one process makes and all others see at once, without a file, a
 * server or a signal:
 *
 *   config NAME set greeting "good morning"
 *   config NAME get greeting
 *   config NAME watch greeting    prints it, and each new value; COUNT of them
 *   config NAME clear             away with all of it
 *
 * Reading takes no lock and makes no system call, so a program may look where
 * it needs a setting, as often as it likes, instead of keeping a copy. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>

static int die(int err) {
  fprintf(stderr, "config: %s\n", uvshm_strerror(err));
  return 1;
}


static int open_config(const char* name,
                       uvshm_segment_t** segment,
                       uvshm_map_t** map) {
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE | UVSHM_KEEP,
                                     .size = 1 << 18,
                                     .max_size = 1 << 24,
                                     .label = "config"};
  int err = uvshm_segment_open(segment, name, &options);
  if (err < 0) return err;
  err = uvshm_map_open(map, *segment, "settings", NULL);
  if (err < 0) uvshm_segment_close(*segment);
  return err;
}


static int set(uvshm_map_t* map, const char* key, const char* value) {
  return uvshm_map_put(map, key, strlen(key), value, strlen(value));
}


/* Prints the value, and tells its version: 0 when there is none. */
static int get(uvshm_map_t* map, const char* key, uint64_t* version) {
  void* value;
  size_t size;
  int err = uvshm_map_get_copy(map, key, strlen(key), &value, &size, version);
  if (err == UV_ENOENT) *version = 0;
  if (err < 0) return err;
  fwrite(value, 1, size, stdout);
  putchar('\n');
  fflush(stdout);
  uvshm_map_free(value);
  return 0;
}


/* What was set between two looks is not missed: the version says so. */
static int watch(uvshm_map_t* map, const char* key, unsigned long count) {
  uint64_t version;
  int err = get(map, key, &version);
  while (err == 0 || err == UV_ENOENT) {
    if (err == 0 && --count == 0) return 0;
    err = uvshm_map_wait_change(map, key, strlen(key), &version, UVSHM_FOREVER);
    if (err == 0) err = get(map, key, &version);
  }
  return err;
}


static int usage(void) {
  fprintf(stderr,
          "usage: config NAME set KEY VALUE | get KEY | watch KEY [COUNT] | "
          "clear\n");
  return 2;
}


int main(int argc, char** argv) {
  const char* verb = argc > 2 ? argv[2] : "";
  uvshm_segment_t* segment;
  uvshm_map_t* map;
  uint64_t version;
  int err;

  if (strcmp(verb, "clear") == 0 && argc == 3) {
    err = uvshm_segment_unlink(argv[1], 0);
    return err < 0 && err != UV_ENOENT ? die(err) : 0;
  }
  if (argc < 4) return usage();
  err = open_config(argv[1], &segment, &map);
  if (err < 0) return die(err);
  if (strcmp(verb, "set") == 0 && argc == 5)
    err = set(map, argv[3], argv[4]);
  else if (strcmp(verb, "get") == 0 && argc == 4)
    err = get(map, argv[3], &version);
  else if (strcmp(verb, "watch") == 0 && argc <= 5)
    err = watch(map, argv[3], argc == 5 ? strtoul(argv[4], NULL, 10) : 0);
  else
    usage();
  if (err < 0) die(err);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  return err < 0 ? 1 : 0;
}
