/* SPDX-License-Identifier: MIT */

/* The lock word, its log and its repair: src/core/lock.c, lock_repair.c, wait.c.
 *
 * WORKERS processes with a thread each take the lock OPS times and change two
 * words, A and B, through the log. KILLS of them are killed at any step. A blocked
 * one sleeps; it is woken, or, once somebody has been killed, its slice may end
 * (without a kill no slice ever ends here, so that a lost wake is a deadlock). It
 * then asks after the owner and repairs.
 *
 * What must hold: one owner at a time; A and B change together and never go back;
 * every death with the lock is told to exactly one later owner; nobody alive
 * blocks for ever.
 *
 * Mutants, each of which must fail:
 *   TAKE_OVER    a blocked one finishes the log and takes the dead owner's word
 *                himself, without holding the dead one's slot
 *   LOST_BIT     who has slept takes the lock without the waiters bit
 *   GREEDY       who gives up does not pass the wake on
 *   FREE_FIRST   repair frees the word before it finishes the log
 *   LATE_NOTE    the lane notes the lock after taking it
 *   NO_NEWS      repair leaves the word free without the news
 */

#ifndef WORKERS
#define WORKERS 3
#endif
#ifndef OPS
#define OPS 1
#endif
#ifndef KILLS
#define KILLS 0
#endif
#define NOBODY 7

/* The word: owner's lane, "somebody may sleep", "its owner died". */
byte owner = NOBODY;
bool waiters = false;
bool died = false;

byte n = 0;          /* the commit */
byte logA, logB;
byte A = 0, B = 0;

bool note[WORKERS];
byte slot[WORKERS];  /* who repairs after this one; the kernel clears it */
bool alive[WORKERS];
bool asleep[WORKERS];
bool done[WORKERS];

/* Ghosts. */
bool inside[WORKERS];
bool owed = false;   /* a death with the lock that nobody was told yet */
byte kills = 0;

#define IS_ALIVE(p) (alive[p] || slot[p] != NOBODY)

inline wake_one() {
  atomic {
    if
    :: asleep[0] -> asleep[0] = false
    :: asleep[1] -> asleep[1] = false
#if WORKERS > 2
    :: asleep[2] -> asleep[2] = false
#endif
    :: else
    fi
  }
}

inline wake_all() {
  d_step {
    asleep[0] = false; asleep[1] = false;
#if WORKERS > 2
    asleep[2] = false;
#endif
  }
}

/* The word says so just now: take it. `got` tells. */
inline take(was_w, was_d, new_w) {
  atomic {
    if
    :: owner == NOBODY && waiters == was_w && died == was_d ->
       owner = id; waiters = new_w; died = false; got = true;
       assert(owed == was_d); /* told if and only if there is something to tell */
       owed = false
    :: else -> got = false
    fi
  }
}

/* Finish the log of a dead owner. */
inline replay() {
  if
  :: n != 0 -> A = logA; B = logB; n = 0
  :: else
  fi
}

inline free_word() {
  atomic {
    owner = NOBODY; waiters = false;
#ifdef NO_NEWS
    died = false
#else
    died = true
#endif
  }
}

proctype worker(byte id) provided (alive[id]) {
  byte k = 0, o, value;
  bool w, d, got, slept, second;

  do
  :: k == OPS -> break
  :: else ->
     slept = false;
#ifndef LATE_NOTE
     note[id] = true;
#endif
     take(false, false, false);
again:
     if
     :: got -> goto critical
     :: else
     fi;
     atomic { o = owner; w = waiters; d = died };
     if
     :: o == NOBODY ->
#ifdef LOST_BIT
        take(w, d, w);
#else
        take(w, d, w || slept);
#endif
        goto again
     :: else
     fi;
     /* Somebody else's: announce the sleep, then sleep. */
     atomic {
       if
       :: owner == o && waiters == w -> waiters = true
       :: else -> goto again
       fi
     };
     atomic {
       if
       :: owner == o && waiters -> asleep[id] = true
       :: else -> slept = true; goto again
       fi
     };
     if
     :: !asleep[id] -> slept = true
     :: kills > 0 -> asleep[id] = false; slept = true; goto question
#ifdef PATIENCE
     /* With a time limit: give up, and think of the others. */
     :: id == 0 ->
        asleep[id] = false;
        note[id] = false;
#ifndef GREEDY
        wake_one();
#endif
        goto next
#endif
     fi;
     goto again;

question:
     o = owner;
     if
     :: o == NOBODY || o == id || IS_ALIVE(o) -> goto again
     :: else
     fi;
#ifdef TAKE_OVER
     replay();
     atomic {
       if
       :: owner == o ->
          owner = id; waiters = true; got = true; owed = false
       :: else
       fi
     };
     goto again;
#endif
     atomic {
       if
       :: !alive[o] && slot[o] == NOBODY -> slot[o] = id
       :: else -> goto again
       fi
     };
     if
     :: note[o] ->
        if
        :: owner == o ->
#ifdef FREE_FIRST
           free_word(); replay();
#else
           replay(); free_word();
#endif
           wake_all()
        :: else
        fi;
        note[o] = false
     :: else
     fi;
     assert(owner != o);
     slot[o] = NOBODY;
     goto again;

critical:
     skip;
     d_step {
       inside[id] = true;
       assert(!(alive[0] && inside[0] && id != 0));
       assert(!(alive[1] && inside[1] && id != 1));
#if WORKERS > 2
       assert(!(alive[2] && inside[2] && id != 2));
#endif
     };
#ifdef LATE_NOTE
     note[id] = true;
#endif
     d_step { assert(n == 0); assert(A == B); value = A + 1 };
     d_step { logA = value; logB = value };
     n = 1;
     A = value; B = value;
     n = 0;
     inside[id] = false;
     atomic {
       assert(owner == id);
       w = waiters; owner = NOBODY; waiters = false
     };
     note[id] = false;
     if
     :: w -> wake_one()
     :: else
     fi;
next:
     got = false;
     k++
  od;
  done[id] = true
}

/* Reads without the lock, twice. */
proctype reader() {
  byte first;

  first = A;
  assert(A >= first)
}

proctype killer() {
  byte p;

  do
  :: atomic {
       kills < KILLS ->
       if
       :: alive[0] && !done[0] -> p = 0
       :: alive[1] && !done[1] -> p = 1
#if WORKERS > 2
       :: alive[2] && !done[2] -> p = 2
#endif
       fi;
       alive[p] = false; asleep[p] = false; kills++;
       owed = owed || owner == p;
       /* What the kernel does. */
       if :: slot[0] == p -> slot[0] = NOBODY :: else fi;
       if :: slot[1] == p -> slot[1] = NOBODY :: else fi;
#if WORKERS > 2
       if :: slot[2] == p -> slot[2] = NOBODY :: else fi;
#endif
       p = 0
     }
  :: atomic {
       timeout ->
       /* Nobody can do anything any more: all are through, or dead. */
       assert(done[0] || !alive[0]);
       assert(done[1] || !alive[1]);
#if WORKERS > 2
       assert(done[2] || !alive[2]);
#endif
       assert(A == B || n != 0);
       break
     }
  od
}

init {
  byte i = 0;

  atomic {
    do
    :: i < WORKERS -> alive[i] = true; slot[i] = NOBODY; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < WORKERS -> run worker(i); i++
    :: else -> break
    od;
#ifdef READER
    run reader();
#endif
    run killer()
  }
}
