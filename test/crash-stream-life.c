/* SPDX-License-Identifier: MIT */

/* A death at every store when an end of a stream comes, and when a stream is
 * made, removed and buried: who comes after it finds all or nothing. */

#include "lab/stream.h"

/* ---- what the actor does ------------------------------------------------- */

/* The bystander is alone; the actor comes. */
static void op_join(void* world) {
  struct lab* l = world;

  join(&l->actor, &l->world.actor, &l->channels[0], l->writes);
}


static void op_make(void* world) {
  struct lab* l = world;
  struct uvshm__directory_ref ref;

  furnish(l, &l->world.actor, "brief", &ref);
}


static void op_remove(void* world) {
  struct lab* l = world;

  uvshm__channel_leave(&l->actor);
  uvshm__directory_close(world_core(&l->world, WORLD_ACTOR), l->ref.index);
  world_ok(
      uvshm__directory_remove(world_core(&l->world, WORLD_ACTOR), "stream", 6),
      "remove");
}


/* Nobody else has it open. */
static void op_bury(void* world) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_ACTOR);

  world_ok(uvshm__directory_remove(core, "stream", 6), "remove");
  uvshm__channel_leave(&l->actor);
  uvshm__directory_close(core, l->ref.index);
}

/* ---- afterwards ---------------------------------------------------------- */

/* It came, or it did not, and then there was never a writer (reader). */
static void verify_joined(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__lane lane;
  int err = uvshm__channel_alone(&l->other);

  (void) done;
  world_verify(&l->world);
  lab_check(err == (l->writes ? UV_ECONNRESET : UV_EPIPE) ||
                (l->writes && err == UV_EOF), /* of the one before */
            "the other end is told %d",
            err);
  succeed(l, &lane);
  if (l->writes) {
    (void) recv_all(l, &l->other, l->first, &err);
    verify_life(l, &l->successor, &l->other, l->next);
  } else {
    (void) recv_all(l, &l->successor, l->first, &err);
    verify_life(l, &l->other, &l->successor, l->next);
  }
  part(l, &lane);
}


static void verify_made(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);
  struct uvshm__directory_ref ref;

  (void) done;
  world_verify(&l->world);
  if (uvshm__directory_find(core, "brief", 5, &ref) == 0) {
    verify_blocks(l, 2);
    world_ok(uvshm__directory_remove(core, "brief", 5), "remove");
  }
  verify_blocks(l, 1);
}


/* The bystander still has it open: it stays usable for him until he closes. */
static void verify_removed(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);
  struct uvshm__directory_ref ref;
  int err;

  (void) done;
  world_verify(&l->world);
  verify_blocks(l, 1);
  (void) recv_all(l, &l->other, l->first, &err);
  lab_check(err == UV_EOF || err == UV_ECONNRESET, "it is told %d", err);
  uvshm__channel_leave(&l->other);
  uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER), l->ref.index);
  if (uvshm__directory_find(core, "stream", 6, &ref) == 0)
    world_ok(uvshm__directory_remove(core, "stream", 6), "remove");
  verify_blocks(l, 0);
}


static void verify_buried(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);
  struct uvshm__directory_ref ref;

  (void) done;
  world_verify(&l->world);
  if (uvshm__directory_find(core, "stream", 6, &ref) == 0) {
    verify_blocks(l, 1);
    world_ok(uvshm__directory_remove(core, "stream", 6), "remove");
  }
  verify_blocks(l, 0);
}

/* ---- the cases ----------------------------------------------------------- */

static void alone(struct lab* l, uint32_t writes) {
  begin(l, writes, 0, 7, 3);
  uvshm__channel_leave(&l->actor);
  ready(l);
}


static void build_join_writer(void* world) {
  alone(world, 1);
}


static void build_join_reader(void* world) {
  alone(world, 0);
}


static void build_make(void* world) {
  begin(world, 1, 0, 0, 0);
  ready(world);
}


static void build_remove(void* world) {
  begin(world, 1, 0, 2, 2);
  ready(world);
}


static void build_bury(void* world) {
  struct lab* l = world;

  begin(l, 1, 0, 2, 2);
  uvshm__channel_leave(&l->other);
  uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER), l->ref.index);
  ready(l);
}

CASE(join_as_writer, build_join_writer, op_join, verify_joined, read_messages)
CASE(join_as_reader, build_join_reader, op_join, verify_joined, NULL)
CASE(make_a_stream, build_make, op_make, verify_made, NULL)
CASE(remove_the_stream, build_remove, op_remove, verify_removed, NULL)
CASE(bury_the_stream, build_bury, op_bury, verify_buried, NULL)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(join_as_writer),
      cmocka_unit_test(join_as_reader),
      cmocka_unit_test(make_a_stream),
      cmocka_unit_test(remove_the_stream),
      cmocka_unit_test(bury_the_stream),
  };

  return cmocka_run_group_tests_name("crash-stream-life", tests, NULL, NULL);
}
