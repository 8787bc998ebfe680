/* SPDX-License-Identifier: MIT */

/* The n-th call of the operating system fails, n = 1, 2, 3 ..., in every call
 * of the library that makes one. A negative result means that nothing
 * happened: no handle, no descriptor, no mapping, no name, no half-made
 * object; and the next call without a fault works. */

#include "fault.h"
#include "harness.h"
#include "uvshm.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE 100000u
#define MAX_SIZE 1000000u

/* What a handle is before an open that must not touch it. */
#define NO_HANDLE ((void*) (uintptr_t) 0x55)

static char name[128];  /* of what a scenario makes */
static char path[1300]; /* of its file */
static char kept[128];  /* of a region that stays */
static char group[16];  /* this process's own */
static uvshm_region_t* keep;


static uvshm_region_options_t making(uint32_t flags) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | flags;
  options.size = SIZE;
  options.max_size = MAX_SIZE;
  return options;
}


static uvshm_region_t* region_made(const char* of, uint32_t flags) {
  uvshm_region_options_t options = making(flags);
  uvshm_region_t* region;

  assert_int_equal(uvshm_region_open(&region, of, &options), 0);
  return region;
}


static void region_must_not_exist(const char* of, uint32_t flags) {
  uvshm_region_options_t options;
  uvshm_region_t* region;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  assert_int_equal(uvshm_region_open(&region, of, &options), UV_ENOENT);
}


/* Open with faults; on success the region is used and closed. */
static int region_opened(const char* of,
                         const uvshm_region_options_t* options) {
  uvshm_region_t* region = NO_HANDLE;
  int err;

  fault_arm();
  err = uvshm_region_open(&region, of, options);
  fault_disarm();
  if (err < 0) {
    assert_ptr_equal(region, NO_HANDLE);
    assert_string_not_equal(uvshm_strerror(err), "");
    return err;
  }
  assert_true(uvshm_region_size(region) > 0);
  if (!(options->flags & UVSHM_READONLY))
    memset(uvshm_region_base(region), 'r', 100);
  uvshm_region_close(region);
  return err;
}


static int region_create(void) {
  uvshm_region_options_t options = making(UVSHM_EXCLUSIVE);
  int err = region_opened(name, &options);

  region_must_not_exist(name, 0);
  return err;
}


static int region_anonymous(void) {
  uvshm_region_options_t options = making(0);

  return region_opened(NULL, &options);
}


static int region_in_file(uint32_t flags) {
  uvshm_region_options_t options = making(UVSHM_FILE | flags);
  int err = region_opened(path, &options);

  if (err >= 0) assert_int_equal(unlink(path), 0);
  region_must_not_exist(path, UVSHM_FILE | flags);
  return err;
}


static int region_in_managed_file(void) {
  return region_in_file(UVSHM_MANAGED);
}


static int region_in_raw_file(void) {
  return region_in_file(0);
}


static int region_attach_with(uint32_t flags) {
  uvshm_region_options_t options;
  char* bytes = uvshm_region_base(keep);
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  bytes[99999] = 'k';
  err = region_opened(kept, &options);
  assert_int_equal(bytes[99999], 'k');
  return err;
}


static int region_attach(void) {
  return region_attach_with(0);
}


static int region_attach_to_read(void) {
  return region_attach_with(UVSHM_READONLY);
}


static int region_attach_private(void) {
  return region_attach_with(UVSHM_REGION_PRIVATE);
}


static int region_attach_huge(void) {
  return region_attach_with(UVSHM_REGION_HUGE);
}


/* A close always closes. A name that it could not remove is stale: an open
 * finds nothing, and the next maker starts afresh. */
static int region_close(void) {
  uvshm_region_t* region = region_made(name, UVSHM_EXCLUSIVE);

  memset(uvshm_region_base(region), 'x', SIZE);
  fault_arm();
  uvshm_region_close(region);
  fault_disarm();
  region_must_not_exist(name, 0);
  region = region_made(name, UVSHM_EXCLUSIVE);
  assert_int_equal(*(char*) uvshm_region_base(region), 0);
  uvshm_region_close(region);
  region_must_not_exist(name, 0);
  return 0;
}


static int region_grow(void) {
  uvshm_region_t* region = region_made(name, UVSHM_EXCLUSIVE);
  int err;

  fault_arm();
  err = uvshm_region_grow(region, 500000);
  fault_disarm();
  assert_int_equal(uvshm_region_size(region), err == 0 ? 500000 : SIZE);
  if (fault_function() != NULL && fault_errno() == ENOSPC)
    assert_int_equal(err, UV_ENOSPC);
  assert_int_equal(uvshm_region_grow(region, MAX_SIZE), 0);
  memset(uvshm_region_base(region), 'g', MAX_SIZE);
  uvshm_region_close(region);
  return err;
}


static int region_unlink(void) {
  uvshm_region_t* region = region_made(name, UVSHM_EXCLUSIVE | UVSHM_KEEP);
  int err;

  uvshm_region_close(region);
  fault_arm();
  err = uvshm_region_unlink(name, 0);
  fault_disarm();
  if (err < 0) assert_int_equal(uvshm_region_unlink(name, 0), 0);
  assert_int_equal(uvshm_region_unlink(name, 0), UV_ENOENT);
  return err;
}


static int region_look(void) {
  uvshm_region_info_t info;
  int err;

  fault_arm();
  err = uvshm_region_info(keep, &info);
  fault_disarm();
  return err;
}


static int region_advice(void) {
  uvshm_region_t* region = region_made(name, UVSHM_EXCLUSIVE);
  uint32_t got;
  int err;

  fault_arm();
  err = uvshm_region_advise(
      region,
      0,
      0,
      UVSHM_ADVISE_PREFAULT | UVSHM_ADVISE_LOCK | UVSHM_ADVISE_HUGE,
      &got);
  if (err == 0) err = uvshm_region_sync(region, 0, 0, 1);
  if (err == 0)
    err = uvshm_region_protect(region, 0, 65536, UVSHM_PROTECT_READ);
  fault_disarm();
  uvshm_region_close(region);
  return err;
}


static int region_rights(void) {
  uvshm_region_options_t options;
  uvshm_region_info_t info;
  int err;

  memset(&options, 0, sizeof(options));
  options.mode = 0640;
  options.group = group;
  fault_arm();
  err = uvshm_region_set(keep, &options);
  fault_disarm();
  assert_int_equal(uvshm_region_info(keep, &info), 0);
  assert_int_equal(info.mode, err == 0 ? 0640 : 0600);
  options.mode = 0600;
  assert_int_equal(uvshm_region_set(keep, &options), 0);
  return err;
}

/* ---- segments and what lies in them -------------------------------------- */

static uvshm_segment_options_t segment_options(uint32_t flags) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = SIZE;
  options.max_size = MAX_SIZE;
  return options;
}


static int segment_create(void) {
  uvshm_segment_options_t options =
      segment_options(UVSHM_CREATE | UVSHM_EXCLUSIVE);
  uvshm_segment_t* segment = NO_HANDLE;
  int err;

  fault_arm();
  err = uvshm_segment_open(&segment, name, &options);
  fault_disarm();
  if (err < 0) {
    assert_ptr_equal(segment, NO_HANDLE);
  } else {
    assert_int_equal(uvshm_segment_check(segment), 0);
    uvshm_segment_close(segment);
  }
  options.flags = 0;
  assert_int_equal(uvshm_segment_open(&segment, name, &options), UV_ENOENT);
  return err;
}


/* A lock in a segment, from open to close, with a fault anywhere. */
static int segment_use(void) {
  uvshm_segment_options_t options = segment_options(UVSHM_CREATE);
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex = NULL;
  uvshm_sem_t* sem = NULL;
  int err;

  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  fault_arm();
  err = uvshm_segment_grow(segment, 500000);
  if (err == 0) err = uvshm_mutex_open(&mutex, segment, "mutex", NULL);
  if (err == 0) err = uvshm_sem_open(&sem, segment, "sem", NULL);
  if (err == 0) err = uvshm_mutex_lock(mutex, 1000);
  if (err == 0) err = uvshm_mutex_unlock(mutex);
  if (err == 0) err = uvshm_sem_post(sem, 1);
  if (err == 0) err = uvshm_sem_wait(sem, 1000);
  fault_disarm();
  uvshm_sem_close(sem);
  uvshm_mutex_close(mutex);
  assert_int_equal(uvshm_segment_check(segment), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "mutex", NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 1000), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  return err;
}


static int segment_close(void) {
  uvshm_segment_options_t options = segment_options(UVSHM_CREATE);
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;

  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "mutex", NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 1000), 0);
  fault_arm();
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  fault_disarm();
  options.flags |= UVSHM_EXCLUSIVE;
  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  uvshm_segment_close(segment);
  return 0;
}


static int mutex_by_name(void) {
  uvshm_mutex_t* mutex = NO_HANDLE;
  int err;

  fault_arm();
  err = uvshm_mutex_open(&mutex, NULL, name, NULL);
  if (err < 0) assert_ptr_equal(mutex, NO_HANDLE);
  if (err == 0) {
    err = uvshm_mutex_lock(mutex, 1000);
    if (err == 0) err = uvshm_mutex_unlock(mutex);
    uvshm_mutex_close(mutex);
  }
  fault_disarm();
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 1000), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  return err;
}


static int sem_by_name(void) {
  uvshm_sem_t* sem = NO_HANDLE;
  int err;

  fault_arm();
  err = uvshm_sem_open(&sem, NULL, name, NULL);
  if (err < 0) assert_ptr_equal(sem, NO_HANDLE);
  if (err == 0) {
    err = uvshm_sem_post(sem, 1);
    uvshm_sem_close(sem);
  }
  fault_disarm();
  assert_int_equal(uvshm_sem_open(&sem, NULL, name, NULL), 0);
  uvshm_sem_close(sem);
  return err;
}


static int names_list(void) {
  uvshm_names_t* names = NO_HANDLE;
  uvshm_name_info_t info;
  int err;

  fault_arm();
  err = uvshm_names_open(&names, 0);
  fault_disarm();
  if (err < 0) {
    assert_ptr_equal(names, NO_HANDLE);
    return err;
  }
  fault_arm();
  err = uvshm_names_next(names, &info);
  fault_disarm();
  uvshm_names_close(names);
  return err == UV_ENOENT ? 0 : err;
}


static int name_look(void) {
  uvshm_name_info_t info;
  int err;

  fault_arm();
  err = uvshm_name_info(kept, 0, &info);
  fault_disarm();
  return err;
}


#define SCENARIOS(X)                                                           \
 X(region_create)                                                              \
 X(region_anonymous)                                                           \
 X(region_in_managed_file)                                                     \
 X(region_in_raw_file)                                                         \
 X(region_attach)                                                              \
 X(region_attach_to_read)                                                      \
 X(region_attach_private)                                                      \
 X(region_attach_huge)                                                         \
 X(region_close)                                                               \
 X(region_grow)                                                                \
 X(region_unlink)                                                              \
 X(region_look)                                                                \
 X(region_advice)                                                              \
 X(region_rights)                                                              \
 X(segment_create)                                                             \
 X(segment_use)                                                                \
 X(segment_close)                                                              \
 X(mutex_by_name)                                                              \
 X(sem_by_name)                                                                \
 X(names_list)                                                                 \
 X(name_look)

#define CASE(scenario)                                                         \
 static void fault_in_##scenario(void** state) {                               \
  (void) state;                                                                \
  fault_drive(scenario);                                                       \
 }
SCENARIOS(CASE)
#undef CASE


/* Where all handles of an object share descriptors, the one for reading stays
 * open from the first time on. */
static int open_for_reading(void) {
  uvshm_region_options_t options;
  uvshm_region_t* reader;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_READONLY;
  if (uvshm_region_open(&reader, kept, &options) < 0) return -1;
  uvshm_region_close(reader);
  return 0;
}


static int set_up(void** state) {
  (void) state;
  snprintf(name, sizeof(name), "%s", test_name("fault"));
  snprintf(path, sizeof(path), "%s", test_path("fault"));
  snprintf(kept, sizeof(kept), "%s", test_name("fault-kept"));
  snprintf(group, sizeof(group), "%lu", (unsigned long) getegid());
  keep = region_made(kept, UVSHM_EXCLUSIVE);
  return open_for_reading();
}


static int tear_down(void** state) {
  (void) state;
  uvshm_region_close(keep);
  return test_leftovers() == 0 ? 0 : -1;
}


int main(int argc, char** argv) {
#define CASE(scenario) cmocka_unit_test(fault_in_##scenario),
  static const struct CMUnitTest cases[] = {SCENARIOS(CASE)};
#undef CASE

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests(cases, set_up, tear_down);
}
