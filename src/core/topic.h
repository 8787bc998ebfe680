/* SPDX-License-Identifier: MIT */

/* The private side of a topic: its part of struct uvshm__channel and struct
 * uvshm__channel_end (channel.h). See topic.c. */

#ifndef UVSHM_CORE_TOPIC_H_
#define UVSHM_CORE_TOPIC_H_

#include <stdint.h>

struct uvshm__topic {
  uint64_t unused;
};

struct uvshm__topic_end {
  uint64_t unused;
};

#endif /* UVSHM_CORE_TOPIC_H_ */
