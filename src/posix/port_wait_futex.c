/* SPDX-License-Identifier: MIT */

/* Sleeping on a word: futexes (Linux). Not the private kind, which would not be
 * found by other processes. The waiter may have a read-only mapping. */

#include "posix.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include <sys/syscall.h>

/* <linux/futex.h> is not on every libc's path. */
#define WAIT_OP 0
#define WAKE_OP 1

/* The old call takes the kernel's `long`s, whatever time_t is in this libc.
 * New 32-bit systems have only the call with 64 bits; x32 has them in the old
 * one. */
#if defined(SYS_futex) && !(defined(__x86_64__) && defined(__ILP32__))
# define FUTEX_CALL SYS_futex
typedef long futex_time_t;
#else
# if defined(SYS_futex)
#  define FUTEX_CALL SYS_futex
# else
#  define FUTEX_CALL SYS_futex_time64
# endif
typedef int64_t futex_time_t;
#endif

struct futex_timeout {
  futex_time_t seconds;
  futex_time_t nanoseconds;
};


int uvshm__port_wait(struct uvshm__port_object* object,
                     const uvshm__a32_t* word,
                     uint32_t value,
                     uint32_t lane,
                     uint32_t timeout_ms) {
  struct futex_timeout timeout;

  (void) object;
  (void) lane;
  timeout.seconds = (futex_time_t) (timeout_ms / 1000);
  timeout.nanoseconds = (futex_time_t) (timeout_ms % 1000) * 1000000;
  if (syscall(FUTEX_CALL, &word->value, WAIT_OP, value, &timeout, NULL, 0) == 0)
    return 0;
  if (errno == EAGAIN || errno == EINTR) return 0;
  return uvshm__posix_error(errno);
}


void uvshm__port_wake(struct uvshm__port_object* object,
                      const uvshm__a32_t* word,
                      uint32_t lane,
                      uint32_t count) {
  (void) object;
  (void) lane;
  if (count > INT_MAX) count = INT_MAX;
  syscall(FUTEX_CALL, &word->value, WAKE_OP, count, NULL, NULL, 0);
}


void uvshm__port_wait_forget(struct uvshm__port_object* object, uint32_t lane) {
  (void) object;
  (void) lane;
}
