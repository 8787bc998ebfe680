/* SPDX-License-Identifier: MIT */

#include "lab/world.h"

#include "base/error.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/reset.h"
#include "uvshm/name.h"

#include <string.h>


struct uvshm__core* world_core(struct world* world, uint32_t slot) {
  return &world->fake.peers[slot].core;
}


uint64_t world_blocks(struct world* world) {
  struct uvshm__heap_facts facts;

  uvshm__heap_read(world_core(world, WORLD_SECOND), &facts);
  return facts.blocks;
}


void world_ok(int err, const char* what) {
  lab_check(err >= 0, "%s: %d, %s", what, err, uvshm__error_text());
}


static void claim(struct world* world,
                  uint32_t slot,
                  struct uvshm__lane* lane) {
  world_ok(uvshm__lane_claim(world_core(world, slot), lane), "no lane");
}


void world_build(struct world* world, uint64_t size, uint64_t max_size) {
  memset(world, 0, sizeof(*world));
  fake_make_sized(&world->fake, UVSHM_KIND_SEGMENT, size, max_size);
  fake_join(&world->fake, WORLD_ACTOR);
  fake_join(&world->fake, WORLD_REPAIRER);
  fake_join(&world->fake, WORLD_SECOND);
  fake_join(&world->fake, WORLD_BYSTANDER);
  claim(world, WORLD_BYSTANDER, &world->bystander);
  claim(world, WORLD_ACTOR, &world->actor);
}


void world_join_earlier(struct world* world) {
  fake_join(&world->fake, WORLD_EARLIER);
  claim(world, WORLD_EARLIER, &world->earlier);
}


void world_ready(struct world* world) {
  lab_image(world->fake.memory, (size_t) world->fake.memory_size);
  lab_private(world, sizeof(*world));
}


void world_end(void* world) {
  fake_free(&((struct world*) world)->fake);
}


uint32_t world_slot(enum lab_who who) {
  if (who == LAB_ACTOR) return WORLD_ACTOR;
  return who == LAB_REPAIRER ? WORLD_REPAIRER : WORLD_SECOND;
}


void world_die(void* arg, enum lab_who who) {
  struct world* world = arg;

  fake_kill(&world->fake.peers[world_slot(who)]);
  if (who == LAB_ACTOR && world->fake.peers[WORLD_EARLIER].fake != NULL)
    fake_kill(&world->fake.peers[WORLD_EARLIER]);
}


void world_repair(void* arg, enum lab_who who) {
  (void) uvshm__reap_all(world_core(arg, world_slot(who)));
}

/* ---- is all well? -------------------------------------------------------- */

static void verify_peers(struct world* world) {
  const struct uvshm__core* core = world_core(world, WORLD_SECOND);
  uint32_t owner;
  uint32_t slot;
  uint32_t i;

  for (slot = 0; slot < FAKE_PEERS; slot++)
    lab_check(uvshm__peer_is_free(core, slot) == !world->fake.peers[slot].alive,
              "peer %u: dead and not free, or alive and free",
              (unsigned int) slot);
  for (i = 0; i < FAKE_LANES; i++) {
    owner = uvshm__a32_load_relaxed(&uvshm__core_lane(core, i)->owner);
    slot = (owner & UVSHM__LANE_SLOT) - 1;
    lab_check(owner == 0 || world->fake.peers[slot].alive,
              "lane %u is still a dead peer's",
              (unsigned int) i);
  }
}


static void verify_directory(struct world* world) {
  const struct uvshm__core* core = world_core(world, WORLD_SECOND);
  const struct uvshm__directory_ent* ent;
  uint64_t bits;
  uint32_t slot;
  uint32_t i;

  for (i = 0; i < FAKE_OBJECTS; i++) {
    ent = uvshm__core_entry(core, i);
    bits = uvshm__a64_load_relaxed(&ent->open[0]);
    for (slot = 0; slot < FAKE_PEERS; slot++)
      lab_check((bits >> slot & 1) == 0 || world->fake.peers[slot].alive,
                "entry %u is open by the dead peer %u",
                (unsigned int) i,
                (unsigned int) slot);
    lab_check((uint32_t) uvshm__a64_load_relaxed(&ent->state) !=
                      UVSHM__ENTRY_REMOVED ||
                  bits != 0,
              "entry %u is removed, open by nobody and not free",
              (unsigned int) i);
    lab_check(((uint32_t) uvshm__a64_load_relaxed(&ent->state) &
               UVSHM__ENTRY_KIND) < UVSHM__ENTRY_BURIED,
              "entry %u is still being freed",
              (unsigned int) i);
  }
}


static void verify_life(struct world* world) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {
      "life", 4, UVSHM__TYPE_SEM, 1, body, {0}};
  struct uvshm__core* core = world_core(world, WORLD_SECOND);
  struct uvshm__directory_ref ref;
  struct uvshm__lane lane;
  int made = 0;

  claim(world, WORLD_SECOND, &lane);
  lab_check(uvshm__directory_make(&lane, &spec, 0, &ref, &made) == 0 && made,
            "an object cannot be made: %s",
            uvshm__error_text());
  lab_check(uvshm__directory_remove(core, "life", 4) == 0,
            "an object cannot be removed");
  uvshm__lane_exit(&lane);
}


void world_verify(struct world* world) {
  const struct uvshm__core* core = world_core(world, WORLD_SECOND);

  verify_peers(world);
  verify_directory(world);
  lab_check(uvshm__core_check(core, UVSHM_KIND_SEGMENT) == 0,
            "check says: %s",
            uvshm__error_text());
  verify_life(world);
}
