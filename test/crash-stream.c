/* SPDX-License-Identifier: MIT */

/* A death at every store of all that the ends of a stream do: what was sent is
 * there once and in order, what was not is not, the other end is told, and a
 * successor goes on where the dead one was. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/channel.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/stream_layout.h"
#include "lab/lab.h"
#include "lab/world.h"

#include <stdio.h>
#include <string.h>

#define PARTS 4u
#define SIZE_MOST 1100u

struct lab {
  struct world world;
  struct uvshm__directory_ref ref;
  uint64_t blocks;       /* of the segment without the channel */
  uint32_t large;        /* messages may be large */
  uint32_t writes;       /* the actor is the writer, or the reader */
  uint32_t first;        /* number of the oldest message that is not released */
  uint32_t next;         /* number of the next to send */
  uint32_t parts[PARTS]; /* how many the actor sends (releases) at once */
  uint32_t leaves;       /* 1: it leaves in the end */
  struct uvshm__channel channels[3]; /* of actor, second, bystander */
  struct uvshm__channel_end actor;
  struct uvshm__channel_end successor;
  struct uvshm__channel_end other; /* the bystander's */
};

static struct lab lab;


/* ---- messages ------------------------------------------------------------ */

static size_t size_of(const struct lab* l, uint32_t number) {
  if (l->large) return number % 2 == 0 ? 1032 : 17;
  return number * 37 % 91;
}


static void fill(void* bytes, size_t size, uint32_t number) {
  memset(bytes, (int) (number % 251 + 1), size);
}


static void check_message(const struct lab* l,
                          const uvshm_message_t* message,
                          uint32_t number) {
  const unsigned char* bytes = message->bytes;
  size_t i;

  lab_check(message->size == size_of(l, number),
            "message %u has %u bytes",
            (unsigned int) number,
            (unsigned int) message->size);
  for (i = 0; i < message->size; i++)
    lab_check(bytes[i] == number % 251 + 1,
              "message %u: byte %u is %u",
              (unsigned int) number,
              (unsigned int) i,
              bytes[i]);
}


static void send_one(struct lab* l,
                     struct uvshm__channel_end* end,
                     uint32_t number) {
  static unsigned char bytes[SIZE_MOST];
  uvshm_message_t message;
  size_t one = 1;

  fill(bytes, size_of(l, number), number);
  message.bytes = bytes;
  message.size = size_of(l, number);
  world_ok(uvshm__channel_send(end, &message, &one), "send");
}


/* How many there are from number `number` on, all looked at; none released. */
static uint32_t peek_all(struct lab* l,
                         struct uvshm__channel_end* end,
                         uint32_t number) {
  uvshm_message_t message;
  uint32_t count = 0;
  size_t one = 1;
  int err;

  while ((err = uvshm__channel_peek(end, &message, &one)) == 0)
    check_message(l, &message, number + count++);
  lab_check(err == UV_EAGAIN || err == UV_EOF || err == UV_ECONNRESET,
            "peek: %d, %s",
            err,
            uvshm__error_text());
  return count;
}


static uint32_t recv_all(struct lab* l,
                         struct uvshm__channel_end* end,
                         uint32_t number,
                         int* err) {
  static unsigned char bytes[SIZE_MOST];
  uvshm_message_t message;
  uint32_t count = 0;
  size_t one = 1;

  for (;;) {
    message.bytes = bytes;
    message.size = sizeof(bytes);
    *err = uvshm__channel_recv(end, &message, &one);
    if (*err < 0) return count;
    check_message(l, &message, number + count++);
  }
}

/* ---- the start ----------------------------------------------------------- */

static void furnish(struct lab* l,
                    struct uvshm__lane* lane,
                    const char* name,
                    struct uvshm__directory_ref* ref) {
  struct uvshm__directory_spec spec;
  struct uvshm__channel_facts facts;
  struct uvshm__channel_hdr body;
  int made = 0;

  memset(&facts, 0, sizeof(facts));
  facts.kind = UVSHM__CHANNEL_STREAM;
  facts.size_max = l->large ? SIZE_MOST : 100;
  facts.writers = 1;
  facts.readers = 1;
  facts.loans = 1;
  world_ok(uvshm__channel_plan(&facts, l->large ? 2 : 6, 0), "plan");
  memset(&spec, 0, sizeof(spec));
  spec.name = name;
  spec.name_size = (uint32_t) strlen(name);
  spec.type = UVSHM__TYPE_CHANNEL;
  spec.body = &body;
  world_ok(uvshm__channel_format(lane, &facts, &body, &spec.blocks[0]),
           "format");
  world_ok(uvshm__directory_make(lane, &spec, 100, ref, &made), "make");
}


static struct uvshm__channel* attach(struct lab* l, uint32_t i, uint32_t slot) {
  struct uvshm__core* core = world_core(&l->world, slot);

  world_ok(uvshm__directory_open(core, &l->ref), "open");
  world_ok(
      uvshm__channel_attach(
          core, uvshm__directory_body(core, l->ref.index), &l->channels[i]),
      "attach");
  return &l->channels[i];
}


static void join(struct uvshm__channel_end* end,
                 struct uvshm__lane* lane,
                 struct uvshm__channel* channel,
                 uint32_t writer) {
  memset(end, 0, sizeof(*end));
  end->channel = channel;
  end->writer = writer;
  world_ok(uvshm__channel_join(lane, end, 2000), "join");
}


/* A stream whose ends are the actor's and the bystander's; `turns` messages
 * have gone through it, `waiting` are in it. */
static void begin(struct lab* l,
                  uint32_t writes,
                  uint32_t large,
                  uint32_t turns,
                  uint32_t waiting) {
  struct uvshm__channel_end* writer = writes ? &l->actor : &l->other;
  struct uvshm__channel_end* reader = writes ? &l->other : &l->actor;
  struct uvshm__channel* channel;
  int err;

  memset(l, 0, sizeof(*l));
  l->writes = writes;
  l->large = large;
  world_build(&l->world, 1 << 20, 1 << 20);
  l->blocks = world_blocks(&l->world);
  furnish(l, &l->world.bystander, "stream", &l->ref);
  channel = attach(l, 2, WORLD_BYSTANDER);
  join(&l->other, &l->world.bystander, channel, !writes);
  channel = attach(l, 0, WORLD_ACTOR);
  join(&l->actor, &l->world.actor, channel, writes);
  for (; l->next < turns; l->next++) {
    send_one(l, writer, l->next);
    lab_check(recv_all(l, reader, l->next, &err) == 1, "it is not there");
  }
  l->first = l->next;
  for (; l->next < turns + waiting; l->next++) send_one(l, writer, l->next);
  lab_private(l, sizeof(*l));
}


static void ready(struct lab* l) {
  world_ready(&l->world);
}

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


/* The bystander is alone; the actor comes. */
static void op_join(void* world) {
  struct lab* l = world;

  join(&l->actor, &l->world.actor, &l->channels[0], l->writes);
}


static void op_make(void* world) {
  struct lab* l = world;
  struct uvshm__directory_ref ref;

  furnish(l, &l->world.actor, "brief", &ref);
}


static void op_remove(void* world) {
  struct lab* l = world;

  uvshm__channel_leave(&l->actor);
  uvshm__directory_close(world_core(&l->world, WORLD_ACTOR), l->ref.index);
  world_ok(
      uvshm__directory_remove(world_core(&l->world, WORLD_ACTOR), "stream", 6),
      "remove");
}


/* Nobody else has it open. */
static void op_bury(void* world) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_ACTOR);

  world_ok(uvshm__directory_remove(core, "stream", 6), "remove");
  uvshm__channel_leave(&l->actor);
  uvshm__directory_close(core, l->ref.index);
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


/* Through all of the ring, several times. */
static void verify_life(struct lab* l,
                        struct uvshm__channel_end* writer,
                        struct uvshm__channel_end* reader,
                        uint32_t number) {
  uint32_t sent = number;
  uint32_t turn;
  int err;

  for (turn = 0; turn < 9; turn++) {
    for (sent = number; sent < number + 3; sent++) {
      if (uvshm__stream_kind.writable(writer, size_of(l, sent)))
        send_one(l, writer, sent);
      else
        break;
    }
    lab_check(sent > number, "there is no room");
    lab_check(
        recv_all(l, reader, number, &err) == sent - number && err == UV_EAGAIN,
        "of %u messages not all came",
        (unsigned int) (sent - number));
    number = sent;
  }
}


static void verify_blocks(struct lab* l, uint64_t blocks) {
  lab_check(world_blocks(&l->world) == l->blocks + blocks,
            "%d blocks are too many",
            (int) (world_blocks(&l->world) - l->blocks - blocks));
}


static void succeed(struct lab* l, struct uvshm__lane* lane) {
  world_ok(uvshm__lane_claim(world_core(&l->world, WORLD_SECOND), lane),
           "lane");
  join(&l->successor, lane, attach(l, 1, WORLD_SECOND), l->writes);
}


static void part(struct lab* l, struct uvshm__lane* lane) {
  uvshm__channel_leave(&l->successor);
  uvshm__directory_close(world_core(&l->world, WORLD_SECOND), l->ref.index);
  uvshm__lane_exit(lane);
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


/* It came, or it did not, and then there was never a writer (reader). */
static void verify_joined(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__lane lane;
  int err = uvshm__channel_alone(&l->other);

  (void) done;
  world_verify(&l->world);
  lab_check(err == (l->writes ? UV_ECONNRESET : UV_EPIPE) ||
                (l->writes && err == UV_EOF), /* of the one before */
            "the other end is told %d",
            err);
  succeed(l, &lane);
  if (l->writes) {
    (void) recv_all(l, &l->other, l->first, &err);
    verify_life(l, &l->successor, &l->other, l->next);
  } else {
    (void) recv_all(l, &l->successor, l->first, &err);
    verify_life(l, &l->other, &l->successor, l->next);
  }
  part(l, &lane);
}


static void verify_made(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);
  struct uvshm__directory_ref ref;

  (void) done;
  world_verify(&l->world);
  if (uvshm__directory_find(core, "brief", 5, &ref) == 0) {
    verify_blocks(l, 2);
    world_ok(uvshm__directory_remove(core, "brief", 5), "remove");
  }
  verify_blocks(l, 1);
}


/* The bystander still has it open: it stays usable for him until he closes. */
static void verify_removed(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);
  struct uvshm__directory_ref ref;
  int err;

  (void) done;
  world_verify(&l->world);
  verify_blocks(l, 1);
  (void) recv_all(l, &l->other, l->first, &err);
  lab_check(err == UV_EOF || err == UV_ECONNRESET, "it is told %d", err);
  uvshm__channel_leave(&l->other);
  uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER), l->ref.index);
  if (uvshm__directory_find(core, "stream", 6, &ref) == 0)
    world_ok(uvshm__directory_remove(core, "stream", 6), "remove");
  verify_blocks(l, 0);
}


static void verify_buried(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);
  struct uvshm__directory_ref ref;

  (void) done;
  world_verify(&l->world);
  if (uvshm__directory_find(core, "stream", 6, &ref) == 0) {
    verify_blocks(l, 1);
    world_ok(uvshm__directory_remove(core, "stream", 6), "remove");
  }
  verify_blocks(l, 0);
}


/* The live reader, meanwhile: whole messages, in order, without a gap. */
static void read_messages(void* world) {
  struct lab* l = world;
  struct uvshm__channel_end copy = l->other;
  uint32_t most = l->next - l->first;
  uint32_t i;

  for (i = 0; i < PARTS; i++) most += l->parts[i];
  lab_check(peek_all(l, &copy, l->first) <= most, "there are too many");
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


static void alone(struct lab* l, uint32_t writes) {
  begin(l, writes, 0, 7, 3);
  uvshm__channel_leave(&l->actor);
  ready(l);
}


static void build_join_writer(void* world) {
  alone(world, 1);
}


static void build_join_reader(void* world) {
  alone(world, 0);
}


static void build_make(void* world) {
  begin(world, 1, 0, 0, 0);
  ready(world);
}


static void build_remove(void* world) {
  begin(world, 1, 0, 2, 2);
  ready(world);
}


static void build_bury(void* world) {
  struct lab* l = world;

  begin(l, 1, 0, 2, 2);
  uvshm__channel_leave(&l->other);
  uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER), l->ref.index);
  ready(l);
}


#define CASE(name, start, run, is_well, read)                                  \
 WORLD_CASE(name, &lab, start, run, is_well, read)

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
CASE(join_as_writer, build_join_writer, op_join, verify_joined, read_messages)
CASE(join_as_reader, build_join_reader, op_join, verify_joined, NULL)
CASE(make_a_stream, build_make, op_make, verify_made, NULL)
CASE(remove_the_stream, build_remove, op_remove, verify_removed, NULL)
CASE(bury_the_stream, build_bury, op_bury, verify_buried, NULL)


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
      cmocka_unit_test(join_as_writer),
      cmocka_unit_test(join_as_reader),
      cmocka_unit_test(make_a_stream),
      cmocka_unit_test(remove_the_stream),
      cmocka_unit_test(bury_the_stream),
  };

  return cmocka_run_group_tests_name("crash-stream", tests, NULL, NULL);
}
