/* SPDX-License-Identifier: MIT */

/* one_loop: a libuv program whose loop serves a timer, a TCP echo and a channel
 * at once, on one thread, and none of them waits for another.
 *
 *   one_loop             the server; starts the client, and ends with 0 when
 *                        all that it sent has come
 *   one_loop client ...  sends lines over TCP and, in between, messages through
 *                        the channel; started by the first form */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>
#include <uvshm/watch.h>

#define LINES 200u
#define MESSAGES 20000u
#define PATIENCE_MS 60000u
#define TICK_MS 5u

struct message {
  uint64_t number;
  char text[56];
};


static int die(const char* what, int err) {
  fprintf(stderr, "one_loop: %s: %s\n", what, uvshm_strerror(err));
  return 1;
}

/* ---- the server ---------------------------------------------------------- */

static struct {
  uv_loop_t loop;
  uv_timer_t tick;
  uv_timer_t patience;
  uv_tcp_t listener;
  uv_process_t client;
  uvshm_channel_t* channel;
  uvshm_watch_t watch;
  uint64_t ticks;
  uint64_t echoed; /* bytes */
  uint64_t received;
  uint64_t wrong; /* messages that were not the next one */
  int ended;      /* the writer has closed the channel */
  int status;     /* of the client */
} server;


static void on_tick(uv_timer_t* timer) {
  (void) timer;
  server.ticks++;
}


static void on_patience(uv_timer_t* timer) {
  uv_stop(timer->loop);
}


/* Messages that are there; those of one turn at most, so that a busy writer
 * leaves time for the others. What is left is told in the next turn. */
static void on_messages(uvshm_watch_t* watch, int status) {
  uvshm_message_t messages[64];
  size_t count = 64;
  int err = status;
  if (err >= 0)
    err = uvshm_channel_peek_many(server.channel, messages, &count, 0);
  if (err == UV_EAGAIN) return;
  if (err < 0) {
    server.ended = err == UV_EOF;
    uvshm_watch_stop(watch);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const struct message* message = messages[i].bytes;
    if (messages[i].size != sizeof *message ||
        message->number != server.received)
      server.wrong++;
    server.received++;
  }
  err = uvshm_channel_release_many(server.channel, messages, count);
  if (err < 0) uvshm_watch_stop(watch);
}

/* ---- TCP, as in any libuv program ---------------------------------------- */

struct reply {
  uv_write_t req;
  uv_buf_t buf;
};


static void on_room(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  (void) handle;
  *buf = uv_buf_init(malloc(suggested), (unsigned int) suggested);
  if (buf->base == NULL) buf->len = 0;
}


static void on_closed(uv_handle_t* handle) {
  free(handle);
}


static void on_written(uv_write_t* req, int status) {
  struct reply* reply = (struct reply*) req;
  if (status == 0) server.echoed += reply->buf.len;
  free(reply->buf.base);
  free(reply);
}


static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf) {
  struct reply* reply = size > 0 ? malloc(sizeof *reply) : NULL;
  if (size < 0) uv_close((uv_handle_t*) stream, on_closed);
  if (reply == NULL) {
    free(buf->base);
    return;
  }
  reply->buf = uv_buf_init(buf->base, (unsigned int) size);
  if (uv_write(&reply->req, stream, &reply->buf, 1, on_written) < 0) {
    free(reply->buf.base);
    free(reply);
  }
}


static void on_connection(uv_stream_t* listener, int status) {
  uv_tcp_t* tcp = status < 0 ? NULL : malloc(sizeof *tcp);
  if (tcp == NULL) return;
  uv_tcp_init(listener->loop, tcp);
  if (uv_accept(listener, (uv_stream_t*) tcp) < 0 ||
      uv_read_start((uv_stream_t*) tcp, on_room, on_read) < 0)
    uv_close((uv_handle_t*) tcp, on_closed);
}


static int listen_somewhere(int* port) {
  struct sockaddr_in address;
  int size = sizeof address;
  uv_tcp_init(&server.loop, &server.listener);
  uv_ip4_addr("127.0.0.1", 0, &address);
  int err = uv_tcp_bind(&server.listener, (struct sockaddr*) &address, 0);
  if (err == 0)
    err = uv_listen((uv_stream_t*) &server.listener, 8, on_connection);
  if (err == 0)
    err = uv_tcp_getsockname(
        &server.listener, (struct sockaddr*) &address, &size);
  if (err < 0) return err;
  *port = (address.sin_port & 0xff) << 8 | address.sin_port >> 8;
  return 0;
}

/* ---- begin and end ------------------------------------------------------- */

static void on_exit_of(uv_process_t* process, int64_t status, int signal) {
  server.status = signal != 0 ? -1 : (int) status;
  uv_close((uv_handle_t*) process, NULL);
  uv_close((uv_handle_t*) &server.listener, NULL);
  uv_timer_stop(&server.tick);
  uv_timer_stop(&server.patience);
}


static int start_client(char* name, char* port) {
  char path[1024];
  size_t size = sizeof path;
  char role[] = "client";
  char* args[] = {path, role, name, port, NULL};
  uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                   {.flags = UV_IGNORE},
                                   {.flags = UV_INHERIT_FD, .data.fd = 2}};
  uv_process_options_t options = {.file = path,
                                  .args = args,
                                  .stdio = stdio,
                                  .stdio_count = 3,
                                  .exit_cb = on_exit_of};
  int err = uv_exepath(path, &size);
  return err < 0 ? err : uv_spawn(&server.loop, &server.client, &options);
}


static int watch_channel(const char* name) {
  uvshm_channel_options_t options = {.flags = UVSHM_READER,
                                     .size_max = sizeof(struct message)};
  int err = uvshm_channel_open(&server.channel, NULL, name, &options);
  if (err >= 0) err = uvshm_watch_init(&server.loop, &server.watch);
  if (err >= 0)
    err =
        uvshm_watch_start_readable(&server.watch, server.channel, on_messages);
  return err;
}


static void close_handle(uv_handle_t* handle, void* arg) {
  (void) arg;
  if (!uvshm_watch_owns(handle) && !uv_is_closing(handle))
    uv_close(handle, NULL);
}


static int serve(void) {
  char name[64];
  char port_text[16];
  int port = 0;
  snprintf(name, sizeof name, "one-loop-%d", (int) uv_os_getpid());
  server.status = -1;
  uv_loop_init(&server.loop);
  uv_timer_init(&server.loop, &server.tick);
  uv_timer_init(&server.loop, &server.patience);
  uv_timer_start(&server.tick, on_tick, TICK_MS, TICK_MS);
  uv_timer_start(&server.patience, on_patience, PATIENCE_MS, 0);
  int err = watch_channel(name);
  if (err < 0) return die("channel", err);
  err = listen_somewhere(&port);
  if (err < 0) return die("listen", err);
  snprintf(port_text, sizeof port_text, "%d", port);
  err = start_client(name, port_text);
  if (err < 0) return die("spawn", err);

  uv_run(&server.loop, UV_RUN_DEFAULT);

  printf("timer    %" PRIu64 " ticks\n", server.ticks);
  printf("tcp      %" PRIu64 " bytes echoed\n", server.echoed);
  printf("channel  %" PRIu64 " messages, %" PRIu64 " of them wrong\n",
         server.received,
         server.wrong);
  uvshm_watch_close(&server.watch, NULL);
  uv_walk(&server.loop, close_handle, NULL);
  uv_run(&server.loop, UV_RUN_DEFAULT);
  uvshm_channel_close(server.channel);
  err = uv_loop_close(&server.loop);
  return err == 0 && server.status == 0 && server.ended &&
                 server.received == MESSAGES && server.wrong == 0 &&
                 server.echoed > 0 && server.ticks > 0
             ? 0
             : 1;
}

/* ---- the client ---------------------------------------------------------- */

static struct {
  uv_loop_t loop;
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
  uvshm_channel_t* channel;
  uint32_t lines;
  uint64_t sent;
  size_t expected; /* bytes of the line that are not back yet */
  char line[64];
  int err;
} client;

static void send_line(void);


static void stop_client(int err) {
  client.err = err;
  uv_close((uv_handle_t*) &client.tcp, NULL);
}


static int send_messages(uint64_t count) {
  struct message message;
  int err = 0;
  memset(&message, 0, sizeof message);
  for (uint64_t i = 0; i < count && err >= 0; i++) {
    message.number = client.sent++;
    err = uvshm_channel_send(
        client.channel, &message, sizeof message, PATIENCE_MS);
  }
  return err;
}


static void on_reply(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf) {
  (void) stream;
  if (size > 0)
    client.expected -=
        (size_t) size < client.expected ? (size_t) size : client.expected;
  free(buf->base);
  if (size < 0)
    stop_client((int) size);
  else if (size > 0 && client.expected == 0)
    send_line();
}


/* A line when the one before is back, and messages with each. */
static void send_line(void) {
  int err = 0;
  if (client.lines == LINES) {
    stop_client(0);
    return;
  }
  snprintf(client.line, sizeof client.line, "line %u\n", client.lines++);
  client.expected = strlen(client.line);
  uv_buf_t buf = uv_buf_init(client.line, (unsigned int) client.expected);
  err = send_messages(MESSAGES / LINES);
  if (err >= 0)
    err = uv_write(&client.write, (uv_stream_t*) &client.tcp, &buf, 1, NULL);
  if (err < 0) stop_client(err);
}


static void on_connected(uv_connect_t* req, int status) {
  if (status == 0) status = uv_read_start(req->handle, on_room, on_reply);
  if (status == 0)
    send_line();
  else
    stop_client(status);
}


static int run_client(const char* name, const char* port) {
  uvshm_channel_options_t options = {.flags = UVSHM_WRITER | UVSHM_EXISTING};
  struct sockaddr_in address;
  int err = uvshm_channel_open(&client.channel, NULL, name, &options);
  if (err < 0) return die("client: channel", err);
  uv_loop_init(&client.loop);
  uv_tcp_init(&client.loop, &client.tcp);
  uv_ip4_addr("127.0.0.1", atoi(port), &address);
  err = uv_tcp_connect(
      &client.connect, &client.tcp, (struct sockaddr*) &address, on_connected);
  if (err < 0) return die("client: connect", err);
  uv_run(&client.loop, UV_RUN_DEFAULT);
  uvshm_channel_close(client.channel);
  return client.err < 0 ? die("client", client.err) : 0;
}


int main(int argc, char** argv) {
  argv = uv_setup_args(argc, argv);
  if (argc == 4 && strcmp(argv[1], "client") == 0)
    return run_client(argv[2], argv[3]);
  return serve();
}
