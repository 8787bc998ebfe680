/* SPDX-License-Identifier: MIT */

/* uvshm demo: a writer and a reader, two processes started through libuv, pass
 * a file through a channel. This process made what they share; while they work,
 * it looks now and then at the cell in which the reader keeps its tally. After
 * that, two such processes pass the same noise through a channel, a pipe and a
 * Unix-domain socket, one after the other.
 */

#include "commands.h"
#include "demo.h"
#include "demo_pass.h"
#include "plumbing.h"
#include "progress.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define LOOK_MS 50
#define BAR 36
#define ROUNDS 3

struct pass {
  char* name;
  enum pass_way way;
  struct pass_place place;
  struct pass_tally sent;
  struct pass_tally received;
  uv_loop_t loop;
  uv_timer_t timer;
  struct signals signals;
  struct child writer;
  struct child reader;
  uint64_t total;
  uint64_t started_ns;
  int interrupted;
};


static void on_timer(uv_timer_t* timer) {
  struct pass* pass = timer->data;
  if (pass_read(pass->place.received, &pass->received) < 0) return;
  progress_show(pass->received.bytes, pass->total, pass->started_ns);
}


/* One end is gone. Without it the other would only wait for nothing. */
static void one_ended(struct child* child) {
  struct pass* pass = child->data;
  if (child_interrupted(child)) pass->interrupted = SIGINT;
  if (child_code(child) != 0) {
    child_kill(&pass->writer);
    child_kill(&pass->reader);
  }
  if (pass->writer.done && pass->reader.done) uv_stop(&pass->loop);
}


static void on_signal(uv_signal_t* handle, int signal) {
  struct pass* pass = handle->data;
  pass->interrupted = signal;
  child_kill(&pass->writer);
  child_kill(&pass->reader);
}

/* ---- two processes ------------------------------------------------------- */

/* What lies between stdout of the writer and stdin of the reader. */
static int make_fds(enum pass_way way, int fds[2]) {
  fds[0] = -1;
  fds[1] = 1;
  if (way == PASS_SOCKET) return plumbing_sockets(fds);
  return way == PASS_PIPE ? uv_pipe(fds, 0, 0) : 0;
}


static void close_fd(int fd) {
  uv_fs_t req;
  uv_fs_close(NULL, &req, fd, NULL);
  uv_fs_req_cleanup(&req);
}


static int start(struct pass* pass, const char* file, const char* output) {
  char* way = (char*) pass_way_name(pass->way);
  char* writer[] = {
      NULL, "demo-writer", "--", pass->name, way, (char*) file, NULL};
  char* reader[] = {
      NULL, "demo-reader", "--", pass->name, way, (char*) output, NULL};
  int fds[2];
  pass->writer.data = pass;
  pass->reader.data = pass;
  pass->writer.on_exit = one_ended;
  pass->reader.on_exit = one_ended;

  int err = make_fds(pass->way, fds);
  if (err < 0)
    return report_as(EXIT_FAILED, "cannot make a pipe: %s", uv_strerror(err));
  err = child_start_between(&pass->loop, &pass->reader, reader, fds[0], 1);
  if (err == 0)
    err = child_start_between(&pass->loop, &pass->writer, writer, -1, fds[1]);
  if (fds[0] >= 0) {
    close_fd(fds[0]);
    close_fd(fds[1]);
  }
  if (err == 0) return 0;
  child_kill(&pass->reader);
  return report_as(EXIT_FAILED, "cannot start a process: %s", uv_strerror(err));
}


static int finish(struct pass* pass, int code) {
  if (pass->interrupted != 0) return 128 + pass->interrupted;
  if (code != 0) return code;
  if (child_code(&pass->writer) != 0 || child_code(&pass->reader) != 0)
    return report_as(EXIT_FAILED,
                     "the demonstration failed: writer %d, reader %d",
                     child_code(&pass->writer),
                     child_code(&pass->reader));
  int err = pass_read(pass->place.sent, &pass->sent);
  if (err >= 0) err = pass_read(pass->place.received, &pass->received);
  return err < 0 ? report(err) : 0;
}


/* Start both, call `began`, wait for their end. */
static int run(struct pass* pass,
               enum pass_way way,
               const char* file,
               const char* output,
               void (*began)(const struct pass* pass, const char* file)) {
  pass->way = way;
  pass->name = demo_name();
  uv_loop_init(&pass->loop);
  signals_watch(&pass->loop, &pass->signals, on_signal, pass);
  uv_timer_init(&pass->loop, &pass->timer);
  pass->timer.data = pass;

  int err =
      pass_open(&pass->place, pass->name, way, UVSHM_EXCLUSIVE, "uvshm demo");
  int code = err < 0 ? report(err) : start(pass, file, output);
  pass->started_ns = uv_hrtime();
  if (code == 0) {
    if (began != NULL) began(pass, file);
    uv_timer_start(&pass->timer, on_timer, LOOK_MS, LOOK_MS);
    uv_run(&pass->loop, UV_RUN_DEFAULT);
    progress_clear();
  }
  code = finish(pass, code);
  pass_close(&pass->place);
  loop_finish(&pass->loop);
  free(pass->name);
  return code;
}


static double seconds_of(const struct pass* pass) {
  if (pass->received.ended_ns <= pass->sent.started_ns) return 0;
  return (double) (pass->received.ended_ns - pass->sent.started_ns) / 1e9;
}


static double rate_of(const struct pass* pass) {
  double seconds = seconds_of(pass);
  return seconds > 0 ? (double) pass->received.bytes / seconds : 0;
}


static bool is_equal(const struct pass* pass) {
  return pass->sent.sum == pass->received.sum &&
         pass->sent.bytes == pass->received.bytes;
}

/* ---- a file -------------------------------------------------------------- */

static void tell_begin(const struct pass* pass, const char* file) {
  char* path = text_escape(file);
  demo_line("channel",
            "%s, a stream of %uM, messages of %uK in place",
            pass->name,
            PASS_ROOM >> 20,
            PASS_CHUNK >> 10);
  demo_line("cells", "%s.sent, %s.received", pass->name, pass->name);
  demo_line(
      "writer", "pid %" PRIu32 ", reads %s", child_pid(&pass->writer), path);
  demo_line("reader", "pid %" PRIu32, child_pid(&pass->reader));
  free(path);
}


static int tell_end(const struct pass* pass) {
  char size[TEXT_SIZE_ROOM];
  char rate[TEXT_SIZE_ROOM];
  bool equal = is_equal(pass);
  text_rate(size, (double) pass->received.bytes);
  text_rate(rate, rate_of(pass));
  demo_line("passed",
            "%" PRIu64 " bytes (%s) in %.1f ms, %s/s",
            pass->received.bytes,
            size,
            seconds_of(pass) * 1000,
            rate);
  demo_line("crc-32c",
            "writer %08" PRIx64 ", reader %08" PRIx64 ": %s%s%s",
            pass->sent.sum,
            pass->received.sum,
            out_style(equal ? OUT_GREEN : OUT_RED),
            equal ? "equal" : "DIFFERENT",
            out_style(OUT_PLAIN));
  return equal ? EXIT_OK : EXIT_FAILED;
}

/* ---- a race -------------------------------------------------------------- */

static void tell_rate(enum pass_way way, double rate, double best) {
  static const char* const labels[PASS_WAYS] = {"", "uvshm", "pipe", "socket"};
  char text[TEXT_SIZE_ROOM];
  char bar[BAR + 1];
  int width = best > 0 ? (int) (rate / best * BAR + 0.5) : 0;
  memset(bar, '#', sizeof bar);
  bar[width < BAR ? width : BAR] = '\0';
  text_rate(text, rate);
  demo_line(labels[way], "%7s/s  %s", text, bar);
}


/* One round of all ways; the best rate of each so far. */
static int race_round(struct pass* pass, int last, double* rates) {
  for (int way = PASS_CHANNEL; way <= last; way++) {
    memset(pass, 0, sizeof *pass);
    pass->total = PASS_RACE;
    int code = run(pass, (enum pass_way) way, NULL, NULL, NULL);
    if (code != 0) return code;
    if (!is_equal(pass))
      return report_as(EXIT_FAILED, "the two sums are different");
    if (rate_of(pass) > rates[way]) rates[way] = rate_of(pass);
  }
  return 0;
}


static int race_all(void) {
  double rates[PASS_WAYS] = {0};
  double best = 0;
  int last = plumbing_has_sockets() ? PASS_SOCKET : PASS_PIPE;
  char size[TEXT_SIZE_ROOM];
  struct pass* pass = text_alloc(sizeof *pass);
  int code = 0;
  text_rate(size, PASS_RACE);
  demo_line("race",
            "%s, written by one process, added up by another; best of %d:",
            size,
            ROUNDS);
  for (int round = 0; round < ROUNDS && code == 0; round++)
    code = race_round(pass, last, rates);
  for (int way = PASS_CHANNEL; way <= last; way++)
    if (rates[way] > best) best = rates[way];
  for (int way = PASS_CHANNEL; way <= last && code == 0; way++)
    tell_rate((enum pass_way) way, rates[way], best);
  free(pass);
  return code;
}

/* ---- all of it ----------------------------------------------------------- */

/* Is it a file that can be read? Its size, or a UV_E code. */
static int64_t file_size(const char* path) {
  uv_fs_t req;
  int err = uv_fs_stat(NULL, &req, path, NULL);
  int64_t size = err < 0 ? err : (int64_t) req.statbuf.st_size;
  bool regular = (req.statbuf.st_mode & 0170000) == 0100000;
  uv_fs_req_cleanup(&req);
  if (err == 0 && !regular) return UV_EINVAL;
  if (err == 0) err = uv_fs_access(NULL, &req, path, 4 /* R_OK */, NULL);
  uv_fs_req_cleanup(&req);
  return err < 0 ? err : size;
}


static int pass_file(const struct args* args, const char* file, uint64_t size) {
  struct pass* pass = text_alloc(sizeof *pass);
  memset(pass, 0, sizeof *pass);
  pass->total = size;
  int code = run(pass, PASS_FILE, file, args->text[OPT_OUTPUT], tell_begin);
  if (code == 0) code = tell_end(pass);
  free(pass);
  return code == 0 ? race_all() : code;
}


int demo_pass(const struct args* args) {
  char* file = args->count > 0 ? text_copy(args->operands[0]) : self_path();
  int64_t size = file_size(file);
  int code;
  if (size < 0) {
    char* path = text_escape(file);
    code = report_as(
        report_code((int) size),
        "cannot read \"%s\": %s",
        path,
        size == UV_EINVAL ? "it is not a file" : uv_strerror((int) size));
    free(path);
  } else {
    code = pass_file(args, file, (uint64_t) size);
  }
  free(file);
  return code;
}


int cmd_demo(const struct args* args) {
  bool chat = args->given[OPT_CHAT];
  bool kill = args->given[OPT_KILL];
  if (chat && kill)
    return report_usage(args->command, "choose one of --chat, --kill");
  if ((chat || kill) && args->given[OPT_OUTPUT])
    return report_usage(args->command, "--output is for passing a file");
  if (kill && args->count > 0)
    return report_usage(args->command, "--kill takes no file");
  return chat ? demo_chat(args) : kill ? demo_kill(args) : demo_pass(args);
}
