/* SPDX-License-Identifier: MIT */

/* What this process knows of itself and its system: clocks, random bytes, its
 * name, its threads. Forks are in port_fork.c, the boot in port_boot.c. */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
# include <sys/random.h>
#endif

#define RANDOM_CHUNK 256 /* the most that getentropy() gives at once */


static uint64_t clock_ms(clockid_t clock) {
  struct timespec now;

  clock_gettime(clock, &now);
  return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}


uint64_t uvshm__port_now_ms(void) {
  return clock_ms(CLOCK_MONOTONIC);
}


uint64_t uvshm__port_wall_ms(void) {
  return clock_ms(CLOCK_REALTIME);
}


void uvshm__port_sleep_ms(uint32_t ms) {
  struct timespec left;

  left.tv_sec = (time_t) (ms / 1000);
  left.tv_nsec = (long) (ms % 1000) * 1000000;
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}


void uvshm__port_yield(void) {
  sched_yield();
}


int uvshm__port_random(void* bytes, size_t size) {
  unsigned char* at = bytes;
  size_t left = size;
  size_t chunk;
  long count;

  while (left > 0) {
    chunk = left < RANDOM_CHUNK ? left : RANDOM_CHUNK;
    if (getentropy(at, chunk) != 0) break;
    at += chunk;
    left -= chunk;
  }
  if (left == 0) return 0;

  /* A kernel without the call. */
  count = uvshm__posix_read("/dev/urandom", at, left);
  if (count < 0) return (int) count;
  return (size_t) count == left ? 0 : UV_EIO;
}


/* Asked once in each process. */
uint32_t uvshm__port_pid(void) {
  static uvshm__a64_t known; /* {lineage:32 | pid:32} */
  uint64_t word = uvshm__a64_load_relaxed(&known);
  uint32_t lineage = uvshm__port_lineage();

  if (word >> 32 != lineage) {
    word = (uint64_t) lineage << 32 | (uint32_t) getpid();
    uvshm__a64_store_relaxed(&known, word);
  }
  return (uint32_t) word;
}


void uvshm__port_program(char* text, size_t size) {
  const char* name;

  if (size == 0) return;
#ifdef __linux__
  name = program_invocation_short_name;
#else
  name = getprogname();
#endif
  text[0] = '\0';
  if (name != NULL) strncat(text, name, size - 1);
}


/* ---- one pointer for each thread ----------------------------------------- */

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static uvshm__a32_t thread_ready; /* thread_key may be read */
static int thread_error;
static void (*thread_at_exit)(void* value);


static void thread_ends(void* value) {
  void (*at_exit)(void*) = __atomic_load_n(&thread_at_exit, __ATOMIC_ACQUIRE);

  if (at_exit != NULL) at_exit(value);
}


static void make_thread_key(void) {
  thread_error = pthread_key_create(&thread_key, thread_ends);
  if (thread_error == 0) uvshm__a32_store_release(&thread_ready, 1);
}


int uvshm__port_thread_set(void* value, void (*at_exit)(void* value)) {
  int err;

  pthread_once(&thread_once, make_thread_key);
  if (thread_error != 0) return uvshm__posix_error(thread_error);
  if (at_exit != NULL)
    __atomic_store_n(&thread_at_exit, at_exit, __ATOMIC_RELEASE);
  err = pthread_setspecific(thread_key, value);
  return err == 0 ? 0 : uvshm__posix_error(err);
}


void* uvshm__port_thread_get(void) {
  if (!uvshm__a32_load_acquire(&thread_ready)) return NULL;
  return pthread_getspecific(thread_key);
}


uint64_t uvshm__port_page_size(void) {
  static uvshm__a64_t cached;
  uint64_t size = uvshm__a64_load_relaxed(&cached);

  if (size != 0) return size;
  size = (uint64_t) sysconf(_SC_PAGESIZE);
  uvshm__a64_store_relaxed(&cached, size);
  return size;
}


uint64_t uvshm__port_alignment(void) {
  return uvshm__port_page_size();
}
