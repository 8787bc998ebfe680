/* SPDX-License-Identifier: MIT */

/* Number, count and sum change together or not at all: one transaction. */

#include "stack.h"

#include <stdio.h>
#include <string.h>

#include <uv.h>

struct stack {
  uint64_t count;
  uint64_t sum;
  uint64_t numbers[STACK_ROOM];
};


/* The first process makes it; a root has it found by the others. */
static int find(stack_handle* stack,
                uvshm_segment_t* segment,
                const char* name) {
  uvshm_ref_t* root;
  void* block;
  int err = uvshm_heap_root(segment, name, &root);

  if (err == 0 && uvshm_heap_get(root).offset == 0) {
    err = uvshm_heap_calloc(segment, &block, 1, sizeof(struct stack), 0);
    if (err == 0) err = uvshm_heap_publish(segment, root, block, NULL);
  }
  if (err < 0) return err;
  stack->shared =
      uvshm_heap_pointer(segment, uvshm_heap_get(root), sizeof(struct stack));
  return stack->shared != NULL ? 0 : UV_EPROTO;
}


int stack_open(stack_handle* stack,
               uvshm_segment_t* segment,
               const char* name) {
  uvshm_mutex_options_t options;
  char mutex[100];
  int news;
  int err;

  memset(&options, 0, sizeof(options));
  options.log_size = 256;
  snprintf(mutex, sizeof(mutex), "%.80s's mutex", name);
  err = uvshm_mutex_open(&stack->mutex, segment, mutex, &options);
  if (err < 0) return err;
  /* Under its mutex, so that it is made once. */
  news = uvshm_mutex_lock(stack->mutex, UVSHM_FOREVER);
  err = news < 0 ? news : find(stack, segment, name);
  if (news >= 0 && uvshm_mutex_unlock(stack->mutex) < 0) err = UV_EPERM;
  if (err < 0) uvshm_mutex_close(stack->mutex);
  return err;
}


void stack_close(stack_handle* stack) {
  uvshm_mutex_close(stack->mutex);
}


int stack_push(stack_handle* stack, uint64_t number) {
  struct stack* shared = stack->shared;
  uvshm_txn_t txn;
  int err = uvshm_txn_begin(&txn, stack->mutex, UVSHM_FOREVER);

  if (err < 0) return err;
  err = shared->count < STACK_ROOM ? 0 : UV_ENOSPC;
  if (err == 0) err = uvshm_txn_save(&txn, shared, sizeof(*shared));
  if (err < 0) {
    (void) uvshm_txn_abort(&txn);
    return err;
  }
  shared->numbers[shared->count] = number;
  shared->sum += number;
  shared->count++;
  return uvshm_txn_commit(&txn);
}


int stack_pop(stack_handle* stack, uint64_t* number) {
  struct stack* shared = stack->shared;
  uvshm_txn_t txn;
  int err = uvshm_txn_begin(&txn, stack->mutex, UVSHM_FOREVER);

  if (err < 0) return err;
  err = shared->count != 0 ? 0 : UV_ENOENT;
  if (err == 0) err = uvshm_txn_save(&txn, shared, sizeof(*shared));
  if (err < 0) {
    (void) uvshm_txn_abort(&txn);
    return err;
  }
  shared->count--;
  *number = shared->numbers[shared->count];
  shared->sum -= *number;
  return uvshm_txn_commit(&txn);
}


int stack_sum(stack_handle* stack, uint64_t* count, uint64_t* sum) {
  const struct stack* shared = stack->shared;
  uint64_t total = 0;
  uint64_t i;
  int err = uvshm_mutex_lock(stack->mutex, UVSHM_FOREVER);

  if (err < 0) return err;
  *count = shared->count;
  *sum = shared->sum;
  for (i = 0; i < *count && i < STACK_ROOM; i++) total += shared->numbers[i];
  err = uvshm_mutex_unlock(stack->mutex);
  if (err == 0 && (total != *sum || *count > STACK_ROOM)) err = UV_EPROTO;
  return err;
}
