/* SPDX-License-Identifier: MIT */

/* Section bell of src/port.h. An ear is one end of a bell in the backend's way:
 * polled by a loop, or listened to by a thread of the backend's. */

#include "conformance.h"

#include "port_caps.h"

#include <stdio.h>
#include <string.h>

struct ear {
  struct uvshm__port_bell bell;
  uv_loop_t loop;
  uv_poll_t poll;
  uv_async_t async;
  uv_timer_t timer;
  int rings;
  int times;
};


static void on_poll(uv_poll_t* poll, int status, int events) {
  struct ear* ear = poll->data;

  (void) events;
  assert_int_equal(status, 0);
  uvshm__port_bell_answer(&ear->bell);
  ear->rings++;
}


static void on_async(uv_async_t* async) {
  struct ear* ear = async->data;

  ear->rings++;
}


static void on_rung(void* arg) {
  struct ear* ear = arg;

  uv_async_send(&ear->async);
}


static void on_time(uv_timer_t* timer) {
  struct ear* ear = timer->data;

  ear->times++;
}


static void open_ear(struct ear* ear,
                     struct subject* subject,
                     uint32_t slot,
                     uint32_t number) {
  intptr_t os;

  memset(ear, 0, sizeof(*ear));
  assert_int_equal(
      uvshm__port_bell_open(&ear->bell, &subject->object, slot, number), 0);
  assert_int_equal(uv_loop_init(&ear->loop), 0);
  uv_timer_init(&ear->loop, &ear->timer);
  ear->timer.data = ear;
  if (UVSHM__PORT_BELL_POLLS) {
    assert_int_equal(uvshm__port_bell_fileno(&ear->bell, &os), 0);
    assert_int_equal(uv_poll_init(&ear->loop, &ear->poll, (int) os), 0);
    ear->poll.data = ear;
    assert_int_equal(uv_poll_start(&ear->poll, UV_READABLE, on_poll), 0);
  } else {
    assert_int_equal(uv_async_init(&ear->loop, &ear->async, on_async), 0);
    ear->async.data = ear;
    assert_int_equal(uvshm__port_bell_listen(&ear->bell, on_rung, ear), 0);
  }
}


static void close_ear(struct ear* ear) {
  if (UVSHM__PORT_BELL_POLLS) {
    uv_poll_stop(&ear->poll);
    uv_close((uv_handle_t*) &ear->poll, NULL);
  } else {
    uvshm__port_bell_ignore(&ear->bell);
    uv_close((uv_handle_t*) &ear->async, NULL);
  }
  uv_close((uv_handle_t*) &ear->timer, NULL);
  uv_run(&ear->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&ear->loop), 0);
  uvshm__port_bell_close(&ear->bell, 1);
}


/* Was it rung within the time? Takes the ring. */
static int heard(struct ear* ear, uint64_t ms) {
  ear->rings = 0;
  ear->times = 0;
  uv_timer_start(&ear->timer, on_time, ms, 0);
  while (ear->rings == 0 && ear->times == 0) uv_run(&ear->loop, UV_RUN_ONCE);
  uv_timer_stop(&ear->timer);
  return ear->rings != 0;
}


static void agent_at(struct test_process* agent, const char* name) {
  agent_start(agent);
  agent_must(agent, "0", "spec 0 0 0 0");
  agent_must(agent, "0", "find %s", name);
  agent_must(agent, "0", "leave");
}


static void agent_end(struct test_process* agent) {
  test_tell(agent, "exit");
  assert_int_equal(test_join(agent), 0);
}


void bell_is_rung_by_another_process(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("bell");
  struct ear ear;
  int i;

  (void) state;
  subject_create(&subject, name);
  open_ear(&ear, &subject, 3, 0);
  agent_at(&agent, name);
  for (i = 0; i < 20; i++) {
    agent_must(&agent, "0", "ring 3 1 0");
    assert_int_equal(heard(&ear, TEST_PATIENCE_MS), 1);
  }
  assert_int_equal(heard(&ear, 50), 0);
  close_ear(&ear);
  agent_end(&agent);
  subject_remove(&subject);
}


void bell_is_rung_by_its_own_process(void** state) {
  struct subject subject;
  struct ear ear;

  (void) state;
  subject_create(&subject, test_name("bell"));
  open_ear(&ear, &subject, 3, 0);
  uvshm__port_bell_ring(&subject.object, 3, 1, 0);
  assert_int_equal(heard(&ear, TEST_PATIENCE_MS), 1);
  close_ear(&ear);
  subject_remove(&subject);
}


void bells_of_slots_and_numbers_are_apart(void** state) {
  struct subject subject;
  struct ear ears[3];
  int i;

  (void) state;
  subject_create(&subject, test_name("apart"));
  open_ear(&ears[0], &subject, 3, 0);
  open_ear(&ears[1], &subject, 3, 1);
  open_ear(&ears[2], &subject, 19, 0); /* the same place in the cache */
  for (i = 0; i < 2; i++) {
    uvshm__port_bell_ring(&subject.object, 3, 1, 1);
    assert_int_equal(heard(&ears[1], TEST_PATIENCE_MS), 1);
    assert_int_equal(heard(&ears[0], 20), 0);
    uvshm__port_bell_ring(&subject.object, 19, 1, 0);
    assert_int_equal(heard(&ears[2], TEST_PATIENCE_MS), 1);
    assert_int_equal(heard(&ears[0], 20), 0);
    uvshm__port_bell_ring(&subject.object, 3, 1, 0);
    assert_int_equal(heard(&ears[0], TEST_PATIENCE_MS), 1);
  }
  for (i = 0; i < 3; i++) close_ear(&ears[i]);
  subject_remove(&subject);
}


void bell_that_is_not_there_is_rung_in_vain(void** state) {
  struct subject subject;
  int i;

  (void) state;
  subject_create(&subject, test_name("vain"));
  for (i = 0; i < 100; i++)
    uvshm__port_bell_ring(&subject.object, (uint32_t) i, 1, 0);
  uvshm__port_bell_sweep(&subject.object, 3, 32);
  subject_remove(&subject);
}


/* More than any pipe has room for. */
void bell_that_nobody_answers_blocks_nobody(void** state) {
  struct subject subject;
  struct ear ear;
  int i;

  (void) state;
  subject_create(&subject, test_name("loud"));
  open_ear(&ear, &subject, 3, 0);
  for (i = 0; i < 100000; i++) uvshm__port_bell_ring(&subject.object, 3, 1, 0);
  assert_int_equal(heard(&ear, TEST_PATIENCE_MS), 1);
  close_ear(&ear);
  subject_remove(&subject);
}


/* By who has rung the last owner and keeps what he rang by. */
void bell_of_the_next_owner_is_rung(void** state) {
  struct test_process owner;
  struct subject subject;
  const char* name = test_name("next");
  struct ear ear;

  (void) state;
  subject_create(&subject, name);
  agent_at(&owner, name);
  agent_must(&owner, "0", "bell 3 0");
  uvshm__port_bell_ring(&subject.object, 3, 1, 0);
  test_kill(&owner);
  uvshm__port_bell_ring(&subject.object, 3, 1, 0); /* SIGPIPE kills nobody */
  open_ear(&ear, &subject, 3, 0);
  assert_int_equal(heard(&ear, 20), 0);
  uvshm__port_bell_ring(&subject.object, 3, 2, 0);
  assert_int_equal(heard(&ear, TEST_PATIENCE_MS), 1);
  close_ear(&ear);
  subject_remove(&subject);
}


void bell_of_anonymous_memory_rings(void** state) {
  struct uvshm__port_spec spec = spec_of(NULL);
  struct subject subject;
  struct ear ear;

  (void) state;
  memset(&subject, 0, sizeof(subject));
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  open_ear(&ear, &subject, 0, 0);
  uvshm__port_bell_ring(&subject.object, 0, 1, 0);
  assert_int_equal(heard(&ear, TEST_PATIENCE_MS), 1);
  close_ear(&ear);
  subject_drop(&subject);
}
