/* SPDX-License-Identifier: MIT */

/* Transactions: src/core/txn.c, txn_repair.c, and what of lock_repair.c, reap.c
 * and the heap they rest on.
 *
 * WORKERS processes take a lock and change what it guards: A (twice), B, and R,
 * which names a block of the heap. The new block is allocated in the transaction,
 * the old one freed in it. Half of the transactions end with an abort. KILLS of
 * the workers are killed at any step, also while they repair after each other. A
 * bystander takes free blocks for his own all the time; a janitor repairs what
 * nobody is blocked by.
 *
 * What must hold for whoever gets the lock: A and B are as often changed as there
 * were commits, and R names a block that is there. The bystander keeps what he
 * has. In the end no block is lost, and none has a dead owner. SMALL does
 * without the bystander and with two blocks, so that two deaths are soon tried.
 *
 * Mutants, each of which must fail:
 *   EDIT_FIRST    a word is changed before its entry counts
 *   FORWARD       rollback goes from the first entry to the last
 *   CLEAR_FIRST   rollback clears n before it is through
 *   WORD_FIRST    the lock is free before the log is settled
 *   FREE_AT_ONCE  a committed log's frees give blocks away at once, and not by
 *                 way of the dead one's private blocks
 *   MEMORY_FIRST  repair frees private blocks before it settles logs
 *   SHARE_EARLY   an allocation is shared before the commit
 *   SHARE_LATE    allocations become shared after the log is cleared
 */

#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef OPS
#define OPS 1
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef BLOCKS
#define BLOCKS 3
#endif

#define NOBODY 9
#define JANITOR 8
#define LOG 6

/* A block's owner: nobody, all, or process p alone. */
#define FREE 0
#define SHARED 1
#define PRIVATE(p) (2 + (p))

/* Kinds of entries. */
#define SAVE_A 0
#define SAVE_B 1
#define SAVE_R 2
#define ALLOC 3
#define FREED 4

byte owner = NOBODY; /* the lock word */
bool died = false;
byte n = 0;          /* one word with the next */
bool committed = false;
byte kind[LOG], value[LOG];

byte A = 0, B = 0;
byte R = 0;
byte own[BLOCKS];

bool note[WORKERS];
byte slot[WORKERS];  /* who repairs after this one; the kernel clears it */
bool alive[WORKERS];
bool reaped[WORKERS];
bool done[WORKERS];

/* Ghosts. */
byte commits = 0;
byte kills = 0;
bool bystanders[BLOCKS];

inline entry(what, old) {
  d_step { kind[n] = what; value[n] = old };
  n++
}

inline restore() {
  if
  :: kind[i] == SAVE_A -> A = value[i]
  :: kind[i] == SAVE_B -> B = value[i]
  :: kind[i] == SAVE_R -> R = value[i]
  :: else
  fi
}

/* Take everything back. Uses i. */
inline rollback() {
#ifdef FORWARD
  i = 0;
  do
  :: i < n -> restore(); i++
  :: else -> break
  od;
#else
# ifdef CLEAR_FIRST
  d_step { i = n; n = 0 };
# else
  i = n;
# endif
  do
  :: i > 0 -> i--; restore()
  :: else -> break
  od;
#endif
  n = 0
}

/* Finish what was committed, for process `who`. Uses i. */
inline apply(who) {
  i = 0;
  do
  :: i < n ->
     atomic {
       if
#ifndef SHARE_LATE
       :: kind[i] == ALLOC && own[value[i]] == PRIVATE(who) ->
          own[value[i]] = SHARED
#endif
       :: kind[i] == FREED && own[value[i]] == SHARED ->
#ifdef FREE_AT_ONCE
          own[value[i]] = FREE
#else
          own[value[i]] = PRIVATE(who)
#endif
       :: else
       fi
     };
     i++
  :: else -> break
  od;
  atomic { n = 0; committed = false }
}

/* The dead one's private blocks. Uses i. */
inline reap_heap(who) {
  i = 0;
  do
  :: i < BLOCKS ->
     atomic { if :: own[i] == PRIVATE(who) -> own[i] = FREE :: else fi };
     i++
  :: else -> break
  od
}

inline settle(who) {
  if
  :: committed -> apply(who)
  :: else -> rollback()
  fi
}

/* The caller has the dead one's slot. */
inline reap_locks(who) {
  if
  :: note[who] ->
     if
     :: owner == who ->
#ifdef WORD_FIRST
        atomic { owner = NOBODY; died = true };
        settle(who)
#else
        settle(who);
        atomic { owner = NOBODY; died = true }
#endif
     :: else
     fi;
     note[who] = false
  :: else
  fi
}

inline reap(who) {
#ifdef MEMORY_FIRST
  reap_heap(who);
  reap_locks(who);
#else
  reap_locks(who);
  reap_heap(who);
#endif
  reaped[who] = true
}

inline claim(who, me) {
  atomic {
    !alive[who] && slot[who] == NOBODY && !reaped[who] -> slot[who] = me
  }
}

proctype worker(byte id) provided (alive[id]) {
  byte k = 0, i, o, b, y, v;

  do
  :: k == OPS -> break
  :: else ->
     note[id] = true;
again:
     atomic {
       if
       :: owner == NOBODY -> owner = id; died = false; goto critical
       :: else -> o = owner
       fi
     };
     /* Blocked: until it is free, or its owner has died. */
     if
     :: owner == NOBODY -> goto again
     :: atomic {
          owner == o && o != id && !alive[o] && slot[o] == NOBODY && !reaped[o] ->
          slot[o] = id
        };
        reap(o);
        slot[o] = NOBODY;
        goto again
     fi;

critical:
     atomic {
       assert(n == 0 && !committed);
       assert(A == commits && B == commits);
       assert(own[R] == SHARED && !bystanders[R]);
       v = A
     };
#ifdef EDIT_FIRST
     A = 7;
     entry(SAVE_A, v);
#else
     entry(SAVE_A, v);
     A = 7;
#endif
     entry(SAVE_A, 7);
     A = v + 1;
     entry(SAVE_B, v);
     B = v + 1;

     /* A new block in the old one's place. */
     atomic {
       if
       :: own[0] == FREE -> b = 0
       :: own[1] == FREE -> b = 1
#ifndef SMALL
       :: own[2] == FREE -> b = 2
#endif
       :: else -> b = NOBODY
       fi;
       if
       :: b != NOBODY -> own[b] = PRIVATE(id)
       :: else
       fi
     };
     y = NOBODY;
     if
     :: b != NOBODY ->
        entry(ALLOC, b);
#ifdef SHARE_EARLY
        own[b] = SHARED;
#endif
        y = R;
        entry(SAVE_R, y);
        R = b;
        entry(FREED, y)
     :: else
     fi;

     if
     :: /* commit: with nothing but saves it is one store */
        if
        :: y == NOBODY -> atomic { n = 0; commits++ }
        :: else ->
           atomic { committed = true; commits++ };
           apply(id);
#ifdef SHARE_LATE
           own[b] = SHARED;
#endif
           atomic {
             if
             :: own[y] == PRIVATE(id) -> own[y] = FREE
             :: else
             fi
           }
        fi
     :: /* abort */
        rollback();
        if
        :: b != NOBODY ->
           atomic {
             if
             :: own[b] == PRIVATE(id) -> own[b] = FREE
             :: else
             fi
           }
        :: else
        fi
     fi;
     atomic { assert(owner == id); owner = NOBODY };
     note[id] = false;
     k++
  od;
  atomic { i = 0; o = 0; b = 0; y = 0; v = 0; k = 0; done[id] = true }
}

/* Takes a block, shared at once, and keeps it. */
proctype bystander() {
  byte b;

  atomic {
    if
    :: own[0] == FREE -> b = 0
    :: own[1] == FREE -> b = 1
    :: own[2] == FREE -> b = 2
    fi;
    own[b] = SHARED;
    bystanders[b] = true
  }
}

/* Whoever joins, or is out of memory, repairs too. Is never killed. */
proctype janitor() {
  byte i;

end:
  do
  :: claim(0, JANITOR); reap(0); slot[0] = NOBODY; i = 0
  :: claim(1, JANITOR); reap(1); slot[1] = NOBODY; i = 0
  od
}

proctype killer() {
  byte p;

  do
  :: atomic {
       kills < KILLS ->
       if
       :: alive[0] && !done[0] -> p = 0
       :: alive[1] && !done[1] -> p = 1
       fi;
       alive[p] = false; kills++;
       if :: slot[0] == p -> slot[0] = NOBODY :: else fi;
       if :: slot[1] == p -> slot[1] = NOBODY :: else fi;
       p = 0
     }
  :: atomic {
       timeout ->
       assert(done[0] || !alive[0]);
       assert(done[1] || !alive[1]);
       assert(owner == NOBODY && n == 0);
       assert(A == commits && B == commits);
       p = 0;
       do
       :: p < BLOCKS ->
          assert(own[p] == FREE || own[p] == SHARED);
          assert((own[p] == SHARED) == (R == p || bystanders[p]));
          p++
       :: else -> break
       od;
       break
     }
  od
}

init {
  byte p = 0;

  atomic {
    own[0] = SHARED;
    do
    :: p < WORKERS -> alive[p] = true; slot[p] = NOBODY; p++
    :: else -> break
    od;
    p = 0;
    do
    :: p < WORKERS -> run worker(p); p++
    :: else -> break
    od;
#ifndef SMALL
    run bystander();
#endif
    run janitor();
    run killer()
  }
}
