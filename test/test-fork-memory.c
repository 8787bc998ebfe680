/* SPDX-License-Identifier: MIT */

/* What a forked child finds of its parent's memory. An object that has a name
 * is mapped in a way that children do not inherit (its mapping is what says
 * that the parent lives), so a fork handler maps it again. clone() calls no
 * handler: such a child has nothing there, and nothing of the parent's, until
 * it rejoins. */

#include "harness.h"
#include "port_caps.h"
#include "valgrind.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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


/* A segment with a block that says "parent". */
static uvshm_segment_t* make(const char* name, char** block) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment = NULL;
  void* got = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.max_size = 1 << 20;
  if (uvshm_segment_open(&segment, name, &options) < 0 ||
      uvshm_heap_alloc(segment, &got, 64, UVSHM_HEAP_SHARED) < 0)
    fail_msg("%s", uvshm_error_detail());
  *block = got;
  strcpy(*block, "parent");
  return segment;
}


static uint32_t peers_of(uvshm_segment_t* segment) {
  uvshm_segment_info_t info;

  if (uvshm_segment_info(segment, &info) < 0) return UINT32_MAX;
  return info.region.peers;
}


TEST(fork_child_reads_and_writes_before_it_rejoins) {
  char* block;
  uvshm_segment_t* segment = make(test_name("memory"), &block);
  pid_t pid = fork();

  (void) state;
  if (pid == 0) {
    STEP(1, strcmp(block, "parent") == 0);
    strcpy(block, "child");
    STEP(2, uvshm_segment_check(segment) == UV_ENOTCONN);
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_string_equal(block, "child");
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


static const char* watched;
static int seen_early;


/* A handler of somebody else's, from before uvshm's first call. */
static void in_child_early(void) {
  seen_early = watched != NULL && strcmp(watched, "parent") == 0;
}


TEST(fork_handlers_of_others_find_the_memory) {
  char* block;
  uvshm_segment_t* segment = make(test_name("early"), &block);
  pid_t pid;

  (void) state;
  watched = block;
  pid = fork();
  if (pid == 0) {
    STEP(1, seen_early);
    STEP(2, uvshm_segment_rejoin(segment) == 0);
    uvshm_segment_close(segment);
    _exit(0);
  }
  watched = NULL;
  assert_int_equal(status_of(pid), 0);
  assert_int_equal(peers_of(segment), 1);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_child_of_a_child_has_the_memory_too) {
  char* block;
  uvshm_segment_t* segment = make(test_name("grandchild"), &block);
  pid_t pid = fork();

  (void) state;
  if (pid == 0) {
    STEP(1, uvshm_segment_rejoin(segment) == 0);
    pid = fork();
    if (pid == 0) {
      STEP(2, strcmp(block, "parent") == 0);
      STEP(3, uvshm_segment_rejoin(segment) == 0);
      STEP(4, peers_of(segment) == 3);
      strcpy(block, "grandchild");
      uvshm_segment_close(segment);
      _exit(0);
    }
    STEP(5, status_of(pid) == 0);
    STEP(6, peers_of(segment) == 2);
    STEP(7, strcmp(block, "grandchild") == 0);
    uvshm_segment_close(segment);
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_int_equal(peers_of(segment), 1);
  assert_string_equal(block, "grandchild");
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(fork_child_that_closed_has_no_memory_of_it) {
  char* block;
  uvshm_segment_t* segment = make(test_name("closed"), &block);
  pid_t pid = fork();

  (void) state;
  if (pid == 0) {
    signal(SIGSEGV, SIG_DFL); /* cmocka has a handler */
    uvshm_segment_close(segment);
    *(volatile char*) block = 'x';
    _exit(1);
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  assert_int_equal(status_of(pid), -SIGSEGV);
#else
  assert_int_not_equal(status_of(pid), 1);
#endif
  assert_string_equal(block, "parent");
  assert_int_equal(peers_of(segment), 1);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}

/* The fallback counts forks in a handler, and its views are inherited. */
#if defined(SYS_clone) && defined(__linux__) &&                                \
    !defined(__SANITIZE_THREAD__) && !defined(UVSHM__PORT_FALLBACK)
# define BY_HAND
#endif

#ifdef BY_HAND

/* A fork that no handler is called for. */
static pid_t fork_by_hand(void) {
# if defined(__s390__) || defined(__CRIS__)
  return (pid_t) syscall(SYS_clone, 0, SIGCHLD, 0, 0, 0);
# else
  return (pid_t) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
# endif
}


TEST(clone_by_hand_keeps_no_dead_parent_alive) {
  const char* name = test_name("clone");
  char* block;
  uvshm_segment_t* segment = make(name, &block);
  uvshm_segment_t* theirs;
  int pipes[2];
  uint32_t peers;
  pid_t parent;
  pid_t child = 0;

  (void) state;
  assert_int_equal(pipe(pipes), 0);
  parent = fork();
  if (parent == 0) {
    STEP(1, uvshm_segment_open(&theirs, name, NULL) == 0);
    child = fork_by_hand();
    if (child == 0) {
      pause();
      _exit(0);
    }
    STEP(2, write(pipes[1], &child, sizeof(child)) == sizeof(child));
    raise(SIGKILL);
  }
  close(pipes[1]);
  assert_int_equal(read(pipes[0], &child, sizeof(child)), sizeof(child));
  assert_int_equal(status_of(parent), -SIGKILL);
  peers = peers_of(segment);
  assert_int_equal(kill(child, SIGKILL), 0); /* it was there */
  assert_int_equal(peers, 1);
  close(pipes[0]);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(clone_by_hand_has_the_memory_once_it_rejoined) {
  char* block;
  uvshm_segment_t* segment = make(test_name("late"), &block);
  pid_t pid;

  (void) state;
  if (test_in_valgrind()) {
    uvshm_segment_close(segment);
    skip(); /* it takes the child's memory for the parent's */
  }
  pid = fork_by_hand();
  if (pid == 0) {
    STEP(1, uvshm_segment_check(segment) == UV_ENOTCONN);
    STEP(2, uvshm_segment_rejoin(segment) == 0);
    STEP(3, strcmp(block, "parent") == 0);
    STEP(4, uvshm_segment_check(segment) == 0);
    STEP(5, peers_of(segment) == 2);
    strcpy(block, "child");
    uvshm_segment_close(segment);
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_string_equal(block, "child");
  assert_int_equal(peers_of(segment), 1);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


/* What the child has put where the memory was stays the child's. */
TEST(clone_by_hand_whose_addresses_are_taken_cannot_rejoin) {
  char* block;
  uvshm_segment_t* segment = make(test_name("taken"), &block);
  size_t page = (size_t) sysconf(_SC_PAGESIZE);
  pid_t pid;

  (void) state;
  if (test_in_valgrind()) {
    uvshm_segment_close(segment);
    skip(); /* it takes the child's memory for the parent's */
  }
  pid = fork_by_hand();
  if (pid == 0) {
    char* at = block - (uintptr_t) block % page;

    at = mmap(at,
              page,
              PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
              -1,
              0);
    STEP(1, at != MAP_FAILED);
    *at = 'x';
    STEP(2, uvshm_segment_rejoin(segment) == UV_ENOMEM);
    STEP(3, strstr(uvshm_error_detail(), "taken") != NULL);
    STEP(4, uvshm_segment_check(segment) == UV_ENOTCONN);
    uvshm_segment_close(segment);
    STEP(5, *at == 'x');
    _exit(0);
  }
  assert_int_equal(status_of(pid), 0);
  assert_int_equal(peers_of(segment), 1);
  assert_string_equal(block, "parent");
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}

#endif


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fork_child_reads_and_writes_before_it_rejoins),
      cmocka_unit_test(fork_handlers_of_others_find_the_memory),
      cmocka_unit_test(fork_child_of_a_child_has_the_memory_too),
      cmocka_unit_test(fork_child_that_closed_has_no_memory_of_it),
#ifdef BY_HAND
      cmocka_unit_test(clone_by_hand_keeps_no_dead_parent_alive),
      cmocka_unit_test(clone_by_hand_has_the_memory_once_it_rejoined),
      cmocka_unit_test(clone_by_hand_whose_addresses_are_taken_cannot_rejoin),
#endif
  };

  if (pthread_atfork(NULL, NULL, in_child_early) != 0) return 1;
  return cmocka_run_group_tests_name("fork-memory", tests, NULL, NULL);
}
