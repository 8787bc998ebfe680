/* SPDX-License-Identifier: MIT */

/* An object of any kind that this process has open: its memory, its peer slot,
 * and what core code needs to work on it. Regions, segments and the locks that
 * are known by their name alone are each a small handle around one of these.
 *
 * The life of an object in names:
 *
 *   nothing --make, publish--> live --last close, unlink, gc--> nothing
 *                               |                                  ^
 *                               +-- last user dies --> stale ------+
 *
 * Every step is taken under the object's gate (port.h), so that "is anybody
 * attached?" and what follows from the answer are one step.
 */

#ifndef UVSHM_OBJECT_ATTACH_H_
#define UVSHM_OBJECT_ATTACH_H_

#include "base/atomic.h"
#include "core/core.h"
#include "port.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"
#include "uvshm/region.h"

#include <stddef.h>
#include <stdint.h>

struct uvshm__lane_entry;

struct uvshm__attach {
  struct uvshm__port_object object;
  struct uvshm__port_view control; /* control area; of a segment, everything */
  struct uvshm__port_view bytes;   /* of a region: the caller's bytes */
  struct uvshm__port_claim claim;
  struct uvshm__core core;
  struct uvshm__env env;

  /* Facts that were checked once and never change. */
  uint32_t kind;     /* uvshm_kind_t */
  uint32_t lifetime; /* uvshm_lifetime_t */
  uint32_t system;
  uint32_t readonly;
  uint32_t plain;        /* 1: no control area (raw file, foreign) */
  uint32_t private_copy; /* 1: bytes are mapped copy-on-write */
  uint32_t huge;         /* 1: huge pages were asked for */
  uvshm__a32_t narrowed; /* 1: rights to some bytes were taken away once */
  uint64_t max_size;
  uint64_t reserve;
  uint64_t window; /* offset of `bytes` in the caller's bytes */
  uint64_t created_ms;
  uint32_t creator_pid;

  uint32_t
      untouched; /* 1: opening or closing, and nothing of the mapping was */
                 /* touched: better read and written by calls */

  uvshm__a64_t entry; /* address of the lane that was used first (lanes.h) */
  uint64_t serial;    /* of this attach in this process, never 0 */
  uvshm__a64_t calm;  /* `serial`, until a transaction begins here: 0 */
  uint32_t lineage;   /* of the process that may use it */
  const uvshm__a32_t* lineage_word; /* of this process, in port */
  struct uvshm__port_guard guard;   /* with UVSHM_GUARD, while it is mapped */
  uint32_t guarded;                 /* 1: UVSHM_GUARD was asked for */
  uint32_t retired;                 /* process lock: nothing of it is left */
  uvshm__a32_t traces; /* 1: this peer may have left something beside its own */
                       /* entry: a lane, an open bit */
  uint32_t reaping;    /* process lock: repair_claim is in use */
  struct uvshm__port_claim repair_claim;
  struct uvshm__lane_entry* lanes; /* process lock: of all threads */
  struct uvshm__export* exports;   /* process lock: prepared for children */
  struct uvshm__bell* bells;       /* process lock: of loops (bell.h) */
  void (*end_bells)(struct uvshm__attach* attach); /* NULL: there are none */
  uvshm__a64_t plain_size; /* stands in for the header's word */
  uvshm__a64_t exists;     /* core's: bytes that may be touched */
  char label[UVSHM_LABEL_SIZE];
  char name[UVSHM_NAME_MAX + 1]; /* for sentences; cut, of a path */
};

/* What open was asked for, whatever the kind. */
struct uvshm__request {
  const char* name;
  uint32_t flags; /* checked by the caller */
  uint32_t kind;
  uint32_t mode;
  uint64_t size;
  uint64_t max_size;
  uint64_t offset;
  uint64_t window_size;
  uint64_t timeout_ms;
  uint32_t peers;
  uint32_t threads;
  uint32_t objects;
  const char* group;
  const char* sddl;
  const char* label;
  const struct uvshm__contents* contents; /* of a segment (core/contents.h) */
  /* Of a lock known by its name alone: writes its body into a new object. */
  void (*format_root)(void* root, uint32_t argument);
  uint32_t root_argument;
};

#define UVSHM__OPEN_TIMEOUT_MS 5000u

/* Open or make as `request` says. 0, UVSHM_UNCLEAN or an error with its
 * sentence stored. */
int uvshm__attach_open(struct uvshm__attach** attach,
                       const struct uvshm__request* request);

/* For an object that arrives without a name: an attach as open makes it, and
 * its entry into what attach->object means. On failure the caller frees. */
struct uvshm__attach* uvshm__attach_alloc(const struct uvshm__request* request);
int uvshm__attach_arrive(struct uvshm__attach* attach,
                         const struct uvshm__request* request);

/* handover.c: close what was prepared for children. */
void uvshm__exports_close(struct uvshm__attach* attach);

/* Detach, and remove the object if its lifetime ends here. */
void uvshm__attach_close(struct uvshm__attach* attach);

/* In a forked child: take a slot of one's own. */
int uvshm__attach_rejoin(struct uvshm__attach* attach);

/* Is this the process that opened it, or a child that has rejoined? */
static inline int uvshm__attach_is_ours(const struct uvshm__attach* attach) {
  return uvshm__a32_load_relaxed(attach->lineage_word) == attach->serial >> 32;
}


/* Was memory of it found missing (UVSHM_GUARD)? Then it is nobody's, and this
 * process is no peer any more from the next call on. */
static inline int uvshm__attach_is_cut(const struct uvshm__attach* attach) {
  /* After is_ours(), which is a plain load: who saw its 0 sees the cut. */
  uvshm__fence_acquire();
  return attach->guard.os != 0 && uvshm__port_guard_is_cut(&attach->guard);
}


/* 0, or UV_ENOTCONN in a forked child that has not rejoined, or UV_EIO when it
 * was cut. With a sentence. */
int uvshm__attach_usable(const struct uvshm__attach* attach);

/* As a call that finds it cut: what this peer holds is a dead peer's. */
void uvshm__attach_retire(struct uvshm__attach* attach);

/* Raise the caller's size to at least `size`. */
int uvshm__attach_grow(struct uvshm__attach* attach, uint64_t size);

/* For a segment's heap: make the object's first `to` bytes exist; how many do,
 * of those that are mapped, as the system says. */
int uvshm__attach_extend(struct uvshm__attach* attach, uint64_t to);
uint64_t uvshm__attach_exists(struct uvshm__attach* attach);

/* Exact size of the caller's bytes, and what exists of the object. */
uint64_t uvshm__attach_size(const struct uvshm__attach* attach);
uint64_t uvshm__attach_committed(const struct uvshm__attach* attach);

int uvshm__attach_info(const struct uvshm__attach* attach,
                       uvshm_region_info_t* info);

/* How many peer slots are held by live processes. */
uint32_t uvshm__attach_peers(const struct uvshm__attach* attach);

/* Remove the name of an object of `kind` (UVSHM_KIND_UNKNOWN: of any). */
int uvshm__attach_unlink(const char* name, uint32_t flags, uint32_t kind);

/* For a failure of this thread since `failures` (uvshm__error_count() before
 * it): its sentence, or the general meaning of `err`. */
const char* uvshm__reason(int err, unsigned int failures);

/* ---- the parts of opening, each in the file of its name ------------------ */

struct uvshm__control;

/* open_existing.c. Under the gate: attach to what was found. UV_EAGAIN: try
 * again from the start. UVSHM__GONE: it was stale and its name was removed, or
 * it is as good as gone. The object stays open and gated on every failure. */
#define UVSHM__GONE 100

int uvshm__attach_existing(struct uvshm__attach* attach,
                           const struct uvshm__request* request);

/* The same for a create that must be the first: UV_EEXIST unless what was found
 * is as good as gone. */
int uvshm__attach_exclusive(struct uvshm__attach* attach,
                            const struct uvshm__request* request);

/* Under the gate: read the header, check it, and say whether the object still
 * is what its name promised: 0, UVSHM__GONE, or an error. Changes nothing.
 * `kind` UVSHM_KIND_UNKNOWN: any. */
int uvshm__attach_examine(struct uvshm__port_object* object,
                          uint32_t kind,
                          struct uvshm__control* control);

/* open_new.c. Make a new object. UV_EEXIST, UV_EAGAIN: again from the start. */
int uvshm__attach_new(struct uvshm__attach* attach,
                      const struct uvshm__request* request,
                      const struct uvshm__port_spec* spec);

/* plain.c: the same two for objects without a control area. */
int uvshm__attach_plain(struct uvshm__attach* attach,
                        const struct uvshm__request* request);
int uvshm__attach_new_plain(struct uvshm__attach* attach,
                            const struct uvshm__request* request,
                            const struct uvshm__port_spec* spec);

/* managed.c. Can deaths be told where this file lies? UV_ENOTSUP with a reason:
 * not on a file system of another machine, nor where locks do not work. */
int uvshm__attach_test_file(struct uvshm__port_object* object);

/* managed.c. A managed file, mapped, before anybody joins: 0, UVSHM_UNCLEAN or
 * an error. */
int uvshm__managed_open(struct uvshm__attach* attach,
                        const struct uvshm__request* request,
                        const struct uvshm__control* control);

/* attach_map.c. Control first, then the caller's bytes. */
int uvshm__attach_map_control(struct uvshm__attach* attach,
                              const struct uvshm__control* control);
int uvshm__attach_map_bytes(struct uvshm__attach* attach,
                            const struct uvshm__request* request);
int uvshm__attach_map_window(struct uvshm__attach* attach,
                             const struct uvshm__request* request,
                             uint64_t start,
                             uint64_t end,
                             uint64_t exists);
void uvshm__attach_unmap(struct uvshm__attach* attach);

/* join.c. Claim a slot and write the peer entry, and take it back; connect core
 * to port. `states`, if not NULL: those of the first UVSHM__PEERS_AT_ONCE slots
 * as they were a moment ago. */
int uvshm__attach_join(struct uvshm__attach* attach, const uint64_t* states);
void uvshm__attach_unjoin(struct uvshm__attach* attach);
void uvshm__attach_wire(struct uvshm__attach* attach);

#endif /* UVSHM_OBJECT_ATTACH_H_ */
