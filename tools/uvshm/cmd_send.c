/* SPDX-License-Identifier: MIT */

/* uvshm send: stdin through a channel. As a stream of bytes it is read straight
 * into the channel's memory, so the bytes are not copied once more.
 */

#include "base64.h"
#include "channels.h"
#include "commands.h"
#include "maps.h"
#include "plumbing.h"
#include "report.h"
#include "stop.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define CHUNK 262144u
#define BATCH 64u

/* How long to wait between two looks whether all was read. */
#define LOOK_FIRST_MS 1u
#define LOOK_LAST_MS 20u

struct sender {
  const struct args* args;
  struct channel_place place;
  struct channel_meter meter;
  uint64_t patience_ms;
  uint64_t left; /* messages that may still be sent */
};


/* For a failed call on the channel. */
static int failed(int err) {
  if (stop_came()) return EXIT_FAILED; /* stop_end() knows better */
  if (err == UV_EPIPE)
    return report_as(EXIT_FAILED, "the reader has gone before the end");
  if (err == UV_ETIMEDOUT)
    return report_as(EXIT_TIMEOUT, "there was no room for too long");
  return report(err);
}


static int no_input(int err) {
  if (stop_came()) return EXIT_FAILED;
  return report_as(EXIT_FAILED, "cannot read stdin: %s", uv_strerror(err));
}

/* A reader may be slow: the bar goes on meanwhile. */
static int claim(struct sender* sender, void** bytes, size_t chunk) {
  uint64_t began = uv_hrtime();
  int err;
  do {
    err = uvshm_channel_claim(
        sender->place.channel,
        bytes,
        chunk,
        channel_meter_slice(&sender->meter, sender->patience_ms, began));
  } while (err == UV_ETIMEDOUT &&
           channel_meter_waits(&sender->meter, sender->patience_ms, began));
  return err;
}


static int send_many(struct sender* sender,
                     const uvshm_message_t* messages,
                     size_t* count) {
  uint64_t began = uv_hrtime();
  size_t wanted = *count;
  int err;
  do {
    *count = wanted;
    err = uvshm_channel_send_many(
        sender->place.channel,
        messages,
        count,
        channel_meter_slice(&sender->meter, sender->patience_ms, began));
  } while (err == UV_ETIMEDOUT &&
           channel_meter_waits(&sender->meter, sender->patience_ms, began));
  return err;
}

/* ---- bytes --------------------------------------------------------------- */

static int send_bytes(struct sender* sender) {
  uvshm_channel_t* channel = sender->place.channel;
  size_t chunk = CHUNK;
  if (sender->place.size_max < chunk) chunk = (size_t) sender->place.size_max;

  for (; sender->left > 0; sender->left--) {
    void* bytes;
    int err = claim(sender, &bytes, chunk);
    if (err < 0) return failed(err);
    int count = plumbing_read(bytes, chunk);
    if (count <= 0) {
      (void) !uvshm_channel_abort(channel, bytes);
      return count < 0 ? no_input(count) : EXIT_OK;
    }
    err = uvshm_channel_commit(channel, bytes, (size_t) count);
    if (err < 0) return failed(err);
    channel_meter_add(&sender->meter, 1, (uint64_t) count);
  }
  return EXIT_OK;
}

/* ---- messages ------------------------------------------------------------ */

/* Messages that are sent together. What they point to stays until then. */
struct batch {
  uvshm_message_t messages[BATCH];
  void* owned[BATCH]; /* for free() */
  size_t count;
};


static void batch_clear(struct batch* batch) {
  for (size_t i = 0; i < batch->count; i++) free(batch->owned[i]);
  batch->count = 0;
}


static int batch_send(struct sender* sender, struct batch* batch) {
  size_t done = 0;
  while (done < batch->count) {
    size_t count = batch->count - done;
    uint64_t bytes = 0;
    int err = send_many(sender, batch->messages + done, &count);
    if (err < 0) {
      batch_clear(batch);
      return failed(err);
    }
    for (size_t i = done; i < done + count; i++)
      bytes += batch->messages[i].size;
    channel_meter_add(&sender->meter, count, bytes);
    done += count;
  }
  batch_clear(batch);
  return 0;
}


static int batch_add(struct sender* sender,
                     struct batch* batch,
                     void* bytes,
                     size_t size,
                     void* owned) {
  uvshm_message_t* message = &batch->messages[batch->count];
  if (sender->left == 0) {
    free(owned);
    return 0;
  }
  sender->left--;
  memset(message, 0, sizeof *message);
  message->bytes = bytes;
  message->size = size;
  batch->owned[batch->count++] = owned;
  return batch->count == BATCH ? batch_send(sender, batch) : 0;
}

/* ---- lines --------------------------------------------------------------- */

/* The value of a hexadecimal digit; negative: it is none. */
static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


static bool from_hex(const char* line, size_t size, struct bytes* bytes) {
  unsigned char* at = text_alloc(size / 2 + 1);
  bytes->at = at;
  bytes->size = 0;
  for (size_t i = 0; i + 1 < size; i += 2) {
    int high = digit(line[i]);
    int low = digit(line[i + 1]);
    if (high < 0 || low < 0) break;
    at[bytes->size++] = (unsigned char) (high << 4 | low);
  }
  if (bytes->size * 2 == size) return true;
  free(at);
  return false;
}


/* The line ends with a zero. */
static bool from_json(const char* line, size_t size, struct bytes* bytes) {
  json_error_t error;
  json_t* object = json_loadb(line, size, 0, &error);
  bool good = object != NULL && map_json_get(object, "data", bytes);
  json_decref(object);
  return good;
}


static int send_line(struct sender* sender,
                     enum channel_form form,
                     struct batch* batch,
                     char* line,
                     size_t size) {
  struct bytes bytes = {NULL, 0};
  bool good = true;
  if (form == FORM_LINES) return batch_add(sender, batch, line, size, NULL);
  if (form == FORM_HEX) good = from_hex(line, size, &bytes);
  if (form == FORM_BASE64) {
    char* text = text_format("%.*s", (int) size, line);
    good = base64_decode(text, &bytes.at, &bytes.size);
    free(text);
  }
  if (form == FORM_JSON) good = from_json(line, size, &bytes);
  if (good) return batch_add(sender, batch, bytes.at, bytes.size, bytes.at);
  return report_as(EXIT_USAGE,
                   "line %" PRIu64 " of stdin is not what it should be",
                   sender->meter.messages + batch->count + 1);
}

/* ---- input in pieces ----------------------------------------------------- */

struct input {
  char* bytes;
  size_t size;
  size_t room;
  bool ended;
};


/* One whole line or frame of the input: how many bytes it takes, its message at
 * *at. 0: more input is needed. */
static size_t next_line(const struct input* input,
                        size_t from,
                        size_t* at,
                        size_t* size) {
  const char* begin = input->bytes + from;
  size_t left = input->size - from;
  const char* end = left > 0 ? memchr(begin, '\n', left) : NULL;
  if (end == NULL && !input->ended) return 0;
  *at = from;
  *size = end != NULL ? (size_t) (end - begin) : left;
  return end != NULL ? *size + 1 : left;
}


static size_t next_frame(const struct input* input,
                         size_t from,
                         size_t* at,
                         size_t* size) {
  const unsigned char* head = (const unsigned char*) input->bytes + from;
  if (input->size - from < CHANNEL_FRAME_HEAD) return 0;
  *at = from + CHANNEL_FRAME_HEAD;
  *size = (size_t) head[0] | (size_t) head[1] << 8 | (size_t) head[2] << 16 |
          (size_t) head[3] << 24;
  return input->size - *at < *size ? 0 : CHANNEL_FRAME_HEAD + *size;
}


/* All messages that are whole go; the rest moves to the front. */
static int send_whole(struct sender* sender,
                      enum channel_form form,
                      struct input* input) {
  struct batch batch = {.count = 0};
  size_t from = 0;
  size_t at = 0;
  size_t size = 0;
  int code = 0;

  while (code == 0 && sender->left > 0) {
    size_t taken = form == FORM_FRAMED ? next_frame(input, from, &at, &size)
                                       : next_line(input, from, &at, &size);
    if (taken == 0) break;
    char* message = input->bytes + at;
    code = form == FORM_FRAMED ? batch_add(sender, &batch, message, size, NULL)
                               : send_line(sender, form, &batch, message, size);
    from += taken;
  }
  if (code == 0) code = batch_send(sender, &batch);
  batch_clear(&batch);
  memmove(input->bytes, input->bytes + from, input->size - from);
  input->size -= from;
  return code;
}


static int send_messages(struct sender* sender, enum channel_form form) {
  struct input input = {NULL, 0, 0, false};
  int code = 0;
  while (code == 0 && sender->left > 0 && !input.ended) {
    if (input.room - input.size < CHUNK) {
      input.room = input.room * 2 + CHUNK;
      input.bytes = text_resize(input.bytes, input.room);
    }
    int count = plumbing_read(input.bytes + input.size, CHUNK);
    if (count < 0) code = no_input(count);
    if (count > 0) input.size += (size_t) count;
    input.ended = count == 0;
    if (code == 0) code = send_whole(sender, form, &input);
  }
  if (code == 0 && sender->left > 0 && input.size > 0)
    code = report_as(EXIT_USAGE, "stdin ends in the middle of a message");
  free(input.bytes);
  return code;
}

/* ---- the end ------------------------------------------------------------- */

/* A channel known by its name alone ends with its last user, and what nobody
 * has read with it: so stay until all was read. In a segment it stays. A topic
 * is for those who are there. */
static bool stays(const struct sender* sender) {
  if (sender->place.kind == UVSHM_CHANNEL_TOPIC)
    return sender->args->given[OPT_LOSSLESS];
  return sender->place.segment == NULL;
}


static int drain(const struct sender* sender) {
  uint64_t began = uv_hrtime() / 1000000;
  unsigned int pause = LOOK_FIRST_MS;
  bool had_reader = false;
  for (;;) {
    uvshm_channel_info_t info;
    int err = uvshm_channel_info(sender->place.channel, &info);
    if (stop_came()) return EXIT_FAILED;
    if (err < 0) return report(err);
    had_reader = had_reader || info.readers > 0 || info.received > 0;
    /* Nothing at all is something to be told, too. */
    if (info.depth == 0 && (had_reader || info.kind != UVSHM_CHANNEL_STREAM))
      return EXIT_OK;
    /* A queue's next reader may still come. */
    if (had_reader && info.readers == 0 && info.kind != UVSHM_CHANNEL_QUEUE)
      return failed(UV_EPIPE);
    if (info.readers == 0 &&
        uv_hrtime() / 1000000 - began >= channel_patience(sender->args))
      return report_as(EXIT_TIMEOUT, "nobody came to read it");
    uv_sleep(pause);
    pause = pause < LOOK_LAST_MS ? pause * 2 : LOOK_LAST_MS;
  }
}


int cmd_send(const struct args* args) {
  struct sender sender = {.args = args};
  enum channel_form form;
  uint32_t flags = UVSHM_WRITER;
  int code = channel_form(args, &form);
  /* Readers of a queue come and go. */
  if (args->number[OPT_KIND] == UVSHM_CHANNEL_QUEUE)
    flags |= UVSHM_CHANNEL_AWAIT;
  stop_begin();
  if (code == 0) code = channel_open(args, flags, "uvshm send", &sender.place);
  if (code != 0) return stop_end(code);

  sender.patience_ms = channel_patience(args);
  sender.left = channel_count(args);
  channel_meter_init(&sender.meter, true);
  sender.meter.total = form == FORM_BYTES ? plumbing_left() : 0;
  plumbing_widen(0);
  code =
      form == FORM_BYTES ? send_bytes(&sender) : send_messages(&sender, form);
  if (code == EXIT_OK && stays(&sender)) code = drain(&sender);
  channel_meter_end(&sender.meter, "sent");
  code = stop_end(code);
  channel_close(&sender.place);
  return code;
}
