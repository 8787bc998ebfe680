/* SPDX-License-Identifier: MIT */

/* Takes the report that writer.c puts into shared memory. */

#include "report.h"

#include <stdio.h>
#include <uvshm.h>

#define PATIENCE_MS 10000

static int die(int err) {
  fprintf(stderr, "reader: %s\n", uvshm_strerror(err));
  return 1;
}


static void show(const struct report* report) {
  printf("reader: station %lld, %d: %.64s\n",
         (long long) report->station,
         (int) report->year,
         report->text);
  for (uint32_t i = 0; i < report->count && i < 8; i++)
    printf("reader: sample %u is %.2f\n", (unsigned) i, report->samples[i]);
  printf("reader: the mean is %.3f\n", report->mean);
}


int main(void) {
  uvshm_region_t* region;
  uvshm_mutex_t* lock;
  uvshm_sem_t* ready;
  uvshm_sem_t* taken;
  uvshm_region_options_t options = {.flags = UVSHM_CREATE,
                                    .size = sizeof(struct report)};
  struct report report;
  int err;

  /* The same lines as in writer.c: neither needs to be first. */
  if ((err = uvshm_region_open(&region, "report", &options)) < 0 ||
      (err = uvshm_mutex_open(&lock, NULL, "report.lock", NULL)) < 0 ||
      (err = uvshm_sem_open(&ready, NULL, "report.ready", NULL)) < 0 ||
      (err = uvshm_sem_open(&taken, NULL, "report.taken", NULL)) < 0)
    return die(err);

  if ((err = uvshm_sem_wait(ready, PATIENCE_MS)) < 0) return die(err);
  if ((err = uvshm_mutex_lock(lock, PATIENCE_MS)) < 0) return die(err);
  report = *(const struct report*) uvshm_region_base(region);
  uvshm_mutex_unlock(lock);
  show(&report);

  if ((err = uvshm_sem_post(taken, 1)) < 0) return die(err);
  uvshm_sem_close(taken);
  uvshm_sem_close(ready);
  uvshm_mutex_close(lock);
  uvshm_region_close(region);
  return 0;
}
