/* SPDX-License-Identifier: MIT */

/* One event as a line, for eyes or as JSON. */

#ifndef UVSHM_TOOL_EVENTS_H_
#define UVSHM_TOOL_EVENTS_H_

#include "args.h"

#include <stdbool.h>
#include <stdint.h>

#include <uvshm.h>

struct event {
  const char* kind; /* "map" */
  const char* name;
  const char* what; /* "changed" */
  bool has_count;
  uint64_t count;                 /* of changes, values or messages */
  const uvshm_peer_info_t* peer;  /* may be NULL */
  const uvshm_message_t* message; /* may be NULL */
};

void event_print(const struct args* args, const struct event* event);

#endif /* UVSHM_TOOL_EVENTS_H_ */
