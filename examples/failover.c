/* SPDX-License-Identifier: MIT */

/* failover NAME DATABASE: a server that may be killed at any moment.
 *
 * Start two. One leads, the other waits for its death and takes over at once,
 * with all that was ever acknowledged. failover_demo.c starts them, kills them
 * and looks.
 *
 * As such servers work: the database is a file, slow, and written every now and
 * then. Requests are served from a copy in the process. What the file does not
 * have yet lies in shared memory, in the map "changes", laid over the file:
 *
 *     balances = file, and over it what "changes" says
 *
 * A transfer changes two balances, which are two entries of the map, and a map
 * cannot be part of a transaction. So a struct says first what will be:
 *
 *   1  ledger: transfer n leads to these two balances     one transaction
 *   2  both balances are put into the map                 may be done again
 *   3  ledger: all up to n is in the map                  one transaction
 *
 * Who takes over does 2 and 3 again when 1 had happened. The numbers in it are
 * balances and not differences, so again is as good as once.
 *
 * Requests, one a line: "move FROM TO AMOUNT", "show". It ends in good order on
 * SIGTERM and the like, and when its input ends: the file is complete then, and
 * nothing is left in shared memory.
 */

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
#define SAVE_MS 200   /* from one writing of the file to the next */
#define SLOWNESS_MS 2 /* for every eight lines of it */

/* In the heap of the segment, guarded by the mutex "ledger". */
struct ledger {
  uint64_t accepted; /* number of the last transfer that will happen */
  uint64_t done;     /* and of the last one that is all in the map */
  uint32_t account[2];
  int64_t balance[2]; /* what these have after it */
  uint64_t ended;     /* 1: closed in good order */
};

static struct {
  const char* name;
  const char* database;
  uvshm_segment_t* segment;
  uvshm_mutex_t* leader; /* who serves has it */
  uvshm_mutex_t* lock;
  uvshm_map_t* changes;
  struct ledger* ledger;
  int64_t balance[ACCOUNTS]; /* the copy that requests are served from */
  int64_t saved[ACCOUNTS];   /* what is on its way into the file */
  int leading;
  int saving;
  int ending;
  int news; /* result of taking `leader` */
  uv_loop_t* loop;
  uv_thread_t waiter;
  uv_sem_t stop;
  uv_async_t elected;
  uv_timer_t timer;
  uv_work_t work;
  uv_pipe_t in;
  uv_signal_t signals[4];
  char line[128];
  size_t size;
} server;


static void check(int err, const char* what) {
  if (err >= 0) return;
  fprintf(stderr, "failover: %s: %s\n", what, uvshm_strerror(err));
  exit(1);
}


static void say(const char* format, ...) {
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
  fflush(stdout);
}

/* ---- shared memory ------------------------------------------------------- */

static void begin(uvshm_txn_t* txn) {
  check(uvshm_txn_begin(txn, server.lock, UVSHM_FOREVER), "begin");
  check(uvshm_txn_save(txn, server.ledger, sizeof *server.ledger), "save");
}


/* Keys that people can read: uvshm map dump NAME/changes. */
struct key {
  char text[16];
  size_t size;
};

static struct key key_of(uint32_t account) {
  struct key key;
  key.size = (size_t) snprintf(key.text, sizeof key.text, "%" PRIu32, account);
  return key;
}


static void put(uint32_t account, int64_t balance) {
  struct key key = key_of(account);
  check(uvshm_map_put(
            server.changes, key.text, key.size, &balance, sizeof balance),
        "put");
}


/* false: the file has the last word on this account. */
static bool get(uint32_t account, int64_t* balance) {
  struct key key = key_of(account);
  size_t size = sizeof *balance;
  int err =
      uvshm_map_get(server.changes, key.text, key.size, balance, &size, NULL);
  if (err == UV_ENOENT) return false;
  check(err, "get");
  return true;
}


/* Steps 2 and 3: whatever was accepted is done. */
static void finish(void) {
  struct ledger* ledger = server.ledger;
  uvshm_txn_t txn;
  if (ledger->done == ledger->accepted) return;
  for (int i = 0; i < 2; i++) put(ledger->account[i], ledger->balance[i]);
  begin(&txn);
  ledger->done = ledger->accepted;
  check(uvshm_txn_commit(&txn), "commit");
}


/* Step 1. */
static void accept_transfer(uint32_t from, uint32_t to, int64_t amount) {
  struct ledger* ledger = server.ledger;
  uvshm_txn_t txn;
  begin(&txn);
  ledger->accepted++;
  ledger->account[0] = from;
  ledger->account[1] = to;
  ledger->balance[0] = server.balance[from] - amount;
  ledger->balance[1] = server.balance[to] + amount;
  check(uvshm_txn_commit(&txn), "commit");
}


static void open_segment(void) {
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE | UVSHM_KEEP,
                                     .size = 1 << 18,
                                     .max_size = 1 << 22,
                                     .label = "failover"};
  check(uvshm_segment_open(&server.segment, server.name, &options), "open");
  check(uvshm_mutex_open(&server.leader, server.segment, "leader", NULL),
        "open");
}


/* Who leads makes what is not there. */
static void open_rest(void) {
  uvshm_mutex_options_t options = {.log_size = 1024};
  uvshm_ref_t* root;
  void* ledger;
  check(uvshm_mutex_open(&server.lock, server.segment, "ledger.lock", &options),
        "open");
  check(uvshm_map_open(&server.changes, server.segment, "changes", NULL),
        "open");
  check(uvshm_heap_root(server.segment, "ledger", &root), "root");
  if (uvshm_heap_get(root).offset == 0) {
    check(
        uvshm_heap_calloc(server.segment, &ledger, 1, sizeof(struct ledger), 0),
        "alloc");
    check(uvshm_heap_publish(server.segment, root, ledger, NULL), "publish");
  }
  server.ledger = uvshm_heap_pointer(
      server.segment, uvshm_heap_get(root), sizeof(struct ledger));
  if (server.ledger == NULL) check(UV_EPROTO, "ledger");
}

/* ---- the file ------------------------------------------------------------ */

static void read_database(void) {
  FILE* file = fopen(server.database, "r");
  uint32_t account;
  int64_t balance;
  for (account = 0; account < ACCOUNTS; account++)
    server.balance[account] = FIRST_BALANCE;
  if (file == NULL) return;
  while (fscanf(file, "%" SCNu32 " %" SCNd64, &account, &balance) == 2)
    if (account < ACCOUNTS) server.balance[account] = balance;
  fclose(file);
}


/* Slowly, beside the old one, which stays until the new one is complete. */
static void write_database(void) {
  char path[1024];
  uv_fs_t req;
  snprintf(path, sizeof path, "%s.new", server.database);
  FILE* file = fopen(path, "w");
  if (file == NULL) check(UV_EIO, path);
  for (uint32_t account = 0; account < ACCOUNTS; account++) {
    fprintf(file, "%" PRIu32 " %" PRId64 "\n", account, server.saved[account]);
    if (account % 8 == 0) uv_sleep(SLOWNESS_MS);
  }
  if (fclose(file) != 0) check(UV_EIO, path);
  check(uv_fs_rename(NULL, &req, path, server.database, NULL), "rename");
  uv_fs_req_cleanup(&req);
}


static void on_work(uv_work_t* work) {
  (void) work;
  write_database();
}


/* The file has it now: what did not change meanwhile is laid over no more. */
static void forget_saved(void) {
  int64_t balance;
  for (uint32_t account = 0; account < ACCOUNTS; account++) {
    struct key key = key_of(account);
    if (!get(account, &balance) || balance != server.saved[account]) continue;
    check(uvshm_map_remove(server.changes, key.text, key.size), "remove");
  }
}

static void end_if_idle(void);


static void on_written(uv_work_t* work, int status) {
  (void) work;
  (void) status;
  server.saving = 0;
  forget_saved();
  end_if_idle();
}


static void on_timer(uv_timer_t* timer) {
  (void) timer;
  if (server.saving || server.ending) return;
  server.saving = 1;
  memcpy(server.saved, server.balance, sizeof server.saved);
  uv_queue_work(server.loop, &server.work, on_work, on_written);
}

/* ---- leading ------------------------------------------------------------- */

/* Blocks until the one who leads is dead, so it is a thread's work. The mutex
 * is the thread's too: it keeps it as long as we lead. */
static void wait_for_my_turn(void* arg) {
  (void) arg;
  server.news = uvshm_mutex_lock(server.leader, UVSHM_FOREVER);
  uv_async_send(&server.elected);
  uv_sem_wait(&server.stop);
  if (server.news >= 0) uvshm_mutex_unlock(server.leader);
}


static void lay_changes_over(void) {
  for (uint32_t account = 0; account < ACCOUNTS; account++)
    (void) get(account, &server.balance[account]);
}


static void on_elected(uv_async_t* async) {
  (void) async;
  if (server.news < 0 || server.ending) return;
  open_rest();
  if (server.ledger->ended) exit(0);
  read_database();
  finish();
  lay_changes_over();
  server.leading = 1;
  uv_timer_start(&server.timer, on_timer, SAVE_MS, SAVE_MS);
  say("leading %" PRIu64 "%s",
      server.ledger->done,
      server.news == UVSHM_OWNER_DIED ? " after a death" : "");
}

/* ---- requests ------------------------------------------------------------ */

static void on_move(uint32_t from, uint32_t to, int64_t amount) {
  if (from >= ACCOUNTS || to >= ACCOUNTS || from == to) {
    say("no such accounts");
    return;
  }
  accept_transfer(from, to, amount);
  finish();
  server.balance[from] -= amount;
  server.balance[to] += amount;
  say("moved %" PRIu64, server.ledger->done);
}


static void on_show(void) {
  for (uint32_t account = 0; account < ACCOUNTS; account++)
    printf("%" PRId64 " ", server.balance[account]);
  say("");
}


static void on_line(const char* line) {
  uint32_t from;
  uint32_t to;
  int64_t amount;
  if (!server.leading)
    say("not leading");
  else if (sscanf(line,
                  "move %" SCNu32 " %" SCNu32 " %" SCNd64,
                  &from,
                  &to,
                  &amount) == 3)
    on_move(from, to, amount);
  else if (strcmp(line, "show") == 0)
    on_show();
  else
    say("what?");
}


static void on_bytes(const char* bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] != '\n') {
      if (server.size + 1 < sizeof server.line)
        server.line[server.size++] = bytes[i];
      continue;
    }
    server.line[server.size] = '\0';
    server.size = 0;
    on_line(server.line);
  }
}

/* ---- the end in good order ----------------------------------------------- */

static void close_segment(void) {
  if (server.leading) {
    uvshm_map_close(server.changes);
    uvshm_mutex_close(server.lock);
  }
  uvshm_mutex_close(server.leader);
  uvshm_segment_close(server.segment);
}


/* The file gets everything, then the memory goes. A death in between leaves the
 * memory, and the next one to start finds it and begins with it. */
static void end_leading(void) {
  uvshm_txn_t txn;
  memcpy(server.saved, server.balance, sizeof server.saved);
  write_database();
  begin(&txn);
  server.ledger->ended = 1;
  check(uvshm_txn_commit(&txn), "commit");
  check(uvshm_segment_unlink(server.name, 0), "unlink");
}


static void close_handle(uv_handle_t* handle, void* arg) {
  (void) arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}


static void end_if_idle(void) {
  if (!server.ending || server.saving) return;
  if (server.leading) end_leading();
  uvshm_mutex_cancel(server.leader);
  uv_sem_post(&server.stop);
  uv_thread_join(&server.waiter);
  uv_walk(server.loop, close_handle, NULL);
}


static void end(void) {
  if (server.ending) return;
  server.ending = 1;
  end_if_idle();
}


static void on_signal(uv_signal_t* handle, int signum) {
  (void) handle;
  (void) signum;
  end();
}


static void on_alloc(uv_handle_t* handle, size_t size, uv_buf_t* buf) {
  static char bytes[4096];
  (void) handle;
  (void) size;
  *buf = uv_buf_init(bytes, sizeof bytes);
}


static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buf) {
  (void) stream;
  if (count < 0)
    end();
  else
    on_bytes(buf->base, (size_t) count);
}


static void start(void) {
  const int signals[] = {SIGTERM, SIGINT, SIGHUP};
  server.loop = uv_default_loop();
  uv_sem_init(&server.stop, 0);
  uv_async_init(server.loop, &server.elected, on_elected);
  uv_timer_init(server.loop, &server.timer);
  for (size_t i = 0; i < 3; i++) {
    uv_signal_init(server.loop, &server.signals[i]);
    uv_signal_start(&server.signals[i], on_signal, signals[i]);
  }
  uv_pipe_init(server.loop, &server.in, 0);
  check(uv_pipe_open(&server.in, 0), "standard input");
  check(uv_read_start((uv_stream_t*) &server.in, on_alloc, on_read),
        "standard input");
  say("ready");
  check(uv_thread_create(&server.waiter, wait_for_my_turn, NULL), "thread");
}


int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: failover NAME DATABASE < requests\n");
    return 2;
  }
  server.name = argv[1];
  server.database = argv[2];
  open_segment();
  start();
  uv_run(server.loop, UV_RUN_DEFAULT);
  close_segment();
  uv_sem_destroy(&server.stop);
  uv_loop_close(server.loop);
  return 0;
}
