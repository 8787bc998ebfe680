/* SPDX-License-Identifier: MIT */

/* What is promised to make no system call and to read no clock makes none and
 * reads none. A child does it a thousand times under ptrace, between two
 * signals that it sends itself; the parent counts the stops of the child in
 * between, and subtracts those of the same signals with nothing between them.
 * The linker leads the library's calls of clock_gettime() past us; most of them
 * would make no system call. */

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TIMES 1000

static struct {
  uvshm_segment_t* segment;
  uvshm_mutex_t* inside;
  uvshm_mutex_t* alone;
  uvshm_sem_t* sem;
  uvshm_region_t* region;
  uvshm_channel_t* writers[3]; /* stream, queue, topic */
  uvshm_channel_t* readers[3];
  int clocks;
} child;

int __real_clock_gettime(clockid_t clock, struct timespec* time);
int __wrap_clock_gettime(clockid_t clock, struct timespec* time);


int __wrap_clock_gettime(clockid_t clock, struct timespec* time) {
  child.clocks++;
  return __real_clock_gettime(clock, time);
}

/* ---- in the child -------------------------------------------------------- */

static int open_channels(void) {
  static const uint32_t kinds[] = {
      UVSHM_CHANNEL_STREAM, UVSHM_CHANNEL_QUEUE, UVSHM_CHANNEL_TOPIC};
  static const char* const names[] = {"stream", "queue", "topic"};
  uvshm_channel_options_t options;
  int err = 0;
  int i;

  memset(&options, 0, sizeof(options));
  options.size_max = 64;
  for (i = 0; i < 3 && err == 0; i++) {
    options.flags = kinds[i] | UVSHM_WRITER;
    err = uvshm_channel_open(
        &child.writers[i], child.segment, names[i], &options);
    options.flags = kinds[i] | UVSHM_READER;
    if (err == 0)
      err = uvshm_channel_open(
          &child.readers[i], child.segment, names[i], &options);
  }
  return err;
}


/* Without names, so that the child's end is theirs. */
static int open_all(void) {
  uvshm_segment_options_t segment;
  uvshm_region_options_t region;

  memset(&segment, 0, sizeof(segment));
  memset(&region, 0, sizeof(region));
  segment.flags = region.flags = UVSHM_CREATE;
  region.size = 4096;
  segment.size = 4 << 20;
  if (uvshm_segment_open(&child.segment, NULL, &segment) < 0) return -1;
  if (uvshm_mutex_open(&child.inside, child.segment, "lock", NULL) < 0)
    return -1;
  if (uvshm_sem_open(&child.sem, child.segment, "sem", NULL) < 0) return -1;
  if (open_channels() < 0) return -1;
  return uvshm_region_open(&child.region, NULL, &region);
}


static int lock_in_a_segment(void) {
  int err = uvshm_mutex_lock(child.inside, 0);

  return err == 0 ? uvshm_mutex_unlock(child.inside) : err;
}


static int lock_with_a_timeout(void) {
  int err = uvshm_mutex_lock(child.inside, 5000);

  return err == 0 ? uvshm_mutex_unlock(child.inside) : err;
}


static int lock_for_ever(void) {
  int err = uvshm_mutex_lock(child.inside, UVSHM_FOREVER);

  return err == 0 ? uvshm_mutex_unlock(child.inside) : err;
}


static int lock_by_name(void) {
  int err = uvshm_mutex_lock(child.alone, 5000);

  return err == 0 ? uvshm_mutex_unlock(child.alone) : err;
}


/* Nobody waits, so nobody is woken. */
static int post_and_wait(void) {
  int err = uvshm_sem_post(child.sem, 1);

  return err == 0 ? uvshm_sem_wait(child.sem, 5000) : err;
}


static int wait_in_vain(void) {
  return uvshm_sem_wait(child.sem, 0) == UV_EAGAIN ? 0 : -1;
}


static int unlock_what_is_not_ours(void) {
  return uvshm_mutex_unlock(child.inside) == UV_EPERM ? 0 : -1;
}


static int size_and_base(void) {
  return uvshm_region_base(child.region) != NULL &&
                 uvshm_region_size(child.region) == 4096
             ? 0
             : -1;
}


/* Nobody sleeps, so nobody is woken. */
static int send_and_receive(void) {
  char bytes[64];
  size_t size;
  int err = 0;
  int i;

  for (i = 0; i < 3 && err == 0; i++) {
    size = sizeof(bytes);
    err = uvshm_channel_send(child.writers[i], "message", 7, 5000);
    if (err == 0)
      err = uvshm_channel_recv(child.readers[i], bytes, &size, 5000);
  }
  return err;
}


static int send_and_read_in_place(void) {
  const void* seen;
  size_t size;
  void* room;
  int err = 0;
  int i;

  for (i = 0; i < 3 && err == 0; i++) {
    err = uvshm_channel_claim(child.writers[i], &room, 8, 5000);
    if (err == 0) err = uvshm_channel_commit(child.writers[i], room, 8);
    if (err == 0)
      err = uvshm_channel_peek(child.readers[i], &seen, &size, 5000);
    if (err == 0) err = uvshm_channel_release(child.readers[i], seen);
  }
  return err;
}


static int receive_all_in_vain(void) {
  char bytes[8];
  size_t size = sizeof(bytes);
  int i;

  for (i = 0; i < 3; i++)
    if (uvshm_channel_recv(child.readers[i], bytes, &size, 0) != UV_EAGAIN)
      return -1;
  return 0;
}


/* Up to the 63rd time: with the 64th it may ask whether the others live. */
static int receive_in_vain(void) {
  static int left = 63;

  return left-- > 0 ? receive_all_in_vain() : 0;
}


static int nothing(void) {
  return 0;
}


#define NO_TRACING 77

static int clocks_allowed;

/* Exit code 0: done without an error and without a clock. */
static void run_child(int (*action)(void), const char* name) {
  pid_t pid = getpid();
  long tid = syscall(SYS_gettid);
  int i;

  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(NO_TRACING);
  if (open_all() < 0) _exit(2);
  if (uvshm_mutex_open(&child.alone, NULL, name, NULL) < 0) _exit(3);
  for (i = 0; i < 2; i++) /* the first one finds lanes and maps pages */
    if (action() != 0) _exit(4);
  child.clocks = 0;
  raise(SIGSTOP);
  syscall(SYS_tgkill, pid, tid, SIGUSR1);
  for (i = 0; i < TIMES; i++)
    if (action() != 0) _exit(5);
  syscall(SYS_tgkill, pid, tid, SIGUSR1);
  _exit(child.clocks <= clocks_allowed ? 0 : 6);
}

/* ---- in the parent ------------------------------------------------------- */

/* Go on until the child stops at a system call; 0: it stopped. */
static int next_stop(pid_t pid, int* status) {
  if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0) return -1;
  return waitpid(pid, status, 0) == pid && WIFSTOPPED(*status) ? 0 : -1;
}


/* It has ended, or cannot be followed: -1 when that is because nobody may trace
 * here. */
static int ended(pid_t pid, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == NO_TRACING) return -1;
  if (WIFSTOPPED(status)) {
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  fail_msg("the child ended before its time: status %x", (unsigned) status);
  return -1;
}


/* Stops between the two signals; -1: cannot be told. */
static int count_stops(pid_t pid) {
  int status = 0;
  int stops = 0;

  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
    return ended(pid, status);
  do
    if (next_stop(pid, &status) < 0) return ended(pid, status);
  while (WSTOPSIG(status) != SIGUSR1);
  for (;; stops++) {
    if (next_stop(pid, &status) < 0) return ended(pid, status);
    if (WSTOPSIG(status) == SIGUSR1) return stops;
  }
}


static int stops_of(int (*action)(void)) {
  char name[64];
  pid_t pid;
  int status = 0;
  int stops;

  snprintf(name,
           sizeof(name),
           "test-syscalls-%d-%llx",
           (int) getpid(),
           (unsigned long long) uv_hrtime());
  pid = fork();
  if (pid == 0) run_child(action, name);
  assert_true(pid > 0);
  stops = count_stops(pid);
  if (stops >= 0) {
    ptrace(PTRACE_CONT, pid, NULL, NULL);
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
  }
  status = uvshm_name_gc(name, 0);
  assert_true(status == 0 || status == UV_ENOENT);
  return stops;
}


/* ThreadSanitizer's runtime makes calls of its own, at times of its own. */
#if defined(__SANITIZE_THREAD__)
# define COUNTED 0
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define COUNTED 0
# endif
#endif
#ifndef COUNTED
# define COUNTED 1
#endif


static void none_in(int (*action)(void)) {
  int before;

  if (!COUNTED) skip();
  before = stops_of(nothing);
  if (before < 0) skip();
  assert_int_equal(stops_of(action), before);
}


#define CASE(action)                                                           \
 static void no_system_call_in_##action(void** state) {                        \
  (void) state;                                                                \
  none_in(action);                                                             \
 }

CASE(lock_in_a_segment)
CASE(lock_with_a_timeout)
CASE(lock_for_ever)
CASE(lock_by_name)
CASE(post_and_wait)
CASE(wait_in_vain)
CASE(unlock_what_is_not_ours)
CASE(size_and_base)
CASE(send_and_receive)
CASE(send_and_read_in_place)
CASE(receive_in_vain)


/* 1,000 times in vain take less than the 20 ms between two questions, mostly; a
 * question is a call for each other process. The clock is read each 64th
 * time. */
static void who_tries_in_vain_seldom_asks_for_the_dead(void** state) {
  int before;
  int asked;

  (void) state;
  if (!COUNTED) skip();
  before = stops_of(nothing);
  if (before < 0) skip();
  clocks_allowed = 3 * (TIMES / 64 + 1);
  asked = stops_of(receive_all_in_vain) - before;
  clocks_allowed = 0;
  assert_true(asked <= TIMES / 5);
}


/* The counting itself: a call that is one is seen. */
static int one_call(void) {
  return syscall(SYS_getppid) < 0;
}


static void a_system_call_is_counted(void** state) {
  int before = stops_of(nothing);

  (void) state;
  if (before < 0) skip();
  assert_int_equal(stops_of(one_call), before + 2 * TIMES);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_system_call_is_counted),
      cmocka_unit_test(no_system_call_in_lock_in_a_segment),
      cmocka_unit_test(no_system_call_in_lock_with_a_timeout),
      cmocka_unit_test(no_system_call_in_lock_for_ever),
      cmocka_unit_test(no_system_call_in_lock_by_name),
      cmocka_unit_test(no_system_call_in_post_and_wait),
      cmocka_unit_test(no_system_call_in_wait_in_vain),
      cmocka_unit_test(no_system_call_in_unlock_what_is_not_ours),
      cmocka_unit_test(no_system_call_in_size_and_base),
      cmocka_unit_test(no_system_call_in_send_and_receive),
      cmocka_unit_test(no_system_call_in_send_and_read_in_place),
      cmocka_unit_test(no_system_call_in_receive_in_vain),
      cmocka_unit_test(who_tries_in_vain_seldom_asks_for_the_dead)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
