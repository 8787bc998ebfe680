/* SPDX-License-Identifier: MIT */

/* Many readers or one writer.
 *
 * Writers have a robust lock (lock.c) among themselves. A reader takes none: it
 * notes in its own lane that it reads, and then looks whether a writer has the
 * word. A writer takes the word, and then looks through the notes of all lanes.
 *
 *   reader                              writer
 *     note "I read"                       take the word
 *     full fence                          full fence
 *     writer in the word?                 notes of readers?
 *       no:  inside                         no:  inside
 *       yes: take the note back, wait       yes: wait until they are gone
 *
 * Of a reader and a writer that come at once, one sees the other at least. If
 * both do, the reader gives way: that is the preference for writers. A reader
 * writes nothing that another reader reads, so readers do not slow each other
 * down, however many they are.
 *
 * Once the word is the writer's, nobody new gets inside. So each lane needs to
 * be waited for once, and a note that appears in one that was seen without is
 * of a reader that is about to take it back.
 *
 * Death: a note is all that a reader leaves, and repair clears the notes of a
 * dead lane as for every lock (lane.c). A writer is the owner of the word and
 * is repaired after like the owner of a lock, also while it waits for readers;
 * the news of its death stays in the word until the next writer takes it, and
 * each reader that comes before is told as well.
 *
 * A note of reading also covers the word: a reader that becomes the writer
 * takes the word under it, waits for the others, and then turns the note into
 * a writer's; on the way back the other way round. Two that want to become the
 * writer compete for the word; who is second is told at once, because the
 * first one waits for it.
 */

#include "core/rwlock.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/reap.h"
#include "core/wait.h"
#include "uvshm/flags.h"

#include <string.h>

/* Repairs that one try (timeout 0) is ready to start before it says "busy". */
#define REPAIRS_PER_TRY 2

/* Rounds without sleep before the clock and `cancelled` are looked at. */
#define ROUNDS_PER_CLOCK 64


UVSHM__RARE void uvshm__rwlock_format(struct uvshm__rwlock* rwlock,
                                      uint32_t argument) {
  (void) argument;
  memset(rwlock, 0, sizeof(*rwlock));
  uvshm__a32_store_relaxed(&rwlock->lock.flags, UVSHM__LOCK_READERS);
}


static int declared_dead(const struct uvshm__lane* lane) {
  if (uvshm__a32_load_acquire(&lane->ent->owner) == lane->owner) return 0;
  return uvshm__fail(UV_ECANCELED, "this process was declared dead");
}


static uint32_t place_of(const struct uvshm__lane* lane,
                         const struct uvshm__rwlock* rwlock) {
  return uvshm__lock_place(lane->core, &rwlock->lock);
}

/* ---- who reads ----------------------------------------------------------- */

/* The note of lane `index` that says so, or NULL. From the last note to the
 * first: that is the way that one is moved (uvshm__lock_forget()). */
static const uvshm__a32_t* note_of(const struct uvshm__core* core,
                                   const struct uvshm__rwlock* rwlock,
                                   uint32_t index) {
  const struct uvshm__lane_ent* ent = uvshm__core_lane(core, index);
  uint32_t note = uvshm__lock_place(core, &rwlock->lock) | UVSHM__LANE_READ;
  uint32_t i;

  if (uvshm__a32_load_acquire(&ent->owner) == 0) return NULL;
  for (i = UVSHM__LANE_HELD; i-- > 0;)
    if (uvshm__a32_load_acquire(&ent->held[i]) == note) return &ent->held[i];
  return NULL;
}


/* The first note of another lane from lane *index on, which is moved there. */
static const uvshm__a32_t* next_reader(const struct uvshm__lane* lane,
                                       const struct uvshm__rwlock* rwlock,
                                       uint32_t* index) {
  const struct uvshm__core* core = lane->core;
  const uvshm__a32_t* note;

  for (; *index < core->lanes_max; (*index)++) {
    if (uvshm__lane_is_new(core, *index)) break;
    if (*index == lane->index) continue;
    note = note_of(core, rwlock, *index);
    if (note != NULL) return note;
  }
  return NULL;
}


uint32_t uvshm__rwlock_readers(const struct uvshm__core* core,
                               const struct uvshm__rwlock* rwlock) {
  uint32_t count = 0;
  uint32_t index;

  for (index = 0; index < core->lanes_max; index++) {
    if (uvshm__lane_is_new(core, index)) break;
    if (note_of(core, rwlock, index) != NULL) count++;
  }
  return count;
}


/* Lane `index` reads for a while: does its thread live? Repairs after it if
 * not. */
UVSHM__RARE static int question_reader(struct uvshm__lane* lane,
                                       uint32_t index) {
  const struct uvshm__core* core = lane->core;
  uint32_t owner =
      uvshm__a32_load_acquire(&uvshm__core_lane(core, index)->owner);
  uint32_t slot = (owner & UVSHM__LANE_SLOT) - 1;
  int err = declared_dead(lane);

  if (err < 0) return err;
  if (owner == 0 || slot == core->slot) return 0;
  if (uvshm__lane_is_damaged(core, index))
    return uvshm__fail(UV_EPROTO,
                       "lane %u reads and its owner is no peer; repair clears "
                       "it",
                       index);
  /* The first part of repair only: we hold a lock. */
  if (!core->env->alive(core->env_arg, slot))
    (void) uvshm__reap_locks(core, slot);
  return 0;
}


/* For a try: repair after all readers that are dead. UV_EBUSY: one lives. */
UVSHM__RARE static int question_readers(struct uvshm__lane* lane,
                                        const struct uvshm__rwlock* rwlock) {
  uint32_t index = 0;
  int err;

  while (next_reader(lane, rwlock, &index) != NULL) {
    err = question_reader(lane, index);
    if (err < 0) return err;
    if (note_of(lane->core, rwlock, index) != NULL) return UV_EBUSY;
  }
  return 0;
}


/* The word is ours, and a full fence was since: wait until the readers inside
 * have left. */
static int wait_for_readers(struct uvshm__lane* lane,
                            struct uvshm__rwlock* rwlock,
                            uint64_t timeout_ms,
                            const uvshm__a32_t* cancelled) {
  struct uvshm__signal* left = &rwlock->gate.left;
  const uvshm__a32_t* note;
  struct uvshm__wait wait;
  uint32_t index = 0;
  uint32_t value;
  int err;

  if (next_reader(lane, rwlock, &index) == NULL) return 0;
  if (timeout_ms == 0) return question_readers(lane, rwlock);
  uvshm__wait_begin(&wait, lane, &left->word, timeout_ms, cancelled);
  for (;;) {
    note = next_reader(lane, rwlock, &index);
    if (note == NULL) return 0;
    if ((uvshm__wait_spin(lane, note, UVSHM__LANE_READ, 1) &
         UVSHM__LANE_READ) == 0)
      continue;
    value = uvshm__signal_prepare(left);
    if (next_reader(lane, rwlock, &index) == NULL) return 0;
    err = uvshm__wait_sleep(&wait, value);
    if (err == UVSHM__WAIT_SLICE) err = question_reader(lane, index);
    if (err < 0) return err;
  }
}

/* ---- reading ------------------------------------------------------------- */

/* A writer has it or its turn. A try asks after him at once, others wait a
 * while first. 0: look again. */
static int wait_for_writer(struct uvshm__rwlock* rwlock,
                           struct uvshm__wait* wait,
                           uint32_t* repairs) {
  struct uvshm__lane* lane = wait->lane;
  uint32_t value;
  int err;

  if (wait->timeout_ms == 0) {
    if ((*repairs)++ == REPAIRS_PER_TRY) return UV_EBUSY;
    err = uvshm__lock_question(lane, &rwlock->lock);
    if (err == 0) return UV_EBUSY;
    return err < 0 ? err : 0;
  }
  if (!uvshm__rwlock_is_closed(
          uvshm__wait_spin(lane, &rwlock->lock.word, UVSHM__LOCK_NAME, 1)))
    return 0;
  value = uvshm__signal_prepare(&rwlock->gate.readers);
  if (!uvshm__rwlock_is_closed(uvshm__a32_load_relaxed(&rwlock->lock.word)))
    return 0;
  err = uvshm__wait_sleep(wait, value);
  if (err == UVSHM__WAIT_SLICE) err = uvshm__lock_question(lane, &rwlock->lock);
  return err < 0 ? err : 0;
}


static int read_or_wait(struct uvshm__lane* lane,
                        struct uvshm__rwlock* rwlock,
                        struct uvshm__wait* wait) {
  uint32_t place = place_of(lane, rwlock);
  uint32_t repairs = 0;
  uint32_t rounds;
  uint32_t word;
  int err;

  for (rounds = 1;; rounds++) {
    if (uvshm__rwlock_enter(lane, rwlock, place, &word))
      return (word & UVSHM__LOCK_DIED) != 0 ? UVSHM_OWNER_DIED : 0;
    uvshm__rwlock_erase(lane, rwlock);
    err = wait_for_writer(rwlock, wait, &repairs);
    /* Writers that come and go do not make us forget the time. */
    if (err == 0 && rounds % ROUNDS_PER_CLOCK == 0)
      err = uvshm__wait_sleep(
          wait, ~uvshm__a32_load_relaxed(&rwlock->gate.readers.word));
    if (err < 0) return err;
  }
}


int uvshm__rwlock_read_slow(struct uvshm__lane* lane,
                            struct uvshm__rwlock* rwlock,
                            uint64_t timeout_ms,
                            const uvshm__a32_t* cancelled) {
  struct uvshm__wait wait;
  int err = declared_dead(lane);

  if (err < 0) return err;
  if (uvshm__lock_is_held(lane, &rwlock->lock))
    return uvshm__fail(UV_EINVAL, "this thread holds the lock already");
  if (lane->count >= UVSHM__LANE_HELD_CALLER)
    return uvshm__fail(
        UV_ENOBUFS, "this thread holds %u locks already", lane->count);
  uvshm__wait_begin(
      &wait, lane, &rwlock->gate.readers.word, timeout_ms, cancelled);
  err = read_or_wait(lane, rwlock, &wait);
  return err == UV_ETIMEDOUT && timeout_ms == 0 ? UV_EBUSY : err;
}

/* ---- writing ------------------------------------------------------------- */

/* The word is not ours any more. */
static void let_readers_in(struct uvshm__lane* lane,
                           struct uvshm__rwlock* rwlock) {
  uvshm__signal_raise(lane->core, &rwlock->gate.readers, UINT32_MAX);
}


static int release_write(struct uvshm__lane* lane,
                         struct uvshm__rwlock* rwlock) {
  int err = uvshm__lock_release(lane, &rwlock->lock);

  let_readers_in(lane, rwlock);
  return err;
}


/* Readers did not leave in time. News that came with the word stay in it. */
static void give_up(struct uvshm__lane* lane,
                    struct uvshm__rwlock* rwlock,
                    int news) {
  if (news == UVSHM_OWNER_DIED)
    (void) uvshm__lock_abandon(lane, &rwlock->lock);
  else
    (void) uvshm__lock_release(lane, &rwlock->lock);
  let_readers_in(lane, rwlock);
}


/* The writers' lock. *left_ms: what is left of the time. */
static int take_turn(struct uvshm__lane* lane,
                     struct uvshm__rwlock* rwlock,
                     uint64_t timeout_ms,
                     const uvshm__a32_t* cancelled,
                     uint64_t* left_ms) {
  const struct uvshm__core* core = lane->core;
  int is_timed = timeout_ms != 0 && timeout_ms != UVSHM__WAIT_FOREVER;
  uint64_t begun = 0;
  uint64_t took;
  int err;

  *left_ms = timeout_ms;
  if (uvshm__lock_take(lane, &rwlock->lock, place_of(lane, rwlock))) return 0;
  if (is_timed) begun = core->env->now_ms(core->env_arg);
  err = uvshm__lock_acquire_slow(lane, &rwlock->lock, timeout_ms, 0, cancelled);
  if (err < 0 || !is_timed) return err;
  took = core->env->now_ms(core->env_arg) - begun;
  *left_ms = took < timeout_ms ? timeout_ms - took : 0;
  return err;
}


int uvshm__rwlock_write(struct uvshm__lane* lane,
                        struct uvshm__rwlock* rwlock,
                        uint64_t timeout_ms,
                        const uvshm__a32_t* cancelled) {
  uint64_t left_ms;
  int news;
  int err;

  if (uvshm__lock_is_held(lane, &rwlock->lock))
    return uvshm__fail(UV_EINVAL, "this thread holds the lock already");
  /* A try that will fail need not keep readers out. */
  if (timeout_ms == 0) {
    err = question_readers(lane, rwlock);
    if (err < 0) return err;
  }
  news = take_turn(lane, rwlock, timeout_ms, cancelled, &left_ms);
  if (news < 0) return news;
  /* Pairs with the exchange and the load in uvshm__rwlock_enter(). */
  uvshm__fence_seq_cst();
  err = wait_for_readers(lane, rwlock, left_ms, cancelled);
  if (err == 0) return news;
  give_up(lane, rwlock, news);
  return err == UV_EBUSY && timeout_ms != 0 ? UV_ETIMEDOUT : err;
}


int uvshm__rwlock_release_slow(struct uvshm__lane* lane,
                               struct uvshm__rwlock* rwlock) {
  uint32_t held = uvshm__lock_find(lane, &rwlock->lock);

  if (held == 0) return UV_EPERM;
  if ((lane->reads >> held & 1) == 0) return release_write(lane, rwlock);
  uvshm__lock_forget(lane, held);
  uvshm__fence_seq_cst();
  if (uvshm__rwlock_is_closed(uvshm__a32_load_relaxed(&rwlock->lock.word)))
    uvshm__signal_raise(lane->core, &rwlock->gate.left, 1);
  return 0;
}


UVSHM__RARE void uvshm__rwlock_abandon(struct uvshm__lane* lane,
                                       struct uvshm__rwlock* rwlock) {
  uint32_t held = uvshm__lock_find(lane, &rwlock->lock);

  if (held == 0) return;
  if (lane->reads >> held & 1) {
    (void) uvshm__rwlock_release(lane, rwlock);
    return;
  }
  (void) uvshm__lock_abandon(lane, &rwlock->lock);
  let_readers_in(lane, rwlock);
}

/* ---- from one to the other ----------------------------------------------- */

/* Take the word if no writer has it: 0, UVSHM_OWNER_DIED or UV_EBUSY. A dead
 * one is repaired after. */
static int take_word(struct uvshm__lane* lane, struct uvshm__rwlock* rwlock) {
  struct uvshm__lock* lock = &rwlock->lock;
  uint32_t tries;
  uint32_t word;
  int err;

  for (tries = 0; tries < ROUNDS_PER_CLOCK; tries++) {
    word = uvshm__a32_load_relaxed(&lock->word);
    if (!uvshm__rwlock_is_closed(word)) {
      if (uvshm__a32_cas(
              &lock->word, word, lane->name | (word & UVSHM__LOCK_WAITERS)))
        return (word & UVSHM__LOCK_DIED) != 0 ? UVSHM_OWNER_DIED : 0;
      continue;
    }
    err = uvshm__lock_question(lane, lock);
    if (err < 0) return err;
    if (err == 0) return UV_EBUSY;
  }
  return UV_EBUSY;
}


/* The word, of which a note of reading tells that it may be ours. */
UVSHM__RARE static void free_word(struct uvshm__lane* lane,
                                  struct uvshm__rwlock* rwlock,
                                  int news) {
  struct uvshm__lock* lock = &rwlock->lock;
  uint32_t word = uvshm__a32_load_relaxed(&lock->word);

  /* We may have been declared dead meanwhile. */
  if ((word & UVSHM__LOCK_NAME) != lane->name) return;
  word = uvshm__a32_xchg(&lock->word,
                         news == UVSHM_OWNER_DIED ? UVSHM__LOCK_DIED : 0);
  if (word & UVSHM__LOCK_WAITERS)
    uvshm__wait_wake(lane->core, &lock->word, lane->index + 1, 1);
  let_readers_in(lane, rwlock);
}


int uvshm__rwlock_upgrade(struct uvshm__lane* lane,
                          struct uvshm__rwlock* rwlock,
                          uint64_t timeout_ms,
                          const uvshm__a32_t* cancelled) {
  uint32_t held = uvshm__lock_find(lane, &rwlock->lock);
  int err = declared_dead(lane);
  int news;

  if (err < 0) return err;
  if (held == 0 || (lane->reads >> held & 1) == 0) return UV_EPERM;
  news = take_word(lane, rwlock);
  if (news < 0) return news;
  uvshm__fence_seq_cst();
  err = wait_for_readers(lane, rwlock, timeout_ms, cancelled);
  if (err < 0) {
    free_word(lane, rwlock, news);
    return err;
  }
  lane->reads &= ~(1u << held);
  uvshm__a32_store_release(&lane->ent->held[held - 1], lane->held[held]);
  return news;
}


int uvshm__rwlock_downgrade(struct uvshm__lane* lane,
                            struct uvshm__rwlock* rwlock) {
  uint32_t held = uvshm__lock_find(lane, &rwlock->lock);

  if (held == 0 || lane->reads >> held & 1) return UV_EPERM;
  if ((uvshm__a32_load_relaxed(&rwlock->lock.word) & UVSHM__LOCK_NAME) !=
      lane->name)
    return release_write(lane, rwlock); /* it was taken from us: UV_EPERM */
  /* Whoever takes the word after us sees the note: it is before the word. */
  uvshm__a32_store_release(&lane->ent->held[held - 1],
                           lane->held[held] | UVSHM__LANE_READ);
  lane->reads |= 1u << held;
  free_word(lane, rwlock, 0);
  return 0;
}

/* ---- for all ------------------------------------------------------------- */

void uvshm__rwlock_wake(const struct uvshm__core* core,
                        const struct uvshm__rwlock* rwlock) {
  uvshm__wait_wake(core, &rwlock->lock.word, 0, UINT32_MAX);
  uvshm__wait_wake(core, &rwlock->gate.readers.word, 0, UINT32_MAX);
  uvshm__wait_wake(core, &rwlock->gate.left.word, 0, UINT32_MAX);
}


uint32_t uvshm__rwlock_waiters(const struct uvshm__core* core,
                               const struct uvshm__rwlock* rwlock) {
  return uvshm__wait_count(core, &rwlock->lock.word) +
         uvshm__wait_count(core, &rwlock->gate.readers.word) +
         uvshm__wait_count(core, &rwlock->gate.left.word);
}
