/* SPDX-License-Identifier: MIT */

/* Writers and readers of two topics, one lossless and one not, killed at any
 * moment; each is followed by another one at once. What must hold:
 *
 *   every message that a reader gets is whole;
 *   numbers follow each other, and what is missing between two of them is what
 *   the reader is told to have missed; of the lossless topic nothing is;
 *   all readers get the same message under the same number;
 *   of a writer's life a reader that misses nothing gets all that it had been
 *   told to be sent, in order, and at most one more;
 *   nobody waits for the dead, and the topics are well.
 *
 *   UVSHM_KILLS=10000 build/test/stress-topic     the long one
 *   UVSHM_SEED=7                                  the same choices again
 */

#include "harness.h"

#include "base/atomic.h"
#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KILLS_DEFAULT 200u
#define TOPICS 2u
#define WRITERS 2u /* of each topic */
#define READERS 2u
#define ACTORS (TOPICS * (WRITERS + READERS))
#define LIVES 4096u /* of one writer, before numbers are used again */
#define SEEN 65536u /* numbers of messages that are compared */
#define MESSAGE_MAX 2000u
#define CAPACITY 32u

/* In a region that all have open. */
struct board {
  uvshm__a64_t sent[TOPICS][WRITERS][LIVES]; /* {life, messages acknowledged} */
  uvshm__a64_t seen[TOPICS][SEEN];           /* {number:32, checksum:32} */
  uvshm__a64_t received[TOPICS][READERS];    /* so far, by all lives */
  uvshm__a64_t missed[TOPICS][READERS];
  uvshm__a64_t stop;
};

struct message {
  uint32_t writer;
  uint32_t life;
  uint64_t count; /* of this life, from 0 on */
};

static struct board* board;
static const char* prefix;

/* ---- both sides ---------------------------------------------------------- */

static size_t size_of(const struct message* message) {
  return sizeof(*message) +
         (size_t) (message->count * 7919 + message->writer) %
             (message->count % 16 == 0 ? MESSAGE_MAX - sizeof(*message) : 100);
}


static unsigned char filler(const struct message* message) {
  return (unsigned char) (message->count * 31 + message->life * 7 +
                          message->writer + 1);
}


static int open_board(uvshm_region_t** region) {
  uvshm_region_options_t options;
  char name[128];
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = sizeof(struct board);
  snprintf(name, sizeof(name), "%s.board", prefix);
  err = uvshm_region_open(region, name, &options);
  if (err >= 0) board = uvshm_region_base(*region);
  return err;
}


static int open_topic(uvshm_channel_t** channel,
                      uint32_t topic,
                      uint32_t flags) {
  uvshm_channel_options_t options;
  uint64_t begin;
  char name[128];
  int err;

  memset(&options, 0, sizeof(options));
  options.flags =
      flags | UVSHM_CHANNEL_TOPIC | (topic == 1 ? UVSHM_CHANNEL_LOSSLESS : 0);
  options.size_max = MESSAGE_MAX;
  options.messages = CAPACITY;
  options.writers = WRITERS;
  options.readers = READERS;
  options.loans = 3;
  options.timeout_ms = TEST_PATIENCE_MS;
  snprintf(name, sizeof(name), "%s.%u", prefix, (unsigned int) topic);
  begin = test_now_ms();
  /* The dead one's end may be somebody else's to clear up just now. */
  do {
    err = uvshm_channel_open(channel, NULL, name, &options);
    if (err != UV_EMFILE) break;
    test_sleep_ms(1);
  } while (test_now_ms() - begin < TEST_PATIENCE_MS);
  return err;
}

/* ---- writers ------------------------------------------------------------- */

static int send_one(uvshm_channel_t* channel, const struct message* message) {
  unsigned char bytes[MESSAGE_MAX];
  size_t size = size_of(message);
  void* room;
  int err;

  if (message->count % 3 != 0) {
    memset(bytes, filler(message), size);
    memcpy(bytes, message, sizeof(*message));
    return uvshm_channel_send(channel, bytes, size, TEST_PATIENCE_MS);
  }
  err = uvshm_channel_claim(channel, &room, size, TEST_PATIENCE_MS);
  if (err < 0) return err;
  memset(room, filler(message), size);
  memcpy(room, message, sizeof(*message));
  return uvshm_channel_commit(channel, room, size);
}


/* PREFIX topic writer life */
static int role_write(int argc, char** argv) {
  uint32_t topic = (uint32_t) atoi(argv[1]);
  struct message message;
  uvshm_channel_t* channel;
  uvshm_region_t* region;
  int err;

  (void) argc;
  prefix = argv[0];
  message.writer = (uint32_t) atoi(argv[2]);
  message.life = (uint32_t) atoi(argv[3]);
  if (open_board(&region) < 0) return 1;
  if (open_topic(&channel, topic, UVSHM_WRITER | UVSHM_CHANNEL_AWAIT) < 0) {
    fprintf(stderr, "%s\n", uvshm_error_detail());
    return 2;
  }
  test_say("ready");
  for (message.count = 0; uvshm__a64_load_relaxed(&board->stop) == 0;
       message.count++) {
    err = send_one(channel, &message);
    if (err < 0) {
      fprintf(stderr, "send: %s\n", uvshm_strerror(err));
      return 3;
    }
    uvshm__a64_store_release(
        &board->sent[topic][message.writer][message.life % LIVES],
        (uint64_t) message.life << 40 | (message.count + 1));
    /* Others have a turn, on a machine with few processors. */
    if (topic == 0 && message.count % 64 == 63) test_sleep_ms(1);
  }
  uvshm_channel_close(channel);
  uvshm_region_close(region);
  return 0;
}

/* ---- readers ------------------------------------------------------------- */

struct reader {
  uint32_t topic;
  uint64_t next; /* number; UINT64_MAX: any */
  struct {
    uint32_t known; /* 1: this reader has all since `count` of `life` */
    uint32_t life;
    uint64_t count;
  } writers[WRITERS];
};


static int complain(const char* what, uint64_t a, uint64_t b) {
  fprintf(stderr,
          "%s: %llu, %llu\n",
          what,
          (unsigned long long) a,
          (unsigned long long) b);
  return -1;
}


/* How many messages this life of a writer knows to be sent. */
static uint64_t acknowledged(uint32_t topic, uint32_t writer, uint32_t life) {
  uint64_t word =
      uvshm__a64_load_acquire(&board->sent[topic][writer][life % LIVES]);

  return word >> 40 == (life & 0xffffff) ? word & ((UINT64_C(1) << 40) - 1) : 0;
}


/* That life is over: it was `got` messages long for us. */
static int check_life(struct reader* reader,
                      uint32_t writer,
                      uint32_t life,
                      uint64_t got) {
  uint64_t sent = acknowledged(reader->topic, writer, life);

  if (got < sent) return complain("messages are lost, got and sent", got, sent);
  if (got > sent + 1)
    return complain("more messages than were sent", got, sent);
  return 0;
}


static int check_writer(struct reader* reader,
                        const struct message* message,
                        uint64_t missed) {
  uint32_t writer = message->writer;
  uint32_t life = reader->writers[writer].life;
  uint64_t next = reader->writers[writer].count + 1;
  int err = 0;

  if (missed != 0) {
    uint32_t i;

    for (i = 0; i < WRITERS; i++) reader->writers[i].known = 0;
  }
  if (reader->writers[writer].known) {
    if (message->life == life && message->count != next)
      err = complain("a writer's next message", message->count, next);
    if (message->life < life)
      err = complain("an old life", message->life, life);
    if (message->life > life) {
      err = check_life(reader, writer, life, next);
      while (err == 0 && ++life < message->life)
        err = check_life(reader, writer, life, 0);
      if (err == 0 && message->count != 0)
        err = complain("a life begins with", message->count, 0);
    }
  }
  reader->writers[writer].known = 1;
  reader->writers[writer].life = message->life;
  reader->writers[writer].count = message->count;
  return err;
}


/* Has another reader seen something else under this number? */
static int check_number(struct reader* reader,
                        uint64_t number,
                        uint64_t checksum) {
  uvshm__a64_t* at = &board->seen[reader->topic][number % SEEN];
  uint64_t mine = number << 32 | (checksum & 0xffffffff);
  uint64_t word = uvshm__a64_load_acquire(at);

  if (word == mine) return 0;
  if (word >> 32 == (number & 0xffffffff) && word != 0)
    return complain("two messages with one number", number, word);
  (void) uvshm__a64_cas(at, word, mine);
  return 0;
}


static int check_one(struct reader* reader, const uvshm_message_t* got) {
  const unsigned char* bytes = got->bytes;
  struct message message;
  size_t i;

  if (got->size < sizeof(message))
    return complain("a size", got->size, sizeof(message));
  memcpy(&message, bytes, sizeof(message));
  if (message.writer >= WRITERS || got->size != size_of(&message))
    return complain("a size or writer", got->size, message.writer);
  for (i = sizeof(message); i < got->size; i++)
    if (bytes[i] != filler(&message)) return complain("a torn message", i, 0);
  if (reader->next != UINT64_MAX && got->sequence != reader->next + got->missed)
    return complain("a number", got->sequence, reader->next + got->missed);
  if (reader->topic == 1 && got->missed != 0)
    return complain("a lossless topic lost", got->missed, got->sequence);
  reader->next = got->sequence + 1;
  if (check_number(reader,
                   got->sequence,
                   message.count * WRITERS + message.writer +
                       message.life * UINT64_C(2654435761)) < 0)
    return -1;
  return check_writer(reader, &message, got->missed);
}


/* Up to three at once, copied or in place. */
static int receive(uvshm_channel_t* channel,
                   struct reader* reader,
                   uint64_t round,
                   size_t* count) {
  static unsigned char room[3][MESSAGE_MAX];
  uvshm_message_t messages[3];
  size_t i;
  int err;

  memset(messages, 0, sizeof(messages));
  for (i = 0; i < 3; i++) {
    messages[i].bytes = room[i];
    messages[i].size = MESSAGE_MAX;
  }
  *count = (size_t) (1 + round % 3);
  err = round % 2 ? uvshm_channel_recv_many(channel, messages, count, 100)
                  : uvshm_channel_peek_many(channel, messages, count, 100);
  if (err < 0) return err;
  for (i = 0; i < *count; i++)
    if (check_one(reader, &messages[i]) < 0) return UV_EPROTO;
  return round % 2 ? 0 : uvshm_channel_release_many(channel, messages, *count);
}


/* PREFIX topic reader life */
static int role_read(int argc, char** argv) {
  static struct reader reader;
  uint32_t index = (uint32_t) atoi(argv[2]);
  uvshm_channel_t* channel;
  uvshm_region_t* region;
  uint64_t round;
  size_t count;
  int err;

  (void) argc;
  prefix = argv[0];
  reader.topic = (uint32_t) atoi(argv[1]);
  reader.next = UINT64_MAX;
  if (open_board(&region) < 0) return 1;
  if (open_topic(
          &channel,
          reader.topic,
          UVSHM_READER | (atoi(argv[3]) % 2 ? UVSHM_CHANNEL_OLDEST : 0)) < 0) {
    fprintf(stderr, "%s\n", uvshm_error_detail());
    return 2;
  }
  test_say("ready");
  for (round = 0;; round++) {
    err = receive(channel, &reader, round, &count);
    if (err == UV_ETIMEDOUT || err == UV_EOF || err == UV_ECONNRESET) {
      if (uvshm__a64_load_relaxed(&board->stop) != 0) break;
      test_sleep_ms(1); /* there will be another writer */
      continue;
    }
    if (err < 0) {
      fprintf(stderr, "receive: %s\n", uvshm_strerror(err));
      return 3;
    }
    uvshm__a64_add(&board->received[reader.topic][index], count);
    /* A slow one: it is passed, and learns that. */
    if (reader.topic == 0 && index == 1 && round % 50 == 0) test_sleep_ms(2);
  }
  uvshm_channel_close(channel);
  uvshm_region_close(region);
  return 0;
}


static const struct test_role roles[] = {
    {"write", role_write}, {"read", role_read}, {NULL, NULL}};

/* ---- the storm ----------------------------------------------------------- */

struct actor {
  struct test_process process;
  uint32_t life;
};

static struct actor actors[ACTORS];


static void start(uint32_t index) {
  char topic[16];
  char number[16];
  char life[16];
  uint32_t which = index / TOPICS;
  int writes = which < WRITERS;

  actors[index].life++;
  snprintf(topic, sizeof(topic), "%u", (unsigned int) (index % TOPICS));
  snprintf(number,
           sizeof(number),
           "%u",
           (unsigned int) (writes ? which : which - WRITERS));
  snprintf(life, sizeof(life), "%u", (unsigned int) actors[index].life);
  test_spawn(&actors[index].process,
             writes ? "write" : "read",
             prefix,
             topic,
             number,
             life,
             NULL);
  test_expect(&actors[index].process, "ready");
}


static uint32_t setting(const char* name, uint32_t otherwise) {
  const char* text = getenv(name);

  return text == NULL ? otherwise : (uint32_t) strtoul(text, NULL, 10);
}


/* Each reader gets something, or the test ends. */
static void expect_progress(void) {
  uint64_t before[TOPICS][READERS];
  uint64_t begin = test_now_ms();
  uint32_t topic;
  uint32_t i;
  int all = 0;

  for (topic = 0; topic < TOPICS; topic++)
    for (i = 0; i < READERS; i++)
      before[topic][i] = uvshm__a64_load_relaxed(&board->received[topic][i]);
  while (!all) {
    all = 1;
    for (topic = 0; topic < TOPICS; topic++)
      for (i = 0; i < READERS; i++)
        if (uvshm__a64_load_relaxed(&board->received[topic][i]) ==
            before[topic][i])
          all = 0;
    if (test_now_ms() - begin > TEST_PATIENCE_MS)
      fail_msg("a reader gets nothing any more");
    test_sleep_ms(2);
  }
}


static void topics_are_well_in_a_storm_of_kills(void** state) {
  uint32_t kills = setting("UVSHM_KILLS", KILLS_DEFAULT);
  uint32_t seed = setting("UVSHM_SEED", (uint32_t) test_now_ms());
  char name[100];
  uvshm_channel_t* keepers[TOPICS];
  uvshm_channel_info_t info;
  uvshm_region_t* region;
  uint32_t victim;
  uint32_t i;

  (void) state;
  printf(
      "UVSHM_SEED=%u, %u kills\n", (unsigned int) seed, (unsigned int) kills);
  srand(seed);
  snprintf(name, sizeof(name), "%s", test_name("storm"));
  prefix = name;
  assert_int_equal(open_board(&region), 0);
  for (i = 0; i < TOPICS; i++)
    assert_int_equal(open_topic(&keepers[i], i, 0), 0);
  for (i = 0; i < ACTORS; i++) start(i);
  for (i = 0; i < kills; i++) {
    test_sleep_ms((unsigned int) (rand() % 8));
    victim = (uint32_t) rand() % ACTORS;
    if (actors[victim].process.exited) fail_msg("one has ended by itself");
    test_kill(&actors[victim].process);
    start(victim);
    if (i % 16 == 15) expect_progress();
    assert_int_equal(uvshm_channel_check(keepers[victim % TOPICS]), 0);
  }
  expect_progress();
  uvshm__a64_store_release(&board->stop, 1);
  for (i = 0; i < ACTORS; i++)
    assert_int_equal(test_join(&actors[i].process), 0);
  for (i = 0; i < TOPICS; i++) {
    assert_int_equal(uvshm_channel_check(keepers[i]), 0);
    assert_int_equal(uvshm_channel_info(keepers[i], &info), 0);
    assert_int_equal(info.writers + info.readers, 0);
    if (i == 1) assert_int_equal(info.lost, 0);
    printf("topic %u: %llu sent, %llu lost\n",
           (unsigned int) i,
           (unsigned long long) info.sent,
           (unsigned long long) info.lost);
    uvshm_channel_close(keepers[i]);
  }
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(topics_are_well_in_a_storm_of_kills),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("stress-topic", tests, NULL, NULL);
}
