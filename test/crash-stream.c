/* SPDX-License-Identifier: MIT */

/* A death at every store of all that the ends of a stream do with messages:
 * what was sent is there once and in order, what was not is not, the other end
 * is told, and a successor goes on where the dead one was. How ends and streams
 * come and go is in crash-stream-life.c. */

#include "lab/stream.h"

/* ---- what the actor does ------------------------------------------------- */

static void leave_in_the_end(struct lab* l) {
  if (!l->leaves) return;
  uvshm__channel_leave(&l->actor);
  lab_done();
}


/* Each part as one batch, or one message. */
static void op_send(void* world) {
  static unsigned char bytes[PARTS][SIZE_MOST];
  struct lab* l = world;
  uvshm_message_t messages[PARTS];
  uint32_t number = l->next;
  uint32_t part;
  size_t count;
  size_t i;

  for (part = 0; part < PARTS && l->parts[part] != 0; part++) {
    count = l->parts[part];
    for (i = 0; i < count; i++, number++) {
      fill(bytes[i], size_of(l, number), number);
      messages[i].bytes = bytes[i];
      messages[i].size = size_of(l, number);
    }
    world_ok(uvshm__channel_send(&l->actor, messages, &count), "send");
    lab_check(count == l->parts[part], "no room for all");
    lab_done();
  }
  leave_in_the_end(l);
}


/* Claims are larger than what is sent. In between one is given back. */
static void op_claim(void* world) {
  struct lab* l = world;
  uvshm_message_t messages[PARTS];
  uint32_t number = l->next;
  uint32_t part;
  size_t count;
  size_t i;

  for (part = 0; part < PARTS && l->parts[part] != 0; part++) {
    count = l->parts[part];
    for (i = 0; i < count; i++)
      messages[i].size = size_of(l, number + (uint32_t) i) + (l->large ? 0 : 9);
    world_ok(uvshm__channel_claim(&l->actor, messages, &count), "claim");
    for (i = 0; i < count; i++)
      fill(messages[i].bytes, messages[i].size, number + 1);
    world_ok(uvshm__channel_commit(&l->actor, NULL, 0), "abort");
    world_ok(uvshm__channel_claim(&l->actor, messages, &count), "claim");
    lab_check(count == l->parts[part], "no room for all");
    for (i = 0; i < count; i++, number++) {
      messages[i].size = size_of(l, number);
      fill(messages[i].bytes, messages[i].size, number);
    }
    world_ok(uvshm__channel_commit(&l->actor, messages, count), "commit");
    lab_done();
  }
  leave_in_the_end(l);
}


static void op_recv(void* world) {
  static unsigned char bytes[PARTS][SIZE_MOST];
  struct lab* l = world;
  uvshm_message_t messages[PARTS];
  uint32_t number = l->first;
  uint32_t part;
  size_t count;
  size_t i;

  for (part = 0; part < PARTS && l->parts[part] != 0; part++) {
    count = l->parts[part];
    for (i = 0; i < count; i++) {
      messages[i].bytes = bytes[i];
      messages[i].size = SIZE_MOST;
    }
    world_ok(uvshm__channel_recv(&l->actor, messages, &count), "recv");
    lab_check(count == l->parts[part], "they are not all there");
    for (i = 0; i < count; i++) check_message(l, &messages[i], number++);
    lab_done();
  }
  /* Finding nothing, it tells the writer how far it is. */
  if (number == l->next)
    lab_check(uvshm__channel_recv(&l->actor, messages, &count) == UV_EAGAIN,
              "there are more");
  leave_in_the_end(l);
}


static void op_peek(void* world) {
  struct lab* l = world;
  uvshm_message_t messages[PARTS];
  uint32_t number = l->first;
  uint32_t part;
  size_t count;
  size_t i;

  for (part = 0; part < PARTS && l->parts[part] != 0; part++) {
    count = l->parts[part];
    world_ok(uvshm__channel_peek(&l->actor, messages, &count), "peek");
    lab_check(count == l->parts[part], "they are not all there");
    for (i = 0; i < count; i++) check_message(l, &messages[i], number++);
    world_ok(uvshm__channel_release(&l->actor, messages, count), "release");
    lab_done();
  }
  leave_in_the_end(l);
}

/* ---- afterwards ---------------------------------------------------------- */

/* How many were sent (released): of the last part all or none. */
static int is_possible(const struct lab* l, uint32_t done, uint32_t count) {
  uint32_t sum = 0;
  uint32_t i;

  for (i = 0; i < done && i < PARTS; i++) sum += l->parts[i];
  return count == sum || (done < PARTS && count == sum + l->parts[done]);
}


static uint32_t parts_of(const struct lab* l) {
  uint32_t count = 0;

  while (count < PARTS && l->parts[count] != 0) count++;
  return count;
}


/* The one who is left gets the end, as the actor's own doing or its death. */
static void check_end(const struct lab* l, uint32_t done, int err) {
  int left = l->leaves && done > parts_of(l);

  if (!l->writes)
    lab_check(err == UV_EPIPE, "the writer is told %d", err);
  else if (left)
    lab_check(err == UV_EOF, "the writer left, its reader is told %d", err);
  else
    lab_check(err == UV_ECONNRESET || (l->leaves && err == UV_EOF),
              "the writer died, its reader is told %d",
              err);
}


static void verify_writer(struct lab* l, uint32_t done) {
  struct uvshm__lane lane;
  uint32_t count;
  int err;

  count = recv_all(l, &l->other, l->first, &err);
  check_end(l, done, err);
  lab_check(count >= l->next - l->first, "messages are lost");
  count -= l->next - l->first;
  lab_check(is_possible(l, done, count),
            "%u were sent, %u parts acknowledged",
            (unsigned int) count,
            (unsigned int) done);
  succeed(l, &lane);
  verify_life(l, &l->successor, &l->other, l->next + count);
  part(l, &lane);
  lab_check(recv_all(l, &l->other, 0, &err) == 0 && err == UV_EOF,
            "the successor left, its reader is told %d",
            err);
}


/* With how many released messages the rest is what must be there. */
static uint32_t find_released(struct lab* l, uint32_t done) {
  struct uvshm__channel_end copy = l->successor;
  uvshm_message_t message;
  uint32_t there = 0;
  size_t one = 1;

  while (uvshm__channel_peek(&copy, &message, &one) == 0) there++;
  lab_check(there <= l->next - l->first, "there are too many");
  lab_check(is_possible(l, done, l->next - l->first - there),
            "%u were released, %u parts acknowledged",
            (unsigned int) (l->next - l->first - there),
            (unsigned int) done);
  return l->next - l->first - there;
}


static void verify_reader(struct lab* l, uint32_t done) {
  struct uvshm__lane lane;
  uint32_t released;
  uint32_t count;
  int err;

  check_end(l, done, uvshm__channel_alone(&l->other));
  succeed(l, &lane);
  released = find_released(l, done);
  count = recv_all(l, &l->successor, l->first + released, &err);
  lab_check(count == l->next - l->first - released && err == UV_EAGAIN,
            "the rest does not come");
  verify_life(l, &l->other, &l->successor, l->next);
  part(l, &lane);
  lab_check(uvshm__channel_alone(&l->other) == UV_EPIPE,
            "the successor left, its writer is not told");
}


static void verify(void* world, uint32_t done) {
  struct lab* l = world;

  world_verify(&l->world);
  if (l->writes)
    verify_writer(l, done);
  else
    verify_reader(l, done);
  verify_blocks(l, 1);
}

/* ---- the cases ----------------------------------------------------------- */

/* How it begins, and how many messages the actor sends, or releases, at once:
 * three times, or as often as there is a number; then it may leave. */
struct start {
  uint32_t writes;
  uint32_t large;
  uint32_t turns;
  uint32_t waiting;
  uint32_t parts[3];
  uint32_t leaves;
};


static void build(void* world, const struct start* start) {
  struct lab* l = world;

  begin(l, start->writes, start->large, start->turns, start->waiting);
  memcpy(l->parts, start->parts, sizeof(start->parts));
  l->leaves = start->leaves;
  ready(l);
}

#define START(name, ...)                                                       \
 static void build_##name(void* world) {                                       \
  static const struct start start = {__VA_ARGS__};                             \
                                                                               \
  build(world, &start);                                                        \
 }

START(write, 1, 0, 3, 1, {1, 1, 1}, 0)
START(write_wrap, 1, 0, 13, 2, {1, 1, 1}, 0) /* over the end of the ring */
START(write_batch, 1, 0, 12, 1, {3, 1, 2}, 0)
START(write_large, 1, 1, 3, 0, {2, 0, 0}, 0)
START(write_and_leave, 1, 0, 5, 1, {2, 0, 0}, 1)
START(read, 0, 0, 3, 4, {1, 1, 1}, 0)
START(read_wrap, 0, 0, 12, 6, {1, 3, 2}, 0)
START(read_large, 0, 1, 1, 3, {1, 2, 0}, 0)
START(read_and_leave, 0, 0, 5, 4, {3, 0, 0}, 1)

CASE(send_a_message, build_write, op_send, verify, read_messages)
CASE(send_over_the_end, build_write_wrap, op_send, verify, read_messages)
CASE(send_batches, build_write_batch, op_send, verify, read_messages)
CASE(send_large_messages, build_write_large, op_send, verify, NULL)
CASE(send_and_leave, build_write_and_leave, op_send, verify, read_messages)
CASE(claim_and_commit, build_write, op_claim, verify, read_messages)
CASE(claim_batches, build_write_batch, op_claim, verify, read_messages)
CASE(claim_large_messages, build_write_large, op_claim, verify, NULL)
CASE(receive_a_message, build_read, op_recv, verify, NULL)
CASE(receive_batches_over_the_end, build_read_wrap, op_recv, verify, NULL)
CASE(receive_large_messages, build_read_large, op_recv, verify, NULL)
CASE(receive_and_leave, build_read_and_leave, op_recv, verify, NULL)
CASE(peek_and_release, build_read, op_peek, verify, NULL)
CASE(peek_batches_over_the_end, build_read_wrap, op_peek, verify, NULL)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(send_a_message),
      cmocka_unit_test(send_over_the_end),
      cmocka_unit_test(send_batches),
      cmocka_unit_test(send_large_messages),
      cmocka_unit_test(send_and_leave),
      cmocka_unit_test(claim_and_commit),
      cmocka_unit_test(claim_batches),
      cmocka_unit_test(claim_large_messages),
      cmocka_unit_test(receive_a_message),
      cmocka_unit_test(receive_batches_over_the_end),
      cmocka_unit_test(receive_large_messages),
      cmocka_unit_test(receive_and_leave),
      cmocka_unit_test(peek_and_release),
      cmocka_unit_test(peek_batches_over_the_end),
  };

  return cmocka_run_group_tests_name("crash-stream", tests, NULL, NULL);
}
