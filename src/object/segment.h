/* SPDX-License-Identifier: MIT */

/* A segment as the objects in it see it. Apart from segment.c, so that a
 * program which uses locks by their names alone carries nothing of it.
 */

#ifndef UVSHM_OBJECT_SEGMENT_H_
#define UVSHM_OBJECT_SEGMENT_H_

#include "core/directory.h"
#include "object/attach.h"
#include "uvshm/segment.h"

/* The handles that this process has of one directory entry. */
struct handles {
  uint32_t count;
  struct uvshm__directory_ref ref;
};

struct uvshm_segment_s {
  struct uvshm__attach* attach;
  struct handles* handles; /* one for each directory entry; NULL before the */
                           /* first object is opened */
};

/* Open or make as `request` says; as uvshm__attach_open(). It ends with
 * uvshm_segment_close(). */
int uvshm__segment_open(struct uvshm_segment_s** segment,
                        const struct uvshm__request* request);

struct uvshm__attach* uvshm__segment_attach(struct uvshm_segment_s* segment);

/* Count one handle of this process more or less for the directory entry; the
 * first and the last set and clear the peer's open bit. The process lock is
 * held. UV_ENOMEM: no private memory, with a sentence. */
int uvshm__segment_retain(struct uvshm_segment_s* segment,
                          const struct uvshm__directory_ref* ref);
void uvshm__segment_release(struct uvshm_segment_s* segment,
                            const struct uvshm__directory_ref* ref);

#endif /* UVSHM_OBJECT_SEGMENT_H_ */
