/* SPDX-License-Identifier: MIT */

/* Whoever comes first makes the channel. So both ends of a command line have
 * the same defaults, fit for a stream of bytes: large messages, written and
 * read in place, and room for some of them.
 */

#include "channels.h"
#include "names.h"
#include "out.h"
#include "progress.h"
#include "report.h"
#include "stop.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

/* Messages as large as what a cache of the second level takes well. */
#define STREAM_LARGEST 262144u
#define STREAM_CAPACITY (4u << 20)
#define OTHER_LARGEST 65536u
#define OTHER_CAPACITY (1u << 20)

#define SHOW_NS 100000000u


int channel_form(const struct args* args, enum channel_form* form) {
  static const enum option_id options[] = {
      OPT_LINES, OPT_FRAMED, OPT_HEX, OPT_BASE64, OPT_JSON};
  int found = 0;
  *form = FORM_BYTES;
  for (int i = 0; i < 5; i++) {
    if (!args->given[options[i]]) continue;
    *form = (enum channel_form)(FORM_LINES + i);
    found++;
  }
  if (found < 2) return 0;
  return report_usage(args->command,
                      "choose one of --lines, --framed, --hex, --base64, "
                      "--json");
}


uint64_t channel_patience(const struct args* args) {
  return args->given[OPT_WAIT] ? args->number[OPT_WAIT] : UVSHM_FOREVER;
}


uint64_t channel_count(const struct args* args) {
  return args->given[OPT_MESSAGES] ? args->number[OPT_MESSAGES] : UINT64_MAX;
}

/* ---- opening ------------------------------------------------------------- */

static void fill(const struct args* args, uvshm_channel_options_t* options) {
  bool stream = args->number[OPT_KIND] == 0 ||
                args->number[OPT_KIND] == UVSHM_CHANNEL_STREAM;
  options->flags |= (uint32_t) args->number[OPT_KIND];
  if (args->given[OPT_LOSSLESS]) options->flags |= UVSHM_CHANNEL_LOSSLESS;
  options->size_max = stream ? STREAM_LARGEST : OTHER_LARGEST;
  options->bytes = stream ? STREAM_CAPACITY : OTHER_CAPACITY;
  if (args->given[OPT_LARGEST]) options->size_max = args->number[OPT_LARGEST];
  if (args->given[OPT_CAPACITY]) options->bytes = args->number[OPT_CAPACITY];
  options->mode = (uint32_t) args->number[OPT_MODE];
  options->group = args->text[OPT_GROUP];
}


/* SEGMENT/CHANNEL: the segment must be there. */
static int open_segment(const struct args* args,
                        const char* label,
                        char* name,
                        struct channel_place* place,
                        const char** channel) {
  uvshm_segment_options_t options = {.flags = names_flags(args),
                                     .label = label};
  char* slash = strrchr(name, '/');
  *channel = name;
  if (slash == NULL) return 0;
  *slash = '\0';
  *channel = slash + 1;
  return uvshm_segment_open(&place->segment, names_at(name), &options);
}


static void cancel(void* channel) {
  uvshm_channel_cancel(channel);
}


int channel_open(const struct args* args,
                 uint32_t flags,
                 const char* label,
                 struct channel_place* place) {
  char* name = text_copy(args->operands[0]);
  const char* channel;
  uvshm_channel_options_t options = {.flags = flags, .label = label};
  uvshm_channel_info_t info;
  memset(place, 0, sizeof *place);

  int err = open_segment(args, label, name, place, &channel);
  if (err >= 0) {
    fill(args, &options);
    if (place->segment == NULL) {
      options.flags |= names_flags(args);
      channel = names_at(channel);
    }
    err =
        uvshm_channel_open(&place->channel, place->segment, channel, &options);
  }
  if (err >= 0) err = uvshm_channel_info(place->channel, &info);
  free(name);
  if (err < 0) {
    int code = report(err);
    channel_close(place);
    return code;
  }
  stop_cancels(cancel, place->channel);
  place->size_max = info.size_max;
  place->kind = info.kind;
  return 0;
}


void channel_close(struct channel_place* place) {
  uvshm_channel_close(place->channel);
  uvshm_segment_close(place->segment);
}

/* ---- progress ------------------------------------------------------------ */

void channel_meter_init(struct channel_meter* meter, bool shows) {
  memset(meter, 0, sizeof *meter);
  meter->shows = shows && err_is_terminal() && !args_quiet;
}


void channel_meter_add(struct channel_meter* meter,
                       uint64_t messages,
                       uint64_t bytes) {
  /* The time begins with the first message, not with the wait for it. */
  uint64_t now = uv_hrtime();
  if (meter->messages == 0) meter->started_ns = meter->shown_ns = now;
  meter->messages += messages;
  meter->bytes += bytes;
  if (!meter->shows || now - meter->shown_ns < SHOW_NS) return;
  meter->shown_ns = now;
  progress_show(meter->bytes, meter->total, meter->started_ns);
}


uint64_t channel_meter_slice(const struct channel_meter* meter,
                             uint64_t patience_ms,
                             uint64_t began_ns) {
  uint64_t waited_ms = (uv_hrtime() - began_ns) / 1000000;
  uint64_t left_ms = patience_ms;
  if (patience_ms != UVSHM_FOREVER)
    left_ms = waited_ms < patience_ms ? patience_ms - waited_ms : 0;
  if (!meter->shows || left_ms < SHOW_NS / 1000000) return left_ms;
  return SHOW_NS / 1000000;
}


bool channel_meter_waits(struct channel_meter* meter,
                         uint64_t patience_ms,
                         uint64_t began_ns) {
  if (channel_meter_slice(meter, patience_ms, began_ns) == 0) return false;
  if (meter->messages != 0) channel_meter_add(meter, 0, 0);
  return true;
}


void channel_meter_end(struct channel_meter* meter, const char* verb) {
  char size[TEXT_SIZE_ROOM];
  char rate[TEXT_SIZE_ROOM];
  double seconds = (double) (uv_hrtime() - meter->started_ns) / 1e9;
  progress_clear();
  if (meter->messages == 0) seconds = 0;
  text_rate(size, (double) meter->bytes);
  text_rate(rate, seconds > 0 ? (double) meter->bytes / seconds : 0);
  mention("%s %s, %" PRIu64 " messages, in %.1f s (%s/s)",
          verb,
          size,
          meter->messages,
          seconds,
          rate);
}
