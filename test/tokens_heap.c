/* SPDX-License-Identifier: MIT */

/* A box that is a block, never changed: a new one is published for each change,
 * under a mutex, and the old one is freed. Its size changes with what is in it.
 */

#include "tokens.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
  uint64_t bits;
  uint64_t size; /* of the block */
  unsigned char filling[];
};

struct box {
  uvshm_mutex_t* mutex;
  uvshm_ref_t* slot;
};

static struct box* box_of(struct tokens* tokens, uint32_t box) {
  return tokens->boxes[box];
}


static int open_box(struct tokens* tokens, uint32_t index) {
  struct box* box = calloc(1, sizeof(*box));
  char name[32];
  int err;

  if (box == NULL) return UV_ENOMEM;
  tokens->boxes[index] = box;
  snprintf(name, sizeof(name), "heap box %u", (unsigned int) index);
  err = uvshm_mutex_open(&box->mutex, tokens->segment, name, NULL);
  if (err < 0) return err;
  snprintf(name, sizeof(name), "heap list %u", (unsigned int) index);
  return uvshm_heap_root(tokens->segment, name, &box->slot);
}


static void close_box(struct tokens* tokens, uint32_t index) {
  struct box* box = box_of(tokens, index);

  if (box == NULL) return;
  uvshm_mutex_close(box->mutex);
  free(box);
}


/* What is published; the mutex is held. NULL: nothing, or a list that cannot
 * be. */
static const struct list* read_list(struct tokens* tokens, struct box* box) {
  uvshm_ref_t ref = uvshm_heap_get(box->slot);
  const struct list* list =
      uvshm_heap_pointer(tokens->segment, ref, sizeof(*list));
  uint64_t i;

  if (list == NULL) return NULL;
  if (uvshm_heap_pointer(tokens->segment, ref, (size_t) list->size) == NULL)
    return NULL;
  for (i = 0; i < list->size - sizeof(*list); i++)
    if (list->filling[i] != (unsigned char) list->bits) {
      fprintf(stderr, "a block that was published is not whole\n");
      return NULL;
    }
  return list;
}


static int has(struct tokens* tokens, uint32_t index, uint32_t token) {
  struct box* box = box_of(tokens, index);
  const struct list* list;
  int found;

  if (uvshm_mutex_lock(box->mutex, TEST_PATIENCE_MS) < 0) return 0;
  list = read_list(tokens, box);
  found = list != NULL && (list->bits >> token & 1) != 0;
  return uvshm_mutex_unlock(box->mutex) == 0 && found;
}


static int replace(struct tokens* tokens, struct box* box, uint64_t bits) {
  uint64_t size = sizeof(struct list) + bits % 1009;
  struct list* list;
  void* block;
  void* old = NULL;
  int err = uvshm_heap_alloc(tokens->segment, &block, (size_t) size, 0);

  if (err < 0) return err;
  list = block;
  list->bits = bits;
  list->size = size;
  memset(list->filling, (unsigned char) bits, (size_t) (size - sizeof(*list)));
  err = uvshm_heap_publish(tokens->segment, box->slot, block, &old);
  if (err < 0) {
    (void) uvshm_heap_free(tokens->segment, block);
    return err;
  }
  return uvshm_heap_free(tokens->segment, old);
}


static int change(struct tokens* tokens,
                  uint32_t index,
                  uint32_t token,
                  int put) {
  struct box* box = box_of(tokens, index);
  uint64_t bit = UINT64_C(1) << token;
  const struct list* list;
  uint64_t bits;
  int err = uvshm_mutex_lock(box->mutex, TEST_PATIENCE_MS);

  if (err < 0) return err;
  list = read_list(tokens, box);
  bits = list != NULL ? list->bits : 0;
  err = replace(tokens, box, put ? bits | bit : bits & ~bit);
  if (uvshm_mutex_unlock(box->mutex) < 0) return UV_EPERM;
  return err;
}


static int put(struct tokens* tokens, uint32_t index, uint32_t token) {
  return change(tokens, index, token, 1);
}


static int take_out(struct tokens* tokens, uint32_t index, uint32_t token) {
  return change(tokens, index, token, 0);
}

const struct box_kind box_heap = {open_box, close_box, has, put, take_out};
