/* SPDX-License-Identifier: MIT */

/* uvshm lock NAME -- COMMAND: one at a time, as flock(1).
 *
 * The owner of a mutex is a thread, and waiting for one blocks. So a thread of
 * its own takes the mutex, tells the loop, sleeps while the command runs, and
 * gives it back. The loop meanwhile sees to signals and to the command's end.
 * When this process is killed, the kernel knows, and the next one gets the
 * mutex.
 */

#include "commands.h"
#include "names.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

struct lock {
  const struct args* args;
  uvshm_mutex_t* mutex;
  uint64_t timeout_ms;
  int result;     /* of the thread's uvshm_mutex_lock() */
  char* sentence; /* and why it failed: only that thread can ask */
  uv_thread_t thread;
  uv_sem_t release; /* the thread may give the mutex back */
  uv_async_t taken; /* result is there */
  uv_loop_t loop;
  struct signals signals;
  struct child child;
  int interrupted; /* the signal that ended the wait */
  int code;
};


static void owner(void* arg) {
  struct lock* lock = arg;
  lock->result = uvshm_mutex_lock(lock->mutex, lock->timeout_ms);
  if (lock->result < 0)
    lock->sentence = text_escape(uvshm_strerror(lock->result));
  uv_async_send(&lock->taken);
  uv_sem_wait(&lock->release);
  if (lock->result >= 0) uvshm_mutex_unlock(lock->mutex);
}


/* The tool has nothing more to wait for. */
static void finish(struct lock* lock, int code) {
  lock->code = code;
  uv_stop(&lock->loop);
}


static void command_ended(struct child* child) {
  finish(child->data, child_code(child));
}


static void run_command(struct lock* lock) {
  char** argv = &lock->args->operands[1];
  lock->child.on_exit = command_ended;
  lock->child.data = lock;
  int err = child_start(&lock->loop, &lock->child, argv, true);
  if (err == 0) return;
  char* name = text_escape(argv[0]);
  finish(lock,
         report_as(err == UV_ENOENT ? 127 : 126,
                   "cannot run \"%s\": %s",
                   name,
                   uv_strerror(err)));
  free(name);
}


/* Somebody else has it, and we do not wait any longer. */
static int conflict(const struct lock* lock) {
  uvshm_mutex_info_t info;
  char* name = text_escape(lock->args->operands[0]);
  char* label = text_copy("");
  bool known = uvshm_mutex_info(lock->mutex, &info) == 0 && info.locked;
  if (known && info.owner_label[0] != '\0') {
    char* escaped = text_escape(info.owner_label);
    free(label);
    label = text_format(" (%s)", escaped);
    free(escaped);
  }
  if (known && info.owner_pid != 0)
    note("\"%s\" is held by pid %" PRIu32 "%s", name, info.owner_pid, label);
  else
    note("\"%s\" was held by somebody", name);
  free(label);
  free(name);
  return lock->args->given[OPT_CONFLICT_CODE]
             ? (int) lock->args->number[OPT_CONFLICT_CODE]
             : EXIT_TIMEOUT;
}


static void on_taken(uv_async_t* async) {
  struct lock* lock = async->data;
  if (lock->result >= 0 && lock->interrupted == 0) {
    char* name = text_escape(lock->args->operands[0]);
    if (lock->result == UVSHM_OWNER_DIED)
      note("whoever held \"%s\" before died holding it", name);
    free(name);
    run_command(lock);
  } else if (lock->interrupted != 0) {
    finish(lock, 128 + lock->interrupted);
  } else if (lock->result == UV_EBUSY || lock->result == UV_ETIMEDOUT) {
    finish(lock, conflict(lock));
  } else {
    finish(lock, report_as(report_code(lock->result), "%s", lock->sentence));
  }
}


/* Does the terminal give this signal to the command as well? Then a second one
 * from us would be one too many: many programs give up on it. */
static bool sent_by_terminal(int signal) {
  bool keyboard = signal == SIGINT;
#ifdef SIGQUIT
  keyboard = keyboard || signal == SIGQUIT;
#endif
  if (!keyboard) return false;
  return on_windows() || in_is_terminal() || out_is_terminal() ||
         err_is_terminal();
}


static void on_signal(uv_signal_t* handle, int signal) {
  struct lock* lock = handle->data;
  if (!lock->child.started) {
    lock->interrupted = signal;
    uvshm_mutex_cancel(lock->mutex);
  } else if (!lock->child.done && !sent_by_terminal(signal)) {
    uv_process_kill(&lock->child.process, signal);
  }
}


static void run_locked(struct lock* lock) {
  int err = uv_thread_create(&lock->thread, owner, lock);
  if (err < 0) {
    lock->code = report_as(EXIT_FAILED, "no thread: %s", uv_strerror(err));
    return;
  }
  uv_run(&lock->loop, UV_RUN_DEFAULT);
  uv_sem_post(&lock->release);
  uv_thread_join(&lock->thread);
}


/* What listings call us: the command, not this tool. */
static void make_label(const struct args* args, char* label) {
  const char* command = args->operands[1];
  const char* slash = strrchr(command, '/');
  snprintf(label,
           UVSHM_LABEL_SIZE,
           "uvshm lock %s",
           slash != NULL ? slash + 1 : command);
}


int cmd_lock(const struct args* args) {
  char label[UVSHM_LABEL_SIZE];
  uint32_t keep = args->given[OPT_KEEP] ? UVSHM_KEEP : 0;
  uint32_t native = args->given[OPT_NATIVE] ? UVSHM_MUTEX_NATIVE : 0;
  uvshm_mutex_options_t options = {.flags = names_flags(args) | keep | native,
                                   .mode = (uint32_t) args->number[OPT_MODE],
                                   .group = args->text[OPT_GROUP],
                                   .label = label};
  struct lock lock = {.args = args, .timeout_ms = UVSHM_FOREVER};
  if (args->given[OPT_WAIT]) lock.timeout_ms = args->number[OPT_WAIT];
  if (args->given[OPT_NONBLOCK]) lock.timeout_ms = 0;
  if (native != 0 && options.flags != native)
    return report_usage(
        args->command,
        "--native is the system's own: drop --dir, --keep and --system");

  make_label(args, label);
  uv_loop_init(&lock.loop);
  signals_watch(&lock.loop, &lock.signals, on_signal, &lock);
  uv_async_init(&lock.loop, &lock.taken, on_taken);
  uv_sem_init(&lock.release, 0);
  lock.taken.data = &lock;

  int err = uvshm_mutex_open(
      &lock.mutex, NULL, names_at(args->operands[0]), &options);
  if (err < 0)
    lock.code = report(err);
  else
    run_locked(&lock);
  uvshm_mutex_close(lock.mutex);
  loop_finish(&lock.loop);
  uv_sem_destroy(&lock.release);
  free(lock.sentence);
  return lock.code;
}
