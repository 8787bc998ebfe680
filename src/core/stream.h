/* SPDX-License-Identifier: MIT */

/* The private side of a stream: its part of struct uvshm__channel and struct
 * uvshm__channel_end (channel.h). See stream.c. */

#ifndef UVSHM_CORE_STREAM_H_
#define UVSHM_CORE_STREAM_H_

#include <stdint.h>

struct uvshm__stream_hdr;

struct uvshm__stream {
  struct uvshm__stream_hdr* hdr;
  unsigned char* ring;
  uint64_t span_max; /* bytes of the largest record */
};

/* Positions count bytes since the stream was made; places are where they lie in
 * the ring: position modulo capacity. */
struct uvshm__stream_end {
  uint64_t position; /* writer: where the next record begins; reader: the */
  uint64_t place;    /* next to peek */
  uint64_t limit;    /* writer: a record must end before */
  uint64_t oldest;   /* reader: the oldest that is not released, */
  uint64_t at;       /* and its place */
  uint64_t told;     /* reader: what it told the writer last */
  uint64_t claimed;  /* writer: bytes of what is claimed; 0: nothing is */
  uint64_t skipped;  /* writer: of these, left out before the first message */
  uint64_t messages; /* writer: sent; reader: released */
  uint64_t peeked;   /* reader: number of the next to peek */
  const void* only;  /* reader: the message that is peeked, when it is one and
                      * ends at `position`; NULL: there are none or more */
};

#endif /* UVSHM_CORE_STREAM_H_ */
