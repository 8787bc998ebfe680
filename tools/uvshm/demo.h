/* SPDX-License-Identifier: MIT */

/* What the parts of `uvshm demo` share: the names of one demonstration and the
 * objects behind them.
 *
 * All names begin with the region's, which has a random part, so that any
 * number of demonstrations can run at once. Nothing needs to be removed at the
 * end: the objects live until their last user is gone.
 */

#ifndef UVSHM_TOOL_DEMO_H_
#define UVSHM_TOOL_DEMO_H_

#include "args.h"
#include "out.h"

#include <stdint.h>

#include <uv.h>
#include <uvshm.h>

#define DEMO_BUFFERS 4u
#define DEMO_BUFFER_SIZE 262144u
#define DEMO_BOARD_SIZE 4096u
#define DEMO_SIZE (DEMO_BOARD_SIZE + DEMO_BUFFERS * DEMO_BUFFER_SIZE)

/* No side of a demonstration waits longer than this for the other. */
#define DEMO_PATIENCE_MS 10000u

/* The beginning of the region; the buffers follow. Fixed widths, because the
 * other side may be a program of another size. All of it is written and read
 * under the mutex. */
struct demo_board {
  uint64_t sent; /* bytes */
  uint64_t received;
  uint64_t started_ns; /* uv_hrtime(), the same clock for all */
  uint64_t ended_ns;
  uint64_t head;               /* buffers filled so far */
  uint64_t tail;               /* buffers emptied so far */
  uint32_t used[DEMO_BUFFERS]; /* bytes in each; 0: the end */
  uint32_t sent_sum;
  uint32_t received_sum;
  uint64_t left;    /* --kill: both are equal, but within a */
  uint64_t right;   /* change */
  uint64_t told_ns; /* when the heir had the mutex */
};

struct demo {
  char* name;
  char* lock_name;
  char* empty_name;
  char* full_name;
  uvshm_region_t* region;
  uvshm_mutex_t* lock;
  uvshm_sem_t* empty; /* buffers to fill */
  uvshm_sem_t* full;  /* buffers to read */
  struct demo_board* board;
};

/* Make all of it, under a new name. 0 or a UV_E code; the library knows why. */
int demo_make(struct demo* demo);

/* Open what another process made. */
int demo_join(struct demo* demo, const char* name, const char* label);

void demo_close(struct demo* demo);

/* The place of buffer number `i`, counted without end. */
char* demo_buffer(const struct demo* demo, uint64_t i);

/* What a demonstration of an owner's death found. */
struct demo_death {
  uint32_t holder_pid;
  uint32_t heir_pid;
  double ms;     /* from the kill to the heir's lock */
  int heir_code; /* 0: it was told, and repaired */
};

/* Start two processes, kill the one that holds the mutex, and see what the
 * other is told. `talk` 1: say what happens. An exit code. */
int demo_death(struct demo_death* death, int talk);

int demo_pass(const struct args* args);
int demo_kill(const struct args* args);
int demo_chat(const struct args* args);

/* "region   demo-1f3a": a line of what a demonstration tells. */
void demo_line(const char* label, const char* format, ...) OUT_PRINTF(2, 3);

#endif /* UVSHM_TOOL_DEMO_H_ */
