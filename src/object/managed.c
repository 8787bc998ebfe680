/* SPDX-License-Identifier: MIT */

/* A managed file across reboots, and across systems.
 *
 * Within one boot a death loses nothing: the pages are in the kernel's memory
 * and the dead peer's slot tells who has to be repaired. After a reboot neither
 * holds. What reached the disk is an arbitrary mixture, unless the last user
 * closed the file, which syncs everything and then writes `clean`.
 *
 *   same boot                   attach, as to any object
 *   other boot, clean           peers, lanes and lock words name nobody any
 *                               more: reset them, attach
 *   other boot, not clean       UV_EPROTO; with UVSHM_UNCLEAN_OK and a check
 *                               that passes: reset, attach, UVSHM_UNCLEAN
 *
 * It is never made anew silently. All of this happens under the gate, with
 * nobody else attached in this boot. `boot` is written after the reset, and
 * `clean` is taken back after that, so a death in the middle is followed by the
 * same questions with the same answers.
 *
 * Programs whose deaths are told in different ways (a Windows program under
 * Wine and one of the Linux outside) cannot share a managed file at once:
 * neither sees the other's slots and gate. One after the other they can. A
 * clean file has no user, so who turns `clean` from 1 to 0, by compare-and-swap
 * since the gate does not stop the other kind, makes the file one of its own
 * kind.
 */

#include "object/attach.h"

#include "base/error.h"
#include "core/control.h"
#include "core/reset.h"
#include "port_caps.h"


static struct uvshm__header* header_of(struct uvshm__attach* attach) {
  return uvshm__core_header(&attach->core);
}


static void begin_boot(struct uvshm__attach* attach, const uint64_t boot[2]) {
  struct uvshm__header* header = header_of(attach);

  uvshm__core_reset(&attach->core, attach->kind);
  uvshm__a64_store_release(&header->boot[0], boot[0]);
  uvshm__a64_store_release(&header->boot[1], boot[1]);
}


/* From here on the file changes, so its `clean` must be gone from the disk
 * before anything else gets there. */
static int begin_changes(struct uvshm__attach* attach) {
  uvshm__a32_store_release(&header_of(attach)->clean, 0);
  return uvshm__port_sync(
      &attach->object, attach->control.addr, uvshm__port_page_size(), 1);
}


static int not_clean(void) {
  return uvshm__fail(UV_EPROTO,
                     "it was not closed cleanly before the last reboot; "
                     "UVSHM_UNCLEAN_OK opens it if its check passes");
}


static int is_our_kind(const struct uvshm__control* control) {
  return control->liveness == UVSHM__PORT_LIVENESS &&
         control->waiting == UVSHM__PORT_WAITING;
}


/* Take over a file of the other kind that nobody uses. A death behind the
 * compare-and-swap leaves it not clean, and whose it was last cannot be told:
 * the same as a power failure. */
static int take_over(struct uvshm__attach* attach, const uint64_t boot[2]) {
  struct uvshm__header* header = header_of(attach);

  if (attach->readonly || !uvshm__a32_cas(&header->clean, 1, 0))
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "a program of another system has it open, or did not "
                       "close it");
  header->liveness = UVSHM__PORT_LIVENESS;
  header->waiting = UVSHM__PORT_WAITING;
  begin_boot(attach, boot);
  return begin_changes(attach);
}


static int same_boot(const struct uvshm__header* header,
                     const uint64_t boot[2]) {
  return uvshm__a64_load_acquire(&header->boot[0]) == boot[0] &&
         uvshm__a64_load_acquire(&header->boot[1]) == boot[1];
}


int uvshm__attach_test_file(struct uvshm__port_object* object) {
  unsigned int failures = uvshm__error_count();
  int err = uvshm__port_peer_test(object);

  if (err != UV_ENOTSUP || uvshm__error_count() != failures) return err;
  return uvshm__fail(err,
                     "its file system cannot tell whether a process is alive");
}


int uvshm__managed_open(struct uvshm__attach* attach,
                        const struct uvshm__request* request,
                        const struct uvshm__control* control) {
  struct uvshm__header* header = header_of(attach);
  uint64_t boot[2];
  int clean;
  int err;

  err = uvshm__port_boot_id(boot);
  if (err < 0) return err;
  if (!is_our_kind(control)) return take_over(attach, boot);
  clean = uvshm__a32_load_acquire(&header->clean) == 1;
  if (same_boot(header, boot))
    return clean && !attach->readonly ? begin_changes(attach) : 0;
  if (!clean && !(request->flags & UVSHM_UNCLEAN_OK)) return not_clean();
  if (!clean) {
    err = uvshm__core_check(&attach->core, attach->kind);
    if (err < 0) return err;
  }
  if (!attach->readonly) {
    begin_boot(attach, boot);
    err = begin_changes(attach);
    if (err < 0) return err;
  }
  return clean ? 0 : UVSHM_UNCLEAN;
}
