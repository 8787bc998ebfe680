/* SPDX-License-Identifier: MIT */

/* Section name of src/port.h: the gate, and removing names under it. */

#include "conformance.h"

#include "port_caps.h"

#include <string.h>


void gate_excludes_other_processes(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("gate"));
  struct test_process agent;
  struct subject subject;
  struct subject other;

  (void) state;
  agent_start(&agent);
  subject_create(&subject, spec.name);
  agent_must(&agent, "0", "find %s", spec.name);
  assert_int_equal(uvshm__port_gate_enter(&subject.object), UV_EAGAIN);
  assert_int_equal(subject_find(&other, &spec), UV_EAGAIN);
  agent_must(&agent, "0", "leave");
  assert_int_equal(subject_find_wait(&other, &spec), 0);
  agent_must(&agent, "EAGAIN", "enter");
  agent_must(&agent, "0", "use 1");
  agent_must(&agent, "EAGAIN", "try %s", spec.name);
  subject_drop(&other);
  subject_remove(&subject);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


void gate_excludes_other_handles_of_this_process(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("handles"));
  struct subject subject;
  struct subject other;

  (void) state;
  subject_create(&subject, spec.name);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(subject_find(&other, &spec), UV_EAGAIN);
  uvshm__port_gate_leave(&subject.object);
  assert_int_equal(subject_find_wait(&other, &spec), 0);
  assert_int_equal(uvshm__port_gate_enter(&subject.object), UV_EAGAIN);
  subject_drop(&other);
  subject_remove(&subject);
}


void gate_is_taken_again_after_leave(void** state) {
  struct subject subject;
  int i;

  (void) state;
  subject_create(&subject, test_name("again"));
  for (i = 0; i < 100; i++) {
    assert_int_equal(subject.object.gated, 0);
    assert_int_equal(subject_enter_wait(&subject), 0);
    assert_int_equal(subject.object.gated, 1);
    uvshm__port_gate_leave(&subject.object);
  }
  subject_remove(&subject);
}


void gate_is_released_by_death(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("dead-gate");

  (void) state;
  agent_start(&agent);
  subject_create(&subject, name);
  agent_must(&agent, "0", "find %s", name);
  assert_int_equal(uvshm__port_gate_enter(&subject.object), UV_EAGAIN);
  test_kill(&agent);
  assert_int_equal(subject_enter_wait(&subject), 0);
  subject_remove(&subject);
}


void gate_is_released_by_drop(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("drop-gate"));
  struct subject subject;
  struct subject other;

  (void) state;
  subject_create(&subject, spec.name);
  assert_int_equal(subject_find_wait(&other, &spec), 0);
  subject_drop(&other);
  assert_int_equal(subject_enter_wait(&subject), 0);
  subject_remove(&subject);
}


struct visitor {
  struct uvshm__port_spec spec;
  int result;
};


static void visit(void* arg) {
  struct visitor* visitor = arg;
  struct subject subject;

  visitor->result = subject_find_wait(&subject, &visitor->spec);
  if (visitor->result == 0) subject_drop(&subject);
}


void gate_is_waited_for_by_other_threads(void** state) {
  struct visitor visitor = {spec_of(test_name("threads")), 1};
  struct subject subject;
  uv_thread_t thread;

  (void) state;
  subject_create(&subject, visitor.spec.name);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uv_thread_create(&thread, visit, &visitor), 0);
  test_sleep_ms(20);
  uvshm__port_gate_leave(&subject.object);
  uv_thread_join(&thread);
  assert_int_equal(visitor.result, 0);
  subject_remove(&subject);
}


void gate_of_a_removed_name_is_enxio(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("removed"));
  struct test_process agent;
  struct subject subject;
  struct subject next;

  (void) state;
  agent_start(&agent);
  subject_create(&subject, spec.name);
  agent_must(&agent, "0", "find %s", spec.name);
  agent_must(&agent, "0", "unlink");
  agent_must(&agent, "0", "drop");
  assert_int_equal(subject_enter_wait(&subject), UV_ENXIO);
  assert_int_equal(subject.object.gated, 0);

  /* The name means another object now. */
  subject_create(&next, spec.name);
  assert_int_equal(subject_enter_wait(&subject), UV_ENXIO);
  subject_drop(&subject);
  subject_remove(&next);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


void unlink_makes_find_say_enoent_at_once(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("unlink"));
  struct test_process agent;
  struct subject subject;

  (void) state;
  agent_start(&agent);
  subject_create(&subject, spec.name);
  agent_must(&agent, "0", "find %s", spec.name);
  agent_must(&agent, "0", "claim 1");
  agent_must(&agent, "0", "map %u", UVSHM__PORT_WRITE);
  agent_must(&agent, "0", "leave");
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_unlink(&subject.object), 0);
  agent_must(&agent, "0", "use 1");
  agent_must(&agent, "ENOENT", "find %s", spec.name);
  subject_drop(&subject);
  agent_must(&agent, "ENOENT", "find %s", spec.name);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


void unlink_frees_the_name_at_once(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("reuse"));
  struct subject old[3];
  size_t i;

  (void) state;
  for (i = 0; i < 3; i++) {
    subject_create(&old[i], spec.name);
    assert_int_equal(subject_claim(&old[i], 0), 0);
    assert_int_equal(subject_enter_wait(&old[i]), 0);
    assert_int_equal(uvshm__port_unlink(&old[i].object), 0);
    uvshm__port_gate_leave(&old[i].object);
  }
  for (i = 0; i < 3; i++) subject_drop(&old[i]);
}


void unlink_leaves_the_holders_their_memory(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("holders"));
  struct test_process agent;
  struct subject old;
  struct subject next;

  (void) state;
  agent_start(&agent);
  subject_create(&old, spec.name);
  uvshm__a32_store_release(subject_word(&old, 4096), 5);
  agent_must(&agent, "0", "find %s", spec.name);
  agent_must(&agent, "0", "map %u", UVSHM__PORT_WRITE);
  agent_must(&agent, "0", "leave");
  assert_int_equal(subject_enter_wait(&old), 0);
  assert_int_equal(uvshm__port_unlink(&old.object), 0);
  uvshm__port_gate_leave(&old.object);
  subject_create(&next, spec.name);

  assert_int_equal(uvshm__a32_load_acquire(subject_word(&next, 4096)), 0);
  agent_must(&agent, "5", "load 4096");
  agent_must(&agent, "0", "store 4096 6");
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&old, 4096)), 6);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&next, 4096)), 0);
  agent_must(&agent, "0", "grow %u", 2 * SIZE);
  agent_must(&agent, "0", "store %u 9", 2 * SIZE - 4);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&old, 2 * SIZE - 4)),
                   9);
  subject_drop(&old);
  subject_remove(&next);
  test_tell(&agent, "exit");
  assert_int_equal(test_join(&agent), 0);
}


void unlink_by_a_second_object_of_the_name_is_its_own(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("own"));
  struct subject old;
  struct subject next;
  struct subject found;

  (void) state;
  subject_create(&old, spec.name);
  assert_int_equal(subject_find_wait(&found, &spec), 0);
  assert_int_equal(uvshm__port_unlink(&found.object), 0);
  subject_drop(&found);
  subject_create(&next, spec.name);

  /* A closer that comes late has no right to what has the name now. */
  assert_int_equal(subject_enter_wait(&old), UV_ENXIO);
  subject_drop(&old);
  assert_int_equal(subject_find_wait(&found, &spec), 0);
  assert_memory_equal(found.object.id, next.object.id, sizeof(next.object.id));
  subject_drop(&found);
  subject_remove(&next);
}
