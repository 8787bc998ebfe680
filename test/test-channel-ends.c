/* SPDX-License-Identifier: MIT */

/* Ends of a channel on plain memory: taking one that a repairer is giving back,
 * and ends that are damaged. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/channel.h"
#include "core/contents.h"
#include "core/directory.h"
#include "core/lane.h"
#include "fake.h"

#include <string.h>

#define TEST(sentence) static void sentence(void** state)

/* The peers. */
#define READER 0u
#define WRITER 1u
#define REPAIRER 2u
#define NEXT 3u /* wants to be the next writer */
#define PEERS 4u

#define REPAIR_TIME UINT64_C(1000)

static struct fake fake;
static struct uvshm__directory_ref ref;
static struct uvshm__lane lanes[PEERS];
static struct uvshm__channel channels[PEERS];
static struct uvshm__channel_end ends[PEERS];


static void make_channel(void) {
  struct uvshm__channel_facts facts;
  struct uvshm__directory_spec spec;
  struct uvshm__channel_hdr body;
  int made = 0;

  memset(&facts, 0, sizeof(facts));
  memset(&spec, 0, sizeof(spec));
  facts.kind = UVSHM__CHANNEL_STREAM;
  facts.size_max = 100;
  facts.writers = 1;
  facts.readers = 1;
  facts.loans = 1;
  assert_int_equal(uvshm__channel_plan(&facts, 10, 0), 0);
  assert_int_equal(
      uvshm__channel_format(&lanes[0], &facts, &body, &spec.blocks[0]), 0);
  spec.name = "ends";
  spec.name_size = 4;
  spec.type = UVSHM__TYPE_CHANNEL;
  spec.body = &body;
  assert_int_equal(uvshm__directory_make(&lanes[0], &spec, 100, &ref, &made),
                   0);
}


static int set_up(void** state) {
  struct uvshm__core* core;
  uint32_t i;

  (void) state;
  memset(lanes, 0, sizeof(lanes));
  memset(ends, 0, sizeof(ends));
  fake_make_sized(&fake, UVSHM_KIND_SEGMENT, 1 << 16, 1 << 16);
  for (i = 0; i < PEERS; i++) {
    fake_join(&fake, i);
    core = &fake.peers[i].core;
    assert_int_equal(uvshm__lane_claim(core, &lanes[i]), 0);
    if (i == 0) make_channel();
    assert_int_equal(uvshm__directory_open(core, &ref), 0);
    assert_int_equal(
        uvshm__channel_attach(
            core, uvshm__directory_body(core, ref.index), &channels[i]),
        0);
    ends[i].channel = &channels[i];
    ends[i].writer = i != READER;
  }
  assert_int_equal(uvshm__channel_join(&lanes[READER], &ends[READER], 0), 0);
  assert_int_equal(uvshm__channel_join(&lanes[WRITER], &ends[WRITER], 0), 0);
  return 0;
}


static int tear_down(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}


static uint32_t was(void) {
  return uvshm__a32_load_acquire(&channels[READER].front->writers) &
         UVSHM__CHANNEL_WAS;
}


/* The next writer tries for `timeout_ms`: how long that took. */
static uint64_t join_next(uint64_t timeout_ms, int expected) {
  uint64_t begun = uv_hrtime();

  assert_int_equal(uvshm__channel_join(&lanes[NEXT], &ends[NEXT], timeout_ms),
                   expected);
  return (uv_hrtime() - begun) / 1000000;
}


/* The writer is killed; the repairer has its slot and does no more. */
static void stop_in_repair(void) {
  struct uvshm__core* core = &fake.peers[REPAIRER].core;

  fake_kill(&fake.peers[WRITER]);
  assert_int_equal(core->env->claim(core->env_arg, WRITER), 0);
  uvshm__a64_store_release(&uvshm__core_peer(core, WRITER)->state,
                           UVSHM__PEER_REAPING);
}


TEST(join_waits_for_a_repairer_as_long_as_it_is_told_to) {
  (void) state;
  stop_in_repair();
  assert_true(join_next(0, UV_ETIMEDOUT) < REPAIR_TIME);
  assert_true(join_next(100, UV_ETIMEDOUT) >= 99);
  assert_true(join_next(2600, UV_ETIMEDOUT) >= 2599);
}


TEST(join_does_not_wait_for_an_end_that_the_living_have) {
  (void) state;
  assert_true(join_next(60000, UV_EBUSY) < 60000);
}


TEST(join_repairs_itself_when_the_repairer_is_killed) {
  (void) state;
  stop_in_repair();
  fake_kill(&fake.peers[REPAIRER]);
  assert_true(join_next(60000, 0) < 60000);
  assert_int_equal(was(), UVSHM__CHANNEL_OPEN);
}

/* ---- damage -------------------------------------------------------------- */

static uvshm__a64_t* owner_of_writer(void) {
  return &ends[WRITER].ent->owner;
}


/* What the next receive says, when there is no message. */
static int reader_is_told(void) {
  uvshm_message_t message = {0};
  unsigned char bytes[100];
  size_t one = 1;

  message.bytes = bytes;
  message.size = sizeof(bytes);
  return uvshm__channel_recv(&ends[READER], &message, &one);
}


TEST(a_damaged_end_that_is_mended_counts_as_died) {
  uint64_t owner = uvshm__a64_load_relaxed(owner_of_writer());

  (void) state;
  assert_int_equal(reader_is_told(), UV_EAGAIN);
  uvshm__a64_store_relaxed(owner_of_writer(), owner | 0xff);
  assert_int_equal(uvshm__channel_check(&fake.peers[READER].core, &ref),
                   UV_EPROTO);
  assert_int_not_equal(
      uvshm__channel_mend(
          &lanes[NEXT],
          uvshm__directory_body(&fake.peers[NEXT].core, ref.index)),
      0);
  assert_int_equal(uvshm__channel_check(&fake.peers[READER].core, &ref), 0);
  assert_int_equal(was(), UVSHM__CHANNEL_DIED);
  assert_int_equal(reader_is_told(), UV_ECONNRESET);
}


/* Of what it mends the entry is first, the word second. */
TEST(the_word_is_set_by_others_when_who_mends_is_killed) {
  uint64_t owner = uvshm__a64_load_relaxed(owner_of_writer());

  (void) state;
  uvshm__a64_store_relaxed(owner_of_writer(),
                           (owner >> 32 << 32) | UVSHM__END_DEAD);
  assert_int_equal(was(), UVSHM__CHANNEL_OPEN);
  assert_int_equal(uvshm__channel_tend(&lanes[NEXT], &channels[NEXT]), 1);
  assert_int_equal(was(), UVSHM__CHANNEL_DIED);
  assert_int_equal(reader_is_told(), UV_ECONNRESET);
}


TEST(mending_one_of_two_ends_leaves_the_other_its_word) {
  (void) state;
  uvshm__a64_store_relaxed(
      &ends[READER].ent->owner,
      uvshm__a64_load_relaxed(&ends[READER].ent->owner) | 0xff);
  assert_int_not_equal(
      uvshm__channel_mend(
          &lanes[NEXT],
          uvshm__directory_body(&fake.peers[NEXT].core, ref.index)),
      0);
  assert_int_equal(was(), UVSHM__CHANNEL_OPEN);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(
          join_waits_for_a_repairer_as_long_as_it_is_told_to,
          set_up,
          tear_down),
      cmocka_unit_test_setup_teardown(
          join_does_not_wait_for_an_end_that_the_living_have,
          set_up,
          tear_down),
      cmocka_unit_test_setup_teardown(
          join_repairs_itself_when_the_repairer_is_killed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(
          a_damaged_end_that_is_mended_counts_as_died, set_up, tear_down),
      cmocka_unit_test_setup_teardown(
          the_word_is_set_by_others_when_who_mends_is_killed,
          set_up,
          tear_down),
      cmocka_unit_test_setup_teardown(
          mending_one_of_two_ends_leaves_the_other_its_word,
          set_up,
          tear_down)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
