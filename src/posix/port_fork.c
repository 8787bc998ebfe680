/* SPDX-License-Identifier: MIT */

/* Forks: the process lock, which a fork waits for, and the lineage, which tells
 * a child from its parent.
 *
 * The lineage lies in a page that the kernel wipes in children. A child that
 * reads 0 there stores the next number, so reading costs two loads and finds
 * out forks that no handler was called for. Where the kernel cannot wipe pages
 * a fork handler counts.
 *
 *   parent  1 --fork--> child 0, stores 2 --fork--> grandchild 0, stores 3
 *
 * Two children of one parent may have the same number. They never share a
 * handle, so nobody asks.
 */

#include "posix.h"

#include "base/thread_local.h"

#include <pthread.h>
#include <unistd.h>

#include <sys/mman.h>

#ifndef MAP_ANONYMOUS
# define MAP_ANONYMOUS MAP_ANON
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int watch_error;

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static UVSHM__THREAD_LOCAL uint32_t depth; /* of process_lock, in this thread */

/* Where the lineage is read: the wiped page, or `counted` without one. */
static uvshm__a32_t* lineage_word;
static uvshm__a32_t counted = {1};
static uvshm__a32_t last_lineage = {1};


static void before_fork(void) {
  uvshm__port_process_lock();
  uvshm__posix_carriers_fork();
}


static void after_fork_in_parent(void) {
  uvshm__posix_carriers_parent();
  uvshm__port_process_unlock();
}


/* The child has the forking thread alone. The mutex is made anew, since some
 * systems do not let a child unlock its parent's. */
static void after_fork_in_child(void) {
  static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

  process_lock = fresh;
  if (--depth > 0) pthread_mutex_lock(&process_lock);
  if (lineage_word == &counted) uvshm__a32_add(&counted, 1);
  uvshm__posix_carriers_child();
  uvshm__posix_guards_forked();
}


uvshm__a32_t* uvshm__posix_wiped_page(void) {
#if defined(MADV_WIPEONFORK) && !defined(UVSHM__PORT_FALLBACK)
  size_t size = (size_t) uvshm__port_page_size();
  void* page = mmap(
      NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (page == MAP_FAILED) return NULL;
  if (madvise(page, size, MADV_WIPEONFORK) == 0) return page;
  munmap(page, size);
#endif
  return NULL;
}


static void start(void) {
  uvshm__a32_t* word = uvshm__posix_wiped_page();

  if (word == NULL) word = &counted;
  uvshm__a32_store_relaxed(word, 1);
  __atomic_store_n(&lineage_word, word, __ATOMIC_RELEASE);
  watch_error =
      pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}


int uvshm__posix_watch_forks(void) {
  pthread_once(&once, start);
  return watch_error == 0 ? 0 : UV_ENOMEM;
}


void uvshm__port_process_lock(void) {
  if (depth++ == 0) {
    pthread_once(&once, start);
    pthread_mutex_lock(&process_lock);
  }
}


void uvshm__port_process_unlock(void) {
  if (--depth == 0) pthread_mutex_unlock(&process_lock);
}


/* Of two threads of a child that come here together, one stores its number. The
 * counter is raised first, so that it is never behind the word, whoever forks
 * in between. */
static uint32_t next_lineage(uvshm__a32_t* word) {
  uint32_t next = uvshm__a32_add(&last_lineage, 1) + 1;

  if (uvshm__a32_cas(word, 0, next)) return next;
  return uvshm__a32_load_acquire(word);
}


static uvshm__a32_t* find_word(void) {
  uvshm__a32_t* word = __atomic_load_n(&lineage_word, __ATOMIC_ACQUIRE);

  if (word != NULL) return word;
  pthread_once(&once, start);
  return __atomic_load_n(&lineage_word, __ATOMIC_ACQUIRE);
}


uint32_t uvshm__port_lineage(void) {
  uvshm__a32_t* word = find_word();
  uint32_t lineage = uvshm__a32_load_relaxed(word);

  return lineage != 0 ? lineage : next_lineage(word);
}


const uvshm__a32_t* uvshm__port_lineage_word(void) {
  return find_word();
}
