/* SPDX-License-Identifier: MIT */

/* Repair in two parts, with owners and repairers that die: src/core/reap.c,
 * peer.c, directory_end.c.
 *
 * Peer 0 has joined, has a lane, holds lock X, and has an object open that
 * somebody removed; it is killed at once. Peers 1 and 2 each hold the directory's
 * lock D or nothing, and are blocked by X: so they repair after the dead, the
 * first part alone if they hold D, for the second part takes D itself (today
 * nothing in it does; the models hold what structures to come need). Peer 3 joins
 * in whatever slot is free or whose owner died, uses it, and leaves. KILLS more
 * die at any step, repairers among them.
 *
 * What must hold: a joiner finds nothing of his slot's earlier life, and keeps
 * what he has until he leaves or dies; a slot is free only when its lane and its
 * open bit are; nobody waits for himself; nobody alive blocks for ever.
 *
 * Mutants, each of which must fail:
 *   ONE_PART      who is blocked does both parts, whatever he holds
 *   FREE_EARLY    the first part leaves the slot free instead of reaping
 *   SLOT_FIRST    the second part frees the slot before the lane and the bit
 *   NO_SLOT       repair without holding the dead peer's slot
 *   JOIN_BLIND    a joiner does not look what state his slot is in
 *   FORGETFUL     repair frees a removed object only when it clears a bit of it
 */

#ifndef KILLS
#define KILLS 1
#endif
#define PEERS 4
#define SLOTS 3
#define NOBODY 7
#define FREE 0
#define LIVE 1
#define REAPING 2

/* Of each slot. */
byte state[SLOTS];
byte generation[SLOTS];
bool lane[SLOTS];       /* a lane that belongs to it */
bool lane_note[SLOTS];  /* and notes lock X */
bool opened[SLOTS];     /* its open bit in the object */
byte holder[SLOTS];     /* the process that has the slot from the kernel */

bool removed = true;    /* the object: removed, waiting for its last closer */
byte x = NOBODY;        /* lock X: slot of its owner */
bool x_died = false;
byte d = NOBODY;        /* lock D: process; always repaired, see hold_d() */

bool alive[PEERS];
bool done[PEERS];
byte kills = 0;

/* Lock D, which is repaired like any other; here a dead owner just loses it. */
inline lock_d() {
  assert(d != id);
  atomic { d == NOBODY || !alive[d] -> d = id }
}

inline part_locks(p) {
  if
  :: state[p] != FREE ->
#ifdef FREE_EARLY
     state[p] = FREE
#else
     state[p] = REAPING
#endif
  :: else
  fi;
  if
  :: lane_note[p] ->
     if
     :: x == p -> atomic { x = NOBODY; x_died = true }
     :: else
     fi;
     lane_note[p] = false
  :: else
  fi
}

/* Is that the removed object's end? */
inline settle() {
  atomic {
    if
    :: removed && !opened[0] && !opened[1] && !opened[2] -> removed = false
    :: else
    fi
  }
}

inline part_rest(p) {
  lock_d();
#ifdef SLOT_FIRST
  state[p] = FREE;
#endif
#ifdef FORGETFUL
  if
  :: opened[p] -> opened[p] = false; settle()
  :: else
  fi;
#else
  opened[p] = false;
  settle();
#endif
  lane[p] = false;
  d = NOBODY;
#ifndef SLOT_FIRST
  state[p] = FREE
#endif
}

/* Blocked by lock X, holding D or not. */
proctype blocked(byte id) provided (alive[id]) {
  byte p;
  bool holds;

  if
  :: lock_d(); holds = true
  :: holds = false
  fi;
again:
  p = x;
  if
  :: p == NOBODY -> goto out
  :: else
  fi;
  if
  :: holder[p] != NOBODY -> goto again /* alive, or somebody is at it */
  :: else
  fi;
#ifdef NO_SLOT
  /* As if the kernel's answer were enough. */
#else
  atomic {
    if
    :: holder[p] == NOBODY -> holder[p] = id
    :: else -> goto again
    fi
  };
#endif
  part_locks(p);
#ifdef ONE_PART
  part_rest(p);
#else
  if
  :: !holds -> part_rest(p)
  :: else
  fi;
#endif
#ifndef NO_SLOT
  holder[p] = NOBODY;
#endif
  goto again;
out:
  atomic {
    if
    :: holds && d == id -> d = NOBODY
    :: else
    fi
  };
  done[id] = true
}

/* Joins, uses his slot, leaves as the dead do. */
proctype joiner(byte id) provided (alive[id]) {
  byte p;

  atomic {
    if
    :: holder[0] == NOBODY -> p = 0
    :: holder[1] == NOBODY -> p = 1
    fi;
    holder[p] = id
  };
#ifndef JOIN_BLIND
  if
  :: state[p] != FREE -> part_locks(p); part_rest(p)
  :: else
  fi;
#endif
  assert(!lane[p] && !opened[p] && x != p);
  generation[p]++;
  state[p] = LIVE;
  lane[p] = true;
  opened[p] = true;
  /* All of it stays. */
  assert(state[p] == LIVE);
  assert(lane[p]);
  assert(opened[p]);
  part_locks(p);
  part_rest(p);
  assert(state[p] == FREE);
  holder[p] = NOBODY;
  done[id] = true
}

/* A process dies; the kernel takes back the slots that it holds. */
inline die(p) {
  alive[p] = false;
  kills++;
  if :: holder[0] == p -> holder[0] = NOBODY :: else fi;
  if :: holder[1] == p -> holder[1] = NOBODY :: else fi;
  if :: holder[2] == p -> holder[2] = NOBODY :: else fi
}

proctype killer() {
  do
  :: atomic { kills < KILLS && alive[1] && !done[1] -> die(1) }
  :: atomic { kills < KILLS && alive[2] && !done[2] -> die(2) }
  :: atomic { kills < KILLS && alive[3] && !done[3] -> die(3) }
  :: atomic {
       timeout ->
       assert(done[1] || !alive[1]);
       assert(done[2] || !alive[2]);
       assert(done[3] || !alive[3]);
       /* A free slot has nothing; what is left can still be repaired. */
       assert(state[0] != FREE || (!lane[0] && !opened[0] && x != 0));
       assert(state[1] != FREE || (!lane[1] && !opened[1] && x != 1));
       assert(!removed || opened[0] || opened[1] ||
              state[0] != FREE || state[1] != FREE);
       break
     }
  od
}

init {
  atomic {
    holder[0] = NOBODY; /* peer 0 has just died */
    holder[1] = NOBODY; /* free */
    holder[2] = NOBODY;
    state[0] = LIVE; generation[0] = 1;
    lane[0] = true; lane_note[0] = true; opened[0] = true; x = 0;
    alive[1] = true; alive[2] = true; alive[3] = true;
    run blocked(1); run blocked(2); run joiner(3); run killer()
  }
}
