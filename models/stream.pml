/* SPDX-License-Identifier: MIT */

/* A stream and its ends, with writers and readers that die and successors:
 * src/core/stream_write.c, stream_read.c, channel_end.c.
 *
 * The ring has N cells. A record is a word (how many cells it has; 0: it is not
 * there) and one or two cells of message, which hold the message's number. Two
 * writers come one after the other, send SENDS messages each, alone or two as a
 * batch, and leave; two readers do the same until there is nothing more to come.
 * KILLS of them are killed at any step. A repairer, which may be killed and
 * begins again then, clears the dead away.
 *
 * What must hold: messages come whole, in order, none twice unless its reader
 * died before it had released it, none is lost; a reader is told of the end only
 * when no writer is there and it has had all; nobody waits for ever.
 *
 * Mutants, each of which must fail:
 *   NO_ZERO       the word behind the last record is left as it is
 *   LATE_ZERO     it becomes 0 after the record is there
 *   WORD_FIRST    a record is there before its message
 *   FIRST_FIRST   a batch's first word is stored first
 *   TIGHT         no room is kept for the word behind the last record
 *   EARLY         a reader releases a message before it has read it
 *   ONE_LOOK      at the end no second look for messages
 *   FREE_FIRST    who leaves frees his entry before he says that he has closed
 *   STILL_THERE   who leaves (repairs) says so while his entry still counts
 *   HINT          what the word says counts, whoever is there
 */

#ifndef KILLS
#define KILLS 1
#endif
#ifndef SENDS
#define SENDS 2
#endif
#ifndef N
#define N 6
#endif
#ifndef W
#define W 2 /* writers */
#endif
#ifndef R
#define R 2 /* readers */
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#define NOBODY 9
#define NEVER 0
#define OPEN 1
#define CLOSED 2
#define DIED 3
#define JOINED 1
#define DEAD 2
#define LEAVING 3

byte cell[N];
byte oldest;            /* position; grows */

/* The end of writers (0) and of readers (1). */
byte owner[2] = NOBODY; /* who has it */
byte state[2];          /* JOINED: he is there */
byte was[2];            /* how the last one went */
byte changes[2];        /* of `was` */

bool alive[4];          /* writers 0 and 1, readers 2 and 3 */
bool done[4];
byte kills;

/* What only the proof knows. */
byte committed;         /* messages that were sent */
byte released;          /* messages that were released */

#define SIDE(id) (id / 2)
#define AT(p) cell[(p) % N]

inline set_was(side, what) {
  atomic { was[side] = what; changes[side]++ }
}

inline join(id, side) {
  atomic { owner[side] == NOBODY -> owner[side] = id; state[side] = JOINED };
  set_was(side, OPEN)
}

inline leave(id, side) {
#ifdef FREE_FIRST
  atomic { owner[side] = NOBODY; state[side] = 0 };
  set_was(side, CLOSED)
#else
#ifndef STILL_THERE
  state[side] = LEAVING;
#endif
  set_was(side, CLOSED);
  atomic { owner[side] = NOBODY; state[side] = 0 }
#endif
}

/* Its death: the next one begins again. */
inline die_or_go_on() {
  if
  :: restarts > 0 -> restarts--; goto again
  :: skip
  fi
}

/* Repair after the dead, by whoever has their slot. */
proctype repairer() {
  byte side;
  byte restarts = RESTARTS;

again:
  do
  :: atomic { owner[0] != NOBODY && !alive[owner[0]] -> side = 0 }; break
  :: atomic { owner[1] != NOBODY && !alive[owner[1]] -> side = 1 }; break
  od;
#ifndef STILL_THERE
  state[side] = DEAD;
  die_or_go_on();
#endif
  set_was(side, DIED);
  die_or_go_on();
  atomic { owner[side] = NOBODY; state[side] = 0 };
  goto again
}

/* One message of `span` cells at position `p`, its word apart. */
inline fill(p, span, number) {
  AT(p + 1) = number;
  if
  :: span == 3 -> AT(p + 2) = number
  :: else
  fi
}

proctype writer(byte id) provided (alive[id]) {
  byte p;      /* where the next record begins */
  byte first;  /* span of the first record */
  byte second; /* of the second; 0: there is none */
  byte sent;

  join(id, 0);
  p = oldest;
  do
  :: AT(p) != 0 -> p = p + AT(p)
  :: else -> break
  od;
  do
  :: sent >= SENDS -> break
  :: sent < SENDS ->
     if
     :: first = 2
     :: first = 3
     fi;
     if
     :: sent + 2 <= SENDS && first == 2 -> second = 2
     :: second = 0
     fi;
     /* There is room, or the writer waits. Readers only make more. */
#ifdef TIGHT
     p + first + second <= oldest + N;
#else
     p + first + second + 1 <= oldest + N;
#endif
#ifdef WORD_FIRST
     atomic { AT(p) = first; committed++ };
#endif
#ifdef FIRST_FIRST
     AT(p) = first;
#endif
     fill(p, first, committed + 1);
     if
     :: second != 0 ->
        fill(p + first, second, committed + 2);
        AT(p + first) = second
     :: else
     fi;
#ifndef LATE_ZERO
#ifndef NO_ZERO
     AT(p + first + second) = 0;
#endif
#endif
#ifndef WORD_FIRST
     atomic {
       AT(p) = first;
       committed = committed + 1 + second / 2
     };
#endif
#ifdef LATE_ZERO
     AT(p + first + second) = 0;
#endif
     p = p + first + second;
     sent = sent + 1 + second / 2
  od;
  leave(id, 0);
  done[id] = true
}

#define FINISHED(id) (done[id] || !alive[id])
#define OVER (FINISHED(0) && FINISHED(1) && owner[0] == NOBODY)

proctype reader(byte id) provided (alive[id]) {
  byte p;
  byte span;
  byte seen;  /* of the word */
  byte count; /* and of its changes */
  bool over;  /* no writer comes any more */

  join(id, 1);
  p = oldest;
  do
  :: AT(p) != 0 ->
     span = AT(p);
     assert(span == 2 || span == 3);
#ifdef EARLY
     atomic { oldest = p + span; released++ };
     assert(AT(p + 1) == released);
     assert(span == 2 || AT(p + 2) == released);
#else
     assert(AT(p + 1) == released + 1);
     assert(span == 2 || AT(p + 2) == released + 1);
     /* With its number this is the one store of the real thing. */
     atomic { oldest = p + span; released++ };
#endif
     p = p + span
  :: AT(p) == 0 ->
     /* Nothing: is anybody there? If so, wait. */
     atomic {
       seen = was[0];
       count = changes[0];
       over = OVER
     };
     if
     :: seen == NEVER || seen == OPEN -> AT(p) != 0 || changes[0] != count
#ifdef HINT
     :: seen > OPEN ->
#else
     :: seen > OPEN && state[0] == JOINED ->
        atomic {
          if
          :: changes[0] == count -> was[0] = OPEN; changes[0]++
          :: else
          fi
        }
     :: seen > OPEN && state[0] != JOINED ->
#endif
        if
#ifndef ONE_LOOK
        :: AT(p) != 0 -> skip
#endif
        :: else ->
           /* It is told the end. Another writer may have come since. */
#ifdef HINT
           assert(state[0] != JOINED);
#endif
           if
           :: over ->
              assert(released == committed);
              break
           :: else -> changes[0] != count || AT(p) != 0 || OVER
           fi
        fi
     fi
  od;
  leave(id, 1);
  done[id] = true
}

/* Who is alive comes to his end. A reader that came first has read it all. */
proctype monitor() {
  timeout;
  assert(FINISHED(0));
  assert(FINISHED(1));
  assert(FINISHED(2) || was[0] == NEVER);
  assert(FINISHED(3) || was[0] == NEVER)
}

proctype killer() {
  do
  :: kills >= KILLS -> break
  :: kills < KILLS ->
     if
     :: atomic { !done[0] -> alive[0] = false; kills++ }
     :: atomic { alive[1] && !done[1] -> alive[1] = false; kills++ }
     :: atomic { !done[2] && alive[3] -> alive[2] = false; kills++ }
     :: break
     fi
  od
}

init {
  atomic {
    alive[0] = true;
    run writer(0);
    alive[2] = true;
    run reader(2);
#if W > 1
    alive[1] = true;
    run writer(1);
#endif
#if R > 1
    alive[3] = true;
    run reader(3);
#endif
    run repairer();
    run killer();
    run monitor()
  }
}
