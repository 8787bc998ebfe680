/* SPDX-License-Identifier: MIT */

/* A lock between processes that survives its owner.
 *
 * The word names the owner's lane, and the lane's owner is a peer whose life
 * the kernel vouches for. So whoever is blocked can find out whom to blame and
 * ask whether that one still lives; and the lane notes the lock before it is
 * taken, so whoever clears up after a peer finds its locks without a search.
 *
 * Life of the word (w: somebody may sleep on it):
 *
 *        +--------------------- release ---------------------+
 *        v                                                   |
 *       0 --acquire--> lane|generation --blocked one--> w|lane|generation
 *                        ^     |                                 |
 *                        |     +-- owner died, repaired ---------+
 *                        |     v
 *                        +-- died: free, and the next owner is told
 *
 * Nobody ever takes a lock over. A dead owner's word is changed by repair
 * alone, which one process at a time does, holding the dead peer's slot; the
 * blocked ones then compete for a free word as always. Taking over by
 * compare-and-swap of the dead owner's word looks simpler and gives two owners
 * when the one who looked is slow.
 *
 * A death between any two of our stores is one of these:
 *
 *   noted, word not ours yet        repair sees that and drops the note
 *   word ours                       repair finishes a committed log (below) and
 *                                   leaves the word free, with the news
 *   word given back, note there     as the first
 *   word given back, nobody woken   sleepers look again within a slice (wait.c)
 *
 * The log makes a change of several words one change. It is filled, then n is
 * set: from that store on the change has happened. Then the words are stored,
 * then n is cleared. A repairer that finds n set stores the same words once
 * more, which anybody may do any number of times, since nobody but the owner
 * changes them. Redo and not undo, so that those who read without the lock
 * never see a value that is taken back.
 *
 * What a word means, the log and the repair are in lock_repair.c.
 *
 * Lock order: the directory's lock is the only one that the library takes, and
 * it takes none while holding it.
 */

#include "core/lock.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/contents.h"
#include "core/reap.h"
#include "core/signal.h"
#include "core/wait.h"
#include "uvshm/flags.h"

#include <string.h>

/* Repairs that one try (timeout 0) is ready to start before it says "busy". */
#define REPAIRS_PER_TRY 2

/* Rounds without sleep before the clock and `cancelled` are looked at. */
#define ROUNDS_PER_CLOCK 64

#define NOT_HELD 0u


UVSHM__RARE void uvshm__lock_format(struct uvshm__lock* lock, uint32_t flags) {
  memset(lock, 0, sizeof(*lock));
  uvshm__a32_store_relaxed(&lock->flags, flags & UVSHM__LOCK_RECURSIVE);
}

/* ---- what this lane holds ------------------------------------------------ */

uint32_t uvshm__lock_find(const struct uvshm__lane* lane,
                          const struct uvshm__lock* lock) {
  uint32_t place = uvshm__lock_place(lane->core, lock);
  uint32_t i;

  for (i = lane->count; i > 0; i--)
    if ((lane->held[i] & ~UVSHM__LANE_AGAIN) == place) return i;
  return NOT_HELD;
}


static void remember(struct uvshm__lane* lane, const struct uvshm__lock* lock) {
  lane->count++;
  lane->held[lane->count] = uvshm__lock_place(lane->core, lock);
}


static void set_depth(struct uvshm__lane* lane, uint32_t i, uint32_t depth) {
  lane->depth[i] = depth;
  lane->held[i] &= ~UVSHM__LANE_AGAIN;
  if (depth != 0) lane->held[i] |= UVSHM__LANE_AGAIN;
}


/* The last one takes its place. A repairer may meet the moved one twice, but
 * never misses it; nor does a writer who looks for readers, since he looks from
 * the last note to the first. */
UVSHM__RARE void uvshm__lock_forget(struct uvshm__lane* lane, uint32_t i) {
  uint32_t last = lane->count;
  uint32_t is_read = lane->reads >> last & 1;

  lane->reads &= ~(1u << i | 1u << last);
  if (i != last) {
    lane->held[i] = lane->held[last];
    lane->depth[i] = lane->depth[last];
    lane->reads |= is_read << i;
    uvshm__a32_store_release(
        &lane->ent->held[i - 1],
        (lane->held[i] & ~UVSHM__LANE_AGAIN) | is_read * UVSHM__LANE_READ);
  }
  lane->depth[last] = 0;
  uvshm__a32_store_release(&lane->ent->held[last - 1], 0);
  lane->count = last - 1;
}

/* ---- acquire ------------------------------------------------------------- */

static int damaged(const struct uvshm__core* core,
                   const struct uvshm__lock* lock) {
  return uvshm__fail(
      UV_EPROTO,
      "the lock at offset %llu says %08x, which names nobody; "
      "repair clears it",
      (unsigned long long) ((const unsigned char*) lock - core->base),
      (unsigned int) uvshm__a32_load_relaxed(&lock->word));
}


static int declared_dead(void) {
  return uvshm__fail(UV_ECANCELED, "this process was declared dead");
}


/* One that this lane holds already. */
static int acquire_again(struct uvshm__lane* lane,
                         struct uvshm__lock* lock,
                         uint32_t flags,
                         uint32_t held) {
  uint32_t word = uvshm__a32_load_relaxed(&lock->word);

  if (!(flags & UVSHM__LOCK_RECURSIVE))
    return uvshm__fail(UV_EINVAL, "this thread holds the lock already");
  if ((word & UVSHM__LOCK_NAME) != lane->name) return damaged(lane->core, lock);
  if (lane->depth[held] == UINT32_MAX)
    return uvshm__fail(UV_EOVERFLOW, "the lock was taken too often");
  set_depth(lane, held, lane->depth[held] + 1);
  uvshm__a32_store_relaxed(&lock->depth, lane->depth[held]);
  return 0;
}


UVSHM__RARE int uvshm__lock_question(struct uvshm__lane* lane,
                                     struct uvshm__lock* lock) {
  const struct uvshm__core* core = lane->core;
  uint32_t word = uvshm__a32_load_acquire(&lock->word);
  uint32_t slot = 0;

  if (uvshm__a32_load_relaxed(&lane->ent->owner) != lane->owner)
    return declared_dead();
  switch (uvshm__lock_judge(core, lock, word, &slot)) {
    case UVSHM__LOCK_DAMAGED:
      return damaged(core, lock);
    case UVSHM__LOCK_OWNED:
      break;
    default:
      return 1;
  }
  /* Our own list says that we do not hold it. */
  if ((word & UVSHM__LOCK_NAME) == lane->name) return damaged(core, lock);
  if (slot == core->slot || core->env->alive(core->env_arg, slot)) return 0;

  /* The second part may take locks, so not while we hold any. Who joins, or
   * is blocked with empty hands, does it later. */
  return (lane->count == 0 ? uvshm__reap(core, slot)
                           : uvshm__reap_locks(core, slot)) == 0;
}


/* Take a free word, if it is still `word`. */
static int take(struct uvshm__lane* lane,
                struct uvshm__lock* lock,
                uint32_t word,
                const struct uvshm__wait* wait) {
  uint32_t desired = lane->name | (word & UVSHM__LOCK_WAITERS);

  /* Whoever woke us cleared the bit for all who sleep here. */
  if (wait->sleeps != 0) desired |= UVSHM__LOCK_WAITERS;
  return uvshm__a32_cas(&lock->word, word, desired);
}


/* The word names somebody else. A try asks after him at once, others sleep a
 * while first. 0: look again. */
static int stand_by(struct uvshm__lock* lock,
                    uint32_t word,
                    struct uvshm__wait* wait,
                    uint32_t* repairs) {
  uint32_t sleeping = word | UVSHM__LOCK_WAITERS;
  int err;

  if (wait->timeout_ms == 0) {
    if ((*repairs)++ == REPAIRS_PER_TRY) return UV_EBUSY;
    err = uvshm__lock_question(wait->lane, lock);
    if (err == 0) return UV_EBUSY;
    return err < 0 ? err : 0;
  }
  if (word != sleeping && !uvshm__a32_cas(&lock->word, word, sleeping))
    return 0;
  err = uvshm__wait_sleep(wait, sleeping);
  if (err == UVSHM__WAIT_SLICE) err = uvshm__lock_question(wait->lane, lock);
  return err < 0 ? err : 0;
}


/* 0, UVSHM_OWNER_DIED or an error. */
static int compete(struct uvshm__lane* lane,
                   struct uvshm__lock* lock,
                   struct uvshm__wait* wait) {
  uint32_t repairs = 0;
  uint32_t rounds;
  uint32_t word;
  int err = 0;

  for (rounds = 1;; rounds++) {
    /* Who was woken spins again: the word may be taken, but not for long. */
    if (wait->timeout_ms != 0)
      word = uvshm__wait_spin(lane, &lock->word, UVSHM__LOCK_NAME, 1);
    else
      word = uvshm__a32_load_relaxed(&lock->word);
    if ((word & UVSHM__LOCK_NAME) != 0)
      err = stand_by(lock, word, wait, &repairs);
    else if (take(lane, lock, word, wait))
      return (word & UVSHM__LOCK_DIED) != 0 ? UVSHM_OWNER_DIED : 0;
    /* Whoever changes the word all the time does not make us forget ours. */
    if (err == 0 && rounds % ROUNDS_PER_CLOCK == 0)
      err = uvshm__wait_sleep(wait, ~word);
    if (err < 0) return err;
  }
}


int uvshm__lock_acquire_slow(struct uvshm__lane* lane,
                             struct uvshm__lock* lock,
                             uint64_t timeout_ms,
                             uint32_t flags,
                             const uvshm__a32_t* cancelled) {
  uint32_t most =
      flags & UVSHM__LOCK_INTERNAL ? UVSHM__LANE_HELD : UVSHM__LANE_HELD_CALLER;
  uint32_t count = lane->count;
  uint32_t held = uvshm__lock_find(lane, lock);
  struct uvshm__wait wait;
  int err;

  if (uvshm__a32_load_acquire(&lane->ent->owner) != lane->owner)
    return declared_dead();
  if (held != NOT_HELD) return acquire_again(lane, lock, flags, held);
  if (count >= most)
    return uvshm__fail(UV_ENOBUFS, "this thread holds %u locks already", count);

  uvshm__wait_begin(&wait, lane, &lock->word, timeout_ms, cancelled);
  uvshm__a32_store_release(&lane->ent->held[count],
                           uvshm__lock_place(lane->core, lock));
  err = compete(lane, lock, &wait);
  if (err == UV_ETIMEDOUT && timeout_ms == 0) err = UV_EBUSY;
  if (err < 0) {
    uvshm__a32_store_release(&lane->ent->held[count], 0);
    /* We may have been woken in somebody's place. */
    if (wait.sleeps != 0)
      uvshm__wait_wake(lane->core, &lock->word, lane->index + 1, 1);
    return err;
  }
  remember(lane, lock);
  return flags & UVSHM__LOCK_INTERNAL ? 0 : err;
}

/* ---- release ------------------------------------------------------------- */

int uvshm__lock_release_slow(struct uvshm__lane* lane,
                             struct uvshm__lock* lock) {
  uint32_t held = uvshm__lock_find(lane, lock);
  uint32_t word;

  if (held == NOT_HELD) return UV_EPERM;
  if (lane->txn == uvshm__lock_place(lane->core, lock))
    return uvshm__fail(UV_EINVAL, "the lock is in a transaction");
  if (lane->depth[held] != 0) {
    set_depth(lane, held, lane->depth[held] - 1);
    uvshm__a32_store_relaxed(&lock->depth, lane->depth[held]);
    return 0;
  }

  if ((uvshm__a32_load_relaxed(&lock->word) & UVSHM__LOCK_NAME) != lane->name) {
    uvshm__lock_forget(lane, held);
    return uvshm__fail(UV_EPERM,
                       "the lock was taken from this thread: its process was "
                       "declared dead, or the word was overwritten");
  }
  word = uvshm__a32_xchg(&lock->word, 0);
  uvshm__lock_forget(lane, held);
  if (word & UVSHM__LOCK_WAITERS) {
    uvshm__wait_wake(lane->core, &lock->word, lane->index + 1, 1);
    uvshm__signal_raise_fenced(lane->core, uvshm__locks_news(lane->core), 0);
  }
  return 0;
}


int uvshm__lock_announce(struct uvshm__lock* lock) {
  uint32_t word = uvshm__a32_load_acquire(&lock->word);
  uint32_t tries;

  for (tries = 0; tries < ROUNDS_PER_CLOCK; tries++) {
    if ((word & UVSHM__LOCK_NAME) == 0) return 1;
    if (word & UVSHM__LOCK_WAITERS) return 0;
    if (uvshm__a32_cas(&lock->word, word, word | UVSHM__LOCK_WAITERS)) return 0;
    word = uvshm__a32_load_acquire(&lock->word);
  }
  return 1;
}


UVSHM__RARE int uvshm__lock_abandon(struct uvshm__lane* lane,
                                    struct uvshm__lock* lock) {
  uint32_t held = uvshm__lock_find(lane, lock);

  if (held == NOT_HELD) return UV_EPERM;
  if (lane->txn == uvshm__lock_place(lane->core, lock)) lane->txn = 0;
  uvshm__lock_repair(lane->core, lock, lane->name);
  uvshm__lock_forget(lane, held);
  return 0;
}

/* ---- mend ---------------------------------------------------------------- */

UVSHM__RARE int uvshm__lock_mend(struct uvshm__lane* lane,
                                 struct uvshm__lock* lock) {
  uint32_t word = uvshm__a32_load_acquire(&lock->word);
  uint32_t n = uvshm__a32_load_acquire(&lock->n);
  uint32_t count = lane->count;
  uint32_t slot = 0;
  int mended = 0;

  /* No owner ever says so, so there is none whose commit we could undo. */
  if (n > UVSHM__LOCK_LOG) mended = uvshm__a32_cas(&lock->n, n, 0);
  if (lane->core->contents != NULL)
    mended |= lane->core->contents->lock_mend(lane->core, lock);
  if (uvshm__lock_judge(lane->core, lock, word, &slot) != UVSHM__LOCK_DAMAGED ||
      count >= UVSHM__LANE_HELD)
    return mended;

  uvshm__a32_store_release(&lane->ent->held[count],
                           uvshm__lock_place(lane->core, lock));
  if (!uvshm__a32_cas(&lock->word, word, lane->name)) {
    uvshm__a32_store_release(&lane->ent->held[count], 0);
    return mended;
  }
  remember(lane, lock);
  (void) uvshm__lock_abandon(lane, lock);
  return 1;
}
