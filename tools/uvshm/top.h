/* SPDX-License-Identifier: MIT */

/* The parts of `uvshm top`: a sample of what there is, what it says as rows of
 * a table, and the ways to show one sample after the other. */

#ifndef UVSHM_TOOL_TOP_H_
#define UVSHM_TOOL_TOP_H_

#include "args.h"
#include "inside.h"
#include "table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uvshm.h>

/* ---- top_sample.c: a look at everything ---------------------------------- */

struct top_object {
  uvshm_name_info_t info;
  bool looked; /* `inside` is filled */
  struct inside inside;
  double* rates; /* of each part: counts in a second; below 0: not known */
};

struct top_sample {
  uint64_t at_ns;   /* of uv_hrtime() */
  uint64_t at_ms;   /* Unix time */
  uint64_t span_ms; /* since the sample that rates are measured from; 0: none */
  struct top_object* objects;
  size_t count;
};

/* What the command line asks for. 0 or a UV_E code, nothing said. */
int top_take(struct top_sample* sample, const struct args* args);
void top_free(struct top_sample* sample);

/* Fill in the rates of `now`. */
void top_measure(struct top_sample* now, const struct top_sample* before);

/* The rates of all parts together; below 0: not known. */
double top_rate(const struct top_object* object);

/* A line of JSON. */
json_t* top_json(const struct top_sample* sample);

/* ---- top_order.c: by what they are sorted -------------------------------- */

enum top_order {
  TOP_BY_NAME,
  TOP_BY_KIND,
  TOP_BY_PEERS,
  TOP_BY_USED,
  TOP_BY_FILL,
  TOP_BY_DEPTH,
  TOP_BY_RATE,
  TOP_BY_WAITERS,
  TOP_ORDERS
};

struct top_view {
  enum top_order order;
  bool reverse;
  bool all_peers; /* not only the first ones of each segment */
};

extern const char* const top_order_names[TOP_ORDERS];

void top_sort(struct top_sample* sample, const struct top_view* view);

/* Of a part; of a whole segment how full it is, 0 to 1; of an object the bytes
 * that are used. */
double top_part_measure(const struct inside_part* part,
                        double rate,
                        enum top_order order);
double top_fill(const struct inside* inside);
uint64_t top_used(const struct top_object* object);

/* "4 objects, 3 peers, 1 lock held, 12M"; new memory. */
char* top_summary(const struct top_sample* sample);

/* ---- top_rows.c: what is shown ------------------------------------------- */

/* The rows; *rows is how many. For table_free(). */
struct table* top_table(const struct top_sample* sample,
                        const struct top_view* view,
                        int* rows);

/* ---- top_screen.c -------------------------------------------------------- */

struct top_run {
  const struct args* args;
  struct top_view view;
  uint64_t delay_ms;
  uint64_t left; /* samples to show */
};

/* On a terminal, with keys, until the user or a signal ends it. The exit
 * code. */
int top_screen(struct top_run* run);

/* The time until a first sample can have rates. */
#define TOP_FIRST_MS 250

#endif /* UVSHM_TOOL_TOP_H_ */
