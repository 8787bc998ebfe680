/* SPDX-License-Identifier: MIT */

/* uvshm create: an object that outlives the command.
 *
 * It is made exclusively first, because only so can it be told whether it was
 * made or found.
 */

#include "commands.h"
#include "names.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>

#include <uv.h>

#define SIZE_DEFAULT 65536


static uint32_t flags_of(const struct args* args) {
  uint32_t flags = names_flags(args);
  if (args->given[OPT_KEEP]) flags |= UVSHM_KEEP;
  return flags;
}


/* One that is there already may have any size, unless one was asked for. */
static uint64_t size_of(const struct args* args, uint32_t how) {
  if (args->given[OPT_SIZE]) return args->number[OPT_SIZE];
  return how & UVSHM_EXCLUSIVE ? SIZE_DEFAULT : 0;
}


static int make_region(const struct args* args, uint32_t how) {
  uvshm_region_t* region;
  uvshm_region_options_t options = {.flags = flags_of(args) | how,
                                    .mode = (uint32_t) args->number[OPT_MODE],
                                    .size = size_of(args, how),
                                    .max_size = args->number[OPT_MAX],
                                    .group = args->text[OPT_GROUP],
                                    .sddl = args->text[OPT_SDDL],
                                    .label = "uvshm create"};
  int err = uvshm_region_open(&region, names_at(args->operands[0]), &options);
  if (err >= 0) uvshm_region_close(region);
  return err;
}


static int make_segment(const struct args* args, uint32_t how) {
  uvshm_segment_t* segment;
  uvshm_segment_options_t options = {.flags = flags_of(args) | how,
                                     .mode = (uint32_t) args->number[OPT_MODE],
                                     .size = size_of(args, how),
                                     .max_size = args->number[OPT_MAX],
                                     .group = args->text[OPT_GROUP],
                                     .sddl = args->text[OPT_SDDL],
                                     .label = "uvshm create"};
  int err = uvshm_segment_open(&segment, names_at(args->operands[0]), &options);
  if (err >= 0) uvshm_segment_close(segment);
  return err;
}


/* A lock is found or made anyway, and does not know UVSHM_CREATE. */
static int make_mutex(const struct args* args, uint32_t how) {
  uvshm_mutex_t* mutex;
  uint32_t recursive = args->given[OPT_RECURSIVE] ? UVSHM_MUTEX_RECURSIVE : 0;
  uvshm_mutex_options_t options = {
      .flags = flags_of(args) | (how & UVSHM_EXCLUSIVE) | recursive,
      .mode = (uint32_t) args->number[OPT_MODE],
      .group = args->text[OPT_GROUP],
      .sddl = args->text[OPT_SDDL],
      .label = "uvshm create"};
  int err =
      uvshm_mutex_open(&mutex, NULL, names_at(args->operands[0]), &options);
  if (err >= 0) uvshm_mutex_close(mutex);
  return err;
}


static int make_sem(const struct args* args, uint32_t how) {
  uvshm_sem_t* sem;
  uvshm_sem_options_t options = {
      .flags = flags_of(args) | (how & UVSHM_EXCLUSIVE),
      .value = (uint32_t) args->number[OPT_VALUE],
      .mode = (uint32_t) args->number[OPT_MODE],
      .group = args->text[OPT_GROUP],
      .sddl = args->text[OPT_SDDL],
      .label = "uvshm create"};
  int err = uvshm_sem_open(&sem, NULL, names_at(args->operands[0]), &options);
  if (err >= 0) uvshm_sem_close(sem);
  return err;
}


/* What does not go together, before anything is made. */
static int check(const struct args* args) {
  const bool* given = args->given;
  bool file = given[OPT_FILE] || given[OPT_MANAGED];
  bool lock = given[OPT_MUTEX] || given[OPT_SEM];
  int code = names_check_flags(args);
  if (code != 0) return code;
  if (given[OPT_SEGMENT] + given[OPT_MUTEX] + given[OPT_SEM] > 1)
    return report_usage(args->command,
                        "choose one of --segment, --mutex, --sem");
  if (given[OPT_SEGMENT] && given[OPT_FILE] && !given[OPT_MANAGED])
    return report_usage(args->command, "a segment in a file needs --managed");
  if (given[OPT_VALUE] && !given[OPT_SEM])
    return report_usage(args->command, "--value is for --sem");
  if (given[OPT_RECURSIVE] && !given[OPT_MUTEX])
    return report_usage(args->command, "--recursive is for --mutex");
  if (given[OPT_FOREIGN] &&
      (lock || given[OPT_SEGMENT] || given[OPT_KEEP] || given[OPT_MAX]))
    return report_usage(args->command,
                        "other programs know plain bytes of one size: drop "
                        "--keep, --max and what else it should be");
  if (lock && (file || given[OPT_SIZE] || given[OPT_MAX]))
    return report_usage(args->command, "a lock has no size and no file");
  if (given[OPT_MAX] && args->number[OPT_MAX] < size_of(args, UVSHM_EXCLUSIVE))
    return report_usage(args->command, "--max is less than the size");
  if (file && given[OPT_KEEP])
    return report_usage(args->command, "a file stays anyway: drop --keep");
  if (given[OPT_FOREIGN] && on_windows())
    return report_usage(args->command,
                        "on Windows it would be gone when this command ends");
  if (!file && !given[OPT_FOREIGN] && !given[OPT_KEEP])
    return report_usage(args->command,
                        "it would be gone when this command ends, because "
                        "nobody else uses it: add --keep");
  return 0;
}


int cmd_create(const struct args* args) {
  int (*make)(const struct args*, uint32_t) = make_region;
  const char* kind = "region";
  if (args->given[OPT_SEGMENT]) {
    make = make_segment;
    kind = "segment";
  } else if (args->given[OPT_MUTEX]) {
    make = make_mutex;
    kind = "mutex";
  } else if (args->given[OPT_SEM]) {
    make = make_sem;
    kind = "semaphore";
  }
  int code = check(args);
  if (code != 0) return code;

  int err = make(args, UVSHM_CREATE | UVSHM_EXCLUSIVE);
  bool found = err == UV_EEXIST && !args->given[OPT_EXCLUSIVE];
  if (found) err = make(args, 0);
  if (err < 0) return report(err);

  char* name = text_escape(args->operands[0]);
  mention(found ? "the %s \"%s\" was there already" : "made the %s \"%s\"",
          kind,
          name);
  free(name);
  return EXIT_OK;
}
