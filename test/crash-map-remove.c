/* SPDX-License-Identifier: MIT */

/* A death at every store of what takes keys out of a map, and makes and removes
 * maps: nothing is half gone, no block is lost. */

#include "lab/map.h"

/* ---- the start ----------------------------------------------------------- */

static void build_replace_none(void* world) {
  begin(world, 20);
  ready(world);
}


static void build_remove(void* world) {
  begin(world, 20);
  ((struct lab*) world)->after[7] = ABSENT;
  ready(world);
}


static void build_clear(void* world) {
  struct lab* l = world;

  begin(l, 7);
  l->any_between = 1;
  memset(l->after, 0, sizeof(l->after));
  ready(l);
}


static void build_expire(void* world) {
  begin(world, 20);
  ((struct lab*) world)->after[7] = ABSENT;
  ready(world);
}


static void build_remove_map(void* world) {
  struct lab* l = world;

  begin(l, 15);
  ready(l);
}


static void build_make(void* world) {
  begin(world, 3);
  ready(world);
}

/* ---- what the actor does ------------------------------------------------- */

static void op_remove(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  world_ok(drop(&l->world.actor, &map, 7), "remove");
  lab_done();
}


static void op_take(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t number = 7;
  struct uvshm__map_key key = key_of(&map, &number);
  struct uvshm__map_value value;
  unsigned char bytes[200];

  memset(&value, 0, sizeof(value));
  value.bytes = bytes;
  value.room = sizeof(bytes);
  world_ok(uvshm__map_remove(&l->world.actor, &map, &key, &value), "take");
  lab_done();
}


static void op_refused(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  lab_check(put(&l->world.actor, &map, 7, 41, UVSHM__MAP_NEW) == UV_EEXIST,
            "it is there");
  lab_check(drop(&l->world.actor, &map, 50) == UV_ENOENT, "it is not there");
}


static void op_clear(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint64_t count;

  world_ok(uvshm__map_clear(&l->world.actor, &map, 0, &count), "clear");
  lab_check(count == 7, "%u were removed", (unsigned int) count);
  lab_done();
}


/* Its time is over as soon as it is set. */
static void op_expire_and_drop(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t number = 7;
  struct uvshm__map_key key = key_of(&map, &number);

  world_ok(uvshm__map_expire(&l->world.actor, &map, &key, 1), "expire");
  uv_sleep(2);
  uvshm__map_drop(&l->world.actor, &map, &key);
  lab_done();
}


static void op_remove_map(void* world) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_ACTOR);

  uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER), l->ref.index);
  world_ok(uvshm__directory_remove(core, "map", 3), "remove");
  lab_done();
}


static void op_make_map(void* world) {
  static const uint64_t seed[2] = {3, 4};
  struct lab* l = world;
  struct uvshm__lane* lane = &l->world.actor;
  struct uvshm__directory_spec spec;
  struct uvshm__directory_ref ref;
  struct uvshm__map_hdr body;
  int made = 0;

  memset(&spec, 0, sizeof(spec));
  spec.name = "brief";
  spec.name_size = 5;
  spec.type = UVSHM__TYPE_MAP;
  spec.body = &body;
  world_ok(uvshm__map_format(lane, 1, seed, &body, &spec.blocks[0]), "format");
  world_ok(uvshm__directory_make(lane, &spec, 100, &ref, &made), "make");
  world_ok(uvshm__directory_remove(lane->core, "brief", 5), "remove");
}

/* ---- afterwards ---------------------------------------------------------- */

/* The map is there with all that it had, or nothing of it is. */
static void verify_removed(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__directory_ref ref;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);

  world_verify(&l->world);
  if (uvshm__directory_find(core, "map", 3, &ref) == 0) {
    lab_check(done == 0, "it is still there");
    verify(world, 0);
    world_ok(uvshm__directory_remove(core, "map", 3), "remove");
    uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER),
                           l->ref.index);
  }
  uvshm__directory_settle(core, l->ref.index);
  lab_check(world_blocks(&l->world) == l->blocks - 1,
            "%d blocks are left",
            (int) (world_blocks(&l->world) - l->blocks + 1));
}


static void verify_brief(void* world, uint32_t done) {
  struct lab* l = world;

  (void) uvshm__directory_remove(
      world_core(&l->world, WORLD_SECOND), "brief", 5);
  verify(world, done);
}

/* ---- the cases ----------------------------------------------------------- */

CASE(remove_a_key, build_remove, op_remove, verify, read_keys)
CASE(take_a_key, build_remove, op_take, verify, read_keys)
CASE(refused_changes, build_replace_none, op_refused, verify, read_keys)
CASE(clear_the_map, build_clear, op_clear, verify, read_keys)
CASE(expire_and_drop, build_expire, op_expire_and_drop, verify, NULL)
CASE(make_a_map, build_make, op_make_map, verify_brief, read_keys)
CASE(remove_the_map, build_remove_map, op_remove_map, verify_removed, NULL)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(remove_a_key),
      cmocka_unit_test(take_a_key),
      cmocka_unit_test(refused_changes),
      cmocka_unit_test(clear_the_map),
      cmocka_unit_test(expire_and_drop),
      cmocka_unit_test(make_a_map),
      cmocka_unit_test(remove_the_map),
  };

  return cmocka_run_group_tests_name("crash-map-remove", tests, NULL, NULL);
}
