/* SPDX-License-Identifier: MIT */

/* The end of a named object: core/directory_end.c.
 *
 * One object, and four peers: an opener, who may come too late; a remover; an
 * earlier opener, who has it open and may die or close; and who repairs. Up to
 * KILLS of the first three die anywhere, also in the middle of freeing it. When
 * the object is freed, its place is used for something else at once.
 *
 * Shown: nobody looks into the object, for himself or for a dead peer, while its
 * place is something else; it is freed once; when all is done it is free.
 *
 * Mutants: ONE_LOOK   who claims it does not look at the bits again
 *          NO_BIT     a repairer looks beside a claim, too
 *          NO_CLAIM   it is freed at once, without a claim
 *          STAY       a claim of a dead peer is not given back
 *          NO_LOOP    who finds a bit gives the claim back and goes
 */

#ifndef KILLS
#define KILLS 1
#endif

#define OPENER 0
#define REMOVER 1
#define EARLY 2
#define REPAIRER 3
#define PEERS 4

mtype = { used, removed, claimed, buried, free };

mtype state = used;
byte by;          /* who claimed or buried it */
bool open[PEERS]; /* the open bits */
bool within[PEERS]; /* the peer looks into it; [REPAIRER]: for a dead one */
bool alive[PEERS] = true;
bool gone[PEERS]; /* repaired, or ended by itself */
byte kills = KILLS;

#define ANY_OPEN (open[0] || open[1] || open[2] || open[3])
#define ANY_WITHIN (within[0] || within[1] || within[2] || within[3])

/* From here its place may be something else. */
inline release_place() {
  d_step {
    assert(state != free);
    assert(!(alive[OPENER] && within[OPENER]));
    assert(!(alive[EARLY] && within[EARLY]));
    assert(!within[REPAIRER]);
  }
}

inline settle(me) {
  again = true;
  do
  :: again ->
     again = false;
     seen = state;
     if
     :: seen == removed ->
        bits = ANY_OPEN;
        if
        :: !bits ->
#ifdef NO_CLAIM
           if
           :: d_step { state == removed -> release_place_now = true; state = buried; by = me }
           :: else -> release_place_now = false
           fi;
           if
           :: release_place_now -> release_place(); state = free
           :: else
           fi
#else
           if
           :: atomic { state == removed -> state = claimed; by = me; mine = true }
           :: atomic { else -> mine = false }
           fi;
           if
           :: mine ->
# ifdef ONE_LOOK
              bits = false;
# else
              bits = ANY_OPEN;
# endif
              if
              :: !bits ->
                 state = buried;
                 release_place();
                 state = free
              :: bits ->
                 state = removed;
# ifndef NO_LOOP
                 again = true
# endif
              fi
           :: else
           fi
#endif
        :: else
        fi
     :: else
     fi
  :: else -> break
  od;
  seen = free;
  bits = false
}

#define VARIABLES                                                            \
  mtype seen;                                                                \
  bool bits;                                                                 \
  bool again;                                                                \
  bool mine;                                                                 \
  bool release_place_now

proctype opener() provided (alive[OPENER]) {
  VARIABLES;

  open[OPENER] = true;
  if
  :: state == used ->
     within[OPENER] = true;
     within[OPENER] = false
  :: else
  fi;
  open[OPENER] = false;
  settle(OPENER);
  gone[OPENER] = true
}

proctype early() provided (alive[EARLY]) {
  VARIABLES;

  within[EARLY] = true;
  within[EARLY] = false;
  open[EARLY] = false;
  settle(EARLY);
  gone[EARLY] = true
}

proctype remover() provided (alive[REMOVER]) {
  VARIABLES;

  state = removed;
  settle(REMOVER);
  gone[REMOVER] = true
}

proctype killer() {
  do
  :: atomic { kills > 0 && !gone[OPENER] && alive[OPENER] -> kills--; alive[OPENER] = false }
  :: atomic { kills > 0 && !gone[EARLY] && alive[EARLY] -> kills--; alive[EARLY] = false }
  :: atomic { kills > 0 && !gone[REMOVER] && alive[REMOVER] -> kills--; alive[REMOVER] = false }
  :: break
  od
}

/* uvshm__directory_forget() for each that died. */
proctype repairer() {
  byte dead;
  byte i;
  VARIABLES;

  do
  :: d_step { !alive[OPENER] && !gone[OPENER] -> dead = OPENER }; goto forget
  :: d_step { !alive[EARLY] && !gone[EARLY] -> dead = EARLY }; goto forget
  :: d_step { !alive[REMOVER] && !gone[REMOVER] -> dead = REMOVER }; goto forget
  :: gone[OPENER] && gone[EARLY] && gone[REMOVER] -> break
  od;
  goto done;
forget:
  bits = open[dead];
  if
  :: bits ->
     seen = state;
     if
#ifdef NO_BIT
     :: seen == used || seen == removed || seen == claimed ->
#else
     :: seen == used || seen == removed ->
#endif
        within[REPAIRER] = true;
        assert(state != free);
        within[REPAIRER] = false
     :: else
     fi;
     open[dead] = false;
     settle(REPAIRER)
  :: else
  fi;
#ifndef STAY
  if
  :: atomic { state == claimed && by == dead -> state = removed }
  :: else
  fi;
#endif
  if
  :: state == buried && by == dead -> release_place(); state = free
  :: else
  fi;
  settle(REPAIRER);
  atomic { gone[dead] = true; within[dead] = false };
  goto start_again;
start_again:
  do
  :: d_step { !alive[OPENER] && !gone[OPENER] -> dead = OPENER }; goto forget
  :: d_step { !alive[EARLY] && !gone[EARLY] -> dead = EARLY }; goto forget
  :: d_step { !alive[REMOVER] && !gone[REMOVER] -> dead = REMOVER }; goto forget
  :: gone[OPENER] && gone[EARLY] && gone[REMOVER] -> break
  od;
done:
  /* A remover that died before he removed it has removed nothing. */
  assert(state == free || state == used);
  assert(!ANY_OPEN)
}

init {
  open[EARLY] = true;
  atomic { run opener(); run early(); run remover(); run killer(); run repairer() }
}
