/* SPDX-License-Identifier: MIT */

/* Objects, their names and their gates: which of the three backings an object
 * has (a section of the pagefile, a file, somebody else's section), and what is
 * the same for all of them.
 *
 * A portable name may mean a section or a `keep` file. Both are looked for, the
 * section first, and whoever makes one under the gate of the name checks that
 * the other is not there. The file of a `keep` object can be reached from all
 * sessions of its user and sections of scope user from one, so an object of
 * lifetime last close in another session is not seen by a maker of a `keep`
 * one; in each session the name still means one thing.
 */

#include "win32.h"

#include <stdlib.h>
#include <string.h>

/* ---- the private half ---------------------------------------------------- */

struct uvshm__win* uvshm__win_new(uint32_t backing) {
  struct uvshm__win* win = calloc(1, sizeof(*win));

  if (win == NULL) return NULL;
  win->references = 1;
  win->backing = backing;
  InitializeSRWLock(&win->lock);
  InitializeSRWLock(&win->growth);
  return win;
}


void uvshm__win_unref(struct uvshm__win* win) {
  if (InterlockedDecrement(&win->references) != 0) return;
  LocalFree(win->beside);
  free(win->name);
  free(win->path);
  free(win);
}


static void close_handle(HANDLE* handle) {
  if (*handle != NULL) CloseHandle(*handle);
  *handle = NULL;
}


void uvshm__win_close(struct uvshm__win* win) {
  uvshm__win_wait_close(win);
  uvshm__win_bells_close(win);
  close_handle(&win->data);
  close_handle(&win->index);
  close_handle(&win->file);
  /* Never published, or unlinked: under this name nobody looks for it. */
  if (win->temporary != NULL) DeleteFileW(win->temporary);
  free(win->temporary);
  win->temporary = NULL;
  uvshm__win_gate_close(&win->file_gate);
  uvshm__win_gate_close(&win->name_gate);
  uvshm__win_unref(win);
}


void uvshm__win_event_name(wchar_t text[UVSHM__WIN_TEXT],
                           const struct uvshm__win* win,
                           const wchar_t* suffix,
                           uint32_t number) {
  wchar_t hex[33];
  wchar_t digits[16];

  uvshm__win_hex(hex, win->id);
  wcscpy(text, win->global ? L"Global\\uvshm-" : L"Local\\uvshm-");
  wcscat(text, hex);
  wcscat(text, suffix);
  if (number == UINT32_MAX) return;
  _ultow(number, digits, 10);
  wcscat(text, digits);
}

/* ---- find, make ---------------------------------------------------------- */

static int has_gate(uint32_t origin) {
  return origin != UVSHM__PORT_RAW_FILE && origin != UVSHM__PORT_FOREIGN;
}


/* Fill the public half. */
static int finish(struct uvshm__port_object* object,
                  struct uvshm__win* win,
                  const struct uvshm__port_spec* spec,
                  uint64_t storage) {
  char* system_name = NULL;
  wchar_t* index;
  int err = 0;

  if (win->backing == UVSHM__WIN_FILE) {
    err = uvshm__win_utf8(&system_name, win->path);
  } else if (win->backing == UVSHM__WIN_FOREIGN) {
    err = uvshm__win_utf8(&system_name, win->name);
  } else if (win->name != NULL) {
    index = uvshm__win_section_name(win, L".index");
    err = index != NULL ? uvshm__win_utf8(&system_name, index) : UV_ENOMEM;
    free(index);
  }
  if (err < 0) return err;

  memset(object, 0, sizeof(*object));
  object->os[0] = (intptr_t) win;
  object->key[0] = win->key[0];
  object->key[1] = win->key[1];
  object->storage = storage;
  object->system_name = system_name;
  object->origin = spec->origin;
  object->readonly = spec->readonly;
  object->gated = (uint32_t) has_gate(spec->origin);
  return 0;
}


static int name_it(struct uvshm__win* win,
                   const struct uvshm__port_spec* spec) {
  int err = 0;

  if (win->backing == UVSHM__WIN_FILE && win->any_owner)
    return uvshm__win_wide(&win->path, spec->name);
  if (win->backing == UVSHM__WIN_FILE && !win->keep)
    return uvshm__win_full_path(&win->path, spec->name);
  if (spec->name != NULL) err = uvshm__win_wide(&win->name, spec->name);
  if (err == 0 && win->keep)
    err = uvshm__win_keep_path(
        &win->path, spec->name, spec->system, (int) spec->keep);
  return err;
}


/* A new private half for what `spec` names. */
static int prepare(struct uvshm__win** result,
                   const struct uvshm__port_spec* spec,
                   uint32_t backing,
                   uint32_t any_owner) {
  struct uvshm__win* win = uvshm__win_new(backing);
  int err;

  if (win == NULL) return UV_ENOMEM;
  win->keep = spec->origin == UVSHM__PORT_NAMED && backing == UVSHM__WIN_FILE;
  win->system = spec->system;
  win->global = backing == UVSHM__WIN_FILE || spec->system;
  win->any_owner = any_owner;
  err = name_it(win, spec);
  if (err < 0) {
    uvshm__win_close(win);
    return err;
  }
  *result = win;
  return 0;
}


static uint32_t backing_of(const struct uvshm__port_spec* spec) {
  if (spec->origin == UVSHM__PORT_FOREIGN) return UVSHM__WIN_FOREIGN;
  if (spec->origin == UVSHM__PORT_FILE || spec->origin == UVSHM__PORT_RAW_FILE)
    return UVSHM__WIN_FILE;
  return UVSHM__WIN_SECTION;
}


static int find_as(struct uvshm__port_object* object,
                   const struct uvshm__port_spec* spec,
                   uint32_t backing,
                   uint32_t any_owner) {
  struct uvshm__win* win;
  uint64_t storage = 0;
  int err;

  err = prepare(&win, spec, backing, any_owner);
  if (err < 0) return err;
  if (backing == UVSHM__WIN_SECTION)
    err = uvshm__win_section_find(win, spec, &storage);
  else if (backing == UVSHM__WIN_FILE)
    err = uvshm__win_file_find(win, spec, &storage);
  else
    err = uvshm__win_foreign_find(win, spec, &storage);
  if (err == 0) err = finish(object, win, spec, storage);
  if (err < 0) uvshm__win_close(win);
  return err;
}


int uvshm__port_find(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec) {
  struct uvshm__port_spec look = *spec;
  int err;

  look.keep = 0; /* make no folders */
  if (spec->origin == UVSHM__PORT_ANONYMOUS) return UV_ENOENT;
  err = find_as(object, &look, backing_of(&look), 0);
  if (err == UV_ENOENT && spec->origin == UVSHM__PORT_NAMED)
    err = find_as(object, &look, UVSHM__WIN_FILE, 0);
  return err;
}


int uvshm__win_find_unowned(struct uvshm__port_object* object,
                            const struct uvshm__port_spec* spec,
                            uint32_t backing) {
  return find_as(object, spec, backing, 1);
}


/* Take the gate of a name that is about to be given, and see that it is free
 * in both places. */
static int enter_new_name(struct uvshm__win* win,
                          const struct uvshm__port_spec* spec) {
  PSECURITY_DESCRIPTOR rights;
  wchar_t* path;
  int err;

  err = uvshm__win_rights_new(&rights, spec);
  if (err < 0) return err;
  err = uvshm__win_rights_beside_new(&win->beside, rights);
  LocalFree(rights);
  if (err < 0) return err;
  err = uvshm__win_gate_open(
      &win->name_gate, uvshm__win_section_name(win, L".gate"), win->beside, 1);
  if (err == 0) err = uvshm__win_gate_take(&win->name_gate);
  if (err < 0) return err;

  if (win->keep) return uvshm__win_section_exists(win) ? UV_EEXIST : 0;
  err = uvshm__win_keep_path(&path, spec->name, spec->system, 0);
  if (err == UV_ENOENT) return 0;
  if (err < 0) return err;
  if (GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES) err = UV_EEXIST;
  free(path);
  return err;
}


int uvshm__port_make(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec,
                     uint64_t size) {
  struct uvshm__win* win;
  uint32_t backing = backing_of(spec);
  int err;

  if (spec->origin == UVSHM__PORT_NAMED && spec->keep)
    backing = UVSHM__WIN_FILE;
  err = prepare(&win, spec, backing, 0);
  if (err < 0) return err;
  if (spec->origin == UVSHM__PORT_NAMED) err = enter_new_name(win, spec);
  if (err == 0) {
    if (backing == UVSHM__WIN_SECTION)
      err = uvshm__win_section_make(win, spec, size);
    else if (backing == UVSHM__WIN_FILE)
      err = uvshm__win_file_make(win, spec, size);
    else
      err = uvshm__win_foreign_make(win, spec, size);
  }
  if (err == 0) err = finish(object, win, spec, size);
  if (err < 0) uvshm__win_close(win);
  return err;
}


void uvshm__port_identify(struct uvshm__port_object* object,
                          const uint64_t id[2]) {
  struct uvshm__win* win = uvshm__win_of(object);

  object->id[0] = win->id[0] = id[0];
  object->id[1] = win->id[1] = id[1];
}


int uvshm__port_publish(struct uvshm__port_object* object) {
  struct uvshm__win* win = uvshm__win_of(object);

  if (win->backing == UVSHM__WIN_SECTION)
    return uvshm__win_section_publish(win);
  if (win->backing == UVSHM__WIN_FILE) return uvshm__win_file_publish(win);
  return 0;
}

/* ---- gate ---------------------------------------------------------------- */

/* A file is guarded by its own gate, which all paths and sessions share. The
 * gate of its name is needed only by its maker. */
static struct uvshm__win_gate* gate_of(struct uvshm__win* win) {
  return win->backing == UVSHM__WIN_FILE ? &win->file_gate : &win->name_gate;
}


int uvshm__port_gate_enter(struct uvshm__port_object* object) {
  struct uvshm__win* win = uvshm__win_of(object);
  int current = 1;
  int err;

  if (object->gated || !has_gate(object->origin)) return 0;
  err = uvshm__win_gate_take(gate_of(win));
  if (err < 0) return err;
  if (win->backing == UVSHM__WIN_FILE)
    current = uvshm__win_file_is_current(win);
  else if (object->origin == UVSHM__PORT_NAMED)
    current = uvshm__win_section_is_current(win);
  if (!current) {
    uvshm__win_gate_leave(gate_of(win));
    return UV_ENXIO;
  }
  object->gated = 1;
  return 0;
}


void uvshm__port_gate_leave(struct uvshm__port_object* object) {
  struct uvshm__win* win = uvshm__win_of(object);

  if (!object->gated) return;
  uvshm__win_gate_leave(&win->file_gate);
  uvshm__win_gate_leave(&win->name_gate);
  object->gated = 0;
}


static int name_is_free(struct uvshm__win* win) {
  if (win->backing == UVSHM__WIN_FILE)
    return win->temporary != NULL ||
           GetFileAttributesW(win->path) == INVALID_FILE_ATTRIBUTES;
  return !uvshm__win_section_exists(win);
}


/* The index is read without its gate, so a key that is just being written is
 * looked at again. */
uint32_t uvshm__port_name_lost(const struct uvshm__port_object* object) {
  struct uvshm__win* win = uvshm__win_of((struct uvshm__port_object*) object);
  int tries;

  for (tries = 0; tries < 3; tries++) {
    if (win->backing == UVSHM__WIN_FOREIGN) return 0;
    if (win->backing == UVSHM__WIN_FILE && uvshm__win_file_is_current(win))
      return 0;
    if (win->backing == UVSHM__WIN_SECTION &&
        uvshm__win_section_is_current(win))
      return 0;
    uvshm__port_yield();
  }
  return name_is_free(win) ? UVSHM__PORT_REMOVED : UVSHM__PORT_REPLACED;
}


int uvshm__port_unlink(struct uvshm__port_object* object) {
  struct uvshm__win* win = uvshm__win_of(object);

  if (win->backing == UVSHM__WIN_SECTION) return uvshm__win_section_unlink(win);
  if (win->backing == UVSHM__WIN_FILE) return uvshm__win_file_unlink(win);
  return uvshm__fail(UV_ENOTSUP,
                     "a section of another program goes with its last user");
}


void uvshm__port_drop(struct uvshm__port_object* object) {
  struct uvshm__win* win = uvshm__win_of(object);

  uvshm__port_gate_leave(object);
  free(object->system_name);
  object->system_name = NULL;
  object->os[0] = 0;
  if (win != NULL) uvshm__win_close(win);
}

/* ---- peek ---------------------------------------------------------------- */

static int peek_section(HANDLE data, void* bytes, size_t size) {
  MEMORY_BASIC_INFORMATION info;
  void* view = MapViewOfFile(data, FILE_MAP_READ, 0, 0, size);
  int err = UV_EPROTO;

  if (view == NULL)
    return GetLastError() == ERROR_ACCESS_DENIED ? UV_EPROTO
                                                 : uvshm__win_last_error();
  /* Bytes that are reserved and do not exist may not be touched. */
  if (VirtualQuery(view, &info, sizeof(info)) != 0 &&
      info.State == MEM_COMMIT && info.RegionSize >= size) {
    memcpy(bytes, view, size);
    err = 0;
  }
  UnmapViewOfFile(view);
  return err;
}


static int peek_file(HANDLE file, void* bytes, size_t size) {
  OVERLAPPED at;
  DWORD got = 0;

  memset(&at, 0, sizeof(at));
  if (!ReadFile(file, bytes, (DWORD) size, &got, &at) &&
      GetLastError() != ERROR_HANDLE_EOF)
    return uvshm__win_last_error();
  return got == size ? 0 : UV_EPROTO;
}


int uvshm__port_peek(struct uvshm__port_object* object,
                     void* bytes,
                     size_t size) {
  struct uvshm__win* win = uvshm__win_of(object);

  if (win->backing != UVSHM__WIN_FILE)
    return peek_section(win->data, bytes, size);
  return peek_file(win->file, bytes, size);
}


/* A section's reserve is what it was from the beginning; of that, more exists
 * with each commit of others. */
int uvshm__port_measure(struct uvshm__port_object* object) {
  struct uvshm__win* win = uvshm__win_of(object);

  if (win->backing != UVSHM__WIN_FILE)
    return uvshm__win_section_size(win->data, &object->storage);
  return uvshm__win_file_size(win->file, &object->storage);
}
