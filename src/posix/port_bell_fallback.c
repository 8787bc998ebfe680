/* SPDX-License-Identifier: MIT */

/* Bells with what every POSIX system has. Each end of a FIFO is a descriptor of
 * its own, and one thread of the process reads those of all its loops: it
 * sleeps in poll(), which takes FIFOs everywhere, with one more descriptor by
 * which it is told that the list has changed. It begins with the first listener
 * and ends with the last.
 *
 * Who rings is a writer, and one without a reader gets SIGPIPE. A library must
 * not change what the program has said of signals, so the thread blocks it
 * while it writes, and takes back the one that it has caused.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define BELLS_MOST 1024 /* listeners of one process */

struct listener {
  struct listener* next;
  int fd;
  void (*rung)(void* arg);
  void* arg;
};

/* All of it is under `lock`, which is also held while `rung` is called. A
 * forked child has the list and not the thread: it forgets both. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct listener* listeners;
static uint32_t lineage; /* of the process whose thread it is */
static pthread_t thread;
static int control[2]; /* a pipe: the thread looks at the list again */

/* ---- the owner ----------------------------------------------------------- */

/* The reading end first: a writing one finds a reader only then. */
static int open_ends(struct uvshm__port_bell* bell, const char* path) {
  int flags = O_NONBLOCK | O_NOFOLLOW;
  int fd = uvshm__posix_open(path, O_RDONLY | flags, 0);
  int keep;
  int err;

  if (fd < 0) return uvshm__posix_error(errno);
  keep = uvshm__posix_open(path, O_WRONLY | flags, 0);
  if (keep < 0) {
    err = uvshm__posix_error(errno);
    close(fd);
    return err;
  }
  bell->os[UVSHM__BELL_FD] = fd;
  bell->os[UVSHM__BELL_KEEP] = keep;
  return 0;
}


int uvshm__port_bell_open(struct uvshm__port_bell* bell,
                          struct uvshm__port_object* object,
                          uint32_t slot,
                          uint32_t number) {
  return uvshm__posix_bell_make(bell, object, slot, number, open_ends);
}


void uvshm__port_bell_close(struct uvshm__port_bell* bell, int remove) {
  char* path = (char*) bell->os[UVSHM__BELL_PATH];

  if (path != NULL && remove) (void) unlink(path);
  free(path);
  close((int) bell->os[UVSHM__BELL_KEEP]);
  close((int) bell->os[UVSHM__BELL_FD]);
  bell->os[UVSHM__BELL_PATH] = 0;
}


int uvshm__port_bell_fileno(const struct uvshm__port_bell* bell, intptr_t* os) {
  *os = bell->os[UVSHM__BELL_FD];
  return 0;
}


static void empty(int fd) {
  char bytes[64];

  while (read(fd, bytes, sizeof(bytes)) < 0 && errno == EINTR) continue;
}


void uvshm__port_bell_answer(struct uvshm__port_bell* bell) {
  empty((int) bell->os[UVSHM__BELL_FD]);
}

/* ---- who rings ----------------------------------------------------------- */

int uvshm__posix_bell_reach(const char* path) {
  struct stat st;
  int fd = uvshm__posix_open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0);

  if (fd < 0) return -1;
  if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) return fd;
  close(fd);
  return -1;
}


/* A SIGPIPE for a write is the writing thread's own. One that was pending
 * before is the program's, and two are one. */
void uvshm__posix_bell_write(int fd) {
  sigset_t pending;
  sigset_t pipe;
  sigset_t old;
  long written;
  int number;

  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigemptyset(&pending);
  if (pthread_sigmask(SIG_BLOCK, &pipe, &old) != 0) return;
  sigpending(&pending);
  do written = write(fd, "", 1);
  while (written < 0 && errno == EINTR);
  if (written < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE)) {
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE)) (void) sigwait(&pipe, &number);
  }
  (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* ---- the thread ---------------------------------------------------------- */

/* Lock held. What to sleep on; how many. */
static nfds_t collect(struct pollfd* fds) {
  struct listener* at;
  nfds_t count = 1;

  fds[0].fd = control[0];
  fds[0].events = POLLIN;
  for (at = listeners; at != NULL && count <= BELLS_MOST; at = at->next) {
    fds[count].fd = at->fd;
    fds[count].events = POLLIN;
    count++;
  }
  return count;
}


/* Lock held. A listener that went while we slept is not in the list, and one
 * with its descriptor is rung for nothing, which is allowed. */
static void tell(int fd) {
  struct listener* at;

  for (at = listeners; at != NULL && at->fd != fd;) at = at->next;
  if (at == NULL) return;
  empty(fd);
  at->rung(at->arg);
}


static void* run(void* arg) {
  struct pollfd* fds = arg;
  nfds_t count;
  nfds_t i;

  pthread_mutex_lock(&lock);
  while (listeners != NULL) {
    count = collect(fds);
    pthread_mutex_unlock(&lock);
    while (poll(fds, count, -1) < 0 && errno == EINTR) continue;
    pthread_mutex_lock(&lock);
    if (fds[0].revents != 0) empty(control[0]);
    for (i = 1; i < count; i++)
      if (fds[i].revents != 0) tell(fds[i].fd);
  }
  pthread_mutex_unlock(&lock);
  free(fds);
  return NULL;
}


static void look_again(void) {
  while (write(control[1], "", 1) < 0 && errno == EINTR) continue;
}


static int prepare(int fd) {
  int flags = fcntl(fd, F_GETFL);

  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
         fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}


/* Lock held, and no thread. The program's signals are for its own threads. */
static int start_thread(void) {
  struct pollfd* fds = calloc(BELLS_MOST + 1, sizeof(*fds));
  sigset_t all;
  sigset_t old;
  int err;

  if (fds == NULL) return UV_ENOMEM;
  if (pipe(control) != 0) {
    err = uvshm__posix_error(errno);
    free(fds);
    return err;
  }
  sigfillset(&all);
  err = !prepare(control[0]) || !prepare(control[1]);
  if (err == 0) {
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&thread, NULL, run, fds);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
  }
  if (err == 0) {
    lineage = uvshm__port_lineage();
    return 0;
  }
  close(control[0]);
  close(control[1]);
  free(fds);
  return UV_EAGAIN;
}


/* The process lock keeps forks away from `lock`, so that a child never finds it
 * held by a thread that it does not have. The thread itself takes `lock` alone;
 * hence the child makes it anew. Process lock held. */
static void forget_parents(void) {
  static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

  if (lineage == 0 || lineage == uvshm__port_lineage()) return;
  lock = fresh;
  listeners = NULL;
  lineage = 0;
  close(control[0]);
  close(control[1]);
}


int uvshm__port_bell_listen(struct uvshm__port_bell* bell,
                            void (*rung)(void* arg),
                            void* arg) {
  struct listener* listener = calloc(1, sizeof(*listener));
  int err = 0;

  if (listener == NULL) return UV_ENOMEM;
  listener->fd = (int) bell->os[UVSHM__BELL_FD];
  listener->rung = rung;
  listener->arg = arg;
  uvshm__port_process_lock();
  forget_parents();
  pthread_mutex_lock(&lock);
  listener->next = listeners;
  listeners = listener;
  if (listener->next != NULL) {
    look_again();
  } else {
    err = start_thread();
    if (err < 0) listeners = NULL;
  }
  pthread_mutex_unlock(&lock);
  uvshm__port_process_unlock();
  if (err < 0)
    free(listener);
  else
    bell->os[UVSHM__BELL_LISTEN] = (intptr_t) listener;
  return err;
}


void uvshm__port_bell_ignore(struct uvshm__port_bell* bell) {
  struct listener* listener;
  struct listener** at = &listeners;
  int last = 0;

  listener = (struct listener*) bell->os[UVSHM__BELL_LISTEN];
  if (listener == NULL) return;
  bell->os[UVSHM__BELL_LISTEN] = 0;
  uvshm__port_process_lock();
  forget_parents();
  pthread_mutex_lock(&lock);
  while (*at != NULL && *at != listener) at = &(*at)->next;
  if (*at != NULL) {
    *at = listener->next;
    last = listeners == NULL;
    look_again();
  }
  pthread_mutex_unlock(&lock);
  if (last) {
    (void) pthread_join(thread, NULL);
    close(control[0]);
    close(control[1]);
    lineage = 0;
  }
  uvshm__port_process_unlock();
  free(listener);
}
