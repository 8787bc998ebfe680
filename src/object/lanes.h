/* SPDX-License-Identifier: MIT */

/* The lane of the calling thread in an attached object: found in a few loads
 * when the thread has used it before, claimed when it has not, given back when
 * the thread ends or the object is closed.
 *
 * There are two ways to find it again. An attach, and a handle, remembers one
 * entry, that of the thread which used it first; two comparisons tell whether
 * it is the caller's. And each thread has a small table of what it used lately,
 * for all the others.
 */

#ifndef UVSHM_OBJECT_LANES_H_
#define UVSHM_OBJECT_LANES_H_

#include "base/thread_local.h"
#include "base/thread_token.h"
#include "core/lane.h"
#include "object/attach.h"

#include <stdint.h>

/* A lane in this process. The first three are read by any thread that a handle
 * led here, at any time, so an entry is never given back to malloc, and the
 * thread that it belongs to (or whoever acts for one that does not run) writes
 * them in one order: `thread` is not set while `serial` is another's.
 *
 * An entry whose `thread` is the caller's own token is one that the caller
 * itself made, or nobody's who runs; if its serial is that of the caller's
 * attach as well, it is the caller's lane there. In a forked child both are as
 * in the parent, but the lineage in the serial is not the child's. */
struct uvshm__lane_entry {
  uvshm__a64_t thread; /* token; 0: nobody's */
  uvshm__a64_t serial; /* of the attach, as uvshm__lane_serial() has it */
  struct uvshm__lane lane;
  struct uvshm__attach* attach; /* NULL: closed meanwhile */
  struct uvshm__lane_entry* next_of_thread;
  struct uvshm__lane_entry* next_of_attach;
};

/* What a thread used lately, by serial number of the attach. A serial is never
 * used twice, so an entry of an object that was closed matches nothing. */
#define UVSHM__RECENT_LANES 8u

struct uvshm__recent_lane {
  uint64_t serial;
  struct uvshm__lane* lane;
};

extern UVSHM__THREAD_LOCAL struct uvshm__recent_lane
    uvshm__recent_lanes[UVSHM__RECENT_LANES];

int uvshm__lane_find_slow(struct uvshm__attach* attach,
                          int claim,
                          struct uvshm__lane** lane);

/* A serial is {lineage:32 | number:32}. Entries have it the other way round: so
 * the number alone, in its place, and the lineage of this process are added to
 * what an entry must say, and one comparison tells of both. */
static inline uint64_t uvshm__lane_number(uint64_t serial) {
  return serial << 32;
}


static inline uint64_t uvshm__lane_serial(uint64_t serial) {
  return uvshm__lane_number(serial) + (serial >> 32);
}


/* The lane of an entry that a handle remembers, if it is the caller's in the
 * attach of this number and of the lineage that the word says, else NULL: in a
 * forked child too. */
static inline struct uvshm__lane* uvshm__lane_of(
    struct uvshm__lane_entry* entry,
    uint64_t number,
    const uvshm__a32_t* lineage_word) {
  return uvshm__a64_is(&entry->thread, uvshm__thread_token()) &&
                 uvshm__a64_is(&entry->serial,
                               number + uvshm__a32_load_relaxed(lineage_word))
             ? &entry->lane
             : NULL;
}


/* For a handle to remember: an entry that is nobody's, and that of a lane which
 * was found. */
extern struct uvshm__lane_entry uvshm__lane_nobodys;

static inline struct uvshm__lane_entry* uvshm__lane_entry_of(
    struct uvshm__lane* lane) {
  return (struct uvshm__lane_entry*) (void*) ((unsigned char*) lane -
                                              offsetof(struct uvshm__lane_entry,
                                                       lane));
}


/* The lane for the usual case, or NULL: the caller is the thread that used the
 * attach first, and was not forked away from it. */
static inline struct uvshm__lane* uvshm__lane_first(
    const struct uvshm__attach* attach) {
  struct uvshm__lane_entry* entry =
      (struct uvshm__lane_entry*) (uintptr_t) uvshm__a64_load_acquire(
          &attach->entry);

  return uvshm__lane_of(
      entry, uvshm__lane_number(attach->serial), attach->lineage_word);
}


/* The thread's lane in the attach of this serial if it used it lately, else
 * NULL. In a forked child the parent's lanes are found: ask is_ours() first. */
static inline struct uvshm__lane* uvshm__lane_recent(uint64_t serial) {
  const struct uvshm__recent_lane* recent =
      &uvshm__recent_lanes[serial % UVSHM__RECENT_LANES];

  return recent->serial == serial ? recent->lane : NULL;
}


/* The thread's lane in `attach`, claimed if it has none yet. UV_EMFILE: all
 * lanes of the object are taken. */
static inline int uvshm__lane_get(struct uvshm__attach* attach,
                                  struct uvshm__lane** lane) {
  *lane = uvshm__lane_recent(attach->serial);
  return *lane != NULL ? 0 : uvshm__lane_find_slow(attach, 1, lane);
}


/* The same without claiming: UV_ENOENT when the thread has none. */
static inline int uvshm__lane_have(struct uvshm__attach* attach,
                                   struct uvshm__lane** lane) {
  *lane = uvshm__lane_recent(attach->serial);
  return *lane != NULL ? 0 : uvshm__lane_find_slow(attach, 0, lane);
}


/* The object is being closed: give back the lanes of all threads. */
void uvshm__lanes_close(struct uvshm__attach* attach);

#endif /* UVSHM_OBJECT_LANES_H_ */
