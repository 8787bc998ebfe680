/* SPDX-License-Identifier: MIT */

/* Readers and writers: src/core/rwlock.c, lane.c, lock_repair.c.
 *
 * Process 0 and 1 are what ROLE0 and ROLE1 say, and so on: R reads, W writes, U
 * reads and upgrades (and gives up when it is refused), D writes and
 * downgrades; each OPS times. With OTHERS a reader has another lock, which it
 * gives back first, so that its note moves. With PATIENCE a writer may give up
 * while it waits for readers. KILLS of them are killed at any step. The lock
 * among writers is that of lock.pml, which is proved there; here it is one step
 * to take it, and its sleepers are those who wait for it to be free.
 *
 * Sleeps: a reader on `readers`, the writer that has its turn on `left`. Each
 * is {changes, may sleep}, and a sleep begins only if nothing was raised since
 * one looked. Without a kill no slice ends, so a lost wake is a deadlock; once
 * somebody was killed, a sleeper may look again at any time, and asks after
 * whom it waits for.
 *
 * What must hold: a writer is alone; readers see what no writer is in the
 * middle of; a writer's death is told to each reader that comes before the next
 * writer, and to that one, and to nobody else; nobody alive blocks for ever.
 *
 * Mutants, each of which must fail:
 *   LOOK_FIRST    a reader looks at the word before it notes that it reads
 *   SCAN_FIRST    a writer looks for readers before it takes the word
 *   STAY          a reader that sees a writer keeps its note while it waits
 *   SILENT        a reader that leaves wakes no writer
 *   UP            the writer looks from the first note to the last
 *   DEAF          a writer does not ask whether the reader it waits for lives
 *   BOTH_UP       the second of two upgraders waits for the first
 *   LATE_NOTE     downgrade frees the word before it notes that it reads
 *   NOTE_FIRST    upgrade turns its note into a writer's before it has the word
 *   DROP_NEWS     a writer that gives up forgets the news
 */

#ifndef ROLE0
#define ROLE0 R
#endif
#ifndef ROLE1
#define ROLE1 W
#endif
#ifndef N
#define N 2
#endif
#ifndef ROLE2
#define ROLE2 R
#endif
#ifndef OPS
#define OPS 1
#endif
#ifndef KILLS
#define KILLS 0
#endif
#define NOBODY 7

#define R 1
#define W 2
#define U 3
#define D 4

#define NONE 0
#define READ 1  /* a note of reading this lock */
#define WRITE 2 /* a note of having it */
#define OTHER 3 /* a note of another lock */

byte owner = NOBODY;
bool died = false;

/* Two notes for each lane. */
byte note0[N];
byte note1[N];

bool alive[N], done[N];
byte slot[N];          /* who repairs after this one */

bool readers_wait = false, left_waits = false;
bool readers_same[N], left_same[N]; /* not raised since this one looked */
byte sleeps[N];        /* 0 no, 1 on readers, 2 on left, 3 on the word */

/* Ghosts. */
bool reading[N], writing[N];
bool owed = false;     /* a writer died inside, and no writer was told */
bool may = false;      /* the same of one that had the word at least */
byte kills = 0;

#define IS_ALIVE(p) (alive[p] || slot[p] != NOBODY)
#define HAS_READ(p) (note0[p] == READ || note1[p] == READ)

inline raise_left() {
  if
  :: left_waits ->
     d_step {
       left_waits = false; left_same[0] = false; left_same[1] = false;
#if N > 2
       left_same[2] = false;
#endif
       if :: sleeps[0] == 2 -> sleeps[0] = 0 :: else fi;
       if :: sleeps[1] == 2 -> sleeps[1] = 0 :: else fi;
#if N > 2
       if :: sleeps[2] == 2 -> sleeps[2] = 0 :: else fi;
#endif
     }
  :: else
  fi
}

inline raise_readers() {
  if
  :: readers_wait ->
     d_step {
       readers_wait = false; readers_same[0] = false; readers_same[1] = false;
#if N > 2
       readers_same[2] = false;
#endif
       if :: sleeps[0] == 1 -> sleeps[0] = 0 :: else fi;
       if :: sleeps[1] == 1 -> sleeps[1] = 0 :: else fi;
#if N > 2
       if :: sleeps[2] == 1 -> sleeps[2] = 0 :: else fi;
#endif
     }
  :: else
  fi
}

inline wake_word() {
  d_step {
    if :: sleeps[0] == 3 -> sleeps[0] = 0 :: else fi;
    if :: sleeps[1] == 3 -> sleeps[1] = 0 :: else fi;
#if N > 2
    if :: sleeps[2] == 3 -> sleeps[2] = 0 :: else fi;
#endif
  }
}

/* The notes from the last to the first; the word before the note. */
inline repair(p) {
  if
  :: note1[p] == NONE || note1[p] == OTHER
  :: else ->
     if
     :: owner == p ->
        atomic { owner = NOBODY; died = true };
        wake_word();
        raise_readers()
     :: else
     fi
  fi;
  if
  :: note1[p] == READ -> note1[p] = NONE; raise_left()
  :: else -> note1[p] = NONE
  fi;
  if
  :: note0[p] == NONE || note0[p] == OTHER
  :: else ->
     if
     :: owner == p ->
        atomic { owner = NOBODY; died = true };
        wake_word();
        raise_readers()
     :: else
     fi
  fi;
  if
  :: note0[p] == READ -> note0[p] = NONE; raise_left()
  :: else -> note0[p] = NONE
  fi
}

/* Somebody keeps us waiting: if he is dead, repair after him. */
inline question(p) {
  if
  :: p == NOBODY || p == id || IS_ALIVE(p) -> skip
  :: else ->
     atomic {
       claimed = (!alive[p] && slot[p] == NOBODY);
       if :: claimed -> slot[p] = id :: else fi
     };
     if
     :: claimed -> repair(p); slot[p] = NOBODY
     :: else
     fi
  fi
}

inline leave_reading() {
  reading[id] = false;
  note0[id] = NONE;
  if
  :: owner != NOBODY ->
#ifndef SILENT
     raise_left()
#else
     skip
#endif
  :: else
  fi
}

inline free_word(news) {
  atomic { assert(owner == id); owner = NOBODY; died = news };
  wake_word();
  raise_readers()
}

inline enter_writing() {
  d_step {
    assert(!reading[0] || id == 0);
    assert(!reading[1] || id == 1);
    assert(!writing[0] && !writing[1]);
#if N > 2
    assert(!reading[2] || id == 2);
    assert(!writing[2]);
#endif
    writing[id] = true;
    reading[id] = false
  }
}

inline enter_reading(was) {
  d_step {
    assert(!writing[0] && !writing[1]);
#if N > 2
    assert(!writing[2]);
#endif
    reading[id] = true;
    assert(!owed || was);
    assert(!was || may)
  }
}

proctype process(byte id; byte role) provided (alive[id]) {
  byte k = 0, i, o;
  bool was, hit, claimed;

  do
  :: k == OPS -> break
  :: else ->
     if
     :: role == W || role == D -> goto write
     :: else
     fi;

     /* ---- reading ---- */
#ifdef OTHERS
     note0[id] = OTHER;
#endif
again:
#ifdef LOOK_FIRST
     atomic { o = owner; was = died };
     if :: o != NOBODY -> goto wait_for_writer :: else fi;
#endif
#ifdef OTHERS
     note1[id] = READ;
#else
     note0[id] = READ;
#endif
#ifndef LOOK_FIRST
     atomic { o = owner; was = died };
     if
     :: o != NOBODY ->
#ifndef STAY
# ifdef OTHERS
        note1[id] = NONE;
# else
        note0[id] = NONE;
# endif
        if :: owner != NOBODY -> raise_left() :: else fi;
#endif
        goto wait_for_writer
     :: else
     fi;
#endif
     /* Told as of the moment when it looked; nobody writes since. */
     enter_reading(was);
#ifdef OTHERS
     /* Another lock is given back: our note takes its place. */
     note0[id] = note1[id];
     note1[id] = NONE;
#endif
     if
     :: role == U -> goto upgrade
     :: else
     fi;
     leave_reading();
     goto next;

wait_for_writer:
     atomic { readers_wait = true; readers_same[id] = true };
     if
     :: owner == NOBODY -> goto again
     :: else
     fi;
     atomic {
       if
       :: readers_same[id] -> sleeps[id] = 1
       :: else -> goto again
       fi
     };
     if
     :: sleeps[id] == 0
     :: kills > 0 ->
        sleeps[id] = 0;
        o = owner;
        question(o)
     fi;
     goto again;

     /* ---- upgrade ---- */
upgrade:
#ifdef NOTE_FIRST
     note0[id] = WRITE;
#endif
     atomic {
       if
       :: owner == NOBODY -> owner = id; was = died; died = false
       :: else ->
          o = owner
       fi
     };
     if
     :: owner != id ->
        if
        :: kills > 0 && o != NOBODY && !IS_ALIVE(o) ->
           question(o);
           goto upgrade
        :: else
        fi;
#ifdef BOTH_UP
        (owner == NOBODY || !alive[owner]);
        goto upgrade;
#else
        leave_reading();
        goto next
#endif
     :: else
     fi;
     goto wait_for_readers;

     /* ---- writing ---- */
write:
     note0[id] = WRITE;
#ifdef SCAN_FIRST
     i = 0;
     do
     :: i == N -> break
     :: else ->
        if
        :: i != id && HAS_READ(i) -> i = 0
        :: else -> i++
        fi
     od;
#endif
take:
     atomic {
       if
       :: owner == NOBODY -> owner = id; was = died; died = false
       :: else -> o = owner; sleeps[id] = 3
       fi
     };
     if
     :: owner != id ->
        if
        :: sleeps[id] == 0
        :: kills > 0 -> sleeps[id] = 0; question(o)
        fi;
        goto take
     :: else
     fi;
#ifdef SCAN_FIRST
     goto inside;
#endif

wait_for_readers:
     i = 0;
     do
     :: i == N -> break
     :: i != N && i == id -> i++
     :: i != N && i != id ->
        /* Between two loads of a lane, its notes may move. */
#ifdef UP
        hit = (note0[i] == READ);
        if :: !hit -> hit = (note1[i] == READ) :: else fi;
#else
        hit = (note1[i] == READ);
        if :: !hit -> hit = (note0[i] == READ) :: else fi;
#endif
        if
        :: !hit -> i++
        :: else ->
           atomic { left_waits = true; left_same[id] = true };
           if
           :: !HAS_READ(i) -> skip
           :: else ->
              atomic {
                if
                :: left_same[id] -> sleeps[id] = 2
                :: else -> goto look_again
                fi
              };
              if
              :: sleeps[id] == 0
#ifndef DEAF
              :: kills > 0 ->
                 sleeps[id] = 0;
                 question(i)
#endif
#ifdef PATIENCE
              :: sleeps[id] = 0;
                 goto give_up
#endif
              fi
           fi
        fi;
look_again:
        skip
     od;

inside:
     enter_writing();
     d_step {
       assert(!owed || was);
       assert(!was || may);
       owed = false; may = false
     };
     note0[id] = WRITE;
     writing[id] = false;
     if
     :: role == D ->
#ifdef LATE_NOTE
        reading[id] = true;
        free_word(false);
        note0[id] = READ;
#else
        reading[id] = true;
        note0[id] = READ;
        free_word(false);
#endif
        d_step {
          assert(!writing[0] && !writing[1]);
#if N > 2
          assert(!writing[2]);
#endif
        };
        leave_reading()
     :: else ->
        free_word(false);
        note0[id] = NONE
     fi;
     goto next;

give_up:
#ifdef DROP_NEWS
     free_word(false);
#else
     free_word(was);
#endif
     if
     :: role == U -> leave_reading()
     :: else -> note0[id] = NONE
     fi;
next:
     skip;
     d_step {
       k++; i = 0; o = 0; was = false; hit = false; claimed = false;
       readers_same[id] = false; left_same[id] = false
     }
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
#if N > 2
       :: alive[2] && !done[2] -> p = 2
#endif
       fi;
       alive[p] = false; sleeps[p] = 0; kills++;
       owed = owed || writing[p];
       may = may || owner == p;
       reading[p] = false; writing[p] = false;
       if :: slot[0] == p -> slot[0] = NOBODY :: else fi;
       if :: slot[1] == p -> slot[1] = NOBODY :: else fi;
#if N > 2
       if :: slot[2] == p -> slot[2] = NOBODY :: else fi;
#endif
       p = 0
     }
  :: atomic {
       timeout ->
       assert(done[0] || !alive[0]);
       assert(done[1] || !alive[1]);
#if N > 2
       assert(done[2] || !alive[2]);
#endif
       break
     }
  od
}

init {
  byte i = 0;

  atomic {
    do
    :: i < N -> alive[i] = true; slot[i] = NOBODY; i++
    :: else -> break
    od;
    run process(0, ROLE0);
    run process(1, ROLE1);
#if N > 2
    run process(2, ROLE2);
#endif
    run killer()
  }
}
