/* SPDX-License-Identifier: MIT */

/* Spans and zones of the heap that become something else while somebody takes a
 * block there: src/core/heap_small.c, heap_zone.c, heap_reclaim.c, heap_huge.c,
 * heap_repair.c.
 *
 * One zone with one span of two owner words. A taker has an old hint of what
 * the span was, takes a block without a lock, and frees it; it is the only user
 * of the span (heap_span.pml is about those who follow each other). A holder of the
 * heap's lock (TWO: two of them) closes the span and the zone when they are
 * empty, and makes it a span of another size (size 0: two blocks, each with its
 * word; size 1: one block, with the first word), a run (the first word), or
 * part of a huge block, whose bytes the owner words then are. KILLS die at any
 * step; who repairs after them walks through the owner words without the lock,
 * and may die as well.
 *
 * What must hold: no byte is given to two; nobody changes an owner word where a
 * huge block's bytes are; in the end nothing is anybody's.
 *
 * Mutants, each of which must fail:
 *   NO_NAME       a taker does not say which span it is in
 *   LATE_NAME     or says it after its look at the zone
 *   CLOSE_BLIND   closing a span: nobody asks who is in it
 *   NO_SCAN       closing a zone: nobody asks who is in it
 *   WALK_UNNAMED  repair does not say which zone it walks through
 *   WALK_CLOSING  repair walks through a zone that is about to become free,
 *                 without keeping it from that
 */

#ifndef KILLS
#define KILLS 1
#endif
#ifndef TAKES
#define TAKES 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif

#define TAKER 0
#define HOLDERS 2
#define PEERS 3         /* the taker, two holders */
#define NOBODY 7

/* Kinds of zones and of spans. */
#define FREE 0
#define SMALL 1
#define WHOLE 2         /* a huge block; a run */
#define CLOSING 3

/* What a holder has taken. */
#define NONE 0
#define WHOLE_SPAN 1
#define WHOLE_ZONE 2

/* Words: {generation, size, kind}. */
#define KIND(w) ((w) & 3)
#define SIZE(w) ((w) >> 2 & 1)
#define NEXT(w, size, kind) ((((w) >> 3) + 1) << 3 | (size) << 2 | (kind))
#define WITH(w, kind) (((w) & ~3) | (kind))

byte zone = SMALL;
byte span = SMALL;
byte own[2];            /* peer + 1; 0: free */
byte zone_own;          /* of the huge block */
bool zone_used = false; /* free, and was huge */
byte lock = NOBODY;

bool in_zone[PEERS];    /* lanes that name the span, and so the zone */
bool walking = false;   /* the repaired peer's entry names it */

bool alive[PEERS];
bool over[PEERS];       /* has done all it wanted */
bool all_done = false;
byte kills = 0;

byte has[2];            /* what is true: whose the two halves are */

/* Owner words are touched where there are some. */
inline words_are_words() { assert(KIND(zone) != WHOLE) }

inline gets(id, i, both) {
  if
  :: both -> assert(has[0] == 0 && has[1] == 0); has[0] = id + 1; has[1] = id + 1
  :: else -> assert(has[i] == 0); has[i] = id + 1
  fi
}

inline loses(id) {
  if
  :: has[0] == id + 1 -> has[0] = 0
  :: else
  fi;
  if
  :: has[1] == id + 1 -> has[1] = 0
  :: else
  fi
}

/* ---- a block without a lock ---------------------------------------------- */

proctype taker() provided (alive[TAKER]) {
  byte hint = SMALL;
  byte left = TAKES;
  byte i;
  bool got;
  bool ok;

  do
  :: left == 0 -> break
  :: left > 0 ->
     atomic {
       left--;
       got = false;
       if
       :: SIZE(hint) == 0 -> i = 1
       :: i = 0
       fi;
       /* uvshm__span_enter() */
#if !defined(NO_NAME) && !defined(LATE_NAME)
       in_zone[TAKER] = true
#endif
     };
     ok = (KIND(zone) == SMALL);
#ifdef LATE_NAME
     in_zone[TAKER] = true;
#endif
     ok = (ok && span == hint);
     ok = (ok && own[i] == 0);
     if
     :: ok ->
        atomic {
          words_are_words();
          own[i] = TAKER + 1;
          gets(TAKER, i, SIZE(hint) == 1);
          got = true
        }
     :: else
     fi;
     in_zone[TAKER] = false; /* leave() */
     if
     :: got -> atomic { loses(TAKER); words_are_words(); own[i] = 0 }
     :: else
     fi;
     /* look_at() */
     atomic {
       if
       :: KIND(zone) == SMALL && KIND(span) == SMALL -> hint = span
       :: else
       fi
     }
  od;
  over[TAKER] = true
}

/* ---- under the lock ------------------------------------------------------ */

/* Nobody else changes these words meanwhile. */
inline settle() {
  atomic {
    if
    :: KIND(zone) == CLOSING -> zone = WITH(zone, SMALL)
    :: KIND(zone) == WHOLE && zone_own == 0 ->
       zone = NEXT(zone, 0, FREE);
       zone_used = true
    :: else
    fi
  };
  atomic {
    if
    :: KIND(zone) == SMALL && KIND(span) == CLOSING -> span = WITH(span, SMALL)
    :: KIND(zone) == SMALL && KIND(span) == WHOLE && own[0] == 0 ->
       span = NEXT(span, 0, FREE)
    :: else
    fi
  }
}

inline close_span() {
  if
  :: KIND(zone) == SMALL && KIND(span) == SMALL && own[0] == 0 && own[1] == 0 ->
     atomic { before = span; span = WITH(span, CLOSING) };
#ifdef CLOSE_BLIND
     ok = true;
#else
     ok = !in_zone[TAKER];
#endif
     ok = (ok && own[0] == 0 && own[1] == 0);
     atomic {
       if
       :: ok -> span = NEXT(before, 0, FREE)
       :: else -> span = before
       fi
     }
  :: else
  fi
}

inline close_zone() {
  if
  :: KIND(zone) == SMALL && KIND(span) == FREE ->
     atomic { before = zone; zone = WITH(zone, CLOSING) };
#ifdef NO_SCAN
     ok = true;
#else
     ok = !in_zone[TAKER];
     ok = ok && !walking;
#endif
     ok = ok && own[0] == 0 && own[1] == 0;
     atomic {
       /* Unless repair has put it back. */
       if
       :: ok && zone == WITH(before, CLOSING) -> zone = NEXT(before, 0, FREE)
       :: else -> zone = before
       fi
     }
  :: else
  fi
}

/* own(), then take_zones(): the words of span and owners are the caller's bytes
 * then, and may look like anything. */
inline take_zone() {
  if
  :: atomic { KIND(zone) == FREE && zone_own == 0 -> zone_own = id + 1 };
     atomic {
       zone = NEXT(zone, 0, WHOLE);
       gets(id, 0, true);
       own[0] = TAKER + 1;
       own[1] = 0;
       span = SMALL
     };
     takes = WHOLE_ZONE
  :: else
  fi
}

/* What was a huge block's bytes is bookkeeping again. */
inline make_small() {
  if
  :: KIND(zone) == FREE ->
     if
     :: zone_used ->
        own[0] = 0;
        atomic { own[1] = 0; span = FREE }
     :: else
     fi;
     atomic { zone = NEXT(zone, 0, SMALL); zone_used = false }
  :: else
  fi
}

/* A span for small blocks, or take_row(). */
inline use_span() {
  if
  :: KIND(zone) == SMALL && KIND(span) == FREE ->
     if
     :: span = NEXT(span, 0, SMALL)
     :: span = NEXT(span, 1, SMALL)
     :: atomic { own[0] == 0 -> own[0] = id + 1 };
        atomic { span = NEXT(span, 0, WHOLE); gets(id, 0, true) };
        takes = WHOLE_SPAN
     fi
  :: else
  fi
}

proctype holder(byte id) provided (alive[id]) {
  byte left = ROUNDS;
  byte before;
  byte takes;
  bool ok;

  do
  :: left == 0 -> break
  :: left > 0 ->
     atomic { lock == NOBODY -> lock = id; left--; takes = NONE };
     settle();
     close_span();
     if
     :: close_zone(); take_zone()
     :: true
     fi;
     if
     :: takes == NONE -> make_small(); use_span()
     :: else
     fi;
     lock = NOBODY;
     atomic {
       if
       :: takes == WHOLE_SPAN -> loses(id); own[0] = 0
       :: takes == WHOLE_ZONE -> loses(id); zone_own = 0
       :: else
       fi
     }
  od;
  over[id] = true
}

/* ---- after a death ------------------------------------------------------- */

inline walk_word(i) {
  atomic {
    if
    :: own[i] == dead + 1 -> words_are_words(); loses(dead); own[i] = 0
    :: else
    fi
  }
}

/* Holds the slot of the dead one; when it dies, another begins again, which is
 * as if it did. So it may go back to the start at any step. */
proctype repairer() {
  byte dead = 0;
  byte again = KILLS;
  byte word;
  bool ok;

  do
  :: dead == PEERS -> break
  :: dead < PEERS && over[dead] && alive[dead] -> dead++
  :: dead < PEERS && !alive[dead] ->
begin:
     atomic {
       if
       :: lock == dead -> lock = NOBODY
       :: else
       fi
     };
     atomic {
       if
       :: zone_own == dead + 1 -> loses(dead); zone_own = 0
       :: else
       fi
     };
#ifndef WALK_UNNAMED
     walking = true;
#endif
     word = zone;
#ifndef WALK_CLOSING
     if
     :: KIND(word) == CLOSING ->
        atomic {
          if
          :: zone == word -> zone = WITH(zone, SMALL); ok = true
          :: else -> ok = false
          fi
        };
        if
        :: !ok -> word = zone
        :: else
        fi
     :: else
     fi;
#endif
     if
     :: KIND(word) == SMALL || KIND(word) == CLOSING ->
        walk_word(0);
        if
        :: again > 0 -> again--; goto begin
        :: true
        fi;
        walk_word(1)
     :: else
     fi;
     walking = false;
     in_zone[dead] = false;
     dead++
  od;
  all_done = true
}

active proctype killer() {
  do
  :: atomic { kills < KILLS && alive[0] && !over[0] -> kills++; alive[0] = false }
  :: atomic { kills < KILLS && alive[1] && !over[1] -> kills++; alive[1] = false }
  :: atomic { kills < KILLS && alive[2] && !over[2] -> kills++; alive[2] = false }
  :: break
  od
}

init {
  atomic {
    alive[0] = true;
    alive[1] = true;
    alive[2] = true;
    run taker();
    run holder(1);
#ifdef TWO
    run holder(2);
#else
    over[2] = true;
#endif
    run repairer()
  };
  all_done; /* ended, or repaired after */
  assert(has[0] == 0 && has[1] == 0);
  assert(zone_own == 0 && !walking && lock == NOBODY);
  assert(KIND(zone) == WHOLE || KIND(zone) == FREE ||
         (own[0] == 0 && own[1] == 0))
}
