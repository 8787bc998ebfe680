/* SPDX-License-Identifier: MIT */

/* uvshm recv: what comes through a channel, to stdout. As a stream of bytes it
 * is written straight from the channel's memory. A message is released when it
 * is out, not before: if this process dies, the next one has it again where the
 * channel does that.
 */

#include "base64.h"
#include "channels.h"
#include "commands.h"
#include "maps.h"
#include "names.h"
#include "plumbing.h"
#include "report.h"
#include "stop.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define BATCH 64u

/* With --follow: between two looks for a new writer. */
#define FOLLOW_MS 20u

struct receiver {
  const struct args* args;
  struct channel_place place;
  struct channel_meter meter;
  enum channel_form form;
  uint64_t left; /* messages that are still wanted */
};

/* ---- one message --------------------------------------------------------- */

static void print_hex(const unsigned char* bytes, size_t size) {
  for (size_t i = 0; i < size; i++) print("%02x", bytes[i]);
  print("\n");
}


static void print_base64(const void* bytes, size_t size) {
  char* letters = base64_encode(bytes, size);
  print("%s\n", letters);
  free(letters);
}


static void print_frame(const void* bytes, size_t size) {
  unsigned char head[CHANNEL_FRAME_HEAD];
  for (size_t i = 0; i < CHANNEL_FRAME_HEAD; i++)
    head[i] = (unsigned char) (size >> (8 * i) & 0xff);
  out_bytes(head, sizeof head);
  out_bytes(bytes, size);
}


static void print_json(const struct receiver* receiver,
                       const uvshm_message_t* message) {
  json_t* line = json_object();
  if (receiver->place.kind != UVSHM_CHANNEL_QUEUE)
    json_object_set_new(
        line, "sequence", json_integer((json_int_t) message->sequence));
  if (message->missed != 0)
    json_object_set_new(
        line, "missed", json_integer((json_int_t) message->missed));
  if (message->again != 0) json_object_set_new(line, "again", json_true());
  map_json_set(line, "data", message->bytes, message->size);
  map_json_line(line);
}


/* A terminal obeys some bytes; it shall not. */
static void print_escaped(const char* bytes, size_t size) {
  while (size > 0 && out_is_good()) {
    const char* end = memchr(bytes, '\n', size);
    size_t part = end != NULL ? (size_t) (end - bytes) : size;
    char* text = text_escape_bytes(bytes, part);
    print("%s%s", text, end != NULL ? "\n" : "");
    free(text);
    part += end != NULL ? 1 : 0;
    bytes += part;
    size -= part;
  }
}


static void print_message(const struct receiver* receiver,
                          const uvshm_message_t* message) {
  bool plain = !out_is_terminal() || receiver->args->given[OPT_RAW];
  switch (receiver->form) {
    case FORM_HEX:
      print_hex(message->bytes, message->size);
      break;
    case FORM_BASE64:
      print_base64(message->bytes, message->size);
      break;
    case FORM_FRAMED:
      print_frame(message->bytes, message->size);
      break;
    case FORM_JSON:
      print_json(receiver, message);
      break;
    default:
      if (plain)
        out_bytes(message->bytes, message->size);
      else
        print_escaped(message->bytes, message->size);
      if (receiver->form == FORM_LINES) print("\n");
  }
}

/* ---- some messages ------------------------------------------------------- */

static int write_bytes(const uvshm_message_t* messages, size_t count) {
  uv_buf_t bufs[BATCH];
  for (size_t i = 0; i < count; i++)
    bufs[i] = uv_buf_init(messages[i].bytes, (unsigned int) messages[i].size);
  return plumbing_write(bufs, (unsigned int) count);
}


static int show(struct receiver* receiver,
                const uvshm_message_t* messages,
                size_t count) {
  uint64_t bytes = 0;
  int err = 0;
  bool raw = receiver->form == FORM_BYTES &&
             (!out_is_terminal() || receiver->args->given[OPT_RAW]);
  for (size_t i = 0; i < count; i++) {
    bytes += messages[i].size;
    if (messages[i].missed != 0)
      note("%" PRIu64 " messages were missed", messages[i].missed);
    if (!raw) print_message(receiver, &messages[i]);
  }
  err = raw ? write_bytes(messages, count) : out_flush();
  channel_meter_add(&receiver->meter, count, bytes);
  return err;
}


/* What it means that there is no message. 0: go on. */
static int no_message(const struct receiver* receiver, int err) {
  bool ended = err == UV_EOF || err == UV_ECONNRESET;
  if (stop_came()) return EXIT_FAILED; /* stop_end() knows better */
  if (ended && receiver->args->given[OPT_FOLLOW]) {
    uv_sleep(FOLLOW_MS);
    return 0;
  }
  if (err == UV_ECONNRESET)
    return report_as(EXIT_FAILED, "the writer died before it was through");
  if (err == UV_ETIMEDOUT)
    return report_as(EXIT_TIMEOUT, "nothing came for too long");
  return report(err);
}


static int receive(struct receiver* receiver) {
  uvshm_channel_t* channel = receiver->place.channel;
  uint64_t patience = channel_patience(receiver->args);

  while (receiver->left > 0) {
    uvshm_message_t messages[BATCH];
    size_t count = receiver->left < BATCH ? (size_t) receiver->left : BATCH;
    int err = uvshm_channel_peek_many(channel, messages, &count, patience);
    if (err == UV_EOF && !receiver->args->given[OPT_FOLLOW]) break;
    if (err < 0) {
      int code = no_message(receiver, err);
      if (code != 0) return code;
      continue;
    }
    err = show(receiver, messages, count);
    /* main() tells of what happened to stdout. */
    if (err < 0 && (stop_came() || receiver->form != FORM_BYTES))
      return EXIT_OK;
    if (err < 0)
      return report_as(
          EXIT_FAILED, "cannot write to stdout: %s", uv_strerror(err));
    err = uvshm_channel_release_many(channel, messages, count);
    if (err < 0) return report(err);
    receiver->left -= count;
  }
  return EXIT_OK;
}


int cmd_recv(const struct args* args) {
  struct receiver receiver = {.args = args};
  uint32_t flags = UVSHM_READER;
  int code = channel_form(args, &receiver.form);
  if (args->given[OPT_OLDEST]) flags |= UVSHM_CHANNEL_OLDEST;
  stop_begin();
  if (code == 0)
    code = channel_open(args, flags, "uvshm recv", &receiver.place);
  if (code != 0) return stop_end(code);

  receiver.left = channel_count(args);
  channel_meter_init(&receiver.meter, !out_is_terminal());
  plumbing_widen(1);
  code = receive(&receiver);
  channel_meter_end(&receiver.meter, "received");
  code = stop_end(code);
  channel_close(&receiver.place);
  return code;
}
