/* SPDX-License-Identifier: MIT */

/* Sleeping on a word where the system has nothing to sleep on between
 * processes: look again and again, first at once, then after yielding, then
 * after sleeps that grow to 1 ms. Nobody has to be woken. */

#include "posix.h"

#include <time.h>

#define SPINS 200
#define YIELDS 20
#define SLEEP_NS 50000
#define SLEEP_NS_LIMIT 1000000


static void sleep_ns(long ns) {
  struct timespec time = {0, ns};

  nanosleep(&time, NULL); /* cut short by a signal: just look earlier */
}


int uvshm__port_wait(struct uvshm__port_object* object,
                     const uvshm__a32_t* word,
                     uint32_t value,
                     uint32_t lane,
                     uint32_t timeout_ms) {
  uint64_t deadline;
  long ns = SLEEP_NS;
  int round;

  (void) object;
  (void) lane;
  for (round = 0; round < SPINS + YIELDS; round++) {
    if (uvshm__a32_load_acquire(word) != value) return 0;
    if (round < SPINS)
      uvshm__pause();
    else
      uvshm__port_yield();
  }
  deadline = uvshm__port_now_ms() + timeout_ms;
  for (;;) {
    if (uvshm__a32_load_acquire(word) != value) return 0;
    if (uvshm__port_now_ms() >= deadline) return UV_ETIMEDOUT;
    sleep_ns(ns);
    if (ns < SLEEP_NS_LIMIT)
      ns = 2 * ns < SLEEP_NS_LIMIT ? 2 * ns : SLEEP_NS_LIMIT;
  }
}


void uvshm__port_wake(struct uvshm__port_object* object,
                      const uvshm__a32_t* word,
                      uint32_t lane,
                      uint32_t count) {
  (void) object;
  (void) word;
  (void) lane;
  (void) count;
}


void uvshm__port_wait_forget(struct uvshm__port_object* object, uint32_t lane) {
  (void) object;
  (void) lane;
}
