/* SPDX-License-Identifier: MIT */

/* uvshm demo: a writer and a reader, two processes started through libuv, pass
 * a file through a region. This process made what they share; while they work,
 * it looks at the numbers on the board now and then and shows them.
 */

#include "commands.h"
#include "demo.h"
#include "progress.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define LOOK_MS 50

struct pass {
  struct demo demo;
  struct demo_board seen; /* the board as it was when we last had the mutex */
  uv_loop_t loop;
  uv_timer_t timer;
  struct signals signals;
  struct child writer;
  struct child reader;
  uint64_t total;
  uint64_t started_ns;
  int interrupted;
};


/* A loop never waits: when one of the two has the mutex, the old numbers do. */
static void look(struct pass* pass) {
  if (uvshm_mutex_lock(pass->demo.lock, 0) < 0) return;
  memcpy(&pass->seen, pass->demo.board, sizeof pass->seen);
  uvshm_mutex_unlock(pass->demo.lock);
}


static void on_timer(uv_timer_t* timer) {
  struct pass* pass = timer->data;
  look(pass);
  progress_show(pass->seen.received, pass->total, pass->started_ns);
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


static int start(struct pass* pass, const char* file, const char* output) {
  char* writer[] = {
      NULL, "demo-writer", "--", pass->demo.name, (char*) file, NULL};
  char* reader[] = {
      NULL, "demo-reader", "--", pass->demo.name, (char*) output, NULL};
  pass->writer.data = pass;
  pass->reader.data = pass;
  pass->writer.on_exit = one_ended;
  pass->reader.on_exit = one_ended;

  int err = child_start_self(&pass->loop, &pass->reader, reader);
  if (err == 0) err = child_start_self(&pass->loop, &pass->writer, writer);
  if (err < 0) {
    child_kill(&pass->reader);
    return report_as(
        EXIT_FAILED, "cannot start a process: %s", uv_strerror(err));
  }
  return 0;
}


static void tell_begin(const struct pass* pass, const char* file) {
  char* path = text_escape(file);
  demo_line("region",
            "%s, %u buffers of %uK",
            pass->demo.name,
            DEMO_BUFFERS,
            DEMO_BUFFER_SIZE / 1024);
  demo_line("mutex", "%s", pass->demo.lock_name);
  demo_line("sems", "%s, %s", pass->demo.empty_name, pass->demo.full_name);
  demo_line(
      "writer", "pid %" PRIu32 ", reads %s", child_pid(&pass->writer), path);
  demo_line("reader", "pid %" PRIu32, child_pid(&pass->reader));
  free(path);
}


static int tell_end(const struct pass* pass) {
  const struct demo_board* seen = &pass->seen;
  char size[TEXT_SIZE_ROOM];
  char rate[TEXT_SIZE_ROOM];
  double seconds = (double) (seen->ended_ns - seen->started_ns) / 1e9;
  bool equal =
      seen->sent_sum == seen->received_sum && seen->sent == seen->received;
  text_rate(size, (double) seen->received);
  text_rate(rate, seconds > 0 ? (double) seen->received / seconds : 0);
  demo_line("passed",
            "%" PRIu64 " bytes (%s) in %.1f ms, %s/s",
            seen->received,
            size,
            seconds * 1000,
            rate);
  demo_line("crc-32c",
            "writer %08" PRIx32 ", reader %08" PRIx32 ": %s%s%s",
            seen->sent_sum,
            seen->received_sum,
            out_style(equal ? OUT_GREEN : OUT_RED),
            equal ? "equal" : "DIFFERENT",
            out_style(OUT_PLAIN));
  return equal ? EXIT_OK : EXIT_FAILED;
}


static int run(struct pass* pass, const char* file, const char* output) {
  int code = start(pass, file, output);
  pass->started_ns = uv_hrtime();
  if (code == 0) {
    tell_begin(pass, file);
    uv_timer_start(&pass->timer, on_timer, LOOK_MS, LOOK_MS);
    uv_run(&pass->loop, UV_RUN_DEFAULT);
    progress_clear();
    look(pass);
  }
  if (pass->interrupted != 0) return 128 + pass->interrupted;
  if (code != 0) return code;
  if (child_code(&pass->writer) != 0 || child_code(&pass->reader) != 0)
    return report_as(EXIT_FAILED,
                     "the demonstration failed: writer %d, reader %d",
                     child_code(&pass->writer),
                     child_code(&pass->reader));
  return tell_end(pass);
}


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
  int code;
  pass->total = size;
  uv_loop_init(&pass->loop);
  signals_watch(&pass->loop, &pass->signals, on_signal, pass);
  uv_timer_init(&pass->loop, &pass->timer);
  pass->timer.data = pass;

  int err = demo_make(&pass->demo);
  if (err < 0) {
    code = report(err);
  } else {
    code = run(pass, file, args->text[OPT_OUTPUT]);
  }
  demo_close(&pass->demo);
  loop_finish(&pass->loop);
  free(pass);
  return code;
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
