/* SPDX-License-Identifier: MIT */

/* What the files of this backend tell each other. Nothing outside includes it.
 *
 * Locks. All that uvshm knows about who is alive and who may judge an object is
 * kept as byte locks of the kernel, on the object's own file, far beyond its
 * end. The layout of these bytes is part of the format:
 *
 *   byte                       who locks it, and how
 *   2^39 + random              a test of the file system, shared
 *   2^40                       the gate: exclusive; shared by who may only read
 *   2^40 + 2                   who grows a file without fallocate, exclusive
 *   2^40 + 16 + slot           the peer of that slot, exclusive
 *   2^62 + random              a reader, shared; random so that a process can
 *                              tell its own byte from others'
 *
 * Forks. With OFD locks a descriptor that has a lock must never be copied by a
 * fork, or the child keeps the lock alive. So such a descriptor exists only
 * while its thread has the process lock, which a fork waits for; a claim lives
 * on in a mapping that children do not get. Therefore:
 *
 *   uvshm__port_find(), _find_system(), _make() and _gate_enter() that return a
 *   gate return with the process lock held, by this thread, and _gate_leave()
 *   or _drop() gives it back, in the same thread.
 *
 * The lock is recursive, so that port calls nest. Lock order: any lock of the
 * caller's that is taken inside a gate is never held while entering one.
 */

#ifndef UVSHM_POSIX_POSIX_H_
#define UVSHM_POSIX_POSIX_H_

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
# define _FILE_OFFSET_BITS 64
#endif

#include "base/error.h"
#include "port.h"
#include "port_caps.h"

#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>
#include <sys/types.h>

_Static_assert(sizeof(off_t) == 8, "lock bytes lie beyond 2^40");

#define UVSHM__BYTE_TEST (UINT64_C(1) << 39)
#define UVSHM__BYTE_GATE (UINT64_C(1) << 40)
#define UVSHM__BYTE_GROW (UVSHM__BYTE_GATE + 2)
#define UVSHM__BYTE_SLOTS (UVSHM__BYTE_GATE + 16)
#define UVSHM__BYTE_READERS (UINT64_C(1) << 62)
#define UVSHM__SLOTS_LIMIT 65536u

/* Room for a folder of the caller's choice (spec.dir) in a bell's path. */
#define UVSHM__POSIX_DIR_LIMIT 1024

/* What os[] of an object holds. */
enum {
  UVSHM__OS_FD,    /* descriptor that never locks; -1: none */
  UVSHM__OS_GATE,  /* descriptor that has the gate; fallback: 0 */
  UVSHM__OS_HOLDS, /* struct uvshm__holds*; NULL: no claims possible */
  UVSHM__OS_TEMP,  /* char*: the name until it is published, or NULL */
  UVSHM__OS_NAMED, /* 1: published; system_name may lead to it */
  UVSHM__OS_SYSV,  /* 1 + System V identifier; 0: it is none */
  UVSHM__OS_INODE, /* fallback: struct uvshm__inode*, or NULL */
  UVSHM__OS_BELLS  /* struct uvshm__bells*: those that we have rung, or NULL */
};

/* One byte lock of this process. */
struct uvshm__hold {
  struct uvshm__hold* next; /* of the same object */
  struct uvshm__holds* of;  /* NULL: the object was dropped */
  uint64_t byte;
  uint32_t lineage;           /* of the process that has it */
  int gate;                   /* ofd: the gate's descriptor while it shares */
                              /* that description, else -1 */
  void* page;                 /* ofd: keeps the description alive; NULL: a */
                              /* view of the object does (port_carrier.c) */
  struct uvshm__inode* inode; /* fallback */
  struct uvshm__hold* peer;   /* fallback: next of the same inode */
};

/* What this process holds through one object. It is apart from the object
 * because callers move objects about, and claims outlive them. */
struct uvshm__holds {
  struct uvshm__hold* first;
  struct uvshm__carrier* carrier; /* made under the present gate, or NULL */
};

/* ---- port_carrier.c ------------------------------------------------------ */

/* `view`, which was just mapped of the gate's description and which no child
 * inherits, carries the claim that is made next. Process lock held. */
int uvshm__posix_carrier_begin(struct uvshm__port_view* view,
                               struct uvshm__port_object* object,
                               int prot);

/* The gate goes: no claim is made of what it carried any more. */
void uvshm__posix_carrier_settle(struct uvshm__holds* holds);

/* Unmap it. */
void uvshm__posix_carrier_end(struct uvshm__port_view* view);

/* The fork handlers, with the process lock held. */
void uvshm__posix_carriers_fork(void);
void uvshm__posix_carriers_parent(void);
void uvshm__posix_carriers_child(void);

/* ---- port_calls.c -------------------------------------------------------- */

/* 1: a name in the usual place, which is memory of the system: mappings and
 * calls share pages there, and no link is made but ours. */
int uvshm__posix_in_memory(const struct uvshm__port_object* object);

/* ---- port_error.c -------------------------------------------------------- */

/* The UV_E code of an errno; never 0. */
int uvshm__posix_error(int err);

/* open() that knows EINTR and raises a low soft limit of descriptors; -1 and
 * errno on failure. Always O_CLOEXEC. */
int uvshm__posix_open(const char* path, int flags, mode_t mode);

/* Read a file until `size` bytes or its end; how many, or a negative code. */
long uvshm__posix_read(const char* path, void* bytes, size_t size);

/* 1: the limit of descriptors was raised, so that trying again makes sense. */
int uvshm__posix_more_descriptors(void);

/* ---- port_fork.c --------------------------------------------------------- */

/* 0, or UV_ENOMEM when forks cannot be watched. Before any lock. */
int uvshm__posix_watch_forks(void);

/* A page that reads as zeros in a forked child; NULL: the system has none. */
uvshm__a32_t* uvshm__posix_wiped_page(void);

/* ---- port_guard.c -------------------------------------------------------- */

/* In a forked child: the guards are the parent's. */
void uvshm__posix_guards_forked(void);

/* ---- port_name.c --------------------------------------------------------- */

/* malloc the path of a portable name, or an absolute path from a file's. */
int uvshm__posix_path(char** path, const struct uvshm__port_spec* spec);

/* malloc the temporary path that goes with `path`. */
int uvshm__posix_temp_path(char** temp, const char* path);

/* The folder where this scope's names lie. */
void uvshm__posix_place(char* text, size_t size, uint32_t system);

/* The user's own folder exists and is safe (made if `make`). UV_ENOENT,
 * UV_EPERM. Does nothing where names do not lie in one. */
int uvshm__posix_folder(uint32_t system, int make);

/* 1: names lie in a folder of each user's own. */
int uvshm__posix_in_folder(void);

/* ---- port_name_find.c ---------------------------------------------------- */

void uvshm__posix_init(struct uvshm__port_object* object, uint32_t origin);
int uvshm__posix_init_holds(struct uvshm__port_object* object);
void uvshm__posix_set_key(struct uvshm__port_object* object,
                          const struct stat* st);
int uvshm__posix_same_key(const struct uvshm__port_object* object,
                          const struct stat* st);
int uvshm__posix_leads_here(const struct uvshm__port_object* object,
                            const char* path);

/* Remove a temporary file whose maker is dead. 0: it is gone. UV_EAGAIN: its
 * maker is alive. */
int uvshm__posix_sweep(const char* temp);

/* ---- port_rights.c ------------------------------------------------------- */

/* Give `fd` the mode (0: 0600 when `fresh`, else no change) and group. */
int uvshm__posix_rights(int fd, const struct uvshm__port_spec* spec, int fresh);
int uvshm__posix_group(const char* text, gid_t* gid);
void uvshm__posix_user(uint32_t uid, char* text, size_t size);

/* ---- port_grow.c, and the way that the build chose ----------------------- */

/* Does this process's limit of file sizes allow a write up to `to`? */
int uvshm__posix_may_write(uint64_t to);

/* Make bytes [from, to) of `fd` exist, which nobody else does at this time. */
int uvshm__posix_fill(int fd, uint64_t from, uint64_t to);

/* The same, with others doing it at the same time. UV_ENOTSUP: no such call,
 * or this file system has it not. */
int uvshm__posix_allocate(int fd, uint64_t from, uint64_t to);

/* ---- port_peer_ofd.c, port_peer_fallback.c ------------------------------- */

/* Open `path` as the object's data descriptor, following no link. Sets its key.
 * The second adopts a descriptor that was just made, or closes it. */
int uvshm__posix_data_open(struct uvshm__port_object* object,
                           const char* path,
                           struct stat* st);
int uvshm__posix_data_adopt(struct uvshm__port_object* object, int fd);
void uvshm__posix_data_close(struct uvshm__port_object* object);

/* For another process: a descriptor of the object's that may be closed by the
 * function below alone. `readonly`: one that can do no more than read.
 * And the other way: `fd`, whose file is `st`, becomes the object's; on failure
 * it stays the caller's. */
int uvshm__posix_data_export(struct uvshm__port_object* object,
                             int readonly,
                             int* fd);
void uvshm__posix_data_export_close(int fd);
int uvshm__posix_data_import(struct uvshm__port_object* object,
                             int fd,
                             const struct stat* st);

/* Take the gate. `path` leads to the object; NULL: it has no name. Process lock
 * held. UV_EAGAIN: somebody has it. UV_ENXIO: the path leads elsewhere. */
int uvshm__posix_gate(struct uvshm__port_object* object, const char* path);
void uvshm__posix_ungate(struct uvshm__port_object* object);

/* Lock hold->byte, `exclusive` or shared. Process lock held. UV_EBUSY. */
int uvshm__posix_hold(struct uvshm__port_object* object,
                      struct uvshm__hold* hold,
                      int exclusive);
void uvshm__posix_release(struct uvshm__hold* hold);

/* The descriptor whose mapping may carry a claim; -1: none. Gate held. */
int uvshm__posix_carrier_fd(const struct uvshm__port_object* object);

/* A hold of the parent's, found in a forked child: forget it. */
void uvshm__posix_forget(struct uvshm__hold* hold);

/* Is any of the bytes [from, from + size) locked by anybody, this process
 * included? `size` 0: all from there on. */
int uvshm__posix_probe(struct uvshm__port_object* object,
                       uint64_t from,
                       uint64_t size,
                       int* held);

/* ---- port_peer.c --------------------------------------------------------- */

/* fcntl() with one byte; UV_EAGAIN when somebody else has it. And: does
 * somebody else have any of these bytes? `size` 0: all from there on. */
int uvshm__posix_set_lock(int fd, int command, uint64_t byte, short type);
int uvshm__posix_get_lock(
    int fd, int command, uint64_t from, uint64_t size, int* held);

int uvshm__posix_claim_byte(struct uvshm__port_claim* claim,
                            struct uvshm__port_object* object,
                            uint64_t byte,
                            int exclusive);

/* The object is dropped: claims stay, but belong to none. */
void uvshm__posix_orphan_holds(struct uvshm__port_object* object);

/* ---- port_bell.c, and the way that the build chose ----------------------- */

/* A descriptor to write to from `path`, which does not block; -1. And: write a
 * byte, whatever comes of it. */
int uvshm__posix_bell_reach(const char* path);
void uvshm__posix_bell_write(int fd);

/* Make the FIFO and open it, under a name that nobody knows, then give it the
 * one that it is found by. */
int uvshm__posix_bell_make(struct uvshm__port_bell* bell,
                           struct uvshm__port_object* object,
                           uint32_t slot,
                           uint32_t number,
                           int (*open_ends)(struct uvshm__port_bell* bell,
                                            const char* path));

/* bell->os[] of both ways. */
enum {
  UVSHM__BELL_FD,    /* where rings are read */
  UVSHM__BELL_PATH,  /* char*: the name it is found by */
  UVSHM__BELL_KEEP,  /* fallback: a writing end that keeps it from ending */
  UVSHM__BELL_LISTEN /* fallback: struct listener*, or 0 */
};

void uvshm__posix_bells_close(struct uvshm__port_object* object);

/* What is left in the folder of bells: `file` if it is one whose owner is dead
 * goes. 1: it is a bell's. */
int uvshm__posix_bell_litter(const char* place, const char* file);

/* ---- port_foreign.c ------------------------------------------------------ */

int uvshm__foreign_find(struct uvshm__port_object* object,
                        const struct uvshm__port_spec* spec);
int uvshm__foreign_make(struct uvshm__port_object* object,
                        const struct uvshm__port_spec* spec,
                        uint64_t size);
int uvshm__foreign_unlink(struct uvshm__port_object* object);
uint32_t uvshm__foreign_name_lost(const struct uvshm__port_object* object);

/* ---- port_sysv.c: foreign names that begin with "sysv:" ------------------ */

int uvshm__sysv_find(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec);
int uvshm__sysv_make(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec,
                     uint64_t size);
int uvshm__sysv_unlink(struct uvshm__port_object* object);
int uvshm__sysv_unlink_name(const char* name);
uint32_t uvshm__sysv_name_lost(const struct uvshm__port_object* object);
int uvshm__sysv_attributes(struct uvshm__port_object* object,
                           struct uvshm__port_attributes* attributes);
int uvshm__sysv_set_rights(struct uvshm__port_object* object,
                           const struct uvshm__port_spec* spec);
int uvshm__sysv_map(struct uvshm__port_view* view,
                    struct uvshm__port_object* object,
                    uint64_t offset,
                    uint64_t size,
                    uint64_t at_least,
                    uint32_t access);

/* 1: `addr` was a System V attachment, and is none any more. */
int uvshm__sysv_unmap(void* addr);

/* ---- port_huge.c --------------------------------------------------------- */

/* Map with the address a multiple of the huge page. */
int uvshm__posix_map_huge(
    void** addr, int fd, uint64_t offset, size_t size, int prot, int flags);

#endif /* UVSHM_POSIX_POSIX_H_ */
