/* SPDX-License-Identifier: MIT */

/* Looking again and again for a while, before a sleep. See spin.c.
 *
 *   uvshm__spin_begin(&spin, lane);
 *   while (!(found = <look>) && uvshm__spin_on(&spin)) continue;
 *   uvshm__spin_end(&spin, found);
 */

#ifndef UVSHM_CORE_SPIN_H_
#define UVSHM_CORE_SPIN_H_

#include "core/core.h"
#include "core/lane.h"

#include <stdint.h>

/* Looks between two looks at the clock: 0.2 to 2 us, for a pause takes from 4
 * to 50 ns on the x86 of one maker alone. Who finds it with the first of them
 * never reads a clock. */
#define UVSHM__SPIN_LOOKS 32u

struct uvshm__spin {
  struct uvshm__lane* lane;
  uint64_t end_ns;
  uint32_t looks;
};

/* Once every UVSHM__SPIN_LOOKS: 0 when it is time to sleep. */
int uvshm__spin_is_worth_it(struct uvshm__spin* spin);

static inline void uvshm__spin_begin(struct uvshm__spin* spin,
                                     struct uvshm__lane* lane) {
  spin->lane = lane;
  spin->end_ns = 0;
  spin->looks = 0;
}


static inline int uvshm__spin_on(struct uvshm__spin* spin) {
  uvshm__pause();
  return ++spin->looks % UVSHM__SPIN_LOOKS != 0 ||
         uvshm__spin_is_worth_it(spin);
}

/* The same for one word: until (*word & mask) is 0 (`busy` 1) or not 0 (`busy`
 * 0). Returns it as seen last. */
uint32_t uvshm__spin_word(struct uvshm__lane* lane,
                          const uvshm__a32_t* word,
                          uint32_t mask,
                          int busy);

/* What the lane learns from it for the next time. */
void uvshm__spin_end(struct uvshm__spin* spin, int found);

/* Pauses until stores of other processors that were under way have come out of
 * them. */
void uvshm__spin_settle(const struct uvshm__core* core);

#endif /* UVSHM_CORE_SPIN_H_ */
