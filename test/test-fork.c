/* SPDX-License-Identifier: MIT */

/* fork() without exec(): the child's use of a parent's handle is refused until
 * it rejoins, and then it is a peer of its own at the same address. Children
 * report by their exit code and never assert. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST(sentence) static void sentence(void** state)

/* In a child: the number of the step that failed is the exit code. */
#define STEP(n, condition)                                                     \
 if (!(condition)) _exit(n)


static int status_of(pid_t pid) {
  int status;

  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}


static uvshm_region_t* make_region(const char* name) {
  uvshm_region_options_t options;
  uvshm_region_t* region = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4096;
  options.max_size = 1 << 20;
  if (uvshm_region_open(&region, name, &options) < 0)
    fail_msg("%s", uvshm_error_detail());
  return region;
}


TEST(fork_child_is_refused_until_it_rejoins) {
  uvshm_region_t* region = make_region(test_name("region"));
  void* base = uvshm_region_base(region);
  uvshm_region_info_t info;
  pid_t pid = fork();

  (void) state;
  if (pid == 0) {
    STEP(1, uvshm_region_info(region, &info) == UV_ENOTCONN);
    STEP(2, uvshm_region_grow(region, 8192) == UV_ENOTCONN);
    STEP(3, uvshm_region_rejoin(region) == 0);
    STEP(4, uvshm_region_base(region) == base);
    STEP(5, uvshm_region_info(region, &info) == 0 && info.peers == 2);
    STEP(6, uvshm_region_rejoin(region) == 0);
    STEP(7, uvshm_region_grow(region, 8192) == 0);
    strcpy(base, "from the child");
    uvshm_region_close(region);
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_string_equal(base, "from the child");
  assert_int_equal(uvshm_region_size(region), 8192);
  assert_int_equal(uvshm_region_info(region, &info), 0);
  assert_int_equal(info.peers, 1);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_child_that_closes_leaves_the_parents_peer_alone) {
  const char* name = test_name("close");
  uvshm_region_t* region = make_region(name);
  uvshm_region_t* other;
  uvshm_region_info_t info;
  pid_t pid = fork();

  (void) state;
  if (pid == 0) {
    uvshm_region_close(region);
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_int_equal(uvshm_region_info(region, &info), 0);
  assert_int_equal(info.peers, 1);
  assert_int_equal(uvshm_region_open(&other, name, NULL), 0);
  uvshm_region_close(other);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_children_do_not_keep_a_dead_parents_slot) {
  const char* name = test_name("orphan");
  uvshm_region_t* region;
  int pipes[2];
  pid_t parent;
  pid_t child = 0;
  int err;

  (void) state;
  assert_int_equal(pipe(pipes), 0);
  parent = fork();
  if (parent == 0) {
    region = make_region(name);
    child = fork();
    if (child == 0) {
      /* It runs, so its fork handlers have. */
      child = getpid();
      STEP(1, write(pipes[1], &child, sizeof(child)) == sizeof(child));
    }
    pause();
    _exit(0);
  }
  close(pipes[1]);
  assert_int_equal(read(pipes[0], &child, sizeof(child)), sizeof(child));
  kill(parent, SIGKILL);
  assert_int_equal(status_of(parent), -SIGKILL);
  err = uvshm_region_open(&region, name, NULL);
  kill(child, SIGKILL);
  assert_int_equal(err, UV_ENOENT);
  close(pipes[0]);
  assert_int_equal(uvshm_name_gc(name, 0), 0);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_child_rejoins_an_anonymous_region) {
  uvshm_region_t* region = make_region(NULL);
  char* base = uvshm_region_base(region);
  pid_t pid = fork();

  (void) state;
  if (pid == 0) {
    STEP(1, uvshm_region_rejoin(region) == 0);
    strcpy(base, "seen");
    STEP(2, uvshm_region_grow(region, 500000) == 0);
    base[499999] = 'x';
    uvshm_region_close(region);
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_string_equal(base, "seen");
  assert_int_equal(base[499999], 'x');
  uvshm_region_close(region);
}


TEST(fork_child_rejoins_a_segment_and_its_locks) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  uvshm_mutex_t* held;
  pid_t pid;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  assert_int_equal(uvshm_segment_open(&segment, test_name("seg"), &options), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  assert_int_equal(uvshm_mutex_open(&held, segment, "held", NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(uvshm_mutex_lock(held, 0), 0);
  pid = fork();
  if (pid == 0) {
    STEP(1, uvshm_mutex_lock(mutex, 0) == UV_ENOTCONN);
    STEP(2, uvshm_mutex_unlock(held) == UV_ENOTCONN);
    STEP(3, uvshm_segment_rejoin(segment) == 0);
    STEP(4, uvshm_mutex_unlock(held) == UV_EPERM);
    STEP(5, uvshm_mutex_lock(held, 0) == UV_EBUSY);
    STEP(6, uvshm_mutex_lock(mutex, 0) == 0);
    raise(SIGKILL); /* an owner that dies */
  }
  assert_int_equal(status_of(pid), -SIGKILL);
  assert_int_equal(uvshm_mutex_lock(mutex, 5000), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(uvshm_mutex_unlock(held), 0);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_mutex_close(held);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


/* A child that opens the mutex itself, takes it and then does `end`. */
static void owner_ends(const char* name, void (*end)(void), pid_t* pid) {
  int pipes[2];
  char byte;
  uvshm_mutex_t* mutex;

  assert_int_equal(pipe(pipes), 0);
  *pid = fork();
  if (*pid == 0) {
    STEP(1, uvshm_mutex_open(&mutex, NULL, name, NULL) == 0);
    STEP(2, uvshm_mutex_lock(mutex, 1000) == 0);
    STEP(3, write(pipes[1], "x", 1) == 1);
    end();
    _exit(4);
  }
  assert_int_equal(read(pipes[0], &byte, 1), 1);
  close(pipes[0]);
  close(pipes[1]);
}


static void end_by_exec(void) {
  execlp("sleep", "sleep", "10", (char*) NULL);
}


static void end_by_signal(void) {
  raise(SIGKILL);
}


TEST(fork_owner_that_becomes_another_program_is_dead) {
  const char* name = test_name("exec");
  uvshm_mutex_t* mutex;
  pid_t pid;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  owner_ends(name, end_by_exec, &pid);
  assert_int_equal(uvshm_mutex_lock(mutex, 5000), UVSHM_OWNER_DIED);
  assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* the process lives on */
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  kill(pid, SIGKILL);
  assert_int_equal(status_of(pid), -SIGKILL);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_owner_that_nobody_has_waited_for_is_dead) {
  const char* name = test_name("zombie");
  uvshm_mutex_t* mutex;
  pid_t pid;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  owner_ends(name, end_by_signal, &pid);
  assert_int_equal(uvshm_mutex_lock(mutex, 5000), UVSHM_OWNER_DIED);
  assert_int_equal(kill(pid, 0), 0); /* a zombie has a pid still */
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(status_of(pid), -SIGKILL);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_child_rejoins_an_anonymous_segment) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  pid_t pid;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  assert_int_equal(uvshm_segment_open(&segment, NULL, &options), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  pid = fork();
  if (pid == 0) {
    STEP(1, uvshm_segment_rejoin(segment) == 0);
    STEP(2, uvshm_mutex_lock(mutex, 0) == 0);
    raise(SIGKILL);
  }
  assert_int_equal(status_of(pid), -SIGKILL);
  assert_int_equal(uvshm_mutex_lock(mutex, 5000), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
}


TEST(fork_child_rejoins_a_mutex_known_by_its_name) {
  uvshm_mutex_t* mutex;
  pid_t pid;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, test_name("alone"), NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  pid = fork();
  if (pid == 0) {
    STEP(1, uvshm_mutex_lock(mutex, 0) == UV_ENOTCONN);
    STEP(2, uvshm_mutex_rejoin(mutex) == 0);
    STEP(3, uvshm_mutex_lock(mutex, 0) == UV_EBUSY);
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


/* A writer that rejoins is one more writer; the parent's claim stays his. */
TEST(fork_child_rejoins_a_channel) {
  uvshm_channel_options_t options;
  uvshm_channel_t* channel;
  uvshm_channel_t* reader;
  uvshm_channel_info_t info;
  const char* name = test_name("channel");
  void* room;
  char bytes[8];
  size_t size = sizeof(bytes);
  pid_t pid;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CHANNEL_QUEUE | UVSHM_WRITER;
  assert_int_equal(uvshm_channel_open(&channel, NULL, name, &options), 0);
  options.flags = UVSHM_CHANNEL_QUEUE | UVSHM_READER;
  assert_int_equal(uvshm_channel_open(&reader, NULL, name, &options), 0);
  assert_int_equal(uvshm_channel_claim(channel, &room, 8, 0), 0);
  pid = fork();
  if (pid == 0) {
    STEP(1, uvshm_channel_send(channel, "x", 1, 0) == UV_ENOTCONN);
    STEP(2, uvshm_channel_commit(channel, room, 8) == UV_ENOTCONN);
    STEP(3, uvshm_channel_rejoin(channel) == 0);
    STEP(4, uvshm_channel_commit(channel, room, 8) == UV_EINVAL);
    STEP(5, uvshm_channel_send(channel, "child", 5, 0) == 0);
    STEP(6, uvshm_channel_info(channel, &info) == 0 && info.writers == 2);
    raise(SIGKILL);
  }
  assert_int_equal(status_of(pid), -SIGKILL);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 5000), 0);
  assert_int_equal(size, 5);
  assert_memory_equal(bytes, "child", 5);
  memcpy(room, "parent!", 8);
  assert_int_equal(uvshm_channel_commit(channel, room, 8), 0);
  size = sizeof(bytes);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 5000), 0);
  assert_string_equal(bytes, "parent!");
  uvshm_channel_close(reader);
  uvshm_channel_close(channel);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_child_rejoins_a_cell) {
  uvshm_cell_options_t options;
  uvshm_cell_t* cell;
  char bytes[8];
  size_t size = sizeof(bytes);
  pid_t pid;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.size = 8;
  assert_int_equal(uvshm_cell_open(&cell, NULL, test_name("cell"), &options),
                   0);
  assert_int_equal(uvshm_cell_write(cell, "parent", 6), 0);
  pid = fork();
  if (pid == 0) {
    STEP(1, uvshm_cell_write(cell, "child", 5) == UV_ENOTCONN);
    STEP(2, uvshm_cell_rejoin(cell) == 0);
    STEP(3, uvshm_cell_read(cell, bytes, &size, NULL) == 0 && size == 6);
    STEP(4, uvshm_cell_write(cell, "child", 5) == 0);
    raise(SIGKILL);
  }
  assert_int_equal(status_of(pid), -SIGKILL);
  assert_int_equal(uvshm_cell_read(cell, bytes, &size, NULL), 0);
  assert_int_equal(size, 5);
  assert_memory_equal(bytes, "child", 5);
  uvshm_cell_close(cell);
  assert_int_equal(test_leftovers(), 0);
}


/* The child's handles are of the map that was there before; it opens the one
 * that was made anew under the same name, in the same place. */
TEST(fork_child_has_open_what_was_made_anew) {
  uvshm_segment_options_t options;
  uvshm_object_info_t info;
  uvshm_segment_t* segment;
  uvshm_map_t* before;
  uvshm_map_t* map;
  uint32_t cursor = 0;
  int go[2];
  int done[2];
  char byte = 0;
  pid_t pid;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  assert_int_equal(pipe(go), 0);
  assert_int_equal(pipe(done), 0);
  assert_int_equal(uvshm_segment_open(&segment, test_name("anew"), &options),
                   0);
  assert_int_equal(uvshm_map_open(&before, segment, "map", NULL), 0);
  pid = fork();
  if (pid == 0) {
    close(go[1]);
    STEP(1, read(go[0], &byte, 1) == 1);
    STEP(2, uvshm_segment_rejoin(segment) == 0);
    STEP(3, uvshm_map_open(&map, segment, "map", NULL) == 0);
    STEP(4, uvshm_map_put(map, "k", 1, "v", 1) == 0);
    STEP(5, write(done[1], &byte, 1) == 1);
    STEP(6, read(go[0], &byte, 1) == 1);
    _exit(0);
  }
  assert_int_equal(uvshm_map_unlink(segment, "map", 0), 0);
  uvshm_map_close(before);
  close(go[0]);
  assert_int_equal(uvshm_map_open(&map, segment, "map", NULL), 0);
  assert_int_equal(write(go[1], &byte, 1), 1);
  close(done[1]);
  assert_int_equal(read(done[0], &byte, 1), 1);
  assert_int_equal(uvshm_segment_next(segment, &cursor, &info), 0);
  assert_int_equal(info.open, 2);
  assert_int_equal(write(go[1], &byte, 1), 1);
  assert_int_equal(status_of(pid), 0);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  close(go[1]);
  close(done[0]);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_child_has_no_part_in_the_parents_transaction) {
  uvshm_segment_options_t options;
  uvshm_mutex_options_t logged;
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  uvshm_txn_t txn;
  uvshm_txn_t mine;
  void* block;
  uint64_t* number;
  pid_t pid;

  (void) state;
  memset(&options, 0, sizeof(options));
  memset(&logged, 0, sizeof(logged));
  options.flags = UVSHM_CREATE;
  logged.log_size = 1024;
  assert_int_equal(uvshm_segment_open(&segment, test_name("txn"), &options), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", &logged), 0);
  assert_int_equal(uvshm_heap_calloc(segment, &block, 1, 64, 0), 0);
  number = block;
  assert_int_equal(uvshm_txn_begin(&txn, mutex, 0), 0);
  assert_int_equal(uvshm_txn_save(&txn, number, 8), 0);
  *number = 7;
  pid = fork();
  if (pid == 0) {
    STEP(1, uvshm_txn_save(&txn, number, 8) == UV_ENOTCONN);
    STEP(2, uvshm_txn_abort(&txn) == UV_ENOTCONN);
    STEP(3, uvshm_txn_begin(&mine, mutex, 0) == UV_ENOTCONN);
    STEP(4, uvshm_segment_rejoin(segment) == 0);
    STEP(5, uvshm_txn_abort(&txn) == UV_EINVAL);
    STEP(6, uvshm_txn_begin(&mine, mutex, 0) == UV_EBUSY);
    STEP(7, uvshm_txn_commit(&txn) == UV_EINVAL);
    STEP(8, *number == 7);
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_int_equal(*number, 7);
  assert_int_equal(uvshm_txn_abort(&txn), 0);
  assert_int_equal(*number, 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fork_child_is_refused_until_it_rejoins),
      cmocka_unit_test(fork_child_that_closes_leaves_the_parents_peer_alone),
      cmocka_unit_test(fork_children_do_not_keep_a_dead_parents_slot),
      cmocka_unit_test(fork_child_rejoins_an_anonymous_region),
      cmocka_unit_test(fork_child_rejoins_a_segment_and_its_locks),
      cmocka_unit_test(fork_owner_that_becomes_another_program_is_dead),
      cmocka_unit_test(fork_owner_that_nobody_has_waited_for_is_dead),
      cmocka_unit_test(fork_child_rejoins_an_anonymous_segment),
      cmocka_unit_test(fork_child_rejoins_a_mutex_known_by_its_name),
      cmocka_unit_test(fork_child_rejoins_a_channel),
      cmocka_unit_test(fork_child_rejoins_a_cell),
      cmocka_unit_test(fork_child_has_open_what_was_made_anew),
      cmocka_unit_test(fork_child_has_no_part_in_the_parents_transaction),
  };

  return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
