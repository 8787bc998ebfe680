/* SPDX-License-Identifier: MIT */

/* Looking at objects by name from outside, under their gate. */

#ifndef UVSHM_OBJECT_UNLINK_H_
#define UVSHM_OBJECT_UNLINK_H_

#include "object/attach.h"

/* Find what `name` means and take its gate, waiting for a busy one. `flags`: 0,
 * UVSHM_SYSTEM, or UVSHM_FILE | UVSHM_MANAGED. Stores a sentence for UV_ENOENT.
 * The caller drops the object. */
int uvshm__find_by_name(struct uvshm__port_object* object,
                        const char* name,
                        uint32_t flags);

#endif /* UVSHM_OBJECT_UNLINK_H_ */
