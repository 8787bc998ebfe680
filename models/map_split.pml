/* SPDX-License-Identifier: MIT */

/* A bucket of a map is split in two: core/map_split.c, with map_read.c's way
 * through the buckets, the log of core/lock.c and the repair of core/reap.c.
 *
 * The chain of bucket 0 has keys 1 to N; which of them belong to the new
 * bucket is tried in every way. Whoever gets the lock begins the split or goes
 * on with it, one node a commit, then replaces a key; he may die anywhere, and
 * so may the one after him and whoever repairs. A reader without a lock looks
 * up any of the keys, all of which are there all the time.
 *
 * Moving node x from behind p in the old chain to the end t of the new one is
 *
 *   t.next = x;  p.next = x.next;  version + 1;  x.next = 0
 *
 * in this order, after the state and then the version said that a split goes on.
 * Until the version is another one, every key is found from
 * where it was, and a reader who stands on x still finds his way on.
 *
 * Mutants: CUT_FIRST   x.next is cut off before the version changes
 *          SILENT      the version does not change when a split begins
 *          OLD_ONLY    the reader looks in the old bucket until the split is
 *                      done
 *          EARLY       the split is called done before the last node moved
 *          FORGETFUL   the next one in does not go on with the split
 */

#ifndef DEATHS
#define DEATHS 2
#endif

#ifndef N
#define N 3 /* keys */
#endif
#define NOBODY 7
#define P 3 /* processes that take the lock; the last one is not killed */

/* What a log may name: heads of the two buckets, each node's next, version and
 * state (0: one bucket, 1: being split, 2: two buckets). */
#define HEAD 0
#define NEW 1
#define NEXT(i) ((i) + 1)
#define VERSION (N + 2)
#define STATE (N + 3)
byte m[N + 4];
bool moves[N + 1]; /* does the key belong to the new bucket? */

byte lock = NOBODY, n, at[4], to[4];
byte deaths;
bool alive[P] = true, reaped[P], done[P];

inline replay(i) {
  do
  :: i < n -> atomic { m[at[i]] = to[i]; i++ }
  :: else -> break
  od;
  atomic {
    n = 0; i = 0;
    at[0] = 0; at[1] = 0; at[2] = 0; at[3] = 0;
    to[0] = 0; to[1] = 0; to[2] = 0; to[3] = 0
  }
}

/* From the old chain into the new one, node by node. */
inline split(p, x, t, i) {
  do
  :: d_step {
       /* The first node that is to move, and the ends of both ways. */
       p = HEAD; x = m[HEAD];
       do
       :: x != 0 && !moves[x] -> p = NEXT(x); x = m[NEXT(x)]
       :: else -> break
       od;
       t = NEW;
       do
       :: m[t] != 0 -> t = NEXT(m[t])
       :: else -> break
       od;
       /* Nobody looks at a log before n is set, so this is one step. */
       if
       :: x != 0 ->
          at[0] = t; to[0] = x;
          at[1] = p; to[1] = m[NEXT(x)];
#ifdef CUT_FIRST
          at[2] = NEXT(x); to[2] = 0;
          at[3] = VERSION; to[3] = m[VERSION] + 1;
#else
          at[2] = VERSION; to[2] = m[VERSION] + 1;
          at[3] = NEXT(x); to[3] = 0;
#endif
          n = 4
       :: else
       fi;
       p = 0; t = 0; x = 0
     };
     if
     :: n == 0 -> break
     :: else
     fi;
#ifdef EARLY
     m[STATE] = 2;
#endif
     replay(i)
  od
}

proctype worker(byte me) provided (alive[me] || reaped[me]) {
  byte p, x, t, i;

  {
    /* One after the other: who waits does nothing that others could see. */
    atomic {
      lock == NOBODY && (me == 0 || done[me - 1] || reaped[me - 1]) ->
      lock = me;
      assert(n == 0)
    };
#ifdef FORGETFUL
    if
    :: m[STATE] == 1 -> m[STATE] = 2
    :: else
    fi;
#endif
    if
    :: m[STATE] == 0 ->
#ifdef SILENT
       m[STATE] = 1
#else
       d_step {
         at[0] = STATE; to[0] = 1;
         at[1] = VERSION; to[1] = m[VERSION] + 1;
         n = 2
       };
       replay(i)
#endif
    :: else
    fi;
    if
    :: m[STATE] == 1 -> split(p, x, t, i); m[STATE] = 2
    :: else
    fi;
    atomic { lock = NOBODY; done[me] = true }
  } unless {
    atomic { reaped[me] -> p = 0; x = 0; t = 0; i = 0 }
  }
}

proctype reader() {
  byte k, v, s, c, steps;

  atomic { if :: k = 1 :: k = 2 :: k = N fi }
again:
  v = m[VERSION];
  s = m[STATE];
  atomic { steps = 0; c = (s == 2 && moves[k] -> m[NEW] : m[HEAD]) };
  do
  :: c != 0 && c != k && steps < 2 * N -> atomic { c = m[NEXT(c)]; steps++ }
  :: else -> break
  od;
#ifndef OLD_ONLY
  if
  :: c != k && s == 1 && moves[k] ->
     c = m[NEW];
     do
     :: c != 0 && c != k && steps < 2 * N -> atomic { c = m[NEXT(c)]; steps++ }
     :: else -> break
     od
  :: else
  fi;
#endif
  atomic {
    if
    :: c == k
    :: c != k && m[VERSION] != v -> v = 0; s = 0; c = 0; goto again
    :: c != k && m[VERSION] == v -> assert(false)
    fi
  }
}

active proctype killer() {
end:
  do
  :: atomic { deaths < DEATHS && alive[0] && lock == 0 ->
       deaths++; alive[0] = false }
  :: atomic { deaths < DEATHS && alive[1] && lock == 1 ->
       deaths++; alive[1] = false }
  od
}

/* Killed in the middle and followed by another one, it begins again. */
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
again:
     if
     :: lock == p ->
        i = 0;
        do
        :: i < n -> atomic { m[at[i]] = to[i]; i++ }
        :: i < n && i > 0 && deaths < DEATHS -> deaths++; goto again
        :: i >= n -> break
        od;
        atomic {
          n = 0; i = 0;
          at[0] = 0; at[1] = 0; at[2] = 0; at[3] = 0;
          to[0] = 0; to[1] = 0; to[2] = 0; to[3] = 0
        };
        lock = NOBODY
     :: else
     fi;
     atomic { reaped[p] = true; p = 0 }
  od
}

/* The last one is through: each key is in its bucket, once. */
proctype judge() {
  byte c, k, b, seen;

  atomic {
    done[2] ->
    assert(m[STATE] == 2 && n == 0);
    b = 0;
    do
    :: b < 2 ->
       c = m[b]; k = 0;
       do
       :: c != 0 ->
          assert(moves[c] == b && k < N);
          seen = seen + 1; k++; c = m[NEXT(c)]
       :: else -> break
       od;
       b++
    :: else -> break
    od;
    assert(seen == N)
  }
}

init {
  atomic {
    m[HEAD] = 1; m[NEXT(1)] = 2;
#if N > 2
    m[NEXT(2)] = 3;
#endif
    if :: moves[1] = true :: skip fi;
    if :: moves[2] = true :: skip fi;
    if :: moves[N] = true :: skip fi;
    run worker(0); run worker(1); run worker(2);
    run reader(); run reaper(); run judge()
  }
}
