/* SPDX-License-Identifier: MIT */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROLE "--role="

/* How often this program starts a process anew. */
#define SPAWNS_AGAIN 8


/* ---- in a role ----------------------------------------------------------- */

int test_is_role(int argc, char** argv) {
  return argc > 1 && strncmp(argv[1], ROLE, strlen(ROLE)) == 0;
}


int test_role_main(int argc, char** argv, const struct test_role* roles) {
  const char* name = argv[1] + strlen(ROLE);

  for (; roles->name != NULL; roles++)
    if (strcmp(roles->name, name) == 0) return roles->run(argc - 2, argv + 2);
  fprintf(stderr, "no role \"%s\"\n", name);
  return 99;
}


void test_say(const char* format, ...) {
  va_list args;

  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
  fflush(stdout);
}


const char* test_hear(void) {
  static char line[1024];

  if (fgets(line, sizeof(line), stdin) == NULL) return NULL;
  line[strcspn(line, "\r\n")] = '\0';
  return line;
}


/* ---- in a test ----------------------------------------------------------- */

static void on_timer(uv_timer_t* timer) {
  struct test_process* process = timer->data;

  process->timed_out = 1;
  uv_stop(timer->loop);
}


static void on_exit_of(uv_process_t* handle, int64_t status, int signal) {
  struct test_process* process = handle->data;

  process->exited = 1;
  process->status = status;
  process->signal = signal;
  uv_stop(handle->loop);
}


static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  struct test_process* process = handle->data;
  size_t room = sizeof(process->text) - process->size;

  (void) suggested;
  *buf = uv_buf_init(process->text + process->size, (unsigned int) room);
}


static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf) {
  struct test_process* process = stream->data;

  (void) buf;
  if (size > 0) process->size += (size_t) size;
  if (size < 0) process->ended = 1;
  if (size != 0) uv_stop(stream->loop);
}


/* One turn of the loop, at most until the timer. */
static void turn(struct test_process* process) {
  if (process->timed_out) fail_msg("a process did nothing for too long");
  uv_run(&process->loop, UV_RUN_DEFAULT);
}


static void arm(struct test_process* process) {
  process->timed_out = 0;
  uv_timer_start(&process->timer, on_timer, TEST_PATIENCE_MS, 0);
}


static void disarm(struct test_process* process) {
  uv_timer_stop(&process->timer);
}


/* Programs for another machine run under an emulator, and so must those that
 * they start: UVSHM_TEST_EMULATOR is its command, words with blanks between. */
static int put_emulator(char** args, int limit, char* text, size_t size) {
  const char* emulator = getenv("UVSHM_TEST_EMULATOR");
  int count = 0;
  char* word;

  snprintf(text, size, "%s", emulator != NULL ? emulator : "");
  for (word = strtok(text, " "); word != NULL && count < limit;
       word = strtok(NULL, " "))
    args[count++] = word;
  return count;
}


/* `args` has room for `count` more from the list. */
static void add_arguments(char** args, int count, va_list list) {
  while (count-- > 0 && (*args = va_arg(list, char*)) != NULL) args++;
  *args = NULL;
}


int test_may_spawn_again(int err) {
#if defined(_WIN32)
  static int times;

  if (err != UV_UNKNOWN || times == SPAWNS_AGAIN) return 0;
  times++;
  fprintf(stderr, "a process was not started; once more\n");
  return 1;
#else
  (void) err;
  return 0;
#endif
}


static void close_all(struct test_process* process) {
  uv_close((uv_handle_t*) &process->timer, NULL);
  uv_close((uv_handle_t*) &process->in, NULL);
  uv_close((uv_handle_t*) &process->out, NULL);
  uv_close((uv_handle_t*) &process->process, NULL);
  uv_run(&process->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&process->loop), 0);
}


static int try_to_start(struct test_process* process, char** args) {
  uv_process_options_t options;
  uv_stdio_container_t stdio[3];

  assert_int_equal(uv_loop_init(&process->loop), 0);
  uv_timer_init(&process->loop, &process->timer);
  uv_pipe_init(&process->loop, &process->in, 0);
  uv_pipe_init(&process->loop, &process->out, 0);
  process->timer.data = process->in.data = process->out.data = process;
  process->process.data = process;
  memset(&options, 0, sizeof(options));
  stdio[0].flags = UV_CREATE_PIPE | UV_READABLE_PIPE;
  stdio[0].data.stream = (uv_stream_t*) &process->in;
  stdio[1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
  stdio[1].data.stream = (uv_stream_t*) &process->out;
  stdio[2].flags = UV_INHERIT_FD;
  stdio[2].data.fd = 2;
  options.stdio = stdio;
  options.stdio_count = 3;
  options.file = args[0];
  options.args = args;
  options.exit_cb = on_exit_of;
  return uv_spawn(&process->loop, &process->process, &options);
}


static void start(struct test_process* process, char** args) {
  int err = try_to_start(process, args);

  while (err < 0 && test_may_spawn_again(err)) {
    close_all(process);
    err = try_to_start(process, args);
  }
  assert_int_equal(err, 0);
  uv_read_start((uv_stream_t*) &process->out, on_alloc, on_read);
}


void test_spawn(struct test_process* process, const char* role, ...) {
  char exe[2048];
  char option[128];
  char emulator[256];
  char* args[16];
  size_t size = sizeof(exe);
  va_list list;
  int i;

  memset(process, 0, sizeof(*process));
  assert_int_equal(uv_exepath(exe, &size), 0);
  snprintf(option, sizeof(option), ROLE "%s", role);
  i = put_emulator(args, 5, emulator, sizeof(emulator));
  args[i++] = exe;
  args[i++] = option;
  va_start(list, role);
  add_arguments(args + i, 8, list);
  va_end(list);
  start(process, args);
}


void test_spawn_other(struct test_process* process,
                      const char* runner,
                      const char* program,
                      const char* role,
                      ...) {
  char option[128];
  char* args[12];
  int i = 0;
  va_list list;

  memset(process, 0, sizeof(*process));
  snprintf(option, sizeof(option), ROLE "%s", role);
  if (runner != NULL) args[i++] = (char*) runner;
  args[i++] = (char*) program;
  args[i++] = option;
  va_start(list, role);
  add_arguments(args + i, 8, list);
  va_end(list);
  start(process, args);
}


void test_expect_line(struct test_process* process, char* line, size_t size) {
  char* end;
  size_t length;

  arm(process);
  while ((end = memchr(process->text, '\n', process->size)) == NULL) {
    if (process->ended) fail_msg("a process ended instead of saying a line");
    turn(process);
  }
  disarm(process);
  length = (size_t) (end - process->text);
  snprintf(line, size, "%.*s", (int) length, process->text);
  line[strcspn(line, "\r")] = '\0';
  process->size -= length + 1;
  memmove(process->text, end + 1, process->size);
}


void test_expect(struct test_process* process, const char* text) {
  char line[1024];

  test_expect_line(process, line, sizeof(line));
  assert_string_equal(line, text);
}


static void on_write(uv_write_t* request, int status) {
  (void) status;
  *(int*) request->data = 1;
  uv_stop(request->handle->loop);
}


void test_tell(struct test_process* process, const char* text) {
  uv_write_t request;
  uv_buf_t bufs[2];
  char newline[] = "\n";
  int done = 0;

  request.data = &done;
  bufs[0] = uv_buf_init((char*) text, (unsigned int) strlen(text));
  bufs[1] = uv_buf_init(newline, 1);
  assert_int_equal(
      uv_write(&request, (uv_stream_t*) &process->in, bufs, 2, on_write), 0);
  arm(process);
  while (!done) turn(process);
  disarm(process);
}


static void finish(struct test_process* process) {
  arm(process);
  while (!process->exited) turn(process);
  disarm(process);
  close_all(process);
}


void test_kill(struct test_process* process) {
  assert_int_equal(uv_process_kill(&process->process, SIGKILL), 0);
  finish(process);
}


int test_join(struct test_process* process) {
  finish(process);
  return process->signal != 0 ? -1 - process->signal : (int) process->status;
}


/* ---- names --------------------------------------------------------------- */

static uint64_t run_id(void) {
  static uint64_t id;

  while (id == 0) uv_random(NULL, NULL, &id, sizeof(id), 0, NULL);
  return id & 0xffffffff;
}


static const char* unique(const char* folder, const char* stem) {
  static char names[4][1200];
  static unsigned int count;
  char* name = names[count % 4];

  snprintf(name,
           sizeof(names[0]),
           "%stest-%s-%d-%llx-%u",
           folder,
           stem,
           (int) uv_os_getpid(),
           (unsigned long long) run_id(),
           count);
  count++;
  return name;
}


const char* test_name(const char* stem) {
  return unique("", stem);
}


const char* test_path(const char* stem) {
  char folder[1024];
  size_t size = sizeof(folder) - 1;

  if (uv_os_tmpdir(folder, &size) != 0) strcpy(folder, ".");
  strcat(folder, "/");
  return unique(folder, stem);
}


int test_leftovers(void) {
  uvshm_names_t* names;
  uvshm_name_info_t info;
  char ours[64];
  int count = 0;

  snprintf(ours,
           sizeof(ours),
           "-%d-%llx-",
           (int) uv_os_getpid(),
           (unsigned long long) run_id());
  if (uvshm_names_open(&names, 0) < 0) return -1;
  while (uvshm_names_next(names, &info) == 0) {
    if (strstr(info.name, ours) == NULL) continue;
    fprintf(stderr, "left behind: %s (%s)\n", info.name, info.system_name);
    count++;
  }
  uvshm_names_close(names);
  return count;
}


uint64_t test_now_ms(void) {
  return uv_hrtime() / 1000000;
}


void test_sleep_ms(unsigned int ms) {
  uv_sleep(ms);
}
