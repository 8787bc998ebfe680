/* SPDX-License-Identifier: MIT */

/* A condition variable: core/cond.c, with the mutex that is held around it.
 *
 * WAITERS take turns at jobs that GIVERS give, one each, with a signal; a waiter
 * ends when it has had OPS. Up to KILLS waiters die anywhere but under the
 * mutex (whose death its own model is about). While nobody dies nobody looks
 * again by himself: no slice of a sleep ends.
 *
 * Shown: no waiter sleeps on while there is a job and the mutex is free, also
 * when the one that was called dies before it has answered.
 *
 * Mutants: LATE_TURN   who waits says so in his lane after the mutex is free
 *          COUNT_FIRST the count first, then the turn: who clears the bit
 *                      between the two saw neither
 *          BIT_BLIND   who found nobody clears the bit whatever came since
 *          DROP        the call of a dead one is not passed on
 *          TWO_STEPS   repair looks for a call, and then clears it
 *          EARLY_END   who is called says so before he has the mutex again
 */

#ifndef KILLS
#define KILLS 0
#endif
#ifndef GIVERS
#define GIVERS 2
#endif
#ifndef OPS
#define OPS 1
#endif
#define WAITERS 2

#define NONE 0
#define WAITS 1
#define CALLED 2

byte turn[WAITERS]; /* of the lanes */
byte count;         /* the word: waits begun, */
bool some;          /* somebody may wait, */
bool passed;        /* a call whose thread died */

bool mutex;
byte jobs;
bool alive[WAITERS] = true;
bool buried[WAITERS];
bool under[WAITERS]; /* the mutex is his */
bool done[WAITERS];
byte kills = KILLS;
byte given;
bool someone_died;

inline lock_mutex(me) {
  atomic { !mutex -> mutex = true; under[me] = true }
}

inline free_mutex(me) {
  atomic { mutex = false; under[me] = false }
}

inline begin(me) {
#ifndef COUNT_FIRST
# ifndef LATE_TURN
  turn[me] = WAITS;
# endif
#endif
  atomic { s_some = some; count++ };
#ifdef COUNT_FIRST
  if
  :: s_some -> turn[me] = WAITS; goto began
  :: else
  fi;
#else
  if
  :: s_some -> goto began
  :: else
  fi;
#endif
  passed = false;
  some = true;
#ifdef COUNT_FIRST
  turn[me] = WAITS;
#endif
began:
  skip
}

proctype waiter(byte me) provided (alive[me]) {
  bool s_some;
  byte left = OPS;

next:
  lock_mutex(me);
  do
  :: jobs > 0 -> jobs--; break
  :: else ->
     begin(me);
     free_mutex(me);
#ifdef LATE_TURN
     turn[me] = WAITS;
#endif
     do
     :: turn[me] != WAITS -> break
     /* A slice ends: repair what died, then look for a call left over. */
     :: someone_died && turn[me] == WAITS ->
        if
        :: atomic { passed && turn[me] == WAITS -> turn[me] = CALLED };
           passed = false
        :: else -> (passed || turn[me] != WAITS)
        fi
     od;
#ifdef EARLY_END
     turn[me] = NONE;
#endif
     lock_mutex(me);
     turn[me] = NONE
  od;
  free_mutex(me);
  left--;
  if
  :: left > 0 -> goto next
  :: else
  fi;
  done[me] = true
}

proctype giver() {
  byte s_count;
  bool called;
  byte i;

  atomic { !mutex -> mutex = true };
  jobs++;
  mutex = false;
  atomic { s_count = count; called = some };
  if
  :: !called -> goto gave
  :: else
  fi;
  called = false;
  i = 0;
  do
  :: i < WAITERS && !called ->
     if
     :: atomic { turn[i] == WAITS -> turn[i] = CALLED; called = true }
     :: else
     fi;
     i++
  :: else -> break
  od;
  if
  :: !called ->
#ifdef BIT_BLIND
     some = false
#else
     atomic { if :: count == s_count -> some = false :: else fi }
#endif
  :: else
  fi;
gave:
  given++
}

proctype killer() {
  do
  :: atomic { kills > 0 && alive[0] && !under[0] && !done[0] -> kills--; alive[0] = false }
  :: atomic { kills > 0 && alive[1] && !under[1] && !done[1] -> kills--; alive[1] = false }
  :: break
  od
}

/* Repair of a lane. */
proctype repairer() {
  byte i;
  bool was_called;

  do
  :: atomic { !alive[0] && !buried[0] -> i = 0 }; goto bury
  :: atomic { !alive[1] && !buried[1] -> i = 1 }; goto bury
  :: (done[0] || buried[0]) && (done[1] || buried[1]) -> goto end
  od;
bury:
  skip;
  do
  :: was_called = turn[i] == CALLED;
#ifndef DROP
     if
     :: was_called -> passed = true
     :: else
     fi;
#endif
#ifdef TWO_STEPS
     turn[i] = NONE;
     break
#else
     if
     :: atomic { (turn[i] == CALLED) == was_called -> turn[i] = NONE }; break
     :: else
     fi
#endif
  od;
  atomic { buried[i] = true; someone_died = true };
  do
  :: atomic { !alive[0] && !buried[0] -> i = 0 }; goto bury
  :: atomic { !alive[1] && !buried[1] -> i = 1 }; goto bury
  :: (done[0] || buried[0]) && (done[1] || buried[1]) -> goto end
  od;
end:
  skip
}

/* Nobody can do anything any more. */
proctype watchdog() {
  timeout ->
  assert(!(jobs > 0 && ((alive[0] && !done[0]) || (alive[1] && !done[1]))))
}

init {
  byte i;

  atomic {
    run waiter(0);
    run waiter(1);
    do :: i < GIVERS -> run giver(); i++ :: else -> break od;
    run killer();
    run repairer();
    run watchdog()
  }
}
