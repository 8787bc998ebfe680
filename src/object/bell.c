/* SPDX-License-Identifier: MIT */

/* Bells outlive the loops that used them: whoever has rung one keeps it open,
 * and would not learn that another has taken its place. So a bell stays until
 * the object is closed here, and the next loop gets it. If a loop has it still,
 * it stays a little longer, where nobody finds it.
 *
 * Apart from attach.c, so that a program without a watch carries nothing of it.
 */

#include "object/bell.h"

#include "base/error.h"
#include "core/peer.h"
#include "core/signal.h"

#include <stdlib.h>


static void end_bell(struct uvshm__bell* bell) {
  uvshm__port_bell_close(&bell->port, 0);
  free(bell);
}


/* Those of a parent's that no loop of ours holds. Process lock held. */
static void drop_inherited(struct uvshm__attach* attach) {
  struct uvshm__bell** at = &attach->bells;
  struct uvshm__bell* bell;

  while ((bell = *at) != NULL) {
    if (bell->serial == attach->serial) {
      at = &bell->next;
      continue;
    }
    *at = bell->next;
    bell->attach = NULL;
    if (!bell->used) end_bell(bell);
  }
}


/* The object is closed. Its slot is still ours, unless this is a forked child,
 * or we were declared dead. */
static void end_bells(struct uvshm__attach* attach) {
  int ours =
      uvshm__attach_is_ours(attach) && uvshm__peer_is_ours(&attach->core);
  struct uvshm__bell* bell;

  uvshm__port_process_lock();
  drop_inherited(attach);
  if (ours && attach->bells != NULL)
    uvshm__bell_clear(&attach->core, attach->core.slot);
  while ((bell = attach->bells) != NULL) {
    attach->bells = bell->next;
    bell->attach = NULL;
    if (!bell->used) end_bell(bell);
  }
  uvshm__port_process_unlock();
}


/* Process lock held. */
static int make_bell(struct uvshm__attach* attach,
                     struct uvshm__bell** link,
                     uint32_t number) {
  struct uvshm__peer* peer = uvshm__core_peer(&attach->core, attach->core.slot);
  struct uvshm__bell* bell;
  int err;

  if (number == UVSHM__BELLS_LIMIT)
    return uvshm__fail(UV_EMFILE,
                       "%u loops of this process watch it already",
                       UVSHM__BELLS_LIMIT);
  bell = calloc(1, sizeof(*bell));
  if (bell == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  /* Before there is something to be left behind by a death. */
  uvshm__a32_store_relaxed(&attach->traces, 1);
  uvshm__a32_store_release(&peer->bells, number + 1);
  err = uvshm__port_bell_open(
      &bell->port, &attach->object, attach->core.slot, number);
  if (err < 0) {
    free(bell);
    return err;
  }
  bell->attach = attach;
  bell->serial = attach->serial;
  bell->number = number;
  attach->end_bells = end_bells;
  *link = bell;
  return 0;
}


int uvshm__bell_get(struct uvshm__attach* attach, struct uvshm__bell** result) {
  struct uvshm__bell** link = &attach->bells;
  uint32_t number = 0;
  int err = 0;

  uvshm__port_process_lock();
  drop_inherited(attach);
  while (*link != NULL && (*link)->used) {
    link = &(*link)->next;
    number++;
  }
  if (*link == NULL) err = make_bell(attach, link, number);
  if (err == 0) {
    (*link)->used = 1;
    *result = *link;
  }
  uvshm__port_process_unlock();
  return err;
}


void uvshm__bell_put(struct uvshm__bell* bell) {
  uvshm__port_process_lock();
  bell->used = 0;
  if (bell->attach == NULL) end_bell(bell);
  uvshm__port_process_unlock();
}
