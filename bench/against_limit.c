/* SPDX-License-Identifier: MIT */

/* What the machine allows: the fewest instructions or system calls that do the
 * same for a caller who needs none of what is promised beyond it. These locks
 * cannot be repaired, and these segments are found but not understood. */

#include "bench.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- a lock that knows its owner ----------------------------------------- */

/* The floor of every robust lock: an owner's name in the word, and a note of
 * the lock in the owner's own memory around each change of it. */
#define WAITERS 0x80000000u

static uint32_t my_name;
static volatile void* pending;
static volatile void* held;


static uint32_t* word(void) {
  return (uint32_t*) (void*) bench_ground->room;
}


static int swap(uint32_t* at, uint32_t from, uint32_t to) {
  return __atomic_compare_exchange_n(
      at, &from, to, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}


static void lock_slow(uint32_t* at) {
  uint32_t seen;

  for (;;) {
    seen = __atomic_load_n(at, __ATOMIC_RELAXED);
    if (seen == 0) {
      if (swap(at, 0, my_name | WAITERS)) return;
      continue;
    }
    if (!(seen & WAITERS) && !swap(at, seen, seen | WAITERS)) continue;
    syscall(SYS_futex, at, FUTEX_WAIT, seen | WAITERS, NULL, NULL, 0);
  }
}


static inline void lock(uint32_t* at) {
  pending = at;
  if (!swap(at, 0, my_name)) lock_slow(at);
  held = at;
  pending = NULL;
}


static inline void unlock(uint32_t* at) {
  pending = at;
  held = NULL;
  if (__atomic_exchange_n(at, 0, __ATOMIC_RELEASE) & WAITERS)
    syscall(SYS_futex, at, FUTEX_WAKE, 1, NULL, NULL, 0);
  pending = NULL;
}


static int mutex_open(void) {
  my_name = (uint32_t) syscall(SYS_gettid);
  return 0;
}


static void mutex_run(uint64_t count) {
  uint32_t* at = word();

  while (count-- > 0) {
    lock(at);
    bench_ground->counter = bench_ground->counter + 1;
    unlock(at);
  }
}


static void mutex_turn(uint64_t count, uint32_t me) {
  uint32_t* at = word();

  while (count-- > 0) {
    lock(at);
    bench_critical(me);
    unlock(at);
  }
}

/* ---- shared memory, bare ------------------------------------------------- */

static char path[80];


static void must(int ok, const char* what) {
  if (!ok) bench_fail("limit", what, 0);
}


static int object_prepare(void) {
  int fd;

  snprintf(path, sizeof(path), "/%s", bench_name("bare"));
  fd = shm_open(path, O_CREAT | O_RDWR, 0600);
  if (fd < 0) return -1;
  must(posix_fallocate(fd, 0, BENCH_OBJECT_SIZE) == 0, "fallocate");
  must(ftruncate(fd, (off_t) bench_room) == 0, "truncate");
  return close(fd);
}


static void object_open_close(uint64_t count) {
  struct stat st;
  char* bytes;
  int fd;

  while (count-- > 0) {
    fd = shm_open(path, O_RDWR, 0600);
    must(fd >= 0 && fstat(fd, &st) == 0, "open");
    bytes = mmap(
        NULL, (size_t) st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(bytes != MAP_FAILED, "map");
    close(fd);
    *(volatile char*) bytes = 1;
    munmap(bytes, (size_t) st.st_size);
  }
}


static void object_finish(void) {
  shm_unlink(path);
}


/* The memory is made to exist here too: who does not is told by SIGBUS later
 * that there is none. */
static void object_create_unlink(uint64_t count) {
  char* bytes;
  int fd;

  snprintf(path, sizeof(path), "/%s", bench_name("bare"));
  while (count-- > 0) {
    fd = shm_open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
    must(fd >= 0, "create");
    must(posix_fallocate(fd, 0, BENCH_OBJECT_SIZE) == 0, "fallocate");
    bytes = mmap(
        NULL, BENCH_OBJECT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(bytes != MAP_FAILED, "map");
    close(fd);
    *(volatile char*) bytes = 1;
    munmap(bytes, BENCH_OBJECT_SIZE);
    shm_unlink(path);
  }
}

/* ---- a counter, and a look whether somebody waits for it ----------------- */

static uint64_t* counter_and_waiters(void) {
  return (uint64_t*) (void*) bench_ground->room;
}


static void post(uint64_t* at) {
  if (__atomic_add_fetch(at, 1, __ATOMIC_RELEASE) >> 32)
    syscall(SYS_futex, at, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}


static void notify(uint64_t count) {
  uint64_t* at = counter_and_waiters();

  while (count-- > 0) post(at);
}


static void sem_run(uint64_t count) {
  uint64_t* at = counter_and_waiters();
  uint64_t seen;

  while (count-- > 0) {
    post(at);
    seen = __atomic_load_n(at, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(
        at, &seen, seen - 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      continue;
  }
}


const struct bench_side* bench_limit(enum bench_what what) {
  static const struct bench_side sides[] = {
      [BENCH_MUTEX] =
          {"limit", NULL, mutex_open, mutex_run, mutex_turn, NULL, NULL, 0},
      [BENCH_SEGMENT_OPEN] = {"limit",
                              object_prepare,
                              NULL,
                              object_open_close,
                              NULL,
                              NULL,
                              object_finish,
                              0},
      [BENCH_SEGMENT_CREATE] =
          {"limit", NULL, NULL, object_create_unlink, NULL, NULL, NULL, 0},
      [BENCH_NOTIFY] = {"limit", NULL, NULL, notify, NULL, NULL, NULL, 0},
      [BENCH_SEM] = {"limit", NULL, NULL, sem_run, NULL, NULL, NULL, 0}};

  return what <= BENCH_SEM ? &sides[what] : bench_limit_structure(what);
}
