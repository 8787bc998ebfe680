/* SPDX-License-Identifier: MIT */

/* Puts a report into shared memory and waits until reader.c has taken it. Start
 * the two in any order, or both with spawn.c. */

#include "report.h"

#include <stdio.h>
#include <uvshm.h>

#define PATIENCE_MS 10000

static int die(int err) {
  fprintf(stderr, "writer: %s\n", uvshm_strerror(err));
  return 1;
}


static void fill(struct report* report) {
  report->station = 10384000000000001;
  report->year = 2024;
  report->count = 8;
  report->mean = 0;
  for (uint32_t i = 0; i < report->count; i++) {
    report->samples[i] = 11.5 + 0.25 * i;
    report->mean += report->samples[i] / report->count;
  }
  snprintf(report->text, sizeof report->text, "Berlin, a mild and dry week");
}


int main(void) {
  uvshm_region_t* region;
  uvshm_mutex_t* lock;
  uvshm_sem_t* ready;
  uvshm_sem_t* taken;
  uvshm_region_options_t options = {.flags = UVSHM_CREATE,
                                    .size = sizeof(struct report)};
  int err;

  /* Whoever comes first makes them; the last one out removes them. */
  if ((err = uvshm_region_open(&region, "report", &options)) < 0 ||
      (err = uvshm_mutex_open(&lock, NULL, "report.lock", NULL)) < 0 ||
      (err = uvshm_sem_open(&ready, NULL, "report.ready", NULL)) < 0 ||
      (err = uvshm_sem_open(&taken, NULL, "report.taken", NULL)) < 0)
    return die(err);

  /* A positive result, UVSHM_OWNER_DIED, is fine here: all is written anew. */
  if ((err = uvshm_mutex_lock(lock, PATIENCE_MS)) < 0) return die(err);
  fill(uvshm_region_base(region));
  uvshm_mutex_unlock(lock);

  if ((err = uvshm_sem_post(ready, 1)) < 0) return die(err);
  puts("writer: the report is there");
  if ((err = uvshm_sem_wait(taken, PATIENCE_MS)) < 0) return die(err);
  puts("writer: somebody has read it");

  uvshm_sem_close(taken);
  uvshm_sem_close(ready);
  uvshm_mutex_close(lock);
  uvshm_region_close(region);
  return 0;
}
