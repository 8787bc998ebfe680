/* SPDX-License-Identifier: MIT */

/* Memory that another program cuts off while it is mapped (truncate() of an
 * object's file). Whoever touches the missing part is sent SIGBUS. For guarded
 * mappings a handler puts private zeros there instead, and says that it did.
 *
 * A guard is one of a fixed number of entries in static memory, so that the
 * handler finds all it needs without a lock and without malloc, and looks at so
 * many and no more. An entry is written under the process lock, `size` of a
 * range last. The handler counts itself into an entry before it believes it;
 * who takes a range out waits until nobody is counted in. So no range of a
 * mapping that is gone is ever overwritten.
 *
 *   handler: users + 1,  read size        unguard: size = 0,  read users
 *
 * One of the two sees the other.
 *
 * The handler replaces all from the page that was touched to the end of the
 * mapping, since what is cut off is always a tail; what lies before it stays
 * shared, so the operation which was interrupted gives back what it holds
 * there. The words are set first, so nobody reads zeros of which nobody knows.
 *
 * `lineage` of a guard stands in for the word of port_fork.c, for callers that
 * ask with one load whether an object may be used: 0 when it was cut, and 0 in
 * a forked child, whose page of words is wiped.
 *
 * mmap() is not on POSIX's list of what handlers may call. On the systems that
 * this runs on it is the system call and nothing else; musl waits in it for
 * threads that are just leaving a lock of their own, and never for one that
 * faults.
 */

#include "posix.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <sys/mman.h>

#ifndef MAP_ANONYMOUS
# define MAP_ANONYMOUS MAP_ANON
#endif
#ifndef MAP_NORESERVE
# define MAP_NORESERVE 0
#endif

#define GUARDS 256u
#define VIEWS 2u

/* How long it is waited for handlers, 1 ms each: of a process that was forked
 * past our fork handler, one may be counted that is not there. */
#define WAITS 100u

struct range {
  uintptr_t size; /* 0: there is none */
  uintptr_t at;
  int prot;
};

struct entry {
  struct range ranges[VIEWS];
  uvshm__a32_t users; /* handlers that are looking at it */
  uvshm__a32_t cut;
  uint32_t taken; /* process lock */
};

static struct entry entries[GUARDS];
static uvshm__a32_t* words;              /* one for each entry; see above */
static uvshm__a32_t plain_words[GUARDS]; /* where no page can be wiped */
static struct sigaction previous;
static uvshm__a32_t spent; /* `previous` was for once, and was called */
static uintptr_t page_size;
static int installed; /* process lock */

/* ---- the handler --------------------------------------------------------- */

/* Private zeros in place of what is there. Where the system can move memory
 * they are made elsewhere first: some kernels take away what lies under
 * MAP_FIXED before they find that they have no room for the new. */
static int put_zeros(uintptr_t at, uintptr_t size, int prot) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#ifdef MREMAP_FIXED
  void* zeros = mmap(NULL, size, prot, flags, -1, 0);

  if (zeros == MAP_FAILED) return 0;
  if (mremap(zeros, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void*) at) !=
      MAP_FAILED)
    return 1;
  munmap(zeros, size);
  return 0;
#else
  return mmap((void*) at, size, prot, flags | MAP_FIXED, -1, 0) != MAP_FAILED;
#endif
}


/* From `at` to the end; of the page alone when the system has no room for a
 * promise of all. */
static int replace(const struct range* range, uintptr_t at) {
  return put_zeros(at, range->at + range->size - at, range->prot) ||
         put_zeros(at, page_size, range->prot);
}


static uintptr_t size_of(const struct range* range) {
  return __atomic_load_n(&range->size, __ATOMIC_SEQ_CST);
}


static int is_in(const struct range* range, uintptr_t at) {
  uintptr_t size = size_of(range);

  return size != 0 && at - __atomic_load_n(&range->at, __ATOMIC_RELAXED) < size;
}


static int mend_entry(uint32_t index, uintptr_t at) {
  struct entry* entry = &entries[index];
  int mended = 0;
  uint32_t i;

  for (i = 0; i < VIEWS && !mended; i++) {
    if (!is_in(&entry->ranges[i], at)) continue;
    uvshm__a32_add(&entry->users, 1);
    uvshm__fence_seq_cst();
    if (is_in(&entry->ranges[i], at)) {
      uvshm__a32_store_seq_cst(&entry->cut, 1);
      uvshm__a32_store_seq_cst(&words[index], 0);
      mended = replace(&entry->ranges[i], at / page_size * page_size);
    }
    uvshm__a32_add(&entry->users, UINT32_MAX); /* one less */
  }
  return mended;
}


static int mend(uintptr_t at) {
  uint32_t index;

  for (index = 0; index < GUARDS; index++)
    if (mend_entry(index, at)) return 1;
  return 0;
}


/* Kernels say BUS_ADRERR; the BSDs say BUS_OBJERR when a file has no such page.
 * An address that is not aligned (BUS_ADRALN) would fault again and again. */
static int is_missing_memory(const siginfo_t* info) {
  return info->si_code == BUS_ADRERR || info->si_code == BUS_OBJERR;
}


/* What would have happened without us. A fault happens again on return; what
 * somebody sent does not, and is sent again: it is blocked until then. */
static void die(int number, const siginfo_t* info) {
  struct sigaction action;

  memset(&action, 0, sizeof(action));
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
  if (!is_missing_memory(info) && info->si_code != BUS_ADRALN) raise(number);
}


static void pass_on(int number, siginfo_t* info, void* context) {
  sigset_t mask;

  if ((previous.sa_flags & (int) SA_RESETHAND) != 0 &&
      !uvshm__a32_cas(&spent, 0, 1)) {
    die(number, info);
    return;
  }
  if (!(previous.sa_flags & SA_SIGINFO)) {
    if (previous.sa_handler == SIG_IGN && !is_missing_memory(info) &&
        info->si_code != BUS_ADRALN)
      return;
    if (previous.sa_handler == SIG_IGN || previous.sa_handler == SIG_DFL) {
      die(number, info);
      return;
    }
  }
  pthread_sigmask(SIG_BLOCK, &previous.sa_mask, &mask);
  if (previous.sa_flags & SA_SIGINFO)
    previous.sa_sigaction(number, info, context);
  else
    previous.sa_handler(number);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
}


static void on_bus_error(int number, siginfo_t* info, void* context) {
  int saved = errno;
  int mended = is_missing_memory(info) && mend((uintptr_t) info->si_addr);

  errno = saved;
  if (!mended) pass_on(number, info, context);
}


/* Once; it stays, as others may have put theirs above it. Process lock. */
static int install(void) {
  struct sigaction action;

  if (installed) return 0;
  page_size = (uintptr_t) uvshm__port_page_size();
  if (words == NULL) words = uvshm__posix_wiped_page();
  if (words == NULL) words = plain_words;
  if (sigaction(SIGBUS, NULL, &previous) != 0) return uvshm__posix_error(errno);
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | (previous.sa_flags & SA_RESTART);
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGBUS, &action, NULL) != 0) return uvshm__posix_error(errno);
  installed = 1;
  return 0;
}

/* ---- entries ------------------------------------------------------------- */

static struct entry* entry_of(const struct uvshm__port_guard* guard) {
  return &entries[guard->os - 1];
}


static uvshm__a32_t* word_of(const struct uvshm__port_guard* guard) {
  return &words[guard->os - 1];
}


int uvshm__port_guard_begin(struct uvshm__port_guard* guard) {
  uint32_t index = 0;
  int err = uvshm__posix_watch_forks();

  if (err < 0) return err;
  uvshm__port_process_lock();
  err = install();
  while (err == 0 && index < GUARDS && entries[index].taken) index++;
  if (index == GUARDS)
    err = uvshm__fail(UV_EMFILE, "%u guarded handles are open already", GUARDS);
  if (err == 0) {
    entries[index].taken = 1;
    guard->os = (intptr_t) index + 1;
    guard->lineage = word_of(guard);
    uvshm__a32_store_relaxed(&entries[index].cut, 0);
    uvshm__a32_store_relaxed(word_of(guard), uvshm__port_lineage());
  }
  uvshm__port_process_unlock();
  return err;
}


int uvshm__port_guard_add(struct uvshm__port_guard* guard,
                          const struct uvshm__port_view* view) {
  struct entry* entry = entry_of(guard);
  struct range* range;
  uint32_t i = 0;

  uvshm__port_process_lock();
  while (i < VIEWS && entry->ranges[i].size != 0) i++;
  if (i < VIEWS) {
    range = &entry->ranges[i];
    range->prot = PROT_READ | PROT_WRITE;
    if (view->access == UVSHM__PORT_READ) range->prot = PROT_READ;
    __atomic_store_n(&range->at, (uintptr_t) view->addr, __ATOMIC_RELAXED);
    __atomic_store_n(&range->size, (uintptr_t) view->size, __ATOMIC_SEQ_CST);
  }
  uvshm__port_process_unlock();
  return i < VIEWS ? 0 : UV_EINVAL;
}


void uvshm__port_guard_end(struct uvshm__port_guard* guard) {
  struct entry* entry = entry_of(guard);
  uint32_t i;

  uvshm__port_process_lock();
  for (i = 0; i < VIEWS; i++)
    __atomic_store_n(&entry->ranges[i].size, 0, __ATOMIC_SEQ_CST);
  uvshm__fence_seq_cst();
  for (i = 0; i < WAITS && uvshm__a32_load_acquire(&entry->users) != 0; i++)
    uvshm__port_sleep_ms(1);
  uvshm__a32_store_relaxed(&entry->users, 0);
  entry->taken = 0;
  uvshm__port_process_unlock();
  guard->os = 0;
}


int uvshm__port_guard_is_cut(const struct uvshm__port_guard* guard) {
  return uvshm__a32_load_acquire(&entry_of(guard)->cut) != 0;
}


/* Also where nothing is missing: no thread of this process writes to the object
 * any more. */
int uvshm__port_guard_blank(struct uvshm__port_guard* guard) {
  struct entry* entry = entry_of(guard);
  struct range* range;
  uint32_t i;

  for (i = 0; i < VIEWS; i++) {
    range = &entry->ranges[i];
    if (range->size == 0) continue;
    if (!put_zeros(range->at, range->size, range->prot))
      return uvshm__posix_error(errno);
  }
  return 0;
}


/* A cut that comes meanwhile is not forgotten: its handler stores `cut` first,
 * then the word. */
void uvshm__port_guard_rejoin(struct uvshm__port_guard* guard) {
  uvshm__a32_store_seq_cst(word_of(guard), uvshm__port_lineage());
  uvshm__fence_seq_cst();
  if (uvshm__port_guard_is_cut(guard))
    uvshm__a32_store_seq_cst(word_of(guard), 0);
}


/* In a forked child, which has one thread and is in no handler of ours. */
void uvshm__posix_guards_forked(void) {
  uint32_t i;

  for (i = 0; i < GUARDS; i++) {
    uvshm__a32_store_relaxed(&entries[i].users, 0);
    uvshm__a32_store_relaxed(&plain_words[i], 0);
  }
}
