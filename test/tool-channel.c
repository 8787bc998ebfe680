/* SPDX-License-Identifier: MIT */

/* uvshm send, recv and watch. */

#include "harness.h"
#include "tool/run.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uvshm.h>

static char channel[256];


static int setup(void** state) {
  (void) state;
  snprintf(channel, sizeof(channel), "%s", test_name("channel"));
  return 0;
}


static int teardown(void** state) {
  (void) state;
  return test_leftovers();
}


static void assert_ends_with(struct tool* tool, int code) {
  int found = tool_join(tool);
  if (found != code)
    fail_msg("it ended with %d and said: %s", found, tool->err.bytes);
}


/* What recv, with `form`, prints of what send, with `form`, is given. */
static void assert_passes(const char* send_form,
                          const void* input,
                          size_t size,
                          const char* recv_form,
                          const void* output,
                          size_t output_size) {
  struct tool sender;
  struct tool receiver;
  tool_start(&receiver, "recv", channel, recv_form, NULL);
  tool_start(&sender, "send", channel, send_form, NULL);
  tool_feed(&sender, input, size);
  tool_end_input(&sender);
  /* First the one whose output somebody has to read. */
  assert_ends_with(&receiver, 0);
  assert_ends_with(&sender, 0);
  assert_int_equal(receiver.out.size, output_size);
  assert_memory_equal(receiver.out.bytes, output, output_size);
  /* Nobody watches, so there is no progress. */
  assert_string_equal(sender.err.bytes, "");
  assert_string_equal(receiver.err.bytes, "");
  tool_free(&sender);
  tool_free(&receiver);
}


static void assert_text(const char* send_form,
                        const char* input,
                        const char* recv_form,
                        const char* output) {
  assert_passes(
      send_form, input, strlen(input), recv_form, output, strlen(output));
}

/* ---- forms --------------------------------------------------------------- */

static void a_stream_of_bytes_comes_out_as_it_went_in(void** state) {
  const size_t size = 900000;
  unsigned char* bytes = malloc(size);
  (void) state;
  assert_non_null(bytes);
  for (size_t i = 0; i < size; i++)
    bytes[i] = (unsigned char) (i * 31 + i / 251);
  assert_passes(NULL, bytes, size, NULL, bytes, size);
  assert_passes(NULL, "", 0, NULL, "", 0);
  free(bytes);
}


static void each_line_is_a_message(void** state) {
  (void) state;
  assert_text("--lines", "one\n\nthree", "--lines", "one\n\nthree\n");
  assert_text("--lines",
              "one\n\xff\n",
              "--json",
              "{\"sequence\":0,\"data\":\"one\"}\n"
              "{\"sequence\":1,\"data_base64\":\"/w==\"}\n");
}


static void messages_can_be_digits_letters_frames_or_json(void** state) {
  static const char frames[] = "\x03\0\0\0a\nb\0\0\0\0\x01\0\0\0z";
  (void) state;
  assert_text("--hex", "00ff\n6162\n\n", "--base64", "AP8=\nYWI=\n\n");
  assert_text("--base64", "AP8=\nYWI=\n", "--hex", "00ff\n6162\n");
  assert_text("--json",
              "{\"data\":\"a\"}\n{\"data_base64\":\"AAE=\"}\n",
              "--hex",
              "61\n0001\n");
  assert_passes("--framed",
                frames,
                sizeof(frames) - 1,
                "--framed",
                frames,
                sizeof(frames) - 1);
  assert_passes(
      "--framed", frames, sizeof(frames) - 1, "--hex", "610a62\n\n7a\n", 11);
}


static void input_that_is_not_what_it_should_be_is_refused(void** state) {
  static const char* const bad[][2] = {{"--hex", "0\n"},
                                       {"--hex", "xx\n"},
                                       {"--base64", "A\n"},
                                       {"--json", "{}\n"},
                                       {"--json", "one\n"},
                                       {"--framed", "\x03\0"}};
  (void) state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    struct tool tool;
    tool_start(&tool, "send", channel, bad[i][0], NULL);
    tool_feed(&tool, bad[i][1], strlen(bad[i][1]));
    assert_int_equal(tool_join(&tool), 2);
    tool_free(&tool);
  }
  assert_int_equal(tool_code("send", channel, "--hex", "--json", NULL), 2);
  assert_int_equal(tool_code("recv", channel, "--kind", "pipe", NULL), 2);
  assert_int_equal(tool_code("recv", NULL), 2);
}

/* ---- the other side ------------------------------------------------------ */

static void send_waits_until_all_was_read(void** state) {
  struct tool sender;
  struct tool receiver;
  (void) state;
  tool_start(&sender, "send", channel, NULL);
  tool_feed(&sender, "hello", 5);
  tool_end_input(&sender);
  test_sleep_ms(100);
  assert_int_equal(sender.exited, 0);
  assert_int_equal(tool_run(&receiver, "recv", channel, NULL), 0);
  assert_string_equal(receiver.out.bytes, "hello");
  assert_ends_with(&sender, 0);
  tool_free(&sender);
  tool_free(&receiver);
}


static void waiting_can_have_an_end(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(tool_code("recv", channel, "-w", "0.05", NULL), 4);
  tool_start(&tool, "send", channel, "-w", "0.05", NULL);
  tool_feed(&tool, "hello", 5);
  assert_int_equal(tool_join(&tool), 4);
  tool_free(&tool);
}


static void recv_is_told_of_a_sender_that_died(void** state) {
  struct tool sender;
  struct tool receiver;
  (void) state;
  tool_start(&receiver, "recv", channel, NULL);
  tool_start(&sender, "send", channel, NULL);
  tool_feed(&sender, "half", 4);
  tool_expect_out(&receiver, "half");
  tool_signal(&sender, SIGKILL);
  tool_wait(&sender);
  assert_int_equal(tool_join(&receiver), 1);
  assert_contains(receiver.err.bytes, "died");
  (void) tool_join(&sender);
  tool_free(&sender);
  tool_free(&receiver);
}


static void send_is_told_of_a_receiver_that_has_gone(void** state) {
  struct tool sender;
  struct tool receiver;
  (void) state;
  tool_start(&receiver, "recv", channel, "-n", "1", NULL);
  tool_start(&sender, "send", channel, "--lines", NULL);
  tool_feed(&sender, "one\n", 4);
  assert_ends_with(&receiver, 0);
  assert_string_equal(receiver.out.bytes, "one");
  tool_feed(&sender, "two\n", 4);
  assert_int_equal(tool_join(&sender), 1);
  assert_contains(sender.err.bytes, "gone");
  tool_free(&sender);
  tool_free(&receiver);
}


static void recv_can_follow_one_sender_after_the_other(void** state) {
  struct tool receiver;
  (void) state;
  tool_start(&receiver, "recv", channel, "--lines", "-f", "-n", "3", NULL);
  for (int i = 0; i < 3; i++) {
    struct tool sender;
    tool_start(&sender, "send", channel, "--lines", NULL);
    tool_feed(&sender, "again\n", 6);
    assert_ends_with(&sender, 0);
    tool_free(&sender);
  }
  assert_ends_with(&receiver, 0);
  assert_string_equal(receiver.out.bytes, "again\nagain\nagain\n");
  tool_free(&receiver);
}

/* ---- places -------------------------------------------------------------- */

static void a_channel_may_lie_in_a_segment(void** state) {
  char place[300];
  struct tool sender;
  struct tool receiver;
  (void) state;
  snprintf(place, sizeof(place), "%s/news", channel);
  assert_int_equal(tool_code("recv", place, NULL), 3);
  assert_int_equal(
      tool_code("create", channel, "--segment", "--keep", "--max", "64M", NULL),
      0);
  /* What is there stays, so nobody has to be waited for. */
  tool_start(&sender, "send", place, "--lines", NULL);
  tool_feed(&sender, "one\ntwo\n", 8);
  assert_ends_with(&sender, 0);
  tool_free(&sender);
  assert_int_equal(
      tool_run(&receiver, "recv", place, "--lines", "-n", "1", NULL), 0);
  assert_string_equal(receiver.out.bytes, "one\n");
  tool_free(&receiver);
  assert_int_equal(tool_run(&receiver, "recv", place, NULL), 0);
  assert_string_equal(receiver.out.bytes, "two");
  tool_free(&receiver);
  assert_int_equal(tool_code("check", channel, NULL), 0);
  assert_int_equal(tool_code("rm", "-f", channel, NULL), 0);
}


static void what_is_too_large_is_refused(void** state) {
  struct tool tool;
  (void) state;
  tool_start(&tool, "send", channel, "--lines", "--largest", "8", NULL);
  tool_feed(&tool, "123456789\n", 10);
  assert_int_equal(tool_join(&tool), 1);
  tool_free(&tool);
}

/* Until so many processes have it open. */
static void await_peers(const char* name, int peers) {
  uint64_t start = test_now_ms();
  char text[64];
  struct tool tool;
  int there = 0;

  snprintf(text, sizeof(text), "\"peers\": %d,", peers);
  while (!there) {
    assert_true(test_now_ms() - start < TEST_PATIENCE_MS);
    if (tool_run(&tool, "info", name, "--json", NULL) == 0)
      there = strstr(tool.out.bytes, text) != NULL;
    tool_free(&tool);
  }
  test_sleep_ms(100); /* what it does after */
}

/* ---- watch --------------------------------------------------------------- */

static void watch_tells_who_comes_and_what_changes(void** state) {
  char map[300];
  struct tool watch;
  (void) state;
  snprintf(map, sizeof(map), "%s/stock", channel);
  assert_int_equal(tool_code("map", "create", map, "--keep", NULL), 0);
  tool_start(&watch, "watch", channel, NULL);
  await_peers(channel, 1);
  assert_int_equal(tool_code("map", "put", map, "apple", "green", NULL), 0);
  tool_expect_out(&watch, "stock changed");
  assert_int_equal(tool_code("map", "wait", map, "-w", "0.3", NULL), 4);
  tool_expect_out(&watch, "peer attached");
  tool_expect_out(&watch, "(uvshm map)");
  tool_expect_out(&watch, "peer left");
  assert_int_equal(watch.exited, 0);
  tool_signal(&watch, SIGKILL);
  (void) tool_join(&watch);
  tool_free(&watch);
  assert_int_equal(tool_run(&watch, "watch", map, "-w", "0.1", NULL), 4);
  tool_free(&watch);
  assert_int_equal(tool_code("watch", "-n", "0", map, NULL), 0);
  assert_int_equal(tool_code("rm", "-f", channel, NULL), 0);
  assert_int_equal(tool_code("watch", channel, NULL), 3);
  assert_int_equal(tool_code("watch", map, NULL), 3);
}


static void watch_prints_the_messages_of_a_topic(void** state) {
  struct tool receiver;
  struct tool sender;
  struct tool watch;
  (void) state;
  tool_start(&receiver, "recv", "--kind", "topic", "-n", "2", channel, NULL);
  await_peers(channel, 1);
  tool_start(&watch, "watch", channel, "--json", "-n", "2", NULL);
  await_peers(channel, 2);
  tool_start(&sender, "send", "--kind", "topic", "--lines", channel, NULL);
  tool_feed(&sender, "one\ntwo\n", 8);
  tool_expect_out(&watch, "\"data\":\"one\"");
  tool_expect_out(&watch, "\"data\":\"two\"");
  assert_int_equal(tool_join(&watch), 0);
  assert_ends_with(&receiver, 0);
  assert_string_equal(receiver.out.bytes, "onetwo");
  assert_ends_with(&sender, 0);
  tool_free(&watch);
  tool_free(&receiver);
  tool_free(&sender);
}


static void a_queue_gives_each_message_to_one(void** state) {
  struct tool receiver;
  struct tool sender;
  (void) state;
  tool_start(&sender, "send", "--kind", "queue", "--lines", channel, NULL);
  tool_feed(&sender, "one\ntwo\n", 8);
  tool_end_input(&sender);
  assert_int_equal(
      tool_run(&receiver, "recv", "--kind", "queue", "-n", "1", channel, NULL),
      0);
  assert_string_equal(receiver.out.bytes, "one");
  tool_free(&receiver);
  assert_int_equal(tool_code("recv", channel, "--kind", "topic", NULL), 1);
  assert_int_equal(tool_run(&receiver, "recv", channel, "--json", NULL), 0);
  assert_string_equal(receiver.out.bytes, "{\"data\":\"two\"}\n");
  tool_free(&receiver);
  assert_ends_with(&sender, 0);
  tool_free(&sender);
}


/* ---- signals ------------------------------------------------------------- */

/* Runs a command with the channel until it has it, then interrupts it. */
static void assert_interruptible(const char* command, const char* kind) {
  uvshm_name_info_t info;
  struct tool tool;
  int tries = 0;
  memset(&info, 0, sizeof(info));
  tool_start(&tool, command, channel, "--kind", kind, NULL);
  while (info.peers == 0 && tries++ < TEST_PATIENCE_MS / 10) {
    test_sleep_ms(10);
    if (uvshm_name_info(channel, 0, &info) < 0) info.peers = 0;
  }
  assert_int_equal(info.peers, 1);
  test_sleep_ms(20); /* so that it mostly waits already */
  tool_signal(&tool, SIGINT);
  tool_wait(&tool);
  assert_ends_with(&tool, 130);
  tool_free(&tool);
  assert_int_equal(uvshm_name_info(channel, 0, &info), UV_ENOENT);
}


static void an_interrupt_leaves_no_channel_behind(void** state) {
  static const char* const kinds[] = {"stream", "queue", "topic"};
  (void) state;
  if (!tool_has_signals()) skip();
  for (int i = 0; i < 3; i++) {
    assert_interruptible("recv", kinds[i]);
    assert_interruptible("send", kinds[i]); /* it waits for its input */
  }
}


/* It waits for room, since nobody reads. */
static void an_interrupt_ends_a_send_that_is_full(void** state) {
  const size_t size = 200000; /* into a pipe that holds as much */
  uvshm_name_info_t info;
  struct tool tool;
  char* much;
  (void) state;
  if (!tool_has_signals()) skip();
  much = calloc(1, size);
  assert_non_null(much);
  tool_start(
      &tool, "send", channel, "--capacity", "64K", "--largest", "4K", NULL);
  tool_feed(&tool, much, size);
  for (int i = 0; i < 50; i++) {
    uv_run(&tool.loop, UV_RUN_NOWAIT);
    test_sleep_ms(10);
  }
  tool_signal(&tool, SIGTERM);
  tool_wait(&tool);
  assert_ends_with(&tool, 128 + SIGTERM);
  tool_free(&tool);
  free(much);
  assert_int_equal(uvshm_name_info(channel, 0, &info), UV_ENOENT);
}


/* As nohup(1) asks for. */
static void what_is_ignored_stays_ignored(void** state) {
  char command[600];
  (void) state;
  if (!tool_has_signals()) skip();
  snprintf(command,
           sizeof(command),
           "trap '' HUP; \"$UVSHM_TOOL\" recv -w 1 %s & sleep 0.3; "
           "kill -HUP $!; wait $!; test $? -eq 4",
           channel);
  assert_int_equal(system(command), 0);
}


#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(a_stream_of_bytes_comes_out_as_it_went_in),
      CASE(each_line_is_a_message),
      CASE(messages_can_be_digits_letters_frames_or_json),
      CASE(input_that_is_not_what_it_should_be_is_refused),
      CASE(send_waits_until_all_was_read),
      CASE(waiting_can_have_an_end),
      CASE(recv_is_told_of_a_sender_that_died),
      CASE(send_is_told_of_a_receiver_that_has_gone),
      CASE(recv_can_follow_one_sender_after_the_other),
      CASE(a_channel_may_lie_in_a_segment),
      CASE(what_is_too_large_is_refused),
      CASE(watch_tells_who_comes_and_what_changes),
      CASE(watch_prints_the_messages_of_a_topic),
      CASE(a_queue_gives_each_message_to_one),
      CASE(an_interrupt_leaves_no_channel_behind),
      CASE(an_interrupt_ends_a_send_that_is_full),
      CASE(what_is_ignored_stays_ignored),
  };

  return cmocka_run_group_tests_name("tool-channel", tests, NULL, NULL);
}
