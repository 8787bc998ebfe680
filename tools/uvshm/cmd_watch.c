/* SPDX-License-Identifier: MIT */

/* uvshm watch: what happens, as lines, from a libuv loop that sleeps meanwhile.
 *
 * Of a segment its peers are watched, and each map and cell that is there when
 * the command begins. A channel that is no topic gives each message to one
 * reader, who shall not be us: so its numbers are looked at now and then.
 */

#include "commands.h"
#include "events.h"
#include "names.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>
#include <uvshm.h>
#include <uvshm/watch.h>

#define LOOK_MS 200
#define BATCH 64u

/* One object that is watched. */
struct item {
  struct item* next;
  struct session* session;
  uvshm_watch_t watch;
  char* name;
  const char* kind;
  uvshm_map_t* map; /* one of these */
  uvshm_cell_t* cell;
  uvshm_channel_t* channel;
  uint64_t seen; /* changes or messages that were told */
};

struct session {
  const struct args* args;
  uv_loop_t loop;
  struct signals signals;
  uv_timer_t patience;
  uv_timer_t look;
  uvshm_segment_t* segment;
  struct item* items;
  uint64_t left; /* events that are still wanted */
  int code;
};


/* One more event was told. */
static void told(struct session* session) {
  out_flush();
  if (session->left > 0) session->left--;
  if (session->left == 0 || !out_is_good()) uv_stop(&session->loop);
  if (session->args->given[OPT_WAIT]) uv_timer_again(&session->patience);
}


static void stop(struct session* session, int code) {
  session->code = code;
  uv_stop(&session->loop);
}


/* A watch has ended by itself. */
static void ended(struct item* item, int status) {
  struct session* session = item->session;
  if (status != UV_ENXIO) {
    stop(session, report(status));
    return;
  }
  struct event event = {.kind = item->kind, .name = item->name};
  event.what = "removed";
  event_print(session->args, &event);
  told(session);
  stop(session, EXIT_OK);
}

/* ---- what happens -------------------------------------------------------- */

static void on_peer(uvshm_watch_t* watch,
                    int status,
                    const uvshm_peer_info_t* peer) {
  struct item* item = watch->data;
  if (status < 0) {
    ended(item, status);
    return;
  }
  struct event event = {.kind = "peer", .name = ""};
  event.what = status == UVSHM_WATCH_ATTACHED ? "attached"
               : status == UVSHM_WATCH_LEFT   ? "left"
                                              : "died";
  event.peer = peer;
  event_print(item->session->args, &event);
  told(item->session);
}


static void on_map(uvshm_watch_t* watch, int status) {
  struct item* item = watch->data;
  uvshm_map_info_t info;
  if (status >= 0) status = uvshm_map_info(item->map, &info);
  if (status < 0) {
    ended(item, status);
    return;
  }
  if (info.changes == item->seen) return;
  struct event event = {.kind = item->kind, .name = item->name};
  event.what = "changed";
  event.has_count = true;
  event.count = info.changes - item->seen;
  item->seen = info.changes;
  event_print(item->session->args, &event);
  told(item->session);
}


static void on_cell(uvshm_watch_t* watch, int status) {
  struct item* item = watch->data;
  uvshm_cell_info_t info;
  if (status >= 0) status = uvshm_cell_info(item->cell, &info);
  if (status < 0) {
    ended(item, status);
    return;
  }
  struct event event = {.kind = item->kind, .name = item->name};
  event.what = "written";
  event.has_count = true;
  event.count = info.version - item->seen;
  item->seen = info.version;
  event_print(item->session->args, &event);
  told(item->session);
}


static void on_message(uvshm_watch_t* watch, int status) {
  struct item* item = watch->data;
  struct session* session = item->session;
  uvshm_message_t messages[BATCH];
  size_t count = BATCH;
  if (status >= 0)
    status = uvshm_channel_peek_many(item->channel, messages, &count, 0);
  if (status == UV_EAGAIN || status == UV_ENOBUFS) return;
  if (status == UV_EOF || status == UV_ECONNRESET) {
    struct event event = {.kind = item->kind, .name = item->name};
    event.what = status == UV_EOF ? "writers left" : "writers died";
    event_print(session->args, &event);
    told(session);
    stop(session, EXIT_OK);
    return;
  }
  if (status < 0) {
    ended(item, status);
    return;
  }
  for (size_t i = 0; i < count && session->left > 0; i++) {
    struct event event = {.kind = item->kind, .name = item->name};
    event.what = "message";
    event.message = &messages[i];
    event_print(session->args, &event);
    told(session);
  }
  (void) !uvshm_channel_release_many(item->channel, messages, count);
}


/* Of a channel whose messages are not for us. */
static void on_look(uv_timer_t* timer) {
  struct session* session = timer->data;
  for (struct item* item = session->items; item != NULL; item = item->next) {
    uvshm_channel_info_t info;
    if (item->channel == NULL || uvshm_watch_active(&item->watch)) continue;
    int err = uvshm_channel_info(item->channel, &info);
    if (err < 0) {
      ended(item, err);
      return;
    }
    if (info.sent == item->seen) continue;
    struct event event = {.kind = item->kind, .name = item->name};
    event.what = "sent";
    event.has_count = true;
    event.count = info.sent - item->seen;
    item->seen = info.sent;
    event_print(session->args, &event);
    told(session);
  }
}


static void on_patience(uv_timer_t* timer) {
  stop(timer->data, EXIT_TIMEOUT);
}


static void on_signal(uv_signal_t* handle, int signal) {
  stop(handle->data, 128 + signal);
}

/* ---- what is watched ----------------------------------------------------- */

static struct item* item_new(struct session* session,
                             const char* kind,
                             const char* name) {
  struct item* item = text_alloc(sizeof *item);
  memset(item, 0, sizeof *item);
  item->session = session;
  item->kind = kind;
  item->name = text_copy(name);
  item->next = session->items;
  session->items = item;
  /* Fails for want of memory only, and so would all that follows. */
  if (uvshm_watch_init(&session->loop, &item->watch) < 0) abort();
  item->watch.data = item;
  return item;
}


static int watch_map(struct session* session, const char* name) {
  struct item* item = item_new(session, "map", name);
  uvshm_map_options_t options = {.flags = UVSHM_EXISTING};
  uvshm_map_info_t info;
  int err = uvshm_map_open(&item->map, session->segment, name, &options);
  if (err >= 0) err = uvshm_map_info(item->map, &info);
  if (err >= 0) {
    item->seen = info.changes;
    err = uvshm_watch_start_map(&item->watch, item->map, NULL, 0, on_map);
  }
  return err;
}


/* In a segment a name is what it is; alone it may lie in a folder. */
static const char* place_of(const struct session* session, const char* name) {
  return session->segment == NULL ? names_at(name) : name;
}


static int watch_cell(struct session* session,
                      const char* name,
                      uint32_t flags) {
  struct item* item = item_new(session, "cell", name);
  uvshm_cell_options_t options = {.flags = UVSHM_EXISTING | flags};
  uvshm_cell_info_t info;
  int err = uvshm_cell_open(
      &item->cell, session->segment, place_of(session, name), &options);
  if (err >= 0) err = uvshm_cell_info(item->cell, &info);
  if (err >= 0) {
    item->seen = info.version;
    err = uvshm_watch_start_cell(&item->watch, item->cell, on_cell);
  }
  return err;
}


static int watch_channel(struct session* session,
                         const char* name,
                         uint32_t flags) {
  struct item* item = item_new(session, "channel", name);
  uvshm_channel_options_t options = {.flags = UVSHM_EXISTING | flags,
                                     .label = "uvshm watch"};
  uvshm_channel_info_t info;
  int err = uvshm_channel_open(
      &item->channel, session->segment, place_of(session, name), &options);
  if (err >= 0) err = uvshm_channel_info(item->channel, &info);
  if (err < 0) return err;
  item->seen = info.sent;
  if (info.kind != UVSHM_CHANNEL_TOPIC) {
    uv_timer_start(&session->look, on_look, LOOK_MS, LOOK_MS);
    return 0;
  }
  /* Opened to look so far, since only a topic has messages for everybody. */
  uvshm_channel_close(item->channel);
  item->channel = NULL;
  options.flags |= UVSHM_READER;
  err = uvshm_channel_open(
      &item->channel, session->segment, place_of(session, name), &options);
  return err < 0 ? err
                 : uvshm_watch_start_readable(
                       &item->watch, item->channel, on_message);
}


static int watch_object(struct session* session,
                        const char* type,
                        const char* name,
                        uint32_t flags) {
  if (strcmp(type, "map") == 0) return watch_map(session, name);
  if (strcmp(type, "cell") == 0) return watch_cell(session, name, flags);
  if (strcmp(type, "channel") == 0) return watch_channel(session, name, flags);
  return UV_ENOTSUP;
}


/* `only` NULL: peers, maps and cells; else the object of this name. */
static int watch_segment(struct session* session, const char* only) {
  uvshm_object_info_t info;
  uint32_t cursor = 0;
  int err = 0;
  if (only == NULL) {
    struct item* item =
        item_new(session, "segment", session->args->operands[0]);
    err = uvshm_watch_start_peers(&item->watch, session->segment, on_peer);
  }
  while (err >= 0 &&
         uvshm_segment_next(session->segment, &cursor, &info) >= 0) {
    bool wanted = only != NULL ? strcmp(info.name, only) == 0
                               : strcmp(info.type, "map") == 0 ||
                                     strcmp(info.type, "cell") == 0;
    if (!wanted) continue;
    err = watch_object(session, info.type, info.name, 0);
    if (only != NULL) return err;
  }
  return only != NULL && err >= 0 ? UV_ENOENT : err;
}


/* What kind of object has the name? */
static int find_kind(const char* name, uint32_t flags, uvshm_kind_t* kind) {
  uvshm_name_info_t* list;
  size_t count;
  int err = names_list(flags, &list, &count);
  if (err < 0) return err;
  err = UV_ENOENT;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(list[i].name, name) != 0) continue;
    *kind = list[i].kind;
    err = 0;
  }
  free(list);
  return err;
}


static int not_there(const char* name) {
  char* escaped = text_escape(name);
  int code = report_as(EXIT_NOT_FOUND, "there is no \"%s\"", escaped);
  free(escaped);
  return code;
}


static int cannot(const char* name, int err) {
  if (err == UV_ENOENT) return not_there(name);
  if (err != UV_ENOTSUP) return report(err);
  char* escaped = text_escape(name);
  int code = report_as(EXIT_FAILED,
                       "\"%s\" is nothing that can be watched: a segment, map, "
                       "cell or channel is",
                       escaped);
  free(escaped);
  return code;
}


static int begin(struct session* session) {
  const char* whole = session->args->operands[0];
  uint32_t flags = names_flags(session->args);
  uvshm_segment_options_t options = {.flags = flags, .label = "uvshm watch"};
  uvshm_kind_t kind = UVSHM_KIND_SEGMENT;
  char* name = text_copy(whole);
  char* slash = strrchr(name, '/');
  int err = 0;

  if (slash != NULL)
    *slash = '\0';
  else
    err = find_kind(name, flags, &kind);
  if (err == 0 && kind == UVSHM_KIND_SEGMENT) {
    err = uvshm_segment_open(&session->segment, names_at(name), &options);
    if (err >= 0)
      err = watch_segment(session, slash != NULL ? slash + 1 : NULL);
  } else if (err == 0) {
    err = watch_object(session, names_kind(kind), name, flags);
  }
  free(name);
  return err < 0 ? cannot(whole, err) : 0;
}

/* ---- begin and end ------------------------------------------------------- */

static void end(struct session* session) {
  for (struct item* item = session->items; item != NULL; item = item->next)
    uvshm_watch_close(&item->watch, NULL);
  uv_timer_stop(&session->look);
  uv_timer_stop(&session->patience);
  uv_run(&session->loop, UV_RUN_DEFAULT);
  while (session->items != NULL) {
    struct item* item = session->items;
    session->items = item->next;
    uvshm_map_close(item->map);
    uvshm_cell_close(item->cell);
    uvshm_channel_close(item->channel);
    free(item->name);
    free(item);
  }
  uvshm_segment_close(session->segment);
  loop_finish(&session->loop);
}


int cmd_watch(const struct args* args) {
  struct session session = {.args = args};
  uint64_t wait_ms = args->number[OPT_WAIT];
  session.left =
      args->given[OPT_MESSAGES] ? args->number[OPT_MESSAGES] : UINT64_MAX;
  uv_loop_init(&session.loop);
  signals_watch(&session.loop, &session.signals, on_signal, &session);
  uv_timer_init(&session.loop, &session.patience);
  uv_timer_init(&session.loop, &session.look);
  session.patience.data = &session;
  session.look.data = &session;

  int code = begin(&session);
  if (code == 0 && args->given[OPT_WAIT])
    uv_timer_start(&session.patience, on_patience, wait_ms, wait_ms);
  if (code == 0 && session.left > 0) uv_run(&session.loop, UV_RUN_DEFAULT);
  if (code == 0) code = session.code;
  end(&session);
  return code;
}
