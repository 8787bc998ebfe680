/* SPDX-License-Identifier: MIT */

/* A lossless topic: src/core/topic_limit.c, and has_room() of topic_write.c.
 *
 * Writers claim when there is room and commit later, at whatever position it is
 * then. Readers come in at any time, at the oldest message or at now, read and
 * stay; KILLS of them are killed at any step, and repaired after. What the
 * words of the ring name is in topic.pml; here they are positions alone.
 *
 * Shown: no message is overwritten that a living reader still has to read; what
 * was claimed can be committed at once, below the limit; when all is over every
 * writer has sent all, and every living reader has read all to the end: nobody
 * waits for the dead.
 *
 * Mutants, each of which must fail:
 *   NO_COUNT  the limit does not count who came
 *   LATE      a reader says where it is after it was counted
 *   TAIL      a reader takes what is a round behind the tail for the oldest
 *   NO_SLACK  no slots for what is claimed by several at once
 *   KEEP      repair leaves the dead where they are
 */

#ifndef W
# define W 2
#endif
#ifndef R
# define R 2
#endif
#ifndef PUBS
# define PUBS 2
#endif
#ifndef KILLS
# define KILLS 0
#endif
#ifndef CAP
# define CAP 1
#endif
#ifdef NO_SLACK
# define SLACK 0
#else
# define SLACK (W + 1)
#endif
#define SLOTS (CAP + SLACK)

byte slot[SLOTS]; /* positions */
byte tail = SLOTS;
byte limit = 2 * SLOTS, came; /* one word */
byte next[R];                 /* 0: it does not count */
byte written;
bool dead[R];
byte over, kills;

inline slowest() {
  low = 0;
  i = 0;
  do
  :: i < R ->
     atomic {
       if
       :: next[i] != 0 && (low == 0 || next[i] < low) -> low = next[i]
       :: else
       fi;
       i++
     }
  :: else -> break
  od;
  if
  :: low > t -> low = t
  :: else
  fi;
  i = 0
}

/* What one waits for: there is somebody, and none who is too far behind. */
#define IS_AHEAD(r) (next[r] == 0 || next[r] + CAP > tail)
#define SOMEBODY (next[0] != 0 || next[R - 1] != 0)
#define ROOM                                                                   \
  (tail < limit - SLACK || (SOMEBODY && IS_AHEAD(0) && IS_AHEAD(R - 1)))

inline claim() {
  do
  :: t = tail;
     if
     :: mine > t + SLACK -> break
     :: else
     fi;
     atomic { l = limit; c = came };
     t = tail;
     slowest();
     if
     :: low != 0 && low + SLOTS > l ->
        atomic {
          if
#ifdef NO_COUNT
          :: limit == l ->
#else
          :: limit == l && came == c ->
#endif
             limit = low + SLOTS;
             mine = limit
          :: else
          fi
        }
     :: else -> mine = l
     fi;
     t = tail;
     if
     :: mine > t + SLACK -> break
     :: else -> ROOM /* sleep */
     fi
  od;
  l = 0; c = 0; low = 0
}

inline commit() {
  do
  :: t = tail;
     if
     :: slot[t % SLOTS] == t ->
        atomic { if :: tail == t -> tail = t + 1 :: else fi }
     :: slot[t % SLOTS] == t - SLOTS ->
        atomic {
          if
          :: slot[t % SLOTS] == t - SLOTS ->
             assert(t < limit);
             slot[t % SLOTS] = t;
             written = t + 1;
             done = true
          :: else
          fi
        };
        if
        :: done ->
           done = false;
           atomic { if :: tail == t -> tail = t + 1 :: else fi };
           break
        :: else
        fi
     :: else
     fi
  od;
  t = 0
}

proctype writer() {
  byte k, t, l, c, low, i, mine;
  bool done;

  do
  :: k < PUBS -> claim(); commit(); k++
  :: else -> break
  od;
  over++
}

#if KILLS > 0
# define MORTAL provided (!dead[id])
#else
# define MORTAL
#endif

proctype reader(byte id) MORTAL {
  byte at, l;

#ifndef LATE
  next[id] = SLOTS;
#endif
  atomic { came++; l = limit };
#ifdef TAIL
  at = tail - SLOTS;
#else
  at = l - SLOTS;
#endif
  if
  :: at = tail /* begin now, which is not before */
  :: at = (at < SLOTS -> SLOTS : at) /* or at the oldest */
  fi;
  next[id] = at;
  do
  :: slot[at % SLOTS] >= at ->
     assert(slot[at % SLOTS] == at); /* else it was passed */
     at++;
     next[id] = at
  :: over == W && at == written -> break
  od
}

#if KILLS > 0
active proctype killer() {
end:
  do
  :: atomic { kills < KILLS && !dead[0] -> dead[0] = true; kills++ }
  od
}

# ifndef KEEP
active proctype repairer() {
end:
  do
  :: atomic { dead[0] && next[0] != 0 -> next[0] = 0 }
  od
}
# endif
#endif

active proctype judge() {
  timeout -> assert(over == W || (next[0] == 0 && next[R - 1] == 0))
}

init {
  byte i;
  atomic {
    i = 0;
    do :: i < SLOTS -> slot[i] = i; i++ :: else -> break od;
    i = 0;
    do :: i < W -> run writer(); i++ :: else -> break od;
    i = 0;
    do :: i < R -> run reader(i); i++ :: else -> break od
  }
}
