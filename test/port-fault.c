/* SPDX-License-Identifier: MIT */

/* The n-th call of the operating system fails, n = 1, 2, 3 ..., in every
 * operation of src/port.h. On error nothing has been acquired and no result has
 * been written: not a descriptor, not a mapping, not a name, not a byte. */

#include "conformance.h"
#include "fault.h"

#include "port_caps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#define PATTERN 0xa5

static char kept[128];    /* name of `keep` */
static char name[128];    /* of an object that a scenario makes */
static char path[1300];   /* of its file */
static char group[16];    /* this process's own */
static char foreign[160]; /* its shm_open() name */


/* A result that nothing was written to. */
static int untouched(const void* result, size_t size) {
  const unsigned char* bytes = result;
  size_t i;

  for (i = 0; i < size; i++)
    if (bytes[i] != PATTERN) return 0;
  return 1;
}


/* Is there something of that name? Found without a fault. */
static void must_not_exist(const struct uvshm__port_spec* spec) {
  struct uvshm__port_object object;

  assert_int_equal(uvshm__port_find(&object, spec), UV_ENOENT);
}


static struct uvshm__port_spec spec_with(uint32_t origin) {
  struct uvshm__port_spec spec = spec_of(name);

  spec.origin = origin;
  if (origin == UVSHM__PORT_ANONYMOUS) spec.name = NULL;
  if (origin == UVSHM__PORT_FILE || origin == UVSHM__PORT_RAW_FILE)
    spec.name = path;
  if (origin == UVSHM__PORT_FOREIGN) spec.name = foreign;
  return spec;
}


static int make_and_publish(const struct uvshm__port_spec* spec) {
  struct uvshm__port_object object;
  int err;

  memset(&object, PATTERN, sizeof(object));
  fault_arm();
  err = uvshm__port_make(&object, spec, SIZE);
  if (err == 0) err = uvshm__port_publish(&object);
  fault_disarm();
  if (err == 0) {
    uvshm__port_gate_leave(&object);
    if (spec->origin != UVSHM__PORT_ANONYMOUS &&
        spec->origin != UVSHM__PORT_RAW_FILE &&
        spec->origin != UVSHM__PORT_FOREIGN)
      while ((err = uvshm__port_gate_enter(&object)) == UV_EAGAIN)
        test_sleep_ms(1);
    assert_int_equal(err, 0);
    assert_int_equal(uvshm__port_unlink(&object), 0);
  }
  if (!untouched(&object, sizeof(object))) uvshm__port_drop(&object);
  if (spec->name != NULL) must_not_exist(spec);
  return err;
}


static int make_named(void) {
  struct uvshm__port_spec spec = spec_with(UVSHM__PORT_NAMED);

  spec.group = group;
  return make_and_publish(&spec);
}


static int make_anonymous(void) {
  struct uvshm__port_spec spec = spec_with(UVSHM__PORT_ANONYMOUS);

  return make_and_publish(&spec);
}


static int make_file(void) {
  struct uvshm__port_spec spec = spec_with(UVSHM__PORT_FILE);

  return make_and_publish(&spec);
}


static int make_raw(void) {
  struct uvshm__port_spec spec = spec_with(UVSHM__PORT_RAW_FILE);

  return make_and_publish(&spec);
}


static int make_foreign(void) {
  struct uvshm__port_spec spec = spec_with(UVSHM__PORT_FOREIGN);

  return make_and_publish(&spec);
}


static int make_and_find_sysv(void) {
  struct uvshm__port_spec spec = spec_with(UVSHM__PORT_FOREIGN);
  struct uvshm__port_object made;
  struct uvshm__port_object found;
  struct uvshm__port_view view;
  int err;

  memset(&found, PATTERN, sizeof(found));
  memset(&view, PATTERN, sizeof(view));
  spec.name = "sysv:private";
  fault_arm();
  err = uvshm__port_make(&made, &spec, SIZE);
  fault_disarm();
  if (err < 0) return err;
  spec.name = made.system_name;
  fault_arm();
  err = uvshm__port_find(&found, &spec);
  if (err == 0)
    err = uvshm__port_map(&view, &found, 0, SIZE, SIZE, UVSHM__PORT_WRITE, 0);
  fault_disarm();
  if (err == 0)
    uvshm__port_unmap(&view);
  else
    assert_true(untouched(&view, sizeof(view)));
  if (!untouched(&found, sizeof(found))) uvshm__port_drop(&found);
  assert_int_equal(uvshm__port_unlink(&made), 0);
  uvshm__port_drop(&made);
  return err;
}


/* An object to try things on; `keep` is what scenarios share. */
static struct subject keep;


static int find_it(uint32_t readonly) {
  struct uvshm__port_spec spec = spec_of(kept);
  struct uvshm__port_object object;
  int err;

  memset(&object, PATTERN, sizeof(object));
  spec.readonly = readonly;
  fault_arm();
  err = uvshm__port_find(&object, &spec);
  fault_disarm();
  if (err == 0)
    uvshm__port_drop(&object);
  else
    assert_true(untouched(&object, sizeof(object)));

  /* Its gate is free again. */
  assert_int_equal(subject_enter_wait(&keep), 0);
  uvshm__port_gate_leave(&keep.object);
  return err;
}


static int find_for_writing(void) {
  return find_it(0);
}


static int find_for_reading(void) {
  return find_it(1);
}


static int find_by_system_name(void) {
  struct uvshm__port_object object;
  int err;

  memset(&object, PATTERN, sizeof(object));
  fault_arm();
  err = uvshm__port_find_system(&object, keep.object.system_name);
  fault_disarm();
  if (err == 0)
    uvshm__port_drop(&object);
  else
    assert_true(untouched(&object, sizeof(object)));
  return err;
}


static int find_plain(uint32_t origin) {
  struct uvshm__port_spec spec = spec_with(origin);
  struct uvshm__port_object made;
  struct uvshm__port_object object;
  int err;

  assert_int_equal(uvshm__port_make(&made, &spec, 1000), 0);
  memset(&object, PATTERN, sizeof(object));
  fault_arm();
  err = uvshm__port_find(&object, &spec);
  fault_disarm();
  if (err == 0)
    uvshm__port_drop(&object);
  else
    assert_true(untouched(&object, sizeof(object)));
  assert_int_equal(uvshm__port_unlink(&made), 0);
  uvshm__port_drop(&made);
  return err;
}


static int find_raw(void) {
  return find_plain(UVSHM__PORT_RAW_FILE);
}


static int find_foreign(void) {
  return find_plain(UVSHM__PORT_FOREIGN);
}


static int enter_gate(void) {
  struct uvshm__port_spec spec = spec_of(kept);
  struct subject other;
  int err;

  fault_arm();
  err = uvshm__port_gate_enter(&keep.object);
  fault_disarm();
  assert_int_equal(keep.object.gated, err == 0);
  if (err == 0)
    assert_int_equal(subject_find(&other, &spec), UV_EAGAIN);
  else
    assert_int_equal(subject_find_wait(&other, &spec), 0);
  subject_drop(&other);
  uvshm__port_gate_leave(&keep.object);
  return err;
}


static int unlink_name(void) {
  struct uvshm__port_spec spec = spec_of(name);
  struct subject subject;
  int err;

  subject_create(&subject, spec.name);
  assert_int_equal(subject_enter_wait(&subject), 0);
  fault_arm();
  err = uvshm__port_unlink(&subject.object);
  fault_disarm();
  if (err < 0) assert_int_equal(uvshm__port_unlink(&subject.object), 0);
  subject_drop(&subject);
  must_not_exist(&spec);
  return err;
}


/* The slot is ours or it is free, and nothing in between. */
static int claim_slot(uint32_t slot) {
  struct uvshm__port_claim claim;
  int alive = 0;
  int err;

  memset(&claim, PATTERN, sizeof(claim));
  fault_arm();
  err = uvshm__port_claim(&claim, &keep.object, slot);
  fault_disarm();
  if (err < 0) assert_true(untouched(&claim, sizeof(claim)));
  if (slot != UVSHM__PORT_READERS) {
    assert_int_equal(uvshm__port_alive(&keep.object, slot, &alive), 0);
    assert_int_equal(alive, err == 0);
  }
  if (err == 0) uvshm__port_unclaim(&claim);
  if (slot != UVSHM__PORT_READERS) {
    assert_int_equal(uvshm__port_alive(&keep.object, slot, &alive), 0);
    assert_int_equal(alive, 0);
  }
  return err;
}


static int claim_without_gate(void) {
  return claim_slot(3);
}


static int claim_in_gate(void) {
  int err;
  int used;

  assert_int_equal(subject_enter_wait(&keep), 0);
  err = claim_slot(3);
  assert_int_equal(uvshm__port_in_use(&keep.object, &used), 0);
  assert_int_equal(used, 0);
  uvshm__port_gate_leave(&keep.object);
  return err;
}


static int claim_as_reader(void) {
  return claim_slot(UVSHM__PORT_READERS);
}


static int ask_alive(void) {
  struct uvshm__port_claim claim;
  int alive = -1;
  int err;

  assert_int_equal(uvshm__port_claim(&claim, &keep.object, 9), 0);
  fault_arm();
  err = uvshm__port_alive(&keep.object, 9, &alive);
  fault_disarm();
  assert_int_equal(err, 0);
  assert_int_equal(alive, 1); /* also in doubt */
  uvshm__port_unclaim(&claim);
  return err;
}


static int ask_in_use(void) {
  int used = -1;
  int err;

  assert_int_equal(subject_enter_wait(&keep), 0);
  fault_arm();
  err = uvshm__port_in_use(&keep.object, &used);
  fault_disarm();
  assert_int_equal(used, err == 0 ? 0 : -1);
  uvshm__port_gate_leave(&keep.object);
  return err;
}


static int test_peers(void) {
  int err;
  int used;

  fault_arm();
  err = uvshm__port_peer_test(&keep.object);
  fault_disarm();
  assert_int_equal(subject_enter_wait(&keep), 0);
  assert_int_equal(uvshm__port_in_use(&keep.object, &used), 0);
  assert_int_equal(used, 0);
  uvshm__port_gate_leave(&keep.object);
  return err;
}


static int map_it(uint32_t access, uint32_t huge) {
  struct uvshm__port_view view;
  int err;

  memset(&view, PATTERN, sizeof(view));
  fault_arm();
  err = uvshm__port_map(&view, &keep.object, 0, RESERVE, SIZE, access, huge);
  if (err == 0) uvshm__port_protect(view.addr, SIZE, UVSHM__PORT_READ);
  fault_disarm();
  if (err < 0) assert_true(untouched(&view, sizeof(view)));
  if (err == 0) uvshm__port_unmap(&view);
  return err;
}


static int map_shared(void) {
  return map_it(UVSHM__PORT_WRITE, 0);
}


static int map_copy(void) {
  return map_it(UVSHM__PORT_COPY, 0);
}


static int map_huge(void) {
  return map_it(UVSHM__PORT_WRITE, 1);
}


static int advise(void) {
  struct subject subject;
  uint32_t got;
  void* addr;
  int err;

  subject_create(&subject, name);
  addr = subject.view.addr;
  fault_arm();
  err = uvshm__port_prefault(addr, SIZE, 1);
  if (err == 0) err = uvshm__port_pin(addr, SIZE);
  if (err == 0) err = uvshm__port_huge(addr, SIZE, &got);
  if (err == 0) err = uvshm__port_sync(&subject.object, addr, SIZE, 1);
  fault_disarm();
  subject_remove(&subject);
  return err;
}


static int grow_it(void) {
  struct subject subject;
  uvshm__a64_t* committed;
  int err;

  subject_create(&subject, name);
  committed = &subject_header(&subject)->committed;
  fault_arm();
  err = uvshm__port_grow(&subject.object, &subject.view, committed, 3 * SIZE);
  fault_disarm();
  assert_int_equal(uvshm__a64_load_acquire(committed),
                   err == 0 ? 3 * SIZE : SIZE);
  if (err < 0 && (fault_errno() == ENOSPC || fault_errno() == EFBIG))
    assert_int_equal(err, UV_ENOSPC);
  assert_int_equal(
      uvshm__port_grow(&subject.object, &subject.view, committed, 4 * SIZE), 0);
  *(volatile char*) subject_word(&subject, 4 * SIZE - 1) = 1;
  subject_remove(&subject);
  return err;
}


static int grow_by_writing(void) {
  int err;

  fault_always("fallocate64", EOPNOTSUPP);
  err = grow_it();
  fault_always(NULL, 0);
  return err;
}


static int count_names(void* arg, const char* each, const char* system_name) {
  (void) each;
  (void) system_name;
  ++*(int*) arg;
  return 0;
}


static int list_names(void) {
  int count = 0;
  int err;

  fault_arm();
  err = uvshm__port_each_name(NULL, 1, count_names, &count);
  fault_disarm();
  return err;
}


static int set_rights(void) {
  struct uvshm__port_spec spec = spec_with(UVSHM__PORT_NAMED);
  struct uvshm__port_attributes attributes;
  int err;

  spec.mode = 0640;
  spec.group = group;
  fault_arm();
  err = uvshm__port_set_rights(&keep.object, &spec);
  fault_disarm();
  assert_int_equal(uvshm__port_attributes(&keep.object, &attributes), 0);
  assert_int_equal(attributes.mode, err == 0 ? 0640 : 0600);
  spec.mode = 0600;
  assert_int_equal(uvshm__port_set_rights(&keep.object, &spec), 0);
  return err;
}


static int look_at_it(void) {
  struct uvshm__port_attributes attributes;
  unsigned char bytes[512];
  uint64_t number;
  int err;

  memset(&attributes, PATTERN, sizeof(attributes));
  fault_arm();
  err = uvshm__port_attributes(&keep.object, &attributes);
  if (err == 0) err = uvshm__port_peek(&keep.object, bytes, sizeof(bytes));
  if (err == 0) err = uvshm__port_random(&number, sizeof(number));
  fault_disarm();
  return err;
}


static int hand_over(void) {
  struct uvshm__port_spec spec = spec_with(UVSHM__PORT_ANONYMOUS);
  struct uvshm__port_object object;
  struct uvshm__port_object other;
  intptr_t handle;
  int err;

  assert_int_equal(uvshm__port_make(&object, &spec, SIZE), 0);
  assert_int_equal(uvshm__port_publish(&object), 0);
  uvshm__port_gate_leave(&object);
  memset(&other, PATTERN, sizeof(other));
  fault_arm();
  err = uvshm__port_export(&object, 1, &handle);
  fault_disarm();
  if (err == 0) {
    fault_arm();
    err = uvshm__port_import(&other, handle);
    fault_disarm();
    if (err == 0) {
      uvshm__port_drop(&other);
    } else {
      assert_true(untouched(&other, sizeof(other)));
      uvshm__port_export_close(handle);
    }
  }
  uvshm__port_drop(&object);
  return err;
}


/* One case for each scenario. */
#define SCENARIOS(X)                                                           \
 X(make_named)                                                                 \
 X(make_anonymous)                                                             \
 X(make_file)                                                                  \
 X(make_raw)                                                                   \
 X(make_foreign)                                                               \
 X(make_and_find_sysv)                                                         \
 X(find_for_writing)                                                           \
 X(find_for_reading)                                                           \
 X(find_by_system_name)                                                        \
 X(find_raw)                                                                   \
 X(find_foreign)                                                               \
 X(enter_gate)                                                                 \
 X(unlink_name)                                                                \
 X(claim_without_gate)                                                         \
 X(claim_in_gate)                                                              \
 X(claim_as_reader)                                                            \
 X(ask_alive)                                                                  \
 X(ask_in_use)                                                                 \
 X(test_peers)                                                                 \
 X(map_shared)                                                                 \
 X(map_copy)                                                                   \
 X(map_huge)                                                                   \
 X(advise)                                                                     \
 X(grow_it)                                                                    \
 X(grow_by_writing)                                                            \
 X(list_names)                                                                 \
 X(set_rights)                                                                 \
 X(look_at_it)                                                                 \
 X(hand_over)

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
  struct uvshm__port_spec spec = spec_readonly(kept);
  struct subject reader;

  if (subject_find_wait(&reader, &spec) < 0) return -1;
  subject_drop(&reader);
  return 0;
}


static int set_up(void** state) {
  (void) state;
  snprintf(name, sizeof(name), "%s", test_name("fault"));
  snprintf(path, sizeof(path), "%s", test_path("fault"));
  snprintf(foreign, sizeof(foreign), "/%s", test_name("fault-foreign"));
  snprintf(kept, sizeof(kept), "%s", test_name("fault-kept"));
  snprintf(group, sizeof(group), "%lu", (unsigned long) getegid());
  subject_create(&keep, kept);
  return open_for_reading();
}


static int tear_down(void** state) {
  (void) state;
  subject_remove(&keep);
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
