/* SPDX-License-Identifier: MIT */

/* A shard of a map: core/map_write.c, map_update.c and map_read.c, with the log of
 * core/lock.c and the repair of core/reap.c.
 *
 * One chain with two keys. Writers replace key 1, which is always there, and
 * insert, replace or remove key 2; each may be killed anywhere, and a freed node
 * is filled again at once by whoever allocates it. A reader without a lock looks
 * key 1 up.
 *
 * Shown: the reader never misses key 1, never sees a value that is half one
 * node's and half another's, nor one that was replaced before it began; the log
 * is empty whenever the lock is taken; at the end every node is in the chain or
 * free.
 *
 * ONE_KEY: both writers replace key 1.
 * UNDER_LOCK: the new node is taken after the lock, and the old one given back
 * before it (core/map_update.c); else before it and after it.
 *
 * Mutants: FREE_FIRST  the old node may be used again before the version says so
 *          ONE_LOOK    the reader trusts what it read
 *          MEMORY_FIRST  repair frees the dead one's nodes before it looks at
 *                      his log
 *          NO_LOG      the words are stored without a log
 */

#ifndef KILLS
#define KILLS 1
#endif
#ifndef OPS
#define OPS 1
#endif
#ifndef READS
#define READS 1
#endif

#define W 2
#ifdef ONE_KEY
# define C 3 /* nodes 1..C; 0 is the end of a chain */
#else
# define C 4
#endif
#define FREE 7
#define SHARED 6  /* 0..W-1: private to that writer */
#define NOBODY 7

/* What a log may name: the head, each node's next and owner, the version. */
#define HEAD 0
#define NEXT(i) (i)
#define OWN(i) (C + (i))
#define VERSION (2 * C + 1)
byte m[2 * C + 2];

byte key[C + 1], a[C + 1], b[C + 1]; /* a node's own bytes */

byte lock = NOBODY, n, at[4], to[4];
byte current, serial; /* the last value of key 1 that was committed, and given */
bool alive[W] = true, done[W], noted[W], reaped[W];
byte kills;

#ifdef NO_LOG
# define COMMIT(k) skip
# define APPLY(i) m[at[i]] = to[i]
#else
# define COMMIT(k) n = k
# define APPLY(i) m[at[i]] = to[i]
#endif

inline apply(i, k) {
  i = 0;
  do
  :: i < k ->
     atomic {
       APPLY(i);
       if
       :: at[i] <= C && to[i] != 0 && key[to[i]] == 1 -> current = a[to[i]]
       :: else
       fi;
       i++
     }
  :: else -> break
  od
}

/* What a log that does not count says makes no difference; forget it. */
inline clear() {
  d_step {
    n = 0;
    at[0] = 0; at[1] = 0; at[2] = 0; at[3] = 0;
    to[0] = 0; to[1] = 0; to[2] = 0; to[3] = 0
  }
}

/* A free node, filled but for what the holder of the lock says. */
inline allocate(new, k, me) {
  atomic {
    if
    :: m[OWN(1)] == FREE -> new = 1
    :: m[OWN(1)] != FREE && m[OWN(2)] == FREE -> new = 2
    :: m[OWN(1)] != FREE && m[OWN(2)] != FREE && m[OWN(3)] == FREE ->
       new = 3
    :: m[OWN(1)] != FREE && m[OWN(2)] != FREE && m[OWN(3)] != FREE &&
       m[OWN(C)] == FREE -> new = C
    fi;
    m[OWN(new)] = me
  }
  atomic { key[new] = k; a[new] = 0 }
}

/* The node that was taken out of the chain. */
inline give_back(old, me) {
#ifndef FREE_FIRST
  if
  :: old != 0 -> atomic { assert(m[OWN(old)] == me); m[OWN(old)] = FREE }
  :: else
  fi
#else
  skip
#endif
}

proctype writer(byte me) provided (alive[me] || reaped[me]) {
  byte k, new, old, link, i, ops;

  { do
  :: ops < OPS ->
     k = 1;
#ifndef ONE_KEY
     if :: me == 1 -> k = 2 :: me == 1 :: me == 0 fi;
#endif
     /* Allocate, or not when something is to be removed. */
     new = 0;
#ifndef UNDER_LOCK
     if
     :: k == 1 || k == 2 -> allocate(new, k, me)
     :: k == 2 -> skip
     fi;
#endif
     noted[me] = true;
     atomic { lock == NOBODY -> lock = me; assert(n == 0) };
#ifdef UNDER_LOCK
     if
     :: k == 1 || k == 2 -> allocate(new, k, me)
     :: k == 2 -> skip
     fi;
#endif
     /* Whoever holds the lock gives the value, so that values grow. */
     atomic {
       link = HEAD; old = m[HEAD];
       do
       :: old != 0 && key[old] != k -> link = NEXT(old); old = m[NEXT(old)]
       :: else -> break
       od
     }
     if
     :: new != 0 ->
        atomic { serial++; a[new] = serial }
        b[new] = a[new];
        m[NEXT(new)] = (old != 0 -> m[NEXT(old)] : 0)
     :: else
     fi;
     k = 0;
     if
     :: new == 0 && old == 0 -> skip
     :: new != 0 && old == 0 ->
        d_step {
          m[NEXT(new)] = m[HEAD];
          at[0] = HEAD; to[0] = new;
          at[1] = OWN(new); to[1] = SHARED;
          at[2] = VERSION; to[2] = m[VERSION] + 1;
          k = 3
        }
     :: new == 0 && old != 0 ->
        d_step {
          at[0] = link; to[0] = m[NEXT(old)];
#ifdef FREE_FIRST
          at[1] = OWN(old); to[1] = FREE;
          at[2] = VERSION; to[2] = m[VERSION] + 1;
#else
          at[1] = VERSION; to[1] = m[VERSION] + 1;
          at[2] = OWN(old); to[2] = me;
#endif
          k = 3
        }
     :: new != 0 && old != 0 ->
        d_step {
          at[0] = link; to[0] = new;
          at[1] = OWN(new); to[1] = SHARED;
#ifdef FREE_FIRST
          at[2] = OWN(old); to[2] = FREE;
          at[3] = VERSION; to[3] = m[VERSION] + 1;
#else
          at[2] = VERSION; to[2] = m[VERSION] + 1;
          at[3] = OWN(old); to[3] = me;
#endif
          k = 4
        }
     fi;
     if
     :: k != 0 -> COMMIT(k); apply(i, k); clear()
     :: else
     fi;
#ifdef UNDER_LOCK
     give_back(old, me);
     lock = NOBODY;
     noted[me] = false;
#else
     lock = NOBODY;
     noted[me] = false;
     give_back(old, me);
#endif
     atomic { ops++; new = 0; old = 0; link = 0; i = 0; k = 0 }
  :: else -> break
  od;
  done[me] = true
  } unless {
    atomic { reaped[me] -> k = 0; new = 0; old = 0; link = 0; i = 0; ops = 0 }
  }
}

proctype reader() {
  byte v, c, x, y, since, reads, steps;

  do
  :: reads < READS ->
     atomic { since = current; v = m[VERSION] }
     c = m[HEAD];
     do
     :: c != 0 && steps < C && key[c] != 1 ->
        atomic { c = m[NEXT(c)]; steps++ }
     :: c != 0 && steps < C && key[c] == 1 -> x = a[c]; break
     :: else -> c = 0; break
     od;
     atomic {
       y = b[c];
       if
#ifdef ONE_LOOK
       :: true ->
#else
       :: m[VERSION] != v
       :: m[VERSION] == v ->
#endif
          assert(c != 0);
          assert(x == y);
          assert(x >= since);
          reads++
       fi;
       x = 0; y = 0; c = 0; v = 0; since = 0; steps = 0
     }
  :: else -> break
  od
}

active proctype killer() {
end:
  do
  :: atomic { kills < KILLS && alive[0] && !done[0] && _nr_pr > 3 ->
       kills++; alive[0] = false }
  :: atomic { kills < KILLS && alive[1] && !done[1] && _nr_pr > 3 ->
       kills++; alive[1] = false }
  od
}

inline repair_lock(p, i) {
  if
  :: noted[p] && lock == p -> apply(i, n); clear(); lock = NOBODY
  :: else
  fi;
  noted[p] = false
}

inline repair_memory(p, i) {
  i = 1;
  do
  :: i <= C ->
     atomic { if :: m[OWN(i)] == p -> m[OWN(i)] = FREE :: else fi; i++ }
  :: else -> break
  od
}

proctype reaper() {
  byte p, i;

end:
  do
  :: atomic {
       if
       :: !alive[0] && !reaped[0] -> p = 0
       :: !alive[1] && !reaped[1] -> p = 1
       fi
     }
#ifdef MEMORY_FIRST
     repair_memory(p, i);
     repair_lock(p, i);
#else
     repair_lock(p, i);
     repair_memory(p, i);
#endif
     atomic { reaped[p] = true; i = 0; p = 0 }
  od
}

/* All writers are through, or dead and repaired after. */
proctype judge() {
  byte i, c;

  atomic {
    (done[0] || reaped[0]) && (done[1] || reaped[1]) ->
    assert(lock == NOBODY && n == 0);
    c = m[HEAD];
    do
    :: c != 0 -> assert(m[OWN(c)] == SHARED); m[OWN(c)] = FREE;
                 assert(a[c] == b[c]); c = m[NEXT(c)]
    :: else -> break
    od;
    i = 1;
    do
    :: i <= C -> assert(m[OWN(i)] == FREE); i++
    :: else -> break
    od
  }
}

init {
  atomic {
    key[1] = 1; m[OWN(1)] = SHARED; m[HEAD] = 1;
    key[2] = 2; m[OWN(2)] = FREE;
    m[OWN(3)] = FREE; m[OWN(C)] = FREE;
    /* Key 2 may be there, in front or behind. */
    if
#ifndef ONE_KEY
    :: m[OWN(2)] = SHARED; m[HEAD] = 2; m[NEXT(2)] = 1
    :: m[OWN(2)] = SHARED; m[NEXT(1)] = 2
#endif
    :: skip
    fi;
    run writer(0); run writer(1); run reaper(); run judge(); run reader()
  }
}
