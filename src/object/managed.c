/* SPDX-License-Identifier: MIT */

/* A managed file across reboots.
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
 */

#include "object/attach.h"

#include "base/error.h"
#include "core/reset.h"


static void begin_boot(struct uvshm__attach* attach, const uint64_t boot[2]) {
  struct uvshm__header* header = uvshm__core_header(&attach->core);

  uvshm__core_reset(&attach->core, attach->kind);
  uvshm__a64_store_release(&header->boot[0], boot[0]);
  uvshm__a64_store_release(&header->boot[1], boot[1]);
}


/* From here on the file changes, so its `clean` must be gone from the disk
 * before anything else gets there. */
static int begin_changes(struct uvshm__attach* attach) {
  struct uvshm__header* header = uvshm__core_header(&attach->core);

  uvshm__a32_store_release(&header->clean, 0);
  return uvshm__port_sync(
      &attach->object, attach->control.addr, uvshm__port_page_size(), 1);
}


static int not_clean(void) {
  return uvshm__fail(UV_EPROTO,
                     "it was not closed cleanly before the last reboot; "
                     "UVSHM_UNCLEAN_OK opens it if its check passes");
}


int uvshm__managed_open(struct uvshm__attach* attach,
                        const struct uvshm__request* request) {
  struct uvshm__header* header = uvshm__core_header(&attach->core);
  uint64_t boot[2];
  int clean;
  int err;

  err = uvshm__port_boot_id(boot);
  if (err < 0) return err;
  clean = uvshm__a32_load_acquire(&header->clean) == 1;
  if (uvshm__a64_load_acquire(&header->boot[0]) == boot[0] &&
      uvshm__a64_load_acquire(&header->boot[1]) == boot[1]) {
    return clean && !attach->readonly ? begin_changes(attach) : 0;
  }
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
