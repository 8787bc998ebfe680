/* SPDX-License-Identifier: MIT */

/* Bells: core/signal.c, and the turn of src/loop/hub.c.
 *
 * One peer with two loops, which watch one object, and two who change it; with
 * KILLS one of them is killed anywhere after his change. Memory is sequentially consistent here, which the
 * full fences of both sides stand for.
 *
 * Shown: no loop sleeps on while there is a change that it has not seen;
 * after a death the look that comes once a second is enough.
 *
 * Mutants: LOOK_FIRST   the loop looks before its bit is set
 *          CHANGE_LATE  who changes something looks at the bell first
 *          WATCH_LATE   the loop says that it watches after its last look
 *          RING_FIRST   who rings clears the bits afterwards
 *          STORE        a loop that is awake clears all bits, not its own
 *          NO_LOOK      nobody looks once a second
 */

#ifndef KILLS
#define KILLS 0
#endif
#ifndef CHANGES
#define CHANGES 1 /* of each */
#endif

#define LOOPS 2
#define CHANGERS 2

byte value;        /* of the object: how often it was changed */
bool watched;      /* the object's signal: this peer watches */
bool armed[LOOPS]; /* the peer's bell */
bool rung[LOOPS];  /* there is something in the FIFO */
byte seen[LOOPS];  /* what the loop knows */
bool asleep[LOOPS];
bool dead;

inline arm(i) {
  armed[i] = true;
}

inline disarm(i) {
#ifdef STORE
  d_step { armed[0] = false; armed[1] = false; }
#else
  armed[i] = false;
#endif
}

proctype loop(byte i) {
  bool looked;

#ifndef WATCH_LATE
  watched = true;
#endif
  seen[i] = value;
  do
  :: true ->
#ifdef LOOK_FIRST
     if
     :: seen[i] != value -> seen[i] = value; goto turned
     :: else
     fi;
     arm(i);
#else
     arm(i);
     if
     :: seen[i] != value -> disarm(i); seen[i] = value; goto turned
     :: else
     fi;
#endif
#ifdef WATCH_LATE
     watched = true;
#endif
     asleep[i] = true;
     if
     :: d_step { rung[i] -> rung[i] = false; asleep[i] = false }
#ifndef NO_LOOK
     :: d_step { dead && !looked -> looked = true; asleep[i] = false }
#endif
     fi;
     disarm(i);
     seen[i] = value;
turned:
     skip
  od
}

proctype changer(byte me) {
  byte left = CHANGES;
  byte i;
  bool mine[LOOPS];
  bool was;

  do
  :: left > 0 ->
     left--;
#ifdef CHANGE_LATE
     was = watched;
     if
     :: was -> d_step {
          mine[0] = armed[0]; mine[1] = armed[1]; armed[0] = false; armed[1] = false }
     :: else
     fi;
     value++;
#else
     value++;
     was = watched;
     if
     :: was -> d_step {
          mine[0] = armed[0]; mine[1] = armed[1];
# ifndef RING_FIRST
          armed[0] = false; armed[1] = false
# endif
        }
     :: else
     fi;
#endif
     i = 0;
     do
     :: was && i < LOOPS ->
        if
        :: mine[i] -> d_step { rung[i] = true; mine[i] = false }
        :: else
        fi;
        i++
     :: else -> break
     od;
#ifdef RING_FIRST
     if
     :: was -> d_step { armed[0] = false; armed[1] = false }
     :: else
     fi
#endif
  :: left == 0 -> break
  od
}

/* A death between any two steps: the same as changer(), cut off. */
proctype mortal(byte me) {
  bool mine[LOOPS];

  value++;
  if
  :: watched -> d_step {
       mine[0] = armed[0]; mine[1] = armed[1]; armed[0] = false; armed[1] = false }
  :: else
  fi;
  if
  :: mine[0] -> rung[0] = true
  :: true /* killed before, or there was nothing to ring */
  fi;
  dead = true
}

/* When nobody can go on, everybody has seen everything. */
proctype judge() {
  byte i;

  timeout;
  do
  :: i < LOOPS ->
     assert(!asleep[i] || seen[i] == value);
     i++
  :: else -> break
  od
}

init {
  atomic {
    run loop(0);
    run loop(1);
    run changer(0);
#if KILLS
    run mortal(1);
#else
    run changer(1);
#endif
    run judge()
  }
}
