/* SPDX-License-Identifier: MIT */

/* Section name of src/port.h: making, publishing, finding, listing. */

#include "conformance.h"

#include "port_caps.h"

#include <stdio.h>
#include <string.h>

#define MAKERS 4


void name_of_nothing_is_enoent(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("nothing"));
  struct subject subject;

  (void) state;
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
  spec.readonly = 1;
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
}


void name_is_not_found_before_publish(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("publish"));
  struct test_process agent;
  struct subject subject;
  const char* answer;

  (void) state;
  agent_start(&agent);
  assert_int_equal(subject_make(&subject, &spec), 0);
  answer = agent_ask(&agent, "try %s", spec.name);
  assert_true(strcmp(answer, "ENOENT") == 0 || strcmp(answer, "EAGAIN") == 0);

  /* The maker has the gate from the first moment. */
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  agent_must(&agent, "EAGAIN", "try %s", spec.name);
  uvshm__port_gate_leave(&subject.object);
  agent_must(&agent, "0", "find %s", spec.name);
  agent_must(&agent, "0", "drop");
  subject_remove(&subject);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


void name_new_memory_reads_as_zeros(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("zeros"));
  struct subject subject;
  const unsigned char* bytes;
  size_t i;

  (void) state;
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_true(subject.object.storage >= SIZE);
  bytes = subject.view.addr;
  for (i = sizeof(struct subject_header); i < SIZE; i++)
    assert_int_equal(bytes[i], 0);
  subject_drop(&subject);
}


void name_leads_other_processes_to_the_same_bytes(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("same");

  (void) state;
  agent_start(&agent);
  subject_create(&subject, name);
  uvshm__a32_store_release(subject_word(&subject, 4096), 4711);
  agent_must(&agent, "0", "find %s", name);
  agent_must(&agent, "0", "map %u", UVSHM__PORT_WRITE);
  agent_must(&agent, "0", "leave");
  agent_must(&agent, "4711", "load 4096");
  agent_must(&agent, "0", "store 8192 42");
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&subject, 8192)), 42);
  agent_must(&agent, "0", "drop");
  subject_remove(&subject);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


void name_is_given_to_one_maker_only(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("one"));
  struct test_process agent;
  struct subject subject;
  char answer[64];

  (void) state;
  agent_start(&agent);
  assert_int_equal(subject_make(&subject, &spec), 0);
  snprintf(
      answer, sizeof(answer), "%s", agent_ask(&agent, "make %s", spec.name));
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  if (strcmp(answer, "0") == 0)
    snprintf(answer, sizeof(answer), "%s", agent_ask(&agent, "publish"));
  assert_true(strcmp(answer, "EEXIST") == 0 || strcmp(answer, "EAGAIN") == 0);
  agent_must(&agent, "0", "drop");

  /* The loser's attempt took nothing away. */
  uvshm__port_gate_leave(&subject.object);
  agent_must(&agent, "0", "find %s", spec.name);
  agent_must(&agent, "0", "drop");
  subject_remove(&subject);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


/* All make and publish before any answer is read; which of them won? -1: none,
 * each was kept away by another. */
static int race(struct test_process* makers, const char* name) {
  char line[300];
  int winner = -1;
  int i;

  for (i = 0; i < MAKERS; i++) {
    snprintf(line, sizeof(line), "make %s", name);
    test_tell(&makers[i], line);
    test_tell(&makers[i], "publish");
  }
  for (i = 0; i < MAKERS; i++) {
    test_expect_line(&makers[i], line, sizeof(line)); /* of make */
    assert_true(strcmp(line, "0") == 0 || strcmp(line, "EEXIST") == 0 ||
                strcmp(line, "EAGAIN") == 0);
    test_expect_line(&makers[i], line, sizeof(line)); /* of publish */
    if (strcmp(line, "0") != 0) continue;
    assert_int_equal(winner, -1);
    winner = i;
  }
  return winner;
}


void name_of_many_makers_at_once_one_wins(void** state) {
  struct test_process makers[MAKERS];
  const char* name = test_name("race");
  int wins = 0;
  int winner;
  int round;
  int i;

  (void) state;
  for (i = 0; i < MAKERS; i++) agent_start(&makers[i]);
  for (round = 0; round < 20; round++) {
    winner = race(makers, name);
    if (winner >= 0) {
      wins++;
      agent_must(&makers[winner], "0", "unlink");
    }
    for (i = 0; i < MAKERS; i++) agent_must(&makers[i], "0", "drop");
  }
  assert_true(wins > 0);
  for (i = 0; i < MAKERS; i++) {
    test_tell(&makers[i], "exit");
    assert_int_equal(test_join(&makers[i]), 0);
  }
}


void name_maker_killed_before_publish_leaves_nothing(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("orphan"));
  struct test_process agent;
  struct subject subject;
  uint64_t deadline;
  int err;

  (void) state;
  agent_start(&agent);
  agent_must(&agent, "0", "make %s", spec.name);
  agent_must(&agent, "0", "claim 0");
  test_kill(&agent);
  assert_int_equal(subject_find_wait(&subject, &spec), UV_ENOENT);

  deadline = test_now_ms() + TEST_PATIENCE_MS;
  while ((err = subject_make(&subject, &spec)) == UV_EAGAIN &&
         test_now_ms() < deadline)
    test_sleep_ms(1);
  assert_int_equal(err, 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  subject_remove(&subject);
}


void name_maker_that_drops_before_publish_leaves_nothing(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("undone"));
  struct subject subject;

  (void) state;
  assert_int_equal(subject_make(&subject, &spec), 0);
  subject_drop(&subject);
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
  subject_create(&subject, spec.name);
  subject_remove(&subject);
}


void name_of_200_bytes_and_names_that_differ_in_the_last(void** state) {
  struct test_process agent;
  struct subject a;
  struct subject b;
  char name_a[201];
  char name_b[201];
  size_t size;

  (void) state;
  snprintf(name_a, sizeof(name_a), "%s", test_name("long"));
  size = strlen(name_a);
  memset(name_a + size, 'x', 200 - size);
  name_a[200] = '\0';
  memcpy(name_b, name_a, sizeof(name_b));
  name_b[199] = 'y';

  agent_start(&agent);
  subject_create(&a, name_a);
  subject_create(&b, name_b);
  uvshm__a32_store_release(subject_word(&a, 4096), 1);
  uvshm__a32_store_release(subject_word(&b, 4096), 2);
  agent_must(&agent, "0", "find %s", name_b);
  agent_must(&agent, "0", "map %u", UVSHM__PORT_READ);
  agent_must(&agent, "2", "load 4096");
  agent_must(&agent, "0", "drop");
  subject_remove(&a);
  subject_remove(&b);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


void name_in_utf8_is_found(void** state) {
  struct test_process agent;
  struct subject subject;
  char name[128];

  (void) state;
  snprintf(name,
           sizeof(name),
           "%s-\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98",
           test_name("utf8"));
  agent_start(&agent);
  subject_create(&subject, name);
  agent_must(&agent, "0", "find %s", name);
  agent_must(&agent, "0", "drop");
  subject_remove(&subject);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


void name_scopes_are_apart(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("scope"));
  struct subject user;
  struct subject system;
  int err;

  (void) state;
  spec.system = 1;
  err = subject_make(&system, &spec);
  if (err == UV_EPERM || err == UV_EACCES) skip(); /* needs a privilege */
  assert_int_equal(err, 0);
  assert_int_equal(uvshm__port_publish(&system.object), 0);
  uvshm__port_gate_leave(&system.object);
  spec.system = 0;
  assert_int_equal(subject_find(&user, &spec), UV_ENOENT);
  subject_create(&user, spec.name);
  subject_remove(&system);
  assert_int_equal(subject_find_wait(&system, &spec), 0);
  subject_drop(&system);
  subject_remove(&user);
}


/* ---- listing ------------------------------------------------------------- */

struct sought {
  const char* name;
  const char* system_name;
  char found[1024];
  int count;
  int calls;
};


static int look(void* arg, const char* name, const char* system_name) {
  struct sought* sought = arg;

  sought->calls++;
  if (strcmp(system_name, sought->system_name) != 0) return 0;
  if (name != NULL && strcmp(name, sought->name) != 0) return 0;
  snprintf(sought->found, sizeof(sought->found), "%s", system_name);
  sought->count++;
  return 0;
}


static int find_system_wait(struct uvshm__port_object* object,
                            const char* system_name) {
  uint64_t deadline = test_now_ms() + TEST_PATIENCE_MS;
  int err;

  while ((err = uvshm__port_find_system(object, system_name)) == UV_EAGAIN &&
         test_now_ms() < deadline)
    test_sleep_ms(1);
  return err;
}


void name_lists_what_exists(void** state) {
  const char* name = test_name("listed");
  struct sought sought = {0};
  struct uvshm__port_object object;
  struct subject_header header;
  struct subject subject;

  (void) state;
  subject_create(&subject, name);
  sought.name = name;
  sought.system_name = subject.object.system_name;
  assert_int_equal(uvshm__port_each_name(NULL, 0, look, &sought), 0);
  assert_int_equal(sought.count, 1);
  assert_int_equal(uvshm__port_each_name(NULL, 1, look, &sought), 0);
  assert_int_equal(sought.count, 2);

  assert_int_equal(find_system_wait(&object, sought.found), 0);
  assert_int_equal(uvshm__port_peek(&object, &header, sizeof(header)), 0);
  assert_memory_equal(header.id, subject.object.id, sizeof(header.id));
  uvshm__port_drop(&object);

  sought.count = 0;
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_unlink(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  assert_int_equal(uvshm__port_each_name(NULL, 1, look, &sought), 0);
  assert_int_equal(sought.count, 0);
  assert_true(uvshm__port_find_system(&object, sought.found) < 0);
  subject_drop(&subject);
}


static int stop_at_first(void* arg, const char* name, const char* system_name) {
  (void) name;
  (void) system_name;
  ++*(int*) arg;
  return 7;
}


void name_listing_stops_when_told(void** state) {
  struct subject a;
  struct subject b;
  int calls = 0;

  (void) state;
  subject_create(&a, test_name("stop-a"));
  subject_create(&b, test_name("stop-b"));
  assert_int_equal(uvshm__port_each_name(NULL, 0, stop_at_first, &calls), 7);
  assert_int_equal(calls, 1);
  subject_remove(&a);
  subject_remove(&b);
}


void name_kept_object_outlives_its_users(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("keep"));
  struct test_process agent;
  struct subject subject;

  (void) state;
  agent_start(&agent);
  agent_must(&agent, "0", "spec 0 0 1 0");
  agent_must(&agent, "0", "make %s", spec.name);
  agent_must(&agent, "0", "store 4096 77");
  agent_must(&agent, "0", "publish");
  agent_must(&agent, "0", "drop");
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);

  spec.keep = 1;
  assert_int_equal(subject_find_wait(&subject, &spec), 0);
  assert_int_equal(subject_map(&subject, UVSHM__PORT_READ), 0);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&subject, 4096)), 77);
  subject_remove(&subject);
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
}


void name_peek_reads_without_a_mapping(void** state) {
  struct subject subject;
  unsigned char* bytes = test_malloc(RESERVE + SIZE);

  (void) state;
  subject_create(&subject, test_name("peek"));
  uvshm__a32_store_release(subject_word(&subject, 4096), 0x01020304);
  assert_int_equal(uvshm__port_peek(&subject.object, bytes, 8192), 0);
  assert_memory_equal(bytes, subject.view.addr, 8192);
  assert_int_equal(uvshm__port_peek(&subject.object, bytes, RESERVE + SIZE),
                   UV_EPROTO);
  subject_remove(&subject);
  test_free(bytes);
}


/* Where there are no such calls, each of them says so. */
void name_calls_and_mappings_see_each_other(void** state) {
  static const unsigned char more[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  struct subject subject;
  unsigned char bytes[16];
  int expected;

  (void) state;
  subject_create(&subject, test_name("calls"));
  expected = uvshm__port_takes_calls(&subject.object) ? 0 : UV_ENOTSUP;
  uvshm__a32_store_release(subject_word(&subject, 4096), 0x01020304);
  assert_int_equal(uvshm__port_read_at(&subject.object, 4096, bytes, 4),
                   expected);
  if (expected == 0)
    assert_memory_equal(bytes, subject_word(&subject, 4096), 4);
  assert_int_equal(
      uvshm__port_write_at(&subject.object, 8192, more, sizeof(more)),
      expected);
  if (expected == 0)
    assert_memory_equal(more, subject_word(&subject, 8192), sizeof(more));
  /* Not even where there are such calls does one reach beyond the end. */
  assert_int_not_equal(
      uvshm__port_read_at(&subject.object, SIZE - 4, bytes, sizeof(bytes)), 0);
  assert_int_equal(uvshm__port_measure(&subject.object), 0);
  assert_true(subject.object.storage >= SIZE);
  subject_remove(&subject);
}


void name_attributes_tell_size_and_owner(void** state) {
  struct uvshm__port_attributes attributes;
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("owner"));
  memset(&attributes, 'x', sizeof(attributes));
  assert_int_equal(uvshm__port_attributes(&subject.object, &attributes), 0);
  assert_true(attributes.storage_size >= SIZE);
  assert_int_equal(attributes.own, 1);
  assert_true(attributes.owner[0] != '\0');
  assert_non_null(memchr(attributes.owner, 0, sizeof(attributes.owner)));
  assert_non_null(memchr(attributes.sddl, 0, sizeof(attributes.sddl)));
  assert_non_null(subject.object.system_name);
  subject_remove(&subject);
}
