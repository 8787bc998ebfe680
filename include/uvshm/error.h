/* SPDX-License-Identifier: MIT */

/* Every code, its meaning and who returns it.
 *
 * A negative result is one of libuv's UV_E... codes (include <uv.h> for their
 * names) and always means that nothing happened: nothing was acquired, nothing
 * was written. A positive result is news about a success (flags.h).
 *
 *   code                 meaning                                  from
 *   UV_ENOENT            there is no such object                  open, unlink
 *   UV_EEXIST            the name is taken (exclusive create)     open
 *   UV_EPROTONOSUPPORT   made with another format, or with a      open
 *                        liveness or wait kind of another system
 *   UV_EPROTOTYPE        it is there, but is another kind of      open
 *                        object, or has other options
 *   UV_EPROTO            damaged, not uvshm's, or a managed file  open, check,
 *                        that was not closed cleanly              any call
 *   UV_EPERM             another user made the object that has    open, set,
 *                        our name; not the holder of the lock     unlock
 *   UV_EACCES            the system's rights forbid it            open, protect
 *   UV_ENOSPC            no room in memory, on disk or under      open, grow,
 *                        max_size                                 directory
 *   UV_ENOMEM            no address space or private memory       open, grow
 *   UV_EMFILE            no free descriptor, peer slot or lane    open, lock
 *   UV_ENOBUFS           the thread holds as many locks as it     lock
 *                        may; a caller's buffer is too small      any call
 *   UV_EBUSY             timeout_ms was 0 and it is taken; a      lock, unlink
 *                        system refuses to remove it now
 *   UV_EAGAIN            timeout_ms was 0 and there is nothing    wait
 *   UV_ETIMEDOUT         not within timeout_ms                    open, lock,
 *                                                                 wait
 *   UV_ENXIO             the object was removed under the handle  any call
 *   UV_ECANCELED         the wait was cancelled, or this peer     lock, wait,
 *                        was declared dead meanwhile              any call
 *   UV_ENOTCONN          a forked child that has not rejoined     any call
 *   UV_EIO               memory of the object is missing          any call
 *                        (UVSHM_GUARD); a disk failed
 *   UV_EOF               the last writer has closed its end       recv, peek
 *   UV_ECONNRESET        the last writer died; one that takes     recv, peek,
 *                        part in the barrier died                 wait
 *   UV_EPIPE             there is no reader any more              send, claim
 *   UV_EMSGSIZE          larger than the largest message          send, claim
 *   UV_EOVERFLOW         a counter would pass its largest value   post
 *   UV_ENAMETOOLONG      a name of more than 200 bytes            open, unlink
 *   UV_EINVAL            misuse: an unknown flag, a bad name, a   any call
 *                        range outside the object, locking what
 *                        this thread holds already
 *   UV_ENOTSUP           this system cannot do it (platforms.md)  any call
 *   UV_ENOSYS            this system has no backend at all        any call
 */

#ifndef UVSHM_ERROR_H_
#define UVSHM_ERROR_H_

#include "uvshm/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A sentence for a result of this library: for the calling thread's last
 * failure, if it had this code, the sentence that names the object (as
 * uvshm_error_detail() gives it); else what the code means in general. Never
 * NULL. Valid until the thread's next uvshm call. Any thread, never blocks. */
UVSHM_EXTERN const char* uvshm_strerror(int code);

/* The calling thread's last failure as a sentence that names the object:
 *
 *   cannot open "prices": made with format 3, this uvshm reads 2
 *
 * After a try in vain (timeout_ms 0), a key that is not there, or a buffer that
 * is too small, it is what the code means in general. An empty string when no
 * call of this thread has failed yet. A success does not clear it. Valid until
 * the thread's next uvshm call. Any thread, never blocks. */
UVSHM_EXTERN const char* uvshm_error_detail(void);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_ERROR_H_ */
