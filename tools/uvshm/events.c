/* SPDX-License-Identifier: MIT */

#include "events.h"
#include "maps.h"
#include "names.h"
#include "out.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>

#include <uv.h>


static void add_number(json_t* object, const char* name, uint64_t value) {
  json_object_set_new(object, name, json_integer((json_int_t) value));
}


static void print_json(const struct event* event) {
  uv_timeval64_t now;
  json_t* line = json_object();
  if (uv_gettimeofday(&now) == 0)
    add_number(line,
               "time_ms",
               (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_usec / 1000);
  json_object_set_new(line, "kind", json_string(event->kind));
  if (event->name[0] != '\0')
    json_object_set_new(line, "name", json_text(event->name));
  json_object_set_new(line, "event", json_string(event->what));
  if (event->has_count) add_number(line, "count", event->count);
  if (event->peer != NULL) {
    add_number(line, "pid", event->peer->pid);
    json_object_set_new(line, "label", json_text(event->peer->label));
  }
  if (event->message != NULL) {
    add_number(line, "sequence", event->message->sequence);
    map_json_set(line, "data", event->message->bytes, event->message->size);
  }
  map_json_line(line);
}


/* peer     attached  pid 812 (spooler)
 * stock    changed   3 times */
static void print_line(const struct event* event) {
  char* name = text_escape(event->name[0] != '\0' ? event->name : event->kind);
  print("%s%s%s %s",
        out_style(OUT_BOLD),
        name,
        out_style(OUT_PLAIN),
        event->what);
  free(name);
  if (event->has_count && event->count != 1)
    print(" %" PRIu64 " times", event->count);
  if (event->peer != NULL) {
    char* label = text_escape(event->peer->label);
    print(", pid %" PRIu32, event->peer->pid);
    if (label[0] != '\0') print(" (%s)", label);
    free(label);
  }
  if (event->message != NULL) {
    char* text = text_escape_bytes(event->message->bytes, event->message->size);
    print(" %" PRIu64 ": %s", event->message->sequence, text);
    free(text);
  }
  print("\n");
}


void event_print(const struct args* args, const struct event* event) {
  if (args->given[OPT_JSON])
    print_json(event);
  else
    print_line(event);
}
