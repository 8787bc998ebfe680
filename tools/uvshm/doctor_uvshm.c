/* SPDX-License-Identifier: MIT */

/* uvshm itself: does a region work here, is a death noticed, what is left of
 * earlier ones? A small region and two processes are made for it and are gone
 * again at the end.
 */

#include "demo.h"
#include "doctor.h"
#include "ls_foreign.h"
#include "names.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>
#include <uvshm.h>


void doctor_objects(struct doctor* doctor) {
  uvshm_name_info_t* list = NULL;
  size_t count = 0;
  unsigned int states[4] = {0};
  int err = names_list(0, &list, &count);
  if (err < 0) {
    char* why = text_escape(uvshm_strerror(err));
    doctor_tell(doctor, VERDICT_FAIL, "objects", NULL, "%s", why);
    free(why);
    return;
  }
  for (size_t i = 0; i < count; i++)
    if ((unsigned int) list[i].state < 4) states[list[i].state]++;
  free(list);

  unsigned int stale = states[UVSHM_STATE_STALE];
  unsigned int damaged = states[UVSHM_STATE_DAMAGED];
  doctor_tell(doctor,
              stale + damaged > 0 ? VERDICT_WARN : VERDICT_OK,
              "objects",
              damaged > 0 ? "uvshm ls tells which; uvshm rm removes the damaged"
              : stale > 0 ? "uvshm gc removes the stale"
                          : NULL,
              "%u in use or kept, %u stale, %u damaged or of another format",
              states[UVSHM_STATE_LIVE],
              stale,
              damaged);
}


/* Memory of other programs that is in use without its name. Many unlink at once
 * what they hand on by other ways; but when the name means another object by
 * now, two programs may believe to share what they do not. */
void doctor_foreign(struct doctor* doctor) {
  uvshm_foreign_info_t* list = NULL;
  const uvshm_foreign_info_t* replaced = NULL;
  unsigned int lost = 0;
  size_t count = 0;
  if (foreign_list(0, &list, &count) < 0) return;
  for (size_t i = 0; i < count; i++) {
    if (list[i].state & UVSHM_FOREIGN_REMOVED) lost++;
    if (list[i].state & UVSHM_FOREIGN_REPLACED) replaced = &list[i];
  }
  if (replaced == NULL) {
    doctor_tell(doctor,
                VERDICT_OK,
                "foreign",
                NULL,
                "%u objects of other programs, %u in use without a name",
                (unsigned int) count,
                lost);
  } else {
    char* name = text_escape(replaced->name);
    doctor_tell(doctor,
                VERDICT_WARN,
                "foreign",
                "uvshm ls --foreign; docs/coming-from/python.md tells why",
                "\"%s\" means another object than the one of that name that "
                "pid %" PRIu32 " has",
                name,
                replaced->last_pid);
    free(name);
  }
  free(list);
}


/* Make one, grow it, see that what was written is there, and that this process
 * is told to be its only peer. 0 or a UV_E code. */
static int try_region(const char* name, uint32_t* peers) {
  static const char text[] = "is it there?";
  uvshm_region_t* region;
  uvshm_name_info_t info;
  uvshm_region_options_t options = {
      .flags = UVSHM_CREATE | UVSHM_EXCLUSIVE | names_where(),
      .size = 4096,
      .max_size = 1 << 20,
      .label = "uvshm doctor"};
  int err = uvshm_region_open(&region, names_at(name), &options);
  if (err < 0) return err;
  memcpy(uvshm_region_base(region), text, sizeof text);
  err = uvshm_region_grow(region, 1 << 20);
  if (err >= 0 && memcmp(uvshm_region_base(region), text, sizeof text) != 0)
    err = UV_EIO;
  if (err >= 0) err = uvshm_name_info(names_at(name), names_where(), &info);
  if (err >= 0) *peers = info.peers;
  uvshm_region_close(region);
  return err;
}


void doctor_region(struct doctor* doctor) {
  uvshm_name_info_t info;
  uint32_t random = 0;
  uint32_t peers = 0;
  uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
  char* name = text_format("doctor-%08" PRIx32, random);
  int err = try_region(name, &peers);
  if (err < 0) {
    char* why = text_escape(uvshm_strerror(err));
    doctor_tell(doctor, VERDICT_FAIL, "region", NULL, "%s", why);
    free(why);
  } else if (peers != 1) {
    doctor_tell(doctor,
                VERDICT_FAIL,
                "region",
                "the locks of this file system do not work",
                "its one user was not seen");
  } else if (uvshm_name_info(names_at(name), names_where(), &info) !=
             UV_ENOENT) {
    doctor_tell(doctor,
                VERDICT_FAIL,
                "region",
                NULL,
                "it was there still after its last user closed it");
  } else {
    doctor_tell(
        doctor, VERDICT_OK, "region", NULL, "made, grown, used and gone again");
  }
  free(name);
}


void doctor_liveness(struct doctor* doctor) {
  struct demo_death found;
  if (demo_death(&found, 0) == 0)
    doctor_tell(doctor,
                VERDICT_OK,
                "liveness",
                NULL,
                "a killed owner of a mutex was noticed after %.1f ms",
                found.ms);
  else
    doctor_tell(doctor,
                VERDICT_FAIL,
                "liveness",
                "locks may stay taken after a crash",
                "the death of a mutex's owner was not noticed");
}
