/* SPDX-License-Identifier: MIT */

/* A queue whose writers and readers are killed, and stopped, at random.
 *
 *   UVSHM_KILLS=10000 build/test/stress-queue
 *   UVSHM_TEST_SEED=7          the same choices again; what they meet differs
 *
 * Each message has a number of its own, and there is a ledger, in a region,
 * with a word for each: who is about to send it says so, who has sent it, who
 * has got it, who is about to release it, who has. At the end, when what is
 * left was received, the ledger says of each message where it has gone:
 *
 *   with redelivery   nowhere but through a reader that released it
 *   without           the same, or with a reader that died: with each no more
 *                     than it may have peeked, and one
 *
 * and of each that it was given once, or came with the word that it was given
 * before; and never when somebody was through with it.
 */

#include "base/atomic.h"
#include "fake.h"
#include "harness.h"
#include "mortals.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WRITERS 2u
#define READERS 2u
#define WORKERS (WRITERS + READERS)
#define CAPACITY 8u
#define LOANS 2u
#define MESSAGES 2000u /* that a writer sends before it idles */

/* What the ledger says of a message. */
#define BEGUN 1u
#define SENT 2u
#define ENDING 4u
#define THROUGH 8u
#define GIVEN 16u /* one more for each time */

struct board {
  uvshm__a64_t steps[WORKERS]; /* in all its lives */
  uvshm__a32_t next;           /* number of the next message */
  uvshm__a32_t words[1];       /* one for each number */
};

/* One message. */
struct letter {
  uint32_t number;
  uint32_t writer;
  uint32_t salt[6]; /* says the number again */
};

/* Codes of workers that have seen what must not be. */
enum {
  FINE,
  NO_OPEN,
  TORN,
  TWICE,
  AFTER,
  ORDER,
  ODD
};

static struct {
  struct mortals workers;
  struct board* board;
  uint32_t numbers;
  char name[128];
  char ledger[128];
} storm;


static uvshm_channel_t* open_channel(const char* name, uint32_t flags) {
  uvshm_channel_options_t options;
  uvshm_channel_t* channel = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags | UVSHM_CHANNEL_QUEUE;
  options.timeout_ms = TEST_PATIENCE_MS;
  options.size_max = sizeof(struct letter) + 8;
  options.messages = CAPACITY;
  options.writers = 2 * WRITERS + 2;
  options.readers = 2 * READERS + 2;
  options.loans = LOANS;
  err = uvshm_channel_open(&channel, NULL, name, &options);
  if (err < 0) fprintf(stderr, "open: %s\n", uvshm_error_detail());
  return err < 0 ? NULL : channel;
}

/* ---- roles --------------------------------------------------------------- */

static struct board* open_board(const char* name) {
  uvshm_region_t* region;

  if (uvshm_region_open(&region, name, NULL) < 0) return NULL;
  return uvshm_region_base(region);
}


static void write_letter(struct letter* letter, uint32_t number, uint32_t by) {
  uint32_t i;

  letter->number = number;
  letter->writer = by;
  for (i = 0; i < 6; i++) letter->salt[i] = number * 7 + i;
}


static int is_whole(const struct letter* letter, size_t size) {
  uint32_t i;

  if (size != sizeof(*letter) - letter->number % 3 * 4) return 0;
  for (i = 0; i < 4; i++)
    if (letter->salt[i] != letter->number * 7 + i) return 0;
  return 1;
}


/* In place or as a copy. */
static int post(uvshm_channel_t* channel, const struct letter* letter) {
  size_t size = sizeof(*letter) - letter->number % 3 * 4;
  void* room;
  int err;

  if (letter->number % 2 == 0)
    return uvshm_channel_send(channel, letter, size, 1000);
  err = uvshm_channel_claim(channel, &room, sizeof(*letter), 1000);
  if (err < 0) return err;
  memcpy(room, letter, size);
  return uvshm_channel_commit(channel, room, size);
}


/* Channel, ledger, worker, numbers there are. */
static int role_writer(int argc, char** argv) {
  struct board* board = open_board(argv[1]);
  uvshm_channel_t* channel =
      open_channel(argv[0], UVSHM_WRITER | UVSHM_CHANNEL_AWAIT);
  uint32_t me = (uint32_t) strtoul(argv[2], NULL, 10);
  uint32_t numbers = (uint32_t) strtoul(argv[3], NULL, 10);
  struct letter letter;
  uint32_t number;
  uint32_t i = 0;
  int err;

  (void) argc;
  if (channel == NULL || board == NULL) return NO_OPEN;
  for (;;) {
    uvshm__a64_add(&board->steps[me], 1);
    if (i++ >= MESSAGES) {
      test_sleep_ms(1);
      continue;
    }
    number = uvshm__a32_add(&board->next, 1);
    if (number >= numbers) {
      i = MESSAGES;
      continue;
    }
    write_letter(&letter, number, me);
    uvshm__a32_or(&board->words[number], BEGUN);
    do {
      err = post(channel, &letter);
    } while (err == UV_ETIMEDOUT);
    if (err < 0) {
      fprintf(stderr, "send: %s\n", uvshm_error_detail());
      return ODD;
    }
    uvshm__a32_or(&board->words[number], SENT);
  }
}


/* What a reader knows; 0: all is well. */
static int look_at(struct board* board,
                   const struct letter* letter,
                   size_t size,
                   int again,
                   uint32_t* last,
                   uint32_t numbers) {
  uint32_t word;

  if (letter->number >= numbers || letter->writer >= WORKERS ||
      !is_whole(letter, size))
    return TORN;
  word = uvshm__a32_add(&board->words[letter->number], GIVEN);
  if ((word & BEGUN) == 0) return TORN;
  if (word & THROUGH) return AFTER;
  if (again) return FINE;
  if (word >= GIVEN) return TWICE;
  /* Those of a writer come in the order of their numbers, through all its
   * lives. */
  if (last[letter->writer] > letter->number) return ORDER;
  last[letter->writer] = letter->number;
  return FINE;
}


/* Up to two at once, and the first one may be given back last. */
static int read_some(uvshm_channel_t* channel,
                     struct board* board,
                     uint32_t* last,
                     uint32_t numbers) {
  uvshm_message_t messages[LOANS];
  uint32_t ids[LOANS] = {0};
  size_t count = LOANS;
  size_t i;
  int fault;
  int err;

  memset(messages, 0, sizeof(messages));
  err = uvshm_channel_peek_many(channel, messages, &count, 20);
  if (err == UV_ETIMEDOUT || err == UV_ECONNRESET || err == UV_EOF) return 0;
  if (err < 0) {
    fprintf(stderr, "peek: %s\n", uvshm_error_detail());
    return ODD;
  }
  for (i = 0; i < count; i++) {
    const struct letter* letter = messages[i].bytes;

    fault = look_at(board,
                    letter,
                    messages[i].size,
                    (int) messages[i].again,
                    last,
                    numbers);
    if (fault != 0) return fault;
    ids[i] = letter->number;
  }
  /* Some die while they have messages. */
  if (ids[0] % 64 == 0) test_sleep_ms(1);
  for (i = count; i-- > 0;) {
    if (!is_whole(messages[i].bytes, messages[i].size)) return TORN;
    uvshm__a32_or(&board->words[ids[i]], ENDING);
    if (uvshm_channel_release(channel, messages[i].bytes) < 0) return ODD;
    uvshm__a32_or(&board->words[ids[i]], THROUGH);
  }
  return 0;
}


/* Copied is done with: nobody knows of one that dies with it at that moment, so
 * with redelivery everything is peeked. */
static int read_copy(uvshm_channel_t* channel,
                     struct board* board,
                     uint32_t* last,
                     uint32_t numbers) {
  struct letter letter;
  size_t size = sizeof(letter);
  int fault;
  int err = uvshm_channel_recv(channel, &letter, &size, 20);

  if (err == UV_ETIMEDOUT || err == UV_ECONNRESET || err == UV_EOF) return 0;
  if (err != 0) {
    fprintf(stderr, "recv: %s\n", uvshm_error_detail());
    return ODD;
  }
  fault = look_at(board, &letter, size, 0, last, numbers);
  if (fault == 0) uvshm__a32_or(&board->words[letter.number], THROUGH);
  return fault;
}


static int role_reader(int argc, char** argv) {
  struct board* board = open_board(argv[1]);
  uvshm_channel_t* channel = open_channel(argv[0], UVSHM_READER);
  uint32_t me = (uint32_t) strtoul(argv[2], NULL, 10);
  uint32_t numbers = (uint32_t) strtoul(argv[3], NULL, 10);
  uint32_t last[WORKERS] = {0};
  uvshm_channel_info_t info;
  uint32_t i;
  int fault = 0;

  (void) argc;
  if (channel == NULL || board == NULL) return NO_OPEN;
  if (uvshm_channel_info(channel, &info) < 0) return NO_OPEN;
  for (i = 0; fault == 0; i++) {
    uvshm__a64_add(&board->steps[me], 1);
    fault = i % 3 == 0 && (info.flags & UVSHM_CHANNEL_REDELIVER) == 0
                ? read_copy(channel, board, last, numbers)
                : read_some(channel, board, last, numbers);
  }
  return fault;
}

/* ---- the storm ----------------------------------------------------------- */

static void words_of(uint32_t number, char words[MORTAL_WORDS][128]) {
  snprintf(words[0], 128, number < WRITERS ? "writer" : "reader");
  snprintf(words[1], 128, "%s", storm.name);
  snprintf(words[2], 128, "%s", storm.ledger);
  snprintf(words[3], 128, "%u", (unsigned int) number);
  snprintf(words[4], 128, "%u", (unsigned int) storm.numbers);
}


static uint64_t steps_of(uint32_t number) {
  return uvshm__a64_load_relaxed(&storm.board->steps[number]);
}


static uint64_t dead_readers(void) {
  uint64_t count = 0;
  uint32_t i;

  for (i = WRITERS; i < WORKERS; i++) count += storm.workers.deaths[i];
  return count;
}

/* ---- afterwards ---------------------------------------------------------- */

static void drain(uvshm_channel_t* channel) {
  uint32_t last[WORKERS] = {0};
  struct letter letter;
  uvshm_message_t message;
  size_t count;
  int err;

  for (;;) {
    memset(&message, 0, sizeof(message));
    message.bytes = &letter;
    message.size = sizeof(letter);
    count = 1;
    err = uvshm_channel_recv_many(channel, &message, &count, 0);
    if (err < 0) break;
    assert_int_equal(look_at(storm.board,
                             &letter,
                             message.size,
                             (int) message.again,
                             last,
                             storm.numbers),
                     FINE);
    uvshm__a32_or(&storm.board->words[letter.number], THROUGH);
  }
  assert_true(err == UV_EAGAIN || err == UV_ECONNRESET || err == UV_EOF);
}


static uint64_t audit(uint64_t* sent, uint64_t* again) {
  uint64_t lost = 0;
  uint32_t word;
  uint32_t i;

  for (i = 0; i < storm.numbers; i++) {
    word = uvshm__a32_load_relaxed(&storm.board->words[i]);
    if (word & SENT) *sent += 1;
    if (word / GIVEN > 1) *again += word / GIVEN - 1;
    if ((word & SENT) && (word & (ENDING | THROUGH)) == 0) lost++;
  }
  return lost;
}


static void fills_again(uvshm_channel_t* channel) {
  uvshm_channel_info_t info;
  struct letter letter;
  uvshm_channel_t* writer = open_channel(storm.name, UVSHM_WRITER);
  uint32_t i;

  assert_non_null(writer);
  assert_int_equal(uvshm_channel_info(channel, &info), 0);
  assert_int_equal(info.depth, 0);
  write_letter(&letter, 0, 0);
  for (i = 0; i < CAPACITY; i++)
    assert_int_equal(uvshm_channel_send(writer, &letter, 8, 0), 0);
  assert_int_equal(uvshm_channel_send(writer, &letter, 8, 0), UV_EAGAIN);
  uvshm_channel_close(writer);
}


static void storm_of(uint32_t flags) {
  uvshm_region_options_t options;
  uvshm_region_t* region;
  uvshm_channel_t* channel;
  uvshm_channel_t* reader;
  uint64_t kills = mortals_kills(150);
  uint32_t repaired = 0;
  uint64_t again = 0;
  uint64_t sent = 0;
  uint64_t lost;

  memset(&storm, 0, sizeof(storm));
  storm.workers.count = WORKERS;
  storm.workers.random = fake_seed();
  storm.workers.words = words_of;
  storm.workers.steps = steps_of;
  storm.workers.age_us = 2000;
  storm.workers.early_us = 500;
  storm.workers.stops = 1;
  strcpy(storm.name, test_name("queue"));
  strcpy(storm.ledger, test_name("ledger"));
  storm.numbers = (uint32_t) (kills + 20) * MESSAGES;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = sizeof(struct board) + 4 * (uint64_t) storm.numbers;
  assert_int_equal(uvshm_region_open(&region, storm.ledger, &options), 0);
  storm.board = uvshm_region_base(region);
  channel = open_channel(storm.name, flags);
  assert_non_null(channel);

  mortals_storm(&storm.workers, kills);
  if (storm.workers.failure[0] != '\0') fail_msg("%s", storm.workers.failure);

  assert_int_equal(uvshm_channel_repair(channel, &repaired), 0);
  assert_int_equal(uvshm_channel_check(channel), 0);
  reader = open_channel(storm.name, UVSHM_READER);
  assert_non_null(reader);
  drain(reader);
  lost = audit(&sent, &again);
  print_message("%llu kills, %llu messages sent, %llu given again, %llu gone\n",
                (unsigned long long) storm.workers.kills,
                (unsigned long long) sent,
                (unsigned long long) again,
                (unsigned long long) lost);
  if (flags & UVSHM_CHANNEL_REDELIVER)
    assert_int_equal(lost, 0);
  else
    assert_true(lost <= dead_readers() * (LOANS + 1));
  fills_again(channel);
  assert_int_equal(uvshm_channel_check(channel), 0);
  uvshm_channel_close(reader);
  uvshm_channel_close(channel);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


static void no_message_is_lost_or_given_twice_unsaid(void** state) {
  (void) state;
  storm_of(UVSHM_CHANNEL_REDELIVER);
}


static void without_redelivery_only_dead_readers_lose_messages(void** state) {
  (void) state;
  storm_of(0);
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {
      {"writer", role_writer}, {"reader", role_reader}, {NULL, NULL}};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_message_is_lost_or_given_twice_unsaid),
      cmocka_unit_test(without_redelivery_only_dead_readers_lose_messages),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
