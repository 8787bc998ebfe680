/* SPDX-License-Identifier: MIT */

/* Section peer of src/port.h. */

#include "conformance.h"

#include <string.h>


/* An agent that has found `name` and claimed `slot`, outside the gate. */
static void agent_with_claim(struct test_process* agent,
                             const char* name,
                             uint32_t slot) {
  agent_start(agent);
  agent_must(agent, "0", "find %s", name);
  agent_must(agent, "0", "claim %u", slot);
  agent_must(agent, "0", "leave");
}


static void agent_end(struct test_process* agent) {
  test_tell(agent, "exit");
  assert_int_equal(test_join(agent), 0);
}


void claim_is_refused_to_other_processes(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("claim");

  (void) state;
  subject_create(&subject, name);
  agent_with_claim(&agent, name, 3);
  assert_int_equal(subject_claim(&subject, 3), UV_EBUSY);
  assert_int_equal(subject_claim(&subject, 4), 0);
  agent_must(&agent, "EBUSY", "claim 4");
  agent_must(&agent, "0", "drop");
  agent_end(&agent);
  subject_remove(&subject);
}


void claim_is_refused_to_other_handles(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("claim-handle"));
  struct uvshm__port_claim again;
  struct subject subject;
  struct subject other;

  (void) state;
  subject_create(&subject, spec.name);
  assert_int_equal(subject_find_wait(&other, &spec), 0);
  assert_int_equal(subject_claim(&subject, 0), 0);
  assert_int_equal(subject_claim(&other, 0), UV_EBUSY);
  assert_int_equal(uvshm__port_claim(&again, &subject.object, 0), UV_EBUSY);
  assert_int_equal(subject_claim(&other, 1), 0);
  assert_int_equal(subject_claim(&subject, 1), UV_EBUSY);
  subject_drop(&other);
  subject_remove(&subject);
}


void claim_is_alive_for_all(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("alive"));
  struct test_process agent;
  struct subject subject;
  struct subject reader;

  (void) state;
  subject_create(&subject, spec.name);
  agent_with_claim(&agent, spec.name, 1);
  assert_int_equal(subject_claim(&subject, 0), 0);
  expect_alive(&subject, 0, 1);
  expect_alive(&subject, 1, 1);
  expect_alive(&subject, 2, 0);
  agent_must(&agent, "1", "alive 0");
  agent_must(&agent, "1", "alive 1");
  agent_must(&agent, "0", "alive 2");
  spec.readonly = 1;
  assert_int_equal(subject_find_wait(&reader, &spec), 0);
  expect_alive(&reader, 0, 1);
  expect_alive(&reader, 1, 1);
  expect_alive(&reader, 2, 0);
  subject_drop(&reader);
  agent_end(&agent);
  subject_remove(&subject);
}


void claim_of_a_killed_process_is_not_alive(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("killed");
  int round;

  (void) state;
  subject_create(&subject, name);
  for (round = 0; round < 3; round++) {
    agent_with_claim(&agent, name, 7);
    expect_alive(&subject, 7, 1);
    test_kill(&agent);
    expect_alive(&subject, 7, 0);
  }
  assert_int_equal(subject_claim(&subject, 7), 0);
  subject_remove(&subject);
}


void claim_of_a_process_that_exits_is_not_alive(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("exited");

  (void) state;
  subject_create(&subject, name);
  agent_with_claim(&agent, name, 7);
  agent_end(&agent);
  expect_alive(&subject, 7, 0);
  subject_remove(&subject);
}


void claim_is_free_again_after_unclaim(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("unclaim");

  (void) state;
  subject_create(&subject, name);
  agent_with_claim(&agent, name, 2);
  agent_must(&agent, "0", "unclaim");
  expect_alive(&subject, 2, 0);
  assert_int_equal(subject_claim(&subject, 2), 0);
  agent_must(&agent, "EBUSY", "claim 2");
  subject_unclaim(&subject);
  agent_must(&agent, "0", "claim 2");
  agent_end(&agent);
  subject_remove(&subject);
}


void claim_given_back_inside_the_gate_is_free_inside_it(void** state) {
  struct uvshm__port_claim claims[3];
  struct subject subject;
  uint32_t i;
  int round;

  (void) state;
  subject_create(&subject, test_name("inside"));
  assert_int_equal(subject_enter_wait(&subject), 0);
  for (round = 0; round < 3; round++) {
    for (i = 0; i < 3; i++)
      assert_int_equal(uvshm__port_claim(&claims[i], &subject.object, i), 0);
    for (i = 0; i < 3; i++) expect_alive(&subject, i, 1);
    uvshm__port_unclaim(&claims[1]);
    expect_alive(&subject, 1, 0);
    expect_alive(&subject, 0, 1);
    expect_alive(&subject, 2, 1);
    uvshm__port_unclaim(&claims[0]);
    uvshm__port_unclaim(&claims[2]);
    for (i = 0; i < 3; i++) expect_alive(&subject, i, 0);
  }
  assert_int_equal(uvshm__port_claim(&claims[0], &subject.object, 0), 0);
  assert_int_equal(uvshm__port_claim(&claims[1], &subject.object, 1), 0);
  uvshm__port_gate_leave(&subject.object);
  expect_alive(&subject, 0, 1);
  expect_alive(&subject, 1, 1);
  uvshm__port_unclaim(&claims[0]);
  expect_alive(&subject, 0, 0);
  expect_alive(&subject, 1, 1);
  uvshm__port_unclaim(&claims[1]);
  expect_alive(&subject, 1, 0);
  subject_remove(&subject);
}


void claim_stays_after_drop(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("stays"));
  struct uvshm__port_claim claim;
  struct subject subject;
  struct subject other;
  int used;

  (void) state;
  subject_create(&subject, spec.name);
  assert_int_equal(subject_find_wait(&other, &spec), 0);
  assert_int_equal(uvshm__port_claim(&claim, &other.object, 5), 0);
  subject_drop(&other);
  expect_alive(&subject, 5, 1);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_in_use(&subject.object, &used), 0);
  assert_int_equal(used, 1);
  uvshm__port_unclaim(&claim);
  assert_int_equal(uvshm__port_in_use(&subject.object, &used), 0);
  assert_int_equal(used, 0);
  expect_alive(&subject, 5, 0);
  subject_remove(&subject);
}


void claim_of_the_last_slot(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("last");
  int alive;

  (void) state;
  subject_create(&subject, name);
  agent_with_claim(&agent, name, 65535);
  expect_alive(&subject, 65535, 1);
  expect_alive(&subject, 65534, 0);
  assert_int_equal(subject_claim(&subject, 65535), UV_EBUSY);
  assert_int_equal(subject_claim(&subject, 65536), UV_EINVAL);
  assert_int_equal(uvshm__port_alive(&subject.object, 65536, &alive),
                   UV_EINVAL);
  agent_end(&agent);
  subject_remove(&subject);
}


void claim_without_gate_repairs_a_dead_peer(void** state) {
  struct test_process dead;
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("repair");

  (void) state;
  subject_create(&subject, name);
  agent_with_claim(&dead, name, 0);
  agent_with_claim(&agent, name, 1);
  agent_must(&agent, "0", "use 1");
  agent_must(&agent, "0", "find %s", name); /* has the gate all the time */
  assert_int_equal(subject_claim(&subject, 0), UV_EBUSY);
  test_kill(&dead);
  expect_alive(&subject, 0, 0);
  assert_int_equal(subject_claim(&subject, 0), 0);
  agent_must(&agent, "EBUSY", "claim 0");
  agent_must(&agent, "1", "alive 0");
  subject_unclaim(&subject);
  agent_must(&agent, "0", "claim 0");
  agent_end(&agent);
  subject_remove(&subject);
}


void claim_works_after_the_name_is_gone(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("nameless"));
  struct test_process agent;
  struct subject subject;
  struct subject next;

  (void) state;
  subject_create(&subject, spec.name);
  agent_with_claim(&agent, spec.name, 1);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_unlink(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  subject_create(&next, spec.name);

  assert_int_equal(subject_claim(&subject, 1), UV_EBUSY);
  assert_int_equal(subject_claim(&subject, 2), 0);
  agent_must(&agent, "1", "alive 2");
  agent_must(&agent, "0", "unclaim");
  agent_must(&agent, "EBUSY", "claim 2");
  agent_must(&agent, "0", "claim 3");
  test_kill(&agent);
  expect_alive(&subject, 3, 0);
  subject_unclaim(&subject);
  assert_int_equal(subject_claim(&subject, 3), 0);
  subject_drop(&subject);
  subject_remove(&next);
}


void claim_of_an_incarnation_is_not_seen_in_the_next(void** state) {
  struct test_process agent;
  struct subject old;
  struct subject next;
  const char* name = test_name("incarnation");

  (void) state;
  subject_create(&old, name);
  assert_int_equal(subject_claim(&old, 0), 0);
  assert_int_equal(subject_enter_wait(&old), 0);
  assert_int_equal(uvshm__port_unlink(&old.object), 0);
  uvshm__port_gate_leave(&old.object);
  subject_create(&next, name);
  expect_alive(&next, 0, 0);
  agent_with_claim(&agent, name, 0);
  expect_alive(&next, 0, 1);
  test_kill(&agent);
  expect_alive(&next, 0, 0);
  expect_alive(&old, 0, 1);
  subject_drop(&old);
  subject_remove(&next);
}


/* ---- in use? ------------------------------------------------------------- */

static int is_used(struct subject* subject) {
  int used = -1;

  assert_int_equal(uvshm__port_in_use(&subject->object, &used), 0);
  return used;
}


void in_use_does_not_count_itself(void** state) {
  struct uvshm__port_claim claims[4];
  struct subject subject;
  uint32_t i;

  (void) state;
  subject_create(&subject, test_name("itself"));
  assert_int_equal(uvshm__port_claim(&claims[0], &subject.object, 9), 0);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_claim(&claims[1], &subject.object, 0), 0);
  assert_int_equal(uvshm__port_claim(&claims[2], &subject.object, 10), 0);
  assert_int_equal(is_used(&subject), 0);
  uvshm__port_gate_leave(&subject.object);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(
      uvshm__port_claim(&claims[3], &subject.object, UVSHM__PORT_READERS), 0);
  assert_int_equal(is_used(&subject), 0);
  for (i = 0; i < 4; i++) uvshm__port_unclaim(&claims[i]);
  assert_int_equal(is_used(&subject), 0);
  subject_remove(&subject);
}


void in_use_counts_another_handle_of_this_process(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("twice"));
  struct subject subject;
  struct subject other;

  (void) state;
  subject_create(&subject, spec.name);
  assert_int_equal(subject_claim(&subject, 0), 0);
  assert_int_equal(subject_find_wait(&other, &spec), 0);
  assert_int_equal(is_used(&other), 1);
  assert_int_equal(subject_claim(&other, 1), 0);
  uvshm__port_gate_leave(&other.object);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(is_used(&subject), 1);
  subject_unclaim(&other);
  assert_int_equal(is_used(&subject), 0);
  subject_drop(&other);
  subject_remove(&subject);
}


void in_use_counts_another_process_until_it_dies(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("until");

  (void) state;
  subject_create(&subject, name);
  assert_int_equal(subject_claim(&subject, 1), 0);
  agent_with_claim(&agent, name, 2);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(is_used(&subject), 1);
  test_kill(&agent);
  expect_alive(&subject, 2, 0);
  assert_int_equal(is_used(&subject), 0);
  subject_remove(&subject);
}


static void expect_used(struct subject* subject, int expected) {
  uint64_t deadline = test_now_ms() + TEST_PATIENCE_MS;

  while (is_used(subject) != expected && test_now_ms() < deadline)
    test_sleep_ms(1);
  assert_int_equal(is_used(subject), expected);
}


void in_use_counts_readers(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("reader");

  (void) state;
  subject_create(&subject, name);
  agent_start(&agent);
  agent_must(&agent, "0", "spec 0 0 0 1");
  agent_must(&agent, "0", "find %s", name);
  agent_must(&agent, "0", "claim %u", UVSHM__PORT_READERS);
  agent_must(&agent, "0", "leave");
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(is_used(&subject), 1);
  test_kill(&agent);
  expect_used(&subject, 0);
  subject_remove(&subject);
}


void readers_are_many_at_once(void** state) {
  struct uvshm__port_spec spec = spec_readonly(test_name("readers"));
  struct test_process agent;
  struct subject subject;
  struct subject a;
  struct subject b;

  (void) state;
  subject_create(&subject, spec.name);
  assert_int_equal(subject_find_wait(&a, &spec), 0);
  assert_int_equal(subject_claim(&a, UVSHM__PORT_READERS), 0);
  uvshm__port_gate_leave(&a.object);
  assert_int_equal(subject_find_wait(&b, &spec), 0);
  assert_int_equal(subject_claim(&b, UVSHM__PORT_READERS), 0);
  uvshm__port_gate_leave(&b.object);
  agent_start(&agent);
  agent_must(&agent, "0", "spec 0 0 0 1");
  agent_must(&agent, "0", "find %s", spec.name);
  agent_must(&agent, "0", "claim %u", UVSHM__PORT_READERS);
  agent_must(&agent, "1", "used");
  agent_must(&agent, "0", "drop");
  agent_end(&agent);
  assert_int_equal(subject_enter_wait(&subject), 0);
  expect_used(&subject, 1);
  subject_unclaim(&a);
  assert_int_equal(is_used(&subject), 1);
  subject_unclaim(&b);
  expect_used(&subject, 0);
  subject_drop(&a);
  subject_drop(&b);
  subject_remove(&subject);
}


void readers_cannot_take_a_slot(void** state) {
  struct uvshm__port_spec spec = spec_readonly(test_name("no-slot"));
  struct subject subject;
  struct subject reader;

  (void) state;
  subject_create(&subject, spec.name);
  assert_int_equal(subject_find_wait(&reader, &spec), 0);
  assert_int_equal(subject_claim(&reader, 0), UV_EACCES);
  subject_drop(&reader);
  subject_remove(&subject);
}


void peer_test_passes_on_memory(void** state) {
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("peer-test"));
  assert_int_equal(uvshm__port_peer_test(&subject.object), 0);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_peer_test(&subject.object), 0);
  assert_int_equal(is_used(&subject), 0);
  uvshm__port_gate_leave(&subject.object);
  subject_remove(&subject);
}
