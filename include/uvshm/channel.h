/* SPDX-License-Identifier: MIT */

/* channel: messages between processes, through memory that both see.
 *
 *   uvshm_channel_options_t options = { .flags = UVSHM_WRITER };
 *   err = uvshm_channel_open(&channel, NULL, "frames", &options);
 *   err = uvshm_channel_send(channel, frame, size, UVSHM_FOREVER);
 *
 * and at the other end, with UVSHM_READER, read where the message lies:
 *
 *   while ((err = uvshm_channel_peek(channel, &frame, &size, 1000)) >= 0) {
 *     show(frame, size);
 *     err = uvshm_channel_release(channel, frame);
 *   }
 *
 * Three kinds, one set of calls:
 *
 *   stream  one writer, one reader. The fastest.
 *   queue   any writers, any readers; each message goes to one reader, in the
 *           order in which they were sent.
 *   topic   any writers, any readers; each reader gets every message. A reader
 *           that is too slow is passed and learns how many it missed, or, in a
 *           topic made with UVSHM_CHANNEL_LOSSLESS, is waited for.
 *
 * A message is 0 to `size_max` bytes and arrives whole. A stream keeps messages
 * one behind the other and uses their size and 8 bytes for each, rounded up to
 * 8. A queue and a topic keep each in a chunk of `size_max` bytes, however
 * small it is: memory is about (capacity + loans of all readers + writers) *
 * size_max; in a lossless topic writers count twice. A message begins at a
 * multiple of 8; in a queue or topic, or when larger than 1024 bytes, of 64.
 *
 * Whoever is killed or stopped, at any point: the others go on, and nothing is
 * seen of a message that was not committed. (The one exception: a reader of a
 * lossless topic that is stopped, but alive, is waited for.) A successor of a
 * stream's dead writer or reader goes on where that one was: what was peeked
 * and not released is seen again. What a dead reader of a queue had peeked is
 * gone, or with UVSHM_CHANNEL_REDELIVER goes to another reader, which is told
 * by the result UVSHM_AGAIN.
 *
 * Ends. A handle opened with UVSHM_WRITER or UVSHM_READER is one end. A reader
 * for whom there is no message gets
 *   UV_EOF         the last writer has closed its end
 *   UV_ECONNRESET  the last writer died
 * and waits otherwise: as long as there is a writer, and before the first one
 * came. Both are a state, not an event: the next writer ends it. A writer gets
 *   UV_EPIPE       there was a reader and none is left
 * and before the first reader came fills the channel and waits when it is full,
 * or, with UVSHM_CHANNEL_AWAIT, waits whenever there is no reader. A topic that
 * is not lossless takes no notice of readers: its writers never wait.
 *
 * Waiting. `timeout_ms` 0 tries once, UVSHM_FOREVER waits, else the call ends
 * with UV_ETIMEDOUT. Who waits looks again for some microseconds, then sleeps;
 * while nobody sleeps no call makes a system call. Never on a loop thread with
 * a timeout other than 0. Deaths are noticed within 50 ms by who waits, and
 * after 64 tries in vain by who does not.
 *
 * Threads: a handle is used by one thread at a time; each thread opens its own.
 * uvshm_channel_cancel() and _info() are for any thread at any time. A forked
 * child that has rejoined (channel or segment) has an end of its own, from its
 * first call on; in a stream the parent must have closed his before.
 *
 * Beside what stands with each call, all return UV_ENXIO (the channel was
 * removed), UV_ENOTCONN (a forked child that has not rejoined), UV_EPROTO
 * (damaged), UV_EPERM (the handle is not such an end), UV_EINVAL (in a
 * transaction, txn.h), UV_ECANCELED (the wait was cancelled, or this peer was
 * declared dead) and UV_EMFILE (it would have to wait; all lanes are taken).
 */

#ifndef UVSHM_CHANNEL_H_
#define UVSHM_CHANNEL_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_channel_s uvshm_channel_t;
struct uvshm_segment_s;

/* The kind, when it is made (none: a stream) or must be (none: any). */
#define UVSHM_CHANNEL_STREAM (1u << 16)
#define UVSHM_CHANNEL_QUEUE (1u << 17)
#define UVSHM_CHANNEL_TOPIC (1u << 18)

/* Topic, when it is made: writers wait for the slowest living reader, its loans
 * included. */
#define UVSHM_CHANNEL_LOSSLESS (1u << 19)

/* Queue, when it is made: what a reader had peeked and not released when it
 * died or closed its end goes to another one, behind all that waits. Without,
 * it is gone. What was received, as a copy, is done with either way. */
#define UVSHM_CHANNEL_REDELIVER (1u << 20)

/* Writer: wait for a reader instead of UV_EPIPE, and before the first. */
#define UVSHM_CHANNEL_AWAIT (1u << 21)

/* Reader of a topic: begin with the oldest message that is still there, or with
 * that of number `sequence` (the oldest after it, if it is not there any more).
 * Without, with the next one that is sent. */
#define UVSHM_CHANNEL_OLDEST (1u << 22)
#define UVSHM_CHANNEL_SEQUENCE (1u << 23)

#define UVSHM_CHANNEL_SIZE_MAX 0x40000000u /* the largest size_max: 1 GiB */

typedef struct {
  uint32_t flags; /* UVSHM_WRITER or UVSHM_READER (neither: only to look), */
                  /* UVSHM_EXISTING, UVSHM_EXCLUSIVE; by name alone */
                  /* KEEP, SYSTEM, READONLY (to look); and those above */
  uint32_t mode;  /* by name alone: POSIX permission bits; 0: 0600 */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  uint64_t linger_ms;  /* writer: how long close waits until all is read */
  uint64_t sequence;   /* with UVSHM_CHANNEL_SEQUENCE */

  /* When it is made. Of one that exists they do not matter. */
  uint64_t size_max; /* bytes of the largest message; 0: 4096 */
  uint64_t messages; /* room for that many of the largest size; 0: `bytes` */
  uint64_t bytes;    /* room in bytes; 0 as well: 256 KiB, but room for four */
  uint32_t writers;  /* most ends of each at once, 1 to 1024; 0: 16. A */
  uint32_t readers;  /* stream has one of each */
  uint32_t loans;    /* messages that one reader may have peeked and not yet */
                     /* released in a queue or topic, 1 to 64; 0: 4 */
  uint32_t reserved; /* 0 */
  const char* group; /* as in region.h */
  const char* sddl;
  const char* label;
} uvshm_channel_options_t;

/* One message of a batch. */
typedef struct {
  void* bytes;       /* where it is, or is to go */
  size_t size;       /* of it, or the room for it */
  uint64_t sequence; /* received: its number, from 0 on, without gaps; of a */
                     /* queue 0 */
  uint64_t missed;   /* received: messages that were lost before this one */
  uint32_t again;    /* received: 1: it was given to a reader before */
  uint32_t reserved; /* 0 */
} uvshm_message_t;

typedef struct {
  uint32_t kind;        /* UVSHM_CHANNEL_STREAM, _QUEUE or _TOPIC */
  uint32_t flags;       /* UVSHM_CHANNEL_LOSSLESS, _REDELIVER */
  uint64_t size_max;    /* bytes */
  uint64_t capacity;    /* stream: bytes; else messages */
  uint64_t depth;       /* messages just now; topic: of the slowest reader */
  uint64_t high;        /* the most that were there when somebody looked */
  uint64_t sent;        /* messages since it was made; after a death one more */
  uint64_t received;    /* or less; topic: by readers that are there */
  uint64_t lost;        /* topic: missed by readers; queue: gone with readers */
  uint64_t again;       /* queue: given again */
  uint32_t writers;     /* ends just now */
  uint32_t readers;     /* the same */
  uint32_t writers_max; /* most ends at once */
  uint32_t readers_max; /* the same */
} uvshm_channel_info_t;

typedef struct {
  uint32_t writer;   /* 1, or 0: a reader */
  uint32_t slot;     /* of its peer (segment.h) */
  uint32_t pid;      /* as the process saw itself */
  uint32_t self;     /* 1: the calling handle */
  uint64_t messages; /* that it sent or received */
  uint64_t lag;      /* reader: messages that wait for it; queue: for any */
  uint64_t lost;     /* reader: messages that it missed */
} uvshm_channel_end_t;

/* Find or make the channel `name`, in `segment` (which must stay open longer)
 * or, when that is NULL, known by its name alone, in a segment of its own; take
 * an end if flags say so.
 *
 *   0, UV_ENOENT, UV_EEXIST, UV_ENOSPC, UV_ETIMEDOUT (who repairs is slow)
 *   UV_EPROTOTYPE  another kind of object or channel, or made without a flag
 *   UV_EBUSY       stream: it has a living writer (reader) already
 *   UV_EMFILE      queue, topic: it has as many writers (readers) as it may
 *   UV_ENOTSUP     the kind cannot do what the flags say
 *   UV_EACCES      an end, in a segment attached for reading (looking works) */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_open(
    uvshm_channel_t** channel,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_channel_options_t* options);

/* Give the end and the handle back. What is claimed is aborted, what is peeked
 * is as if the reader had died, though nobody gets UV_ECONNRESET. With
 * linger_ms a writer waits until its readers have read all, have gone, or the
 * time is over. NULL is fine. */
UVSHM_EXTERN void uvshm_channel_close(uvshm_channel_t* channel);

/* Remove the name, as uvshm_mutex_unlink(). Ends in a segment get UV_ENXIO from
 * now on; of a channel known by its name alone, go on among themselves. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* ---- sending ------------------------------------------------------------- */

/* Send a copy of `size` bytes.
 *
 *   0             it is there, and whoever waits for it is being woken
 *   UV_EMSGSIZE   more than size_max
 *   UV_EAGAIN     there is no room, and timeout_ms was 0
 *   UV_ETIMEDOUT, UV_EPIPE */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_send(uvshm_channel_t* channel,
                                                     const void* bytes,
                                                     size_t size,
                                                     uint64_t timeout_ms);

/* Room for a message of up to `size` bytes, to be written in place. One claim
 * at a time: another is UV_EINVAL. Results as uvshm_channel_send(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_claim(uvshm_channel_t* channel,
                                                      void** bytes,
                                                      size_t size,
                                                      uint64_t timeout_ms);

/* Send what was claimed, its first `size` bytes; or give it back. UV_EINVAL: it
 * is not claimed, or larger than the room (at least what was claimed) there. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_commit(uvshm_channel_t* channel,
                                                       void* bytes,
                                                       size_t size);
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_abort(uvshm_channel_t* channel,
                                                      void* bytes);

/* ---- receiving ----------------------------------------------------------- */

/* Copy the next message into `bytes`: *size is its room, then the message's.
 *
 *   0, UVSHM_MISSED (topic: messages before this one were lost; info says how
 *   many), UVSHM_AGAIN (queue: another reader had it and died)
 *   UV_ENOBUFS     there is not room enough: it stays the next, *size is set
 *   UV_EAGAIN      there is none, and timeout_ms was 0
 *   UV_EINVAL      stream: a message is peeked and not released
 *   UV_ETIMEDOUT, UV_EOF, UV_ECONNRESET */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_recv(uvshm_channel_t* channel,
                                                     void* bytes,
                                                     size_t* size,
                                                     uint64_t timeout_ms);

/* The next message where it lies. It stays there until release, and the room it
 * takes is not used meanwhile. The next peek gives the one after it. Results as
 * uvshm_channel_recv(), and
 *   UV_ENOBUFS  `loans` messages are peeked and not released */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_peek(uvshm_channel_t* channel,
                                                     const void** bytes,
                                                     size_t* size,
                                                     uint64_t timeout_ms);

/* The reader has done with a message. Of a stream the oldest first, else in any
 * order. UV_EINVAL: it is not peeked. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_release(
    uvshm_channel_t* channel, const void* bytes);

/* ---- batches ------------------------------------------------------------- */

/* The same for several messages, with one notification. *count becomes how many
 * it were: as many as possible at once, one at least; only for the first is
 * waited. `bytes` and `size` are what the single calls take and give. A topic
 * lets one be claimed. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_send_many(
    uvshm_channel_t* channel,
    const uvshm_message_t* messages,
    size_t* count,
    uint64_t timeout_ms);
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_claim_many(
    uvshm_channel_t* channel,
    uvshm_message_t* messages,
    size_t* count,
    uint64_t timeout_ms);

/* The first `count` of what was claimed together; the others are aborted. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_commit_many(
    uvshm_channel_t* channel, const uvshm_message_t* messages, size_t count);

/* UV_ENOBUFS only when the first one has no room. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_recv_many(
    uvshm_channel_t* channel,
    uvshm_message_t* messages,
    size_t* count,
    uint64_t timeout_ms);
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_peek_many(
    uvshm_channel_t* channel,
    uvshm_message_t* messages,
    size_t* count,
    uint64_t timeout_ms);
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_release_many(
    uvshm_channel_t* channel, const uvshm_message_t* messages, size_t count);

/* ---- the rest ------------------------------------------------------------ */

/* Wake this end's blocked call with UV_ECANCELED; those that would block from
 * now on get it too. Any thread. */
UVSHM_EXTERN void uvshm_channel_cancel(uvshm_channel_t* channel);

UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_info(
    const uvshm_channel_t* channel, uvshm_channel_info_t* info);

/* The ends, one a call, *cursor 0 first. UV_ENOENT after the last. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_next(
    const uvshm_channel_t* channel,
    uint32_t* cursor,
    uvshm_channel_end_t* info);

/* As uvshm_segment_check() and _repair(); `repaired` counts dead ends. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_check(
    const uvshm_channel_t* channel);
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_repair(uvshm_channel_t* channel,
                                                       uint32_t* repaired);

/* In a forked child, as uvshm_region_rejoin(); revived with its segment. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_channel_rejoin(
    uvshm_channel_t* channel);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_CHANNEL_H_ */
