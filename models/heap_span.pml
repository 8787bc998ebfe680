/* SPDX-License-Identifier: MIT */

/* Who takes blocks of a span, while others become its user or make it, and its
 * zone, free: src/core/heap_small.c, heap_take.h, close_span() and close_zone()
 * of heap_reclaim.c.
 *
 * LANES threads take and free blocks of one span of BLOCKS blocks, OPS times
 * each; who is not the span's user becomes it first. One more thread, which
 * holds the heap's lock, makes the span free if it can, and then the zone, and
 * then fills its first span, where owner words and `user` were, with a caller's
 * bytes.
 * KILLS of the lanes are killed at any step; a repairer clears up after them.
 *
 * What must hold: no block is taken twice; none in a span that is not one of
 * blocks any more; nothing but the caller writes into a zone that is his.
 *
 * Mutants, each of which must fail:
 *   LATE_NAME    look at the span, then name it
 *   NO_LOOK      become the user without asking who is in the span
 *   AT_ONCE      the user's word says so before he has asked
 *   UNNAMED      become the user without naming the span meanwhile
 *   BLIND_SPAN   make the span free without asking who is in it
 *   BLIND_ZONE   the same with the zone
 */

#ifndef LANES
#define LANES 2
#endif
#ifndef BLOCKS
#define BLOCKS 1
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef KILLS
#define KILLS 0
#endif

#define SMALL 0
#define CLOSING 1
#define FREE 2
#define NOBODY 0
#define LOOKING 9 /* named, to look only */
#define NAMED 1
#define MOVING 10 /* + lane */

byte zone = SMALL;
byte word = SMALL;
byte user = 1;          /* lane + 1 */
byte own[BLOCKS];       /* lane + 1; 0 free */
byte name[LANES];
bool alive[LANES];
bool callers = false;   /* the zone's bytes are a caller's */
byte kills = 0;

/* Looks as the code does: one lane after the other. */
inline ask(answer, also_looking) {
  answer = false;
  n = 0;
  do
  :: n < LANES ->
     if
     :: name[n] == NAMED || (also_looking && name[n] != 0) -> answer = true
     :: else
     fi;
     n++
  :: else -> n = 0; break
  od
}

inline look() {
#ifndef UNNAMED
  name[id] = LOOKING;
#endif
  mine = (zone == SMALL);
  if
  :: mine -> mine = (word == SMALL)
  :: else
  fi;
  if
  :: mine ->
     seen = user;
     if
     :: seen == id + 1
     :: else ->
        /* The compare-and-swap. */
        atomic {
          if
          :: user == seen ->
             assert(!callers);
#ifdef AT_ONCE
             user = id + 1
#else
             user = MOVING + id
#endif
          :: else -> mine = false
          fi
        };
        if
        :: mine ->
#ifndef NO_LOOK
           ask(busy, false);
#endif
           atomic {
             if
             :: user == MOVING + id && !busy -> user = id + 1
             :: user == MOVING + id && busy -> user = 0; mine = false
#ifdef AT_ONCE
             :: user == id + 1 -> mine = !busy
#endif
             :: else -> mine = false
             fi
           }
        :: else
        fi
     fi
  :: else
  fi;
  name[id] = 0
}

inline take() {
  got = BLOCKS;
#ifndef LATE_NAME
  name[id] = NAMED;
#endif
  mine = (zone == SMALL);
  if
  :: mine -> mine = (word == SMALL)
  :: else
  fi;
  if
  :: mine -> mine = (user == id + 1)
  :: else
  fi;
#ifdef LATE_NAME
  name[id] = NAMED;
#endif
  if
  :: mine ->
     b = 0;
     do
     :: b < BLOCKS && own[b] != 0 -> b++
     :: b < BLOCKS && own[b] == 0 ->
        atomic {
          assert(!callers);
          assert(word != FREE);
          assert(own[b] == 0);
          own[b] = id + 1
        };
        got = b;
        break
     :: b == BLOCKS -> break
     od
  :: else
  fi;
  name[id] = 0
}

proctype lane(byte id) provided (alive[id]) {
  byte k = 0, n, b, got, seen;
  bool mine, busy = false;

  do
  :: k < OPS ->
     take();
     if
     :: got < BLOCKS ->
        atomic { assert(own[got] == id + 1); own[got] = 0 }
     :: else -> look()
     fi;
     k++
  :: else -> break
  od
}

/* Holds the heap's lock all the time. */
proctype closer() {
  byte n, b;
  bool busy;

  word = CLOSING;
#ifdef BLIND_SPAN
  busy = false;
#else
  ask(busy, false);
#endif
  b = 0;
  do
  :: b < BLOCKS -> busy = busy || own[b] != 0; b++
  :: else -> break
  od;
  if
  :: busy -> word = SMALL
  :: else ->
     word = FREE;
     zone = CLOSING;
#ifdef BLIND_ZONE
     busy = false;
#else
     ask(busy, true);
#endif
     b = 0;
     do
     :: b < BLOCKS -> busy = busy || own[b] != 0; b++
     :: else -> break
     od;
     if
     :: busy -> zone = SMALL
     :: else -> atomic { zone = FREE; callers = true }
     fi
  fi
}

/* Kills, then does what reap does: blocks, then the lane. */
proctype reaper() {
  byte victim, b;

  do
  :: kills < KILLS ->
     atomic {
       if
       :: alive[0] -> victim = 0
       :: alive[1] -> victim = 1
       fi;
       alive[victim] = false;
       kills++
     };
     b = 0;
     do
     :: b < BLOCKS ->
        atomic {
          if
          :: own[b] == victim + 1 -> own[b] = 0
          :: else
          fi
        };
        b++
     :: else -> break
     od;
     name[victim] = 0
  :: else -> break
  od
}

init {
  byte i = 0;

  atomic {
    do
    :: i < LANES -> alive[i] = true; run lane(i); i++
    :: else -> break
    od;
    run closer();
#if KILLS > 0
    run reaper()
#endif
  }
}
