/* SPDX-License-Identifier: MIT */

/* standby: two nodes, one is master. The master changes a map; the other one
 * follows it by a watch, on its loop. When the master is killed, the follower
 * gets the lock that stands for the role, proves that what it has is what the
 * master had, and goes on. The dead node, started again, follows the new master
 * from then on; and a master can hand the role over in good order, too.
 *
 *   standby             starts two nodes, kills and restarts them, has them
 *                       hand over, and looks; ends with 0 when all was well
 *   standby node NAME   one node, started by the first form; hears "yield" and
 *                       "end" on stdin
 *
 * A change is two entries of the map, which cannot change in one step. So the
 * master says first what it is about to do:
 *
 *   1  "next"  = {number, item, value, checksum of all items after it}
 *   2  "item"  = value
 *   3  "state" = {number, checksum of all items}
 *
 * Who takes over after a death between 1 and 3 does 2 and 3 again, which does
 * no harm. The checksum of the items that it has followed must be the one that
 * the master has left. It is told of changes, not of each one, and looks for
 * itself: so it has missed nothing however many came at once. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>
#include <uvshm/watch.h>

#define ITEMS 64u
#define CHANGE_MS 1u
#define CHANGES 3 /* in each turn of the timer */
#define VACANT_MS 1000u
#define PATIENCE_MS 60000u

/* Values in the map. Fixed widths: the other node may be another build. */
struct state {
  uint64_t number; /* changes so far */
  uint64_t sum;    /* checksum of all items after them */
};

struct next {
  uint64_t number;
  uint64_t item;
  uint64_t value;
  uint64_t sum;
};


static int die(const char* what, int err) {
  fprintf(stderr, "standby: %s: %s\n", what, uvshm_strerror(err));
  return 1;
}


static void say(const char* format, ...) {
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  printf("\n");
  fflush(stdout);
}


static uint64_t sum_of(const uint64_t* items) {
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < ITEMS; i++)
    sum = (sum ^ (items[i] + i)) * UINT64_C(0x100000001b3);
  return sum;
}

/* ---- a node -------------------------------------------------------------- */

static struct {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_pipe_t in;
  uvshm_segment_t* segment;
  uvshm_map_t* map;
  uvshm_mutex_t* role;
  uvshm_watch_t changes; /* of the map, while following */
  uvshm_watch_t turn;    /* the role is ours */
  uint64_t items[ITEMS]; /* our copy */
  struct state state;
  bool master;
  int err;
} node;


static void stop(int err) {
  node.err = err;
  uv_stop(&node.loop);
}


/* 0; a value that is not there is zeros. */
static int get(const void* key, size_t key_size, void* value, size_t size) {
  size_t found = size;
  memset(value, 0, size);
  int err = uvshm_map_get(node.map, key, key_size, value, &found, NULL);
  if (err == UV_ENOENT) return 0;
  return err < 0 ? err : found == size ? 0 : UV_EPROTO;
}


/* Steps 2 and 3. */
static int carry_out(const struct next* next) {
  int err =
      uvshm_map_put(node.map, &next->item, sizeof next->item, &next->value, 8);
  if (err < 0) return err;
  node.state.number = next->number;
  node.state.sum = next->sum;
  return uvshm_map_put(node.map, "state", 5, &node.state, sizeof node.state);
}


/* Follow: whatever changed, have what is there. */
static int follow(void) {
  int err = 0;
  for (uint64_t i = 0; i < ITEMS && err == 0; i++)
    err = get(&i, sizeof i, &node.items[i], sizeof node.items[i]);
  return err;
}


static int change(void) {
  struct next next = {node.state.number + 1, node.state.number % ITEMS, 0, 0};
  next.value = next.number * UINT64_C(0x9e3779b97f4a7c15);
  node.items[next.item] = next.value;
  next.sum = sum_of(node.items);
  int err = uvshm_map_put(node.map, "next", 4, &next, sizeof next);
  return err < 0 ? err : carry_out(&next);
}


static void on_timer(uv_timer_t* timer) {
  int err = 0;
  (void) timer;
  for (int i = 0; i < CHANGES && err == 0; i++) err = change();
  /* Only what has happened is told, so whoever hears of it may rely on it. */
  if (err == 0)
    say("done %" PRIu64, node.state.number);
  else
    stop(err);
}


static void on_turn(uvshm_watch_t* watch, int status);


/* Wait for the role. */
static int compete(void) {
  uv_timer_stop(&node.timer);
  if (uvshm_watch_active(&node.turn)) return 0;
  return uvshm_watch_start_mutex(&node.turn, node.role, on_turn);
}


static void on_vacant(uv_timer_t* timer) {
  (void) timer;
  int err = compete();
  if (err < 0) stop(err);
}


static void on_change(uvshm_watch_t* watch, int status) {
  (void) watch;
  int err = status < 0 ? status : follow();
  /* Somebody else changes it: then the role is taken, and may be waited for. */
  if (err == 0) err = compete();
  if (err < 0) stop(err);
}


/* What the last master was in the middle of; and is what we have followed what
 * it had? */
static int take_over(void) {
  struct next next;
  int err = get("state", 5, &node.state, sizeof node.state);
  if (err == 0) err = get("next", 4, &next, sizeof next);
  if (err == 0) err = follow();
  if (err < 0 || next.number == 0) return err;
  if (next.number != node.state.number) {
    if (next.number != node.state.number + 1 || next.item >= ITEMS)
      return UV_EPROTO;
    node.items[next.item] = next.value;
    err = carry_out(&next);
  }
  if (err < 0) return err;
  return sum_of(node.items) == node.state.sum ? 0 : UV_EPROTO;
}


/* The lock is ours, and with it the role. */
static void on_turn(uvshm_watch_t* watch, int status) {
  (void) watch;
  if (status < 0) {
    stop(status);
    return;
  }
  uvshm_watch_stop(&node.changes);
  int err = take_over();
  if (err < 0) {
    stop(err);
    return;
  }
  node.master = true;
  say("master %s%" PRIu64 " %016" PRIx64,
      status == UVSHM_OWNER_DIED ? "after a death " : "",
      node.state.number,
      node.state.sum);
  uv_timer_start(&node.timer, on_timer, CHANGE_MS, CHANGE_MS);
}


static int become_follower(void) {
  node.master = false;
  int err = uvshm_watch_start_map(&node.changes, node.map, NULL, 0, on_change);
  if (err == 0) err = follow();
  if (err == 0) say("follower");
  return err;
}


/* Whoever gave it back would be the first to have it again. So it waits until
 * there is another master, or nobody wants to be one. */
static int yield_role(void) {
  if (!node.master) return 0;
  uv_timer_stop(&node.timer);
  int err = uvshm_mutex_unlock(node.role);
  if (err >= 0) err = become_follower();
  if (err >= 0) err = uv_timer_start(&node.timer, on_vacant, VACANT_MS, 0);
  return err;
}


static void on_room(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  static char room[256];
  (void) handle;
  (void) suggested;
  *buf = uv_buf_init(room, sizeof room);
}


static void on_word(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf) {
  (void) stream;
  int err = 0;
  if (size < 0 || (size > 0 && buf->base[0] == 'e'))
    stop(0);
  else if (size > 0 && buf->base[0] == 'y')
    err = yield_role();
  if (err < 0) stop(err);
}


static int open_all(const char* name) {
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE,
                                     .size = 1 << 20,
                                     .max_size = 16 << 20,
                                     .label = "standby"};
  int err = uvshm_segment_open(&node.segment, name, &options);
  if (err >= 0) err = uvshm_map_open(&node.map, node.segment, "items", NULL);
  if (err >= 0) err = uvshm_mutex_open(&node.role, node.segment, "role", NULL);
  return err;
}


static void close_handle(uv_handle_t* handle, void* arg) {
  (void) arg;
  if (!uvshm_watch_owns(handle) && !uv_is_closing(handle))
    uv_close(handle, NULL);
}


static int run_node(const char* name) {
  uv_loop_init(&node.loop);
  uv_timer_init(&node.loop, &node.timer);
  uv_pipe_init(&node.loop, &node.in, 0);
  int err = open_all(name);
  if (err < 0) return die("open", err);
  err = uvshm_watch_init(&node.loop, &node.changes);
  if (err == 0) err = uvshm_watch_init(&node.loop, &node.turn);
  if (err == 0) err = uv_pipe_open(&node.in, 0);
  if (err == 0) err = uv_read_start((uv_stream_t*) &node.in, on_room, on_word);
  if (err == 0) err = become_follower();
  if (err == 0) err = compete();
  if (err == 0) {
    uv_run(&node.loop, UV_RUN_DEFAULT);
    err = node.err;
  }
  if (node.master) (void) !uvshm_mutex_unlock(node.role);
  uvshm_watch_close(&node.changes, NULL);
  uvshm_watch_close(&node.turn, NULL);
  uv_walk(&node.loop, close_handle, NULL);
  uv_run(&node.loop, UV_RUN_DEFAULT);
  uv_loop_close(&node.loop);
  if (err < 0) die("node", err);
  uvshm_mutex_close(node.role);
  uvshm_map_close(node.map);
  uvshm_segment_close(node.segment);
  return err < 0 ? 1 : 0;
}

/* ---- who starts them, kills them and looks ------------------------------- */

struct seat {
  uv_process_t process;
  uv_pipe_t in;
  uv_pipe_t out;
  char text[512];
  size_t size;
  bool running;
  bool master;
  bool after_death;
  bool follower;
  uint64_t done; /* the last change that it has told of */
};

static struct {
  uv_loop_t loop;
  uv_timer_t patience;
  char name[64];
  struct seat seats[2];
  uint64_t done; /* the last change that anybody has told of */
  bool late;
  int wrong;
} show;


static void on_patience(uv_timer_t* timer) {
  show.late = true;
  uv_stop(timer->loop);
}


static void wrong(const char* what, uint64_t got) {
  fprintf(stderr, "standby: %s: %" PRIu64 "\n", what, got);
  show.wrong++;
}


static void on_line(struct seat* seat, const char* line) {
  uint64_t number = 0;
  if (strncmp(line, "done ", 5) == 0) {
    number = strtoull(line + 5, NULL, 10);
    if (number <= show.done) wrong("a change that was there before", number);
    show.done = seat->done = number;
    return;
  }
  printf("%d: %s\n", (int) (seat - show.seats) + 1, line);
  if (strcmp(line, "follower") == 0) {
    seat->follower = true;
    seat->master = false;
  }
  if (strncmp(line, "master ", 7) != 0) return;
  seat->master = true;
  seat->follower = false;
  seat->after_death = strncmp(line + 7, "after a death ", 14) == 0;
  number = strtoull(line + (seat->after_death ? 21 : 7), NULL, 10);
  if (number < show.done) wrong("a change was lost", show.done - number);
}


static void on_seat_room(uv_handle_t* handle, size_t asked, uv_buf_t* buf) {
  struct seat* seat = handle->data;
  (void) asked;
  *buf = uv_buf_init(seat->text + seat->size,
                     (unsigned int) (sizeof seat->text - seat->size));
}


static void on_text(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf) {
  struct seat* seat = stream->data;
  char* end;
  (void) buf;
  if (size < 0) {
    uv_close((uv_handle_t*) stream, NULL);
    return;
  }
  seat->size += (size_t) size;
  while ((end = memchr(seat->text, '\n', seat->size)) != NULL) {
    *end = '\0';
    on_line(seat, seat->text);
    seat->size -= (size_t) (end + 1 - seat->text);
    memmove(seat->text, end + 1, seat->size);
  }
  uv_stop(stream->loop);
}


static void on_ended(uv_process_t* process, int64_t status, int signal) {
  struct seat* seat = process->data;
  seat->running = false;
  seat->master = seat->follower = false;
  if (signal == 0 && status > 1) wrong("a node failed", (uint64_t) status);
  uv_close((uv_handle_t*) process, NULL);
  uv_close((uv_handle_t*) &seat->in, NULL);
  uv_stop(process->loop);
}


static int start(struct seat* seat) {
  char path[1024];
  size_t size = sizeof path;
  char role[] = "node";
  char* args[] = {path, role, show.name, NULL};
  uv_stdio_container_t stdio[3] = {{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
                                    .data.stream = (uv_stream_t*) &seat->in},
                                   {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
                                    .data.stream = (uv_stream_t*) &seat->out},
                                   {.flags = UV_INHERIT_FD, .data.fd = 2}};
  uv_process_options_t options = {.file = path,
                                  .args = args,
                                  .stdio = stdio,
                                  .stdio_count = 3,
                                  .exit_cb = on_ended};
  memset(seat, 0, sizeof *seat);
  uv_pipe_init(&show.loop, &seat->in, 0);
  uv_pipe_init(&show.loop, &seat->out, 0);
  seat->process.data = seat->out.data = seat;
  int err = uv_exepath(path, &size);
  if (err == 0) err = uv_spawn(&show.loop, &seat->process, &options);
  if (err == 0)
    err = uv_read_start((uv_stream_t*) &seat->out, on_seat_room, on_text);
  seat->running = err == 0;
  return err;
}


static void on_told(uv_write_t* req, int status) {
  if (status < 0) wrong("a node does not listen", 0);
  free(req);
}


static void say_to(struct seat* seat, const char* word) {
  uv_buf_t buf = uv_buf_init((char*) word, (unsigned int) strlen(word));
  uv_write_t* req = malloc(sizeof *req);
  int err = req == NULL ? UV_ENOMEM : 0;
  if (err == 0) err = uv_write(req, (uv_stream_t*) &seat->in, &buf, 1, on_told);
  if (err == 0) return;
  wrong("a node cannot be told", 0);
  free(req);
}


/* Until `word` of the seat is true, or the patience is over. */
static bool until(const bool* word) {
  while (!*word && !show.late && show.wrong == 0)
    uv_run(&show.loop, UV_RUN_DEFAULT);
  return *word;
}


/* The master has made some more changes. */
static bool goes_on(const struct seat* seat) {
  uint64_t before = show.done;
  while (show.done < before + 100 && !show.late && show.wrong == 0)
    uv_run(&show.loop, UV_RUN_DEFAULT);
  return seat->done == show.done && show.done >= before + 100;
}


/* Kill the master: the other one takes over; the dead one comes back. */
static bool kill_master(struct seat* master, struct seat* other) {
  bool gone = false;
  uv_process_kill(&master->process, 9 /* SIGKILL */);
  while (!gone && !show.late) {
    uv_run(&show.loop, UV_RUN_DEFAULT);
    gone = !master->running;
  }
  if (!until(&other->master) || !other->after_death || !goes_on(other))
    return false;
  /* The handles of the dead one are closed in the next turns. */
  uv_run(&show.loop, UV_RUN_NOWAIT);
  uv_run(&show.loop, UV_RUN_NOWAIT);
  return start(master) == 0 && until(&master->follower);
}


static bool hand_over(struct seat* master, struct seat* other) {
  say_to(master, "yield\n");
  return until(&other->master) && !other->after_death &&
         until(&master->follower) && goes_on(other);
}


static bool play(void) {
  struct seat* one = &show.seats[0];
  struct seat* two = &show.seats[1];
  if (start(one) < 0 || !until(&one->master) || !goes_on(one)) return false;
  if (start(two) < 0 || !until(&two->follower) || !goes_on(one)) return false;
  for (int round = 0; round < 3; round++) {
    if (!kill_master(one, two) || !hand_over(two, one)) return false;
    if (!hand_over(one, two) || !kill_master(two, one)) return false;
  }
  return true;
}


static int run_show(void) {
  snprintf(show.name, sizeof show.name, "standby-%d", (int) uv_os_getpid());
  uv_loop_init(&show.loop);
  uv_timer_init(&show.loop, &show.patience);
  uv_timer_start(&show.patience, on_patience, PATIENCE_MS, 0);
  bool good = play();
  for (int i = 0; i < 2; i++)
    if (show.seats[i].running) say_to(&show.seats[i], "end\n");
  uv_close((uv_handle_t*) &show.patience, NULL);
  while (uv_run(&show.loop, UV_RUN_DEFAULT) != 0 && !show.late) continue;
  uv_loop_close(&show.loop);
  printf(
      "%" PRIu64 " changes, %s\n",
      show.done,
      good && show.wrong == 0 ? "none was lost" : "and something went wrong");
  return good && show.wrong == 0 ? 0 : 1;
}


int main(int argc, char** argv) {
  argv = uv_setup_args(argc, argv);
  if (argc == 3 && strcmp(argv[1], "node") == 0) return run_node(argv[2]);
  return run_show();
}
