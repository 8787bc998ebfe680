/* SPDX-License-Identifier: MIT */

/* Section self of src/port.h. */

#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


void self_clock_goes_forward(void** state) {
  uint64_t last = uvshm__port_now_ms();
  uint64_t wall = uvshm__port_wall_ms();
  uint64_t now;
  int i;

  (void) state;
  assert_true(wall > UINT64_C(1600000000000)); /* September 2020 */
  for (i = 0; i < 1000; i++) {
    now = uvshm__port_now_ms();
    assert_true(now >= last);
    last = now;
    uvshm__port_yield();
  }
}


void self_sleep_is_not_shorter_than_asked(void** state) {
  uint64_t start = uv_hrtime();

  (void) state;
  uvshm__port_sleep_ms(30);
  /* Clocks and timers tick differently, by at most 16 ms on Windows. */
  assert_true(uv_hrtime() - start >= UINT64_C(14) * 1000000);
}


void self_random_bytes_differ(void** state) {
  unsigned char a[700];
  unsigned char b[700];
  size_t i;
  size_t zeros = 0;

  (void) state;
  memset(a, 0, sizeof(a));
  assert_int_equal(uvshm__port_random(a, sizeof(a)), 0);
  assert_int_equal(uvshm__port_random(b, sizeof(b)), 0);
  assert_memory_not_equal(a, b, sizeof(a));
  for (i = 0; i < sizeof(a); i++) zeros += a[i] == 0;
  assert_true(zeros < 50); /* all of it was written; 3 are expected */
}


void self_boot_id_is_the_same_in_another_process(void** state) {
  struct test_process agent;
  uint64_t boot[2];
  char text[40];
  int err = uvshm__port_boot_id(boot);

  (void) state;
  if (err == UV_ENOTSUP) skip();
  assert_int_equal(err, 0);
  snprintf(text,
           sizeof(text),
           "%016llx%016llx",
           (unsigned long long) boot[0],
           (unsigned long long) boot[1]);
  agent_start(&agent);
  agent_must(&agent, text, "boot");
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
  assert_int_equal(uvshm__port_boot_id(boot), 0);
}


void self_program_name_is_cut_to_the_buffer(void** state) {
  char whole[64];
  char cut[5];

  (void) state;
  memset(whole, 'x', sizeof(whole));
  memset(cut, 'x', sizeof(cut));
  uvshm__port_program(whole, sizeof(whole));
  uvshm__port_program(cut, sizeof(cut));
  assert_non_null(strstr(whole, "conformance"));
  assert_non_null(memchr(cut, '\0', sizeof(cut)));
  assert_memory_equal(whole, cut, sizeof(cut) - 1);
}


void self_pid_is_the_one_others_see(void** state) {
  struct test_process agent;
  const char* pid;

  (void) state;
  assert_int_equal(uvshm__port_pid(), (uint32_t) uv_os_getpid());
  agent_start(&agent);
  pid = agent_ask(&agent, "pid");
  assert_int_equal(strtoull(pid, NULL, 10),
                   (unsigned long long) uv_process_get_pid(&agent.process));
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


static void read_lineage(void* arg) {
  *(uint32_t*) arg = uvshm__port_lineage();
}


void self_lineage_is_the_same_in_every_thread_and_not_zero(void** state) {
  uint32_t mine = uvshm__port_lineage();
  uint32_t other = 0;
  uv_thread_t thread;

  (void) state;
  assert_int_not_equal(mine, 0);
  assert_int_equal(uv_thread_create(&thread, read_lineage, &other), 0);
  uv_thread_join(&thread);
  assert_int_equal(other, mine);
  assert_int_equal(uvshm__port_lineage(), mine);
}


/* ---- values of threads --------------------------------------------------- */

static uvshm__a32_t ends;
static void* ended_with;


static void on_thread_exit(void* value) {
  ended_with = value;
  uvshm__a32_add(&ends, 1);
}


static void set_value(void* arg) {
  if (uvshm__port_thread_get() != NULL) return; /* the case then fails */
  if (uvshm__port_thread_set(arg, on_thread_exit) < 0) return;
  *(void**) arg = uvshm__port_thread_get();
}


static void set_and_clear(void* arg) {
  set_value(arg);
  if (uvshm__port_thread_set(NULL, on_thread_exit) < 0) *(void**) arg = NULL;
}


void self_thread_value_is_each_threads_own(void** state) {
  void* seen = NULL;
  void* mine = &seen;
  uv_thread_t thread;

  (void) state;
  assert_int_equal(uvshm__port_thread_set(&mine, on_thread_exit), 0);
  assert_int_equal(uv_thread_create(&thread, set_value, &seen), 0);
  uv_thread_join(&thread);
  assert_ptr_equal(seen, &seen);
  assert_ptr_equal(uvshm__port_thread_get(), &mine);
  assert_int_equal(uvshm__port_thread_set(NULL, on_thread_exit), 0);
  assert_null(uvshm__port_thread_get());
}


void self_thread_exit_is_told_with_its_value(void** state) {
  void* seen = NULL;
  uv_thread_t thread;

  (void) state;
  uvshm__a32_store_relaxed(&ends, 0);
  assert_int_equal(uv_thread_create(&thread, set_value, &seen), 0);
  uv_thread_join(&thread);
  assert_int_equal(uvshm__a32_load_acquire(&ends), 1);
  assert_ptr_equal(ended_with, &seen);

  seen = NULL;
  assert_int_equal(uv_thread_create(&thread, set_and_clear, &seen), 0);
  uv_thread_join(&thread);
  assert_ptr_equal(seen, &seen);
  assert_int_equal(uvshm__a32_load_acquire(&ends), 1);
}


static void count_under_lock(void* arg) {
  uint32_t* count = arg;
  int i;

  for (i = 0; i < 20000; i++) {
    uvshm__port_process_lock();
    ++*(volatile uint32_t*) count;
    uvshm__port_process_unlock();
  }
}


void self_process_lock_excludes_other_threads(void** state) {
  uv_thread_t threads[3];
  uint32_t count = 0;
  size_t i;

  (void) state;
  for (i = 0; i < 3; i++)
    assert_int_equal(uv_thread_create(&threads[i], count_under_lock, &count),
                     0);
  for (i = 0; i < 3; i++) uv_thread_join(&threads[i]);
  assert_int_equal(count, 60000);
}


void self_sizes_of_pages_are_powers_of_two(void** state) {
  uint64_t page = uvshm__port_page_size();
  uint64_t alignment = uvshm__port_alignment();

  (void) state;
  assert_true(page >= 4096);
  assert_int_equal(page & (page - 1), 0);
  assert_int_equal(alignment & (alignment - 1), 0);
  assert_int_equal(alignment % page, 0);
  assert_int_equal(65536 % alignment, 0); /* a granule is a good offset */
}
