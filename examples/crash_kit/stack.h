/* SPDX-License-Identifier: MIT */

/* A stack of numbers in a segment, for any number of processes: an example of a
 * structure of one's own. Results are libuv's codes. */

#ifndef EXAMPLES_CRASH_KIT_STACK_H_
#define EXAMPLES_CRASH_KIT_STACK_H_

#include <uvshm.h>

#define STACK_ROOM 16

struct stack;

typedef struct {
  uvshm_mutex_t* mutex;
  struct stack* shared;
} stack_handle;

int stack_open(stack_handle* stack, uvshm_segment_t* segment, const char* name);
void stack_close(stack_handle* stack);

/* UV_ENOSPC: it is full. */
int stack_push(stack_handle* stack, uint64_t number);

/* UV_ENOENT: it is empty. */
int stack_pop(stack_handle* stack, uint64_t* number);

/* How many there are, and their sum; UV_EPROTO when the two do not fit what is
 * there, which must not be. */
int stack_sum(stack_handle* stack, uint64_t* count, uint64_t* sum);

#endif /* EXAMPLES_CRASH_KIT_STACK_H_ */
