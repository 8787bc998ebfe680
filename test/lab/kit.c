/* SPDX-License-Identifier: MIT */

/* The lab on a real segment: three handles in one process are three peers, and
 * what the kernel would say of them is said here (alive, claim, unclaim), since
 * this process does not die. All else is the library as it is.
 *
 * What a handle keeps in private memory stays right while the segment's bytes
 * come and go, because between two trials no survivor holds a lock or has more
 * open than before the operation. So when a trial ends in the middle of the
 * caller's code, which may leave that untrue, the search is over (once).
 */

#include "uvshm/crash.h"

#include "base/error.h"
#include "core/control_layout.h"
#include "object/attach.h"
#include "object/lanes.h"
#include "object/segment.h"
#include "lab/lab.h"
#include "uvshm/error.h"

#include <stdio.h>
#include <string.h>

#define PEERS 3 /* enum lab_who */

static struct {
  const uvshm_crash_t* test;
  uvshm_segment_t* segments[PEERS];
  struct uvshm__attach* attaches[PEERS];
  struct uvshm__env env;        /* ours */
  const struct uvshm__env* was; /* the library's */
} kit;

/* What a kernel knows. */
static struct {
  uint32_t dead[PEERS];
  uint32_t claimed_by[PEERS]; /* 1 + who repairs after it */
} kernel;

/* ---- the kernel's word --------------------------------------------------- */

/* Which of ours has the slot; PEERS: none. */
static uint32_t find_slot(uint32_t slot) {
  uint32_t i;

  for (i = 0; i < PEERS; i++)
    if (kit.attaches[i]->core.slot == slot) break;
  return i;
}


static uint32_t find_attach(const void* attach) {
  uint32_t i;

  for (i = 0; i < PEERS; i++)
    if (kit.attaches[i] == attach) break;
  return i;
}


static int env_alive(void* arg, uint32_t slot) {
  uint32_t who = find_slot(slot);

  if (who == PEERS) return kit.was->alive(arg, slot);
  return !kernel.dead[who] || kernel.claimed_by[who] != 0;
}


static int env_claim(void* arg, uint32_t slot) {
  uint32_t who = find_slot(slot);

  if (who == PEERS) return kit.was->claim(arg, slot);
  if (!kernel.dead[who] || kernel.claimed_by[who] != 0) return UV_EBUSY;
  kernel.claimed_by[who] = 1 + find_attach(arg);
  return 0;
}


static void env_unclaim(void* arg, uint32_t slot) {
  uint32_t who = find_slot(slot);

  if (who == PEERS)
    kit.was->unclaim(arg, slot);
  else
    kernel.claimed_by[who] = 0;
}


static void rewire(void) {
  uint32_t i;

  kit.was = kit.attaches[0]->core.env;
  kit.env = *kit.was;
  kit.env.alive = env_alive;
  kit.env.claim = env_claim;
  kit.env.unclaim = env_unclaim;
  for (i = 0; i < PEERS; i++) kit.attaches[i]->core.env = &kit.env;
}

/* ---- what the lab calls -------------------------------------------------- */

static void build(void* world) {
  const struct uvshm__attach* attach = kit.attaches[LAB_ACTOR];
  const uvshm_crash_t* test = kit.test;
  uint32_t i;

  (void) world;
  if (test->before != NULL) test->before(kit.segments[LAB_ACTOR], test->data);
  lab_image_growing(attach->core.base,
                    (size_t) uvshm__attach_committed(attach),
                    (size_t) attach->core.reach);
  for (i = 1; i < PEERS; i++) lab_image_alias(kit.attaches[i]->core.base);
  lab_private(&kernel, sizeof(kernel));
  lab_stop_at_first();
  if (test->data_size != 0) lab_private(test->data, test->data_size);
}


static void run(void* world) {
  (void) world;
  kit.test->run(kit.segments[LAB_ACTOR], kit.test->data);
}


static void die(void* world, enum lab_who who) {
  uint32_t i;

  (void) world;
  kernel.dead[who] = 1;
  for (i = 0; i < PEERS; i++)
    if (kernel.claimed_by[i] == 1 + (uint32_t) who) kernel.claimed_by[i] = 0;
}


static void repair(void* world, enum lab_who who) {
  int err = uvshm_segment_repair(kit.segments[who], NULL);

  (void) world;
  lab_check(err == 0, "repair: %s", uvshm__error_text());
  if (kit.test->repair != NULL)
    kit.test->repair(kit.segments[who], kit.test->data);
}


static void verify(void* world, uint32_t done) {
  uvshm_segment_t* segment = kit.segments[LAB_SECOND];

  (void) world;
  lab_check(uvshm_segment_check(segment) == 0, "%s", uvshm__error_text());
  kit.test->after(segment, kit.test->data, done);
}

/* ---- what the caller calls ----------------------------------------------- */

void uvshm_crash_commit(void) {
  lab_done();
}


void uvshm_crash_abort(const char* sentence) {
  lab_check(0, "%s", sentence);
}


static void close_all(void) {
  uint32_t i;

  for (i = PEERS; i-- > 0;) uvshm_segment_close(kit.segments[i]);
  memset(&kit, 0, sizeof(kit));
}


/* Every survivor has its lane before the operation begins, so that having one
 * belongs to every state. */
static int open_all(const uvshm_crash_t* test) {
  uvshm_segment_options_t options;
  struct uvshm__lane* lane;
  char name[64];
  uint32_t i;
  int err;

  memset(&options, 0, sizeof(options));
  if (test->options != NULL) options = *test->options;
  options.label = NULL;
  snprintf(name,
           sizeof(name),
           "uvshm-crash-%lld-%llx",
           (long long) uv_os_getpid(),
           (unsigned long long) uv_hrtime());
  for (i = 0; i < PEERS; i++) {
    options.flags = i == 0 ? UVSHM_CREATE | UVSHM_EXCLUSIVE : 0;
    err = uvshm_segment_open(&kit.segments[i], name, &options);
    if (err < 0) return err;
    kit.attaches[i] = uvshm__segment_attach(kit.segments[i]);
    err = uvshm__lane_get(kit.attaches[i], &lane);
    if (err < 0) return err;
  }
  return 0;
}


int uvshm_crash_check(const uvshm_crash_t* test, uvshm_crash_info_t* info) {
  struct lab_case op = {
      test->name, build, run, die, repair, verify, NULL, NULL};
  struct lab_result result;
  int err;

  memset(info, 0, sizeof(*info));
  if (test->flags != 0 || test->run == NULL || test->after == NULL)
    return uvshm__fail(UV_EINVAL,
                       "a crash test needs run and after, and has no flags");
  if (!lab_sees_plain_stores())
    return uvshm__fail(UV_ENOTSUP,
                       "this build of uvshm_crash does not see plain stores");
  if (op.name == NULL) op.name = "operation";
  kit.test = test;
  err = open_all(test);
  if (err < 0) {
    close_all();
    return err;
  }
  memset(&kernel, 0, sizeof(kernel));
  rewire();
  lab_run(&op, NULL, &result);
  close_all();

  info->stores = result.stores;
  info->states = result.states;
  info->second = result.second;
  info->wrong = result.wrong;
  memcpy(info->text, result.first, sizeof(info->text));
  if (result.wrong != 0) return uvshm__fail(UV_EPROTO, "%s", result.first);
  return 0;
}
