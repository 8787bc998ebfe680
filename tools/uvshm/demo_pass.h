/* SPDX-License-Identifier: MIT */

/* Two processes and what is between them: a channel of kind stream, or, to
 * compare, a pipe or a Unix-domain socket. What each of the two has done so far
 * is in a cell, which the parent reads whenever it likes and nobody waits for.
 */

#ifndef UVSHM_TOOL_DEMO_PASS_H_
#define UVSHM_TOOL_DEMO_PASS_H_

#include <stdbool.h>
#include <stdint.h>

#include <uvshm.h>

/* The largest message; the room for messages; and what is passed in a race. */
#define PASS_CHUNK 131072u
#define PASS_ROOM (1u << 20)
#define PASS_RACE (128u << 20)

/* What the file, or the noise of a race, goes through. */
enum pass_way {
  PASS_FILE,    /* a file through a channel, with its checksum */
  PASS_CHANNEL, /* noise, through a channel */
  PASS_PIPE,    /* the same through stdin and stdout */
  PASS_SOCKET,
  PASS_WAYS
};

/* The word of it on a command line. */
const char* pass_way_name(enum pass_way way);
bool pass_way_of(const char* name, enum pass_way* way);

/* A value of the cells. Fixed widths: the other side may be a program of
 * another size. */
struct pass_tally {
  uint64_t bytes;
  uint64_t started_ns; /* uv_hrtime(), the same clock for all */
  uint64_t ended_ns;
  uint64_t sum;
};

struct pass_place {
  uvshm_channel_t* channel; /* NULL: not needed for this way */
  uvshm_cell_t* sent;
  uvshm_cell_t* received;
};

/* Open what belongs to `name`; `flags` UVSHM_EXCLUSIVE: make it; UVSHM_READER
 * or UVSHM_WRITER take an end of the channel. 0 or a UV_E code. */
int pass_open(struct pass_place* place,
              const char* name,
              enum pass_way way,
              uint32_t flags,
              const char* label);
void pass_close(struct pass_place* place);

/* The tally as it is now; zeros when there is none yet. */
int pass_read(uvshm_cell_t* cell, struct pass_tally* tally);

#endif /* UVSHM_TOOL_DEMO_PASS_H_ */
