/* SPDX-License-Identifier: MIT */

/* <uvshm/crash.h> as a user has it: what is right is found right, and what is
 * wrong is found wrong. Two semaphores are the structure; they are to have the
 * same value whenever nobody holds the mutex. */

#include "uvshm.h"
#include "uvshm/crash.h"

#include <stdio.h>
#include <string.h>

struct pair {
  uvshm_mutex_t* mutex;
  uvshm_sem_t* left;
  uvshm_sem_t* right;
};

struct notes {
  struct pair pair; /* the actor's handles */
  int was_called;   /* put back after each trial */
};


static void open_pair(struct pair* pair, uvshm_segment_t* segment) {
  uvshm_mutex_options_t mutex;
  uvshm_sem_options_t sem;

  memset(&mutex, 0, sizeof(mutex));
  memset(&sem, 0, sizeof(sem));
  UVSHM_CRASH_REQUIRE(
      uvshm_mutex_open(&pair->mutex, segment, "mutex", &mutex) == 0);
  UVSHM_CRASH_REQUIRE(uvshm_sem_open(&pair->left, segment, "left", &sem) == 0);
  UVSHM_CRASH_REQUIRE(uvshm_sem_open(&pair->right, segment, "right", &sem) ==
                      0);
}


static void close_pair(struct pair* pair) {
  uvshm_sem_close(pair->right);
  uvshm_sem_close(pair->left);
  uvshm_mutex_close(pair->mutex);
}


static uint32_t value_of(uvshm_sem_t* sem) {
  uvshm_sem_info_t info;

  UVSHM_CRASH_REQUIRE(uvshm_sem_info(sem, &info) == 0);
  return info.value;
}


static void post(uvshm_sem_t* sem) {
  UVSHM_CRASH_REQUIRE(uvshm_sem_post(sem, 1) == 0);
}


static void before(uvshm_segment_t* segment, void* data) {
  struct notes* notes = data;

  open_pair(&notes->pair, segment);
}


static void post_both(uvshm_segment_t* segment, void* data) {
  struct notes* notes = data;

  (void) segment;
  if (uvshm_mutex_lock(notes->pair.mutex, 0) < 0) return;
  post(notes->pair.left);
  post(notes->pair.right);
  UVSHM_CRASH_REQUIRE(uvshm_mutex_unlock(notes->pair.mutex) == 0);
}


static void post_twice(uvshm_segment_t* segment, void* data) {
  post_both(segment, data);
  uvshm_crash_commit();
  post_both(segment, data);
}


/* The next owner is told, and makes them equal again. */
static void even_out(uvshm_segment_t* segment, void* data) {
  struct pair pair;
  int err;

  (void) data;
  open_pair(&pair, segment);
  err = uvshm_mutex_lock(pair.mutex, 0);
  UVSHM_CRASH_REQUIRE(err >= 0);
  while (value_of(pair.right) < value_of(pair.left)) post(pair.right);
  UVSHM_CRASH_REQUIRE(uvshm_mutex_unlock(pair.mutex) == 0);
  close_pair(&pair);
}


static void after(uvshm_segment_t* segment, void* data, uint32_t parts) {
  struct notes* notes = data;
  struct pair pair;
  uint32_t value;

  UVSHM_CRASH_REQUIRE(!notes->was_called);
  notes->was_called = 1;
  open_pair(&pair, segment);
  value = value_of(pair.left);
  UVSHM_CRASH_REQUIRE(value_of(pair.right) == value);
  UVSHM_CRASH_REQUIRE(value == parts || value == parts + 1);
  UVSHM_CRASH_REQUIRE(uvshm_mutex_lock(pair.mutex, 0) >= 0);
  UVSHM_CRASH_REQUIRE(uvshm_mutex_unlock(pair.mutex) == 0);
  close_pair(&pair);
}


static int prove(const char* name,
                 void (*run)(uvshm_segment_t*, void*),
                 void (*repair)(uvshm_segment_t*, void*),
                 uint32_t wrong) {
  struct notes notes;
  uvshm_crash_info_t info;
  uvshm_crash_t test;
  int err;

  memset(&notes, 0, sizeof(notes));
  memset(&test, 0, sizeof(test));
  test.name = name;
  test.data = &notes;
  test.data_size = sizeof(notes);
  test.before = before;
  test.run = run;
  test.repair = repair;
  test.after = after;
  err = uvshm_crash_check(&test, &info);
  if (err < 0 && info.wrong == 0) {
    fprintf(stderr, "%s: %s\n", name, uvshm_error_detail());
    return 1;
  }
  if (info.wrong != wrong || info.states < 4 || info.second < 4) {
    fprintf(stderr, "%s: %u are wrong, not %u\n", name, info.wrong, wrong);
    return 1;
  }
  return 0;
}


int main(void) {
  int failed = 0;

  failed += prove("post both", post_both, even_out, 0);
  failed += prove("post both twice", post_twice, even_out, 0);
  failed += prove("post both, not evened out", post_both, NULL, 1);
  return failed != 0;
}
