/* SPDX-License-Identifier: MIT */

/* The word that says what an entry is, for the files of the directory. */

#ifndef UVSHM_CORE_DIRECTORY_INSIDE_H_
#define UVSHM_CORE_DIRECTORY_INSIDE_H_

#include "core/directory.h"

#include <stdint.h>

/* `kind` is an UVSHM__ENTRY_ constant, with a slot where it has one. */
static inline uint64_t uvshm__entry_word(uint32_t generation, uint32_t kind) {
  return (uint64_t) generation << 32 | kind;
}


static inline uint64_t uvshm__entry_state(const struct uvshm__core* core,
                                          uint32_t index) {
  return uvshm__a64_load_acquire(&uvshm__core_entry(core, index)->state);
}

#endif /* UVSHM_CORE_DIRECTORY_INSIDE_H_ */
