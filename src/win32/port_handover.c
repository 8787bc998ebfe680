/* SPDX-License-Identifier: MIT */

/* Giving a section without a name to another process.
 *
 * A child of uv_spawn() gets every inheritable handle under the value that it
 * has here, so the handle that is exported, and only that one, is inheritable.
 * Through a pipe goes where the handle is to be had (our pid and its value);
 * the receiver fetches it with DuplicateHandle, which needs no more than the
 * right to open our process that programs of one user have.
 */

#include "win32.h"

#include <string.h>

/* What goes through the pipe. */
struct message {
  char greeting[8];
  uint64_t handle;
  uint32_t pid;
  uint32_t unused;
};

static const char greeting[8] = "uvshm-1";

/* How long to sleep between two looks at a pipe. */
#define LOOK_MS 2


int uvshm__port_export(struct uvshm__port_object* object,
                       uint32_t readonly,
                       intptr_t* handle) {
  struct uvshm__win* win = uvshm__win_of(object);
  HANDLE self = GetCurrentProcess();
  HANDLE copy;
  BOOL done;

  if (win->backing != UVSHM__WIN_SECTION) return UV_ENOTSUP;
  done = DuplicateHandle(self,
                         win->data,
                         self,
                         &copy,
                         FILE_MAP_READ | SECTION_QUERY | READ_CONTROL,
                         TRUE,
                         readonly ? 0 : DUPLICATE_SAME_ACCESS);
  if (!done) return uvshm__win_last_error();
  *handle = (intptr_t) copy;
  return 0;
}


void uvshm__port_export_close(intptr_t handle) {
  CloseHandle((HANDLE) handle);
}


/* 1: it allows writing, 0: it does not, negative: it is no section. */
static int may_write(HANDLE section) {
  void* view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 1);

  if (view == NULL) return UV_EINVAL;
  UnmapViewOfFile(view);
  view = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 1);
  if (view == NULL) return 0;
  UnmapViewOfFile(view);
  return 1;
}


int uvshm__port_import(struct uvshm__port_object* object, intptr_t handle) {
  HANDLE section = (HANDLE) handle;
  struct uvshm__win* win;
  uint64_t storage;
  int writes = may_write(section);
  int err;

  if (writes < 0) return writes;
  if (!SetHandleInformation(section, HANDLE_FLAG_INHERIT, 0)) return UV_EINVAL;
  err = uvshm__win_section_size(section, &storage);
  if (err < 0) return err;
  win = uvshm__win_new(UVSHM__WIN_SECTION);
  if (win == NULL) return UV_ENOMEM;
  err = uvshm__win_rights_usual(&win->beside);
  if (err < 0) {
    uvshm__win_close(win);
    return err;
  }
  win->data = section;
  memset(object, 0, sizeof(*object));
  object->os[0] = (intptr_t) win;
  object->storage = storage;
  object->origin = UVSHM__PORT_ANONYMOUS;
  object->readonly = !writes;
  return 0;
}


/* libuv's pipe may be overlapped or not, and may belong to its completion port;
 * an event with its low bit set keeps the completion from going there. */
static int transfer(HANDLE pipe, void* bytes, DWORD size, int write) {
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  OVERLAPPED at;
  DWORD done = 0;
  BOOL ok;
  int err = 0;

  if (event == NULL) return uvshm__win_last_error();
  memset(&at, 0, sizeof(at));
  at.hEvent = (HANDLE) ((uintptr_t) event | 1);
  if (write)
    ok = WriteFile(pipe, bytes, size, NULL, &at);
  else
    ok = ReadFile(pipe, bytes, size, NULL, &at);
  if (!ok && GetLastError() != ERROR_IO_PENDING) err = uvshm__win_last_error();
  if (err == 0 && !GetOverlappedResult(pipe, &at, &done, TRUE))
    err = uvshm__win_last_error();
  CloseHandle(event);
  if (err == 0 && done != size) err = UV_EPROTO;
  return err;
}


int uvshm__port_send(intptr_t handle, intptr_t pipe, uint64_t timeout_ms) {
  struct message message;

  (void) timeout_ms; /* a pipe always has room for so few bytes */
  memset(&message, 0, sizeof(message));
  memcpy(message.greeting, greeting, sizeof(greeting));
  message.handle = (uint64_t) (uintptr_t) handle;
  message.pid = GetCurrentProcessId();
  return transfer((HANDLE) pipe, &message, sizeof(message), 1);
}


/* Until a whole message is there, so that reading it does not block. */
static int await_message(HANDLE pipe, uint64_t timeout_ms) {
  uint64_t begin = uvshm__port_now_ms();
  DWORD there;

  for (;;) {
    if (!PeekNamedPipe(pipe, NULL, 0, NULL, &there, NULL))
      return GetLastError() == ERROR_BROKEN_PIPE ? UV_EOF
                                                 : uvshm__win_last_error();
    if (there >= sizeof(struct message)) return 0;
    if (uvshm__port_now_ms() - begin >= timeout_ms) return UV_ETIMEDOUT;
    uvshm__port_sleep_ms(LOOK_MS);
  }
}


static int fetch(const struct message* message, HANDLE* section) {
  HANDLE process;
  int err = 0;

  if (memcmp(message->greeting, greeting, sizeof(greeting)) != 0)
    return UV_EPROTO;
  process = OpenProcess(PROCESS_DUP_HANDLE, FALSE, message->pid);
  if (process == NULL) return uvshm__win_last_error();
  if (!DuplicateHandle(process,
                       (HANDLE) (uintptr_t) message->handle,
                       GetCurrentProcess(),
                       section,
                       0,
                       FALSE,
                       DUPLICATE_SAME_ACCESS))
    err = uvshm__win_last_error();
  CloseHandle(process);
  return err;
}


int uvshm__port_receive(struct uvshm__port_object* object,
                        intptr_t pipe,
                        uint64_t timeout_ms) {
  struct message message;
  HANDLE section;
  int err = await_message((HANDLE) pipe, timeout_ms);

  if (err == 0) err = transfer((HANDLE) pipe, &message, sizeof(message), 0);
  if (err == 0) err = fetch(&message, &section);
  if (err < 0) return err;
  err = uvshm__port_import(object, (intptr_t) section);
  if (err < 0) CloseHandle(section);
  return err;
}
