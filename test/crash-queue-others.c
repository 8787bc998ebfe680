/* SPDX-License-Identifier: MIT */

/* The same as crash-queue.c while others, who live or die as well, are in the
 * middle of taking a message. */

#include "lab/queue.h"


static void actor_sends_first(struct lab* l) {
  ok(send_token(&l->actor, 0), "send");
}


/* Who dies with the actor has noted the same message. */
static void prepare_earlier_notes(struct lab* l) {
  join_earlier(l);
  (void) note_next(&l->earlier, &l->place);
}


static void prepare_earlier_takes(struct lab* l) {
  prepare_earlier_notes(l);
  lab_check(take_noted(&l->earlier, l->place), "it cannot be taken");
}


static void prepare_both_note(struct lab* l) {
  prepare_earlier_notes(l);
  bystander_notes(l);
  l->contested = 1;
}


/* The bystander has it; one who dies has noted it too. */
static void prepare_both_take(struct lab* l) {
  prepare_both_note(l);
  lab_check(take_noted(&l->bystander, l->place), "it cannot be taken");
  l->stopped = 2;
}


static void prepare_earlier_peeks(struct lab* l) {
  uvshm_message_t held;
  size_t one = 1;

  join_earlier(l);
  ok(uvshm__queue_kind.peek(&l->earlier.reader, &held, &one), "peek");
}


static void prepare_sent_and_taken(struct lab* l) {
  actor_sends_first(l);
  bystander_takes(l);
}


static void prepare_sent_and_died_with(struct lab* l) {
  actor_sends_first(l);
  prepare_earlier_takes(l);
}


/* The bystander takes the first message, one way or the other. */
static void prepare_noted(struct lab* l) {
  bystander_notes(l);
  l->contested = 1;
}


/* The first message is the bystander's by now, so these are the second's. */
static void op_recv_second(struct lab* l) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;

  ok(recv_token(&l->actor, &message, bytes), "recv");
  lab_check(token_in(&message) == 1, "out of order");
  lab_done();
}


static enum fate expect_second(const struct lab* l,
                               uint32_t done,
                               uint32_t token) {
  if (token >= l->scenario->before) return GONE;
  if (token == 1) return done ? GONE : MAY;
  return MUST;
}


static enum fate expect_first(const struct lab* l,
                              uint32_t done,
                              uint32_t token) {
  return token == 0 ? MUST : expect_sent(l, done, token);
}


/* Token 0 was in a dead reader's hand, or two's. */
static enum fate expect_contested(const struct lab* l,
                                  uint32_t done,
                                  uint32_t token) {
  enum fate fate = expect_sent(l, done, token);

  if (token != 0) return fate;
  return l->redeliver ? MUST : MAY;
}


/* The same, and the actor receives. */
static enum fate expect_contested_received(const struct lab* l,
                                           uint32_t done,
                                           uint32_t token) {
  enum fate fate = expect_received(l, done, token);

  if (token == 0 && done == 0 && !l->redeliver) return MAY;
  return fate;
}


/* Who had it before is dead: with redelivery it comes again. */
static enum fate expect_taken_before(const struct lab* l,
                                     uint32_t done,
                                     uint32_t token) {
  if (token == 0) return l->redeliver ? MUST : GONE;
  if (token < FIRST) return token < l->scenario->before ? MUST : GONE;
  return expect_sent(l, done, token);
}

/* ---- the list ------------------------------------------------------------ */

static const struct scenario stopped[] = {
    {"recv what a stopped reader has noted",
     3,
     2,
     prepare_noted,
     op_recv_two,
     expect_contested_received},
    {"recv behind what a stopped reader has taken",
     3,
     2,
     bystander_takes,
     op_recv_second,
     expect_second},
    {"send, while a stopped reader has taken the last one",
     0,
     2,
     prepare_sent_and_taken,
     op_send_two,
     expect_first},
    {"send, while a stopped reader has what a dead one noted",
     1,
     2,
     prepare_both_take,
     op_send_two,
     expect_contested},
    {"send, while a stopped and a dead reader have noted one",
     1,
     2,
     prepare_both_note,
     op_send_two,
     expect_contested},
};

static const struct scenario dead[] = {
    {"recv what a dead reader has noted",
     3,
     2,
     prepare_earlier_notes,
     op_recv_two,
     expect_contested_received},
    {"send, a dead reader has noted one",
     1,
     2,
     prepare_earlier_notes,
     op_send_two,
     expect_sent},
    {"send, a dead reader has taken one",
     2,
     2,
     prepare_earlier_takes,
     op_send_two,
     expect_taken_before},
    {"send, a dead reader has taken the last one",
     0,
     2,
     prepare_sent_and_died_with,
     op_send_two,
     expect_taken_before},
    {"send, a dead reader has peeked one",
     2,
     2,
     prepare_earlier_peeks,
     op_send_two,
     expect_taken_before},
};


CASE(others_are_stopped, stopped, 0)
CASE(others_are_stopped_with_redelivery, stopped, 1)
CASE(others_die_too, dead, 0)
CASE(others_die_too_with_redelivery, dead, 1)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(others_are_stopped),
      cmocka_unit_test(others_are_stopped_with_redelivery),
      cmocka_unit_test(others_die_too),
      cmocka_unit_test(others_die_too_with_redelivery),
  };

  return cmocka_run_group_tests_name("crash-queue-others", tests, NULL, NULL);
}
