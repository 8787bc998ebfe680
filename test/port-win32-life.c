/* SPDX-License-Identifier: MIT */

/* What src/win32 promises beyond the conformance suite: names that a file
 * system cannot hold, leftovers, growth among several, handles that nobody
 * inherits and that do not pile up. */

#include <winsock2.h>
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>

#include "conformance.h" /* after those: its SIZE is a type there */

#include "uvshm/flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- keep: names and leftovers ------------------------------------------- */

static void keep(struct subject* subject, const char* name) {
  struct uvshm__port_spec spec = spec_of(name);

  spec.keep = 1;
  assert_int_equal(subject_make(subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject->object), 0);
  uvshm__port_gate_leave(&subject->object);
}


static void forget(const char* name) {
  struct uvshm__port_spec spec = spec_of(name);
  struct subject subject;

  assert_int_equal(subject_find_wait(&subject, &spec), 0);
  assert_int_equal(uvshm__port_unlink(&subject.object), 0);
  subject_drop(&subject);
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
}


/* Names that differ in case only, that NTFS forbids, that mean devices, that
 * are too long for a file. */
static void keep_tells_all_names_apart(void** state) {
  static const char* const tails[] = {
      "a", "A", "%41", "a.", "a ", "a:b", "CON", "<>|?*\"", "\xc3\xa4", "~1"};
  char names[12][UVSHM_NAME_MAX + 1];
  const char* stem = test_name("keep");
  struct subject subject;
  size_t i;

  (void) state;
  for (i = 0; i < 10; i++)
    snprintf(names[i], sizeof(names[i]), "%s-%s", stem, tails[i]);
  for (; i < 12; i++) {
    memset(names[i], 'X', UVSHM_NAME_MAX);
    names[i][UVSHM_NAME_MAX] = '\0';
    memcpy(names[i], stem, strlen(stem));
    names[i][UVSHM_NAME_MAX - 1] = (char) ('0' + i);
  }
  for (i = 0; i < 12; i++) {
    keep(&subject, names[i]);
    *subject_word(&subject, 4096) = (uvshm__a32_t){(uint32_t) i};
    subject_drop(&subject);
  }
  for (i = 0; i < 12; i++) {
    struct uvshm__port_spec spec = spec_of(names[i]);

    assert_int_equal(subject_find_wait(&subject, &spec), 0);
    assert_int_equal(subject_map(&subject, UVSHM__PORT_READ), 0);
    assert_int_equal(uvshm__a32_load_relaxed(subject_word(&subject, 4096)), i);
    subject_drop(&subject);
  }
  for (i = 0; i < 12; i++) forget(names[i]);
}


static void keep_and_last_close_share_one_space_of_names(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("both"));
  struct subject first;
  struct subject second;

  (void) state;
  keep(&first, spec.name);
  assert_int_equal(subject_make(&second, &spec), UV_EEXIST);
  subject_drop(&first);
  assert_int_equal(subject_make(&second, &spec), UV_EEXIST);
  forget(spec.name);
  subject_create(&first, spec.name);
  spec.keep = 1;
  assert_int_equal(subject_make(&second, &spec), UV_EEXIST);
  subject_remove(&first);
}


static int exists(const char* path, const char* suffix) {
  wchar_t wide[1024];
  char text[1024];

  snprintf(text, sizeof(text), "%s%s", path, suffix);
  MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, 1024);
  return GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
}


static HANDLE leave_file(const char* path, const char* suffix) {
  wchar_t wide[1024];
  char text[1024];
  HANDLE file;

  snprintf(text, sizeof(text), "%s%s", path, suffix);
  MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, 1024);
  file = CreateFileW(wide,
                     GENERIC_READ | GENERIC_WRITE,
                     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                     NULL,
                     CREATE_ALWAYS,
                     0,
                     NULL);
  assert_true(file != INVALID_HANDLE_VALUE);
  return file;
}


static int ignore(void* arg, const char* name, const char* system_name_) {
  (void) arg;
  (void) name;
  (void) system_name_;
  return 0;
}


static void leftovers_are_swept_unless_somebody_has_them(void** state) {
  struct subject subject;
  const char* name = test_name("sweep");
  const char* path;
  HANDLE open_one;

  (void) state;
  keep(&subject, name);
  path = subject.object.system_name;
  CloseHandle(leave_file(path, ".uvshm-0123456789abcdef.new"));
  CloseHandle(leave_file(path, ".uvshm-0123456789abcdef.gone"));
  CloseHandle(leave_file(path, ".uvshm-0123456789abcdef.mine"));
  open_one = leave_file(path, ".uvshm-fedcba9876543210.new");
  assert_int_equal(uvshm__port_each_name(NULL, 0, ignore, NULL), 0);
  assert_int_equal(exists(path, ".uvshm-0123456789abcdef.new"), 0);
  assert_int_equal(exists(path, ".uvshm-0123456789abcdef.gone"), 0);
  assert_int_equal(exists(path, ".uvshm-0123456789abcdef.mine"), 1);
  assert_int_equal(exists(path, ".uvshm-fedcba9876543210.new"), 1);
  CloseHandle(open_one);
  assert_int_equal(uvshm__port_each_name(NULL, 0, ignore, NULL), 0);
  assert_int_equal(exists(path, ".uvshm-fedcba9876543210.new"), 0);
  {
    wchar_t wide[1024];
    char text[1024];

    snprintf(text, sizeof(text), "%s.uvshm-0123456789abcdef.mine", path);
    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, 1024);
    assert_true(DeleteFileW(wide));
  }
  subject_drop(&subject);
  forget(name);
}

/* ---- growing ------------------------------------------------------------- */

#define GROWERS 4
#define GRANULES (RESERVE / SIZE)
#define ROUNDS 30

struct grower {
  struct subject* subject;
  uv_barrier_t* barrier;
  uint32_t step; /* granules at a time */
  int err;
};


/* Whoever has seen a granule exist counts in it. A slower grower's zeros that
 * came after that would take the count away. */
static void grow_and_count(void* arg) {
  struct grower* grower = arg;
  struct subject* subject = grower->subject;
  uvshm__a64_t* committed = &subject_header(subject)->committed;
  uint32_t done = 1;
  uint32_t to;

  uv_barrier_wait(grower->barrier);
  while (done < GRANULES && grower->err == 0) {
    to = done + grower->step < GRANULES ? done + grower->step : GRANULES;
    grower->err = uvshm__port_grow(
        &subject->object, &subject->view, committed, (uint64_t) SIZE * to);
    for (; grower->err == 0 && done < to; done++) {
      uvshm__a32_add(subject_word(subject, (uint64_t) SIZE * done), 1);
      uvshm__a32_add(subject_word(subject, (uint64_t) SIZE * (done + 1) - 4),
                     1);
    }
  }
}


static void grow_in_a_crowd(struct subject subjects[2]) {
  struct grower growers[GROWERS];
  uv_thread_t threads[GROWERS];
  uv_barrier_t barrier;
  uint32_t i;

  assert_int_equal(uv_barrier_init(&barrier, GROWERS), 0);
  for (i = 0; i < GROWERS; i++) {
    growers[i].subject = &subjects[i % 2];
    growers[i].barrier = &barrier;
    growers[i].step = i == 0 ? 1 : i * 5;
    growers[i].err = 0;
    assert_int_equal(uv_thread_create(&threads[i], grow_and_count, &growers[i]),
                     0);
  }
  for (i = 0; i < GROWERS; i++) uv_thread_join(&threads[i]);
  uv_barrier_destroy(&barrier);
  for (i = 0; i < GROWERS; i++) assert_int_equal(growers[i].err, 0);
}


static void growing_a_file_loses_no_store_of_others(void** state) {
  struct subject subjects[2];
  uint32_t round;
  uint32_t i;

  (void) state;
  for (round = 0; round < ROUNDS; round++) {
    struct uvshm__port_spec spec = spec_of(test_name("grow"));

    keep(&subjects[0], spec.name);
    assert_int_equal(subject_find_wait(&subjects[1], &spec), 0);
    assert_int_equal(subject_map(&subjects[1], UVSHM__PORT_WRITE), 0);
    uvshm__port_gate_leave(&subjects[1].object);
    grow_in_a_crowd(subjects);
    for (i = 1; i < GRANULES; i++) {
      uint64_t at = (uint64_t) SIZE * i;

      assert_int_equal(uvshm__a32_load_relaxed(subject_word(subjects, at)),
                       GROWERS);
      at += SIZE - 4;
      assert_int_equal(uvshm__a32_load_relaxed(subject_word(subjects, at)),
                       GROWERS);
    }
    subject_drop(&subjects[1]);
    subject_drop(&subjects[0]);
    forget(spec.name);
  }
}


static void a_large_reserve_costs_address_space_alone(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("large"));
  struct subject subject;

  (void) state;
  if (sizeof(void*) < 8) skip();
  spec.reserve = UINT64_C(64) << 30;
  memset(&subject, 0, sizeof(subject));
  assert_int_equal(uvshm__port_make(&subject.object, &spec, SIZE), 0);
  assert_int_equal(uvshm__port_map(&subject.view,
                                   &subject.object,
                                   0,
                                   spec.reserve,
                                   spec.reserve,
                                   UVSHM__PORT_WRITE,
                                   0),
                   0);
  *(char*) subject.view.addr = 1;
  uvshm__port_unmap(&subject.view);
  uvshm__port_drop(&subject.object);
}

/* ---- handles ------------------------------------------------------------- */

static void children_inherit_nothing(void** state) {
  struct test_process child;
  struct subject subject;
  int used = -1;

  (void) state;
  subject_create(&subject, test_name("inherit"));
  assert_int_equal(subject_claim(&subject, 7), 0);
  agent_start(&child);
  expect_alive(&subject, 7, 1);
  subject_unclaim(&subject);
  expect_alive(&subject, 7, 0);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_in_use(&subject.object, &used), 0);
  assert_int_equal(used, 0);
  subject_remove(&subject);
  test_tell(&child, "exit");
  assert_int_equal(test_join(&child), 0);
}


static void more_lanes_than_are_remembered_are_woken(void** state) {
  struct subject subject;
  uvshm__a32_t* word;
  uint32_t lane;

  (void) state;
  subject_create(&subject, test_name("lanes"));
  word = subject_word(&subject, 4096);
  for (lane = 0; lane < 200; lane++) /* opens its event, and times out */
    assert_int_equal(uvshm__port_wait(&subject.object, word, 0, lane, 0),
                     UV_ETIMEDOUT);
  for (lane = 0; lane < 200; lane++)
    uvshm__port_wake(&subject.object, word, lane, 1);
  for (lane = 0; lane < 200; lane++) /* set already: no sleep */
    assert_int_equal(
        uvshm__port_wait(&subject.object, word, 0, lane, TEST_PATIENCE_MS), 0);
  for (lane = 0; lane < 200; lane++)
    uvshm__port_wait_forget(&subject.object, lane);
  subject_remove(&subject);
}


static void use_everything_once(const char* name, int kept) {
  struct uvshm__port_spec spec = spec_of(name);
  struct subject a;
  struct subject b;
  int used;

  if (kept)
    keep(&a, name);
  else
    subject_create(&a, name);
  assert_int_equal(subject_claim(&a, 1), 0);
  assert_int_equal(subject_find_wait(&b, &spec), 0);
  assert_int_equal(subject_map(&b, UVSHM__PORT_WRITE), 0);
  assert_int_equal(subject_claim(&b, 1), UV_EBUSY);
  assert_int_equal(subject_claim(&b, 2), 0);
  assert_int_equal(uvshm__port_in_use(&b.object, &used), 0);
  uvshm__port_wait(&a.object, subject_word(&a, 4096), 0, 3, 0);
  uvshm__port_wake(&b.object, subject_word(&b, 4096), 3, 1);
  assert_int_equal(uvshm__port_peer_test(&b.object), 0);
  assert_int_equal(uvshm__port_unlink(&b.object), 0);
  subject_drop(&b);
  subject_drop(&a);
}


static DWORD handles(void) {
  DWORD count = 0;

  assert_true(GetProcessHandleCount(GetCurrentProcess(), &count));
  return count;
}


static void handles_do_not_pile_up(void** state) {
  DWORD before;
  int i;

  (void) state;
  for (i = 0; i < 3; i++) use_everything_once(test_name("warm"), i % 2);
  before = handles();
  for (i = 0; i < 50; i++) use_everything_once(test_name("pile"), i % 2);
  assert_true(handles() <= before + 2);
}


static int nothing_is_left(void** state) {
  (void) state;
  return test_leftovers() == 0 ? 0 : -1;
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {{"agent", agent_role}, {NULL, NULL}};
  static const struct CMUnitTest cases[] = {
      cmocka_unit_test(keep_tells_all_names_apart),
      cmocka_unit_test(keep_and_last_close_share_one_space_of_names),
      cmocka_unit_test(leftovers_are_swept_unless_somebody_has_them),
      cmocka_unit_test(growing_a_file_loses_no_store_of_others),
      cmocka_unit_test(a_large_reserve_costs_address_space_alone),
      cmocka_unit_test(children_inherit_nothing),
      cmocka_unit_test(more_lanes_than_are_remembered_are_woken),
      cmocka_unit_test(handles_do_not_pile_up),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name(
      "win32-life", cases, NULL, nothing_is_left);
}
