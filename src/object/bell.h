/* SPDX-License-Identifier: MIT */

/* The bells of this process at one object, one for each of its loops that
 * watches something there. See bell.c. */

#ifndef UVSHM_OBJECT_BELL_H_
#define UVSHM_OBJECT_BELL_H_

#include "object/attach.h"

#include <stdint.h>

struct uvshm__bell {
  struct uvshm__bell* next;     /* of the attach; process lock */
  struct uvshm__attach* attach; /* NULL: it was closed */
  struct uvshm__port_bell port;
  uint64_t serial; /* of the attach when it was made */
  uint32_t number;
  uint32_t used; /* process lock: a loop has it */
};

/* One that no other loop uses, until it is put back. UV_EMFILE: too many loops,
 * or what the system says. */
int uvshm__bell_get(struct uvshm__attach* attach, struct uvshm__bell** bell);
void uvshm__bell_put(struct uvshm__bell* bell);

/* May this process still arm it? Not in a forked child, also when that has
 * rejoined, and not when the object is closed. */
static inline int uvshm__bell_is_ours(const struct uvshm__bell* bell) {
  return bell->attach != NULL && bell->serial == bell->attach->serial &&
         uvshm__attach_is_ours(bell->attach);
}

#endif /* UVSHM_OBJECT_BELL_H_ */
