/* SPDX-License-Identifier: MIT */

/* A queue whose writers, readers and repairers die at any step:
 * src/core/queue.c, queue_put.c, queue_take.c, queue_repair.c.
 *
 * WRITERS send SENDS messages each, READERS take TAKES each at most, by
 * copying or by peek and release; KILLS of them are killed at any step. Two repairers
 * work at once, each on another dead peer, and RESTARTS times one of them is
 * killed too: the next one begins from the start. With GIVE a message that was
 * with a dead reader goes back into the queue.
 *
 * A chunk says whose it is: {tag, owner, loan, given}. Each change raises the
 * tag, so no two owners' words are alike. Being in the ring overrides the owner.
 * A reader notes in `hand` what it is about to take, looks at the slot once more,
 * takes it out of the slot (this is the take), and makes the owner's word its
 * own, by compare-and-swap: it may be that the repairer of another reader, which
 * died with the same note, was faster.
 *
 * What must hold: no chunk is lost or is in two places; a message comes once, or
 * says that it was given before; nobody alive has it then; each comes in the
 * order of its writer unless it was given before; who says "empty" is right; with
 * GIVE each message that was sent is there or was released by a reader; without,
 * each dead reader costs one message at most.
 *
 * Mutants, each of which must fail:
 *   ONE_LOOK     the reader does not look at the slot again after the owner
 *   NO_HAND      it does not note what it takes
 *   EARLY_CLEAR  it clears the note before the chunk says that it is its own
 *   BLIND_OWN    it stores its own name instead of comparing and swapping it
 *   NO_RING      the repairer does not look whether the chunk is in the ring
 *   OTHERS       the repairer takes no notice of what others have noted
 *   SAME_TAG     the owner's word has no tag
 *   NO_MARK      (GIVE) the repairer puts it back without changing the owner's
 *                word first
 */

#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef READERS
#define READERS 2
#endif
#ifndef SENDS
#define SENDS 2
#endif
#ifndef TAKES
#define TAKES 1
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif
#ifndef REPAIRERS
#define REPAIRERS 2
#endif
#ifndef CHUNKS
#define CHUNKS 2
#endif
#ifndef SLOTS
#define SLOTS CHUNKS
#endif
/* Every other reader copies; without TURNS each does either. */
#ifdef TURNS
#define MAY_PEEK(id) (id % 2 == 1)
#define MAY_COPY(id) (id % 2 == 0)
#else
#define MAY_PEEK(id) true
#define MAY_COPY(id) true
#endif
#define PEERS (WRITERS + READERS) /* one end each */
#define NOBODY 7
#define NONE 7
#ifdef SAME_TAG
#define NEXT(t) t
#else
#define NEXT(t) ((t + 1) % 32)
#endif

/* The ring: of each slot its lap and chunk + 1; where to begin to look. */
byte lap[SLOTS], has[SLOTS];
byte head = 0, tail = 0;

/* The chunks. */
byte owner[CHUNKS], tag[CHUNKS];
bool loan[CHUNKS], given[CHUNKS];
byte data[CHUNKS];      /* number of the message */
byte where[CHUNKS];     /* the slot that it was last put into, or was to be */

/* The notes, one for each end. */
byte hand[PEERS], hand_owner[PEERS], hand_tag[PEERS];

bool alive[PEERS], done[PEERS], clean[PEERS];
byte slot[PEERS];       /* who repairs after it */
byte kills = 0, restarts = 0, ends = 0, dead_readers = 0;

/* Ghosts, of each message: sent; how often given; who has it; is through. */
#define MESSAGES (WRITERS * SENDS)
bool sent[MESSAGES], through[MESSAGES];
byte times[MESSAGES], holder[MESSAGES], sender_next[WRITERS];

/* The slot of position `p` in lap `l` as `s_lap`, `s_has` say. */
#define AHEAD(p) (s_lap > (p) / SLOTS)

/* Where to look is only a hint, which a writer or reader may leave behind. */
#ifdef LAG
#define STORE_HINT(store) if :: store :: true fi
#else
#define STORE_HINT(store) store
#endif

inline put(c) {
  atomic { t = tail; s_lap = lap[t % SLOTS]; s_has = has[t % SLOTS];
           where[c] = t % SLOTS };
  do
  :: atomic {
       s_lap == t / SLOTS && s_has == 0 ->
       ok = (lap[t % SLOTS] == t / SLOTS && has[t % SLOTS] == 0);
       if
       :: ok ->                                     /* the commit */
          has[t % SLOTS] = c + 1;
          sent[data[c]] = true;
          STORE_HINT(tail = t + 1);
          break
       :: else -> s_lap = lap[t % SLOTS]; s_has = has[t % SLOTS]
       fi
     }
  :: atomic {
       !(s_lap == t / SLOTS && s_has == 0) ->
       /* Somebody has filled it; there always is room for who has a chunk. */
       assert(s_lap >= t / SLOTS);
       t = (s_has != 0 -> s_lap * SLOTS : (s_lap - 1) * SLOTS) +
           t % SLOTS + 1;
       s_lap = lap[t % SLOTS]; s_has = has[t % SLOTS];
       where[c] = t % SLOTS
     }
  od
}

proctype writer(byte id) provided (alive[id]) {
  byte k = 0, c = 0, t, s_lap, s_has;
  bool ok;

  do
  :: atomic { k < SENDS && c < CHUNKS && owner[c] == NOBODY -> t = tag[c] };
     atomic {
       ok = (owner[c] == NOBODY && tag[c] == t);
       if
       :: ok -> owner[c] = id; tag[c] = NEXT(t);
                loan[c] = false; given[c] = false;
                data[c] = id * SENDS + k
       :: else -> c++
       fi
     };
     if
     :: ok -> put(c); atomic { k++; c = 0; t = 0 }
     :: else
     fi
  :: atomic { k < SENDS && c < CHUNKS && owner[c] != NOBODY -> c++ }
  :: atomic { k == SENDS || c >= CHUNKS -> done[id] = true; ends++; break }
  od
}

/* The caller has message `m` now. */
inline deliver() {
  assert(times[m] == 0 || o_given);
  assert(holder[m] == NOBODY || !alive[holder[m]]);
  times[m]++
}

/* Chunk `c` becomes the reader's, or free, if it still is as it was noted. */
#ifdef BLIND_OWN
#define SAME_OWN true
#else
#define SAME_OWN (owner[c] == o_owner && tag[c] == o_tag)
#endif

/* Who finds nothing at his place is right: there is nothing in any. */
inline look() {
  s_lap = lap[h % SLOTS]; s_has = has[h % SLOTS];
  if
  :: s_lap == h / SLOTS && s_has == 0 ->
     i = 0;
     do
     :: i < SLOTS -> assert(has[i] == 0); i++
     :: else -> i = 0; break
     od
  :: else
  fi
}

proctype reader(byte id) provided (alive[id]) {
  byte k = 0, h, c, m, o_owner, o_tag, s_lap, s_has, i;
  bool ok, o_given;

more:
  atomic { h = head; look() };
again:
  if
  :: atomic {
       s_lap == h / SLOTS && s_has == 0 ->          /* it was empty */
       done[id] = true; ends++
     };
     goto out
  :: atomic {
       s_lap > h / SLOTS ->
       h = (s_lap - 1) * SLOTS + h % SLOTS + 1;
       look()
     };
     goto again
  :: atomic {
       s_lap == h / SLOTS && s_has != 0 ->
       c = s_has - 1; o_owner = owner[c]; o_tag = tag[c]; o_given = given[c]
     }
  fi;
#ifndef ONE_LOOK
  atomic {
    if
    :: lap[h % SLOTS] != s_lap || has[h % SLOTS] != s_has ->
       look();
       goto again
    :: else
    fi
  };
#endif
#ifndef NO_HAND
  atomic { hand_owner[id] = o_owner; hand_tag[id] = o_tag; hand[id] = c };
#endif
  atomic {
    ok = (lap[h % SLOTS] == s_lap && has[h % SLOTS] == s_has);
    if
    :: ok ->                                        /* the take */
       lap[h % SLOTS] = s_lap + 1; has[h % SLOTS] = 0;
       m = data[c];
       if
       :: !o_given ->
          assert(sender_next[m / SENDS] <= m % SENDS);
          sender_next[m / SENDS] = m % SENDS + 1
       :: else
       fi;
       STORE_HINT(head = h + 1)
    :: else
    fi
  };
  if
  :: atomic { !ok -> hand[id] = NONE }; goto more
  :: ok
  fi;
#ifdef EARLY_CLEAR
  hand[id] = NONE;
#endif
  if
  :: atomic {                                       /* peek */
       MAY_PEEK(id) -> ok = SAME_OWN;
       if
       :: ok -> owner[c] = id; tag[c] = NEXT(tag[c]);
                loan[c] = true; deliver(); holder[m] = id
       :: else
       fi
     };
     hand[id] = NONE;
     if
     :: atomic {                                    /* release */
          ok ->
          assert(owner[c] == id && data[c] == m);
          owner[c] = NOBODY; tag[c] = NEXT(tag[c]);
          loan[c] = false; given[c] = false;
          holder[m] = NOBODY; through[m] = true
        }
     :: !ok
     fi
  :: atomic {                                       /* copy */
       MAY_COPY(id) -> ok = SAME_OWN;
       if
       :: ok -> assert(data[c] == m);
                owner[c] = NOBODY; tag[c] = NEXT(tag[c]);
                loan[c] = false; given[c] = false;
                deliver(); through[m] = true
       :: else
       fi
     };
     hand[id] = NONE
  fi;
  atomic {
    k = k + ok; c = 0; m = 0; o_owner = 0; o_tag = 0; s_lap = 0; s_has = 0;
    i = 0; ok = false; o_given = false; h = 0;
    if
    :: k < TAKES -> goto more
    :: else -> done[id] = true; ends++
    fi
  };
out:
  skip
}

#define KILL(i) \
  atomic { kills < KILLS && alive[i] && !done[i] -> \
    alive[i] = false; kills++; ends++; \
    if :: i >= WRITERS -> dead_readers++ :: else fi }

active proctype killer() {
end:
  do
  :: KILL(0)
  :: KILL(1)
#if PEERS > 2
  :: KILL(2)
#endif
#if PEERS > 3
  :: KILL(3)
#endif
  od
}

/* A repairer that is killed gives the slot back to the kernel, and the next one
 * begins. */
#if RESTARTS == 0
#define MAY_DIE skip
#else
#define MAY_DIE \
  if \
  :: atomic { restarts < RESTARTS -> restarts++; slot[p] = NOBODY; goto next } \
  :: true \
  fi
#endif

/* Repairers share the dead among them; who is killed is followed by another. */
#define MINE(i) \
  !alive[i] && !clean[i] && slot[i] == NOBODY && i % REPAIRERS == me

/* It lives or was repaired after. */
#define WELL(i) (i >= PEERS || alive[i % PEERS] || clean[i % PEERS])

proctype repairer(byte me) {
  byte p, c, i, t, o_owner, o_tag, s_lap, s_has;
  bool ok, o_loan, mine;

next:
  atomic {
    c = 0; i = 0; t = 0; o_owner = 0; o_tag = 0; s_lap = 0; s_has = 0;
    ok = false; o_loan = false; mine = false; p = 0;
    if
    :: MINE(0) -> p = 0
    :: MINE(1) -> p = 1
#if PEERS > 2
    :: MINE(2) -> p = 2
#endif
#if PEERS > 3
    :: MINE(3) -> p = 3
#endif
    :: ends == PEERS && WELL(0) && WELL(1) && WELL(2) && WELL(3) -> goto out
    fi;
    slot[p] = me
  };
  do
  :: atomic {
       c < CHUNKS ->
       o_owner = owner[c]; o_tag = tag[c]; o_loan = loan[c];
       mine = (hand[p] == c && hand_owner[p] == o_owner && hand_tag[p] == o_tag);
       ok = (o_owner != NOBODY && (o_owner == p || mine));
       i = WRITERS;
       if
       :: !ok -> c++
       :: else
       fi
     };
     if
     :: atomic {
          ok ->
#ifndef NO_RING
          ok = (has[where[c]] != c + 1)
#endif
        }
     :: !ok -> goto after
     fi;
#ifndef OTHERS
     do
     :: atomic {
          ok && !mine && i < PEERS ->
          ok = (i == p || hand[i] != c || hand_owner[i] != o_owner ||
                hand_tag[i] != o_tag);
          i++
        }
     :: !ok || mine || i == PEERS -> break
     od;
#endif
     if
#ifdef GIVE
     :: atomic {
          ok && (mine || o_loan) ->
#ifdef NO_MARK
          given[c] = true;
#else
          ok = (owner[c] == o_owner && tag[c] == o_tag);
          if
          :: ok -> owner[c] = p; tag[c] = NEXT(o_tag);
                   loan[c] = true; given[c] = true
          :: else
          fi;
#endif
          i = 0
        };
        MAY_DIE;
        if
        :: ok -> put(c); MAY_DIE
        :: else
        fi
     :: atomic {
          ok && !mine && !o_loan ->
#else
     :: atomic {
          ok ->
#endif
          if
          :: owner[c] == o_owner && tag[c] == o_tag ->
             owner[c] = NOBODY; tag[c] = NEXT(o_tag);
             loan[c] = false; given[c] = false
          :: else
          fi
        };
        MAY_DIE
     :: !ok
     fi;
     c++;
after:
     skip
  :: c == CHUNKS -> break
  od;
  hand[p] = NONE;
  MAY_DIE;
  atomic { clean[p] = true; slot[p] = NOBODY; goto next };
out:
  atomic {
    c = 0;
    do
    :: c < CHUNKS ->
       t = 0; i = 0;
       do
       :: i < SLOTS -> if :: has[i] == c + 1 -> t++ :: else fi; i++
       :: else -> break
       od;
       assert(owner[c] == NOBODY && t == 0 || owner[c] != NOBODY && t == 1);
       c++
    :: else -> break
    od;
    c = 0; s_lap = 0;
    do
    :: c < MESSAGES ->
       t = 0; i = 0;
       do
       :: i < SLOTS ->
          if
          :: has[i] != 0 && data[has[i] - 1] == c -> t++
          :: else
          fi;
          i++
       :: else -> break
       od;
       assert(t <= 1);
       if
       :: sent[c] && t == 0 && !through[c] -> s_lap++
       :: else
       fi;
       c++
    :: else -> break
    od;
#ifdef GIVE
    assert(s_lap == 0)
#else
    assert(s_lap <= dead_readers)
#endif
  }
}

init {
  byte i = 0;

  atomic {
    do
    :: i < CHUNKS -> owner[i] = NOBODY; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < MESSAGES -> holder[i] = NOBODY; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < PEERS -> alive[i] = true; hand[i] = NONE; slot[i] = NOBODY; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < WRITERS -> run writer(i); i++
    :: else -> break
    od;
    do
    :: i < PEERS -> run reader(i); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < REPAIRERS -> run repairer(i); i++
    :: else -> break
    od
  }
}
