/* SPDX-License-Identifier: MIT */

/* What the parts of `uvshm demo` share; and the names of a demonstration of a
 * death, with the objects behind them.
 *
 * All names begin with one that has a random part, so that any number of
 * demonstrations can run at once. Nothing needs to be removed at the end: the
 * objects live until their last user is gone.
 */

#ifndef UVSHM_TOOL_DEMO_H_
#define UVSHM_TOOL_DEMO_H_

#include "args.h"
#include "out.h"

#include <stdint.h>

#include <uv.h>
#include <uvshm.h>

#define DEMO_SIZE 4096u

/* No side of a demonstration waits longer than this for the other. */
#define DEMO_PATIENCE_MS 10000u

/* The region. Fixed widths, because the other side may be a program of another
 * size. All of it is written and read under the mutex. */
struct demo_board {
  uint64_t left; /* both are equal, but within a change */
  uint64_t right;
  uint64_t told_ns; /* when the heir had the mutex */
};

struct demo {
  char* name;
  char* lock_name;
  uvshm_region_t* region;
  uvshm_mutex_t* lock;
  struct demo_board* board;
};

/* Make all of it, under a new name. 0 or a UV_E code; the library knows why. */
int demo_make(struct demo* demo);

/* Open what another process made. */
int demo_join(struct demo* demo, const char* name, const char* label);

void demo_close(struct demo* demo);

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

/* "demo-1f3a", new memory. */
char* demo_name(void);

/* "region   demo-1f3a": a line of what a demonstration tells. */
void demo_line(const char* label, const char* format, ...) OUT_PRINTF(2, 3);

#endif /* UVSHM_TOOL_DEMO_H_ */
