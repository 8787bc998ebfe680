/* SPDX-License-Identifier: MIT */

/* Queues between processes, through the public API. Who is killed at random, in
 * the middle of calls, is in stress-queue.c. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

#define SIZE 200u
#define CAPACITY 16u
#define WORKERS 3u
#define MESSAGES 3000u


static uvshm_channel_t* open_end(const char* name, uint32_t flags) {
  uvshm_channel_options_t options;
  uvshm_channel_t* channel = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = flags | UVSHM_CHANNEL_QUEUE;
  options.size_max = SIZE;
  options.messages = CAPACITY;
  options.writers = 4;
  options.readers = 6;
  options.loans = 2;
  return uvshm_channel_open(&channel, NULL, name, &options) < 0 ? NULL
                                                                : channel;
}


static size_t size_of(uint32_t number) {
  return 4 + number * 7919 % (SIZE - 3);
}


static int send_number(uvshm_channel_t* channel, uint32_t number) {
  unsigned char bytes[SIZE];

  memset(bytes, (int) (number & 255), sizeof(bytes));
  memcpy(bytes, &number, 4);
  return uvshm_channel_send(channel, bytes, size_of(number), TEST_PATIENCE_MS);
}


static int number_in(const unsigned char* bytes, size_t size) {
  uint32_t number;

  memcpy(&number, bytes, 4);
  if (size != size_of(number)) return -1;
  if (size > 4 && bytes[size - 1] != (number & 255)) return -1;
  return (int) number;
}


/* The number; *again says how it came. */
static int recv_number(uvshm_channel_t* channel, int* again) {
  unsigned char bytes[SIZE];
  size_t size = sizeof(bytes);
  int err = uvshm_channel_recv(channel, bytes, &size, TEST_PATIENCE_MS);

  if (again != NULL) *again = err == UVSHM_AGAIN;
  return err < 0 ? err : number_in(bytes, size);
}

/* ---- roles --------------------------------------------------------------- */

/* Receives all that it gets, in rising order, until the writer closes. */
static int role_worker(int argc, char** argv) {
  uvshm_channel_t* channel = open_end(argv[0], UVSHM_READER);
  long sum = 0;
  long count = 0;
  int last = -1;
  int number;

  (void) argc;
  if (channel == NULL) return 1;
  test_say("ready");
  while ((number = recv_number(channel, NULL)) >= 0) {
    if (number <= last) return 2;
    last = number;
    sum += number;
    count++;
  }
  if (number != UV_EOF) return 3;
  test_say("%ld %ld", count, sum);
  uvshm_channel_close(channel);
  return 0;
}


/* Peeks two messages, and keeps them until it is told to close or killed. */
static int role_keeper(int argc, char** argv) {
  uvshm_channel_t* channel = open_end(argv[0], UVSHM_READER);
  const void* bytes;
  size_t size;
  int i;

  (void) argc;
  if (channel == NULL) return 1;
  for (i = 0; i < 2; i++)
    if (uvshm_channel_peek(channel, &bytes, &size, TEST_PATIENCE_MS) < 0)
      return 2;
  test_say("keeping");
  (void) test_hear();
  uvshm_channel_close(channel);
  return 0;
}


static int role_writer(int argc, char** argv) {
  uvshm_channel_t* channel = open_end(argv[0], UVSHM_WRITER);
  uint32_t first = (uint32_t) atoi(argv[1]);
  uint32_t i;

  (void) argc;
  if (channel == NULL) return 1;
  for (i = 0; i < MESSAGES; i++)
    if (send_number(channel, first + i) != 0) return 2;
  test_say("sent");
  (void) test_hear();
  uvshm_channel_close(channel);
  return 0;
}


static const struct test_role roles[] = {{"worker", role_worker},
                                         {"keeper", role_keeper},
                                         {"writer", role_writer},
                                         {NULL, NULL}};

/* ---- cases --------------------------------------------------------------- */

TEST(queue_gives_each_message_to_one_of_its_readers) {
  const char* name = test_name("work");
  struct test_process workers[WORKERS];
  uvshm_channel_t* writer = open_end(name, UVSHM_WRITER);
  char line[100];
  long count = 0;
  long sum = 0;
  long part;
  uint32_t i;
  char* end;

  (void) state;
  assert_non_null(writer);
  for (i = 0; i < WORKERS; i++) test_spawn(&workers[i], "worker", name, NULL);
  for (i = 0; i < WORKERS; i++) test_expect(&workers[i], "ready");
  for (i = 0; i < MESSAGES; i++) {
    assert_int_equal(send_number(writer, i), 0);
    /* Now and then they fall asleep, all of them. */
    if (i % 1000 == 0) test_sleep_ms(20);
  }
  uvshm_channel_close(writer);
  for (i = 0; i < WORKERS; i++) {
    test_expect_line(&workers[i], line, sizeof(line));
    part = strtol(line, &end, 10);
    count += part;
    sum += strtol(end, NULL, 10);
    assert_int_equal(test_join(&workers[i]), 0);
  }
  assert_int_equal(count, MESSAGES);
  assert_int_equal(sum, (long) MESSAGES * (MESSAGES - 1) / 2);
  assert_int_equal(test_leftovers(), 0);
}


TEST(queue_keeps_the_order_of_each_of_its_writers) {
  const char* name = test_name("order");
  struct test_process writers[2];
  uvshm_channel_t* reader = open_end(name, UVSHM_READER);
  uvshm_channel_info_t info;
  uint32_t next[2] = {0, MESSAGES};
  uint32_t i;
  int number;

  (void) state;
  assert_non_null(reader);
  test_spawn(&writers[0], "writer", name, "0", NULL);
  test_spawn(&writers[1], "writer", name, "3000", NULL);
  for (i = 0; i < 2 * MESSAGES; i++) {
    number = recv_number(reader, NULL);
    assert_true(number >= 0);
    assert_int_equal(number, next[number >= (int) MESSAGES]);
    next[number >= (int) MESSAGES]++;
  }
  for (i = 0; i < 2; i++) {
    test_expect(&writers[i], "sent");
    test_tell(&writers[i], "close");
    assert_int_equal(test_join(&writers[i]), 0);
  }
  assert_int_equal(recv_number(reader, NULL), UV_EOF);
  assert_int_equal(uvshm_channel_info(reader, &info), 0);
  assert_int_equal(info.sent, 2 * MESSAGES);
  assert_int_equal(info.received, 2 * MESSAGES);
  assert_int_equal(info.depth, 0);
  assert_true(info.high >= 1);
  uvshm_channel_close(reader);
  assert_int_equal(test_leftovers(), 0);
}


/* Killed with two peeked messages, or closed with them. */
static void keeper_goes(uint32_t flags, int killed) {
  const char* name = test_name("keeper");
  uvshm_channel_t* writer = open_end(name, UVSHM_WRITER | flags);
  uvshm_channel_t* reader = open_end(name, UVSHM_READER);
  struct test_process keeper;
  uvshm_channel_info_t info;
  int again = 0;
  int number;
  int i;

  assert_non_null(writer);
  assert_non_null(reader);
  for (i = 0; i < 2; i++) assert_int_equal(send_number(writer, 5), 0);
  test_spawn(&keeper, "keeper", name, NULL);
  test_expect(&keeper, "keeping");
  assert_int_equal(send_number(writer, 7), 0);
  if (killed) {
    test_kill(&keeper);
  } else {
    test_tell(&keeper, "close");
    assert_int_equal(test_join(&keeper), 0);
  }
  assert_int_equal(recv_number(reader, &again), 7);
  assert_int_equal(again, 0);
  for (i = 0; i < 2 && flags != 0; i++) {
    number = recv_number(reader, &again);
    assert_int_equal(number, 5);
    assert_int_equal(again, 1);
  }
  if (flags == 0) {
    uint32_t repaired;

    assert_int_equal(uvshm_channel_repair(reader, &repaired), 0);
  }
  assert_int_equal(uvshm_channel_info(reader, &info), 0);
  assert_int_equal(info.depth, 0);
  assert_int_equal(info.lost, flags == 0 ? 2 : 0);
  assert_int_equal(info.again, flags == 0 ? 0 : 2);
  assert_int_equal(uvshm_channel_check(reader), 0);
  uvshm_channel_close(reader);
  uvshm_channel_close(writer);
  assert_int_equal(test_leftovers(), 0);
}


TEST(queue_loses_what_a_dead_reader_had_peeked) {
  (void) state;
  keeper_goes(0, 1);
}


TEST(queue_loses_what_a_reader_closes_with) {
  (void) state;
  keeper_goes(0, 0);
}


TEST(queue_redelivers_to_one_that_waits) {
  (void) state;
  keeper_goes(UVSHM_CHANNEL_REDELIVER, 1);
}


TEST(queue_redelivers_what_a_reader_closes_with) {
  (void) state;
  keeper_goes(UVSHM_CHANNEL_REDELIVER, 0);
}


TEST(queue_redelivers_only_when_it_was_made_so) {
  const char* name = test_name("plain");
  uvshm_channel_t* reader = open_end(name, UVSHM_READER);

  (void) state;
  assert_non_null(reader);
  assert_null(open_end(name, UVSHM_WRITER | UVSHM_CHANNEL_REDELIVER));
  uvshm_channel_close(reader);
  reader = open_end(name, UVSHM_READER | UVSHM_CHANNEL_LOSSLESS);
  assert_null(reader);
  assert_int_equal(test_leftovers(), 0);
}


TEST(queue_waits_for_a_loan_when_all_room_is_taken) {
  const char* name = test_name("full");
  uvshm_channel_t* writer = open_end(name, UVSHM_WRITER);
  uvshm_channel_t* reader = open_end(name, UVSHM_READER);
  const void* held;
  uint32_t i;
  size_t size;

  (void) state;
  assert_non_null(writer);
  assert_non_null(reader);
  for (i = 0; i < CAPACITY; i++) assert_int_equal(send_number(writer, i), 0);
  assert_int_equal(uvshm_channel_send(writer, "more", 4, 0), UV_EAGAIN);
  assert_int_equal(uvshm_channel_send(writer, "more", 4, 10), UV_ETIMEDOUT);
  assert_int_equal(uvshm_channel_peek(reader, &held, &size, 0), 0);
  assert_int_equal(number_in(held, size), 0);
  assert_int_equal(send_number(writer, CAPACITY), 0);
  assert_int_equal(uvshm_channel_send(writer, held, SIZE + 1, 0), UV_EMSGSIZE);
  assert_int_equal(uvshm_channel_release(reader, held), 0);
  assert_int_equal(uvshm_channel_release(reader, held), UV_EINVAL);
  for (i = 1; i <= CAPACITY; i++)
    assert_int_equal(recv_number(reader, NULL), i);
  uvshm_channel_close(reader);
  uvshm_channel_close(writer);
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(queue_gives_each_message_to_one_of_its_readers),
      cmocka_unit_test(queue_keeps_the_order_of_each_of_its_writers),
      cmocka_unit_test(queue_loses_what_a_dead_reader_had_peeked),
      cmocka_unit_test(queue_loses_what_a_reader_closes_with),
      cmocka_unit_test(queue_redelivers_to_one_that_waits),
      cmocka_unit_test(queue_redelivers_what_a_reader_closes_with),
      cmocka_unit_test(queue_redelivers_only_when_it_was_made_so),
      cmocka_unit_test(queue_waits_for_a_loan_when_all_room_is_taken),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("queue peers", tests, NULL, NULL);
}
