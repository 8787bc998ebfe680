/* SPDX-License-Identifier: MIT */

/* A barrier for COUNT of N parties: core/barrier.c.
 *
 * Each comes OPS times; whoever finds it broken resets it. Up to KILLS parties
 * die anywhere, also in the middle of a reset. With RESETS one that is not
 * broken is reset as well; with FOREVER nobody's time is ever over, and nobody
 * resets.
 *
 * Shown: a round that is completed has COUNT parties that came and did not go
 * back; each of them is told so, and nobody else is, also when he looks only
 * after the next round or a reset; a death breaks one round and no other;
 * nobody waits for the dead.
 *
 * Mutants: LATE_NOTE   the number first, then the note in the lane
 *          NO_MARK     who resets marks no lanes
 *          LATE_MARK   he does after the new round has begun
 *          KEEP        he leaves the dead their part
 *          BLIND_BACK  who goes back does not look whether it was completed
 *          STAY        who goes back leaves the number as it is
 *          ANY_ROUND  who finds a dead one breaks whatever round it is now
 *          DEAF        who waits does not look for the dead
 */

#ifndef N
#define N 2
#endif
#ifndef COUNT
#define COUNT 2
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef KILLS
#define KILLS 0
#endif

#define ROUNDS 16

/* The word. */
byte round;
bool broken;
byte come;

byte note[N];  /* of the lane: round + 1; 0: none */
bool lost[N];  /* the mark in it */
bool part[N] = true;
bool alive[N] = true;
bool done[N];
byte kills = KILLS;

byte inside[ROUNDS];    /* who came and has not gone back */
bool completed[ROUNDS];
bool forgotten[N];      /* dead, and reset since */

#define SAME (round == s_round && broken == s_broken && come == s_come)

inline look() {
  d_step { s_round = round; s_broken = broken; s_come = come }
}

/* What came of round r: told is 0 pending, 1 completed, 2 lost. */
inline outcome(me) {
  look();
  if
  :: s_round == r -> told = (s_broken -> 2 : 0)
  :: else -> told = (lost[me] -> 2 : 1)
  fi
}

/* Of the round that was seen before the look at who is dead. */
inline break_it(who) {
  atomic {
    if
#ifdef ANY_ROUND
    :: true -> assert(!forgotten[who]); broken = true
#else
    :: round == r -> assert(!forgotten[who]); broken = true
    :: else
#endif
    fi
  }
}

inline reset(me) {
  r = round;
  do
  :: look();
     if
     :: s_round != r -> break
     :: s_round == r && !s_broken ->
        atomic { if :: SAME -> broken = true :: else fi }
     :: else ->
        d_step {
          gone = 0;
          j = 0;
          do
          :: j < N ->
             if
             :: !alive[j] ->
                gone = gone | (1 << j);
#ifndef KEEP
                part[j] = false
#endif
             :: else
             fi;
             j++
          :: else -> break
          od;
          j = 0
        };
#if !defined(NO_MARK) && !defined(LATE_MARK)
        j = 0;
        do
        :: j < N ->
           d_step { if :: note[j] == r + 1 -> lost[j] = true :: else fi }; j++
        :: else -> break
        od;
#endif
        atomic {
          if
          :: SAME ->
             round++; broken = false; come = 0;
             j = 0;
             do
             :: j < N -> if :: gone & (1 << j) -> forgotten[j] = true :: else fi; j++
             :: else -> break
             od;
             ours = true
          :: else -> ours = false
          fi
        };
#ifdef LATE_MARK
        j = 0;
        do
        :: ours && j < N ->
           d_step { if :: note[j] == r + 1 -> lost[j] = true :: else fi }; j++
        :: else -> break
        od;
#endif
        if
        :: ours -> break
        :: else
        fi
     fi
  od
}

proctype party(byte me) provided (alive[me]) {
  byte left = OPS;
  byte r;
  byte s_round;
  bool s_broken;
  byte s_come;
  byte told;
  byte j;
  byte gone;
  bool ours;

next:
  if
  :: left == 0 -> goto end
  :: left > 0 -> left--
#ifdef RESETS
  :: left > 0 -> left--; goto reset_it
#endif
  fi;
again:
  skip;
  look();
  if
  :: s_broken -> goto reset_it
  :: !s_broken && s_come + 1 >= COUNT ->
     if
     :: atomic { SAME ->
          assert(inside[round] == COUNT - 1);
          completed[round] = true; round++; come = 0 };
        note[me] = 0;
        goto next
     :: else -> goto again
     fi
  :: else ->
     r = s_round;
#ifndef LATE_NOTE
     d_step { note[me] = r + 1; lost[me] = false };
#endif
     if
     :: atomic { SAME -> come++; inside[r]++ }
     :: else -> goto again
     fi;
#ifdef LATE_NOTE
     d_step { note[me] = r + 1; lost[me] = false };
#endif
  fi;
waits:
  skip;
  outcome(me);
  if
  :: told == 1 -> assert(completed[r]); goto left_it
  :: told == 2 -> assert(!completed[r]); goto left_it
  :: else
  fi;
  if
  :: round != r || broken -> goto waits /* woken */
#ifndef DEAF
  :: atomic { N > 0 && !alive[0] && part[0] -> j = 0 }; break_it(j); goto waits
  :: atomic { N > 1 && !alive[1] && part[1] -> j = 1 }; break_it(j); goto waits
  :: atomic { N > 2 && !alive[N - 1] && part[N - 1] -> j = N - 1 }; break_it(j); goto waits
#endif
#ifndef FOREVER
  :: true -> goto back
#endif
  fi;
back:
  skip;
  look();
#ifdef BLIND_BACK
  told = 0;
#else
  j = s_round;
  ours = s_broken;
  told = s_come;
  if
  :: round != r -> told = (lost[me] -> 2 : 1)
  :: round == r && broken -> told = 2
  :: else -> told = 0
  fi;
#endif
  if
  :: told == 1 -> assert(completed[r]); goto left_it
  :: told == 2 -> assert(!completed[r]); goto left_it
  :: else ->
#ifdef STAY
     inside[r]--;
     assert(!completed[r]);
     goto left_it
#else
     if
     :: atomic { SAME && s_round == r && s_come != 0 -> come--; inside[r]--; assert(!completed[r]) };
        goto left_it
     :: else ->
#ifdef BLIND_BACK
        assert(!completed[r]);
        goto left_it
#else
        goto back
#endif
     fi
#endif
  fi;
left_it:
  note[me] = 0;
  if
  :: told == 2 -> goto reset_it
  :: else -> goto next
  fi;
reset_it:
#ifndef FOREVER
  reset(me);
#endif
  goto next;
end:
  skip;
  d_step { done[me] = true; part[me] = false }
}

proctype killer() {
  do
  :: atomic { kills > 0 && !done[0] && alive[0] -> kills--; alive[0] = false }
  :: atomic { kills > 0 && !done[N - 1] && alive[N - 1] -> kills--; alive[N - 1] = false }
  :: break
  od
}

/* Nobody can do anything any more: then all have done all. */
proctype watchdog() {
  byte i;

  timeout ->
  do
  :: i < N -> assert(done[i] || !alive[i]); i++
  :: else -> break
  od
}

init {
  byte i;

  atomic {
    do :: i < N -> run party(i); i++ :: else -> break od;
    run killer();
    run watchdog()
  }
}
