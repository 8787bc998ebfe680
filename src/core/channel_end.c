/* SPDX-License-Identifier: MIT */

/* Ends of a channel: who takes part, and what those get who are left alone.
 *
 *   free --join--> joining --> live --leave--> leaving --> free
 *                     \----------\--died--> dead --all given back--> free
 *
 * An entry names the peer that has it, so there is no moment in which an end is
 * counted and nobody's: whoever repairs after a peer finds its ends, and how
 * many there are is counted by looking at all of them.
 *
 * That is too slow for each call that finds no message, so there is a word for
 * either side beside: what was the last that happened there? "open" means that
 * somebody came and nobody has left since, and no look is needed. Who leaves
 * (or repairs) first makes the entry one that does not count, then stores
 * "closed" ("died"), then frees the entry. So when all have gone, the word says
 * how the last of them went, whoever is killed when; and when it says so though
 * others are there, who looks puts "open" back, by a compare-and-swap which
 * fails when anybody has left since he began to look (models/stream.pml).
 *
 * A dead end may hold something that cannot be given back yet (queue.c). It
 * stays, named after nobody, and whoever comes by tries again.
 */

#include "base/error.h"
#include "core/channel.h"
#include "core/reap.h"
#include "core/wait.h"

/* How often others may be faster. */
#define TRIES 1000u

/* How often to sleep where no sign is to be seen of a repairer who is giving an
 * end back. */
#define CLEARING_SLEEPS 2u


static uint32_t state_of(uint64_t owner) {
  return (uint32_t) owner & 0xffff;
}


/* 0 and more, or UINT32_MAX: nobody's. */
static uint32_t slot_of(uint64_t owner) {
  return ((uint32_t) owner >> UVSHM__END_SLOT_SHIFT) - 1;
}


static uint64_t owner_word(uint64_t old, uint32_t slot, uint32_t state) {
  return old >> 32 << 32 | (uint64_t) (slot + 1) << UVSHM__END_SLOT_SHIFT |
         state;
}

#define NOBODY UINT32_MAX


static int is_there(uint64_t owner) {
  return state_of(owner) == UVSHM__END_JOINING ||
         state_of(owner) == UVSHM__END_LIVE;
}


static uint32_t first_of(const struct uvshm__channel* channel, int writers) {
  return writers ? 0 : channel->facts.writers;
}


static uint32_t count_of(const struct uvshm__channel* channel, int writers) {
  return writers ? channel->facts.writers : channel->facts.readers;
}


static uint32_t ends_of(const struct uvshm__channel* channel) {
  return channel->facts.writers + channel->facts.readers;
}

/* ---- the word of a side -------------------------------------------------- */

static uvshm__a32_t* was_word(const struct uvshm__channel* channel,
                              int writers) {
  return writers ? &channel->front->writers : &channel->front->readers;
}


static uint32_t next_was(uint32_t word, uint32_t was) {
  return (word & ~UVSHM__CHANNEL_WAS) + UVSHM__CHANNEL_WAS + 1 + was;
}


static void set_was(const struct uvshm__channel* channel,
                    int writers,
                    uint32_t was) {
  uvshm__a32_t* at = was_word(channel, writers);
  uint32_t word = uvshm__a32_load_relaxed(at);
  uint32_t tries;

  for (tries = 0; tries < TRIES; tries++) {
    if (uvshm__a32_cas(at, word, next_was(word, was))) return;
    word = uvshm__a32_load_relaxed(at);
  }
  uvshm__a32_store_release(at, next_was(word, was));
}


/* Those of the other side wait for what has happened on this one. */
static void tell_others(const struct uvshm__channel* channel, int writers) {
  uvshm__signal_raise(
      channel->core,
      writers ? &channel->front->readable : &channel->front->writable,
      UINT32_MAX);
}

/* ---- joining and leaving ------------------------------------------------- */

static int take_entry(struct uvshm__channel_end* end) {
  struct uvshm__channel* channel = end->channel;
  uint32_t first = first_of(channel, (int) end->writer);
  uint32_t i;

  for (i = 0; i < count_of(channel, (int) end->writer); i++) {
    struct uvshm__channel_ent* ent = &channel->ends[first + i];
    uint64_t owner = uvshm__a64_load_acquire(&ent->owner);
    uint64_t mine;

    if (state_of(owner) != UVSHM__END_FREE) continue;
    mine = owner_word(
        owner + (UINT64_C(1) << 32), channel->core->slot, UVSHM__END_JOINING);
    if (!uvshm__a64_cas(&ent->owner, owner, mine)) continue;
    end->ent = ent;
    end->index = first + i;
    end->owner = mine;
    return 0;
  }
  return UV_EMFILE;
}


static void free_entry(struct uvshm__channel_end* end) {
  uvshm__a64_cas(&end->ent->owner,
                 end->owner,
                 owner_word(end->owner, NOBODY, UVSHM__END_FREE));
}


static int no_end_left(const struct uvshm__channel_end* end) {
  const char* what = end->writer ? "writer" : "reader";

  if (end->channel->facts.kind == UVSHM__CHANNEL_STREAM)
    return uvshm__fail(UV_EBUSY, "it has a living %s already", what);
  return uvshm__fail(UV_EMFILE,
                     "it has %u %ss already, all living",
                     (unsigned int) count_of(end->channel, (int) end->writer),
                     what);
}


/* Is one of this side's ends being given back just now? Its peer may look alive
 * meanwhile: who repairs after it has its slot. */
static int is_clearing(const struct uvshm__channel_end* end) {
  const struct uvshm__core* core = end->channel->core;
  uint32_t first = first_of(end->channel, (int) end->writer);
  uint64_t owner;
  uint32_t slot;
  uint32_t i;

  for (i = 0; i < count_of(end->channel, (int) end->writer); i++) {
    owner = uvshm__a64_load_acquire(&end->channel->ends[first + i].owner);
    slot = slot_of(owner);
    if (state_of(owner) != UVSHM__END_LIVE || slot >= core->peers_max ||
        (uint32_t) uvshm__a64_load_acquire(
            &uvshm__core_peer(core, slot)->state) != UVSHM__PEER_LIVE ||
        !core->env->alive(core->env_arg, slot))
      return 1;
  }
  return 0;
}


/* An entry that is free, or is becoming free just now.
 *   UV_EMFILE, UV_ETIMEDOUT  one is becoming free, but too slowly */
static int get_entry(struct uvshm__lane* lane,
                     struct uvshm__channel_end* end,
                     uint64_t timeout_ms) {
  const uvshm__a32_t* word = was_word(end->channel, (int) end->writer);
  struct uvshm__wait wait;
  uint32_t value;
  int err = take_entry(end);

  if (err == 0) return 0;
  uvshm__wait_begin(&wait, lane, word, timeout_ms, end->cancelled);
  for (;;) {
    value = uvshm__a32_load_acquire(word);
    (void) uvshm__channel_tend(lane, end->channel);
    err = take_entry(end);
    /* A repairer may have the slot before its peer's state says so. */
    if (err == 0 || lane == NULL ||
        (wait.sleeps >= CLEARING_SLEEPS && !is_clearing(end)))
      return err;
    err = uvshm__wait_sleep(&wait, value);
    if (err < 0) return is_clearing(end) ? err : UV_EMFILE;
  }
}


int uvshm__channel_join(struct uvshm__lane* lane,
                        struct uvshm__channel_end* end,
                        uint64_t timeout_ms) {
  uint64_t live;
  uint32_t i;
  int err = get_entry(lane, end, timeout_ms);

  if (err == UV_EMFILE) return no_end_left(end);
  if (err == UV_ETIMEDOUT)
    return uvshm__fail(err,
                       "a %s died, and what it had is not given back yet",
                       end->writer ? "writer" : "reader");
  if (err < 0) return err;
  uvshm__a64_store_relaxed(&end->ent->messages, 0);
  uvshm__a64_store_relaxed(&end->ent->lost, 0);
  for (i = 0; i < UVSHM__END_WORDS; i++)
    uvshm__a64_store_relaxed(&end->ent->own[i], 0);
  err = end->channel->kind->join(end);
  if (err < 0) {
    free_entry(end);
    return err;
  }
  live = owner_word(end->owner, end->channel->core->slot, UVSHM__END_LIVE);
  set_was(end->channel, (int) end->writer, UVSHM__CHANNEL_OPEN);
  uvshm__a64_store_release(&end->ent->owner, live);
  end->owner = live;
  tell_others(end->channel, (int) end->writer);
  return 0;
}


void uvshm__channel_leave(struct uvshm__channel_end* end) {
  uint64_t leaving;

  /* Declared dead meanwhile, so it was given back for us. */
  if (uvshm__a64_load_acquire(&end->ent->owner) != end->owner) return;
  end->channel->kind->leave(end);
  leaving =
      owner_word(end->owner, end->channel->core->slot, UVSHM__END_LEAVING);
  if (!uvshm__a64_cas(&end->ent->owner, end->owner, leaving)) return;
  end->owner = leaving;
  set_was(end->channel, (int) end->writer, UVSHM__CHANNEL_CLOSED);
  free_entry(end);
  tell_others(end->channel, (int) end->writer);
}

/* ---- being alone --------------------------------------------------------- */

uint32_t uvshm__channel_count(const struct uvshm__channel* channel,
                              uint32_t writers) {
  uint32_t first = first_of(channel, (int) writers);
  uint32_t count = 0;
  uint32_t i;

  for (i = 0; i < count_of(channel, (int) writers); i++)
    if (is_there(uvshm__a64_load_acquire(&channel->ends[first + i].owner)))
      count++;
  return count;
}


uint32_t uvshm__channel_peer(const struct uvshm__channel* channel,
                             uint32_t index) {
  uint64_t owner = uvshm__a64_load_acquire(&channel->ends[index].owner);

  return is_there(owner) ? slot_of(owner) : NOBODY;
}


/* A topic that may lose messages is as well without readers. */
static int takes_no_notice(const struct uvshm__channel_end* end) {
  const struct uvshm__channel_facts* facts = &end->channel->facts;

  return end->writer && facts->kind == UVSHM__CHANNEL_TOPIC &&
         (facts->flags & UVSHM__CHANNEL_LOSSLESS) == 0 &&
         (end->flags & UVSHM_CHANNEL_AWAIT) == 0;
}


static int told_to(const struct uvshm__channel_end* end, uint32_t was) {
  if (end->writer && end->flags & UVSHM_CHANNEL_AWAIT) return UV_EAGAIN;
  if (was == UVSHM__CHANNEL_NEVER) return 0;
  if (end->writer) return UV_EPIPE;
  return was == UVSHM__CHANNEL_DIED ? UV_ECONNRESET : UV_EOF;
}


int uvshm__channel_alone_slow(const struct uvshm__channel_end* end,
                              uint32_t word) {
  const struct uvshm__channel* channel = end->channel;
  uvshm__a32_t* at = was_word(channel, !end->writer);
  uint32_t was = word & UVSHM__CHANNEL_WAS;

  if (takes_no_notice(end)) return 0;
  if (uvshm__channel_count(channel, !end->writer) == 0)
    return told_to(end, was);
  if (was != UVSHM__CHANNEL_NEVER)
    uvshm__a32_cas(at, word, next_was(word, UVSHM__CHANNEL_OPEN));
  return 0;
}

/* ---- the dead ------------------------------------------------------------ */

/* A dead end goes. Its word says so already, unless whoever should have said it
 * died before: then it still says open, and nobody is there. */
static void note_death(const struct uvshm__channel* channel, int writers) {
  uvshm__a32_t* at = was_word(channel, writers);
  uint32_t word = uvshm__a32_load_acquire(at);

  if ((word & UVSHM__CHANNEL_WAS) != UVSHM__CHANNEL_OPEN ||
      uvshm__channel_count(channel, (uint32_t) writers) != 0)
    return;
  if (uvshm__a32_cas(at, word, next_was(word, UVSHM__CHANNEL_DIED)))
    tell_others(channel, writers);
}


int uvshm__channel_disown(const struct uvshm__channel* channel,
                          uint32_t index,
                          uint64_t owner) {
  int writer = index < channel->facts.writers;

  if (!uvshm__a64_cas(&channel->ends[index].owner,
                      owner,
                      owner_word(owner, NOBODY, UVSHM__END_DEAD)))
    return 0;
  note_death(channel, writer);
  return 1;
}


/* Again what could not be done in repair. Anybody, also two at once. */
static uint32_t finish_dead(const struct uvshm__channel* channel) {
  uint32_t count = 0;
  uint32_t i;

  for (i = 0; i < ends_of(channel); i++) {
    uvshm__a64_t* at = &channel->ends[i].owner;
    uint64_t owner = uvshm__a64_load_acquire(at);

    if (state_of(owner) != UVSHM__END_DEAD || slot_of(owner) != NOBODY)
      continue;
    note_death(channel, i < channel->facts.writers);
    if (channel->kind->forget(channel, i) < 0) continue;
    if (uvshm__a64_cas(at, owner, owner_word(owner, NOBODY, UVSHM__END_FREE)))
      count++;
  }
  return count;
}


uint32_t uvshm__channel_tend(struct uvshm__lane* lane,
                             const struct uvshm__channel* channel) {
  const struct uvshm__core* core = channel->core;
  uint32_t count = 0;
  uint64_t owner;
  uint32_t slot;
  uint32_t i;

  for (i = 0; i < ends_of(channel); i++) {
    owner = uvshm__a64_load_acquire(&channel->ends[i].owner);
    slot = slot_of(owner);
    if (state_of(owner) == UVSHM__END_FREE || slot >= core->peers_max ||
        slot == core->slot || core->env->alive(core->env_arg, slot))
      continue;
    /* Part of repair takes locks, so who holds some leaves it to others. */
    if (lane != NULL && lane->count != 0)
      (void) uvshm__reap_locks(core, slot);
    else if (uvshm__reap(core, slot) == 0)
      count++;
  }
  return count + finish_dead(channel);
}


static void bury_end(const struct uvshm__channel* channel,
                     uint32_t index,
                     uint64_t owner) {
  uvshm__a64_t* at = &channel->ends[index].owner;
  int writer = index < channel->facts.writers;
  uint32_t state = UVSHM__END_FREE;

  uvshm__a64_store_release(at,
                           owner_word(owner, slot_of(owner), UVSHM__END_DEAD));
  set_was(channel, writer, UVSHM__CHANNEL_DIED);
  if (channel->kind->forget(channel, index) < 0) state = UVSHM__END_DEAD;
  uvshm__a64_store_release(at, owner_word(owner, NOBODY, state));
}


void uvshm__channel_forget(const struct uvshm__core* core,
                           uint32_t slot,
                           void* body) {
  struct uvshm__channel channel;
  uint32_t count = 0;
  uint64_t owner;
  uint32_t i;

  if (uvshm__channel_attach(core, body, &channel) < 0) return;
  for (i = 0; i < ends_of(&channel); i++) {
    owner = uvshm__a64_load_acquire(&channel.ends[i].owner);
    if (state_of(owner) == UVSHM__END_FREE || slot_of(owner) != slot) continue;
    bury_end(&channel, i, owner);
    count++;
  }
  if (count == 0) return;
  tell_others(&channel, 0);
  tell_others(&channel, 1);
}
