/* SPDX-License-Identifier: MIT */

/* Topics between processes, some of which are stopped or killed. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
# include <signal.h>
#endif

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

#define MESSAGES 3000u
#define CAPACITY 16u
#define SIZE 200u


static uvshm_channel_t* open_end(const char* name, uint32_t flags) {
  uvshm_channel_options_t options;
  uvshm_channel_t* channel = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags | UVSHM_CHANNEL_TOPIC;
  options.size_max = SIZE;
  options.messages = CAPACITY;
  options.timeout_ms = TEST_PATIENCE_MS;
  err = uvshm_channel_open(&channel, NULL, name, &options);
  return err < 0 ? NULL : channel;
}


static uint32_t flags_of(const char* text) {
  return text[0] == 'l' ? UVSHM_CHANNEL_LOSSLESS : 0;
}


static int send_number(uvshm_channel_t* channel,
                       uint64_t number,
                       uint64_t timeout_ms) {
  unsigned char bytes[SIZE];

  memset(bytes, (int) (number & 0xff), sizeof(bytes));
  memcpy(bytes, &number, 8);
  return uvshm_channel_send(
      channel, bytes, 8 + (size_t) number % (SIZE - 8), timeout_ms);
}


/* 0 when the message is whole. */
static int number_of(const void* bytes, size_t size, uint64_t* number) {
  const unsigned char* at = bytes;
  size_t i;

  if (size < 8) return -1;
  memcpy(number, bytes, 8);
  if (size != 8 + *number % (SIZE - 8)) return -1;
  for (i = 8; i < size; i++)
    if (at[i] != (*number & 0xff)) return -1;
  return 0;
}

/* ---- roles --------------------------------------------------------------- */

/* NAME lossless|any which: sends the numbers which * MESSAGES and on. */
static int role_write(int argc, char** argv) {
  uvshm_channel_t* channel =
      open_end(argv[0], UVSHM_WRITER | UVSHM_CHANNEL_AWAIT | flags_of(argv[1]));
  uint64_t first = strtoull(argv[2], NULL, 10) * MESSAGES;
  uint64_t i;
  int err;

  (void) argc;
  if (channel == NULL) return 1;
  test_say("ready");
  (void) test_hear();
  for (i = 0; i < MESSAGES; i++) {
    err = send_number(channel, first + i, TEST_PATIENCE_MS);
    if (err < 0) return 2;
  }
  test_say("sent");
  (void) test_hear();
  uvshm_channel_close(channel);
  return 0;
}


/* NAME lossless|any writers: all of each writer, in its order, or what was
 * missed between. */
static int role_read(int argc, char** argv) {
  uvshm_channel_t* channel =
      open_end(argv[0], UVSHM_READER | flags_of(argv[1]));
  uint64_t left = strtoull(argv[2], NULL, 10) * MESSAGES;
  uint64_t next[4] = {0, 0, 0, 0};
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  uint64_t sequence = 0;
  uint64_t number;
  uint64_t which;
  size_t one;
  int err;

  (void) argc;
  if (channel == NULL) return 1;
  test_say("ready");
  while (left > 0) {
    memset(&message, 0, sizeof(message));
    message.bytes = bytes;
    message.size = sizeof(bytes);
    one = 1;
    err = uvshm_channel_recv_many(channel, &message, &one, TEST_PATIENCE_MS);
    if (err < 0) return 2;
    if (number_of(bytes, message.size, &number) < 0) return 3;
    if (message.sequence != sequence + message.missed) return 4;
    if (argv[1][0] == 'l' && message.missed != 0) return 5;
    which = number / MESSAGES;
    if (which > 3 || number % MESSAGES < next[which]) return 6;
    if (argv[1][0] == 'l' && number % MESSAGES != next[which]) return 7;
    next[which] = number % MESSAGES + 1;
    sequence = message.sequence + 1;
    left -= message.missed + 1;
  }
  test_say("all");
  (void) test_hear();
  uvshm_channel_close(channel);
  return 0;
}


/* NAME lossless|any: peeks at one, and holds it. Then says what it got. */
static int role_hold(int argc, char** argv) {
  uvshm_channel_t* channel =
      open_end(argv[0], UVSHM_READER | flags_of(argv[1]));
  uvshm_message_t message;
  uint64_t number;
  size_t one = 1;

  (void) argc;
  if (channel == NULL) return 1;
  test_say("ready");
  if (uvshm_channel_peek_many(channel, &message, &one, TEST_PATIENCE_MS) < 0)
    return 2;
  test_say("holding");
  (void) test_hear();
  if (number_of(message.bytes, message.size, &number) < 0) return 3;
  if (number != message.sequence) return 4;
  if (uvshm_channel_release_many(channel, &message, 1) < 0) return 5;
  if (uvshm_channel_peek_many(channel, &message, &one, TEST_PATIENCE_MS) < 0)
    return 6;
  if (number_of(message.bytes, message.size, &number) < 0) return 7;
  if (number != message.sequence) return 8;
  test_say("%u after %u",
           (unsigned int) message.sequence,
           (unsigned int) message.missed);
  (void) test_hear(); /* until then its writer has a reader */
  uvshm_channel_close(channel);
  return 0;
}


static const struct test_role roles[] = {{"write", role_write},
                                         {"read", role_read},
                                         {"hold", role_hold},
                                         {NULL, NULL}};

/* ---- cases --------------------------------------------------------------- */

static void all_to_all(const char* kind) {
  struct test_process writers[3];
  struct test_process readers[3];
  uvshm_channel_t* keeper;
  char name[100];
  char number[8];
  uint32_t i;

  snprintf(name, sizeof(name), "%s", test_name("all"));
  keeper = open_end(name, flags_of(kind));
  assert_non_null(keeper);
  for (i = 0; i < 3; i++) {
    test_spawn(&readers[i], "read", name, kind, "3", NULL);
    test_expect(&readers[i], "ready");
  }
  for (i = 0; i < 3; i++) {
    snprintf(number, sizeof(number), "%u", (unsigned int) i);
    test_spawn(&writers[i], "write", name, kind, number, NULL);
    test_expect(&writers[i], "ready");
  }
  for (i = 0; i < 3; i++) test_tell(&writers[i], "go");
  for (i = 0; i < 3; i++) test_expect(&readers[i], "all");
  for (i = 0; i < 3; i++) {
    test_expect(&writers[i], "sent");
    test_tell(&writers[i], "end");
    test_tell(&readers[i], "end");
    assert_int_equal(test_join(&writers[i]), 0);
    assert_int_equal(test_join(&readers[i]), 0);
  }
  assert_int_equal(uvshm_channel_check(keeper), 0);
  uvshm_channel_close(keeper);
  assert_int_equal(test_leftovers(), 0);
}


TEST(lossless_topic_brings_all_of_all_to_all) {
  (void) state;
  all_to_all("lossless");
}


TEST(topic_brings_all_or_says_what_was_missed) {
  (void) state;
  all_to_all("any");
}


TEST(topic_remembers_the_depth_that_somebody_saw) {
  const char* name = test_name("depth");
  uvshm_channel_t* writer = open_end(name, UVSHM_WRITER);
  uvshm_channel_t* reader = open_end(name, UVSHM_READER);
  uvshm_channel_info_t info;
  unsigned char bytes[SIZE];
  size_t size;
  int i;

  (void) state;
  for (i = 0; i < 5; i++)
    assert_int_equal(send_number(writer, (uint64_t) i, 0), 0);
  assert_int_equal(uvshm_channel_info(writer, &info), 0);
  assert_int_equal(info.depth, 5);
  for (i = 0; i < 5; i++) {
    size = sizeof(bytes);
    assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), 0);
  }
  assert_int_equal(uvshm_channel_info(reader, &info), 0);
  assert_int_equal(info.depth, 0);
  assert_int_equal(info.high, 5);
  assert_int_equal(info.received, 5);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
  assert_int_equal(test_leftovers(), 0);
}


TEST(topic_tells_its_readers_how_the_last_writer_went) {
  uvshm_channel_t* reader;
  struct test_process writer;
  unsigned char bytes[SIZE];
  size_t size;
  char name[100];
  int err;

  (void) state;
  snprintf(name, sizeof(name), "%s", test_name("ends"));
  reader = open_end(name, UVSHM_READER);
  assert_non_null(reader);
  test_spawn(&writer, "write", name, "any", "0", NULL);
  test_expect(&writer, "ready");
  test_tell(&writer, "go");
  test_expect(&writer, "sent");
  test_tell(&writer, "end");
  assert_int_equal(test_join(&writer), 0);
  do {
    size = sizeof(bytes);
    err = uvshm_channel_recv(reader, bytes, &size, TEST_PATIENCE_MS);
  } while (err >= 0);
  assert_int_equal(err, UV_EOF);

  test_spawn(&writer, "write", name, "any", "0", NULL);
  test_expect(&writer, "ready");
  test_tell(&writer, "go");
  test_expect(&writer, "sent");
  test_kill(&writer);
  do {
    size = sizeof(bytes);
    err = uvshm_channel_recv(reader, bytes, &size, TEST_PATIENCE_MS);
  } while (err >= 0);
  assert_int_equal(err, UV_ECONNRESET);
  uvshm_channel_close(reader);
  assert_int_equal(test_leftovers(), 0);
}


/* What it holds when it is killed can be written to again. */
TEST(topic_goes_on_when_a_reader_is_killed) {
  static const char* const kinds[] = {"any", "lossless"};
  struct test_process reader;
  uvshm_channel_t* writer;
  char name[100];
  uint32_t kind;
  uint64_t i;

  (void) state;
  for (kind = 0; kind < 2; kind++) {
    snprintf(name, sizeof(name), "%s", test_name("killed"));
    writer = open_end(
        name, UVSHM_WRITER | UVSHM_CHANNEL_AWAIT | flags_of(kinds[kind]));
    assert_non_null(writer);
    test_spawn(&reader, "hold", name, kinds[kind], NULL);
    test_expect(&reader, "ready");
    assert_int_equal(send_number(writer, 0, TEST_PATIENCE_MS), 0);
    test_expect(&reader, "holding");
    for (i = 1; i < CAPACITY; i++)
      assert_int_equal(send_number(writer, i, 0), 0);
    if (kind == 1) assert_int_equal(send_number(writer, i, 20), UV_ETIMEDOUT);
    test_kill(&reader);
    test_spawn(&reader, "hold", name, kinds[kind], NULL);
    test_expect(&reader, "ready");
    /* It is found dead by whoever waits for it. */
    for (; i < CAPACITY + 4; i++)
      assert_int_equal(send_number(writer, i, TEST_PATIENCE_MS), 0);
    test_expect(&reader, "holding");
    test_kill(&reader);
    assert_int_equal(uvshm_channel_check(writer), 0);
    uvshm_channel_close(writer);
  }
  assert_int_equal(test_leftovers(), 0);
}

#if defined(_WIN32)

TEST(topic_goes_on_when_a_reader_is_stopped) {
  (void) state;
  skip();
}


TEST(lossless_topic_waits_for_a_reader_that_is_stopped) {
  (void) state;
  skip();
}

#else

TEST(topic_goes_on_when_a_reader_is_stopped) {
  struct test_process reader;
  uvshm_channel_t* writer;
  uvshm_channel_end_t end;
  uint32_t cursor = 0;
  char name[100];
  uint64_t i;

  (void) state;
  snprintf(name, sizeof(name), "%s", test_name("stopped"));
  writer = open_end(name, UVSHM_WRITER);
  assert_non_null(writer);
  test_spawn(&reader, "hold", name, "any", NULL);
  test_expect(&reader, "ready");
  assert_int_equal(send_number(writer, 0, 0), 0);
  test_expect(&reader, "holding");
  assert_int_equal(uv_process_kill(&reader.process, SIGSTOP), 0);
  for (i = 1; i < 5000; i++) assert_int_equal(send_number(writer, i, 0), 0);
  while (uvshm_channel_next(writer, &cursor, &end) == 0)
    if (!end.writer) assert_int_equal(end.lag, CAPACITY);
  assert_int_equal(uv_process_kill(&reader.process, SIGCONT), 0);
  test_tell(&reader, "go on");
  test_expect(&reader, "4984 after 4983");
  test_tell(&reader, "enough");
  assert_int_equal(test_join(&reader), 0);
  uvshm_channel_close(writer);
  assert_int_equal(test_leftovers(), 0);
}


TEST(lossless_topic_waits_for_a_reader_that_is_stopped) {
  struct test_process reader;
  uvshm_channel_t* writer;
  char name[100];
  uint64_t i;

  (void) state;
  snprintf(name, sizeof(name), "%s", test_name("stopped"));
  writer = open_end(name, UVSHM_WRITER | UVSHM_CHANNEL_LOSSLESS);
  assert_non_null(writer);
  test_spawn(&reader, "hold", name, "lossless", NULL);
  test_expect(&reader, "ready");
  assert_int_equal(send_number(writer, 0, 0), 0);
  test_expect(&reader, "holding");
  assert_int_equal(uv_process_kill(&reader.process, SIGSTOP), 0);
  for (i = 1; i < CAPACITY; i++) assert_int_equal(send_number(writer, i, 0), 0);
  assert_int_equal(send_number(writer, i, 100), UV_ETIMEDOUT);
  assert_int_equal(uv_process_kill(&reader.process, SIGCONT), 0);
  test_tell(&reader, "go on");
  assert_int_equal(send_number(writer, i, TEST_PATIENCE_MS), 0);
  test_expect(&reader, "1 after 0");
  test_tell(&reader, "enough");
  assert_int_equal(test_join(&reader), 0);
  uvshm_channel_close(writer);
  assert_int_equal(test_leftovers(), 0);
}

#endif

int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lossless_topic_brings_all_of_all_to_all),
      cmocka_unit_test(topic_brings_all_or_says_what_was_missed),
      cmocka_unit_test(topic_remembers_the_depth_that_somebody_saw),
      cmocka_unit_test(topic_tells_its_readers_how_the_last_writer_went),
      cmocka_unit_test(topic_goes_on_when_a_reader_is_killed),
      cmocka_unit_test(topic_goes_on_when_a_reader_is_stopped),
      cmocka_unit_test(lossless_topic_waits_for_a_reader_that_is_stopped),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("topic-peers", tests, NULL, NULL);
}
