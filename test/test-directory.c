/* SPDX-License-Identifier: MIT */

/* Named objects of a segment, on plain memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"

#include "core/directory.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/reset.h"
#include "uvshm/name.h"

#include <stdio.h>
#include <string.h>

static struct fake fake;
static struct fake_peer* alice;
static struct fake_peer* bob;
static struct uvshm__lane a;
static struct uvshm__lane b;


static int make(void** state) {
  (void) state;
  fake_make(&fake, UVSHM_KIND_SEGMENT);
  alice = fake_join(&fake, 0);
  bob = fake_join(&fake, 1);
  if (uvshm__lane_claim(&alice->core, &a) < 0) return -1;
  return uvshm__lane_claim(&bob->core, &b);
}


static int unmake(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}


static int make_object(struct uvshm__lane* lane,
                       const char* name,
                       struct uvshm__directory_ref* ref,
                       int* made) {
  unsigned char body[UVSHM__ENTRY_BODY];
  struct uvshm__directory_spec spec;

  memset(body, 0, sizeof(body));
  memset(body + 16, 'b', 4);
  memset(&spec, 0, sizeof(spec));
  spec.name = name;
  spec.name_size = (uint32_t) strlen(name);
  spec.type = UVSHM__TYPE_MUTEX;
  spec.flags = 1;
  spec.body = body;
  return uvshm__directory_make(lane, &spec, 5000, ref, made);
}


static struct uvshm__directory_ref made_by(struct uvshm__lane* lane,
                                           const char* name) {
  struct uvshm__directory_ref ref;
  int made;

  assert_int_equal(make_object(lane, name, &ref, &made), 0);
  assert_int_equal(made, 1);
  return ref;
}


static int find(const char* name, struct uvshm__directory_ref* ref) {
  return uvshm__directory_find(&bob->core, name, (uint32_t) strlen(name), ref);
}


static int remove_by(struct fake_peer* peer, const char* name) {
  return uvshm__directory_remove(&peer->core, name, (uint32_t) strlen(name));
}


static uint32_t kind_of(uint32_t index) {
  return (uint32_t) uvshm__a64_load_relaxed(
      &uvshm__core_entry(&bob->core, index)->state);
}


static void what_one_makes_another_finds(void** state) {
  struct uvshm__directory_ref ref = made_by(&a, "till");
  struct uvshm__directory_ref found;

  (void) state;
  assert_int_equal(find("till", &found), 0);
  assert_memory_equal(&found, &ref, sizeof(ref));
  assert_int_equal(found.type, UVSHM__TYPE_MUTEX);
  assert_int_equal(found.flags, 1);
  assert_int_equal(find("til", &found), UV_ENOENT);
  assert_int_equal(find("till2", &found), UV_ENOENT);
  assert_memory_equal(
      (char*) uvshm__directory_body(&bob->core, ref.index) + 16, "bbbb", 4);
  assert_int_equal((uintptr_t) ((unsigned char*) uvshm__directory_body(
                                    &bob->core, ref.index) -
                                fake.memory) %
                       64,
                   0);
  assert_int_equal(uvshm__directory_used(&bob->core), 1);
}


static void a_name_is_made_once(void** state) {
  struct uvshm__directory_ref ref = made_by(&a, "till");
  struct uvshm__directory_ref again;
  int made = 7;

  (void) state;
  assert_int_equal(make_object(&b, "till", &again, &made), 0);
  assert_int_equal(made, 0);
  assert_memory_equal(&again, &ref, sizeof(ref));
}


static void a_name_has_1_to_200_bytes(void** state) {
  struct uvshm__directory_ref ref;
  char name[202];
  int made;

  (void) state;
  memset(name, 'n', sizeof(name));
  name[201] = '\0';
  assert_int_equal(make_object(&a, name, &ref, &made), UV_EINVAL);
  name[200] = '\0';
  assert_int_equal(make_object(&a, name, &ref, &made), 0);
  assert_int_equal(find(name, &ref), 0);
  name[199] = '\0';
  assert_int_equal(find(name, &ref), UV_ENOENT);
  assert_int_equal(make_object(&a, "", &ref, &made), UV_EINVAL);
}


static void a_full_directory_is_enospc(void** state) {
  struct uvshm__directory_ref ref;
  char name[32];
  int made;
  int i;

  (void) state;
  for (i = 0; i < FAKE_OBJECTS; i++) {
    snprintf(name, sizeof(name), "object-%d", i);
    made_by(&a, name);
  }
  assert_int_equal(make_object(&a, "one more", &ref, &made), UV_ENOSPC);
  assert_int_equal(
      uvshm__a32_load_relaxed(
          (uvshm__a32_t*) uvshm__core_header(&alice->core)->directory_lock),
      0);
  for (i = 0; i < FAKE_OBJECTS; i++) {
    snprintf(name, sizeof(name), "object-%d", i);
    assert_int_equal(find(name, &ref), 0);
  }
  assert_int_equal(remove_by(alice, "object-3"), 0);
  assert_int_equal(make_object(&a, "one more", &ref, &made), 0);
}


static void what_only_the_dead_have_open_makes_room(void** state) {
  struct uvshm__directory_ref ref;
  char name[32];
  int made;
  int i;

  (void) state;
  for (i = 0; i < FAKE_OBJECTS; i++) {
    snprintf(name, sizeof(name), "object-%d", i);
    ref = made_by(&a, name);
    assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
    assert_int_equal(remove_by(bob, name), 0);
  }
  assert_int_equal(make_object(&b, "one more", &ref, &made), UV_ENOSPC);
  fake_kill(alice);
  assert_int_equal(make_object(&b, "one more", &ref, &made), 0);
  assert_int_equal(made, 1);
}


static void a_removed_name_is_free_at_once(void** state) {
  struct uvshm__directory_ref old = made_by(&a, "till");
  struct uvshm__directory_ref now;

  (void) state;
  assert_int_equal(uvshm__directory_open(&alice->core, &old), 0);
  assert_int_equal(remove_by(bob, "till"), 0);
  assert_int_equal(remove_by(bob, "till"), UV_ENOENT);
  assert_int_equal(find("till", &now), UV_ENOENT);
  assert_int_equal(uvshm__directory_usable(&alice->core, &old), UV_ENXIO);
  assert_int_equal(uvshm__directory_open(&bob->core, &old), UV_ENXIO);
  now = made_by(&b, "till");
  assert_int_not_equal(now.index, old.index);
  assert_int_equal(uvshm__directory_usable(&bob->core, &now), 0);
}


static void the_bytes_stay_until_the_last_one_closes(void** state) {
  struct uvshm__directory_ref ref = made_by(&a, "till");

  (void) state;
  assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
  assert_int_equal(uvshm__directory_open(&bob->core, &ref), 0);
  assert_int_equal(remove_by(alice, "till"), 0);
  uvshm__directory_close(&alice->core, ref.index);
  assert_int_equal(kind_of(ref.index), UVSHM__ENTRY_REMOVED);
  uvshm__directory_close(&bob->core, ref.index);
  assert_int_equal(kind_of(ref.index), UVSHM__ENTRY_FREE);
}


static void an_unused_object_goes_at_once(void** state) {
  struct uvshm__directory_ref ref = made_by(&a, "till");

  (void) state;
  assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
  uvshm__directory_close(&alice->core, ref.index);
  assert_int_equal(kind_of(ref.index), UVSHM__ENTRY_USED);
  assert_int_equal(remove_by(bob, "till"), 0);
  assert_int_equal(kind_of(ref.index), UVSHM__ENTRY_FREE);
}


static void an_entry_is_another_incarnation_each_time(void** state) {
  struct uvshm__directory_ref old = made_by(&a, "till");
  struct uvshm__directory_ref now;

  (void) state;
  assert_int_equal(remove_by(bob, "till"), 0);
  now = made_by(&b, "till");
  assert_int_equal(now.index, old.index);
  assert_int_not_equal(now.generation, old.generation);
  assert_int_equal(uvshm__directory_usable(&bob->core, &old), UV_ENXIO);
  assert_int_equal(uvshm__directory_open(&bob->core, &old), UV_ENXIO);
}


static void the_dead_have_nothing_open(void** state) {
  struct uvshm__directory_ref ref = made_by(&a, "till");

  (void) state;
  assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
  assert_int_equal(remove_by(bob, "till"), 0);
  fake_kill(alice);
  assert_int_equal(uvshm__reap_all(&bob->core), 1);
  assert_int_equal(kind_of(ref.index), UVSHM__ENTRY_FREE);
}


static void leaving_closes_what_is_open(void** state) {
  struct uvshm__directory_ref ref = made_by(&a, "till");
  struct uvshm__directory_facts facts;
  uint32_t cursor = 0;

  (void) state;
  assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
  uvshm__lane_exit(&a);
  uvshm__peer_leave(&alice->core, 1);
  assert_int_equal(uvshm__directory_next(&bob->core, &cursor, &facts), 0);
  assert_int_equal(facts.open, 0);
  assert_int_equal(uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT), 0);
}


static void a_maker_that_dies_inside_blocks_nobody(void** state) {
  struct uvshm__lock* lock =
      (struct uvshm__lock*) uvshm__core_header(&alice->core)->directory_lock;
  struct uvshm__directory_ref ref;
  int made;

  (void) state;
  assert_int_equal(uvshm__lock_acquire(&a, lock, 0, UVSHM__LOCK_INTERNAL, NULL),
                   0);
  fake_kill(alice);
  assert_int_equal(make_object(&b, "till", &ref, &made), 0);
  assert_int_equal(made, 1);
  assert_int_equal(uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT), 0);
}


static void the_list_has_every_object_once(void** state) {
  struct uvshm__directory_facts facts;
  struct uvshm__directory_ref ref;
  uint32_t cursor = 0;
  uint32_t seen = 0;

  (void) state;
  made_by(&a, "one");
  ref = made_by(&a, "two");
  made_by(&a, "three");
  assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
  assert_int_equal(uvshm__directory_open(&bob->core, &ref), 0);
  assert_int_equal(remove_by(bob, "three"), 0);
  while (uvshm__directory_next(&bob->core, &cursor, &facts) == 0) {
    assert_int_equal(facts.name_size, 3);
    if (strcmp(facts.name, "one") == 0) {
      assert_int_equal(facts.open, 0);
      seen |= 1;
    } else {
      assert_string_equal(facts.name, "two");
      assert_int_equal(facts.open, 2);
      seen |= 2;
    }
  }
  assert_int_equal(seen, 3);
  assert_int_equal(uvshm__directory_next(&bob->core, &cursor, &facts),
                   UV_ENOENT);
}

/* ---- all at once --------------------------------------------------------- */

#define WORKERS 8
#define NAMES 3

struct worker {
  uv_thread_t thread;
  struct fake_peer* peer;
  uint64_t seed;
  uint32_t errors;
};

static int open_one(struct worker* worker,
                    struct uvshm__lane* lane,
                    const char* name,
                    struct uvshm__directory_ref* ref) {
  struct uvshm__core* core = &worker->peer->core;
  int made;
  int err;

  do {
    err = uvshm__directory_find(core, name, (uint32_t) strlen(name), ref);
    if (err == UV_ENOENT) err = make_object(lane, name, ref, &made);
    if (err == 0) err = uvshm__directory_open(core, ref);
  } while (err == UV_ENXIO);
  return err;
}


/* All who have one incarnation open write the same number into its body. Were
 * it made anew meanwhile, another would stand there. */
static void use(struct worker* worker, const struct uvshm__directory_ref* ref) {
  unsigned char* body = uvshm__directory_body(&worker->peer->core, ref->index);
  uvshm__a64_t* word = (uvshm__a64_t*) (body + 64);

  uvshm__a64_store_relaxed(word, ref->generation);
  uv_sleep(0);
  if (uvshm__a64_load_relaxed(word) != ref->generation) worker->errors++;
}


static void open_use_remove(void* arg) {
  static const char* const names[NAMES] = {"x", "y", "a longer name than that"};
  struct worker* worker = arg;
  struct uvshm__directory_ref ref;
  struct uvshm__lane lane;
  uint32_t i;

  if (uvshm__lane_claim(&worker->peer->core, &lane) < 0) worker->errors++;
  for (i = 0; i < 4000; i++) {
    const char* name = names[fake_random(&worker->seed) % NAMES];

    if (fake_random(&worker->seed) % 3 == 0)
      uvshm__directory_remove(
          &worker->peer->core, name, (uint32_t) strlen(name));
    if (open_one(worker, &lane, name, &ref) != 0) {
      worker->errors++;
      continue;
    }
    use(worker, &ref);
    uvshm__directory_close(&worker->peer->core, ref.index);
  }
  uvshm__lane_exit(&lane);
}


static void opening_and_removing_at_once_mixes_nothing_up(void** state) {
  struct worker workers[WORKERS];
  uint64_t seed = fake_seed();
  uint32_t i;

  (void) state;
  for (i = 0; i < WORKERS; i++) {
    workers[i].peer = i < 2 ? &fake.peers[i] : fake_join(&fake, i);
    workers[i].seed = seed + 2 * i;
    workers[i].errors = 0;
  }
  for (i = 0; i < WORKERS; i++)
    assert_int_equal(
        uv_thread_create(&workers[i].thread, open_use_remove, &workers[i]), 0);
  for (i = 0; i < WORKERS; i++) uv_thread_join(&workers[i].thread);
  for (i = 0; i < WORKERS; i++) assert_int_equal(workers[i].errors, 0);
  assert_int_equal(uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT), 0);
  for (i = 0; i < FAKE_OBJECTS; i++)
    assert_int_not_equal(kind_of(i), UVSHM__ENTRY_REMOVED);
}


int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
  const struct CMUnitTest tests[] = {
      CASE(what_one_makes_another_finds),
      CASE(a_name_is_made_once),
      CASE(a_name_has_1_to_200_bytes),
      CASE(a_full_directory_is_enospc),
      CASE(what_only_the_dead_have_open_makes_room),
      CASE(a_removed_name_is_free_at_once),
      CASE(the_bytes_stay_until_the_last_one_closes),
      CASE(an_unused_object_goes_at_once),
      CASE(an_entry_is_another_incarnation_each_time),
      CASE(the_dead_have_nothing_open),
      CASE(leaving_closes_what_is_open),
      CASE(a_maker_that_dies_inside_blocks_nobody),
      CASE(the_list_has_every_object_once),
      CASE(opening_and_removing_at_once_mixes_nothing_up),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
