/* SPDX-License-Identifier: MIT */

/* Channels in one process: opening, streams, ends. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

static uvshm_segment_t* segment;


static int set_up(void** state) {
  uvshm_segment_options_t options;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 1 << 20;
  options.max_size = 64 << 20;
  return uvshm_segment_open(&segment, test_name("channel"), &options);
}


static int tear_down(void** state) {
  (void) state;
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
  return 0;
}


static uvshm_channel_t* open_with(const char* name,
                                  uvshm_channel_options_t options,
                                  uint32_t flags) {
  uvshm_channel_t* channel = NULL;
  int err;

  options.flags |= flags;
  err = uvshm_channel_open(&channel, segment, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return channel;
}


static uvshm_channel_t* open_end(const char* name, uint32_t flags) {
  uvshm_channel_options_t options;

  memset(&options, 0, sizeof(options));
  return open_with(name, options, flags);
}


static void send_text(uvshm_channel_t* channel, const char* text) {
  int err = uvshm_channel_send(channel, text, strlen(text), 0);

  if (err < 0) fail_msg("%s", uvshm_strerror(err));
}


static void expect_text(uvshm_channel_t* channel, const char* text) {
  char bytes[100];
  size_t size = sizeof(bytes);
  int err = uvshm_channel_recv(channel, bytes, &size, 0);

  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  assert_int_equal(size, strlen(text));
  assert_memory_equal(bytes, text, size);
}

/* ---- opening ------------------------------------------------------------- */

TEST(channel_passes_messages_of_any_size_in_order) {
  uvshm_channel_t* writer = open_end("a", UVSHM_WRITER);
  uvshm_channel_t* reader = open_end("a", UVSHM_READER);
  char bytes[8];
  size_t size = sizeof(bytes);

  (void) state;
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), UV_EAGAIN);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 20), UV_ETIMEDOUT);
  send_text(writer, "one");
  send_text(writer, "");
  send_text(writer, "three and more");
  expect_text(reader, "one");
  expect_text(reader, "");
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), UV_ENOBUFS);
  assert_int_equal(size, strlen("three and more"));
  expect_text(reader, "three and more");
  assert_int_equal(uvshm_channel_check(writer), 0);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(channel_known_by_its_name_alone_is_gone_with_its_last_user) {
  uvshm_channel_options_t options;
  uvshm_channel_t* writer = NULL;
  uvshm_channel_t* reader = NULL;
  uvshm_segment_t* other;
  const char* name = test_name("alone");

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_WRITER;
  options.size_max = 3 << 20;
  assert_int_equal(uvshm_channel_open(&writer, NULL, name, &options), 0);
  options.flags = UVSHM_READER | UVSHM_EXISTING;
  assert_int_equal(uvshm_channel_open(&reader, NULL, name, &options), 0);
  send_text(writer, "by name");
  expect_text(reader, "by name");
  /* It is no segment of the caller's. */
  assert_int_equal(uvshm_segment_open(&other, name, NULL), UV_EPROTOTYPE);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
  assert_int_equal(uvshm_channel_open(&reader, NULL, name, &options),
                   UV_ENOENT);
  options.flags = UVSHM_WRITER | UVSHM_CREATE | UVSHM_EXCLUSIVE | UVSHM_KEEP;
  assert_int_equal(uvshm_channel_open(&writer, NULL, name, &options), 0);
  assert_int_equal(uvshm_channel_open(&reader, NULL, name, &options),
                   UV_EEXIST);
  uvshm_channel_close(writer);
  assert_int_equal(uvshm_channel_unlink(NULL, name, 0), 0);
  assert_int_equal(uvshm_channel_unlink(NULL, name, 0), UV_ENOENT);
}


TEST(channel_open_says_what_is_wrong) {
  uvshm_channel_options_t options;
  uvshm_channel_t* channel = NULL;
  uvshm_channel_t* writer;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_WRITER | UVSHM_READER;
  assert_int_equal(uvshm_channel_open(&channel, segment, "x", &options),
                   UV_EINVAL);
  options.flags = UVSHM_CHANNEL_QUEUE | UVSHM_CHANNEL_STREAM;
  assert_int_equal(uvshm_channel_open(&channel, segment, "x", &options),
                   UV_EINVAL);
  options.flags = UVSHM_CHANNEL_LOSSLESS;
  assert_int_equal(uvshm_channel_open(&channel, segment, "x", &options),
                   UV_EINVAL);
  options.flags = UVSHM_EXISTING;
  assert_int_equal(uvshm_channel_open(&channel, segment, "x", &options),
                   UV_ENOENT);
  options.flags = 0;
  options.size_max = (uint64_t) UVSHM_CHANNEL_SIZE_MAX + 1;
  assert_int_equal(uvshm_channel_open(&channel, segment, "x", &options),
                   UV_EINVAL);
  options.size_max = 1 << 20;
  options.messages = 1000;
  assert_int_equal(uvshm_channel_open(&channel, segment, "x", &options),
                   UV_ENOSPC);
  writer = open_end("x", UVSHM_WRITER);
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CHANNEL_QUEUE;
  assert_int_equal(uvshm_channel_open(&channel, segment, "x", &options),
                   UV_EPROTOTYPE);
  options.flags = UVSHM_WRITER;
  assert_int_equal(uvshm_channel_open(&channel, segment, "x", &options),
                   UV_EBUSY);
  assert_int_equal(strcmp(uvshm_error_detail(),
                          "cannot open \"x\": it has a living writer already"),
                   0);
  assert_null(channel);
  uvshm_channel_close(writer);
}

/* ---- in place ------------------------------------------------------------ */

static void refused(int err, const char* why) {
  assert_int_equal(err, UV_EINVAL);
  if (strstr(uvshm_error_detail(), why) == NULL)
    fail_msg("\"%s\" does not say: %s", uvshm_error_detail(), why);
}


TEST(stream_shows_what_was_committed_and_nothing_else) {
  uvshm_channel_t* writer = open_end("a", UVSHM_WRITER);
  uvshm_channel_t* reader = open_end("a", UVSHM_READER);
  const void* seen;
  char text[16];
  void* bytes;
  void* more;
  size_t size;

  (void) state;
  assert_int_equal(uvshm_channel_claim(writer, &bytes, 100, 0), 0);
  refused(uvshm_channel_claim(writer, &more, 100, 0), "claimed already");
  refused(uvshm_channel_send(writer, "x", 1, 0), "claimed already");
  memcpy(bytes, "hello", 5);
  assert_int_equal(uvshm_channel_peek(reader, &seen, &size, 0), UV_EAGAIN);
  refused(uvshm_channel_commit(writer, bytes, 200), "was not claimed");
  refused(uvshm_channel_commit(writer, (char*) bytes + 8, 4),
          "was not claimed");
  assert_int_equal(uvshm_channel_commit(writer, bytes, 5), 0);
  refused(uvshm_channel_commit(writer, bytes, 5), "was not claimed");
  assert_int_equal(uvshm_channel_claim(writer, &bytes, 100, 0), 0);
  assert_int_equal(uvshm_channel_abort(writer, bytes), 0);
  send_text(writer, "second");

  assert_int_equal(uvshm_channel_peek(reader, &seen, &size, 0), 0);
  assert_int_equal(size, 5);
  assert_memory_equal(seen, "hello", 5);
  size = sizeof(text);
  refused(uvshm_channel_recv(reader, text, &size, 0), "is released first");
  refused(uvshm_channel_release(reader, (const char*) seen + 8),
          "is not peeked");
  assert_int_equal(uvshm_channel_release(reader, seen), 0);
  refused(uvshm_channel_release(reader, seen), "is not peeked");
  expect_text(reader, "second");
  assert_int_equal(uvshm_channel_send(writer, "x", 4097, 0), UV_EMSGSIZE);
  assert_int_equal(uvshm_channel_send(reader, "x", 1, 0), UV_EPERM);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(stream_wraps_with_messages_of_all_sizes) {
  uvshm_channel_options_t options;
  uvshm_channel_t* writer;
  uvshm_channel_t* reader;
  static unsigned char out[20000];
  static unsigned char in[20000];
  size_t size;
  unsigned int i;
  unsigned int n;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.size_max = 20000;
  options.bytes = 50000;
  writer = open_with("a", options, UVSHM_WRITER);
  reader = open_with("a", options, UVSHM_READER);
  for (i = 0; i < 3000; i++) {
    for (n = 0; n < 3; n++) {
      size = (i * 7919 + n * 104729) % (i % 5 == 0 ? 14000 : 300);
      memset(out, (int) ((i + n) & 255), size);
      assert_int_equal(uvshm_channel_send(writer, out, size, 0), 0);
    }
    if (i % 100 == 0) assert_int_equal(uvshm_channel_check(reader), 0);
    for (n = 0; n < 3; n++) {
      const void* seen;

      memset(out, (int) ((i + n) & 255), sizeof(out));
      if (i % 2 == 0) {
        size = sizeof(in);
        assert_int_equal(uvshm_channel_recv(reader, in, &size, 0), 0);
        assert_memory_equal(in, out, size);
      } else {
        assert_int_equal(uvshm_channel_peek(reader, &seen, &size, 0), 0);
        assert_memory_equal(seen, out, size);
        assert_int_equal((uintptr_t) seen % (size > 1024 ? 64 : 8), 0);
        assert_int_equal(uvshm_channel_release(reader, seen), 0);
      }
      assert_int_equal(size,
                       (i * 7919 + n * 104729) % (i % 5 == 0 ? 14000 : 300));
    }
  }
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(stream_is_full_and_has_room_again) {
  uvshm_channel_options_t options;
  uvshm_channel_t* writer;
  uvshm_channel_t* reader;
  uvshm_channel_info_t info;
  unsigned int sent = 0;
  char bytes[100];
  size_t size = sizeof(bytes);
  int err;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.size_max = 100;
  options.messages = 10;
  writer = open_with("a", options, UVSHM_WRITER);
  memset(bytes, 1, sizeof(bytes));
  while ((err = uvshm_channel_send(writer, bytes, 100, 0)) == 0) sent++;
  assert_int_equal(err, UV_EAGAIN);
  assert_in_range(sent, 10, 11);
  assert_int_equal(uvshm_channel_send(writer, bytes, 100, 20), UV_ETIMEDOUT);
  reader = open_with("a", options, UVSHM_READER);
  assert_int_equal(uvshm_channel_info(reader, &info), 0);
  assert_int_equal(info.kind, UVSHM_CHANNEL_STREAM);
  assert_int_equal(info.depth, sent);
  assert_int_equal(info.high, sent);
  assert_int_equal(info.writers, 1);
  assert_int_equal(info.readers, 1);
  for (; sent > 0; sent--) {
    size = sizeof(bytes);
    assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), 0);
    assert_int_equal(uvshm_channel_send(writer, bytes, 100, 0), 0);
    assert_int_equal(uvshm_channel_send(writer, bytes, 100, 0), UV_EAGAIN);
  }
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(stream_takes_and_gives_batches) {
  uvshm_channel_t* writer = open_end("a", UVSHM_WRITER);
  uvshm_channel_t* reader = open_end("a", UVSHM_READER);
  uvshm_message_t messages[8];
  char text[8][16];
  size_t count = 8;
  size_t i;

  (void) state;
  for (i = 0; i < 8; i++) {
    messages[i].bytes = text[i];
    messages[i].size = i;
    memset(text[i], (int) i, 16);
  }
  assert_int_equal(uvshm_channel_send_many(writer, messages, &count, 0), 0);
  assert_int_equal(count, 8);
  count = 3;
  assert_int_equal(uvshm_channel_peek_many(reader, messages, &count, 0), 0);
  assert_int_equal(count, 3);
  for (i = 0; i < 3; i++) {
    assert_int_equal(messages[i].size, i);
    assert_int_equal(messages[i].sequence, i);
    assert_memory_equal(messages[i].bytes, text[i], i);
  }
  assert_int_equal(uvshm_channel_release_many(reader, messages, 3), 0);
  for (i = 0; i < 8; i++) {
    messages[i].bytes = text[i];
    messages[i].size = i < 4 ? 16 : 2;
  }
  count = 8;
  assert_int_equal(uvshm_channel_recv_many(reader, messages, &count, 0), 0);
  assert_int_equal(count, 4); /* the fifth has 7 bytes */
  assert_int_equal(messages[3].size, 6);
  assert_int_equal(text[3][0], 6);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(stream_commits_the_first_of_what_was_claimed_together) {
  uvshm_channel_options_t options;
  uvshm_channel_t* writer;
  uvshm_channel_t* reader;
  uvshm_message_t messages[4];
  size_t count = 4;
  size_t i;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.size_max = 10000;
  writer = open_with("a", options, UVSHM_WRITER);
  reader = open_with("a", options, UVSHM_READER);
  for (i = 0; i < 4; i++) messages[i].size = i % 2 == 0 ? 5000 : 10;
  assert_int_equal(uvshm_channel_claim_many(writer, messages, &count, 0), 0);
  assert_int_equal(count, 4);
  for (i = 0; i < 4; i++) {
    memset(messages[i].bytes, (int) i + 1, messages[i].size);
    messages[i].size -= i;
  }
  assert_int_equal(uvshm_channel_commit_many(writer, messages, 3), 0);
  assert_int_equal(uvshm_channel_send(writer, "end", 3, 0), 0);
  count = 4;
  assert_int_equal(uvshm_channel_peek_many(reader, messages, &count, 0), 0);
  assert_int_equal(count, 4);
  for (i = 0; i < 3; i++) {
    assert_int_equal(messages[i].size, (i % 2 == 0 ? 5000 : 10) - i);
    assert_int_equal(*(char*) messages[i].bytes, i + 1);
  }
  assert_int_equal(messages[3].size, 3);
  assert_memory_equal(messages[3].bytes, "end", 3);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}

/* ---- ends ---------------------------------------------------------------- */

TEST(channel_reader_gets_the_rest_and_then_the_end) {
  uvshm_channel_t* writer = open_end("a", UVSHM_WRITER);
  uvshm_channel_t* reader = open_end("a", UVSHM_READER);
  char bytes[100];
  size_t size = sizeof(bytes);

  (void) state;
  send_text(writer, "rest");
  uvshm_channel_close(writer);
  expect_text(reader, "rest");
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), UV_EOF);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, UVSHM_FOREVER),
                   UV_EOF);
  /* The next writer ends it. */
  writer = open_end("a", UVSHM_WRITER);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), UV_EAGAIN);
  send_text(writer, "again");
  expect_text(reader, "again");
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(channel_writer_without_readers_is_told) {
  uvshm_channel_t* writer = open_end("a", UVSHM_WRITER);
  uvshm_channel_t* reader;

  (void) state;
  send_text(writer, "early"); /* nobody yet */
  reader = open_end("a", UVSHM_READER);
  expect_text(reader, "early");
  uvshm_channel_close(reader);
  assert_int_equal(uvshm_channel_send(writer, "x", 1, 0), UV_EPIPE);
  assert_int_equal(uvshm_channel_send(writer, "x", 1, 1000), UV_EPIPE);
  reader = open_end("a", UVSHM_READER);
  send_text(writer, "late");
  expect_text(reader, "late");
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(channel_writer_awaits_its_first_reader) {
  static const uint32_t kinds[] = {
      UVSHM_CHANNEL_STREAM,
      UVSHM_CHANNEL_QUEUE,
      UVSHM_CHANNEL_TOPIC,
      UVSHM_CHANNEL_TOPIC | UVSHM_CHANNEL_LOSSLESS};
  uvshm_channel_t* writer;
  uvshm_channel_t* reader;
  uint32_t await;
  char name[8];
  size_t i;

  (void) state;
  for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    snprintf(name, sizeof(name), "b%d", (int) i);
    await = UVSHM_WRITER | UVSHM_CHANNEL_AWAIT | kinds[i];
    writer = open_end(name, await);
    assert_int_equal(uvshm_channel_send(writer, "x", 1, 0), UV_EAGAIN);
    assert_int_equal(uvshm_channel_send(writer, "x", 1, 20), UV_ETIMEDOUT);
    reader = open_end(name, UVSHM_READER | kinds[i]);
    send_text(writer, "x");
    expect_text(reader, "x");
    uvshm_channel_close(reader);
    assert_int_equal(uvshm_channel_send(writer, "x", 1, 0), UV_EAGAIN);
    uvshm_channel_close(writer);
  }
}


TEST(channel_successors_go_on_where_the_others_were) {
  uvshm_channel_t* writer = open_end("a", UVSHM_WRITER);
  uvshm_channel_t* reader = open_end("a", UVSHM_READER);
  const void* seen;
  size_t size;
  int i;

  (void) state;
  for (i = 0; i < 20000; i++) {
    send_text(writer, "first");
    send_text(writer, "second");
    expect_text(reader, "first");
    if (i % 1000 != 0) {
      expect_text(reader, "second");
      continue;
    }
    uvshm_channel_close(writer);
    writer = open_end("a", UVSHM_WRITER);
    assert_int_equal(uvshm_channel_peek(reader, &seen, &size, 0), 0);
    uvshm_channel_close(reader); /* not released */
    reader = open_end("a", UVSHM_READER);
    send_text(writer, "third");
    expect_text(reader, "second");
    expect_text(reader, "third");
  }
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(channel_tells_who_is_at_its_ends) {
  uvshm_channel_t* writer = open_end("a", UVSHM_WRITER);
  uvshm_channel_t* reader = open_end("a", UVSHM_READER);
  uvshm_channel_end_t end;
  uint32_t cursor = 0;

  (void) state;
  send_text(writer, "one");
  send_text(writer, "two");
  expect_text(reader, "one");
  assert_int_equal(uvshm_channel_next(reader, &cursor, &end), 0);
  assert_int_equal(end.writer, 1);
  assert_int_equal(end.messages, 2);
  assert_int_equal(end.self, 0);
  assert_int_equal(end.pid, uv_os_getpid());
  assert_int_equal(uvshm_channel_next(reader, &cursor, &end), 0);
  assert_int_equal(end.writer, 0);
  assert_int_equal(end.messages, 1);
  assert_int_equal(end.lag, 1);
  assert_int_equal(end.self, 1);
  assert_int_equal(uvshm_channel_next(reader, &cursor, &end), UV_ENOENT);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
}


TEST(channel_that_is_unlinked_answers_enxio) {
  uvshm_channel_t* writer = open_end("a", UVSHM_WRITER);
  uvshm_channel_t* reader = open_end("a", UVSHM_READER);
  uvshm_channel_t* other;
  char bytes[8];
  size_t size = 8;

  (void) state;
  assert_int_equal(uvshm_channel_unlink(segment, "a", 0), 0);
  assert_int_equal(uvshm_channel_send(writer, "x", 1, 0), UV_ENXIO);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 100), UV_ENXIO);
  other = open_end("a", UVSHM_WRITER);
  send_text(other, "new");
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
  uvshm_channel_close(other);
  assert_int_equal(uvshm_channel_unlink(segment, "a", 0), 0);
}


static void block(void* arg) {
  void** args = arg;
  char bytes[8];
  size_t size = 8;

  *(int*) args[1] = uvshm_channel_recv(args[0], bytes, &size, UVSHM_FOREVER);
}


TEST(channel_cancel_wakes_a_blocked_call) {
  uvshm_channel_t* reader = open_end("a", UVSHM_READER);
  int result = 0;
  void* args[2];
  uv_thread_t thread;

  (void) state;
  args[0] = reader;
  args[1] = &result;
  uv_thread_create(&thread, block, args);
  test_sleep_ms(30);
  uvshm_channel_cancel(reader);
  uv_thread_join(&thread);
  assert_int_equal(result, UV_ECANCELED);
  uvshm_channel_close(reader);
}


int main(int argc, char** argv) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(channel_passes_messages_of_any_size_in_order),
      CASE(channel_known_by_its_name_alone_is_gone_with_its_last_user),
      CASE(channel_open_says_what_is_wrong),
      CASE(stream_shows_what_was_committed_and_nothing_else),
      CASE(stream_wraps_with_messages_of_all_sizes),
      CASE(stream_is_full_and_has_room_again),
      CASE(stream_takes_and_gives_batches),
      CASE(stream_commits_the_first_of_what_was_claimed_together),
      CASE(channel_reader_gets_the_rest_and_then_the_end),
      CASE(channel_writer_without_readers_is_told),
      CASE(channel_writer_awaits_its_first_reader),
      CASE(channel_successors_go_on_where_the_others_were),
      CASE(channel_tells_who_is_at_its_ends),
      CASE(channel_that_is_unlinked_answers_enxio),
      CASE(channel_cancel_wakes_a_blocked_call),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, NULL);
  return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
