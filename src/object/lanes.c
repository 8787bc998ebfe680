/* SPDX-License-Identifier: MIT */

/* Every lane that this process has is an entry in two lists: that of its thread
 * (which needs it when the thread ends) and that of its object (which needs it
 * when the object is closed). Both lists are changed under the process lock
 * only; each entry is let go by its thread. It is kept for the next lane then,
 * since a handle may still lead other threads to it (lanes.h).
 *
 * Lanes that a forked child inherits are the parent's. The child recognises
 * them by their lineage and never touches what they point to.
 */

#include "object/lanes.h"

#include "base/error.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>

UVSHM__THREAD_LOCAL struct uvshm__recent_lane
    uvshm__recent_lanes[UVSHM__RECENT_LANES];
UVSHM__THREAD_LOCAL char uvshm__thread_mark;

struct uvshm__lane_entry uvshm__lane_nobodys;

/* Entries that no lane needs. Process lock. */
static struct uvshm__lane_entry* unused;


/* Process lock held. */
static struct uvshm__lane_entry* entry_take(void) {
  struct uvshm__lane_entry* entry = unused;

  if (entry == NULL) return calloc(1, sizeof(*entry));
  unused = entry->next_of_thread;
  return entry;
}


/* Process lock held. */
static void entry_keep(struct uvshm__lane_entry* entry) {
  uvshm__a64_store_relaxed(&entry->thread, 0);
  uvshm__a64_store_relaxed(&entry->serial, 0);
  entry->attach = NULL;
  entry->next_of_thread = unused;
  unused = entry;
}


static void leave_attach(struct uvshm__lane_entry* entry) {
  struct uvshm__lane_entry** link = &entry->attach->lanes;

  while (*link != NULL && *link != entry) link = &(*link)->next_of_attach;
  if (*link == entry) *link = entry->next_of_attach;
  entry->attach = NULL;
}


static uint64_t serial_of(const struct uvshm__lane_entry* entry) {
  /* The other way round, and so is that. */
  return uvshm__lane_serial(uvshm__a64_load_relaxed(&entry->serial));
}


static int is_of_this_process(const struct uvshm__lane_entry* entry) {
  return serial_of(entry) >> 32 == uvshm__port_lineage();
}


static int is_ours(const struct uvshm__lane_entry* entry) {
  return entry->attach != NULL && is_of_this_process(entry) &&
         serial_of(entry) == entry->attach->serial;
}


static void give_back(struct uvshm__lane_entry* entry) {
  struct uvshm__attach* attach = entry->attach;

  /* In this order: a lane that is free may be another thread's at once. */
  uvshm__port_wait_forget(&attach->object, entry->lane.index);
  uvshm__lane_exit(&entry->lane);
}


/* The thread ends. `value` is the first entry of its list. What it still holds
 * becomes "owner died" for the next one. */
static void thread_ends(void* value) {
  struct uvshm__lane_entry* entry = value;
  struct uvshm__lane_entry* next;

  uvshm__port_process_lock();
  for (; entry != NULL; entry = next) {
    next = entry->next_of_thread;
    if (is_ours(entry)) {
      give_back(entry);
      leave_attach(entry);
    }
    entry_keep(entry);
  }
  uvshm__port_process_unlock();
  memset(uvshm__recent_lanes, 0, sizeof(uvshm__recent_lanes));
}


/* Let go what was closed, or inherited from a parent, so that a thread which
 * opens and closes for years does not collect entries. Process lock held. */
static struct uvshm__lane_entry* prune(struct uvshm__lane_entry* first) {
  struct uvshm__lane_entry** link = &first;
  struct uvshm__lane_entry* entry;

  while ((entry = *link) != NULL) {
    if (entry->attach != NULL && is_of_this_process(entry)) {
      link = &entry->next_of_thread;
      continue;
    }
    *link = entry->next_of_thread;
    entry_keep(entry);
  }
  return first;
}


static void abandon_new(struct uvshm__lane_entry* entry) {
  uvshm__port_process_lock();
  entry_keep(entry);
  uvshm__port_process_unlock();
}


/* `entry` is new and nobody's. */
static int claim_new(struct uvshm__attach* attach,
                     struct uvshm__lane_entry* first,
                     struct uvshm__lane_entry* entry) {
  int err;

  uvshm__a32_store_relaxed(&attach->traces, 1);
  err = uvshm__lane_claim(&attach->core, &entry->lane);
  if (err < 0) return err;
  entry->next_of_thread = first;
  err = uvshm__port_thread_set(entry, thread_ends);
  if (err < 0) {
    uvshm__lane_exit(&entry->lane);
    return err;
  }
  uvshm__port_process_lock();
  entry->attach = attach;
  entry->next_of_attach = attach->lanes;
  attach->lanes = entry;
  uvshm__port_process_unlock();
  uvshm__a64_store_relaxed(&entry->serial, uvshm__lane_serial(attach->serial));
  uvshm__a64_store_release(&entry->thread, uvshm__thread_token());
  return 0;
}


static int claim(struct uvshm__attach* attach,
                 struct uvshm__lane_entry* first,
                 struct uvshm__lane_entry** result) {
  struct uvshm__lane_entry* entry;
  int err;

  uvshm__port_process_lock();
  first = prune(first);
  entry = entry_take();
  uvshm__port_process_unlock();
  err = uvshm__port_thread_set(first, thread_ends);
  if (entry == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  if (err == 0) err = claim_new(attach, first, entry);
  if (err < 0)
    abandon_new(entry);
  else
    *result = entry;
  return err;
}


/* For the usual case, unless it leads to a lane of this object already. */
static void remember_first(struct uvshm__attach* attach,
                           struct uvshm__lane_entry* entry) {
  const struct uvshm__lane_entry* first =
      (struct uvshm__lane_entry*) (uintptr_t) uvshm__a64_load_acquire(
          &attach->entry);

  if (serial_of(first) != attach->serial)
    uvshm__a64_store_release(&attach->entry, (uint64_t) (uintptr_t) entry);
}


int uvshm__lane_find_slow(struct uvshm__attach* attach,
                          int claim_one,
                          struct uvshm__lane** lane) {
  struct uvshm__recent_lane* recent =
      &uvshm__recent_lanes[attach->serial % UVSHM__RECENT_LANES];
  struct uvshm__lane_entry* first = uvshm__port_thread_get();
  struct uvshm__lane_entry* entry;
  int err;

  for (entry = first; entry != NULL; entry = entry->next_of_thread)
    if (serial_of(entry) == attach->serial) break;
  if (entry == NULL && !claim_one) return UV_ENOENT;
  if (entry == NULL) {
    if (attach->readonly)
      return uvshm__fail(UV_EACCES, "its segment is attached for reading");
    err = claim(attach, first, &entry);
    if (err < 0) return err;
  }
  remember_first(attach, entry);
  recent->serial = attach->serial;
  recent->lane = &entry->lane;
  *lane = &entry->lane;
  return 0;
}


/* No other thread uses the object any more, so their lanes may be given back
 * for them. The entries stay in their threads' lists until those prune. */
void uvshm__lanes_close(struct uvshm__attach* attach) {
  struct uvshm__lane_entry* entry;

  /* In a forked child the list is the parent's; what it links may be freed. */
  if (attach->serial >> 32 != uvshm__port_lineage()) attach->lanes = NULL;
  uvshm__port_process_lock();
  while ((entry = attach->lanes) != NULL) {
    if (is_ours(entry)) give_back(entry);
    attach->lanes = entry->next_of_attach;
    entry->attach = NULL;
  }
  uvshm__port_process_unlock();
}
