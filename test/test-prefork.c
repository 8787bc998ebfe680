/* SPDX-License-Identifier: MIT */

/* Servers that fork their workers: an anonymous segment with a heap, malloc,
 * calloc, realloc, free and protect on it, and workers that rejoin. What a
 * child finds comes back as its exit code; it never asserts. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST(sentence) static void sentence(void** state)
#define STEP(n, condition)                                                     \
 if (!(condition)) _exit(n)
#define WORKERS 4


static uvshm_segment_t* make_segment(uint64_t size, uint32_t flags) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | flags;
  options.size = size;
  if (uvshm_segment_open(&segment, NULL, &options) < 0)
    fail_msg("%s", uvshm_error_detail());
  return segment;
}


static int status_of(pid_t pid) {
  int status;

  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}


/* A child that is to fault leaves no core and prints nothing. */
static void fault_quietly(void) {
  struct rlimit none = {0, 0};

  setrlimit(RLIMIT_CORE, &none);
  signal(SIGSEGV, SIG_DFL);
  signal(SIGBUS, SIG_DFL);
}


static uint64_t private_blocks(uvshm_segment_t* segment) {
  uvshm_heap_info_t info;

  assert_int_equal(uvshm_heap_info(segment, &info), 0);
  return info.private_blocks;
}


static void fill(unsigned char* bytes, size_t from, size_t to, unsigned key) {
  for (; from < to; from++) bytes[from] = (unsigned char) (from * 7 + key);
}


static int is_filled(const unsigned char* bytes, size_t size, unsigned key) {
  size_t i;

  for (i = 0; i < size; i++)
    if (bytes[i] != (unsigned char) (i * 7 + key)) return 0;
  return 1;
}


/* Up through every way to allocate, small, mixed and huge, and down again. */
static int resize_up_and_down(uvshm_segment_t* segment, unsigned key) {
  static const size_t sizes[] = {10,
                                 64,
                                 500,
                                 5000,
                                 40000,
                                 70000,
                                 700000,
                                 2500000,
                                 700000,
                                 70000,
                                 3000,
                                 64,
                                 9};
  void* block = NULL;
  size_t have = 1;
  size_t i;

  if (uvshm_heap_alloc(segment, &block, have, 0) != 0) return 0;
  fill(block, 0, have, key);
  for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    if (uvshm_heap_resize(segment, &block, sizes[i]) != 0) return 0;
    if (!is_filled(block, have < sizes[i] ? have : sizes[i], key)) return 0;
    fill(block, 0, sizes[i], key);
    have = sizes[i];
  }
  return uvshm_heap_free(segment, block) == 0;
}


TEST(prefork_realloc_keeps_the_content_in_every_worker) {
  uvshm_segment_t* segment = make_segment(32u << 20, 0);
  pid_t pids[WORKERS];
  int i;

  (void) state;
  assert_true(resize_up_and_down(segment, 99));
  for (i = 0; i < WORKERS; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      void* block;

      STEP(1, uvshm_heap_alloc(segment, &block, 10, 0) == UV_ENOTCONN);
      STEP(2, uvshm_segment_rejoin(segment) == 0);
      STEP(3, resize_up_and_down(segment, (unsigned) i));
      uvshm_segment_close(segment);
      _exit(0);
    }
  }
  for (i = 0; i < WORKERS; i++) assert_int_equal(status_of(pids[i]), 0);
  assert_int_equal(private_blocks(segment), 0);
  uvshm_segment_close(segment);
}


/* The same address in the parent and its workers: a pointer may be kept. */
TEST(prefork_workers_fill_what_the_parent_allocated) {
  uvshm_segment_t* segment = make_segment(1u << 20, 0);
  uint32_t* board;
  pid_t pids[WORKERS];
  void* block;
  uint32_t i;

  (void) state;
  assert_int_equal(
      uvshm_heap_calloc(
          segment, &block, WORKERS, sizeof(*board), UVSHM_HEAP_SHARED),
      0);
  board = block;
  for (i = 0; i < WORKERS; i++) {
    assert_int_equal(board[i], 0);
    pids[i] = fork();
    if (pids[i] == 0) {
      STEP(1, uvshm_segment_rejoin(segment) == 0);
      board[i] = i + 1000;
      uvshm_segment_close(segment);
      _exit(0);
    }
  }
  for (i = 0; i < WORKERS; i++) {
    assert_int_equal(status_of(pids[i]), 0);
    assert_int_equal(board[i], i + 1000);
  }
  assert_int_equal(uvshm_heap_free(segment, board), 0);
  uvshm_segment_close(segment);
}


TEST(prefork_what_a_killed_worker_allocated_comes_back) {
  uvshm_segment_t* segment = make_segment(1u << 20, 0);
  int round;

  (void) state;
  for (round = 0; round < 10; round++) {
    pid_t pid = fork();

    if (pid == 0) {
      void* block;

      STEP(1, uvshm_segment_rejoin(segment) == 0);
      STEP(2, uvshm_heap_alloc(segment, &block, 300000, 0) == 0);
      STEP(3, uvshm_heap_resize(segment, &block, 600000) == 0);
      kill(getpid(), SIGKILL);
    }
    assert_int_equal(status_of(pid), -SIGKILL);
  }
  assert_int_equal(uvshm_segment_repair(segment, NULL), 0);
  assert_int_equal(private_blocks(segment), 0);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
}


/* ---- protect ------------------------------------------------------------- */

TEST(prefork_protect_takes_whole_pages_and_no_others) {
  uvshm_segment_t* segment = make_segment(4u << 20, 0);
  size_t page = (size_t) uvshm_region_alignment();
  void* block;

  (void) state;
  assert_int_equal(uvshm_heap_alloc(segment, &block, 100, 0), 0);
  assert_int_equal(uvshm_heap_protect(segment, block, UVSHM_PROTECT_READ),
                   UV_EINVAL);
  assert_non_null(strstr(uvshm_error_detail(), "shares a page"));
  assert_int_equal(
      uvshm_heap_protect(segment, (char*) block + 8, UVSHM_PROTECT_READ),
      UV_EINVAL);
  assert_int_equal(uvshm_heap_protect(segment, NULL, UVSHM_PROTECT_READ),
                   UV_EINVAL);
  assert_int_equal(uvshm_heap_protect(segment, state, UVSHM_PROTECT_READ),
                   UV_EINVAL);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  if (page <= UVSHM_HEAP_ALIGNMENT_MAX) {
    size_t size;

    for (size = page; size <= 32768; size += page) {
      assert_int_equal(uvshm_heap_alloc_aligned(segment, &block, size, page, 0),
                       0);
      assert_int_equal(uvshm_heap_protect(segment, block, UVSHM_PROTECT_READ),
                       0);
      assert_int_equal(uvshm_heap_protect(segment, block, 3), UV_EINVAL);
      assert_int_equal(uvshm_heap_protect(segment, block, UVSHM_PROTECT_WRITE),
                       0);
      memset(block, 1, size);
      assert_int_equal(uvshm_heap_free(segment, block), 0);
    }
  }
  assert_int_equal(uvshm_heap_alloc(segment, &block, 100000, 0), 0);
  assert_int_equal(uvshm_heap_protect(segment, block, UVSHM_PROTECT_READ), 0);
  assert_int_equal(uvshm_heap_protect(segment, block, UVSHM_PROTECT_WRITE), 0);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  uvshm_segment_close(segment);
}


/* In the worker that asked, and in no other process. */
TEST(prefork_protected_block_faults_in_that_worker_alone) {
  uvshm_segment_t* segment = make_segment(4u << 20, 0);
  volatile char* bytes;
  void* block;
  pid_t pid;
  int status;

  (void) state;
  assert_int_equal(uvshm_heap_alloc(segment, &block, 65536, UVSHM_HEAP_SHARED),
                   0);
  bytes = block;
  bytes[0] = 'a';
  pid = fork();
  if (pid == 0) {
    fault_quietly();
    STEP(51,
         uvshm_heap_protect(segment, block, UVSHM_PROTECT_READ) == UV_ENOTCONN);
    STEP(52, uvshm_segment_rejoin(segment) == 0);
    STEP(53, uvshm_heap_protect(segment, block, UVSHM_PROTECT_READ) == 0);
    STEP(54, bytes[0] == 'a');
    bytes[0] = 'b';
    _exit(55);
  }
  status = status_of(pid);
  /* A signal, or whatever a sanitizer makes of it; but none of the steps. */
  assert_true(status != 0 && (status < 51 || status > 55));
  assert_int_equal(bytes[0], 'a');
  bytes[0] = 'c';
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  uvshm_segment_close(segment);
}


/* ---- huge pages ---------------------------------------------------------- */

TEST(prefork_huge_pages_are_asked_for_and_reported) {
  uvshm_segment_t* segment = make_segment(8u << 20, UVSHM_SEGMENT_HUGE);
  uvshm_segment_t* plain = make_segment(8u << 20, 0);
  uvshm_segment_info_t info;
  void* block;

  (void) state;
  assert_int_equal(uvshm_segment_info(plain, &info), 0);
  assert_int_equal(info.region.huge, 0);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  print_message("huge pages: %s\n", info.region.huge ? "yes" : "not here");
  assert_int_equal(uvshm_heap_alloc(segment, &block, 4u << 20, 0), 0);
  memset(block, 7, 4u << 20);
  assert_int_equal((uintptr_t) block % (2u << 20) != 0 && info.region.huge, 0);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  uvshm_segment_close(segment);
  uvshm_segment_close(plain);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(prefork_realloc_keeps_the_content_in_every_worker),
      cmocka_unit_test(prefork_workers_fill_what_the_parent_allocated),
      cmocka_unit_test(prefork_what_a_killed_worker_allocated_comes_back),
      cmocka_unit_test(prefork_protect_takes_whole_pages_and_no_others),
      cmocka_unit_test(prefork_protected_block_faults_in_that_worker_alone),
      cmocka_unit_test(prefork_huge_pages_are_asked_for_and_reported),
  };

  return cmocka_run_group_tests_name("prefork", tests, NULL, NULL);
}
