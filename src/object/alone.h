/* SPDX-License-Identifier: MIT */

/* A segment of its own for one object that is known by its name alone and needs
 * a heap: a channel, a cell. See alone.c. */

#ifndef UVSHM_OBJECT_ALONE_H_
#define UVSHM_OBJECT_ALONE_H_

#include "object/named.h"

#include <stdint.h>

/* Open or make the object `request` tells of, whose segment is NULL and whose
 * kind is UVSHM_KIND_CHANNEL or _CELL: first a segment of that kind and name
 * with room for `size` bytes in blocks (which counts only when it is made),
 * then in it the one object, which has the same name. named->segment is the
 * handle's own then; uvshm__alone_close() ends it. */
int uvshm__alone_open(struct uvshm__named* named,
                      const struct uvshm__named_request* request,
                      uint64_t size);
void uvshm__alone_close(struct uvshm__named* named);

/* In a forked child. */
int uvshm__alone_rejoin(struct uvshm__named* named);

#endif /* UVSHM_OBJECT_ALONE_H_ */
