/* SPDX-License-Identifier: MIT */

/* Giving memory without a name to another process: a descriptor, inherited or
 * sent. What arrives is the data description, which never locks (posix.h), so
 * sharing it does no harm; the receiver opens its own for its claims.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

/* Where a flag is missing, something else does its work: uvshm__port_import()
 * sets FD_CLOEXEC, and SO_NOSIGPIPE keeps the signal away. */
#ifndef MSG_CMSG_CLOEXEC
# define MSG_CMSG_CLOEXEC 0
#endif
#ifndef MSG_NOSIGNAL
# define MSG_NOSIGNAL 0
#endif

/* What goes with the descriptor, so that a stray byte on the pipe is not taken
 * for one. */
static const char greeting[8] = "uvshm-1";


int uvshm__port_export(struct uvshm__port_object* object,
                       uint32_t readonly,
                       intptr_t* handle) {
  int fd = -1;
  int err;

  if (object->os[UVSHM__OS_FD] < 0) return UV_ENOTSUP;
  err = uvshm__posix_data_export(object, readonly && !object->readonly, &fd);
  if (err < 0) return err;
  *handle = fd;
  return 0;
}


void uvshm__port_export_close(intptr_t handle) {
  uvshm__posix_data_export_close((int) handle);
}


int uvshm__port_import(struct uvshm__port_object* object, intptr_t handle) {
  struct uvshm__port_object made;
  struct stat st;
  int fd = (int) handle;
  int flags;
  int err;

  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return UV_EINVAL;
  flags = fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY) return UV_EINVAL;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return uvshm__posix_error(errno);
  err = uvshm__posix_watch_forks();
  if (err < 0) return err;
  uvshm__posix_init(&made, UVSHM__PORT_ANONYMOUS);
  made.readonly = (flags & O_ACCMODE) == O_RDONLY;
  err = uvshm__posix_init_holds(&made);
  if (err < 0) return err;
  err = uvshm__posix_data_import(&made, fd, &st);
  if (err < 0) {
    free((void*) made.os[UVSHM__OS_HOLDS]);
    return err;
  }
  *object = made;
  return 0;
}


/* Wait until `pipe` can do what `events` says. */
static int await(int pipe, short events, uint64_t deadline) {
  struct pollfd item;
  uint64_t now = uvshm__port_now_ms();
  int left;
  int got;

  if (now >= deadline) return UV_ETIMEDOUT;
  left = deadline - now > 1000 ? 1000 : (int) (deadline - now);
  memset(&item, 0, sizeof(item));
  item.fd = pipe;
  item.events = events;
  got = poll(&item, 1, left);
  if (got < 0 && errno != EINTR) return uvshm__posix_error(errno);
  return 0;
}


static uint64_t deadline_of(uint64_t timeout_ms) {
  uint64_t now = uvshm__port_now_ms();

  return timeout_ms > UINT64_MAX - now ? UINT64_MAX : now + timeout_ms;
}


/* The room that the kernel's record of one descriptor takes. */
union control {
  struct cmsghdr head;
  char room[CMSG_SPACE(sizeof(int))];
};


static int send_once(int pipe, int fd) {
  union control control;
  struct msghdr message;
  struct cmsghdr* head;
  struct iovec bytes;

  memset(&message, 0, sizeof(message));
  memset(&control, 0, sizeof(control));
  bytes.iov_base = (void*) greeting;
  bytes.iov_len = sizeof(greeting);
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(head), &fd, sizeof(fd));
  if (sendmsg(pipe, &message, MSG_NOSIGNAL) == (ssize_t) sizeof(greeting))
    return 0;
  if (errno == EWOULDBLOCK || errno == EINTR) return UV_EAGAIN;
  return uvshm__posix_error(errno);
}


int uvshm__port_send(intptr_t handle, intptr_t pipe, uint64_t timeout_ms) {
  uint64_t deadline = deadline_of(timeout_ms);
  int err;
#ifdef SO_NOSIGPIPE
  int on = 1;

  setsockopt((int) pipe, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif

  while ((err = send_once((int) pipe, (int) handle)) == UV_EAGAIN) {
    err = await((int) pipe, POLLOUT, deadline);
    if (err < 0) return err;
  }
  return err;
}


/* A descriptor that came with the wrong words is closed again. */
static int receive_once(int pipe, int* fd) {
  char text[sizeof(greeting)];
  union control control;
  struct msghdr message;
  struct cmsghdr* head;
  struct iovec bytes;
  ssize_t size;

  memset(&message, 0, sizeof(message));
  bytes.iov_base = text;
  bytes.iov_len = sizeof(text);
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  size = recvmsg(pipe, &message, MSG_CMSG_CLOEXEC);
  if (size == 0) return UV_EOF;
  if (size < 0 && (errno == EWOULDBLOCK || errno == EINTR)) return UV_EAGAIN;
  if (size < 0) return uvshm__posix_error(errno);
  head = CMSG_FIRSTHDR(&message);
  if (head == NULL || head->cmsg_level != SOL_SOCKET ||
      head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int)))
    return UV_EPROTO;
  memcpy(fd, CMSG_DATA(head), sizeof(*fd));
  if (size == (ssize_t) sizeof(greeting) &&
      memcmp(text, greeting, sizeof(greeting)) == 0)
    return 0;
  close(*fd);
  return UV_EPROTO;
}


int uvshm__port_receive(struct uvshm__port_object* object,
                        intptr_t pipe,
                        uint64_t timeout_ms) {
  uint64_t deadline = deadline_of(timeout_ms);
  int fd = -1;
  int err;

  while ((err = receive_once((int) pipe, &fd)) == UV_EAGAIN) {
    err = await((int) pipe, POLLIN, deadline);
    if (err < 0) return err;
  }
  if (err < 0) return err;
  err = uvshm__port_import(object, fd);
  if (err < 0) uvshm__posix_data_export_close(fd);
  return err;
}
