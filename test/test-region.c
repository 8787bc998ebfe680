/* SPDX-License-Identifier: MIT */

/* Regions: one meaning on every system, so nothing here asks which it is. */

#include "harness.h"
#include "segment.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


/* ---- roles --------------------------------------------------------------- */

/* Hold a region: make it, say so, wait to be told to close. */
static int role_hold(int argc, char** argv) {
  uvshm_region_options_t options;
  uvshm_region_t* region;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  if (argc > 1 && strcmp(argv[1], "keep") == 0) options.flags |= UVSHM_KEEP;
  options.size = 10000;
  options.max_size = 1 << 20;
  options.label = "a holder";
  err = uvshm_region_open(&region, argv[0], &options);
  if (err < 0) {
    test_say("error %s", uvshm_strerror(err));
    return 1;
  }
  strcpy(uvshm_region_base(region), "written by the holder");
  test_say("held");
  if (test_hear() != NULL) uvshm_region_close(region);
  return 0;
}


/* Read what a name has, and add to it. */
static int role_visit(int argc, char** argv) {
  uvshm_region_t* region;
  int err = test_region_attach(&region, argv[0], 0);
  const char* line;

  (void) argc;
  if (err < 0) {
    test_say("error %d %s", err, uvshm_strerror(err));
    return 0;
  }
  test_say("%s", (char*) uvshm_region_base(region));
  while ((line = test_hear()) != NULL) {
    if (strcmp(line, "grow") == 0) {
      err = uvshm_region_grow(region, 500000);
      ((char*) uvshm_region_base(region))[499999] = 'x';
      test_say("grown %d", err);
    } else if (strcmp(line, "size") == 0) {
      test_say("%llu", (unsigned long long) uvshm_region_size(region));
    } else {
      break;
    }
  }
  uvshm_region_close(region);
  return 0;
}


static const struct test_role roles[] = {
    {"hold", role_hold}, {"visit", role_visit}, {NULL, NULL}};


/* ---- cases --------------------------------------------------------------- */

TEST(region_bytes_are_seen_by_another_process) {
  const char* name = test_name("bytes");
  uvshm_region_t* region = test_region(name, 0, 4096);
  struct test_process visitor;

  (void) state;
  strcpy(uvshm_region_base(region), "hello, other process");
  test_spawn(&visitor, "visit", name, NULL);
  test_expect(&visitor, "hello, other process");
  test_tell(&visitor, "end");
  assert_int_equal(test_join(&visitor), 0);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_without_create_must_exist) {
  uvshm_region_t* region = NULL;
  int err;

  (void) state;
  err = uvshm_region_open(&region, test_name("absent"), NULL);
  assert_int_equal(err, UV_ENOENT);
  assert_null(region);
  assert_non_null(strstr(uvshm_error_detail(), "there is no \"test-absent"));
  assert_non_null(strstr(uvshm_error_detail(), "KEEP"));
}


TEST(region_exclusive_create_refuses_a_taken_name) {
  const char* name = test_name("exclusive");
  uvshm_region_t* region = test_region(name, UVSHM_EXCLUSIVE, 100);
  uvshm_region_t* other = NULL;
  uvshm_region_options_t options;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE;
  options.size = 100;
  assert_int_equal(uvshm_region_open(&other, name, &options), UV_EEXIST);
  uvshm_region_close(region);
  assert_int_equal(uvshm_region_open(&other, name, &options), 0);
  uvshm_region_close(other);
}


TEST(region_size_is_exact_and_info_tells_the_rest) {
  const char* name = test_name("info");
  uvshm_region_t* region = test_region(name, 0, 10001);
  uvshm_region_info_t info;

  (void) state;
  assert_int_equal(uvshm_region_size(region), 10001);
  assert_int_equal(uvshm_region_info(region, &info), 0);
  assert_int_equal(info.size, 10001);
  assert_int_equal(info.max_size, 10001);
  assert_true(info.committed_size >= 10001);
  assert_int_equal(info.committed_size % info.granule_size, 0);
  assert_true(info.reserved_size >= info.committed_size);
  assert_true(info.page_size >= 4096);
  assert_int_equal(info.lifetime, UVSHM_LIFETIME_LAST_CLOSE);
  assert_int_equal(info.peers, 1);
  assert_int_equal(info.creator_pid, (uint32_t) uv_os_getpid());
  assert_true(info.created_ms > 1500000000000u);
  assert_true(info.attached_ms >= info.created_ms);
  assert_int_equal(info.detached_ms, 0);
  assert_non_null(strstr(info.system_name, "uvshm-"));
  assert_true(strlen(info.owner) > 0);
  uvshm_region_close(region);
}


TEST(region_reads_as_zeros_and_base_is_page_aligned) {
  uvshm_region_t* region = test_region(test_name("zeros"), 0, 70000);
  const unsigned char* bytes = uvshm_region_base(region);
  uint64_t i;

  (void) state;
  assert_int_equal((uintptr_t) bytes % 4096, 0);
  for (i = 0; i < 70000; i++) assert_int_equal(bytes[i], 0);
  uvshm_region_close(region);
}


TEST(region_grows_in_place_and_every_process_sees_it) {
  const char* name = test_name("grow");
  struct test_process holder;
  struct test_process visitor;
  uvshm_region_t* region;
  char* base;

  (void) state;
  test_spawn(&holder, "hold", name, NULL);
  test_expect(&holder, "held");
  assert_int_equal(test_region_attach(&region, name, 0), 0);
  base = uvshm_region_base(region);
  assert_string_equal(base, "written by the holder");
  test_spawn(&visitor, "visit", name, NULL);
  test_expect(&visitor, "written by the holder");
  test_tell(&visitor, "grow");
  test_expect(&visitor, "grown 0");
  assert_int_equal(uvshm_region_size(region), 500000);
  assert_ptr_equal(uvshm_region_base(region), base);
  assert_int_equal(base[499999], 'x');
  assert_int_equal(uvshm_region_grow(region, 600001), 0);
  test_tell(&visitor, "size");
  test_expect(&visitor, "600001");
  assert_int_equal(uvshm_region_grow(region, 10), 0);
  assert_int_equal(uvshm_region_size(region), 600001);
  assert_int_equal(uvshm_region_grow(region, (1 << 20) + 1), UV_ENOSPC);
  test_tell(&visitor, "end");
  test_tell(&holder, "end");
  assert_int_equal(test_join(&visitor), 0);
  assert_int_equal(test_join(&holder), 0);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_is_gone_with_its_last_user) {
  const char* name = test_name("last");
  struct test_process holder;
  uvshm_region_t* region;

  (void) state;
  test_spawn(&holder, "hold", name, NULL);
  test_expect(&holder, "held");
  assert_int_equal(test_region_attach(&region, name, 0), 0);
  test_tell(&holder, "end");
  assert_int_equal(test_join(&holder), 0);
  assert_string_equal(uvshm_region_base(region), "written by the holder");
  uvshm_region_close(region);
  assert_int_equal(test_region_attach(&region, name, 0), UV_ENOENT);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_whose_last_user_was_killed_counts_as_gone) {
  const char* name = test_name("killed");
  struct test_process holder;
  uvshm_region_t* region;

  (void) state;
  test_spawn(&holder, "hold", name, NULL);
  test_expect(&holder, "held");
  test_kill(&holder);
  test_sleep_ms(50); /* until the kernel has taken its memory down */
  assert_int_equal(test_region_attach(&region, name, 0), UV_ENOENT);
  region = test_region(name, 0, 64);
  assert_int_equal(*(char*) uvshm_region_base(region), 0);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_with_keep_outlives_every_process) {
  const char* name = test_name("keep");
  struct test_process holder;
  struct test_process visitor;
  uvshm_region_t* region;

  (void) state;
  test_spawn(&holder, "hold", name, "keep", NULL);
  test_expect(&holder, "held");
  test_tell(&holder, "end");
  assert_int_equal(test_join(&holder), 0);
  test_spawn(&visitor, "visit", name, NULL);
  test_expect(&visitor, "written by the holder");
  test_tell(&visitor, "end");
  assert_int_equal(test_join(&visitor), 0);
  assert_int_equal(uvshm_region_unlink(name, 0), 0);
  assert_int_equal(test_region_attach(&region, name, 0), UV_ENOENT);
  assert_int_equal(uvshm_region_unlink(name, 0), UV_ENOENT);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_unlinked_while_held_frees_its_name_at_once) {
  const char* name = test_name("unlink");
  uvshm_region_t* old = test_region(name, 0, 100);
  uvshm_region_t* fresh;
  uvshm_region_t* none;

  (void) state;
  strcpy(uvshm_region_base(old), "old");
  assert_int_equal(uvshm_region_unlink(name, 0), 0);
  assert_int_equal(test_region_attach(&none, name, 0), UV_ENOENT);
  fresh = test_region(name, UVSHM_EXCLUSIVE, 100);
  assert_int_equal(*(char*) uvshm_region_base(fresh), 0);
  assert_string_equal(uvshm_region_base(old), "old");
  uvshm_region_close(old);
  assert_int_equal(test_region_attach(&none, name, 0), 0);
  uvshm_region_close(none);
  uvshm_region_close(fresh);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_attached_for_reading_cannot_be_widened) {
  const char* name = test_name("readonly");
  uvshm_region_t* region = test_region(name, 0, 8192);
  uvshm_region_t* reader;
  uvshm_region_info_t info;

  (void) state;
  strcpy(uvshm_region_base(region), "seen");
  assert_int_equal(test_region_attach(&reader, name, UVSHM_READONLY), 0);
  assert_string_equal(uvshm_region_base(reader), "seen");
  assert_int_equal(uvshm_region_protect(reader, 0, 4096, UVSHM_PROTECT_WRITE),
                   UV_EACCES);
  assert_int_equal(uvshm_region_grow(reader, 9000), UV_EACCES);
  assert_int_equal(uvshm_region_info(reader, &info), 0);
  assert_int_equal(info.readonly, 1);
  uvshm_region_close(reader);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_copy_on_write_keeps_changes_to_itself) {
  const char* name = test_name("private");
  uvshm_region_t* region = test_region(name, 0, 8192);
  uvshm_region_t* private_one;

  (void) state;
  strcpy(uvshm_region_base(region), "shared");
  assert_int_equal(test_region_attach(&private_one, name, UVSHM_REGION_PRIVATE),
                   0);
  assert_string_equal(uvshm_region_base(private_one), "shared");
  strcpy(uvshm_region_base(private_one), "mine");
  assert_string_equal(uvshm_region_base(region), "shared");
  uvshm_region_close(private_one);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_window_shows_a_part) {
  const char* name = test_name("window");
  uint64_t unit = uvshm_region_alignment();
  uvshm_region_t* region = test_region(name, 0, 4 * unit);
  uvshm_region_t* window;
  uvshm_region_options_t options;

  (void) state;
  ((char*) uvshm_region_base(region))[2 * unit] = 'w';
  memset(&options, 0, sizeof(options));
  options.offset = 2 * unit;
  options.window_size = unit;
  assert_int_equal(uvshm_region_open(&window, name, &options), 0);
  assert_int_equal(*(char*) uvshm_region_base(window), 'w');
  assert_int_equal(uvshm_region_size(window), unit);
  uvshm_region_close(window);
  options.offset = 1;
  assert_int_equal(uvshm_region_open(&window, name, &options), UV_EINVAL);
  options.offset = 64 * unit * 16;
  assert_int_equal(uvshm_region_open(&window, name, &options), UV_EINVAL);
  /* Just behind the end there will never be anything. */
  options.offset = 4 * unit;
  options.window_size = 0;
  assert_int_equal(uvshm_region_open(&window, name, &options), UV_EINVAL);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_protect_takes_whole_pages_only) {
  uvshm_region_t* region = test_region(test_name("protect"), 0, 3 * 65536);
  uint64_t page = 65536;
  uint32_t got = 99;
  char* base = uvshm_region_base(region);

  (void) state;
  base[0] = 'a';
  assert_int_equal(uvshm_region_protect(region, 0, page, UVSHM_PROTECT_READ),
                   0);
  assert_int_equal(base[0], 'a');
  assert_int_equal(uvshm_region_protect(region, 0, page, UVSHM_PROTECT_WRITE),
                   0);
  base[0] = 'b';
  assert_int_equal(uvshm_region_protect(region, page, page, UVSHM_PROTECT_NONE),
                   0);
  assert_int_equal(
      uvshm_region_protect(region, page, page, UVSHM_PROTECT_WRITE), 0);
  assert_int_equal(uvshm_region_protect(region, 1, page, UVSHM_PROTECT_READ),
                   UV_EINVAL);
  assert_int_equal(
      uvshm_region_protect(region, 0, 4 * page, UVSHM_PROTECT_READ), UV_EINVAL);
  assert_int_equal(uvshm_region_protect(region, 0, page, 7), UV_EINVAL);

  /* To map in what may not be touched would be a fault. */
  assert_int_equal(uvshm_region_protect(region, 0, 0, UVSHM_PROTECT_READ), 0);
  assert_int_equal(
      uvshm_region_advise(region, 0, 0, UVSHM_ADVISE_PREFAULT, &got), 0);
  assert_int_equal(got, 0);
  assert_int_equal(uvshm_region_protect(region, 0, 0, UVSHM_PROTECT_NONE), 0);
  assert_int_equal(
      uvshm_region_advise(region, 0, 0, UVSHM_ADVISE_PREFAULT, NULL), 0);
  uvshm_region_close(region);
}


TEST(region_advice_is_followed_or_reported) {
  uvshm_region_t* region = test_region(test_name("advise"), 0, 1 << 20);
  uint32_t got = 99;

  (void) state;
  assert_int_equal(
      uvshm_region_advise(
          region, 0, 0, UVSHM_ADVISE_PREFAULT | UVSHM_ADVISE_HUGE, &got),
      0);
  assert_true(got & UVSHM_ADVISE_PREFAULT);
  assert_int_equal(
      uvshm_region_advise(region, 0, 65536, UVSHM_ADVISE_LOCK, &got), 0);
  assert_int_equal(got, UVSHM_ADVISE_LOCK);
  assert_int_equal(uvshm_region_advise(region, 0, 0, 1u << 9, &got), UV_EINVAL);
  assert_int_equal(uvshm_region_sync(region, 0, 0, 1), 0);
  uvshm_region_close(region);
}


TEST(region_asked_larger_than_it_is_says_both_sizes) {
  const char* name = test_name("larger");
  uvshm_region_t* region = test_region(name, 0, 100);
  uvshm_region_t* other;
  uvshm_region_options_t options;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.size = 101;
  assert_int_equal(uvshm_region_open(&other, name, &options), UV_ENOSPC);
  assert_non_null(
      strstr(uvshm_error_detail(), "100 bytes, 101 were asked for"));
  options.size = 100;
  assert_int_equal(uvshm_region_open(&other, name, &options), 0);
  uvshm_region_close(other);
  uvshm_region_close(region);
}


TEST(region_misuse_is_refused_by_name) {
  static const char* const bad[] = {
      "", ".hidden", "a/b", "a\\b", "a\nb", "\xff", "\xc0\x80", "a\x7f", NULL};
  uvshm_region_t* region;
  uvshm_region_options_t options;
  char longer[UVSHM_NAME_MAX + 2];
  int i;

  (void) state;
  for (i = 0; bad[i] != NULL; i++)
    assert_int_equal(uvshm_region_open(&region, bad[i], NULL), UV_EINVAL);
  memset(longer, 'n', sizeof(longer) - 1);
  longer[sizeof(longer) - 1] = '\0';
  assert_int_equal(uvshm_region_open(&region, longer, NULL), UV_ENAMETOOLONG);
  memset(&options, 0, sizeof(options));
  options.flags = 1u << 30;
  assert_int_equal(uvshm_region_open(&region, "x", &options), UV_EINVAL);
  assert_non_null(strstr(uvshm_error_detail(), "unknown flag 0x40000000"));
  options.flags = UVSHM_CREATE;
  assert_int_equal(uvshm_region_open(&region, "x", &options), UV_EINVAL);
  options.size = 2;
  options.max_size = 1;
  assert_int_equal(uvshm_region_open(&region, "x", &options), UV_EINVAL);
  options.flags = UVSHM_EXCLUSIVE;
  options.max_size = 0;
  assert_int_equal(uvshm_region_open(&region, "x", &options), UV_EINVAL);
  assert_int_equal(uvshm_region_open(&region, NULL, NULL), UV_EINVAL);
}


TEST(region_names_may_be_long_and_of_any_language) {
  char name[UVSHM_NAME_MAX + 1];
  uvshm_region_t* region;
  uvshm_region_t* other;
  const char* short_name =
      test_name("\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87 \xe9\x8d\xb5");

  (void) state;
  memset(name, 'n', UVSHM_NAME_MAX);
  memcpy(name, short_name, strlen(short_name));
  name[UVSHM_NAME_MAX] = '\0';
  region = test_region(name, 0, 64);
  assert_int_equal(test_region_attach(&other, name, 0), 0);
  uvshm_region_close(other);
  uvshm_region_close(region);
  region = test_region(short_name, 0, 64);
  assert_int_equal(test_region_attach(&other, short_name, 0), 0);
  uvshm_region_close(other);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(region_and_other_kinds_share_one_space_of_names) {
  const char* name = test_name("kinds");
  uvshm_region_t* region = test_region(name, 0, 64);
  uvshm_mutex_t* mutex;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), UV_EPROTOTYPE);
  assert_non_null(strstr(uvshm_error_detail(), "a region, not a mutex"));
  assert_int_equal(uvshm_segment_unlink(name, 0), UV_EPROTOTYPE);
  uvshm_region_close(region);
}


TEST(region_mode_can_be_given_and_changed) {
  const char* name = test_name("mode");
  uvshm_region_t* region = test_region(name, 0, 64);
  uvshm_region_options_t options;
  uvshm_region_info_t info;

  (void) state;
  assert_int_equal(uvshm_region_info(region, &info), 0);
  if (info.mode == 0) {
    uvshm_region_close(region);
    skip(); /* rights are no POSIX bits here */
  }
  assert_int_equal(info.mode, 0600);
  memset(&options, 0, sizeof(options));
  options.mode = 0640;
  assert_int_equal(uvshm_region_set(region, &options), 0);
  assert_int_equal(uvshm_region_info(region, &info), 0);
  assert_int_equal(info.mode, 0640);
  options.mode = 0;
  options.group = "no such group at all";
  assert_int_equal(uvshm_region_set(region, &options), UV_EINVAL);
  uvshm_region_close(region);
}


TEST(region_without_a_name_works_alone) {
  uvshm_region_t* region = test_region(NULL, 0, 4096);

  (void) state;
  strcpy(uvshm_region_base(region), "anonymous");
  assert_int_equal(uvshm_region_grow(region, 4096), 0);
  assert_int_equal(uvshm_region_grow(region, UINT64_MAX), UV_ENOSPC);
  assert_non_null(strstr(uvshm_error_detail(), "(without a name)"));
  uvshm_region_close(region);
}


/* What a guard is for is in test-guard.c. */
TEST(region_with_a_guard_is_like_one_without) {
  const char* name = test_name("guard");
  uvshm_region_t* one = test_region(name, UVSHM_GUARD, 10000);
  uvshm_region_info_t info;
  uvshm_region_t* two;

  (void) state;
  assert_int_equal(test_region_attach(&two, name, UVSHM_GUARD | UVSHM_READONLY),
                   0);
  strcpy(uvshm_region_base(one), "guarded");
  assert_string_equal(uvshm_region_base(two), "guarded");
  assert_int_equal(uvshm_region_size(two), 10000);
  assert_int_equal(uvshm_region_info(two, &info), 0);
  uvshm_region_close(two);
  uvshm_region_close(one);
  assert_int_equal(test_region_attach(&one, name, UVSHM_GUARD), UV_ENOENT);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(region_bytes_are_seen_by_another_process),
      cmocka_unit_test(region_without_create_must_exist),
      cmocka_unit_test(region_exclusive_create_refuses_a_taken_name),
      cmocka_unit_test(region_size_is_exact_and_info_tells_the_rest),
      cmocka_unit_test(region_reads_as_zeros_and_base_is_page_aligned),
      cmocka_unit_test(region_grows_in_place_and_every_process_sees_it),
      cmocka_unit_test(region_is_gone_with_its_last_user),
      cmocka_unit_test(region_whose_last_user_was_killed_counts_as_gone),
      cmocka_unit_test(region_with_keep_outlives_every_process),
      cmocka_unit_test(region_unlinked_while_held_frees_its_name_at_once),
      cmocka_unit_test(region_attached_for_reading_cannot_be_widened),
      cmocka_unit_test(region_copy_on_write_keeps_changes_to_itself),
      cmocka_unit_test(region_window_shows_a_part),
      cmocka_unit_test(region_protect_takes_whole_pages_only),
      cmocka_unit_test(region_advice_is_followed_or_reported),
      cmocka_unit_test(region_asked_larger_than_it_is_says_both_sizes),
      cmocka_unit_test(region_misuse_is_refused_by_name),
      cmocka_unit_test(region_names_may_be_long_and_of_any_language),
      cmocka_unit_test(region_and_other_kinds_share_one_space_of_names),
      cmocka_unit_test(region_mode_can_be_given_and_changed),
      cmocka_unit_test(region_without_a_name_works_alone),
      cmocka_unit_test(region_with_a_guard_is_like_one_without),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
