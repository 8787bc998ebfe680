/* SPDX-License-Identifier: MIT */

/* Peers: who is attached, as the table in the control area says. Whether an
 * entry's process lives is for the kernel to tell (env->alive); the table only
 * says what to do after a death.
 */

#ifndef UVSHM_CORE_PEER_H_
#define UVSHM_CORE_PEER_H_

#include "core/core.h"

#include <stddef.h>
#include <stdint.h>

struct uvshm__peer_facts {
  uint32_t pid;
  uint32_t generation;
  uint32_t state; /* UVSHM__PEER_... */
  uint64_t attached_ms;
  char label[48]; /* ends with a zero */
};

/* The caller has claimed core->slot. If its last user died without leaving,
 * repair after him first; then write the entry and set core->generation. */
int uvshm__peer_join(struct uvshm__core* core,
                     uint32_t pid,
                     const char* label,
                     uint64_t wall_ms);

/* Free our entry. The caller unclaims the slot afterwards. Lanes were given
 * back before. Does nothing to an entry that is not ours any more. */
void uvshm__peer_leave(struct uvshm__core* core, uint64_t wall_ms);

/* The same for a peer that has never had a lane nor a directory entry open, so
 * that nothing but its entry need be looked at: the tables are large, and to
 * touch them for the first time costs more than all the rest of leaving. */
void uvshm__peer_leave_untouched(struct uvshm__core* core, uint64_t wall_ms);

/* Does the entry say live (whatever the kernel says)? */
int uvshm__peer_is_live(const struct uvshm__core* core, uint32_t slot);

/* Does the entry say free? */
int uvshm__peer_is_free(const struct uvshm__core* core, uint32_t slot);

/* Does our own entry still say that we live, as what we joined as? */
int uvshm__peer_is_ours(const struct uvshm__core* core);

/* How many slots there are from `first` on, at most UVSHM__PEERS_AT_ONCE; and
 * their states. */
uint32_t uvshm__peer_count(const struct uvshm__core* core, uint32_t first);
void uvshm__peer_states(const struct uvshm__core* core,
                        uint32_t first,
                        uint64_t states[UVSHM__PEERS_AT_ONCE]);

/* A peer came or went: its entry says so already. */
void uvshm__peers_raise(const struct uvshm__core* core);

/* Copy an entry out, checked. */
void uvshm__peer_read(const struct uvshm__core* core,
                      uint32_t slot,
                      struct uvshm__peer_facts* facts);

#endif /* UVSHM_CORE_PEER_H_ */
