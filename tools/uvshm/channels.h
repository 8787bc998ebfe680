/* SPDX-License-Identifier: MIT */

/* What send and recv have in common: opening CHANNEL or SEGMENT/CHANNEL, and
 * how messages look in stdin and stdout. */

#ifndef UVSHM_TOOL_CHANNELS_H_
#define UVSHM_TOOL_CHANNELS_H_

#include "args.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uvshm.h>

/* How messages follow each other in stdin or stdout. */
enum channel_form {
  FORM_BYTES,  /* one behind the other: a stream of bytes */
  FORM_LINES,  /* a line each */
  FORM_FRAMED, /* 4 bytes with its size, the lowest first, then the message */
  FORM_HEX,    /* a line of hexadecimal digits each */
  FORM_BASE64, /* a line of base64 each */
  FORM_JSON    /* a line of JSON each */
};

struct channel_place {
  uvshm_segment_t* segment; /* NULL: known by its name alone */
  uvshm_channel_t* channel;
  uint64_t size_max;
  uint32_t kind; /* UVSHM_CHANNEL_... */
};

#define CHANNEL_FRAME_HEAD 4u

/* 0, or EXIT_USAGE after saying that two were chosen. */
int channel_form(const struct args* args, enum channel_form* form);

/* Open the channel that the first operand names, made if it is not there as the
 * options say, and take the end UVSHM_WRITER or UVSHM_READER (with more flags).
 * 0, or an exit code after saying why. */
int channel_open(const struct args* args,
                 uint32_t flags,
                 const char* label,
                 struct channel_place* place);
void channel_close(struct channel_place* place);

/* How long a call may wait, as --wait says. */
uint64_t channel_patience(const struct args* args);

/* How many messages, as -n says. */
uint64_t channel_count(const struct args* args);

/* ---- progress ------------------------------------------------------------ */

struct channel_meter {
  uint64_t messages;
  uint64_t bytes;
  uint64_t total; /* bytes; 0: not known */
  uint64_t started_ns;
  uint64_t shown_ns;
  bool shows;
};

void channel_meter_init(struct channel_meter* meter, bool shows);

/* So much has gone through; shown now and then. */
void channel_meter_add(struct channel_meter* meter,
                       uint64_t messages,
                       uint64_t bytes);

/* How long to wait for the other side now, of `patience_ms` that began at
 * `began_ns`: all that is left, or less, so that the bar goes on. And: go on
 * waiting? Shows the bar meanwhile. */
uint64_t channel_meter_slice(const struct channel_meter* meter,
                             uint64_t patience_ms,
                             uint64_t began_ns);
bool channel_meter_waits(struct channel_meter* meter,
                         uint64_t patience_ms,
                         uint64_t began_ns);

/* Take it away; say what it was in the end ("sent"). */
void channel_meter_end(struct channel_meter* meter, const char* verb);

#endif /* UVSHM_TOOL_CHANNELS_H_ */
