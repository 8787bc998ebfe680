/* SPDX-License-Identifier: MIT */

/* Several writers of a topic, and readers that read in place or by copy:
 * src/core/topic_write.c, topic_read.c, topic_repair.c.
 *
 * Every chunk is in one place: a slot of the ring, the hand of a writer, or
 * among the spares. A message is committed by exchanging the writer's chunk
 * with the one in a slot; a chunk that a reader still has pinned is exchanged
 * with a spare one. Both exchange two words by one CAS: the chunk that goes in
 * says first where it is going, from whose hand, and what it will replace
 * (`swap`), and whoever takes it out again later brings the hand up to date, if
 * its writer has not (helping). So does repair.
 *
 * Writers are killed at any step (KILLS), repaired after, and followed by
 * another one with the same hand; stopping one is the same as its next step
 * being late. Readers are killed too: their pins stay until repair clears them.
 *
 * Shown: what a reader gets is the message of that number, whole; numbers
 * follow each other without a gap; a writer always finds a chunk that nobody
 * reads, or somebody else has gone on meanwhile; at the end every chunk is in
 * one place.
 *
 * Mutants, each of which must fail:
 *   NO_PIN    the reader trusts that the chunk stays
 *   ONE_LOOK  the reader pins, or copies, and does not look at the slot again
 *   NO_SCAN   the writer does not look at the pins
 *   NO_HELP   a chunk is taken out of its place before its writer's hand is up
 *             to date
 *   NO_TAG    hands and spares have no numbers, only chunks
 *   FEW       one chunk too few
 *   FORGET    repair leaves the hand as it is
 */

#ifndef N
# define N 2
#endif
#ifndef W
# define W 2
#endif
#define R 1
#ifndef PUBS
# define PUBS 2
#endif
#ifndef READS
# define READS 2
#endif
#ifndef KILLS
# define KILLS 1
#endif
#ifdef FEW
# define SPARES (R - 1)
#else
# define SPARES R
#endif
#define C (N + W + SPARES)
#define NONE 31
#define LAST (N + W * PUBS + KILLS * PUBS + 1)

/* Words of two parts are read and written in one step. */
byte slot_seq[N], slot_c[N];
byte spare_tag[R], spare_c[R];
byte hand_tag[W], hand_c[W];
byte swap_by[C], swap_at[C], swap_for[C];
byte tail = N;
byte pin[R];
byte d0[C], d1[C]; /* a message */

byte truth[LAST]; /* of each number: what was sent */
byte serial;      /* the last one that was sent or tried */
bool moved[2];    /* something has, since this writer began to look for room */
byte current[W];            /* who is writer 0 now, and who writer 1 */
bool dead[W * (KILLS + 1)]; /* writer i and those after it: i, i + W, .. */
bool finished[W], reader_dead;
byte kills;
bool ready;

#ifdef NO_TAG
# define NEXT_TAG(x) 0
#else
# define NEXT_TAG(x) ((x) + 1)
#endif

#define HOLDS(at, n, x)                                                        \
  ((at < N && slot_seq[at % N] == n && slot_c[at % N] == x) ||                 \
   (at >= N && spare_tag[(at - N) % R] == n && spare_c[(at - N) % R] == x))

/* The chunk x lies at place `at` as {n, x}: the writer who brought it there has
 * what it was exchanged for. Our own hand is up to date. */
inline help(at, n, x) {
#ifndef NO_HELP
  if
  :: atomic {
       swap_by[x] != NONE && swap_by[x] != id && hand_c[swap_by[x]] == x ->
       by = swap_by[x];
       h_tag = hand_tag[by]
     };
     atomic {
       if
       :: HOLDS(at, n, x) -> other = swap_for[x]
       :: else -> by = NONE
       fi
     };
     atomic {
       if
       :: by != NONE && hand_tag[by] == h_tag && hand_c[by] == x ->
          hand_tag[by] = NEXT_TAG(h_tag);
          hand_c[by] = other
       :: else
       fi;
       by = 0; h_tag = 0; other = 0
     }
  :: else
  fi
#else
  skip
#endif
}

#ifdef NO_SCAN
# define PINNED(x) false
#else
# define PINNED(x) (pin[0] == x)
#endif

/* Say where the chunk in our hand goes, from whom, and what it will replace. */
#define SAY(place, what)                                                       \
  swap_by[c] = id; swap_at[c] = place; swap_for[c] = what

/* Exchange the chunk c in our hand, which somebody reads, for a spare one that
 * nobody reads. */
inline exchange() {
  moved[id] = false;
  j = 0;
  do
  :: atomic { j < SPARES -> n = spare_tag[j]; x = spare_c[j] };
     if
     :: !PINNED(x) ->
        help(N + j, n, x);
        SAY(N + j, x);
        atomic {
          if
          :: spare_tag[j] == n && spare_c[j] == x ->
             spare_tag[j] = NEXT_TAG(n);
             spare_c[j] = c;
             moved[0] = true; moved[1] = true;
             ok = true
          :: else -> j++
          fi
        };
        if
        :: ok ->
           atomic { hand_tag[id] = NEXT_TAG(tag); hand_c[id] = x; ok = false };
           break
        :: else
        fi
     :: else -> j++
     fi
  :: atomic { j >= SPARES -> assert(moved[id]) }; break
  od;
  atomic { n = 0; x = 0; j = 0 }
}

/* Commit c, the chunk in our hand. */
inline commit() {
  do
  :: t = tail;
     atomic { n = slot_seq[t % N]; x = slot_c[t % N] };
     if
     :: n == t -> /* it is there; the tail is late */
        atomic { if :: tail == t -> tail = t + 1 :: else fi }
     :: n == t - N ->
        help(t % N, n, x);
        SAY(t % N, x);
        atomic {
          if
          :: slot_seq[t % N] == n && slot_c[t % N] == x ->
             slot_seq[t % N] = t;
             slot_c[t % N] = c;
             assert(truth[t] == 0 && (t == N || truth[t - 1] != 0));
             truth[t] = d0[c];
             moved[0] = true; moved[1] = true;
             ok = true
          :: else
          fi
        };
        if
        :: ok ->
           atomic { hand_tag[id] = NEXT_TAG(tag); hand_c[id] = x; ok = false };
           atomic { if :: tail == t -> tail = t + 1 :: else fi };
           break
        :: else
        fi
     :: else /* others were faster: the tail has moved on */
     fi
  od;
  atomic { n = 0; x = 0; t = 0 }
}

#if KILLS > 0
# define MORTAL(who) provided (!who)
#else
# define MORTAL(who)
#endif

proctype writer(byte me) MORTAL(dead[me]) {
  byte id, k, c, n, x, t, j, by, other, h_tag, tag;
  bool ok;

  id = me % W;
  do
  :: k < PUBS ->
     do /* claim */
     :: atomic { c = hand_c[id]; tag = hand_tag[id] };
        if
        :: !PINNED(c) -> break
        :: else -> exchange()
        fi
     od;
     atomic { serial++; d0[c] = serial };
     d1[c] = d0[c];
     commit();
     k++
  :: else -> break
  od;
  finished[id] = true
}

#ifdef ONE_LOOK
# define LOOK_AGAIN true
#else
# define LOOK_AGAIN HOLDS(next % N, n, c)
#endif

proctype reader(byte id) MORTAL(reader_dead) {
  byte next = N, n, c, k, a;

  do
  :: k < READS ->
     atomic { n = slot_seq[next % N]; c = slot_c[next % N] };
     if
     :: n == next ->
#ifdef COPY
        a = d0[c];
        atomic { a = (a == d1[c] -> a : 0) };
        if
        :: LOOK_AGAIN -> assert(a == truth[next]); next++; k++
        :: else
        fi;
        a = 0
#else
# ifndef NO_PIN
        pin[id] = c;
# endif
        if
        :: LOOK_AGAIN ->
           assert(d0[c] == truth[next]);
           assert(d1[c] == truth[next]);
           atomic { assert(d0[c] == truth[next]); next++; k++ }
        :: else
        fi;
        atomic { pin[id] = NONE; moved[0] = true; moved[1] = true }
#endif
     :: n > next -> next = n - N + 1 /* lapped */
     :: else -> break /* it would wait */
     fi
  :: else -> break
  od
}

/* Deaths, and the repair after them. */
#if KILLS > 0
active proctype killer() {
end:
  do
  :: kills < KILLS ->
     atomic {
       if
       :: ready && !finished[0] && !dead[current[0]] -> dead[current[0]] = true
#if W > 1
       :: ready && !finished[1] && !dead[current[1]] -> dead[current[1]] = true
#endif
       :: ready && !reader_dead -> reader_dead = true
       fi;
       kills++
     }
  od
}

inline repair(id) {
  atomic { tag = hand_tag[id]; c = hand_c[id] };
#ifndef FORGET
  atomic { by = swap_by[c]; other = swap_for[c]; at = swap_at[c] };
  if
  :: by == id ->
     there = ((at < N && slot_c[at % N] == c) ||
              (at >= N && spare_c[(at - N) % R] == c));
     if
     :: there ->
        atomic {
          if
          :: hand_tag[id] == tag && hand_c[id] == c ->
             hand_tag[id] = NEXT_TAG(tag);
             hand_c[id] = other
          :: else
          fi
        }
     :: else
     fi
  :: else
  fi;
#endif
  /* A successor. */
  atomic {
    current[id] = current[id] + W;
    run writer(current[id]);
    c = 0; tag = 0; by = 0; other = 0; at = 0; there = false
  }
}

active proctype repairer() {
  byte c, tag, by, other, at;
  bool there;
end:
  do
  :: atomic {
       ready && reader_dead && pin[0] != NONE ->
       pin[0] = NONE; moved[0] = true; moved[1] = true
     }
  :: ready && dead[current[0]] -> repair(0)
#if W > 1
  :: ready && dead[current[1]] -> repair(1)
#endif
  od
}

#endif

/* At the end every chunk is in one place. */
active proctype auditor() {
  byte i, seen;

end:
  atomic {
    (ready && finished[0] && finished[W - 1]) -> seen = 0;
    i = 0;
    do
    :: i < N -> assert((seen & (1 << slot_c[i])) == 0);
       seen = seen | (1 << slot_c[i]); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < SPARES -> assert((seen & (1 << spare_c[i])) == 0);
       seen = seen | (1 << spare_c[i]); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < W -> assert((seen & (1 << hand_c[i])) == 0);
       seen = seen | (1 << hand_c[i]); i++
    :: else -> break
    od
  }
}

init {
  byte i;
  atomic {
    i = 0;
    do :: i < N -> slot_seq[i] = i; slot_c[i] = i; i++ :: else -> break od;
    i = 0;
    do :: i < W -> hand_c[i] = N + i; current[i] = i; i++ :: else -> break od;
    i = 0;
    do
    :: i < R ->
       spare_c[i] = N + W + i; pin[i] = NONE; i++
    :: else -> break
    od;
    i = 0;
    do :: i < C -> swap_by[i] = NONE; i++ :: else -> break od;
    i = 0;
    do :: i < W -> run writer(i); i++ :: else -> break od;
    i = 0;
    do :: i < R -> run reader(i); i++ :: else -> break od;
    ready = true
  }
}
