/* SPDX-License-Identifier: MIT */

/* Lanes that come and go while others look at the lock words that name them:
 * src/core/lane.c, lock_repair.c (uvshm__lock_judge), reap.c.
 *
 * THREADS threads, each a process of its own, OPS times: claim one of LANES lanes,
 * take the lock, give it back or not, end (lane exit). KILLS of them are killed at
 * any step. Who is blocked judges the word as the code does: lane, owner,
 * generation, and the word once more before it is called damaged. A dead owner is
 * repaired after, by whoever holds its slot.
 *
 * What must hold: one owner at a time; no word of an undamaged object is ever
 * called damaged; nobody blocks for ever; what a thread leaves behind is told.
 *
 * Mutants, each of which must fail:
 *   OWNER_FIRST     exit frees the lane, then its lock
 *   ONE_LOOK        damage is called at the first look
 *   CLEAR_STALE     who meets a word that seems to name nobody clears it, and
 *                   lanes have no generation
 *   NO_SLOT         repair without holding the dead peer's slot
 */

#ifndef THREADS
#define THREADS 3
#endif
#ifndef LANES
#define LANES 2
#endif
#ifndef OPS
#define OPS 1
#endif
#ifndef KILLS
#define KILLS 0
#endif
#define NOBODY 7

/* With MORE, thread 1 does it once more. */
#ifdef MORE
#define OPS_OF(id) (id == 1 -> OPS + 1 : OPS)
#else
#define OPS_OF(id) OPS
#endif

/* The lock's word: lane + 1 or 0, its generation, the news. */
byte word = 0, word_gen = 0;
bool died = false;

/* Lanes. */
byte owner[LANES];      /* thread + 1; 0 free */
byte generation[LANES];
bool note[LANES];

byte slot[THREADS];     /* who repairs after it */
bool alive[THREADS];
bool done[THREADS];

/* Ghosts. */
bool inside[THREADS];
bool owed = false;
byte kills = 0;

/* The lock of lane `l` becomes "died", if it is that lane's. */
inline repair_lane(l) {
  g = generation[l];
  if
  :: note[l] ->
     atomic {
       if
       :: word == l + 1 && word_gen == g -> word = 0; word_gen = 0; died = true
       :: else
       fi
     };
     note[l] = false
  :: else
  fi
}

proctype thread(byte id) provided (alive[id]) {
  byte k = 0, lane, w, g, o, i;
  bool got;

  do
  :: k == OPS_OF(id) -> break
  :: else ->
     /* Claim: the first free lane. */
     atomic {
       if
       :: owner[0] == 0 -> lane = 0
#if LANES > 1
       :: owner[0] != 0 && owner[1] == 0 -> lane = 1
#endif
#if LANES > 2
       :: owner[0] != 0 && owner[1] != 0 && owner[2] == 0 -> lane = 2
#endif
       fi;
       owner[lane] = id + 1
     };
#ifndef CLEAR_STALE
     generation[lane]++;
#endif
     note[lane] = true;

again:
     atomic {
       if
       :: word == 0 ->
          word = lane + 1; word_gen = generation[lane]; got = true;
          assert(owed == died); died = false; owed = false
       :: else -> got = false; w = word - 1; g = word_gen
       fi
     };
     if
     :: got -> goto critical
     :: else
     fi;

     /* Judge: whose is it? */
     o = owner[w];
     if
     :: o != 0 && generation[w] == g -> goto question
     :: else
     fi;
#ifdef CLEAR_STALE
     atomic {
       if
       :: word == w + 1 && word_gen == g -> word = 0; word_gen = 0
       :: else
       fi
     };
     goto again;
#endif
#ifndef ONE_LOOK
     if
     :: word != w + 1 || word_gen != g -> goto again
     :: else
     fi;
#endif
     assert(false); /* damaged */

question:
     o = o - 1;
     if
     :: o == id || alive[o] || slot[o] != NOBODY -> goto again
     :: else
     fi;
#ifndef NO_SLOT
     atomic {
       if
       :: !alive[o] && slot[o] == NOBODY -> slot[o] = id
       :: else -> goto again
       fi
     };
#endif
     i = 0;
     do
     :: i == LANES -> break
     :: else ->
        if
        :: owner[i] == o + 1 -> repair_lane(i); owner[i] = 0
        :: else
        fi;
        i++
     od;
#ifndef NO_SLOT
     slot[o] = NOBODY;
#endif
     goto again;

critical:
     skip;
     d_step {
       inside[id] = true;
       assert(!(alive[0] && inside[0] && id != 0));
       assert(!(alive[1] && inside[1] && id != 1));
#if THREADS > 2
       assert(!(alive[2] && inside[2] && id != 2));
#endif
     };
     if
     :: true ->
        inside[id] = false;
        atomic {
          assert(word == lane + 1);
          word = 0; word_gen = 0
        };
        note[lane] = false
     :: true ->
        d_step { inside[id] = false; owed = true }
     fi;

     /* Lane exit. */
#ifdef OWNER_FIRST
     owner[lane] = 0;
     repair_lane(lane);
#else
     repair_lane(lane);
     owner[lane] = 0;
#endif
     k++
  od;
  done[id] = true
}

proctype killer() {
  byte p;

  do
  :: atomic {
       kills < KILLS ->
       if
       :: alive[0] && !done[0] -> p = 0
       :: alive[1] && !done[1] -> p = 1
#if THREADS > 2
       :: alive[2] && !done[2] -> p = 2
#endif
       fi;
       alive[p] = false; kills++;
       owed = owed || (word != 0 && owner[word - 1] == p + 1);
       if :: slot[0] == p -> slot[0] = NOBODY :: else fi;
       if :: slot[1] == p -> slot[1] = NOBODY :: else fi;
#if THREADS > 2
       if :: slot[2] == p -> slot[2] = NOBODY :: else fi;
#endif
       p = 0
     }
  :: atomic {
       timeout ->
       assert(done[0] || !alive[0] || kills > 0 && LANES < THREADS);
       assert(done[1] || !alive[1] || kills > 0 && LANES < THREADS);
#if THREADS > 2
       assert(done[2] || !alive[2] || kills > 0 && LANES < THREADS);
#endif
       assert(word == 0 || owner[word - 1] != 0);
       break
     }
  od
}

init {
  byte i = 0;

  atomic {
    do
    :: i < THREADS -> alive[i] = true; slot[i] = NOBODY; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < THREADS -> run thread(i); i++
    :: else -> break
    od;
    run killer()
  }
}
