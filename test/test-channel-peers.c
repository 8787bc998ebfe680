/* SPDX-License-Identifier: MIT */

/* Channels between processes, some of which are killed. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

#define KILLS 30


static uvshm_channel_t* open_end(const char* name, uint32_t flags) {
  uvshm_channel_options_t options;
  uvshm_channel_t* channel = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size_max = 10000;
  options.bytes = 60000;
  err = uvshm_channel_open(&channel, NULL, name, &options);
  return err < 0 ? NULL : channel;
}


/* Nobody has the end any more, or will not for long. */
static uvshm_channel_t* open_after(const char* name, uint32_t flags) {
  uvshm_channel_t* channel;
  uint64_t start = test_now_ms();

  do {
    channel = open_end(name, flags);
    if (channel != NULL) return channel;
    test_sleep_ms(1);
  } while (test_now_ms() - start < TEST_PATIENCE_MS);
  return NULL;
}

#define MANY 300

/* As fast as it can, so that another one who does this meets it. */
static int make_many(const char* prefix, uint32_t flags) {
  static uvshm_channel_t* channels[MANY];
  char name[128];
  int missing = 0;
  int i;

  for (i = 0; i < MANY; i++) {
    snprintf(name, sizeof(name), "%s-%d", prefix, i);
    channels[i] = open_end(name, flags);
    if (channels[i] == NULL) missing++;
  }
  if (missing != 0) fprintf(stderr, "%s\n", uvshm_error_detail());
  for (i = 0; i < MANY; i++) uvshm_channel_close(channels[i]);
  return missing;
}

/* ---- roles --------------------------------------------------------------- */

static int role_echo(int argc, char** argv) {
  uvshm_channel_t* in = open_end(argv[0], UVSHM_READER);
  uvshm_channel_t* out = open_end(argv[1], UVSHM_WRITER);
  const void* bytes;
  size_t size;
  int err;

  (void) argc;
  if (in == NULL || out == NULL) return 1;
  test_say("ready");
  while ((err = uvshm_channel_peek(in, &bytes, &size, 15000)) == 0) {
    if (uvshm_channel_send(out, bytes, size, 15000) < 0) return 2;
    if (uvshm_channel_release(in, bytes) < 0) return 3;
  }
  if (err != UV_EOF) return 4;
  uvshm_channel_close(in);
  uvshm_channel_close(out);
  return 0;
}


static int role_make(int argc, char** argv) {
  (void) argc;
  test_say("making");
  return make_many(argv[0], argv[1][0] == 'w' ? UVSHM_WRITER : UVSHM_READER);
}


static int role_hold(int argc, char** argv) {
  uvshm_channel_t* channel =
      open_end(argv[0], argv[1][0] == 'w' ? UVSHM_WRITER : UVSHM_READER);
  const void* bytes;
  void* room;
  size_t size;

  (void) argc;
  if (channel == NULL) return 1;
  if (argv[1][0] == 'w') {
    if (uvshm_channel_send(channel, "sent", 4, 0) < 0) return 2;
    if (uvshm_channel_claim(channel, &room, 100, 0) < 0) return 3;
    memset(room, 77, 100);
  } else if (uvshm_channel_peek(channel, &bytes, &size, 5000) < 0) {
    return 4;
  }
  test_say("holding");
  (void) test_hear();
  uvshm_channel_close(channel);
  return 0;
}


struct message {
  uint32_t epoch;
  uint32_t number;
};


static size_t size_of(uint32_t number) {
  return sizeof(struct message) +
         number * 7919 % (number % 50 == 0 ? 9000 : 90);
}


/* Copied or written in place. */
static int pump_one(uvshm_channel_t* channel,
                    const unsigned char* bytes,
                    size_t size,
                    int in_place) {
  void* room;
  int err;

  if (!in_place) return uvshm_channel_send(channel, bytes, size, 15000);
  err = uvshm_channel_claim(channel, &room, 9900, 15000);
  if (err < 0) return err;
  memcpy(room, bytes, size);
  return uvshm_channel_commit(channel, room, size);
}


/* Numbered from 0 on, until killed. */
static int role_pump(int argc, char** argv) {
  uvshm_channel_t* channel = open_after(argv[0], UVSHM_WRITER);
  static unsigned char bytes[10000];
  struct message head;
  size_t size;
  int err;

  (void) argc;
  if (channel == NULL) return 1;
  head.epoch = (uint32_t) atoi(argv[1]);
  test_say("pumping");
  for (head.number = 0;; head.number++) {
    size = size_of(head.number);
    memset(bytes, (int) (head.number & 255), size);
    memcpy(bytes, &head, sizeof(head));
    do {
      err = pump_one(channel, bytes, size, head.number % 3 == 0);
    } while (err == UV_EPIPE); /* there will be another reader */
    if (err < 0) return 2;
  }
}


/* The next one, or the same again when its reader was killed before it had
 * released it. */
static int follows(const struct message* last, const struct message* head) {
  if (head->epoch == last->epoch)
    return head->number == last->number || head->number == last->number + 1;
  return head->epoch > last->epoch && head->number == 0;
}


static int is_whole(const unsigned char* bytes, size_t size) {
  struct message head;
  size_t i;

  memcpy(&head, bytes, sizeof(head));
  if (size != size_of(head.number)) return 0;
  for (i = sizeof(head); i < size; i++)
    if (bytes[i] != (head.number & 255)) return 0;
  return 1;
}


/* What was seen last is in a region, where the next reader finds it. */
static int role_drain(int argc, char** argv) {
  uvshm_channel_t* channel = open_after(argv[0], UVSHM_READER);
  uvshm_region_t* region;
  struct message* last;
  struct message head;
  const void* bytes;
  size_t size;
  int err;

  (void) argc;
  if (channel == NULL) return 1;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 2;
  last = uvshm_region_base(region);
  test_say("draining");
  for (;;) {
    err = uvshm_channel_peek(channel, &bytes, &size, 15000);
    if (err == UV_ECONNRESET || err == UV_EOF) continue;
    if (err < 0) return 3;
    memcpy(&head, bytes, sizeof(head));
    if (size < sizeof(head) || !is_whole(bytes, size)) return 4;
    if (!follows(last, &head)) return 5;
    *last = head;
    if (uvshm_channel_release(channel, bytes) < 0) return 6;
  }
}


static const struct test_role roles[] = {{"echo", role_echo},
                                         {"make", role_make},
                                         {"hold", role_hold},
                                         {"pump", role_pump},
                                         {"drain", role_drain},
                                         {NULL, NULL}};

/* ---- cases --------------------------------------------------------------- */

TEST(stream_goes_there_and_back_between_processes) {
  char there[64];
  char back[64];
  uvshm_channel_t* writer;
  uvshm_channel_t* reader;
  struct test_process echo;
  unsigned char bytes[200];
  uint32_t number;
  size_t size;
  int i;

  (void) state;
  snprintf(there, sizeof(there), "%s", test_name("there"));
  snprintf(back, sizeof(back), "%s", test_name("back"));
  writer = open_end(there, UVSHM_WRITER);
  reader = open_end(back, UVSHM_READER);
  assert_non_null(writer);
  assert_non_null(reader);
  test_spawn(&echo, "echo", there, back, NULL);
  test_expect(&echo, "ready");
  for (i = 0; i < 2000; i++) {
    memset(bytes, i & 255, sizeof(bytes));
    memcpy(bytes, &i, sizeof(i));
    assert_int_equal(
        uvshm_channel_send(writer, bytes, 4 + (size_t) i % 190, 10000), 0);
    /* Now and then both fall asleep. */
    if (i % 200 == 0) test_sleep_ms(5);
    size = sizeof(bytes);
    assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 10000), 0);
    assert_int_equal(size, 4 + i % 190);
    memcpy(&number, bytes, 4);
    assert_int_equal(number, i);
  }
  uvshm_channel_close(writer);
  assert_int_equal(test_join(&echo), 0);
  size = sizeof(bytes);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 1000), UV_EOF);
  uvshm_channel_close(reader);
  assert_int_equal(test_leftovers(), 0);
}


TEST(channel_tells_a_waiting_reader_that_the_last_writer_died) {
  const char* name = test_name("died");
  uvshm_channel_t* reader = open_end(name, UVSHM_READER);
  struct test_process writer;
  char bytes[100];
  size_t size = sizeof(bytes);
  int i;

  (void) state;
  test_spawn(&writer, "hold", name, "w", NULL);
  test_expect(&writer, "holding");
  test_kill(&writer);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 10000), 0);
  assert_int_equal(size, 4);
  /* Nothing of what it had only claimed. */
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 10000),
                   UV_ECONNRESET);
  test_spawn(&writer, "hold", name, "w", NULL);
  test_expect(&writer, "holding");
  size = sizeof(bytes);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 10000), 0);
  test_kill(&writer);
  /* Also one who never waits, and does not ask often. */
  for (i = 0; i < 1000; i++) {
    if (uvshm_channel_recv(reader, bytes, &size, 0) != UV_EAGAIN) break;
    test_sleep_ms(1);
  }
  assert_true(i < 1000);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), UV_ECONNRESET);
  assert_int_equal(uvshm_channel_check(reader), 0);
  uvshm_channel_close(reader);
  assert_int_equal(test_leftovers(), 0);
}


TEST(channel_tells_a_waiting_writer_that_no_reader_is_left) {
  const char* name = test_name("alone");
  uvshm_channel_t* writer = open_end(name, UVSHM_WRITER);
  static unsigned char bytes[5000];
  struct test_process reader;
  uint32_t repaired = 9;
  int err;

  (void) state;
  assert_int_equal(uvshm_channel_send(writer, "x", 1, 0), 0);
  test_spawn(&reader, "hold", name, "r", NULL);
  test_expect(&reader, "holding");
  while ((err = uvshm_channel_send(writer, bytes, sizeof(bytes), 0)) == 0) {
  }
  assert_int_equal(err, UV_EAGAIN);
  test_kill(&reader);
  assert_int_equal(uvshm_channel_send(writer, bytes, sizeof(bytes), 10000),
                   UV_EPIPE);
  assert_int_equal(uvshm_channel_repair(writer, &repaired), 0);
  assert_int_equal(repaired, 0);
  uvshm_channel_close(writer);
  assert_int_equal(test_leftovers(), 0);
}


TEST(channel_close_lingers_until_all_is_read) {
  const char* name = test_name("linger");
  uvshm_channel_options_t options;
  uvshm_channel_t* writer;
  struct test_process reader;
  uint64_t start;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_WRITER;
  options.linger_ms = 60;
  assert_int_equal(uvshm_channel_open(&writer, NULL, name, &options), 0);
  assert_int_equal(uvshm_channel_send(writer, "x", 1, 0), 0);
  start = test_now_ms();
  uvshm_channel_close(writer);
  assert_true(test_now_ms() - start >= 50);

  options.linger_ms = 15000;
  assert_int_equal(uvshm_channel_open(&writer, NULL, name, &options), 0);
  assert_int_equal(uvshm_channel_send(writer, "x", 1, 0), 0);
  test_spawn(&reader, "hold", name, "r", NULL);
  test_expect(&reader, "holding");
  test_kill(&reader);
  start = test_now_ms();
  uvshm_channel_close(writer); /* its reader has gone */
  assert_true(test_now_ms() - start < 10000);
  assert_int_equal(test_leftovers(), 0);
}


/* There is memory for one object, and both make it. */
TEST(channel_is_made_once_by_two_that_open_it_at_once) {
  const char* prefix = test_name("once");
  struct test_process other;

  (void) state;
  test_spawn(&other, "make", prefix, "w", NULL);
  test_expect(&other, "making");
  assert_int_equal(make_many(prefix, UVSHM_READER), 0);
  assert_int_equal(test_join(&other), 0);
  assert_int_equal(test_leftovers(), 0);
}


/* Each time one of the two is killed, another one takes its place. */
TEST(stream_loses_nothing_in_a_storm_of_kills) {
  char name[64];
  char log[64];
  uvshm_region_options_t options;
  struct test_process processes[2];
  uvshm_channel_t* keeper;
  uvshm_region_t* region;
  struct message* last;
  struct message before;
  char epoch[16];
  int i;

  (void) state;
  snprintf(name, sizeof(name), "%s", test_name("storm"));
  snprintf(log, sizeof(log), "%s", test_name("log"));
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = sizeof(struct message);
  assert_int_equal(uvshm_region_open(&region, log, &options), 0);
  last = uvshm_region_base(region);
  keeper = open_end(name, 0);
  assert_non_null(keeper);
  test_spawn(&processes[0], "pump", name, "1", NULL);
  test_expect(&processes[0], "pumping");
  test_spawn(&processes[1], "drain", name, log, NULL);
  test_expect(&processes[1], "draining");
  for (i = 0; i < KILLS; i++) {
    test_sleep_ms((unsigned int) (rand() % 12));
    test_kill(&processes[i % 2]);
    snprintf(epoch, sizeof(epoch), "%d", i + 2);
    if (i % 2 == 0)
      test_spawn(&processes[0], "pump", name, epoch, NULL);
    else
      test_spawn(&processes[1], "drain", name, log, NULL);
    test_expect(&processes[i % 2], i % 2 == 0 ? "pumping" : "draining");
    assert_int_equal(uvshm_channel_check(keeper), 0);
  }
  before = *last;
  for (i = 0; i < TEST_PATIENCE_MS; i += 5) {
    if (memcmp((void*) last, &before, sizeof(before)) != 0) break;
    test_sleep_ms(5);
  }
  assert_true(i < TEST_PATIENCE_MS); /* it still goes on */
  assert_false(processes[0].exited);
  assert_false(processes[1].exited);
  test_kill(&processes[1]);
  test_kill(&processes[0]);
  uvshm_channel_close(keeper);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stream_goes_there_and_back_between_processes),
      cmocka_unit_test(
          channel_tells_a_waiting_reader_that_the_last_writer_died),
      cmocka_unit_test(channel_tells_a_waiting_writer_that_no_reader_is_left),
      cmocka_unit_test(channel_is_made_once_by_two_that_open_it_at_once),
      cmocka_unit_test(channel_close_lingers_until_all_is_read),
      cmocka_unit_test(stream_loses_nothing_in_a_storm_of_kills),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("channel-peers", tests, NULL, NULL);
}
