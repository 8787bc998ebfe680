/* SPDX-License-Identifier: MIT */

/* uvshm bench: a short look at what the library costs on this machine.
 *
 * First a clock, a loop and a copy are measured, which say how fast and how
 * quiet the machine is. Then every case gets a round, and again, so that what
 * disturbs the machine for a while disturbs all of them alike; what is told is
 * the median of the rounds, with the least and the most beside it.
 */

#include "bench.h"
#include "commands.h"
#include "names.h"
#include "progress.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define ROUNDS 9
#define ROUND_NS 25000000.0 /* of one case */
#define FIRST_NS 2000000u   /* the least from which a count is reckoned */
#define COUNT_MAX 100000000u
#define COPY (1u << 20)

/* ---- calibration --------------------------------------------------------- */

static int by_size(const void* a, const void* b) {
  double left = *(const double*) a;
  double right = *(const double*) b;
  return (left > right) - (left < right);
}


double bench_median(const struct bench_result* result) {
  int middle = result->rounds / 2;
  if (result->rounds % 2 == 1) return result->ns[middle];
  return (result->ns[middle - 1] + result->ns[middle]) / 2;
}


/* A thousand steps, each of which needs the one before. */
static uint64_t steps(uint64_t seed) {
  for (int i = 0; i < 1000; i++)
    seed = seed * UINT64_C(6364136223846793005) + (uint64_t) i;
  return seed;
}


static void calibrate_loop(struct bench_calibration* found) {
  static volatile uint64_t sink;
  double ns[21];
  for (int i = 0; i < 21; i++) {
    uint64_t begin = uv_hrtime();
    for (int j = 0; j < 500; j++) sink = steps(sink + (uint64_t) j);
    ns[i] = (double) (uv_hrtime() - begin) / 500;
  }
  qsort(ns, 21, sizeof ns[0], by_size);
  found->loop_ns = ns[10];
  found->spread = (ns[19] - ns[1]) / ns[10];
}


static void calibrate_copy(struct bench_calibration* found, void* bytes) {
  double ns[11];
  for (int i = 0; i < 11; i++) {
    uint64_t begin = uv_hrtime();
    memmove(bytes, (char*) bytes + COPY, COPY);
    ns[i] = (double) (uv_hrtime() - begin);
  }
  qsort(ns, 11, sizeof ns[0], by_size);
  found->copy_ns = ns[5];
}


static void calibrate(struct bench_calibration* found) {
  uv_utsname_t system;
  uv_cpu_info_t* processors;
  int count;
  void* bytes = text_alloc(2 * COPY);
  memset(found, 0, sizeof *found);
  memset(bytes, 1, 2 * COPY);
  uint64_t begin = uv_hrtime();
  for (int i = 0; i < 20000; i++) (void) uv_hrtime();
  found->clock_ns = (double) (uv_hrtime() - begin) / 20001;
  calibrate_loop(found);
  calibrate_copy(found, bytes);
  free(bytes);

  if (uv_os_uname(&system) < 0) memset(&system, 0, sizeof system);
  found->system =
      text_format("%s %s %s", system.sysname, system.release, system.machine);
  found->processor = text_copy("unknown");
  if (uv_cpu_info(&processors, &count) < 0) return;
  found->processors = (unsigned int) count;
  if (count > 0 && processors[0].model != NULL) {
    free(found->processor);
    found->processor = text_escape(processors[0].model);
  }
  uv_free_cpu_info(processors, count);
}

/* ---- rounds -------------------------------------------------------------- */

static int round_of(struct bench* bench,
                    const struct bench_case* what,
                    uint64_t count,
                    uint64_t* ns) {
  if (what->begin != NULL) what->begin(bench);
  uint64_t begin = uv_hrtime();
  int err = what->run(bench, count);
  *ns = uv_hrtime() - begin;
  if (what->end != NULL) what->end(bench);
  uv_run(&bench->loop, UV_RUN_NOWAIT);
  if (err >= 0 && bench->interrupted != 0) err = UV_ECANCELED;
  return err;
}


/* So many operations that a round takes ROUND_NS; the first ones warm up. */
static int reckon(struct bench* bench, struct bench_result* result) {
  uint64_t ns = 0;
  uint64_t count = 1;
  for (;;) {
    int err = round_of(bench, result->what, count, &ns);
    if (err < 0) return err;
    if (ns >= FIRST_NS || count >= COUNT_MAX) break;
    count *= 2;
  }
  double wanted = ROUND_NS / (double) ns * (double) count;
  result->count = wanted < 1           ? 1
                  : wanted > COUNT_MAX ? COUNT_MAX
                                       : (uint64_t) wanted;
  return 0;
}


static int measure(struct bench* bench,
                   struct bench_result* results,
                   int count,
                   int rounds) {
  uint64_t begin = uv_hrtime();
  uint64_t all = (uint64_t) count * (uint64_t) (rounds + 1);
  int err = 0;
  for (int i = 0; i < count && err >= 0; i++) err = reckon(bench, &results[i]);
  for (int round = 0; round < rounds && err >= 0; round++) {
    for (int i = 0; i < count && err >= 0; i++) {
      uint64_t ns;
      err = round_of(bench, results[i].what, results[i].count, &ns);
      results[i].ns[round] = (double) ns / (double) results[i].count;
      results[i].rounds = round + 1;
    }
    if (!args_quiet && err_is_terminal())
      bench_tell_progress(
          (uint64_t) (round + 1) * (uint64_t) count, all, begin);
  }
  progress_clear();
  for (int i = 0; i < count; i++)
    qsort(results[i].ns, (size_t) results[i].rounds, sizeof(double), by_size);
  return err;
}

/* ---- the command --------------------------------------------------------- */

static void on_signal(uv_signal_t* signal, int number) {
  struct bench* bench = signal->data;
  bench->interrupted = number;
}


static int choose(const struct args* args, struct bench_result* results) {
  int count = 0;
  for (const struct bench_case* c = bench_cases; c->name != NULL; c++) {
    bool wanted = args->count == 0;
    for (int i = 0; i < args->count; i++)
      wanted = wanted || strcmp(args->operands[i], c->group) == 0;
    if (wanted) results[count++].what = c;
  }
  return count;
}


static int check_groups(const struct args* args) {
  for (int i = 0; i < args->count; i++) {
    bool known = false;
    for (const struct bench_case* c = bench_cases; c->name != NULL; c++)
      known = known || strcmp(args->operands[i], c->group) == 0;
    if (known) continue;
    char* name = text_escape(args->operands[i]);
    int code = report_usage(args->command,
                            "\"%s\" is not measured: lock, map, channel and "
                            "segment are",
                            name);
    free(name);
    return code;
  }
  return 0;
}


static int report_all(const struct args* args,
                      const struct bench_calibration* found,
                      const struct bench_result* results,
                      int count) {
  if (args->given[OPT_JSON])
    bench_tell_json(found, results, count);
  else
    bench_tell(results, count);
  if (!args->given[OPT_SVG]) return EXIT_OK;
  int err = bench_write_svg(args->text[OPT_SVG], found, results, count);
  if (err >= 0) return EXIT_OK;
  char* name = text_escape(args->text[OPT_SVG]);
  int code =
      report_as(EXIT_FAILED, "cannot write \"%s\": %s", name, uv_strerror(err));
  free(name);
  return code;
}


static int run_all(struct bench* bench,
                   const struct args* args,
                   struct bench_result* results,
                   int count) {
  struct bench_calibration found;
  int rounds =
      args->given[OPT_MESSAGES] ? (int) args->number[OPT_MESSAGES] : ROUNDS;
  if (rounds < 1) rounds = 1;
  if (rounds > BENCH_ROUNDS_MAX) rounds = BENCH_ROUNDS_MAX;
  calibrate(&found);
  if (!args->given[OPT_JSON]) bench_tell_calibration(&found);
  out_flush();
  int err = bench_set_up(bench);
  if (err >= 0) err = measure(bench, results, count, rounds);
  int code;
  if (bench->interrupted != 0)
    code = 128 + bench->interrupted;
  else if (err < 0)
    code = report(err);
  else
    code = report_all(args, &found, results, count);
  bench_tear_down(bench);
  free(found.system);
  free(found.processor);
  return code;
}


int cmd_bench(const struct args* args) {
  size_t cases = 0;
  int code = check_groups(args);
  if (code != 0) return code;
  while (bench_cases[cases].name != NULL) cases++;
  struct bench_result* results = text_alloc(cases * sizeof *results);
  struct bench* bench = text_alloc(sizeof *bench);
  uv_loop_init(&bench->loop);
  signals_watch(&bench->loop, &bench->signals, on_signal, bench);
  code = run_all(bench, args, results, choose(args, results));
  loop_finish(&bench->loop);
  free(bench);
  free(results);
  return code;
}
