/* SPDX-License-Identifier: MIT */

/* Results as a table with a plot, and as JSON. The axis of the plot is
 * logarithmic, because what is measured spans five decades:
 *
 *   |      --o---   |
 *
 * is the least, the median and the most of the rounds.
 */

#include "bench.h"
#include "names.h"
#include "out.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define NAME_WIDTH 36
#define TIME_WIDTH 8
#define PLOT_MAX 48
#define PLOT_MIN 18
#define NOISY 0.2 /* spread of the calibration loop from which it is told */


void bench_time(char* text, double ns) {
  if (ns < 9.95)
    snprintf(text, TEXT_SIZE_ROOM, "%.1f ns", ns);
  else if (ns < 999.5)
    snprintf(text, TEXT_SIZE_ROOM, "%.0f ns", ns);
  else if (ns < 9950)
    snprintf(text, TEXT_SIZE_ROOM, "%.1f us", ns / 1e3);
  else if (ns < 999500)
    snprintf(text, TEXT_SIZE_ROOM, "%.0f us", ns / 1e3);
  else
    snprintf(text, TEXT_SIZE_ROOM, "%.1f ms", ns / 1e6);
}


/* Digit by digit: squaring a number doubles its logarithm, so what is 10 or
 * more then has the next binary digit. */
static double log_ten(double number) {
  double result = 0;
  double digit = 1;
  for (int i = 0; i < 20 && number >= 10; i++) {
    number /= 10;
    result++;
  }
  for (int i = 0; i < 11; i++) {
    digit /= 2;
    number *= number;
    if (number < 10) continue;
    number /= 10;
    result += digit;
  }
  return result;
}


double bench_place_of(double ns) {
  double place = ns > 1 ? log_ten(ns) / BENCH_DECADES : 0;
  return place < 1 ? place : 1;
}


void bench_tell_progress(uint64_t done, uint64_t all, uint64_t began_ns) {
  double seconds = (double) (uv_hrtime() - began_ns) / 1e9;
  if (done == 0) return;
  say("\r\033[K%.0f %%, %.0f s left",
      100.0 * (double) done / (double) all,
      seconds / (double) done * (double) (all - done));
}

/* ---- for people ---------------------------------------------------------- */

static double copy_rate(const struct bench_calibration* found) {
  return found->copy_ns > 0 ? (1 << 20) / (found->copy_ns / 1e9) : 0;
}


void bench_tell_calibration(const struct bench_calibration* found) {
  char copy[TEXT_SIZE_ROOM];
  char step[TEXT_SIZE_ROOM];
  bool noisy = found->spread > NOISY;
  text_rate(copy, copy_rate(found));
  bench_time(step, found->loop_ns);
  print("machine  %s, %u x %s\n",
        found->system,
        found->processors,
        found->processor);
  print("clock    %.0f ns to read it\n", found->clock_ns);
  print("loop     %s for 1000 steps, spread %s%.0f %%%s\n",
        step,
        out_style(noisy ? OUT_YELLOW : OUT_PLAIN),
        100 * found->spread,
        out_style(OUT_PLAIN));
  print("copy     %s/s, 1M at a time\n", copy);
  if (noisy)
    print(
        "%sThis machine is busy: believe the least more than the "
        "median.%s\n",
        out_style(OUT_YELLOW),
        out_style(OUT_PLAIN));
}


static int plot_width(void) {
  int width = out_width() > 0 ? out_width() : 100;
  width -= NAME_WIDTH + 2 * TIME_WIDTH + 8;
  return width > PLOT_MAX ? PLOT_MAX : width;
}


static void plot(const struct bench_result* result, int width) {
  char line[PLOT_MAX + 1];
  int last = width - 1;
  int low = (int) (bench_place_of(result->ns[0]) * last + 0.5);
  int high =
      (int) (bench_place_of(result->ns[result->rounds - 1]) * last + 0.5);
  int middle = (int) (bench_place_of(bench_median(result)) * last + 0.5);
  for (int i = 0; i < width; i++) {
    bool grid = i * BENCH_DECADES % last < BENCH_DECADES;
    line[i] = i >= low && i <= high ? '-' : grid ? '.' : ' ';
  }
  line[middle] = 'o';
  line[width] = '\0';
  print("  %s", line);
}


/* 1ns, 10ns ... where the dots of the rows are. */
static void print_axis(int width) {
  static const char* const marks[BENCH_DECADES + 1] = {
      "1ns", "10ns", "100ns", "1us", "10us", "100us", "1ms"};
  char line[PLOT_MAX + 8];
  memset(line, ' ', sizeof line);
  for (int i = 0; i <= BENCH_DECADES; i++) {
    int at = (i * (width - 1) + BENCH_DECADES - 1) / BENCH_DECADES;
    int size = (int) strlen(marks[i]);
    bool fits = i % 2 == 0 || (i < BENCH_DECADES - 1 && width >= 40);
    if (i == BENCH_DECADES) at = width - size;
    if (fits) memcpy(line + at, marks[i], (size_t) size);
  }
  line[width] = '\0';
  print("  %s%s%s", out_style(OUT_DIM), line, out_style(OUT_PLAIN));
}


static void print_group(const char* group, int width) {
  print("\n%s%-*s%s%s%*s  %*s%s",
        out_style(OUT_BOLD),
        NAME_WIDTH,
        group,
        out_style(OUT_PLAIN),
        out_style(OUT_DIM),
        TIME_WIDTH,
        "median",
        TIME_WIDTH,
        "least",
        out_style(OUT_PLAIN));
  if (width >= PLOT_MIN) print_axis(width);
  print("\n");
}


static void print_result(const struct bench_result* result, int width) {
  char median[TEXT_SIZE_ROOM];
  char least[TEXT_SIZE_ROOM];
  char rate[TEXT_SIZE_ROOM];
  double ns = bench_median(result);
  bench_time(median, ns);
  bench_time(least, result->ns[0]);
  print("%s%-*s%s%*s  %*s",
        out_style(result->what->comparison ? OUT_DIM : OUT_PLAIN),
        NAME_WIDTH,
        result->what->name,
        out_style(OUT_PLAIN),
        TIME_WIDTH,
        median,
        TIME_WIDTH,
        least);
  if (width >= PLOT_MIN) plot(result, width);
  if (result->what->bytes >= 4096 && ns > 0) {
    text_rate(rate, (double) result->what->bytes / (ns / 1e9));
    print("  %s/s", rate);
  }
  print("\n");
}


void bench_tell(const struct bench_result* results, int count) {
  int width = plot_width();
  const char* group = "";
  for (int i = 0; i < count; i++) {
    if (strcmp(results[i].what->group, group) != 0) {
      group = results[i].what->group;
      print_group(group, width);
    }
    print_result(&results[i], width);
  }
  if (count > 0)
    print(
        "\n%sEach is the median of %d rounds that took turns. uvshm bench "
        "--help tells more.%s\n",
        out_style(OUT_DIM),
        results[0].rounds,
        out_style(OUT_PLAIN));
}

/* ---- JSON ---------------------------------------------------------------- */

static json_t* result_json(const struct bench_result* result) {
  json_t* entry = json_object();
  json_t* rounds = json_array();
  const struct bench_case* what = result->what;
  for (int i = 0; i < result->rounds; i++)
    json_array_append_new(rounds, json_real(result->ns[i]));
  json_object_set_new(entry, "group", json_string(what->group));
  json_object_set_new(entry, "id", json_string(what->id));
  json_object_set_new(entry, "name", json_string(what->name));
  json_object_set_new(entry, "comparison", json_boolean(what->comparison));
  json_object_set_new(entry, "bytes", json_integer((json_int_t) what->bytes));
  json_object_set_new(entry, "count", json_integer((json_int_t) result->count));
  json_object_set_new(entry, "median_ns", json_real(bench_median(result)));
  json_object_set_new(entry, "least_ns", json_real(result->ns[0]));
  json_object_set_new(
      entry, "most_ns", json_real(result->ns[result->rounds - 1]));
  json_object_set_new(entry, "rounds_ns", rounds);
  return entry;
}


void bench_tell_json(const struct bench_calibration* found,
                     const struct bench_result* results,
                     int count) {
  json_t* document = json_document();
  json_t* machine = json_object();
  json_t* list = json_array();
  json_object_set_new(machine, "system", json_text(found->system));
  json_object_set_new(machine, "processor", json_text(found->processor));
  json_object_set_new(machine, "processors", json_integer(found->processors));
  json_object_set_new(machine, "clock_ns", json_real(found->clock_ns));
  json_object_set_new(machine, "loop_ns", json_real(found->loop_ns));
  json_object_set_new(machine, "loop_spread", json_real(found->spread));
  json_object_set_new(
      machine, "copy_bytes_per_second", json_real(copy_rate(found)));
  json_object_set_new(document, "machine", machine);
  for (int i = 0; i < count; i++)
    json_array_append_new(list, result_json(&results[i]));
  json_object_set_new(document, "results", list);
  json_print(document);
}
