/* SPDX-License-Identifier: MIT */

/* The private side of a topic: its part of struct uvshm__channel and struct
 * uvshm__channel_end (channel.h). See topic.c. */

#ifndef UVSHM_CORE_TOPIC_H_
#define UVSHM_CORE_TOPIC_H_

#include "core/topic_layout.h"

#include <stdint.h>

struct uvshm__topic {
  struct uvshm__topic_hdr* hdr;
  uvshm__a64_t* slots;
  uvshm__a64_t* spares;
  uvshm__a64_t* swaps;
  uvshm__a64_t* sizes;
  struct uvshm__topic_hand* hands;
  unsigned char* pins;
  unsigned char* messages;
  uint64_t stride; /* bytes from one message to the next */
  uint32_t slots_count;
  uint32_t spread; /* slots in whole blocks of 64 */
  uint32_t spares_count;
  uint32_t chunks_count;
  uint32_t pins_stride; /* bytes from one reader's to the next one's */
  uint32_t slack;       /* lossless: slots that a claim leaves for commits */
};

struct uvshm__topic_end {
  uint64_t position; /* reader: of the next one to get; writer: after the last
                        one that it sent */
  uint64_t base;     /* a multiple of slots_count: slot = position - base */
  uint64_t lost;     /* reader: missed, ever */
  uint64_t missed;   /* reader: since the last one it got */
  uint64_t hand;     /* writer: what its hand says */
  uint64_t limit;    /* writer, lossless: what the limit was when it looked */
  uint64_t loans;    /* reader: bit n: pin n is set */
  uint32_t claimed;  /* writer: 1 + chunk that is claimed; 0 none */
  uint32_t pinner;   /* reader: its bit in `pinners` is set */
  uint64_t room;     /* writer: bytes that were claimed */
  uint64_t at[UVSHM__CHANNEL_LOANS_LIMIT];    /* of each loan: position */
  uint32_t chunk[UVSHM__CHANNEL_LOANS_LIMIT]; /* and chunk */
};

#endif /* UVSHM_CORE_TOPIC_H_ */
