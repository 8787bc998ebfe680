/* SPDX-License-Identifier: MIT */

/* failover_demo [ROUNDS]: starts two servers (failover.c), lets the leading one
 * move money, kills it at random, often in the middle of a transfer, and looks
 * at its successor: every transfer that was acknowledged must be there, and the
 * one that was on its way either whole or not at all. At the end it asks both
 * to end, and nothing may be left but the file. Ends with 0 when all was so. */

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>

#define ACCOUNTS 64u
#define FIRST_BALANCE 1000
#define PATIENCE_MS 20000u
#define SECOND_NS UINT64_C(1000000000)

struct child {
  uv_process_t process;
  uv_pipe_t in;
  uv_pipe_t out;
  char text[8192];
  size_t size;
  bool running;
  int64_t status;
};

static uv_loop_t* loop;
static uv_timer_t timer;
static bool late;
static char name[64];
static char database[1024];
static int64_t balance[ACCOUNTS]; /* as it must be */
static uint64_t moves;            /* acknowledged */
static uint64_t worst_ns;
static uint64_t chance;


static void fail(const char* format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "failover_demo: ");
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}


static void must(int err, const char* what) {
  if (err < 0) fail("%s: %s", what, uv_strerror(err));
}


static uint64_t random_below(uint64_t limit) {
  chance ^= chance << 13;
  chance ^= chance >> 7;
  chance ^= chance << 17;
  return chance % limit;
}

/* ---- servers ------------------------------------------------------------- */

static void on_exit_of(uv_process_t* process, int64_t status, int signum) {
  struct child* child = process->data;
  child->status = signum != 0 ? -signum : status;
  child->running = false;
}


static void on_alloc(uv_handle_t* handle, size_t size, uv_buf_t* buf) {
  struct child* child = handle->data;
  (void) size;
  *buf = uv_buf_init(child->text + child->size,
                     (unsigned int) (sizeof child->text - child->size - 1));
}


static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buf) {
  struct child* child = stream->data;
  (void) buf;
  if (count < 0) {
    uv_read_stop(stream);
    return;
  }
  child->size += (size_t) count;
  child->text[child->size] = '\0';
}


/* The path of the server, which lies beside this program. */
static void server_path(char* path, size_t size) {
  size_t used = size;
  must(uv_exepath(path, &used), "path");
  while (used > 0 && path[used - 1] != '/' && path[used - 1] != '\\') used--;
  snprintf(path + used, size - used, "failover");
}


static void start(struct child* child) {
  char path[1024];
  char* args[] = {path, name, database, NULL};
  uv_stdio_container_t stdio[3];
  uv_process_options_t options = {.exit_cb = on_exit_of,
                                  .file = path,
                                  .args = args,
                                  .stdio = stdio,
                                  .stdio_count = 3};
  server_path(path, sizeof path);
  memset(child, 0, sizeof *child);
  uv_pipe_init(loop, &child->in, 0);
  uv_pipe_init(loop, &child->out, 0);
  child->process.data = child->in.data = child->out.data = child;
  stdio[0].flags = UV_CREATE_PIPE | UV_READABLE_PIPE;
  stdio[0].data.stream = (uv_stream_t*) &child->in;
  stdio[1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
  stdio[1].data.stream = (uv_stream_t*) &child->out;
  stdio[2].flags = UV_INHERIT_FD;
  stdio[2].data.fd = 2;
  must(uv_spawn(loop, &child->process, &options), path);
  child->running = true;
  must(uv_read_start((uv_stream_t*) &child->out, on_alloc, on_read), "read");
}


static void close_child(struct child* child) {
  uv_close((uv_handle_t*) &child->process, NULL);
  uv_close((uv_handle_t*) &child->in, NULL);
  uv_close((uv_handle_t*) &child->out, NULL);
  uv_run(loop, UV_RUN_NOWAIT);
  uv_run(loop, UV_RUN_NOWAIT);
}


static void on_timer(uv_timer_t* handle) {
  (void) handle;
  late = true;
}


/* The next line that the server says; false: it died before. */
static bool hear(struct child* child, char* line, size_t size) {
  char* end;
  late = false;
  uv_timer_start(&timer, on_timer, PATIENCE_MS, 0);
  while ((end = strchr(child->text, '\n')) == NULL) {
    if (!child->running && uv_is_active((uv_handle_t*) &child->out) == 0)
      return false;
    if (late) fail("a server says nothing for too long");
    uv_run(loop, UV_RUN_ONCE);
  }
  uv_timer_stop(&timer);
  *end = '\0';
  if ((size_t) (end - child->text) >= size) fail("a line is too long");
  memcpy(line, child->text, (size_t) (end - child->text) + 1);
  child->size -= (size_t) (end + 1 - child->text);
  memmove(child->text, end + 1, child->size + 1);
  return true;
}


static void on_write(uv_write_t* req, int status) {
  *(int*) req->data = status;
}


static void send_line(struct child* child, const char* text) {
  uv_buf_t buf = uv_buf_init((char*) text, (unsigned int) strlen(text));
  uv_write_t req;
  int status = 1;
  req.data = &status;
  must(uv_write(&req, (uv_stream_t*) &child->in, &buf, 1, on_write), "write");
  while (status == 1) uv_run(loop, UV_RUN_ONCE);
  must(status, "write");
}


/* From here on it hears signals, and waits for its turn. */
static void expect_ready(struct child* child) {
  char line[128];
  if (!hear(child, line, sizeof line) || strcmp(line, "ready") != 0)
    fail("the server does not start");
}


/* Wait until it leads; how many transfers it found done. */
static uint64_t expect_leader(struct child* child) {
  char line[128];
  uint64_t number = 0;
  if (!hear(child, line, sizeof line) ||
      sscanf(line, "leading %" SCNu64, &number) != 1)
    fail("the server does not lead");
  return number;
}

/* ---- transfers ----------------------------------------------------------- */

struct move {
  uint32_t from;
  uint32_t to;
  int64_t amount;
};

static struct move ask_for_a_move(struct child* child) {
  char line[64];
  struct move move = {(uint32_t) random_below(ACCOUNTS),
                      (uint32_t) random_below(ACCOUNTS - 1),
                      (int64_t) random_below(100)};
  if (move.to >= move.from) move.to++;
  snprintf(line,
           sizeof line,
           "move %" PRIu32 " %" PRIu32 " %" PRId64 "\n",
           move.from,
           move.to,
           move.amount);
  send_line(child, line);
  return move;
}


static void apply(struct move move) {
  balance[move.from] -= move.amount;
  balance[move.to] += move.amount;
  moves++;
}


static void move_some(struct child* child, uint64_t count) {
  char line[64];
  uint64_t number = 0;
  for (; count > 0; count--) {
    struct move move = ask_for_a_move(child);
    if (!hear(child, line, sizeof line) ||
        sscanf(line, "moved %" SCNu64, &number) != 1)
      fail("no answer to a transfer");
    apply(move);
    if (number != moves)
      fail("transfer %" PRIu64 " is %" PRIu64, moves, number);
  }
}


static void compare(struct child* child) {
  char line[4096];
  char* at = line;
  send_line(child, "show\n");
  if (!hear(child, line, sizeof line)) fail("no answer");
  for (uint32_t account = 0; account < ACCOUNTS; account++) {
    int64_t found = strtoll(at, &at, 10);
    if (found != balance[account])
      fail("account %" PRIu32 " has %" PRId64 " and should have %" PRId64,
           account,
           found,
           balance[account]);
  }
}


/* Kill the leader, at a random moment of a transfer, and see what its successor
 * makes of it. */
static void kill_and_look(struct child* leader, struct child* successor) {
  char line[64];
  struct move move = ask_for_a_move(leader);
  uint64_t until = uv_hrtime() + random_below(300000);
  while (uv_hrtime() < until) continue;
  uint64_t killed = uv_hrtime();
  must(uv_process_kill(&leader->process, SIGKILL), "kill");

  uint64_t number = expect_leader(successor);
  uint64_t took = uv_hrtime() - killed;
  if (took > worst_ns) worst_ns = took;
  while (hear(leader, line, sizeof line)) {
    /* It was acknowledged in time: then it must be there. */
    if (number != moves + 1) fail("an acknowledged transfer is lost");
  }
  if (number == moves + 1) apply(move);
  if (number != moves)
    fail("%" PRIu64 " transfers, should be %" PRIu64, number, moves);
  compare(successor);
}

/* ---- the end ------------------------------------------------------------- */

/* SIGTERM; where there is no such thing, the end of its input. */
static void ask_to_end(struct child* child) {
#ifdef _WIN32
  uv_close((uv_handle_t*) &child->in, NULL);
#else
  must(uv_process_kill(&child->process, SIGTERM), "signal");
#endif
}


static void expect_end(struct child* child) {
  late = false;
  uv_timer_start(&timer, on_timer, PATIENCE_MS, 0);
  while (child->running && !late) uv_run(loop, UV_RUN_ONCE);
  uv_timer_stop(&timer);
  if (late) fail("a server does not end");
  if (child->status != 0) fail("a server ended with %d", (int) child->status);
}


static void look_at_what_is_left(void) {
  uvshm_name_info_t info;
  uint32_t account;
  int64_t found;
  uint32_t count = 0;
  FILE* file = fopen(database, "r");
  if (file == NULL) fail("there is no file");
  while (fscanf(file, "%" SCNu32 " %" SCNd64, &account, &found) == 2) {
    if (account >= ACCOUNTS || balance[account] != found)
      fail("account %" PRIu32 " is wrong in the file", account);
    count++;
  }
  fclose(file);
  if (count != ACCOUNTS) fail("the file has %" PRIu32 " accounts", count);
  if (uvshm_name_info(name, 0, &info) != UV_ENOENT)
    fail("shared memory is left behind");
}


int main(int argc, char** argv) {
  uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;
  static struct child children[2];
  char folder[900];
  size_t size = sizeof folder;
  int leader = 0;

  loop = uv_default_loop();
  uv_timer_init(loop, &timer);
  chance = uv_hrtime() | 1;
  must(uv_os_tmpdir(folder, &size), "folder");
  snprintf(name, sizeof name, "failover-%d", (int) uv_os_getpid());
  snprintf(database, sizeof database, "%s/%s.txt", folder, name);
  for (uint32_t account = 0; account < ACCOUNTS; account++)
    balance[account] = FIRST_BALANCE;

  start(&children[0]);
  expect_ready(&children[0]);
  (void) expect_leader(&children[0]);
  for (uint64_t round = 0; round < rounds; round++) {
    struct child* successor = &children[!leader];
    start(successor);
    expect_ready(successor);
    uint64_t until = uv_hrtime() + random_below(SECOND_NS / 4);
    while (uv_hrtime() < until) move_some(&children[leader], 1);
    kill_and_look(&children[leader], successor);
    close_child(&children[leader]);
    leader = !leader;
  }
  start(&children[!leader]);
  expect_ready(&children[!leader]);
  move_some(&children[leader], 10);
  ask_to_end(&children[leader]);
  ask_to_end(&children[!leader]);
  expect_end(&children[leader]);
  expect_end(&children[!leader]);
  look_at_what_is_left();
  remove(database);
  printf(
      "%" PRIu64 " transfers, %" PRIu64
      " kills: none lost, none by half; the slowest successor took %.1f ms\n",
      moves,
      rounds,
      (double) worst_ns / 1e6);
  return worst_ns < SECOND_NS ? 0 : 1;
}
