/* SPDX-License-Identifier: MIT */

/* A death at every store of all that is done with a queue, and of the repair
 * after it (lab/queue.h). */

#include "lab/queue.h"


/* ---- what the actor does ------------------------------------------------- */

static void op_send_until_full(struct lab* l) {
  ok(send_token(&l->actor, FIRST), "send");
  lab_done();
  lab_check(send_token(&l->actor, FIRST + 1) == UV_EAGAIN, "more than full");
}


static void op_send_many(struct lab* l) {
  unsigned char bytes[2][SIZE];
  uvshm_message_t messages[2];
  size_t count = 2;
  uint32_t i;

  memset(messages, 0, sizeof(messages));
  for (i = 0; i < 2; i++) {
    fill(bytes[i], FIRST + i);
    messages[i].bytes = bytes[i];
    messages[i].size = size_of(FIRST + i);
  }
  ok(uvshm__queue_kind.send(&l->actor.writer, messages, &count), "send");
  lab_done();
}


static void op_claim_two(struct lab* l) {
  uvshm_message_t room[3];
  size_t count = 3;
  uint32_t i;

  memset(room, 0, sizeof(room));
  ok(uvshm__queue_kind.claim(&l->actor.writer, room, &count), "claim");
  lab_check(count == 3, "no room for three");
  for (i = 0; i < 2; i++) {
    fill(room[i].bytes, FIRST + i);
    room[i].size = size_of(FIRST + i);
  }
  ok(uvshm__queue_kind.commit(&l->actor.writer, room, 2), "commit");
  lab_done();
}


static enum fate expect_many(const struct lab* l,
                             uint32_t done,
                             uint32_t token) {
  if (token < FIRST) return token < l->scenario->before ? MUST : GONE;
  if (token >= FIRST + 2) return GONE;
  return done != 0 ? MUST : MAY;
}


static void op_abort(struct lab* l) {
  uvshm_message_t room[2];
  size_t count = 2;

  memset(room, 0, sizeof(room));
  ok(uvshm__queue_kind.claim(&l->actor.writer, room, &count), "claim");
  ok(uvshm__queue_kind.commit(&l->actor.writer, room, 0), "abort");
}


static enum fate expect_same(const struct lab* l,
                             uint32_t done,
                             uint32_t token) {
  (void) done;
  return token < l->scenario->before ? MUST : GONE;
}


static void op_recv_many(struct lab* l) {
  unsigned char bytes[2][SIZE];
  uvshm_message_t messages[2];
  size_t count = 2;

  memset(messages, 0, sizeof(messages));
  messages[0].bytes = bytes[0];
  messages[1].bytes = bytes[1];
  messages[0].size = SIZE;
  messages[1].size = SIZE;
  ok(uvshm__queue_kind.recv(&l->actor.reader, messages, &count), "recv");
  lab_check(count == 2, "not two");
  lab_done();
}


/* Nobody knows how many of them it has got. */
static enum fate expect_received_many(const struct lab* l,
                                      uint32_t done,
                                      uint32_t token) {
  if (token >= l->scenario->before) return GONE;
  if (token >= 2) return MUST;
  return done != 0 ? GONE : MAY;
}


/* Parts 1 and 2 are peeks, 3 and 4 releases, of the first, then the second. */
static void op_peek_two(struct lab* l) {
  uvshm_message_t held[2];
  size_t one;
  uint32_t i;

  for (i = 0; i < 2; i++) {
    one = 1;
    ok(uvshm__queue_kind.peek(&l->actor.reader, &held[i], &one), "peek");
    lab_check(token_in(&held[i]) == i, "out of order");
    lab_done();
  }
  for (i = 0; i < 2; i++) {
    ok(uvshm__queue_kind.release(&l->actor.reader, &held[i], 1), "release");
    lab_done();
  }
}


static enum fate expect_peeked(const struct lab* l,
                               uint32_t done,
                               uint32_t token) {
  if (token >= l->scenario->before) return GONE;
  if (token >= 2) return MUST;
  if (done >= 3 + token) return GONE; /* released */
  if (l->redeliver) return done == 2 + token ? MAY : MUST;
  if (done > token) return GONE; /* peeked */
  return done == token ? MAY : MUST;
}


/* Closes with a claim and a loan. */
static void prepare_held(struct lab* l) {
  size_t one = 1;

  ok(uvshm__queue_kind.peek(&l->actor.reader, &l->held[0], &one), "peek");
  memset(&l->held[1], 0, sizeof(l->held[1]));
  ok(uvshm__queue_kind.claim(&l->actor.writer, &l->held[1], &one), "claim");
}


static void op_leave(struct lab* l) {
  uvshm__channel_leave(&l->actor.writer);
  uvshm__channel_leave(&l->actor.reader);
}


static enum fate expect_left(const struct lab* l,
                             uint32_t done,
                             uint32_t token) {
  (void) done;
  if (token >= l->scenario->before) return GONE;
  return token == 0 && !l->redeliver ? GONE : MUST;
}


static void op_join(struct lab* l) {
  struct party party;

  memset(&party, 0, sizeof(party));
  attach(l, &party, WORLD_ACTOR);
  ok(uvshm__channel_join(&l->world.actor, &party.writer, 2000), "join");
  ok(uvshm__channel_join(&l->world.actor, &party.reader, 2000), "join");
  uvshm__channel_leave(&party.reader);
  uvshm__channel_leave(&party.writer);
}

/* ---- the list ------------------------------------------------------------ */

static const struct scenario writing[] = {
    {"send", 0, 0, NULL, op_send_two, expect_sent},
    {"send behind others", 2, 37, NULL, op_send_two, expect_sent},
    {"send until full", 3, 5, NULL, op_send_until_full, expect_sent},
    {"send many", 1, 31, NULL, op_send_many, expect_many},
    {"claim and commit", 1, 3, NULL, op_claim_two, expect_many},
    {"claim and abort", 1, 3, NULL, op_abort, expect_same},
};

static const struct scenario reading[] = {
    {"recv", 3, 0, NULL, op_recv_two, expect_received},
    {"recv, many laps", 2, 61, NULL, op_recv_two, expect_received},
    {"recv many", 3, 14, NULL, op_recv_many, expect_received_many},
    {"peek and release", 3, 15, NULL, op_peek_two, expect_peeked},
    {"peek all", 2, 0, NULL, op_peek_two, expect_peeked},
};

static const struct scenario ends[] = {
    {"leave", 3, 2, prepare_held, op_leave, expect_left},
    {"join", 2, 2, NULL, op_join, expect_same},
};


CASE(writers_die, writing, 0)
CASE(readers_die, reading, 0)
CASE(readers_die_with_redelivery, reading, 1)
CASE(ends_come_and_go, ends, 0)
CASE(ends_come_and_go_with_redelivery, ends, 1)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writers_die),
      cmocka_unit_test(readers_die),
      cmocka_unit_test(readers_die_with_redelivery),
      cmocka_unit_test(ends_come_and_go),
      cmocka_unit_test(ends_come_and_go_with_redelivery),
  };

  return cmocka_run_group_tests_name("crash-queue", tests, NULL, NULL);
}
