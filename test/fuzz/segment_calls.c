/* SPDX-License-Identifier: MIT */

/* Calls of segments, mutexes and semaphores. Their results do not matter: that
 * they return does. */

#include "fuzz/segment.h"

#include <string.h>


static void open_mutex(struct fuzz_segment* world, struct fuzz_input* input) {
  static const char* const names[] = {"mutex", "sem", "other", "one more"};
  uvshm_mutex_options_t options;

  memset(&options, 0, sizeof(options));
  options.timeout_ms = 1;
  options.log_size = fuzz_u8(input) & 1 ? 512 : 0;
  uvshm_mutex_close(world->mutex);
  world->mutex = NULL;
  world->in_txn = 0;
  (void) !uvshm_mutex_open(
      &world->mutex, world->segment, names[fuzz_u8(input) % 4], &options);
}


static void open_sem(struct fuzz_segment* world, struct fuzz_input* input) {
  static const char* const names[] = {"mutex", "sem", "other", "one more"};
  uvshm_sem_options_t options;

  memset(&options, 0, sizeof(options));
  options.timeout_ms = 1;
  options.value = fuzz_u8(input);
  uvshm_sem_close(world->sem);
  world->sem = NULL;
  (void) !uvshm_sem_open(
      &world->sem, world->segment, names[options.value % 4], &options);
}


static void lock(struct fuzz_segment* world, struct fuzz_input* input) {
  if (world->mutex == NULL) return;
  (void) !uvshm_mutex_lock(world->mutex, fuzz_u8(input) & 1);
}


static void unlock(struct fuzz_segment* world, struct fuzz_input* input) {
  (void) input;
  if (world->mutex != NULL) (void) !uvshm_mutex_unlock(world->mutex);
}


static void look_at_mutex(struct fuzz_segment* world,
                          struct fuzz_input* input) {
  uvshm_mutex_info_t info;

  (void) input;
  if (world->mutex != NULL) (void) !uvshm_mutex_info(world->mutex, &info);
}


static void use_sem(struct fuzz_segment* world, struct fuzz_input* input) {
  uvshm_sem_info_t info;

  if (world->sem == NULL) return;
  (void) !uvshm_sem_post(world->sem, 1 + fuzz_u8(input));
  (void) !uvshm_sem_wait(world->sem, fuzz_u8(input) & 1);
  (void) !uvshm_sem_info(world->sem, &info);
}


static void unlink_it(struct fuzz_segment* world, struct fuzz_input* input) {
  if (fuzz_u8(input) & 1)
    (void) !uvshm_mutex_unlink(world->segment, "mutex", 0);
  else
    (void) !uvshm_sem_unlink(world->segment, "sem", 0);
}


static void list(struct fuzz_segment* world, struct fuzz_input* input) {
  uvshm_segment_info_t info;
  uvshm_object_info_t object;
  uvshm_peer_info_t peer;
  uint32_t cursor = 0;

  (void) input;
  (void) !uvshm_segment_info(world->segment, &info);
  while (uvshm_segment_next(world->segment, &cursor, &object) == 0) continue;
  cursor = 0;
  while (uvshm_segment_peer(world->segment, &cursor, &peer) == 0) continue;
}


static void check(struct fuzz_segment* world, struct fuzz_input* input) {
  (void) input;
  (void) !uvshm_segment_check(world->segment);
}


static void repair(struct fuzz_segment* world, struct fuzz_input* input) {
  uint32_t repaired;

  (void) input;
  (void) !uvshm_segment_repair(world->segment, &repaired);
}


static void grow(struct fuzz_segment* world, struct fuzz_input* input) {
  (void) !uvshm_segment_grow(world->segment, fuzz_number(input));
}


static void sync_it(struct fuzz_segment* world, struct fuzz_input* input) {
  (void) !uvshm_segment_sync(world->segment, fuzz_u8(input) & 1);
}

static const fuzz_segment_op ops[] = {
    open_mutex,
    open_sem,
    lock,
    unlock,
    look_at_mutex,
    use_sem,
    unlink_it,
    list,
    check,
    repair,
    grow,
    sync_it,
};

const struct fuzz_segment_table fuzz_segment_calls = {
    ops, sizeof(ops) / sizeof(ops[0])};
