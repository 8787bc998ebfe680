/* SPDX-License-Identifier: MIT */

/* What the files of this backend share: the private half of an object, names,
 * rights, gates.
 *
 * Every kernel object of uvshm, with the portable name N, the maker's random
 * key K (which incarnation of N) and the header's random id I:
 *
 *   name                          kind     who keeps it open
 *   <scope>uvshm-N.gate           mutex    who has N open
 *   <scope>uvshm-N.index          section  the same; says which K is N now
 *   <scope>uvshm-N.<K>.data       section  who has this incarnation open
 *   <scope>uvshm-<I>.peer<slot>   event    the live owner of the slot
 *   <scope>uvshm-<I>.life         event    every live peer, readers too
 *   <scope>uvshm-<I>.lane<lane>   event    who sleeps there or woke one
 *   <scope>uvshm-<I>.bell<loop>   event    whose loop it is, and who rang it
 *   Global\uvshm-<F>.filegate     mutex    who has the file F open
 *
 * <scope> is `Local\` (this logon session) or `Global\`; the events of what is
 * backed by a file are always in `Global\`, because the file can be reached
 * from every session. F is the file's volume and number. All five kinds of
 * kernel objects share one space of names, hence a suffix for each.
 *
 * No handle is inheritable: libuv starts children with bInheritHandles TRUE,
 * and a slot that a child holds as well would never look dead.
 *
 * What Windows 8 or Wine 8 lacks is looked up at run time, never linked.
 */

#ifndef UVSHM_WIN32_WIN32_H_
#define UVSHM_WIN32_WIN32_H_

#include "base/error.h"
#include "port.h"

#include <windows.h>

/* ---- text: UTF-8 outside, UTF-16 inside (port_text.c) -------------------- */

/* Room for `L`-strings that are made of fixed parts and numbers. */
#define UVSHM__WIN_TEXT 96

/* Both allocate; free() the result. UV_EINVAL: not valid text. */
int uvshm__win_wide(wchar_t** wide, const char* utf8);
int uvshm__win_utf8(char** utf8, const wchar_t* wide);

/* One string of all parts, the last of which is followed by NULL. NULL when
 * there is no memory. */
wchar_t* uvshm__win_join(const wchar_t* first, ...);

/* 32 digits and a final zero. */
void uvshm__win_hex(wchar_t text[33], const uint64_t value[2]);

/* A UV_E code for what GetLastError() says. */
int uvshm__win_error(DWORD error);
int uvshm__win_last_error(void);

/* A function of a system DLL, NULL when this Windows has no such function. */
FARPROC uvshm__win_function(const wchar_t* dll, const char* name);

/* ---- rights of new memory (port_sddl.c) ---------------------------------- */

/* The calling user's SID as text; NULL when it cannot be had. */
const wchar_t* uvshm__win_user(void);

/* What `spec` asks for, as a descriptor of new memory; LocalFree() it. */
int uvshm__win_rights_new(PSECURITY_DESCRIPTOR* rights,
                          const struct uvshm__port_spec* spec);

/* What nothing special was asked for gets: this user and SYSTEM. */
int uvshm__win_rights_usual(PSECURITY_DESCRIPTOR* rights);

/* Of memory without a name: nobody has any, but for what a handle was made
 * with. Else whoever is given a handle for reading could widen it. */
int uvshm__win_rights_anonymous(PSECURITY_DESCRIPTOR* rights);

/* ---- rights of what is there (port_rights.c) ----------------------------- */

/* Rights for mutexes and events beside memory with the rights `memory`: whoever
 * may read it may use them. LocalFree() it. */
int uvshm__win_rights_beside_new(PSECURITY_DESCRIPTOR* rights,
                                 PSECURITY_DESCRIPTOR memory);

/* The same beside a section or file that exists. When its rights may not be
 * read: the usual ones. */
int uvshm__win_rights_beside(PSECURITY_DESCRIPTOR* rights,
                             HANDLE memory,
                             int is_file);

/* 1: the calling user owns it, 0: another one does, or nobody knows. */
int uvshm__win_is_own(HANDLE handle, int is_file);

/* SECURITY_ATTRIBUTES in one expression: never inheritable. */
SECURITY_ATTRIBUTES uvshm__win_attributes(PSECURITY_DESCRIPTOR rights);

/* ---- gate (port_gate.c) -------------------------------------------------- */

/* A named mutex that is only ever tried. */
struct uvshm__win_gate {
  HANDLE mutex; /* NULL: there is no gate */
  wchar_t* name;
  uint32_t taken;
  struct uvshm__win_gate* next; /* of those that this process has taken */
};

/* Takes over `name` (malloc), also when it fails. UV_ENOENT: `make` is 0 and it
 * is not there. */
int uvshm__win_gate_open(struct uvshm__win_gate* gate,
                         wchar_t* name,
                         PSECURITY_DESCRIPTOR rights,
                         int make);

/* 0 or UV_EAGAIN. By the thread that leaves it again. */
int uvshm__win_gate_take(struct uvshm__win_gate* gate);
void uvshm__win_gate_leave(struct uvshm__win_gate* gate);
void uvshm__win_gate_close(struct uvshm__win_gate* gate);

/* ---- the private half of an object --------------------------------------- */

enum uvshm__win_backing {
  UVSHM__WIN_SECTION, /* of the pagefile: index and data, or anonymous */
  UVSHM__WIN_FILE,    /* a file; a section is made for each mapping */
  UVSHM__WIN_FOREIGN  /* somebody else's section */
};

/* Events of lanes that this process has open. */
#define UVSHM__WIN_WAKERS 32

struct uvshm__win_lane {
  uint32_t lane;
  HANDLE event;
  struct uvshm__win_lane* next;
};

struct uvshm__win {
  volatile LONG references; /* the object's, and one for each claim */
  SRWLOCK lock;             /* of all from `life` on */
  SRWLOCK growth;           /* one thread grows the file at a time */
  uint32_t backing;         /* enum uvshm__win_backing */
  uint32_t system;          /* its name is in Global\ */
  uint32_t global;          /* its events are */
  uint32_t any_owner;       /* do not ask who made it */
  uint64_t id[2];           /* as identified */
  uint64_t key[2];
  HANDLE index;
  HANDLE data;
  HANDLE file;
  wchar_t* name;               /* portable; NULL when it has none */
  wchar_t* path;               /* of a file: its name */
  wchar_t* temporary;          /* of a file: its name before or after that */
  uint32_t keep;               /* the file is ours, in a folder of ours */
  PSECURITY_DESCRIPTOR beside; /* rights of mutexes and events */
  struct uvshm__win_gate name_gate;
  struct uvshm__win_gate file_gate;

  HANDLE life; /* held while claims != 0 */
  uint32_t claims;
  struct uvshm__win_lane* sleepers; /* own lanes, until forgotten */
  struct uvshm__win_lane wakers[UVSHM__WIN_WAKERS];  /* a cache */
  struct uvshm__win_lane ringers[UVSHM__WIN_WAKERS]; /* another, of bells */
};

static inline struct uvshm__win* uvshm__win_of(
    const struct uvshm__port_object* object) {
  return (struct uvshm__win*) object->os[0];
}

/* A new one with a reference, or NULL. */
struct uvshm__win* uvshm__win_new(uint32_t backing);
void uvshm__win_unref(struct uvshm__win* win);

/* Close what the object itself holds, and give its reference back. */
void uvshm__win_close(struct uvshm__win* win);

/* `<scope>uvshm-<id><suffix><number>`; with UINT32_MAX, no number. */
void uvshm__win_event_name(wchar_t text[UVSHM__WIN_TEXT],
                           const struct uvshm__win* win,
                           const wchar_t* suffix,
                           uint32_t number);

/* uvshm__port_find() in one backing, whoever the owner is. For a file,
 * `spec->name` is its path. */
int uvshm__win_find_unowned(struct uvshm__port_object* object,
                            const struct uvshm__port_spec* spec,
                            uint32_t backing);

/* Close the events of lanes; of others' bells. */
void uvshm__win_wait_close(struct uvshm__win* win);
void uvshm__win_bells_close(struct uvshm__win* win);

/* ---- the three backings (port_section.c, port_file.c, port_foreign.c) ---- */

/* Each of these answers as the function of port.h does. `win` is complete but
 * for what the function finds out; on failure the caller closes it. */
int uvshm__win_section_find(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t* storage);
int uvshm__win_section_make(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t size);
int uvshm__win_section_publish(struct uvshm__win* win);
int uvshm__win_section_is_current(struct uvshm__win* win);
int uvshm__win_section_unlink(struct uvshm__win* win);

/* Under the gate of its name: is there a section with it now? */
int uvshm__win_section_exists(struct uvshm__win* win);

/* An index of this full name: does it say something? 1 on any doubt. */
int uvshm__win_index_means_something(const wchar_t* name);

/* Address space at the end of each section that is never committed: see
 * uvshm__win_section_commit(). */
#define UVSHM__WIN_SPARE 65536u

/* [from, to) of a section comes to exist; [0, from) does. UV_EPROTO: it does
 * not. UV_ENOSPC: no memory; UV_ENOMEM: no address space. */
int uvshm__win_section_commit(HANDLE data, uint64_t from, uint64_t to);

/* How much of a section exists, from 0, without gaps. */
int uvshm__win_section_size(HANDLE data, uint64_t* size);

/* `<scope>uvshm-N<suffix>`, NULL without memory. */
wchar_t* uvshm__win_section_name(const struct uvshm__win* win,
                                 const wchar_t* suffix);

int uvshm__win_file_find(struct uvshm__win* win,
                         const struct uvshm__port_spec* spec,
                         uint64_t* storage);
int uvshm__win_file_make(struct uvshm__win* win,
                         const struct uvshm__port_spec* spec,
                         uint64_t size);
int uvshm__win_file_publish(struct uvshm__win* win);
int uvshm__win_file_is_current(struct uvshm__win* win);
int uvshm__win_file_unlink(struct uvshm__win* win);
int uvshm__win_file_size(HANDLE file, uint64_t* size);

/* Make the file at least `size` long, sparse where it can be. */
int uvshm__win_file_reach(HANDLE file, uint64_t size);

/* Absolute, with `\\?\` when it is long. */
int uvshm__win_full_path(wchar_t** path, const char* given);

/* Full path of the `keep` file of a name. UV_ENOENT: there is no such folder,
 * and `make` is 0. */
int uvshm__win_keep_path(wchar_t** path,
                         const char* name,
                         uint32_t system,
                         int make);

/* Calls `each` for the `keep` files of a scope, as uvshm__port_each_name(). */
int uvshm__win_keep_each(uint32_t system,
                         int (*each)(void* arg,
                                     const char* name,
                                     const char* system_name),
                         void* arg);

int uvshm__win_foreign_find(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t* storage);
int uvshm__win_foreign_make(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t size);

#endif /* UVSHM_WIN32_WIN32_H_ */
