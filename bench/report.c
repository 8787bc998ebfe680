/* SPDX-License-Identifier: MIT */

/* A table for people, and the same rows as JSON for programs. `ratio` is the
 * median of the ratios of the pairs, ours / theirs, in the row's unit: below 1
 * is good for times, above 1 for rates. */

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between the two placements that are seen on virtual machines, 60 to 110 and
 * 310 to 500 ns. */
#define NEAR_NS 200.0

static FILE* file;
static const char* file_name;
static unsigned int rows;


static int by_size(const void* a, const void* b) {
  double x = *(const double*) a;
  double y = *(const double*) b;

  return x < y ? -1 : x > y;
}


/* Sorts; the middle one, or the mean of the two in the middle. */
static double median(double* values, size_t count) {
  qsort(values, count, sizeof(*values), by_size);
  if (count % 2 == 1) return values[count / 2];
  return (values[count / 2 - 1] + values[count / 2]) / 2;
}


static const char* class_of(double ns) {
  if (ns <= 0) return "one processor";
  return ns < NEAR_NS ? "near" : "far";
}


void bench_report_begin(const char* json) {
  file_name = json;
  if (json != NULL) {
    file = fopen(json, "w");
    if (file == NULL) {
      perror(json);
      exit(1);
    }
    fprintf(file, "[");
  }
  printf("%-34s %-15s %10s %10s %-9s %7s  %s\n",
         "measurement",
         "against",
         "uvshm",
         "theirs",
         "unit",
         "ratio",
         "cache line there and back");
}


void bench_report(const struct bench_row* row) {
  double* ratios = calloc(row->pairs, sizeof(*ratios));
  double ours;
  double theirs;
  double ratio;
  double line;
  size_t i;

  if (ratios == NULL) abort();
  for (i = 0; i < row->pairs; i++) ratios[i] = row->ours[i] / row->theirs[i];
  ratio = median(ratios, row->pairs);
  ours = median(row->ours, row->pairs);
  theirs = median(row->theirs, row->pairs);
  line = median(row->calibration_ns, row->pairs);
  printf("%-34s %-15s %10.4g %10.4g %-9s %7.3f  %.0f ns, %s%s\n",
         row->name,
         row->against,
         ours,
         theirs,
         row->unit,
         ratio,
         line,
         class_of(line),
         row->disturbed != 0 ? ", disturbed" : "");
  fflush(stdout);
  if (file != NULL)
    fprintf(file,
            "%s\n  {\"name\": \"%s\", \"unit\": \"%s\", \"median\": %.6g, "
            "\"min\": %.6g, \"max\": %.6g, \"calibration_ns\": %.4g, "
            "\"against\": \"%s\", \"ratio\": %.4g, \"theirs\": %.6g, "
            "\"ratio_min\": %.4g, \"ratio_max\": %.4g, \"pairs\": %u, "
            "\"disturbed\": %u, \"class\": \"%s\"}",
            rows == 0 ? "" : ",",
            row->name,
            row->unit,
            ours,
            row->ours[0],
            row->ours[row->pairs - 1],
            line,
            row->against,
            ratio,
            theirs,
            ratios[0],
            ratios[row->pairs - 1],
            (unsigned int) row->pairs,
            (unsigned int) row->disturbed,
            class_of(line));
  rows++;
  free(ratios);
}


int bench_report_end(void) {
  if (file == NULL) return 0;
  fprintf(file, "\n]\n");
  if (ferror(file) != 0 || fclose(file) != 0) {
    perror(file_name);
    return 1;
  }
  printf("%u rows in %s\n", rows, file_name);
  return 0;
}
