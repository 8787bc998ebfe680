/* SPDX-License-Identifier: MIT */

/* The private side of a queue: its part of struct uvshm__channel and struct
 * uvshm__channel_end (channel.h). See queue.c. */

#ifndef UVSHM_CORE_QUEUE_H_
#define UVSHM_CORE_QUEUE_H_

#include "core/queue_layout.h"

#include <stdint.h>

/* Messages of one call, and that a reader may have peeked. */
#define UVSHM__QUEUE_BATCH 64u

/* Where everything is. */
struct uvshm__queue {
  uvshm__a64_t* head;
  uvshm__a64_t* tail;
  uvshm__a64_t* slots;
  struct uvshm__queue_note* notes;
  unsigned char* messages;
  uint64_t stride;
  uint32_t slot_bits; /* there are 1 << slot_bits slots */
  uint32_t chunks;
};

struct uvshm__queue_end {
  uint64_t place;  /* all positions before it are filled (writer), taken */
  uint64_t taken;  /* writer: all before it are taken */
  uint64_t sent;   /* writer: after its last message; 0: none */
  uint64_t high;   /* writer: how deep it has seen the queue */
  uint32_t next;   /* writer: where to look for a free chunk */
  uint32_t streak; /* reader: messages since it found none */
  uint32_t flows;  /* and whether they were many, the time before */
  uint32_t count;  /* chunks that it has claimed or peeked: */
  uint32_t chunk[UVSHM__QUEUE_BATCH];
};

#endif /* UVSHM_CORE_QUEUE_H_ */
