/* SPDX-License-Identifier: MIT */

/* A cell: core/cell.c and its parts cell_write.c, cell_read.c, cell_repair.c.
 *
 * Two writers, each of whom takes any buffer that he may, one reader in place
 * with one pin, one who copies. Each may be killed anywhere but the one who
 * copies, who leaves nothing.
 *
 * Shown: what the readers get is one value, whole, that of the version which
 * they went for, and not older than the latest when they began; nothing is
 * called damaged; there is always a buffer for whoever wants to write; after
 * repair nothing is claimed or pinned.
 *
 * Mutants: NO_RELOOK   the reader trusts his pin without looking again
 *          NO_RESCAN   the writer looks for pins only before he has the buffer
 *          NO_CURRENT  he does not look again whether it is the latest value
 *          NO_STAMP    he leaves the stamp while he fills
 *          LATE_STAMP  he writes the new stamp after the value is the latest
 *          EARLY_FREE  he gives the buffer back before it is the latest value
 *          FEW         one buffer less
 */

#ifndef KILLS
#define KILLS 1
#endif
#ifndef OPS
#define OPS 2 /* writes of the first writer; the second has one */
#endif
#ifndef LOOKS
#define LOOKS 1
#endif
#ifndef COPIES
#define COPIES 1
#endif

#define W 2
#ifdef FEW
# define B 3
#else
# define B 4 /* one is the latest, one is pinned, two are written */
#endif
#define R W /* number of the reader in place */
#define NOBODY 7
#define NONE 7

byte version, buffer;   /* `current`, one word */
byte own[B] = NOBODY, pin = NONE, stamp[B];
byte a[B], b[B];        /* a value's halves */
byte was[OPS + 3];      /* the value of each version */
byte serial;
bool alive[W + 1] = true, done[W + 1];
byte kills;

/* A buffer that nobody needs. */
#define IS_FREE(i) (own[i] == NOBODY && pin != i && buffer != i)

proctype writer(byte me) provided (alive[me]) {
  byte i, v, ops;

  ops = (me == 0 -> 0 : OPS - 1);
  do
  :: ops < OPS ->
again:
     atomic {
       assert(IS_FREE(0) || IS_FREE(1) || IS_FREE(2)
#ifndef FEW
              || IS_FREE(3)
#endif
       );
       if
       :: own[0] == NOBODY && pin != 0 -> i = 0
       :: own[1] == NOBODY && pin != 1 -> i = 1
       :: own[2] == NOBODY && pin != 2 -> i = 2
#ifndef FEW
       :: own[3] == NOBODY && pin != 3 -> i = 3
#endif
       fi
     }
     atomic {
       if
       :: own[i] == NOBODY -> own[i] = me
       :: else -> goto again
       fi
     }
#ifndef NO_CURRENT
     if
     :: buffer == i -> own[i] = NOBODY; goto again
     :: else
     fi;
#endif
#ifndef NO_RESCAN
     if
     :: pin == i -> own[i] = NOBODY; goto again
     :: else
     fi;
#endif
#ifndef NO_STAMP
     stamp[i] = 0;
#endif
     atomic { serial++; a[i] = serial };
     b[i] = a[i];
#ifdef EARLY_FREE
     own[i] = NOBODY;
#endif
     do
     :: v = version + 1;
#ifndef LATE_STAMP
        stamp[i] = v;
#endif
        atomic {
          if
          :: version == v - 1 ->
             version = v; buffer = i; was[v] = a[i];
             break
          :: else
          fi
        }
     od;
#ifdef LATE_STAMP
     stamp[i] = v;
#endif
#ifndef EARLY_FREE
     own[i] = NOBODY;
#endif
     atomic { ops++; i = 0; v = 0 }
  :: else -> break
  od;
  done[me] = true
}

/* In place, with a pin. */
proctype looker() provided (alive[R]) {
  byte i, v, x, reads;

  do
  :: reads < LOOKS ->
again:
     atomic { v = version; i = buffer };
     pin = i;
#ifndef NO_RELOOK
     if
     :: atomic { version != v || buffer != i -> skip }; pin = NONE; goto again
     :: atomic { version == v && buffer == i -> skip }
     fi;
#endif
     x = a[i];
     assert(x == was[v]);
     x = b[i];
     assert(x == was[v]);
     pin = NONE;
     atomic { reads++; i = 0; v = 0; x = 0 }
  :: else -> break
  od;
  done[R] = true
}

/* By copy. */
proctype copier() {
  byte i, v, x, y, reads;

  do
  :: reads < COPIES ->
     atomic { v = version; i = buffer };
     x = a[i];
     y = b[i];
     if
     :: stamp[i] == v -> assert(x == was[v] && y == was[v])
     :: else -> assert(!(version == v && buffer == i))
     fi;
     atomic { reads++; i = 0; v = 0; x = 0; y = 0 }
  :: else -> break
  od
}

/* Death, and some time later repair; of each at most once. */
proctype killer() {
  byte who, i;

  do
  :: kills < KILLS ->
     atomic {
       if
       :: alive[0] && !done[0] -> who = 0
       :: alive[1] && !done[1] -> who = 1
       :: alive[R] && !done[R] -> who = R
       :: true -> break
       fi;
       alive[who] = false;
       kills++
     }
     if
     :: who == R -> pin = NONE
     :: else ->
        i = 0;
        do
        :: i < B ->
           atomic { if :: own[i] == who -> own[i] = NOBODY :: else fi; i++ }
        :: else -> break
        od
     fi;
     atomic { done[who] = true; i = 0; who = 0 }
  :: else -> break
  od;
  (done[0] && done[1] && done[R]);
  /* Those who were killed are repaired, the others are through. */
  assert(pin == NONE);
  i = 0;
  do
  :: i < B -> assert(own[i] == NOBODY); i++
  :: else -> break
  od;
  assert(stamp[buffer] == version)
}

init {
  atomic {
    version = 1;
    stamp[0] = 1; /* the first value is there */
    run writer(0);
    run writer(1);
    run looker();
    run copier();
    run killer()
  }
}
