/* SPDX-License-Identifier: MIT */

/* A box that is a struct of one's own, changed in transactions: a bit for each
 * token, and the same bits once more, turned round, at the other end of it. */

#include "tokens.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bits {
  uint64_t bits;
  unsigned char between[200];
  uint64_t not_bits;
};

struct box {
  uvshm_mutex_t* mutex;
  struct bits* bits;
};

static struct box* box_of(struct tokens* tokens, uint32_t box) {
  return tokens->boxes[box];
}


static int find_bits(struct tokens* tokens, struct box* box, const char* name) {
  uvshm_ref_t* slot;
  void* block;
  int err = uvshm_heap_root(tokens->segment, name, &slot);

  if (err < 0) return err;
  if (uvshm_heap_get(slot).offset == 0) {
    err = uvshm_heap_calloc(tokens->segment, &block, 1, sizeof(*box->bits), 0);
    if (err < 0) return err;
    ((struct bits*) block)->not_bits = UINT64_MAX;
    err = uvshm_heap_publish(tokens->segment, slot, block, NULL);
    if (err < 0) return err;
  }
  box->bits = uvshm_heap_pointer(
      tokens->segment, uvshm_heap_get(slot), sizeof(*box->bits));
  return box->bits != NULL ? 0 : UV_EPROTO;
}


static int open_box(struct tokens* tokens, uint32_t index) {
  struct box* box = calloc(1, sizeof(*box));
  uvshm_mutex_options_t options;
  char name[32];
  int err;

  if (box == NULL) return UV_ENOMEM;
  tokens->boxes[index] = box;
  memset(&options, 0, sizeof(options));
  options.log_size = 256;
  snprintf(name, sizeof(name), "txn box %u", (unsigned int) index);
  err = uvshm_mutex_open(&box->mutex, tokens->segment, name, &options);
  if (err < 0) return err;
  snprintf(name, sizeof(name), "txn bits %u", (unsigned int) index);
  return find_bits(tokens, box, name);
}


static void close_box(struct tokens* tokens, uint32_t index) {
  struct box* box = box_of(tokens, index);

  if (box == NULL) return;
  uvshm_mutex_close(box->mutex);
  free(box);
}


static int is_whole(const struct bits* bits) {
  if (bits->bits == ~bits->not_bits) return 1;
  fprintf(stderr, "half a transaction\n");
  return 0;
}


static int has(struct tokens* tokens, uint32_t index, uint32_t token) {
  struct box* box = box_of(tokens, index);
  int found;

  if (uvshm_mutex_lock(box->mutex, TEST_PATIENCE_MS) < 0) return 0;
  found = is_whole(box->bits) && (box->bits->bits >> token & 1) != 0;
  return uvshm_mutex_unlock(box->mutex) == 0 && found;
}


static int change(struct tokens* tokens,
                  uint32_t index,
                  uint32_t token,
                  int put) {
  struct box* box = box_of(tokens, index);
  uint64_t bit = UINT64_C(1) << token;
  uvshm_txn_t txn;
  int err = uvshm_txn_begin(&txn, box->mutex, TEST_PATIENCE_MS);

  if (err < 0) return err;
  err = is_whole(box->bits)
            ? uvshm_txn_save(&txn, box->bits, sizeof(*box->bits))
            : UV_EPROTO;
  if (err < 0) {
    (void) uvshm_txn_abort(&txn);
    return err;
  }
  box->bits->bits ^= (box->bits->bits ^ (put ? bit : 0)) & bit;
  memset(box->bits->between, (int) token, sizeof(box->bits->between));
  box->bits->not_bits = ~box->bits->bits;
  return uvshm_txn_commit(&txn);
}


static int put(struct tokens* tokens, uint32_t index, uint32_t token) {
  return change(tokens, index, token, 1);
}


static int take_out(struct tokens* tokens, uint32_t index, uint32_t token) {
  return change(tokens, index, token, 0);
}

const struct box_kind box_txn = {open_box, close_box, has, put, take_out};
