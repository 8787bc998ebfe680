/* SPDX-License-Identifier: MIT */

/* What is told of channels, cells and events. Maps, locks and peers are in
 * test-watch.c, the handle itself in test-watch-handle.c. */

#include "harness.h"
#include "watch_desk.h"

#include "uvshm.h"
#include "uvshm/cell.h"
#include "uvshm/channel.h"
#include "uvshm/event.h"
#include "uvshm/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

static uvshm_watch_t watch;


static int set_up_watch(void** state) {
  (void) set_up(state);
  init(&watch);
  return 0;
}

/* ---- cells --------------------------------------------------------------- */

TEST(cell_values_are_told_once_for_many) {
  uvshm_cell_options_t options;
  uvshm_cell_t* cell;
  uint64_t value = 1;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.size = sizeof(value);
  assert_int_equal(uvshm_cell_open(&cell, segment, "cell", &options), 0);
  assert_int_equal(uvshm_watch_start_cell(&watch, cell, on_news), 0);
  turns();
  calls = 0;
  for (value = 2; value < 5; value++)
    assert_int_equal(uvshm_cell_write(cell, &value, sizeof(value)), 0);
  run_until(1);
  turns();
  assert_int_equal(calls, 1);
  assert_int_equal(last_status, 0);
  uvshm_watch_close(&watch, NULL);
  uvshm_cell_close(cell);
}

/* ---- events -------------------------------------------------------------- */

static uvshm_event_t* open_event(uint32_t flags) {
  uvshm_event_options_t options;
  uvshm_event_t* event = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  assert_int_equal(uvshm_event_open(&event, segment, "event", &options), 0);
  return event;
}


static int role_setter(int argc, char** argv) {
  uvshm_event_t* event;
  const char* line;

  (void) argc;
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 1;
  if (uvshm_event_open(&event, segment, "event", NULL) < 0) return 2;
  test_say("ready");
  while ((line = test_hear()) != NULL && strcmp(line, "exit") != 0)
    if (uvshm_event_set(event) < 0) return 3;
  uvshm_event_close(event);
  uvshm_segment_close(segment);
  return 0;
}


TEST(event_that_is_set_elsewhere_is_taken_by_the_watch) {
  uvshm_event_t* event = open_event(0);
  struct test_process setter;
  int i;

  (void) state;
  assert_int_equal(uvshm_watch_start_event(&watch, event, on_news), 0);
  test_spawn(&setter, "setter", segment_name, NULL);
  test_expect(&setter, "ready");
  for (i = 1; i <= 20; i++) {
    test_tell(&setter, "set");
    run_until(i);
    assert_int_equal(uvshm_event_wait(event, 0), UV_EAGAIN);
  }
  turns();
  assert_int_equal(calls, 20);
  test_tell(&setter, "exit");
  assert_int_equal(test_join(&setter), 0);
  uvshm_watch_close(&watch, NULL);
  uvshm_event_close(event);
}


TEST(event_with_manual_reset_is_told_until_it_is_reset) {
  uvshm_event_t* event = open_event(UVSHM_EVENT_MANUAL);

  (void) state;
  assert_int_equal(uvshm_watch_start_event(&watch, event, on_news), 0);
  turns();
  assert_int_equal(calls, 0);
  assert_int_equal(uvshm_event_set(event), 0);
  run_until(5);
  assert_int_equal(uvshm_event_reset(event), 0);
  calls = 0;
  turns();
  assert_int_equal(calls, 0);
  uvshm_watch_close(&watch, NULL);
  uvshm_event_close(event);
}

/* ---- channels ------------------------------------------------------------ */

static int open_channel(uvshm_channel_t** channel, uint32_t flags) {
  uvshm_channel_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size_max = 64;
  options.messages = 8;
  return uvshm_channel_open(channel, segment, "channel", &options);
}


static int role_writer(int argc, char** argv) {
  uvshm_channel_t* channel;
  const char* line;

  (void) argc;
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 1;
  if (open_channel(&channel, UVSHM_WRITER) < 0) return 2;
  test_say("ready");
  while ((line = test_hear()) != NULL && strcmp(line, "exit") != 0)
    if (uvshm_channel_send(channel, line, strlen(line), TEST_PATIENCE_MS) < 0)
      return 3;
  uvshm_channel_close(channel);
  uvshm_segment_close(segment);
  return 0;
}


static uvshm_channel_t* reader;
static int received;


/* Takes what there is, as a program would. */
static void on_readable(uvshm_watch_t* watched, int status) {
  char bytes[64];
  size_t size = sizeof(bytes);
  int err;

  on_news(watched, status);
  while ((err = uvshm_channel_recv(reader, bytes, &size, 0)) == 0) {
    received++;
    size = sizeof(bytes);
  }
  last_status = err;
  if (err != UV_EAGAIN) uvshm_watch_stop(watched);
}


static void one_kind(uint32_t kind) {
  struct test_process writer;
  int err = open_channel(&reader, UVSHM_READER | kind);
  int i;

  if (err == UV_ENOTSUP) {
    uvshm_watch_close(&watch, NULL);
    skip();
  }
  assert_int_equal(err, 0);
  assert_int_equal(uvshm_watch_start_readable(&watch, reader, on_readable), 0);
  test_spawn(&writer, "writer", segment_name, NULL);
  test_expect(&writer, "ready");
  received = 0;
  for (i = 1; i <= 20; i++) {
    test_tell(&writer, "message");
    calls = 0;
    while (received < i) run_until(calls + 1);
    assert_int_equal(last_status, UV_EAGAIN);
  }
  test_tell(&writer, "exit");
  assert_int_equal(test_join(&writer), 0);
  while (last_status == UV_EAGAIN) run_until(calls + 1);
  assert_int_equal(last_status, UV_EOF);
  assert_int_equal(received, 20);
  uvshm_watch_close(&watch, NULL);
  uvshm_channel_close(reader);
}


TEST(stream_messages_and_the_end_are_told) {
  (void) state;
  one_kind(UVSHM_CHANNEL_STREAM);
}


TEST(queue_messages_and_the_end_are_told) {
  (void) state;
  one_kind(UVSHM_CHANNEL_QUEUE);
}


TEST(topic_messages_and_the_end_are_told) {
  (void) state;
  one_kind(UVSHM_CHANNEL_TOPIC);
}


/* What is left is told in the next turn, without another message. */
TEST(channel_stays_readable_while_there_is_something) {
  uvshm_channel_t* writer;
  char bytes[64];
  size_t size = sizeof(bytes);

  (void) state;
  assert_int_equal(open_channel(&reader, UVSHM_READER), 0);
  assert_int_equal(open_channel(&writer, UVSHM_WRITER), 0);
  assert_int_equal(uvshm_watch_start_readable(&watch, reader, on_news), 0);
  turns();
  assert_int_equal(calls, 0);
  assert_int_equal(uvshm_channel_send(writer, "one", 3, 0), 0);
  run_until(5);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), 0);
  calls = 0;
  turns();
  assert_int_equal(calls, 0);
  uvshm_watch_close(&watch, NULL);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(channel_with_room_again_is_told) {
  uvshm_channel_t* writer;
  char bytes[64] = {0};
  size_t size;
  int err;

  (void) state;
  assert_int_equal(open_channel(&reader, UVSHM_READER), 0);
  assert_int_equal(open_channel(&writer, UVSHM_WRITER), 0);
  assert_int_equal(uvshm_watch_start_writable(&watch, writer, on_news), 0);
  run_until(1);
  while ((err = uvshm_channel_send(writer, bytes, sizeof(bytes), 0)) == 0)
    continue;
  assert_int_equal(err, UV_EAGAIN);
  turns();
  calls = 0;
  turns();
  assert_int_equal(calls, 0);
  do size = sizeof(bytes);
  while (uvshm_channel_recv(reader, bytes, &size, 0) == 0);
  run_until(1);
  uvshm_watch_close(&watch, NULL);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(channel_whose_writer_is_killed_is_told) {
  struct test_process writer;

  (void) state;
  assert_int_equal(open_channel(&reader, UVSHM_READER), 0);
  assert_int_equal(uvshm_watch_start_readable(&watch, reader, on_readable), 0);
  test_spawn(&writer, "writer", segment_name, NULL);
  test_expect(&writer, "ready");
  test_tell(&writer, "message");
  run_until(1);
  test_kill(&writer);
  while (last_status == UV_EAGAIN) run_until(calls + 1);
  assert_int_equal(last_status, UV_ECONNRESET);
  uvshm_watch_close(&watch, NULL);
  uvshm_channel_close(reader);
}


static const struct test_role roles[] = {
    {"setter", role_setter}, {"writer", role_writer}, {NULL, NULL}};

#define WATCH(name)                                                            \
 cmocka_unit_test_setup_teardown(name, set_up_watch, tear_down)

int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      WATCH(cell_values_are_told_once_for_many),
      WATCH(event_that_is_set_elsewhere_is_taken_by_the_watch),
      WATCH(event_with_manual_reset_is_told_until_it_is_reset),
      WATCH(stream_messages_and_the_end_are_told),
      WATCH(queue_messages_and_the_end_are_told),
      WATCH(topic_messages_and_the_end_are_told),
      WATCH(channel_stays_readable_while_there_is_something),
      WATCH(channel_with_room_again_is_told),
      WATCH(channel_whose_writer_is_killed_is_told),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("watch-kinds", tests, NULL, NULL);
}
