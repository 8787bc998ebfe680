/* SPDX-License-Identifier: MIT */

/* Calls of channels. */

#include "fuzz/segment.h"

#include <string.h>

#define SIZE_MOST 64u


static void open_end(struct fuzz_segment* world, struct fuzz_input* input) {
  static const char* const names[] = {"stream", "queue", "topic", "map"};
  static const uint32_t kinds[] = {
      UVSHM_CHANNEL_STREAM, UVSHM_CHANNEL_QUEUE, UVSHM_CHANNEL_TOPIC, 0};
  uvshm_channel_options_t options;
  uint32_t which = fuzz_u8(input);
  uvshm_channel_t** channel = which & 0x80 ? &world->writer : &world->reader;

  memset(&options, 0, sizeof(options));
  options.flags = kinds[which % 4];
  options.flags |= which & 0x80 ? UVSHM_WRITER : UVSHM_READER;
  options.size_max = SIZE_MOST;
  options.messages = 4;
  options.writers = 2;
  options.readers = 2;
  options.timeout_ms = 1;
  uvshm_channel_close(*channel);
  *channel = NULL;
  (void) !uvshm_channel_open(
      channel, world->segment, names[which % 4], &options);
}


static void send_one(struct fuzz_segment* world, struct fuzz_input* input) {
  static const unsigned char bytes[SIZE_MOST + 8];
  uint32_t how = fuzz_u8(input);
  size_t size = fuzz_u8(input) % sizeof(bytes);
  void* room;

  if (world->writer == NULL) return;
  if (how & 1) {
    (void) !uvshm_channel_send(world->writer, bytes, size, how >> 7);
    return;
  }
  if (uvshm_channel_claim(world->writer, &room, size, 0) < 0) return;
  fuzz_segment_at(world, room);
  memset(room, 1, size);
  if (how & 2)
    (void) !uvshm_channel_abort(world->writer, room);
  else
    (void) !uvshm_channel_commit(world->writer, room, size);
}


static void recv_one(struct fuzz_segment* world, struct fuzz_input* input) {
  unsigned char bytes[SIZE_MOST + 8];
  uint32_t how = fuzz_u8(input);
  size_t size = sizeof(bytes);
  const void* seen;

  if (world->reader == NULL) return;
  if (how & 1) {
    (void) !uvshm_channel_recv(world->reader, bytes, &size, how >> 7);
    return;
  }
  if (uvshm_channel_peek(world->reader, &seen, &size, 0) < 0) return;
  fuzz_segment_at(world, seen);
  if (size <= sizeof(bytes)) memcpy(bytes, seen, size);
  if (how & 2) (void) !uvshm_channel_release(world->reader, seen);
}


static void look(struct fuzz_segment* world, struct fuzz_input* input) {
  uvshm_channel_t* channel = fuzz_u8(input) & 1 ? world->writer : world->reader;
  uvshm_channel_info_t info;
  uvshm_channel_end_t end;
  uint32_t cursor = 0;
  uint32_t repaired;

  if (channel == NULL) return;
  (void) !uvshm_channel_info(channel, &info);
  while (uvshm_channel_next(channel, &cursor, &end) == 0) {
  }
  if (uvshm_channel_check(channel) < 0)
    (void) !uvshm_channel_repair(channel, &repaired);
}


static void unlink_one(struct fuzz_segment* world, struct fuzz_input* input) {
  (void) !uvshm_channel_unlink(
      world->segment, fuzz_u8(input) & 1 ? "stream" : "queue", 0);
}

static const fuzz_segment_op ops[] = {open_end,
                                      open_end,
                                      send_one,
                                      send_one,
                                      recv_one,
                                      recv_one,
                                      look,
                                      unlink_one};

const struct fuzz_segment_table fuzz_segment_channel = {
    ops, sizeof(ops) / sizeof(ops[0])};
