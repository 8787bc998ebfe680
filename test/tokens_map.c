/* SPDX-License-Identifier: MIT */

/* A box that is a map: a token is a key, and its value is some bytes that
 * follow from it, of a size that changes. */

#include "tokens.h"

#include "fake.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 700u

static int open_box(struct tokens* tokens, uint32_t index) {
  uvshm_map_options_t options;
  uvshm_map_t* map = NULL;
  char name[32];
  int err;

  memset(&options, 0, sizeof(options));
  options.shards = 2;
  snprintf(name, sizeof(name), "map box %u", (unsigned int) index);
  err = uvshm_map_open(&map, tokens->segment, name, &options);
  tokens->boxes[index] = map;
  return err;
}


static void close_box(struct tokens* tokens, uint32_t index) {
  uvshm_map_close(tokens->boxes[index]);
}


static int has(struct tokens* tokens, uint32_t index, uint32_t token) {
  unsigned char value[VALUE_MAX];
  size_t size = sizeof(value);
  size_t i;
  int err = uvshm_map_get(
      tokens->boxes[index], &token, sizeof(token), value, &size, NULL);

  if (err == UV_ENOENT) return 0;
  if (err < 0) {
    fprintf(stderr, "map get: %s\n", uvshm_error_detail());
    return 0;
  }
  for (i = 0; i < size; i++)
    if (value[i] != (unsigned char) (token + size)) {
      fprintf(stderr, "a value is torn\n");
      return 0;
    }
  return 1;
}


static int put(struct tokens* tokens, uint32_t index, uint32_t token) {
  unsigned char value[VALUE_MAX];
  size_t size = (size_t) (1 + fake_random(&tokens->random) % VALUE_MAX);

  memset(value, (unsigned char) (token + size), size);
  return uvshm_map_put(
      tokens->boxes[index], &token, sizeof(token), value, size);
}


/* Both ways. */
static int take_out(struct tokens* tokens, uint32_t index, uint32_t token) {
  unsigned char value[VALUE_MAX];
  size_t size = sizeof(value);

  if (fake_random(&tokens->random) % 2 == 0)
    return uvshm_map_remove(tokens->boxes[index], &token, sizeof(token));
  return uvshm_map_take(
      tokens->boxes[index], &token, sizeof(token), value, &size);
}

const struct box_kind box_map = {open_box, close_box, has, put, take_out};
