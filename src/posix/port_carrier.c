/* SPDX-License-Identifier: MIT */

/* Views that carry a claim.
 *
 * A claim of port_peer_ofd.c needs a mapping of the description that has its
 * lock, and whoever opens an object maps it anyway: of that description then,
 * so that one mapping does both. A child must not inherit it, or it would keep
 * the claim alive. So it is kept from children, but for the moment of a fork
 * that our handlers see: the child gets it, and puts another mapping in its
 * place as soon as it runs, of the data descriptor, which has no lock. A child
 * that no handler was called for (clone() by hand) has nothing there until it
 * rejoins.
 *
 *   before_fork            in the parent          in the child
 *   children may have it   children may not       map the data descriptor's
 *
 * Records are made and ended with the process lock held, which a fork waits
 * for, so a child finds them whole.
 */

#include "posix.h"

#include <errno.h>
#include <stdlib.h>

#include <sys/mman.h>

/* Linux 4.17. An older kernel takes the address for a hint. */
#if defined(__linux__) && !defined(MAP_FIXED_NOREPLACE)
# define MAP_FIXED_NOREPLACE 0x100000
#elif !defined(MAP_FIXED_NOREPLACE)
# define MAP_FIXED_NOREPLACE 0
#endif

struct uvshm__carrier {
  struct uvshm__carrier* next;
  struct uvshm__carrier** at; /* what points to it */
  struct uvshm__holds* holds; /* while its gate is held, else NULL */
  void* addr;
  size_t size;
  int prot;
  int fd;           /* the data descriptor */
  int lent;         /* 1: a child that is being forked has it, too */
  int inherited;    /* 1: mapped in a child: forks of that inherit it */
  uint32_t lineage; /* of the process that has the mapping */
};

static struct uvshm__carrier* carriers; /* process lock */


int uvshm__posix_carrier_begin(struct uvshm__port_view* view,
                               struct uvshm__port_object* object,
                               int prot) {
  struct uvshm__holds* holds =
      (struct uvshm__holds*) object->os[UVSHM__OS_HOLDS];
  struct uvshm__carrier* carrier = calloc(1, sizeof(*carrier));

  if (carrier == NULL) return UV_ENOMEM;
  carrier->holds = holds;
  carrier->addr = view->addr;
  carrier->size = (size_t) view->size;
  carrier->prot = prot;
  carrier->fd = (int) object->os[UVSHM__OS_FD];
  carrier->lineage = uvshm__port_lineage();
  carrier->next = carriers;
  carrier->at = &carriers;
  if (carriers != NULL) carriers->at = &carrier->next;
  carriers = carrier;
  holds->carrier = carrier;
  view->carrier = (intptr_t) carrier;
  return 0;
}


void uvshm__posix_carrier_settle(struct uvshm__holds* holds) {
  if (holds == NULL || holds->carrier == NULL) return;
  holds->carrier->holds = NULL;
  holds->carrier = NULL;
}


static int is_mapped(const struct uvshm__carrier* carrier) {
  return carrier->inherited || carrier->lineage == uvshm__port_lineage();
}


/* Where a child found no mapping, something else may lie there by now. */
void uvshm__posix_carrier_end(struct uvshm__port_view* view) {
  struct uvshm__carrier* carrier = (struct uvshm__carrier*) view->carrier;

  uvshm__port_process_lock();
  if (carrier->holds != NULL) carrier->holds->carrier = NULL;
  *carrier->at = carrier->next;
  if (carrier->next != NULL) carrier->next->at = carrier->at;
  if (is_mapped(carrier)) munmap(carrier->addr, carrier->size);
  uvshm__port_process_unlock();
  free(carrier);
  view->carrier = 0;
}


/* `fixed`: instead of what is there. */
static int restore(struct uvshm__carrier* carrier, int fixed) {
  int flags = MAP_SHARED | (fixed ? MAP_FIXED : MAP_FIXED_NOREPLACE);
  void* got =
      mmap(carrier->addr, carrier->size, carrier->prot, flags, carrier->fd, 0);
  int err = got == MAP_FAILED ? uvshm__posix_error(errno) : UV_EEXIST;

  if (got == carrier->addr) {
    carrier->inherited = 1;
    return 0;
  }
  if (got != MAP_FAILED) munmap(got, carrier->size);
  return err;
}


static void lend_all(int lent) {
#if defined(MADV_DONTFORK) && defined(MADV_DOFORK)
  int advice = lent ? MADV_DOFORK : MADV_DONTFORK;
  struct uvshm__carrier* carrier;

  for (carrier = carriers; carrier != NULL; carrier = carrier->next) {
    if (carrier->inherited || !is_mapped(carrier)) continue;
    if (madvise(carrier->addr, carrier->size, advice) == 0)
      carrier->lent = lent;
  }
#else
  (void) lent;
#endif
}


void uvshm__posix_carriers_fork(void) {
  lend_all(1);
}


void uvshm__posix_carriers_parent(void) {
  lend_all(0);
}


/* What cannot be had goes, as it carries the parent's claim; the rejoin tries
 * again, and then fails. */
void uvshm__posix_carriers_child(void) {
  struct uvshm__carrier* carrier;

  for (carrier = carriers; carrier != NULL; carrier = carrier->next) {
    carrier->holds = NULL;
    if (is_mapped(carrier)) continue;
    if (restore(carrier, carrier->lent) < 0 && carrier->lent)
      munmap(carrier->addr, carrier->size);
    carrier->lent = 0;
  }
}


int uvshm__port_remap(struct uvshm__port_view* view) {
  struct uvshm__carrier* carrier = (struct uvshm__carrier*) view->carrier;
  int err = 0;

  if (carrier == NULL) return 0;
  uvshm__port_process_lock();
  if (!is_mapped(carrier)) err = restore(carrier, 0);
  uvshm__port_process_unlock();
  if (err != UV_EEXIST) return err;
  return uvshm__fail(UV_ENOMEM, "its addresses are taken in this child");
}
