/* SPDX-License-Identifier: MIT */

#include "tokens.h"

#include "fake.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct box_kind* const kinds[BOXES] = {
    &box_txn, &box_heap, &box_map, &box_txn, &box_heap, &box_map};

static const char* because(const char* what) {
  static char text[600];

  snprintf(text, sizeof(text), "%s: %s", what, uvshm_error_detail());
  return text;
}

/* ---- opening ------------------------------------------------------------- */

static int open_board(struct tokens* tokens) {
  void* block;
  int err = uvshm_heap_root(tokens->segment, "moves", &tokens->board_slot);

  if (err < 0) return err;
  if (uvshm_heap_get(tokens->board_slot).offset == 0) {
    err = uvshm_heap_calloc(
        tokens->segment, &block, TOKEN_WORKERS, sizeof(uint64_t), 0);
    if (err < 0) return err;
    err = uvshm_heap_publish(tokens->segment, tokens->board_slot, block, NULL);
    if (err < 0) return err;
  }
  tokens->moves = uvshm_heap_pointer(tokens->segment,
                                     uvshm_heap_get(tokens->board_slot),
                                     TOKEN_WORKERS * sizeof(uint64_t));
  return tokens->moves != NULL ? 0 : UV_EPROTO;
}


static int open_locks(struct tokens* tokens) {
  char name[32];
  uint32_t i;
  int err = 0;

  for (i = 0; i < TOKEN_LOCKS && err >= 0; i++) {
    snprintf(name, sizeof(name), "token lock %u", (unsigned int) i);
    err = uvshm_mutex_open(&tokens->locks[i], tokens->segment, name, NULL);
  }
  return err;
}


static int open_all(struct tokens* tokens, const char* name, uint32_t flags) {
  uvshm_segment_options_t options;
  uint32_t i;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = 1 << 20;
  options.max_size = 8 << 20;
  err = uvshm_segment_open(&tokens->segment, name, &options);
  if (err >= 0) err = open_board(tokens);
  if (err >= 0) err = open_locks(tokens);
  for (i = 0; i < BOXES && err >= 0; i++) err = kinds[i]->open(tokens, i);
  return err;
}


const char* tokens_make(struct tokens* tokens, const char* name) {
  uint32_t token;

  memset(tokens, 0, sizeof(*tokens));
  if (open_all(tokens, name, UVSHM_CREATE | UVSHM_EXCLUSIVE) < 0)
    return because("cannot make the boxes");
  for (token = 0; token < TOKENS; token++)
    if (kinds[token % BOXES]->put(tokens, token % BOXES, token) < 0)
      return because("cannot put a token");
  return NULL;
}


void tokens_close(struct tokens* tokens) {
  uint32_t i;

  for (i = 0; i < BOXES; i++) kinds[i]->close(tokens, i);
  for (i = 0; i < TOKEN_LOCKS; i++) uvshm_mutex_close(tokens->locks[i]);
  uvshm_segment_close(tokens->segment);
}


uint64_t tokens_moves(const struct tokens* tokens, uint32_t worker) {
  return tokens->moves[worker % TOKEN_WORKERS];
}

/* ---- the oracle ---------------------------------------------------------- */

/* The first box from `from` on, round about, that has it; BOXES: none has. */
static uint32_t find(struct tokens* tokens, uint32_t from, uint32_t token) {
  uint32_t i;
  uint32_t box;

  for (i = 0; i < BOXES; i++) {
    box = (from + i) % BOXES;
    if (kinds[box]->has(tokens, box, token)) return box;
  }
  return BOXES;
}


const char* tokens_audit(struct tokens* tokens) {
  static char text[80];
  uint32_t token;

  for (token = 0; token < TOKENS; token++) {
    if (find(tokens, 0, token) != BOXES) continue;
    snprintf(text, sizeof(text), "token %u is lost", (unsigned int) token);
    return text;
  }
  return NULL;
}

/* ---- moving -------------------------------------------------------------- */

/* The token's lock is held. 0, or what is wrong. */
static const char* move_one(struct tokens* tokens, uint32_t token) {
  uint32_t from =
      find(tokens, (uint32_t) (fake_random(&tokens->random) % BOXES), token);
  uint32_t to = (uint32_t) (fake_random(&tokens->random) % BOXES);
  int err;

  if (from == BOXES) return "a token is lost";
  if (from == to) return NULL;
  err = kinds[to]->put(tokens, to, token);
  if (err == UV_ENOSPC) return NULL;
  if (err < 0) return because("put");
  err = kinds[from]->remove(tokens, from, token);
  if (err < 0 && err != UV_ENOSPC) return because("remove");
  return NULL;
}


static const char* move_any(struct tokens* tokens) {
  uint32_t token = (uint32_t) (fake_random(&tokens->random) % TOKENS);
  uvshm_mutex_t* lock = tokens->locks[token % TOKEN_LOCKS];
  const char* fault;
  int err = uvshm_mutex_lock(lock, TEST_PATIENCE_MS);

  if (err < 0) return because("lock");
  fault = move_one(tokens, token);
  err = uvshm_mutex_unlock(lock);
  if (fault == NULL && err < 0) fault = because("unlock");
  return fault;
}


int tokens_mover(int argc, char** argv) {
  struct tokens tokens;
  const char* fault = NULL;
  uint32_t worker;
  uint64_t turn;

  if (argc != 3) return 2;
  memset(&tokens, 0, sizeof(tokens));
  worker = (uint32_t) strtoul(argv[1], NULL, 10);
  tokens.random = strtoull(argv[2], NULL, 10) | 1;
  if (open_all(&tokens, argv[0], 0) < 0) {
    fault = because("cannot open");
    /* The parent has given up, and everything is gone. */
    fprintf(stderr, "mover %u: %s\n", (unsigned int) worker, fault);
    return 3;
  }
  for (turn = 0; fault == NULL; turn++) {
    fault = move_any(&tokens);
    /* With nothing locked, so that what the dead had comes back. */
    if (turn % 64 == 63) (void) !uvshm_segment_repair(tokens.segment, NULL);
    tokens.moves[worker % TOKEN_WORKERS]++;
  }
  fprintf(stderr, "mover %u: %s\n", (unsigned int) worker, fault);
  return 4;
}
