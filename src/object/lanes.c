/* SPDX-License-Identifier: MIT */

/* Every lane that this process has is an entry in two lists: that of its thread
 * (which needs it when the thread ends) and that of its object (which needs it
 * when the object is closed). Both lists are changed under the process lock
 * only; each entry is freed by its thread.
 *
 * Lanes that a forked child inherits are the parent's. The child recognises
 * them by their lineage and never touches what they point to.
 */

#include "object/lanes.h"

#include "base/error.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>

struct uvshm__lane_entry {
  struct uvshm__lane lane;
  uint64_t serial;              /* the attach's: who may touch the lane */
  struct uvshm__attach* attach; /* NULL: closed meanwhile */
  struct uvshm__lane_entry* next_of_thread;
  struct uvshm__lane_entry* next_of_attach;
};

UVSHM__THREAD_LOCAL struct uvshm__recent_lane
    uvshm__recent_lanes[UVSHM__RECENT_LANES];


static void leave_attach(struct uvshm__lane_entry* entry) {
  struct uvshm__lane_entry** link = &entry->attach->lanes;

  while (*link != NULL && *link != entry) link = &(*link)->next_of_attach;
  if (*link == entry) *link = entry->next_of_attach;
  entry->attach = NULL;
}


static int is_of_this_process(const struct uvshm__lane_entry* entry) {
  return entry->serial >> 32 == uvshm__port_lineage();
}


static int is_ours(const struct uvshm__lane_entry* entry) {
  return entry->attach != NULL && is_of_this_process(entry) &&
         entry->serial == entry->attach->serial;
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
    free(entry);
  }
  uvshm__port_process_unlock();
  memset(uvshm__recent_lanes, 0, sizeof(uvshm__recent_lanes));
}


/* Free what was closed, or inherited from a parent, so that a thread which
 * opens and closes for years does not collect entries. */
static struct uvshm__lane_entry* prune(struct uvshm__lane_entry* first) {
  struct uvshm__lane_entry** link = &first;
  struct uvshm__lane_entry* entry;

  while ((entry = *link) != NULL) {
    if (entry->attach != NULL && is_of_this_process(entry)) {
      link = &entry->next_of_thread;
      continue;
    }
    *link = entry->next_of_thread;
    free(entry);
  }
  return first;
}


static int claim_new(struct uvshm__attach* attach,
                     struct uvshm__lane_entry* first,
                     struct uvshm__lane_entry** result) {
  struct uvshm__lane_entry* entry = calloc(1, sizeof(*entry));
  int err;

  if (entry == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = uvshm__lane_claim(&attach->core, &entry->lane);
  if (err < 0) {
    free(entry);
    return err;
  }
  entry->serial = attach->serial;
  entry->next_of_thread = first;
  err = uvshm__port_thread_set(entry, thread_ends);
  if (err < 0) {
    uvshm__lane_exit(&entry->lane);
    free(entry);
    return err;
  }
  uvshm__port_process_lock();
  entry->attach = attach;
  entry->next_of_attach = attach->lanes;
  attach->lanes = entry;
  uvshm__port_process_unlock();
  *result = entry;
  return 0;
}


int uvshm__lane_find_slow(struct uvshm__attach* attach,
                          int claim,
                          struct uvshm__lane** lane) {
  struct uvshm__recent_lane* recent =
      &uvshm__recent_lanes[attach->serial % UVSHM__RECENT_LANES];
  struct uvshm__lane_entry* first = uvshm__port_thread_get();
  struct uvshm__lane_entry* entry;
  int err;

  for (entry = first; entry != NULL; entry = entry->next_of_thread)
    if (entry->serial == attach->serial) break;
  if (entry == NULL && !claim) return UV_ENOENT;
  if (entry == NULL) {
    uvshm__port_process_lock();
    first = prune(first);
    uvshm__port_process_unlock();
    err = uvshm__port_thread_set(first, thread_ends);
    if (err == 0) err = claim_new(attach, first, &entry);
    if (err < 0) return err;
  }
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
  if (!uvshm__attach_is_ours(attach)) attach->lanes = NULL;
  uvshm__port_process_lock();
  while ((entry = attach->lanes) != NULL) {
    if (is_ours(entry)) give_back(entry);
    attach->lanes = entry->next_of_attach;
    entry->attach = NULL;
  }
  uvshm__port_process_unlock();
}
