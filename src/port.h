/* SPDX-License-Identifier: MIT */

/* What an operating system has to give us. This is the whole contract: object
 * code calls nothing else, core code not even this. Each backend (src/posix,
 * src/win32, src/stub) implements every function here under the same name, in
 * the file named after its section (port_map.c, port_name.c, port_peer.c,
 * port_wait.c, port_self.c). Where a backend has two ways, the file has a
 * suffix and CMake picks one (port_wait_futex.c, port_wait_fallback.c).
 *
 * Rules that hold for every call, so they are not repeated below:
 *   - result pointers are never NULL;
 *   - the result is 0 or a negative UV_E code, already translated;
 *   - on error nothing has been acquired and no result has been written;
 *   - EINTR is handled inside;
 *   - times are monotonic, but for uvshm__port_wall_ms().
 *
 * What a system can and cannot do is data, not #ifdefs: each backend has a
 * port_caps.h with the same constants, and portable code branches on them.
 *
 * To port to a new system, copy src/stub, which compiles and answers UV_ENOSYS
 * to everything, and make `port-conformance` pass.
 */

#ifndef UVSHM_PORT_H_
#define UVSHM_PORT_H_

#include "base/atomic.h"

#include <stddef.h>
#include <stdint.h>

/* ---- self: what this process knows of itself and its system -------------- */

/* Milliseconds of a clock that is never set and goes on for the whole boot. */
uint64_t uvshm__port_now_ms(void);

/* Milliseconds since 1970, for people to read. */
uint64_t uvshm__port_wall_ms(void);

void uvshm__port_sleep_ms(uint32_t ms);

/* Let another thread run. Does nothing worse than return at once. */
void uvshm__port_yield(void);

/* Unpredictable bytes from the system. */
int uvshm__port_random(void* bytes, size_t size);

/* Names this boot of the machine: the same for every process until reboot,
 * never the same again. UV_ENOTSUP where a system has no such thing. */
int uvshm__port_boot_id(uint64_t id[2]);

uint32_t uvshm__port_pid(void);

/* The program's name, for labels. Cut to `size`, always ends with a zero. */
void uvshm__port_program(char* text, size_t size);

/* A number that is not 0 and differs between a process and its forked
 * children. Reading it costs a load, no system call. */
uint32_t uvshm__port_lineage(void);

/* Where that number lies, for a check without a call. A child that has not
 * asked for its number yet reads 0 there. Valid for ever. */
const uvshm__a32_t* uvshm__port_lineage_word(void);

/* One pointer for each thread of this process. `at_exit` (the same function in
 * every call) gets it when the thread ends, unless it is NULL by then. */
int uvshm__port_thread_set(void* value, void (*at_exit)(void* value));
void* uvshm__port_thread_get(void);

/* A lock between the threads of this process, for things that happen rarely.
 * A child forked while another thread has it finds it free. */
void uvshm__port_process_lock(void);
void uvshm__port_process_unlock(void);

/* Sizes are multiples of the page; window offsets of the alignment. */
uint64_t uvshm__port_page_size(void);
uint64_t uvshm__port_alignment(void);

/* ---- name: objects, their names and who may have them -------------------- */

/* What kind of name it is. */
enum uvshm__port_origin {
  UVSHM__PORT_NAMED,     /* portable name, checked by the caller */
  UVSHM__PORT_ANONYMOUS, /* no name at all */
  UVSHM__PORT_FILE,      /* path of the caller's own file, managed: gated */
  UVSHM__PORT_RAW_FILE,  /* the same, plain bytes: no gate, no claims */
  UVSHM__PORT_FOREIGN    /* the system's exact name: no gate, no claims */
};

/* How an object is meant by whoever opens it. Not kept by the backend. */
struct uvshm__port_spec {
  const char* name;  /* UTF-8; NULL when anonymous */
  uint32_t origin;   /* enum uvshm__port_origin */
  uint32_t keep;     /* make: it outlives its last user */
  uint32_t system;   /* scope system, not user */
  uint32_t dir;      /* named: `name` is a folder, a `/` and the portable */
                     /* name; only where UVSHM__PORT_TAKES_DIRS is 1 */
  uint32_t readonly; /* find: handles and mappings allow no more */
  uint32_t mode;     /* make, set: permission bits; 0: the default 0600 */
  const char* group; /* make, set: may be NULL */
  const char* sddl;  /* make, set: may be NULL */
  uint64_t reserve;  /* make: bytes that it may grow to, a multiple of the */
                     /* granule */
};

/* An object that this process has open. `id` belongs to the caller: it is set
 * after the header was read or written (uvshm__port_identify) and must be set
 * before the calls that say so. The rest is the backend's. */
struct uvshm__port_object {
  uint64_t id[2];    /* the object's incarnation */
  intptr_t os[8];    /* descriptors, handles ... */
  uint64_t key[2];   /* device and inode, or what tells objects apart */
  uint64_t storage;  /* bytes it had when it was found or made; of a section */
                     /* that the system rounds, the rounded number */
  char* system_name; /* what the system calls it; NULL when it has none */
  uint32_t origin;
  uint32_t readonly;
  uint32_t dir;   /* 1: as spec.dir said */
  uint32_t gated; /* 1: this process has the gate */
};

/* The gate of an object is the right to make it, to attach to it, to judge
 * whether it is in use and to remove its name. One process has it at a time; a
 * dead one loses it to the kernel. uvshm__port_find() and uvshm__port_make()
 * return with the gate held, and uvshm__port_gate_leave() gives it back. Nobody
 * sleeps or waits for others while holding it. Raw files and foreign objects
 * have no gate: for them the gate calls do nothing and answer 0. */

/* Open what has this name now, and take its gate.
 *   UV_ENOENT  there is nothing
 *   UV_EAGAIN  somebody has the gate: try again a little later
 *   UV_EPERM   another user made what has our name
 *   UV_EACCES  the rights do not let us in
 *   UV_EINVAL  it is not memory: a directory, a symbolic link, a device */
int uvshm__port_find(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec);

/* Make new memory of `size` bytes (a multiple of the granule; of raw files and
 * foreign objects any size), which exists and reads as zeros. Nobody can find
 * it before uvshm__port_publish(); a maker that dies before leaves nothing.
 * UV_EEXIST and UV_EAGAIN may come here or from publish. UV_ENOSPC: no room.
 * The caller writes the header between the two and calls identify. */
int uvshm__port_make(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec,
                     uint64_t size);

/* Tell the backend the incarnation id that the header has. */
void uvshm__port_identify(struct uvshm__port_object* object,
                          const uint64_t id[2]);

/* Give the made object its name. UV_EEXIST: somebody else was faster. */
int uvshm__port_publish(struct uvshm__port_object* object);

/* Take the gate again, for closing, unlinking or judging. UV_EAGAIN as above.
 * UV_ENXIO: the name is gone or means another object now. */
int uvshm__port_gate_enter(struct uvshm__port_object* object);
void uvshm__port_gate_leave(struct uvshm__port_object* object);

/* Read the first `size` bytes without mapping anything, so that a header can be
 * looked at safely. UV_EPROTO: it has fewer. */
int uvshm__port_peek(struct uvshm__port_object* object,
                     void* bytes,
                     size_t size);

/* Ask anew for the object's `storage`: it may have grown. */
int uvshm__port_measure(struct uvshm__port_object* object);

/* Gate held, identified: is any other peer attached, readers included? Sets
 * *used to 0 or 1. What this process claimed through the same `object` does not
 * count, whatever other handle of this process did does. An object that takes
 * calls may be asked about without the gate too: as it was a moment ago. */
int uvshm__port_in_use(struct uvshm__port_object* object, int* used);

/* Gate held: the name goes; attached processes keep the memory. UV_EBUSY where
 * the system cannot, UV_EPERM where it may not. */
int uvshm__port_unlink(struct uvshm__port_object* object);

/* Close everything, the gate included. Mappings and claims stay. */
void uvshm__port_drop(struct uvshm__port_object* object);

/* What the system itself knows of the object. */
struct uvshm__port_attributes {
  uint64_t storage_size; /* bytes that the system says it has; not a measure */
                         /* of what is committed */
  uint32_t uid;          /* POSIX; else 0 */
  uint32_t mode;         /* POSIX permission bits; else 0 */
  uint32_t own;          /* 1: the calling user's */
  char owner[64];        /* user name or SID */
  char sddl[256];        /* Windows; else empty */
};

int uvshm__port_attributes(struct uvshm__port_object* object,
                           struct uvshm__port_attributes* attributes);

/* Change mode, group or DACL to what `spec` gives; 0 and NULL change
 * nothing. */
int uvshm__port_set_rights(struct uvshm__port_object* object,
                           const struct uvshm__port_spec* spec);

/* Portable names that exist: calls `each` for every one, of this user or, with
 * `system`, of the system scope and of all users that can be seen. Stops when
 * `each` answers non-zero and returns that. `name` is what was given at
 * creation when the system name tells it; else NULL, and the caller reads it
 * from the header after uvshm__port_find_system(). `dir`: the folder of
 * spec.dir to look into, or NULL for the system's place; UV_ENOTSUP where
 * UVSHM__PORT_TAKES_DIRS is 0, UV_ENOENT when it is not there. */
int uvshm__port_each_name(const char* dir,
                          uint32_t system,
                          int (*each)(void* arg,
                                      const char* name,
                                      const char* system_name),
                          void* arg);

/* As uvshm__port_find(), by the system name that each_name gave; never made
 * anew, opened for reading and writing if the rights allow it, else for
 * reading. The owner is not checked. */
int uvshm__port_find_system(struct uvshm__port_object* object,
                            const char* system_name);

/* Is the name that the object was found or made by still its name? 0, also when
 * that cannot be told, or one of these. No gate is needed. Of several threads
 * with one object at once. */
#define UVSHM__PORT_REMOVED 1u  /* nothing has the name */
#define UVSHM__PORT_REPLACED 2u /* another object has it */
uint32_t uvshm__port_name_lost(const struct uvshm__port_object* object);

/* Remove memory of other software by its name, without looking at it.
 * UV_ENOENT, UV_EPERM, UV_EINVAL; UV_ENOTSUP: there is nothing to remove. */
int uvshm__port_unlink_foreign(const char* name);

#define UVSHM__PORT_LOCKED 4u /* never paged out */

/* Memory of other software that exists, as foreign.h tells it. Stops when
 * `each` answers non-zero and returns that. UV_ENOTSUP: it cannot be listed. */
struct uvshm__port_foreign {
  uint32_t sysv;  /* 1: System V; 0: POSIX */
  uint32_t state; /* UVSHM__PORT_REMOVED, _REPLACED, _LOCKED: bits */
  uint32_t key;
  uint32_t id;
  uint32_t attached;
  uint32_t uid;
  uint32_t mode;
  uint32_t own;
  uint32_t creator_pid;
  uint32_t last_pid;
  uint64_t size;
  uint64_t changed_ms;
  char owner[64];
  char name[288];
};

int uvshm__port_each_foreign(
    int (*each)(void* arg, const struct uvshm__port_foreign* foreign),
    void* arg);

/* ---- hand-over: an object without a name for another process ------------- */

/* A descriptor or handle of the object that uv_spawn() can give to a child. On
 * POSIX it does not survive an exec by itself and goes into a slot of `stdio`;
 * where UVSHM__PORT_INHERITS_VALUES is 1 it is inheritable, and the child finds
 * it under the same value. With `readonly` it allows no more than reading. The
 * caller closes it. UV_ENOTSUP: the object has none to give. */
int uvshm__port_export(struct uvshm__port_object* object,
                       uint32_t readonly,
                       intptr_t* handle);
void uvshm__port_export_close(intptr_t handle);

/* Open the object that a handle of this process means, inherited or received;
 * on success the handle is the object's. There is no gate, as there is no name.
 * UV_EINVAL: there is no such handle, or it is not memory. */
int uvshm__port_import(struct uvshm__port_object* object, intptr_t handle);

/* Send an exported handle to the process at the other end of a libuv IPC pipe,
 * whose own handle `pipe` is; and take one from there. Nobody else may read or
 * write the pipe meanwhile. Where UVSHM__PORT_INHERITS_VALUES is 1 the receiver
 * fetches the handle from the sender, who keeps it until it closes the object;
 * else it may be closed at once. UV_ETIMEDOUT, UV_EOF, UV_EPROTO: something
 * else came. */
int uvshm__port_send(intptr_t handle, intptr_t pipe, uint64_t timeout_ms);
int uvshm__port_receive(struct uvshm__port_object* object,
                        intptr_t pipe,
                        uint64_t timeout_ms);

/* ---- map: memory that other processes can see ---------------------------- */

enum uvshm__port_access {
  UVSHM__PORT_NONE,
  UVSHM__PORT_READ,
  UVSHM__PORT_WRITE, /* and read */
  UVSHM__PORT_COPY   /* and read; what is written stays in this process */
};

/* What a caller would like of a view. */
#define UVSHM__PORT_HUGE 1u    /* huge pages */
#define UVSHM__PORT_CARRIER 2u /* it may carry a claim, see below */

struct uvshm__port_view {
  void* addr;       /* page aligned; differs from process to process */
  uint64_t size;    /* bytes mapped: may be more than exist */
  uint64_t offset;  /* where in the object it begins */
  intptr_t carrier; /* not 0: the claim made next, under the same gate, lasts */
                    /* as long as this view, whatever unclaim() is told */
  uint32_t access;
  uint32_t huge; /* 1: huge pages were got */
};

/* Map `size` bytes from `offset` (a multiple of the alignment). More may be
 * mapped than exists; touching that is a fault until it was grown to. With
 * `at_least` < `size`, less may be mapped when address space is short, but not
 * less than that. UV_ENOMEM: no address space.
 *
 * To carry a claim costs less than to have one beside. The caller has the gate,
 * makes one claim before it leaves the gate, and later unmaps the view before
 * it looks whether others are attached. A forked child may not have such a view
 * until it has called remap(). */
int uvshm__port_map(struct uvshm__port_view* view,
                    struct uvshm__port_object* object,
                    uint64_t offset,
                    uint64_t size,
                    uint64_t at_least,
                    uint32_t access,
                    uint32_t wants);

void uvshm__port_unmap(struct uvshm__port_view* view);

/* In a forked child: what was not inherited is mapped again, at the same
 * address. UV_ENOMEM: something else lies there. */
int uvshm__port_remap(struct uvshm__port_view* view);

/* Make the object's first `to` bytes exist and raise *committed, a word in the
 * object itself, to at least `to` afterwards (a maximum, never lowered; when it
 * is that already, nothing is done). `to` is at most the reserve. `view` is one
 * that the caller has and may cover the new range or not. Any number of
 * processes may do it at once; bytes below *committed are never touched; a
 * death in the middle leaves *committed as it was. UV_ENOSPC: as before. */
int uvshm__port_grow(struct uvshm__port_object* object,
                     struct uvshm__port_view* view,
                     uvshm__a64_t* committed,
                     uint64_t to);

/* Where a managed file is as long as its reserve while it is open: cut it to
 * `to` bytes. No process has it mapped; the gate is held. Elsewhere, and when
 * it fails, it is as long as it was, which harms nobody. */
void uvshm__port_trim(struct uvshm__port_object* object, uint64_t to);

/* How many bytes of the object exist, from its first on, as the system itself
 * knows; `view` maps it from there. What a word in shared memory says about
 * that may be anything. Of several threads with one object at once. */
int uvshm__port_exists(struct uvshm__port_object* object,
                       const struct uvshm__port_view* view,
                       uint64_t* size);

/* May bytes of this object be read and written by calls? 0 or 1: not on every
 * system, not in every file system, and a file size limit of this process may
 * forbid it. */
int uvshm__port_takes_calls(const struct uvshm__port_object* object);

/* Read or write bytes by a call, where that is worth it: the first touch of a
 * mapping costs the system more than ten of these. Each byte is whole, and the
 * calls of a thread are seen in their order, through every mapping.
 * UV_ENOTSUP: it does not take calls. UV_EPROTO: there are fewer bytes. */
int uvshm__port_read_at(struct uvshm__port_object* object,
                        uint64_t at,
                        void* bytes,
                        size_t size);
int uvshm__port_write_at(struct uvshm__port_object* object,
                         uint64_t at,
                         const void* bytes,
                         size_t size);

/* These take a page-aligned range of a view. */
int uvshm__port_protect(void* addr, uint64_t size, uint32_t access);
int uvshm__port_sync(struct uvshm__port_object* object,
                     void* addr,
                     uint64_t size,
                     int wait);
int uvshm__port_prefault(void* addr, uint64_t size, int writable);
int uvshm__port_pin(void* addr, uint64_t size);
/* *got 1 when the system gives huge pages to this range. */
int uvshm__port_huge(void* addr, uint64_t size, uint32_t* got);

/* ---- guard: memory that another program cuts off ------------------------- */

/* Touching mapped memory that does not exist any more is a signal that ends the
 * process; in a view with a guard it finds private zeros instead, and the guard
 * is cut from then on. Where nobody can cut off what is mapped, begin() leaves
 * `os` as it is, and nothing else is called. */
struct uvshm__port_guard {
  const uvshm__a32_t* lineage; /* like uvshm__port_lineage_word(), but 0 when */
                               /* the guard is cut */
  intptr_t os;                 /* not 0: there is a guard */
};

/* UV_EMFILE: there are too many. */
int uvshm__port_guard_begin(struct uvshm__port_guard* guard);

/* A view of the guard's, at most two. Before it is unmapped the guard ends,
 * and nobody touches the view meanwhile. */
int uvshm__port_guard_add(struct uvshm__port_guard* guard,
                          const struct uvshm__port_view* view);
void uvshm__port_guard_end(struct uvshm__port_guard* guard);

/* Any thread. */
int uvshm__port_guard_is_cut(const struct uvshm__port_guard* guard);

/* All its views become private zeros: after this, no thread of this process
 * reaches the object. UV_ENOMEM: some may still. */
int uvshm__port_guard_blank(struct uvshm__port_guard* guard);

/* In a forked child: `lineage` is the child's. */
void uvshm__port_guard_rejoin(struct uvshm__port_guard* guard);

/* ---- peer: who is attached, and is it alive? ----------------------------- */

/* A slot that this process holds. The kernel takes it back when the process
 * ends or execs; a forked child does not have it. */
struct uvshm__port_claim {
  intptr_t os[2];
};

/* The slot of peers that only read: any number may have it at once. */
#define UVSHM__PORT_READERS UINT32_MAX

/* Take `slot` (below 65536) of the identified object. To attach, the gate must
 * be held; a repairer claims a dead peer's slot without it, and a forked child
 * that rejoins takes its own, also when the object has lost its name already.
 *   UV_EBUSY  a live process has it, or is just repairing it */
int uvshm__port_claim(struct uvshm__port_claim* claim,
                      struct uvshm__port_object* object,
                      uint32_t slot);

void uvshm__port_unclaim(struct uvshm__port_claim* claim);

/* Is `slot` held by a live process, this one included? Sets *alive to 0 or 1.
 * On any doubt 1: a false "alive" is delay, a false "dead" is damage. */
int uvshm__port_alive(struct uvshm__port_object* object,
                      uint32_t slot,
                      int* alive);

/* Can liveness be told for this object (does its filesystem have locks)? Locks,
 * maps, closes and probes once. UV_ENOTSUP: no. */
int uvshm__port_peer_test(struct uvshm__port_object* object);

/* ---- wait: sleep on a 32-bit word in shared memory ----------------------- */

/* Sleep while *word is `value`, at most `timeout_ms` (never for ever). `lane`
 * is the caller's own lane in the identified object, which no other thread has.
 *   0             woken, or the word differs, or for no reason at all
 *   UV_ETIMEDOUT  the time is over */
int uvshm__port_wait(struct uvshm__port_object* object,
                     const uvshm__a32_t* word,
                     uint32_t value,
                     uint32_t lane,
                     uint32_t timeout_ms);

/* Wake up to `count` sleepers on `word`. Where UVSHM__PORT_WAKES_LANES is 1,
 * the caller looks up which lanes sleep there and calls this once for each with
 * its lane and count 1; else `lane` is not looked at. */
void uvshm__port_wake(struct uvshm__port_object* object,
                      const uvshm__a32_t* word,
                      uint32_t lane,
                      uint32_t count);

/* A lane of this process ends: give back what the backend keeps for it. */
void uvshm__port_wait_forget(struct uvshm__port_object* object, uint32_t lane);

/* ---- bell: wake a loop of another process -------------------------------- */

/* A bell is known by the object's id, the slot of its owner and a number, its
 * loop's. The owner opens it; any peer rings it. Rings that nobody has answered
 * yet may become one. Core code (signal.c) sees to it that nobody rings a loop
 * that does not sleep. */
struct uvshm__port_bell {
  intptr_t os[4];
};

/* Make the bell of `slot`, which this process has claimed in the identified
 * object. What a dead owner of the slot left there does not matter.
 *   UV_EMFILE, UV_ENOSPC, UV_EACCES  as the system says */
int uvshm__port_bell_open(struct uvshm__port_bell* bell,
                          struct uvshm__port_object* object,
                          uint32_t slot,
                          uint32_t number);

/* The object need not be there any more. `remove`: nobody else has the slot, so
 * what others find it by goes too; 0 in a forked child. Not while somebody
 * listens. */
void uvshm__port_bell_close(struct uvshm__port_bell* bell, int remove);

/* Ring somebody's bell. `generation` is the one that its owner has in `slot`.
 * Never blocks, never fails: a bell that is not there is not rung. Any thread,
 * of any process. */
void uvshm__port_bell_ring(struct uvshm__port_object* object,
                           uint32_t slot,
                           uint32_t generation,
                           uint32_t number);

/* Remove what a dead owner of `slot` left of bells 0 to count-1. The caller has
 * the slot. */
void uvshm__port_bell_sweep(struct uvshm__port_object* object,
                            uint32_t slot,
                            uint32_t count);

/* What becomes readable (a descriptor) or signaled (a handle) with a ring, and
 * stays so until the bell is answered. UV_ENOTSUP. Not while somebody listens.
 * Where UVSHM__PORT_BELL_POLLS is 1, uv_poll_init() takes it. */
int uvshm__port_bell_fileno(const struct uvshm__port_bell* bell, intptr_t* os);

/* Take back all rings so far. */
void uvshm__port_bell_answer(struct uvshm__port_bell* bell);

/* Call `rung(arg)` after each ring, in a thread of the backend's, with the ring
 * answered; it must not block nor call anything here. After ignore() it is not
 * called any more, and no call is under way. For where BELL_POLLS is 0. */
int uvshm__port_bell_listen(struct uvshm__port_bell* bell,
                            void (*rung)(void* arg),
                            void* arg);
void uvshm__port_bell_ignore(struct uvshm__port_bell* bell);

/* ---- native: a lock of the system's own, by its exact name --------------- */

/* Only where UVSHM__PORT_NATIVE_LOCKS is 1; other backends have none of it.
 * Such a lock knows neither objects nor peers: what becomes of it when its
 * owner dies is the system's business. Its owner is a thread. */
struct uvshm__port_native {
  intptr_t os[2];
};

struct uvshm__port_native_facts {
  uint32_t depth;      /* how many times its owner took it; 0: free */
  uint32_t own;        /* 1: the owner is the calling thread */
  uint32_t owner_died; /* 1: free, and the next owner will be told */
  uint32_t owner_pid;  /* 0: not held, or the system does not tell */
};

/* Of `spec` count name, group and sddl. `make` 0: it must be there, else
 * UV_ENOENT. *made is 1 when it was not there before.
 *   UV_EPROTOTYPE  the name is another kind of object's */
int uvshm__port_native_open(struct uvshm__port_native* native,
                            const struct uvshm__port_spec* spec,
                            uint32_t make,
                            uint32_t* made);

/* What this process has locked stays locked until its thread ends. */
void uvshm__port_native_close(struct uvshm__port_native* native);

/* 0, or 1: its owner died. UV_EBUSY: `timeout_ms` was 0; UV_ETIMEDOUT;
 * UV_ECANCELED: not free, and uvshm__port_native_cancel() was called. */
int uvshm__port_native_lock(struct uvshm__port_native* native,
                            uint64_t timeout_ms);

/* UV_EPERM: this thread does not have it. */
int uvshm__port_native_unlock(struct uvshm__port_native* native);

/* End the waits of this handle, now and from now on. Any thread. */
void uvshm__port_native_cancel(struct uvshm__port_native* native);

int uvshm__port_native_read(const struct uvshm__port_native* native,
                            struct uvshm__port_native_facts* facts);

#endif /* UVSHM_PORT_H_ */
