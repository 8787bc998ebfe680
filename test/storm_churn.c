/* SPDX-License-Identifier: MIT */

/* Objects that come and go: made, opened, grown, closed and unlinked by several
 * at once, so that deaths hit makers, joiners, leavers and those who remove a
 * name. There are few names, so that they meet. */

#include "storm.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define NAMES 2u
#define ANY (STORM_REGIONS - 1)
#define WINDOW 256u

/* The name of no region. */
#define NO_REGION UINT32_MAX

_Static_assert(STORM_REGIONS == NAMES + 1, "and one for all kinds");


static uint32_t some_flags(struct storm_actor* actor) {
  static const uint32_t flags[] = {UVSHM_CREATE,
                                   UVSHM_CREATE,
                                   UVSHM_CREATE | UVSHM_KEEP,
                                   UVSHM_CREATE | UVSHM_EXCLUSIVE,
                                   0,
                                   0};

  return flags[storm_below(&actor->random, 6)];
}


static int one_in(struct storm_actor* actor, uint32_t count) {
  return storm_below(&actor->random, count) == 0;
}


static void check_region(struct storm_actor* actor,
                         uvshm_region_t* region,
                         const char* name) {
  const char* wrong = storm_region_check(region, &actor->random, WINDOW);

  if (wrong != NULL) storm_fail(actor, "region %s: %s", name, wrong);
}


static void use_region(struct storm_actor* actor,
                       uvshm_region_t* region,
                       const char* name) {
  uvshm__a64_t* words = uvshm_region_base(region);
  uint64_t number;
  uint64_t size;

  check_region(actor, region, name);
  storm_region_fill(region, storm_random(&actor->random));
  number = uvshm__a64_load_acquire(&words[0]);
  size = uvshm_region_size(region) + storm_below(&actor->random, 90000);
  if (storm_expect(actor,
                   "uvshm_region_grow",
                   uvshm_region_grow(region, size),
                   UV_ENOSPC,
                   0,
                   0,
                   0) == 0) {
    storm_count(actor, STORM_COUNT_GROWN);
    if (uvshm_region_size(region) < size)
      storm_fail(actor, "region %s: grown, and smaller than that", name);
    check_region(actor, region, name);
    storm_region_fill(region, number);
  }
  if (one_in(actor, 4)) uv_sleep(storm_below(&actor->random, 3));
  check_region(actor, region, name);
  if (uvshm__a64_load_acquire(&words[0]) != number)
    storm_fail(actor, "region %s: became another one while open", name);
}


static void unlink_some(struct storm_actor* actor,
                        const char* name,
                        uint32_t number) {
  int err;

  if (!one_in(actor, 3)) return;
  if (number != NO_REGION) storm_unlink_begin(actor, number);
  err = uvshm_name_unlink(name, 0);
  if (number != NO_REGION) storm_unlink_end(actor);
  if (storm_expect(actor, "uvshm_name_unlink", err, UV_ENOENT, 0, 0, 0) == 0)
    storm_count(actor, STORM_COUNT_UNLINKED);
}


/* While we have a region open, and nobody unlinks it, its name leads to it. */
static void meet(struct storm_actor* actor,
                 uvshm_region_t* region,
                 const char* name,
                 uint32_t number,
                 uint64_t unlinks) {
  uvshm__a64_t* words = uvshm_region_base(region);
  uint64_t value = uvshm__a64_load_acquire(&words[0]);
  uint64_t other = 0;
  uvshm_region_t* again;
  int err = uvshm_region_open(&again, name, NULL);

  if (err == 0) {
    other = uvshm__a64_load_acquire(uvshm_region_base(again));
    uvshm_region_close(again);
  }
  if (unlinks == 0 || storm_unlinks(actor->board, number) != unlinks) return;
  if (err < 0)
    storm_fail(actor,
               "region %s is open and was not unlinked, and its name says: %s",
               name,
               uvshm_strerror(err));
  if (other != value)
    storm_fail(actor,
               "region %s is open and was not unlinked, and its name leads to "
               "another one",
               name);
}


static void region(struct storm_actor* actor,
                   const char* name,
                   uint32_t number) {
  uvshm_region_options_t options;
  uvshm_region_t* region = NULL;
  uint64_t unlinks = storm_unlinks(actor->board, number);
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = some_flags(actor);
  if (options.flags != 0) {
    options.size = 16 + storm_below(&actor->random, 70000);
    options.max_size = options.size + storm_below(&actor->random, 500000);
  }
  /* ENOSPC: it is there, and smaller than what we asked for. */
  err = storm_expect(actor,
                     "uvshm_region_open",
                     uvshm_region_open(&region, name, &options),
                     options.flags & UVSHM_CREATE ? 0 : UV_ENOENT,
                     options.flags & UVSHM_EXCLUSIVE ? UV_EEXIST : 0,
                     UV_ENOSPC,
                     UV_EPROTOTYPE);
  if (err == 0) {
    storm_count(
        actor,
        options.flags & UVSHM_EXCLUSIVE ? STORM_COUNT_MADE : STORM_COUNT_OPENS);
    use_region(actor, region, name);
    meet(actor, region, name, number, unlinks);
    if (one_in(actor, 2)) unlink_some(actor, name, number);
    uvshm_region_close(region);
  }
  unlink_some(actor, name, number);
}


void storm_churn_region(struct storm_actor* actor) {
  uint32_t number = storm_below(&actor->random, NAMES);

  region(actor, storm_name(actor, "region", number), number);
}


/* Lock and unlock, where the lock may be removed at any time. */
static void use_mutex(struct storm_actor* actor, uvshm_mutex_t* mutex) {
  int err = storm_expect(actor,
                         "uvshm_mutex_lock",
                         uvshm_mutex_lock(mutex, STORM_PATIENCE_MS),
                         UV_ENXIO,
                         0,
                         0,
                         0);

  if (err < 0) return;
  if (one_in(actor, 8)) uv_sleep(storm_below(&actor->random, 2));
  if (one_in(actor, 16)) return; /* left to its close */
  storm_expect(
      actor, "uvshm_mutex_unlock", uvshm_mutex_unlock(mutex), 0, 0, 0, 0);
}


static void mutex(struct storm_actor* actor,
                  uvshm_segment_t* segment,
                  const char* name) {
  uvshm_mutex_options_t options;
  uvshm_mutex_t* mutex = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  if (segment == NULL && one_in(actor, 4)) options.flags = UVSHM_KEEP;
  if (one_in(actor, 4)) options.flags = UVSHM_EXISTING;
  err = storm_expect(actor,
                     "uvshm_mutex_open",
                     uvshm_mutex_open(&mutex, segment, name, &options),
                     options.flags & UVSHM_EXISTING ? UV_ENOENT : 0,
                     UV_EPROTOTYPE,
                     0,
                     0);
  if (err == 0) {
    storm_count(actor, STORM_COUNT_OPENS);
    use_mutex(actor, mutex);
    uvshm_mutex_close(mutex);
  }
}


void storm_churn_mutex(struct storm_actor* actor) {
  const char* name =
      storm_name(actor, "mutex", storm_below(&actor->random, NAMES));

  mutex(actor, NULL, name);
  unlink_some(actor, name, NO_REGION);
}


/* Found or made, locked and removed in a segment. */
static void directory(struct storm_actor* actor, uvshm_segment_t* segment) {
  const char* name =
      storm_name(actor, "lock", storm_below(&actor->random, NAMES));

  mutex(actor, segment, name);
  if (one_in(actor, 3))
    storm_expect(actor,
                 "uvshm_mutex_unlink",
                 uvshm_mutex_unlink(segment, name, 0),
                 UV_ENOENT,
                 0,
                 0,
                 0);
}


void storm_churn_directory(struct storm_actor* actor) {
  directory(actor, actor->segment);
}


static void segment(struct storm_actor* actor,
                    const char* name,
                    uint32_t number) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = some_flags(actor);
  options.max_size = 1 << 20;
  options.objects = 8;
  err = storm_expect(actor,
                     "uvshm_segment_open",
                     uvshm_segment_open(&segment, name, &options),
                     options.flags & UVSHM_CREATE ? 0 : UV_ENOENT,
                     options.flags & UVSHM_EXCLUSIVE ? UV_EEXIST : 0,
                     UV_EPROTOTYPE,
                     0);
  if (err == 0) {
    storm_count(actor, STORM_COUNT_OPENS);
    directory(actor, segment);
    if (one_in(actor, 2))
      storm_expect(
          actor,
          "uvshm_segment_grow",
          uvshm_segment_grow(segment, storm_below(&actor->random, 1 << 20)),
          0,
          0,
          0,
          0);
    storm_expect(
        actor, "uvshm_segment_check", uvshm_segment_check(segment), 0, 0, 0, 0);
    uvshm_segment_close(segment);
  }
  unlink_some(actor, name, number);
}


void storm_churn_segment(struct storm_actor* actor) {
  segment(actor,
          storm_name(actor, "segment", storm_below(&actor->random, NAMES)),
          NO_REGION);
}


/* One name for all kinds. */
void storm_churn_any(struct storm_actor* actor) {
  const char* name = storm_name(actor, "any", 0);

  switch (storm_below(&actor->random, 3)) {
    case 0:
      region(actor, name, ANY);
      break;
    case 1:
      segment(actor, name, ANY);
      break;
    default:
      mutex(actor, NULL, name);
      unlink_some(actor, name, ANY);
  }
}


/* Looking from outside, and clearing away what is stale, harm nobody. */
void storm_churn_names(struct storm_actor* actor) {
  static const char* const stems[] = {"region", "mutex", "segment", "any"};
  const char* name = storm_name(actor,
                                stems[storm_below(&actor->random, 4)],
                                storm_below(&actor->random, NAMES));
  uvshm_name_info_t info;
  uvshm_names_t* names;

  if (one_in(actor, 8)) {
    storm_expect(
        actor, "uvshm_names_open", uvshm_names_open(&names, 0), 0, 0, 0, 0);
    while (uvshm_names_next(names, &info) == 0) continue;
    uvshm_names_close(names);
  }
  storm_expect(actor,
               "uvshm_name_info",
               uvshm_name_info(name, 0, &info),
               UV_ENOENT,
               0,
               0,
               0);
  storm_expect(actor,
               "uvshm_name_gc",
               uvshm_name_gc(name, 0),
               UV_ENOENT,
               UV_EBUSY,
               0,
               0);
}
