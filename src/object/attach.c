/* SPDX-License-Identifier: MIT */

/* Opening and closing an object of any kind.
 *
 * Opening is a loop around two attempts: attach to what the name means now, or
 * make a new object. Either may lose a race (UV_EAGAIN, UV_EEXIST), and then
 * everything is let go and tried again until the time is over; nothing is ever
 * waited for while something is held. The clock is read only after the first
 * failed round.
 *
 * What decides and what happens in each attempt is in open_existing.c and
 * open_new.c.
 */

#include "object/attach.h"

#include "base/align.h"
#include "base/error.h"
#include "base/text.h"
#include "core/peer.h"
#include "object/lanes.h"
#include "object/name_check.h"
#include "port_caps.h"
#include "uvshm/error.h"

#include <stdlib.h>
#include <string.h>

/* Rounds that only yield before a round sleeps: the gate is held for some ten
 * microseconds as a rule. */
#define YIELDS 20

/* How often a closer that finds the gate taken tries again, 1 ms apart, before
 * it leaves the clearing up to the next open or gc. */
#define CLOSE_TRIES 2000

static uvshm__a32_t last_number;


/* Never the same twice in a process, and never one of its parent's. */
static uint64_t next_serial(void) {
  uint32_t number = uvshm__a32_add(&last_number, 1) + 1;

  return (uint64_t) uvshm__port_lineage() << 32 | number;
}


static void take_serial(struct uvshm__attach* attach) {
  attach->serial = next_serial();
  uvshm__a64_store_relaxed(&attach->calm, attach->serial);
}


/* To map a raw file copy-on-write takes no more than the right to read it; an
 * object with a control area has peers written into it. */
static uint32_t reads_only(const struct uvshm__request* request) {
  const uint32_t raw = UVSHM_FILE | UVSHM_REGION_PRIVATE;
  const uint32_t others = UVSHM_MANAGED | UVSHM_CREATE;

  return (request->flags & UVSHM_READONLY) != 0 ||
         (request->flags & (raw | others)) == raw;
}


static void fill_spec(struct uvshm__port_spec* spec,
                      const struct uvshm__request* request) {
  memset(spec, 0, sizeof(*spec));
  spec->name = request->name;
  spec->keep = (request->flags & UVSHM_KEEP) != 0;
  spec->system = (request->flags & UVSHM_SYSTEM) != 0;
  spec->dir = (request->flags & UVSHM_DIR) != 0;
  spec->readonly = reads_only(request);
  spec->mode = request->mode;
  spec->group = request->group;
  spec->sddl = request->sddl;
  if (request->name == NULL)
    spec->origin = UVSHM__PORT_ANONYMOUS;
  else if (request->flags & UVSHM_MANAGED)
    spec->origin = UVSHM__PORT_FILE;
  else if (request->flags & UVSHM_FILE)
    spec->origin = UVSHM__PORT_RAW_FILE;
  else if (request->flags & UVSHM_REGION_FOREIGN)
    spec->origin = UVSHM__PORT_FOREIGN;
  else
    spec->origin = UVSHM__PORT_NAMED;
}


/* One round: 0 or UVSHM_UNCLEAN, UV_EAGAIN to try again, or an error. */
static int open_once(struct uvshm__attach* attach,
                     const struct uvshm__request* request,
                     const struct uvshm__port_spec* spec) {
  int err = UV_ENOENT;

  if (spec->origin != UVSHM__PORT_ANONYMOUS)
    err = uvshm__port_find(&attach->object, spec);
  if (err == 0) {
    if (request->flags & UVSHM_EXCLUSIVE && request->flags & UVSHM_CREATE)
      err = uvshm__attach_exclusive(attach, request);
    else
      err = uvshm__attach_existing(attach, request);
    if (err >= 0 && err != UVSHM__GONE) {
      uvshm__port_gate_leave(&attach->object);
      return err;
    }
    uvshm__port_drop(&attach->object);
    if (err == UVSHM__GONE) err = UV_ENOENT;
  }
  if (err != UV_ENOENT || !(request->flags & UVSHM_CREATE)) return err;

  err = uvshm__attach_new(attach, request, spec);
  if (err == UV_EEXIST && !(request->flags & UVSHM_EXCLUSIVE)) err = UV_EAGAIN;
  return err;
}


static int open_until(struct uvshm__attach* attach,
                      const struct uvshm__request* request) {
  struct uvshm__port_spec spec;
  uint64_t deadline = 0;
  uint32_t round;
  int err;

  fill_spec(&spec, request);
  for (round = 0;; round++) {
    err = open_once(attach, request, &spec);
    if (err != UV_EAGAIN) return err;
    if (round < YIELDS) {
      uvshm__port_yield();
      continue;
    }
    if (deadline == 0)
      deadline = uvshm__port_now_ms() + request->timeout_ms;
    else if (uvshm__port_now_ms() >= deadline)
      return uvshm__fail(UV_ETIMEDOUT,
                         "another process has been making or removing it for "
                         "%llu ms",
                         (unsigned long long) request->timeout_ms);
    uvshm__port_sleep_ms(1);
  }
}


static int absent(const struct uvshm__request* request) {
  if (request->flags & UVSHM_DIR)
    return uvshm__fail(UV_ENOENT,
                       "there is no \"%s\"; without UVSHM_KEEP an object is "
                       "gone with its last user",
                       request->name);
  return uvshm__fail(
      UV_ENOENT,
      "there is no \"%s\" (%s, in %s); without UVSHM_KEEP an object is gone "
      "with its last user",
      request->name,
      request->flags & UVSHM_SYSTEM ? "of the system" : "of this user",
      UVSHM__PORT_PLACE);
}


/* Every failure of an open is told as one sentence that begins alike. */
static int cannot_open(const struct uvshm__request* request,
                       int err,
                       unsigned int failures) {
  if (err == UV_ENOENT && uvshm__error_count() == failures &&
      !(request->flags & (UVSHM_FILE | UVSHM_REGION_FOREIGN)))
    return absent(request);
  return uvshm__fail(err,
                     "cannot open \"%s\": %s",
                     request->name != NULL ? request->name : "(anonymous)",
                     uvshm__reason(err, failures));
}


const char* uvshm__reason(int err, unsigned int failures) {
  if (uvshm__error_count() == failures) uvshm__fail_bare(err);
  return uvshm_strerror(err);
}


struct uvshm__attach* uvshm__attach_alloc(
    const struct uvshm__request* request) {
  struct uvshm__attach* attach = calloc(1, sizeof(*attach));

  if (attach == NULL) return NULL;
  attach->kind = request->kind;
  attach->core.contents = request->contents;
  take_serial(attach);
  attach->lineage_word = uvshm__port_lineage_word();
  uvshm__a64_store_relaxed(&attach->entry,
                           (uint64_t) (uintptr_t) &uvshm__lane_nobodys);
  attach->readonly = (request->flags & UVSHM_READONLY) != 0;
  attach->huge = (request->flags & UVSHM_REGION_HUGE) != 0;
  attach->guarded = (request->flags & UVSHM_GUARD) != 0;
  attach->private_copy = (request->flags & UVSHM_REGION_PRIVATE) != 0;
  uvshm__copy_text(attach->name,
                   sizeof(attach->name),
                   request->name != NULL ? request->name : "(without a name)");
  uvshm__copy_text(attach->label, sizeof(attach->label), request->label);
  if (request->label == NULL)
    uvshm__port_program(attach->label, sizeof(attach->label));
  return attach;
}


int uvshm__attach_open(struct uvshm__attach** result,
                       const struct uvshm__request* request) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__attach* attach;
  int err;

  if (request->name != NULL &&
      !(request->flags & (UVSHM_FILE | UVSHM_REGION_FOREIGN))) {
    err = uvshm__name_check_in(request->name, request->flags);
    if (err < 0) return err;
  }
  attach = uvshm__attach_alloc(request);
  if (attach == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");

  err = open_until(attach, request);
  if (err < 0) {
    free(attach);
    return cannot_open(request, err, failures);
  }
  *result = attach;
  return err;
}


/* The order matters: who is dead may be repaired after by others, which must
 * not meet what our other threads are still writing. Without memory for that
 * the next call tries again, or the close, which unmaps, does it. */
void uvshm__attach_retire(struct uvshm__attach* attach) {
  uvshm__port_process_lock();
  if (!attach->retired && attach->serial >> 32 == uvshm__port_lineage() &&
      uvshm__port_guard_blank(&attach->guard) == 0) {
    attach->retired = 1;
    if (!attach->plain) uvshm__port_unclaim(&attach->claim);
  }
  uvshm__port_process_unlock();
}


static int was_cut(const struct uvshm__attach* attach) {
  uvshm__attach_retire((struct uvshm__attach*) attach);
  return uvshm__fail(UV_EIO,
                     "cannot use \"%s\": memory of it is missing; another "
                     "program has cut off its file, or this one went beyond "
                     "its end",
                     attach->name);
}


int uvshm__attach_usable(const struct uvshm__attach* attach) {
  if (uvshm__attach_is_ours(attach)) return 0;
  if (uvshm__attach_is_cut(attach)) return was_cut(attach);
  return uvshm__fail(UV_ENOTCONN,
                     "cannot use \"%s\": this forked child has not rejoined",
                     attach->name);
}


/* Is any peer but us attached, as far as the table and the kernel tell? A
 * reader has no slot; in_use() under the gate finds it. Where the table is not
 * to be touched, or not mapped any more, one call asks the kernel for all. */
static int somebody_else(struct uvshm__attach* attach) {
  const struct uvshm__core* core = &attach->core;
  uint32_t slot;
  int alive;
  int used;

  if (attach->untouched || core->base == NULL)
    return uvshm__port_in_use(&attach->object, &used) < 0 || used;

  for (slot = 0; slot < core->peers_max; slot++) {
    if (!uvshm__peer_is_live(core, slot)) continue;
    if (uvshm__port_alive(&attach->object, slot, &alive) < 0 || alive) return 1;
  }
  return 0;
}


/* Where a managed file may end when nobody has it open; 0 when its words do not
 * agree, and it had better be left as it is. */
static uint64_t end_of_file(const struct uvshm__attach* attach) {
  uint64_t committed = uvshm__attach_committed(attach);
  uint64_t end;

  if (!uvshm__add(uvshm__attach_size(attach), attach->core.control_size, &end))
    return 0;
  return end <= committed && committed % UVSHM__GRANULE == 0 ? committed : 0;
}


/* The last one out. Gate held, nobody else attached. What a file is to be cut
 * to when it is not mapped any more, or 0. */
static uint64_t end_of_life(struct uvshm__attach* attach) {
  struct uvshm__header* header = uvshm__core_header(&attach->core);

  if (attach->lifetime == UVSHM_LIFETIME_LAST_CLOSE) {
    (void) uvshm__port_unlink(&attach->object);
    return 0;
  }
  /* A managed file: `clean` may be believed after a reboot only when all that
   * it vouches for is on the disk before it. */
  if (uvshm__port_sync(
          &attach->object, attach->control.addr, attach->control.size, 1) < 0)
    return 0;
  if (attach->bytes.addr != NULL &&
      uvshm__port_sync(
          &attach->object, attach->bytes.addr, attach->bytes.size, 1) < 0)
    return 0;
  uvshm__a32_store_release(&header->clean, 1);
  uvshm__port_sync(
      &attach->object, attach->control.addr, uvshm__port_page_size(), 1);
  return end_of_file(attach);
}


/* Without a gate (somebody else is opening, which makes him the last one, or
 * the name is gone) there is nothing to end. When a file is to be cut, the gate
 * stays with us: whoever comes next must not map what goes away. */
static uint64_t close_last(struct uvshm__attach* attach) {
  uint64_t cut = 0;
  int tries;
  int used;
  int err = UV_EAGAIN;

  for (tries = 0; tries < CLOSE_TRIES; tries++) {
    err = uvshm__port_gate_enter(&attach->object);
    if (err != UV_EAGAIN) break;
    uvshm__port_sleep_ms(1);
    if (somebody_else(attach)) return 0;
  }
  if (err < 0) return 0;
  if (uvshm__port_in_use(&attach->object, &used) == 0 && !used)
    cut = end_of_life(attach);
  if (cut == 0) uvshm__port_gate_leave(&attach->object);
  return cut;
}


static int has_an_end(const struct uvshm__attach* attach) {
  if (attach->plain || attach->readonly) return 0;
  if (attach->object.origin == UVSHM__PORT_ANONYMOUS) return 0;
  return attach->lifetime == UVSHM_LIFETIME_LAST_CLOSE
             ? !UVSHM__PORT_LIFETIME_BY_KERNEL
             : attach->lifetime == UVSHM_LIFETIME_FILE;
}


static void leave_table(struct uvshm__attach* attach) {
  if (uvshm__a32_load_relaxed(&attach->traces) != 0) {
    attach->untouched = 0;
    uvshm__peer_leave(&attach->core, uvshm__port_wall_ms());
  } else {
    uvshm__peer_leave_untouched(&attach->core, uvshm__port_wall_ms());
  }
}


/* First our entry says free, then the kernel does, with the view that carries
 * our claim, then we look whether others are left. Of two that close at once,
 * the one that does the last of these finds nobody; a fence keeps the look
 * behind the stores. */
static uint64_t leave(struct uvshm__attach* attach) {
  if (attach->plain) return 0;
  attach->untouched = (uint32_t) uvshm__port_takes_calls(&attach->object);
  if (!attach->readonly) leave_table(attach);
  if (attach->control.carrier != 0) uvshm__attach_unmap(attach);
  uvshm__port_unclaim(&attach->claim);
  uvshm__fence_seq_cst();
  if (!has_an_end(attach) || somebody_else(attach)) return 0;
  return close_last(attach);
}


void uvshm__attach_close(struct uvshm__attach* attach) {
  uint64_t cut = 0;

  if (attach == NULL) return;
  uvshm__lanes_close(attach);
  if (attach->end_bells != NULL) attach->end_bells(attach);
  /* In a forked child the slot and its claim are the parent's. */
  if (uvshm__attach_is_ours(attach)) cut = leave(attach);
  if (uvshm__attach_is_cut(attach)) uvshm__attach_retire(attach);
  uvshm__attach_unmap(attach);
  if (cut != 0) {
    uvshm__port_trim(&attach->object, cut);
    uvshm__port_gate_leave(&attach->object);
  }
  uvshm__exports_close(attach);
  uvshm__port_drop(&attach->object);
  free(attach);
}


/* The child's own. */
static void renew(struct uvshm__attach* attach) {
  take_serial(attach);
  if (attach->guard.os != 0) uvshm__port_guard_rejoin(&attach->guard);
}


int uvshm__attach_rejoin(struct uvshm__attach* attach) {
  unsigned int failures = uvshm__error_count();
  int err;

  if (uvshm__attach_is_ours(attach)) return 0;
  if (uvshm__attach_is_cut(attach)) return was_cut(attach);
  if (attach->plain) {
    renew(attach);
    return uvshm__attach_is_cut(attach) ? was_cut(attach) : 0;
  }
  err = uvshm__port_remap(&attach->control);
  if (err == 0) err = uvshm__attach_join(attach, NULL);
  if (err < 0)
    return uvshm__fail(err,
                       "cannot rejoin \"%s\": %s",
                       attach->name,
                       uvshm__reason(err, failures));
  /* The lanes in our memory are the parent's; a new serial makes every thread
   * forget them without touching the segment. */
  renew(attach);
  attach->lanes = NULL;
  attach->reaping = 0;
  /* What was touched just now may have been missing. */
  return uvshm__attach_is_cut(attach) ? was_cut(attach) : 0;
}
