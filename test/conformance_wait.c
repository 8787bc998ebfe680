/* SPDX-License-Identifier: MIT */

/* Section wait of src/port.h. A wait may end for no reason, so every waiter
 * here looks at its word again, as real ones do. */

#include "conformance.h"

#include "port_caps.h"

#include <stdio.h>
#include <string.h>

#define WORD 4096u


/* Wake who sleeps on the word: all lanes in turn where they are told apart. */
static void wake_lanes(struct subject* subject, uint32_t lanes) {
  uint32_t lane;

  if (!UVSHM__PORT_WAKES_LANES) {
    uvshm__port_wake(
        &subject->object, subject_word(subject, WORD), 0, UINT32_MAX);
    return;
  }
  for (lane = 0; lane < lanes; lane++)
    uvshm__port_wake(&subject->object, subject_word(subject, WORD), lane, 1);
}


void wait_returns_when_the_word_differs(void** state) {
  struct subject subject;
  uint64_t start = test_now_ms();
  int i;

  (void) state;
  subject_create(&subject, test_name("differs"));
  for (i = 0; i < 100; i++)
    assert_int_equal(uvshm__port_wait(&subject.object,
                                      subject_word(&subject, WORD),
                                      1,
                                      0,
                                      TEST_PATIENCE_MS),
                     0);
  assert_true(test_now_ms() - start < TEST_PATIENCE_MS);
  uvshm__port_wait_forget(&subject.object, 0);
  subject_remove(&subject);
}


void wait_times_out(void** state) {
  struct subject subject;
  uint64_t start = test_now_ms();
  int err;

  (void) state;
  subject_create(&subject, test_name("timeout"));
  while ((err = uvshm__port_wait(
              &subject.object, subject_word(&subject, WORD), 0, 0, 50)) == 0)
    assert_true(test_now_ms() - start < TEST_PATIENCE_MS);
  assert_int_equal(err, UV_ETIMEDOUT);
  assert_true(test_now_ms() - start >= 30);
  uvshm__port_wait_forget(&subject.object, 0);
  subject_remove(&subject);
}


/* An agent that has `name` mapped and is on its way to sleep in `lane`. */
static void agent_asleep(struct test_process* agent,
                         const char* name,
                         uint32_t readonly,
                         uint32_t lane) {
  char command[64];

  agent_start(agent);
  agent_must(agent, "0", "spec 0 0 0 %u", readonly);
  agent_must(agent, "0", "find %s", name);
  agent_must(
      agent, "0", "map %u", readonly ? UVSHM__PORT_READ : UVSHM__PORT_WRITE);
  agent_must(agent, "0", "leave");
  snprintf(command,
           sizeof(command),
           "wait %u 0 %u %u",
           WORD,
           lane,
           TEST_PATIENCE_MS);
  test_tell(agent, command);
}


/* Its wait must have ended well before it timed out. */
static void agent_awake(struct test_process* agent) {
  test_expect(agent, "0");
  test_tell(agent, "exit");
  assert_int_equal(test_join(agent), 0);
}


static void sleep_and_wake(uint32_t readonly) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("wake");

  subject_create(&subject, name);
  agent_asleep(&agent, name, readonly, 5);
  test_sleep_ms(30);
  uvshm__a32_store_seq_cst(subject_word(&subject, WORD), 1);
  wake_lanes(&subject, 8);
  agent_awake(&agent);
  subject_remove(&subject);
}


void wait_is_ended_by_another_process(void** state) {
  (void) state;
  sleep_and_wake(0);
}


void wait_works_on_a_read_only_mapping(void** state) {
  (void) state;
  if (UVSHM__PORT_WAKES_LANES) skip(); /* readers have no lane to sleep in */
  sleep_and_wake(1);
}


struct sleeper {
  struct subject* subject;
  int result;
};


static void sleep_in_thread(void* arg) {
  struct sleeper* sleeper = arg;

  sleeper->result = uvshm__port_wait(&sleeper->subject->object,
                                     subject_word(sleeper->subject, WORD),
                                     0,
                                     3,
                                     TEST_PATIENCE_MS);
}


void wait_is_ended_by_another_thread(void** state) {
  struct subject subject;
  struct sleeper sleeper = {&subject, 1};
  uv_thread_t thread;

  (void) state;
  subject_create(&subject, test_name("thread"));
  assert_int_equal(uv_thread_create(&thread, sleep_in_thread, &sleeper), 0);
  test_sleep_ms(30);
  uvshm__a32_store_seq_cst(subject_word(&subject, WORD), 1);
  wake_lanes(&subject, 4);
  uv_thread_join(&thread);
  assert_int_equal(sleeper.result, 0);
  uvshm__port_wait_forget(&subject.object, 3);
  subject_remove(&subject);
}


void wait_of_several_is_ended_for_all(void** state) {
  struct test_process agents[3];
  struct subject subject;
  const char* name = test_name("several");
  uint32_t i;

  (void) state;
  subject_create(&subject, name);
  for (i = 0; i < 3; i++) agent_asleep(&agents[i], name, 0, i);
  test_sleep_ms(30);
  uvshm__a32_store_seq_cst(subject_word(&subject, WORD), 1);
  wake_lanes(&subject, 3);
  for (i = 0; i < 3; i++) agent_awake(&agents[i]);
  subject_remove(&subject);
}


void wake_of_nobody_does_nothing(void** state) {
  struct subject subject;
  int i;

  (void) state;
  subject_create(&subject, test_name("nobody"));
  for (i = 0; i < 100; i++) wake_lanes(&subject, 2);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&subject, WORD)), 0);
  subject_remove(&subject);
}


void wake_is_not_lost_with_a_killed_waiter(void** state) {
  struct test_process dead;
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("lost");

  (void) state;
  subject_create(&subject, name);
  agent_asleep(&dead, name, 0, 1);
  agent_asleep(&agent, name, 0, 2);
  test_sleep_ms(30);
  test_kill(&dead);
  uvshm__a32_store_seq_cst(subject_word(&subject, WORD), 1);
  wake_lanes(&subject, 3);
  agent_awake(&agent);
  subject_remove(&subject);
}
