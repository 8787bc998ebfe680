/* SPDX-License-Identifier: MIT */

/* The control area: planned, written, checked, mended, reset; and what core
 * does with one that is full of garbage. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"

#include "base/error.h"
#include "core/directory.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/reset.h"
#include "core/sem.h"
#include "core/wait.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"
#include "uvshm/region.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake fake;


static int make(void** state) {
  (void) state;
  fake_make(&fake, UVSHM_KIND_SEGMENT);
  return 0;
}


static int unmake(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}

/* ---- planning ------------------------------------------------------------ */

static void plan_of(struct uvshm__control* control, uint32_t kind) {
  memset(control, 0, sizeof(*control));
  control->kind = kind;
  control->peers_max = UVSHM__PEERS_DEFAULT;
  if (kind != UVSHM_KIND_REGION) control->lanes_max = UVSHM__LANES_DEFAULT;
  if (kind == UVSHM_KIND_SEGMENT) control->objects_max = UVSHM__OBJECTS_DEFAULT;
}


static void a_lock_of_its_own_takes_one_granule(void** state) {
  struct uvshm__control control;

  (void) state;
  plan_of(&control, UVSHM_KIND_MUTEX);
  assert_int_equal(uvshm__control_plan(&control), 0);
  assert_int_equal(control.control_size, UVSHM__GRANULE);
  assert_true(control.committed == UVSHM__GRANULE);
  assert_true(control.reserve == UVSHM__GRANULE);
}


static void a_region_has_its_bytes_behind_one_granule(void** state) {
  struct uvshm__control control;

  (void) state;
  plan_of(&control, UVSHM_KIND_REGION);
  control.size = 100000;
  control.max_size = 1000000;
  assert_int_equal(uvshm__control_plan(&control), 0);
  assert_int_equal(control.control_size, UVSHM__GRANULE);
  assert_true(control.committed == 3 * UVSHM__GRANULE);
  assert_true(control.reserve == 17 * UVSHM__GRANULE);
}


static void the_largest_tables_fit(void** state) {
  struct uvshm__control control;

  (void) state;
  plan_of(&control, UVSHM_KIND_SEGMENT);
  control.peers_max = UVSHM__PEERS_LIMIT;
  control.lanes_max = UVSHM__LANES_LIMIT;
  control.objects_max = UVSHM__OBJECTS_LIMIT;
  assert_int_equal(uvshm__control_plan(&control), 0);
  assert_true(control.control_size >=
              control.objects_offset + UVSHM__OBJECTS_LIMIT * 512u);
  control.peers_max++;
  assert_int_equal(uvshm__control_plan(&control), UV_EINVAL);
  control.peers_max = 0;
  assert_int_equal(uvshm__control_plan(&control), UV_EINVAL);
}


static void sizes_that_cannot_be_are_refused(void** state) {
  struct uvshm__control control;

  (void) state;
  plan_of(&control, UVSHM_KIND_REGION);
  control.max_size = UINT64_MAX;
  assert_int_equal(uvshm__control_plan(&control), UV_ENOSPC);
  control.max_size = UINT64_MAX - 2 * UVSHM__GRANULE;
  assert_int_equal(uvshm__control_plan(&control), 0);
  control.size = 2;
  control.max_size = 1;
  assert_int_equal(uvshm__control_plan(&control), UV_ENOSPC);
}

/* ---- checking the header ------------------------------------------------- */

static struct uvshm__header header;
static struct uvshm__control found;


static int check(void) {
  return uvshm__control_check(&header, fake.control.committed, &found);
}


static void read_header(void) {
  memcpy(&header, fake.memory, sizeof(header));
}


static void what_was_written_is_read(void** state) {
  (void) state;
  memcpy(fake.control.name, "shop", 4);
  fake.control.name_size = 4;
  fake.control.id[0] = 11;
  fake.control.boot[1] = 12;
  fake.control.created_ms = 13;
  fake.control.creator_pid = 14;
  fake.control.liveness = UVSHM__LIVENESS_OFD;
  fake.control.waiting = UVSHM__WAITING_FUTEX;
  uvshm__control_format(fake.memory, &fake.control);
  read_header();
  assert_int_equal(check(), 0);
  assert_memory_equal(
      &found, &fake.control, offsetof(struct uvshm__control, name) + 256);
}


static void without_its_magic_it_is_not_ours(void** state) {
  (void) state;
  read_header();
  uvshm__a64_store_relaxed(&header.magic, 0);
  assert_int_equal(check(), UV_EPROTO);
  assert_string_equal(uvshm__error_text(), "it was not made by uvshm");
  assert_memory_equal(fake.memory, "uvshm\0\r\n", 8);
}


static void another_format_is_named(void** state) {
  (void) state;
  read_header();
  header.format = 3;
  assert_int_equal(check(), UV_EPROTONOSUPPORT);
  assert_string_equal(uvshm__error_text(),
                      "made with format 3, this uvshm reads 2");
  read_header();
  header.features = 4;
  assert_int_equal(check(), UV_EPROTONOSUPPORT);
}


#define DAMAGE(field, value)                                                   \
 do {                                                                          \
  read_header();                                                               \
  header.field = (value);                                                      \
  assert_int_equal(check(), UV_EPROTO);                                        \
 } while (0)

#define DAMAGE_WORD(field, number)                                             \
 do {                                                                          \
  read_header();                                                               \
  uvshm__a64_store_relaxed(&header.field, (number));                           \
  assert_int_equal(check(), UV_EPROTO);                                        \
 } while (0)


/* A list. NOLINTNEXTLINE(readability-function-size) */
static void every_damaged_field_is_found(void** state) {
  uint32_t control_size = fake.control.control_size;

  (void) state;
  DAMAGE(kind, 0);
  DAMAGE(kind, 5);
  DAMAGE(lifetime, 3);
  DAMAGE(system, 2);
  DAMAGE(name_size, 201);
  DAMAGE(peers_max, 0);
  DAMAGE(peers_max, 1025);
  DAMAGE(peers_max, FAKE_PEERS + 1); /* runs into the lanes */
  DAMAGE(lanes_max, 0);
  DAMAGE(lanes_max, 4096);
  DAMAGE(lanes_max, FAKE_LANES + 1);
  DAMAGE(objects_max, 65536);
  DAMAGE(objects_max, 10000);
  DAMAGE(lanes_offset, 0);
  DAMAGE(lanes_offset, fake.control.lanes_offset + 64);
  DAMAGE(lanes_offset, UINT32_MAX - 127);
  DAMAGE(objects_offset, 0);
  DAMAGE(objects_offset, fake.control.objects_offset - 128);
  DAMAGE(objects_offset, control_size);
  DAMAGE(objects_offset, UINT32_MAX - 127);
  DAMAGE(control_size, 0);
  DAMAGE(control_size, control_size + 1);
  DAMAGE(control_size, control_size + UVSHM__GRANULE);
  DAMAGE(reserve, fake.control.reserve + 1);
  DAMAGE(reserve, 0);
  DAMAGE(max_size, UINT64_MAX);
  DAMAGE_WORD(size, fake.control.max_size + 1);
  DAMAGE_WORD(committed, control_size - UVSHM__GRANULE);
  DAMAGE_WORD(committed, fake.control.reserve + 1);
}


static void a_cut_object_is_found(void** state) {
  (void) state;
  read_header();
  assert_int_equal(
      uvshm__control_check(&header, fake.control.control_size - 1, &found),
      UV_EPROTO);
}


static void no_header_of_garbage_gives_a_table_outside(void** state) {
  uint64_t seed = fake_seed();
  unsigned char* bytes = (unsigned char*) &header;
  uint32_t round;
  uint32_t i;

  (void) state;
  for (round = 0; round < 200000; round++) {
    read_header();
    for (i = 0; i <= round % 4; i++)
      bytes[16 + fake_random(&seed) % 160] = (unsigned char) fake_random(&seed);
    header.features = 0;
    if (check() < 0) continue;
    assert_true(found.control_size <= fake.control.committed);
    assert_true(found.peers_max * 128u + 2048u <= found.lanes_offset);
    assert_true(found.lanes_offset + found.lanes_max * 128u <=
                found.objects_offset);
    assert_true(found.objects_offset + found.objects_max * 512u <=
                found.control_size);
    assert_true(found.size <= found.max_size);
    assert_true(found.control_size + found.max_size <= found.reserve);
  }
}

/* ---- the whole structure ------------------------------------------------- */

static int check_all(const struct fake_peer* peer) {
  return uvshm__core_check(&peer->core, UVSHM_KIND_SEGMENT);
}


static struct uvshm__directory_ref make_mutex(struct uvshm__lane* lane,
                                              const char* name) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {
      name, 0, UVSHM__TYPE_MUTEX, 0, body, {0}};
  struct uvshm__directory_ref ref;
  int made;

  spec.name_size = (uint32_t) strlen(name);
  assert_int_equal(uvshm__directory_make(lane, &spec, 1000, &ref, &made), 0);
  return ref;
}


/* A list. NOLINTNEXTLINE(readability-function-size) */
static void check_says_what_is_wrong(void** state) {
  struct fake_peer* peer = fake_join(&fake, 0);
  struct uvshm__core* core = &peer->core;
  struct uvshm__lane lane;
  struct uvshm__directory_ref ref;
  struct uvshm__directory_ent* ent;
  struct uvshm__lock* lock;

  (void) state;
  assert_int_equal(uvshm__lane_claim(core, &lane), 0);
  ref = make_mutex(&lane, "till");
  assert_int_equal(uvshm__directory_open(core, &ref), 0);
  ent = uvshm__core_entry(core, ref.index);
  lock = (struct uvshm__lock*) ent->body;
  assert_int_equal(check_all(peer), 0);

#define BREAK32(word, number)                                                  \
 do {                                                                          \
  uint32_t was = uvshm__a32_load_relaxed(word);                                \
  uvshm__a32_store_relaxed(word, number);                                      \
  assert_int_equal(check_all(peer), UV_EPROTO);                                \
  uvshm__a32_store_relaxed(word, was);                                         \
  assert_int_equal(check_all(peer), 0);                                        \
 } while (0)
#define BREAK64(word, number)                                                  \
 do {                                                                          \
  uint64_t was = uvshm__a64_load_relaxed(word);                                \
  uvshm__a64_store_relaxed(word, number);                                      \
  assert_int_equal(check_all(peer), UV_EPROTO);                                \
  uvshm__a64_store_relaxed(word, was);                                         \
  assert_int_equal(check_all(peer), 0);                                        \
 } while (0)

  BREAK64(&uvshm__core_peer(core, 5)->state, 3);
  BREAK32(&uvshm__core_peer(core, 5)->label_size, 48);
  BREAK32(&uvshm__core_lane(core, 9)->owner, 0x7ff);
  BREAK32(&uvshm__core_lane(core, 9)->owner, 3); /* a free peer */
  BREAK32(&uvshm__core_lane(core, 9)->owner, lane.owner + (1u << 11));
  BREAK32(&uvshm__core_lane(core, 9)->held[19], 16);
  BREAK32(&lock->word, 9);
  BREAK32(&lock->n, 7);
  BREAK32((uvshm__a32_t*) uvshm__core_header(core)->directory_lock, 9);
  BREAK64(&ent->state, 5);
  BREAK64(&ent->state, 3 | 7 << 8); /* buried by who is no peer */
  BREAK64(&ent->open[0], 2);
  BREAK64(&ent->open[15], UINT64_C(1) << 63);
  BREAK32(&ent->name_size, 0);
  BREAK32(&ent->name_size, 201);
  BREAK32(&ent->hash, 1);
  BREAK64(&ent->name[0], 1);
  BREAK32(&ent->type, 99);
}


static void mending_clears_what_names_nobody(void** state) {
  struct fake_peer* peer = fake_join(&fake, 0);
  struct uvshm__core* core = &peer->core;
  struct uvshm__directory_ref ref;
  struct uvshm__lane lane;
  struct uvshm__lock* lock;

  (void) state;
  assert_int_equal(uvshm__lane_claim(core, &lane), 0);
  ref = make_mutex(&lane, "till");
  lock = uvshm__directory_body(core, ref.index);
  assert_int_equal(uvshm__core_mend(&lane, UVSHM_KIND_SEGMENT), 0);

  uvshm__a32_store_relaxed(&lock->word, 9);
  uvshm__a32_store_relaxed(&lock->n, 77);
  uvshm__a32_store_relaxed(&uvshm__core_lane(core, 20)->owner, 0x7ff);
  uvshm__a32_store_relaxed(&uvshm__core_lane(core, 20)->held[2], 8);
  uvshm__a32_store_relaxed(&uvshm__core_lane(core, 21)->held[2], 8);
  uvshm__a64_store_relaxed(&uvshm__core_entry(core, 9)->state, 9);
  uvshm__a32_store_relaxed(
      (uvshm__a32_t*) uvshm__core_header(core)->directory_lock, 0xfff);
  assert_int_equal(check_all(peer), UV_EPROTO);
  assert_int_equal(uvshm__core_mend(&lane, UVSHM_KIND_SEGMENT), 5);
  assert_int_equal(check_all(peer), 0);
  assert_int_equal(uvshm__lock_acquire(&lane, lock, 0, 0, NULL),
                   UVSHM_OWNER_DIED);
  assert_int_equal(uvshm__core_mend(&lane, UVSHM_KIND_SEGMENT), 0);
}


static void lanes_that_name_nobody_are_given_out_again(void** state) {
  struct fake_peer* peer = fake_join(&fake, 0);
  struct uvshm__lane lane;
  uint32_t i;

  (void) state;
  for (i = 0; i < FAKE_LANES; i++)
    uvshm__a32_store_relaxed(&uvshm__core_lane(&peer->core, i)->owner,
                             0xfffff000u + i);
  assert_int_equal(uvshm__lane_claim(&peer->core, &lane), 0);
  assert_int_equal(uvshm__lane_used(&peer->core), 1);
}


static void after_a_reboot_nobody_is_there(void** state) {
  struct fake_peer* alice = fake_join(&fake, 0);
  struct fake_peer* bob = fake_join(&fake, 1);
  struct uvshm__directory_ref ref;
  struct uvshm__directory_ref free_ref;
  struct uvshm__lane a;
  struct uvshm__lane b;
  struct uvshm__lock* lock;

  (void) state;
  assert_int_equal(uvshm__lane_claim(&alice->core, &a), 0);
  assert_int_equal(uvshm__lane_claim(&bob->core, &b), 0);
  ref = make_mutex(&a, "till");
  free_ref = make_mutex(&a, "door");
  make_mutex(&b, "gone");
  assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
  assert_int_equal(uvshm__directory_remove(&bob->core, "gone", 4), 0);
  lock = uvshm__directory_body(&alice->core, ref.index);
  assert_int_equal(uvshm__lock_acquire(&a, lock, 0, 0, NULL), 0);

  uvshm__core_reset(&bob->core, UVSHM_KIND_SEGMENT);
  memset(fake.claimed_by, 0, sizeof(fake.claimed_by));
  fake_kill(alice);
  fake_kill(bob);
  bob = fake_join(&fake, 2);
  assert_int_equal(check_all(bob), 0);
  assert_int_equal(uvshm__lane_used(&bob->core), 0);
  assert_int_equal(uvshm__reap_all(&bob->core), 0);
  assert_int_equal(uvshm__lane_claim(&bob->core, &b), 0);
  assert_int_equal(uvshm__lock_acquire(&b, lock, 0, 0, NULL), UVSHM_OWNER_DIED);
  lock = uvshm__directory_body(&bob->core, free_ref.index);
  assert_int_equal(uvshm__lock_acquire(&b, lock, 0, 0, NULL), 0);
  assert_int_equal(uvshm__directory_used(&bob->core), 2);
}

/* ---- garbage ------------------------------------------------------------- */

/* Whatever the bytes are, every call comes back. The waits are short: a lock
 * that garbage gives to a live lane is as good as held. */
static void use_everything(struct fake_peer* peer) {
  struct uvshm__core* core = &peer->core;
  struct uvshm__directory_spec spec = {"new", 3, UVSHM__TYPE_SEM, 0, NULL, {0}};
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_facts facts;
  struct uvshm__directory_ref ref;
  struct uvshm__lock_facts lock_facts;
  struct uvshm__peer_facts peer_facts;
  struct uvshm__lane lane;
  struct uvshm__lock* lock;
  uint32_t cursor = 0;
  uint32_t slot;
  int made;

  spec.body = body;
  for (slot = 0; slot < core->peers_max; slot++)
    uvshm__peer_read(core, slot, &peer_facts);
  uvshm__core_check(core, UVSHM_KIND_SEGMENT);
  while (uvshm__directory_next(core, &cursor, &facts) == 0) {
    assert_true(strlen(facts.name) <= 200);
    lock = uvshm__directory_body(core, facts.ref.index);
    uvshm__lock_read(core, lock, &lock_facts);
  }
  if (uvshm__lane_claim(core, &lane) < 0) return;
  if (uvshm__directory_make(&lane, &spec, 2, &ref, &made) == 0 &&
      uvshm__directory_open(core, &ref) == 0)
    uvshm__directory_close(core, ref.index);
  for (cursor = 0; uvshm__directory_next(core, &cursor, &facts) == 0;) {
    lock = uvshm__directory_body(core, facts.ref.index);
    if (uvshm__lock_acquire(&lane, lock, 0, 0, NULL) >= 0) {
      uvshm__lock_log(lock, 0, fake_cell_offset(0), 8, 1);
      uvshm__lock_commit(core, lock, 1);
      uvshm__lock_release(&lane, lock);
    }
    uvshm__lock_acquire(&lane, lock, 1, UVSHM__LOCK_RECURSIVE, NULL);
    uvshm__sem_try((struct uvshm__sem*) lock);
    uvshm__sem_post(core, (struct uvshm__sem*) lock, 1);
    uvshm__directory_remove(core, facts.name, facts.name_size);
  }
  uvshm__core_mend(&lane, UVSHM_KIND_SEGMENT);
  uvshm__lane_exit(&lane);
  uvshm__reap_all(core);
}


/* Numbers that are nearly right do more harm than any others. */
static uint32_t nearly(uint64_t* seed) {
  static const uint32_t values[] = {0,
                                    1,
                                    2,
                                    3,
                                    0xfff,
                                    0x1001,
                                    0x40000000,
                                    0x80000001,
                                    0xffffffff,
                                    8,
                                    64,
                                    2049};

  if (fake_random(seed) % 2 == 0) return (uint32_t) fake_random(seed);
  return values[fake_random(seed) % (sizeof(values) / sizeof(values[0]))];
}


static void no_garbage_crashes_or_hangs(void** state) {
  uint64_t seed = fake_seed();
  uint64_t end = uv_hrtime() + UINT64_C(3000000000);
  unsigned char* clean = malloc(fake.control.control_size);
  struct fake_peer* alice = fake_join(&fake, 0);
  struct fake_peer* bob = fake_join(&fake, 1);
  struct uvshm__lane lane;
  uint32_t words = fake.control.control_size / 4;
  uint32_t used = fake.control.objects_offset + FAKE_OBJECTS * 512;
  uint32_t round;
  uint32_t i;

  (void) state;
  assert_non_null(clean);
  assert_int_equal(uvshm__lane_claim(&alice->core, &lane), 0);
  make_mutex(&lane, "one");
  make_mutex(&lane, "two");
  memcpy(clean, fake.memory, fake.control.control_size);
  for (round = 0; round < 20000 && uv_hrtime() < end; round++) {
    uint32_t count = 1u << (round % 12);

    memcpy(fake.memory, clean, fake.control.control_size);
    for (i = 0; i < count; i++) {
      uint32_t at = 128 + (uint32_t) (fake_random(&seed) % (used / 4 - 128));

      if (at < words)
        uvshm__a32_store_relaxed((uvshm__a32_t*) fake.memory + at,
                                 nearly(&seed));
    }
    fake.peers[0].alive = round % 2;
    use_everything(bob);
    /* A slot that garbage took from bob: he would be told to close. */
    if (!uvshm__peer_is_ours(&bob->core)) continue;
    use_everything(bob);
  }
  print_message("%u images of garbage\n", round);
  memcpy(fake.memory, clean, fake.control.control_size);
  assert_int_equal(check_all(bob), 0);
  free(clean);
}


static uvshm__a32_t stop;


static void scribble(void* arg) {
  uint64_t seed = *(uint64_t*) arg;
  uint32_t used = fake.control.objects_offset + FAKE_OBJECTS * 512;
  uint32_t at;

  while (uvshm__a32_load_relaxed(&stop) == 0) {
    at = 128 + (uint32_t) (fake_random(&seed) % (used / 4 - 128));
    uvshm__a32_store_relaxed((uvshm__a32_t*) fake.memory + at, nearly(&seed));
    if (fake_random(&seed) % 8 == 0) uv_sleep(0);
  }
}


/* The bytes change between two looks at them. */
static void nobody_who_writes_meanwhile_crashes_or_hangs_us(void** state) {
  uint64_t seed = fake_seed();
  uint64_t end = uv_hrtime() + UINT64_C(2000000000);
  unsigned char* clean = malloc(fake.control.control_size);
  struct fake_peer* bob = fake_join(&fake, 1);
  uv_thread_t thread;
  uint32_t i;

  (void) state;
  assert_non_null(clean);
  memcpy(clean, fake.memory, fake.control.control_size);
  uvshm__a32_store_relaxed(&stop, 0);
  assert_int_equal(uv_thread_create(&thread, scribble, &seed), 0);
  while (uv_hrtime() < end) {
    for (i = 0; i < fake.control.control_size / 8; i++)
      uvshm__a64_store_relaxed((uvshm__a64_t*) fake.memory + i,
                               ((const uint64_t*) clean)[i]);
    use_everything(bob);
  }
  uvshm__a32_store_relaxed(&stop, 1);
  uv_thread_join(&thread);
  free(clean);
}


int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
  const struct CMUnitTest tests[] = {
      CASE(a_lock_of_its_own_takes_one_granule),
      CASE(a_region_has_its_bytes_behind_one_granule),
      CASE(the_largest_tables_fit),
      CASE(sizes_that_cannot_be_are_refused),
      CASE(what_was_written_is_read),
      CASE(without_its_magic_it_is_not_ours),
      CASE(another_format_is_named),
      CASE(every_damaged_field_is_found),
      CASE(a_cut_object_is_found),
      CASE(no_header_of_garbage_gives_a_table_outside),
      CASE(check_says_what_is_wrong),
      CASE(mending_clears_what_names_nobody),
      CASE(lanes_that_name_nobody_are_given_out_again),
      CASE(after_a_reboot_nobody_is_there),
      CASE(no_garbage_crashes_or_hangs),
      CASE(nobody_who_writes_meanwhile_crashes_or_hangs_us),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
