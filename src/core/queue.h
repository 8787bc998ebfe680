/* SPDX-License-Identifier: MIT */

/* The private side of a queue: its part of struct uvshm__channel and struct
 * uvshm__channel_end (channel.h). See queue.c. */

#ifndef UVSHM_CORE_QUEUE_H_
#define UVSHM_CORE_QUEUE_H_

#include <stdint.h>

struct uvshm__queue {
  uint64_t unused;
};

struct uvshm__queue_end {
  uint64_t unused;
};

#endif /* UVSHM_CORE_QUEUE_H_ */
