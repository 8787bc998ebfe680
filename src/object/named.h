/* SPDX-License-Identifier: MIT */

/* What the handles of small named objects have in common: a body of 128 bytes
 * that lies in the directory of a segment, or in the root of an object that is
 * known by its name alone. A mutex or semaphore handle is one of these and its
 * own flags.
 */

#ifndef UVSHM_OBJECT_NAMED_H_
#define UVSHM_OBJECT_NAMED_H_

#include "base/error.h"
#include "core/directory.h"
#include "object/attach.h"
#include "uvshm/segment.h"

struct uvshm__named {
  struct uvshm__attach* attach;
  struct uvshm_segment_s* segment; /* NULL: by its name alone, attach is ours */
  struct uvshm__directory_ref ref;
  void* body;
  uvshm__a32_t cancelled; /* private to this handle */
  char name[UVSHM_NAME_MAX + 1];
};

struct uvshm__named_request {
  struct uvshm_segment_s* segment;
  const char* name;
  uint32_t flags;      /* UVSHM_... */
  uint32_t type;       /* UVSHM__TYPE_... */
  uint32_t type_flags; /* must agree with those of an existing one */
  uint32_t kind;       /* UVSHM_KIND_..., by its name alone */
  uint32_t argument;   /* of format_body */
  void (*format_body)(void* body, uint32_t argument);
  /* In a segment, may be NULL: allocates the blocks of a new object, private to
   * this peer (spec->blocks), and writes into `body` where they are. */
  int (*furnish)(struct uvshm__lane* lane,
                 struct uvshm__directory_spec* spec,
                 void* body,
                 uint64_t size);
  uint64_t furnish_size;
  int looks; /* in a segment that is attached for reading it may be opened to */
             /* look at: every call that would write asks for a lane first, */
             /* and there is none */
  uint32_t mode;
  uint64_t timeout_ms;
  const char* group;
  const char* sddl;
  const char* label;
};

int uvshm__named_open(struct uvshm__named* named,
                      const struct uvshm__named_request* request);
void uvshm__named_close(struct uvshm__named* named);

/* The same with a new handle of `size` bytes of zeros, whose named lies at
 * `offset`. free() takes it back, after uvshm__named_close(). */
int uvshm__named_new(void** handle,
                     size_t size,
                     size_t offset,
                     const struct uvshm__named_request* request);
int uvshm__named_unlink(struct uvshm_segment_s* segment,
                        const char* name,
                        uint32_t flags,
                        uint32_t type,
                        uint32_t kind);

/* Was it not removed from its segment? */
static inline int uvshm__named_is_there(const struct uvshm__named* named) {
  return named->segment == NULL ||
         uvshm__directory_usable(&named->attach->core, &named->ref) == 0;
}


/* UV_ENXIO, with its sentence. */
int uvshm__named_removed(const struct uvshm__named* named);

/* May this process use the object now? UV_ENOTCONN in a forked child, UV_ENXIO
 * when it was removed from its segment; with a sentence. */
static inline int uvshm__named_usable(const struct uvshm__named* named) {
  if (!uvshm__attach_is_ours(named->attach))
    return uvshm__attach_usable(named->attach);
  if (!uvshm__named_is_there(named)) return uvshm__named_removed(named);
  return 0;
}

#endif /* UVSHM_OBJECT_NAMED_H_ */
