/* SPDX-License-Identifier: MIT */

/* single_instance: a program of which one runs. A second start hands its
 * arguments to the first and ends; when the first was killed, the next start is
 * the first.
 *
 *   single_instance NAME [WORD...]  the program; the first one prints the words
 *                                   of all others, until one of them is "quit"
 *   single_instance                 starts it several times, also at once,
 *                                   kills it, and looks; ends with 0 when all
 *                                   was well
 *
 * Who has the mutex is the first. It ends with its owner, however that one
 * ends, so nothing has to be cleared up, and there is no file with a process
 * id. The words go through a queue. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>
#include <uvshm/watch.h>

#define WORDS_MAX 1000u
#define TRIES 100u
#define PATIENCE_MS 10000u


static int die(const char* what, int err) {
  fprintf(stderr, "single_instance: %s: %s\n", what, uvshm_strerror(err));
  return 1;
}


static int open_queue(uvshm_channel_t** queue,
                      const char* name,
                      uint32_t flags) {
  uvshm_channel_options_t options = {.flags = UVSHM_CHANNEL_QUEUE | flags,
                                     .size_max = WORDS_MAX,
                                     .messages = 16,
                                     .linger_ms = PATIENCE_MS};
  char full[200];
  snprintf(full, sizeof full, "%s.words", name);
  return uvshm_channel_open(queue, NULL, full, &options);
}

/* ---- the first ----------------------------------------------------------- */

static struct {
  uv_loop_t loop;
  uvshm_channel_t* queue;
  uvshm_channel_t* keeper; /* a writer too, so that the queue never ends */
  uvshm_watch_t watch;
} first;


static void on_words(uvshm_watch_t* watch, int status) {
  char words[WORDS_MAX + 1];
  size_t size = WORDS_MAX;
  int err = status;
  if (err >= 0) err = uvshm_channel_recv(first.queue, words, &size, 0);
  if (err == UV_EAGAIN) return;
  words[err < 0 ? 0 : size] = '\0';
  if (err >= 0) printf("got %s\n", words);
  fflush(stdout);
  if (err < 0 || strcmp(words, "quit") == 0) uvshm_watch_close(watch, NULL);
}


static int be_first(const char* name, const char* words) {
  uv_loop_init(&first.loop);
  int err = open_queue(&first.queue, name, UVSHM_READER);
  if (err >= 0) err = open_queue(&first.keeper, name, UVSHM_WRITER);
  if (err >= 0) err = uvshm_watch_init(&first.loop, &first.watch);
  if (err >= 0)
    err = uvshm_watch_start_readable(&first.watch, first.queue, on_words);
  if (err < 0) return die("queue", err);
  printf("first %s\n", words);
  fflush(stdout);
  uv_run(&first.loop, UV_RUN_DEFAULT);
  uvshm_channel_close(first.keeper);
  uvshm_channel_close(first.queue);
  uv_loop_close(&first.loop);
  return 0;
}

/* ---- the others ---------------------------------------------------------- */

/* 0: the first has the words. UV_EAGAIN: it has gone, or is not ready yet. */
static int hand_over(const char* name, const char* words) {
  uvshm_channel_info_t info = {.readers = 1};
  uvshm_channel_t* queue;
  int err = open_queue(&queue, name, UVSHM_WRITER | UVSHM_EXISTING);
  if (err == UV_ENOENT) return UV_EAGAIN;
  if (err < 0) return err;
  err = uvshm_channel_send(queue, words, strlen(words), PATIENCE_MS);
  if (err >= 0) err = uvshm_channel_info(queue, &info);
  while (err >= 0 && info.readers > 0 && info.depth > 0) {
    uv_sleep(1);
    err = uvshm_channel_info(queue, &info);
  }
  if (err == UV_EPIPE || (err >= 0 && info.depth > 0)) err = UV_EAGAIN;
  uvshm_channel_close(queue);
  return err < 0 ? err : 0;
}


static int run(const char* name, const char* words) {
  uvshm_mutex_t* mutex;
  int err = uvshm_mutex_open(&mutex, NULL, name, NULL);
  int code = 1;
  if (err < 0) return die("mutex", err);
  for (unsigned int i = 0; i < TRIES; i++) {
    err = uvshm_mutex_lock(mutex, 0);
    if (err >= 0) {
      code = be_first(name, words);
      err = uvshm_mutex_unlock(mutex);
      break;
    }
    if (err == UV_EBUSY) err = hand_over(name, words);
    if (err == 0) code = 0;
    if (err != UV_EAGAIN) break;
    uv_sleep(10);
  }
  uvshm_mutex_close(mutex);
  return err < 0 ? die(name, err) : code;
}

/* ---- who starts them and looks ------------------------------------------- */

#define STARTS 10

struct start {
  uv_process_t process;
  uv_pipe_t out;
  char text[1000]; /* all that it printed */
  size_t size;
  bool ended;
  int64_t status;
};

static struct {
  uv_loop_t loop;
  uv_timer_t patience;
  char name[64];
  struct start starts[STARTS];
  bool late;
} show;


static void on_patience(uv_timer_t* timer) {
  show.late = true;
  uv_stop(timer->loop);
}


static void on_room(uv_handle_t* handle, size_t asked, uv_buf_t* buf) {
  struct start* start = handle->data;
  (void) asked;
  *buf = uv_buf_init(start->text + start->size,
                     (unsigned int) (sizeof start->text - 1 - start->size));
}


static void on_text(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf) {
  struct start* start = stream->data;
  (void) buf;
  if (size > 0) start->size += (size_t) size;
  if (size < 0) uv_close((uv_handle_t*) stream, NULL);
  uv_stop(stream->loop);
}


static void on_ended(uv_process_t* process, int64_t status, int signal) {
  struct start* start = process->data;
  start->ended = true;
  start->status = signal != 0 ? -signal : status;
  uv_close((uv_handle_t*) process, NULL);
  uv_stop(process->loop);
}


static struct start* begin(int number, const char* word) {
  struct start* start = &show.starts[number];
  char path[1024];
  char word_copy[64];
  size_t size = sizeof path;
  char* args[] = {path, show.name, word_copy, NULL};
  uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                   {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
                                    .data.stream = (uv_stream_t*) &start->out},
                                   {.flags = UV_INHERIT_FD, .data.fd = 2}};
  uv_process_options_t options = {.file = path,
                                  .args = args,
                                  .stdio = stdio,
                                  .stdio_count = 3,
                                  .exit_cb = on_ended};
  snprintf(word_copy, sizeof word_copy, "%s", word);
  uv_pipe_init(&show.loop, &start->out, 0);
  start->process.data = start->out.data = start;
  if (uv_exepath(path, &size) < 0 ||
      uv_spawn(&show.loop, &start->process, &options) < 0 ||
      uv_read_start((uv_stream_t*) &start->out, on_room, on_text) < 0)
    show.late = true;
  return start;
}


static bool says(struct start* start, const char* text) {
  while (strstr(start->text, text) == NULL && !show.late)
    uv_run(&show.loop, UV_RUN_DEFAULT);
  return !show.late;
}


static bool ends(struct start* start, int64_t status) {
  while (!start->ended && !show.late) uv_run(&show.loop, UV_RUN_DEFAULT);
  return start->ended && start->status == status;
}


static bool play(void) {
  struct start* one = begin(0, "one");
  bool good = says(one, "first one\n");
  good = good && ends(begin(1, "two"), 0) && says(one, "got two\n");
  /* Several at once. */
  for (int i = 2; i < 6; i++) begin(i, "many");
  for (int i = 2; i < 6; i++) good = good && ends(&show.starts[i], 0);
  good = good && says(one, "got many\ngot many\ngot many\ngot many\n");
  if (!good) return false;
  /* The next one is the first. */
  uv_process_kill(&one->process, 9 /* SIGKILL */);
  while (!one->ended && !show.late) uv_run(&show.loop, UV_RUN_DEFAULT);
  struct start* next = begin(6, "next");
  good = says(next, "first next\n");
  good = good && ends(begin(7, "quit"), 0) && says(next, "got quit\n");
  return good && ends(next, 0);
}


static int run_show(void) {
  snprintf(show.name, sizeof show.name, "single-%d", (int) uv_os_getpid());
  uv_loop_init(&show.loop);
  uv_timer_init(&show.loop, &show.patience);
  uv_timer_start(&show.patience, on_patience, 3 * PATIENCE_MS, 0);
  bool good = play();
  for (int i = 0; i < STARTS; i++) {
    printf("%s", show.starts[i].text);
    if (show.starts[i].process.data != NULL && !show.starts[i].ended)
      uv_process_kill(&show.starts[i].process, 9);
  }
  printf("%s\n", good ? "one at a time" : "something went wrong");
  return good ? 0 : 1;
}


int main(int argc, char** argv) {
  char words[WORDS_MAX] = "";
  argv = uv_setup_args(argc, argv);
  if (argc < 2) return run_show();
  for (int i = 2; i < argc; i++) {
    size_t size = strlen(words);
    snprintf(
        words + size, sizeof words - size, "%s%s", i > 2 ? " " : "", argv[i]);
  }
  return run(argv[1], words);
}
