/* SPDX-License-Identifier: MIT */

/* The gate of a name or of a file: a named mutex that is tried, never waited
 * for.
 *
 * The kernel gives it back when its holder dies (WAIT_ABANDONED, which is as
 * good as free here: whoever enters looks at everything anew). But to Windows
 * the holder is a thread, and the thread may take it again; a gate belongs to a
 * process. So each process also keeps a list of the gates that it has taken,
 * and refuses a second taking itself.
 */

#include "win32.h"

#include <stdlib.h>
#include <string.h>

static SRWLOCK list_lock = SRWLOCK_INIT;
static struct uvshm__win_gate* taken_gates;


int uvshm__win_gate_open(struct uvshm__win_gate* gate,
                         wchar_t* name,
                         PSECURITY_DESCRIPTOR rights,
                         int make) {
  const DWORD access = SYNCHRONIZE | MUTEX_MODIFY_STATE;
  HANDLE mutex;

  if (name == NULL) return UV_ENOMEM;
  if (make) {
    SECURITY_ATTRIBUTES attributes = uvshm__win_attributes(rights);

    mutex = CreateMutexExW(&attributes, name, 0, access);
  } else {
    mutex = OpenMutexW(access, FALSE, name);
  }
  if (mutex == NULL) {
    int err = uvshm__win_last_error();

    free(name);
    return err;
  }
  gate->mutex = mutex;
  gate->name = name;
  gate->taken = 0;
  gate->next = NULL;
  return 0;
}


static int have_it_already(const struct uvshm__win_gate* gate) {
  const struct uvshm__win_gate* other;

  for (other = taken_gates; other != NULL; other = other->next)
    if (wcscmp(other->name, gate->name) == 0) return 1;
  return 0;
}


int uvshm__win_gate_take(struct uvshm__win_gate* gate) {
  int err = UV_EAGAIN;

  if (gate->mutex == NULL || gate->taken) return 0;
  AcquireSRWLockExclusive(&list_lock);
  if (!have_it_already(gate)) {
    DWORD got = WaitForSingleObject(gate->mutex, 0);

    if (got == WAIT_OBJECT_0 || got == WAIT_ABANDONED) {
      gate->taken = 1;
      gate->next = taken_gates;
      taken_gates = gate;
      err = 0;
    }
  }
  ReleaseSRWLockExclusive(&list_lock);
  return err;
}


void uvshm__win_gate_leave(struct uvshm__win_gate* gate) {
  struct uvshm__win_gate** at;

  if (gate->mutex == NULL || !gate->taken) return;
  AcquireSRWLockExclusive(&list_lock);
  for (at = &taken_gates; *at != NULL; at = &(*at)->next) {
    if (*at == gate) {
      *at = gate->next;
      break;
    }
  }
  gate->taken = 0;
  ReleaseMutex(gate->mutex);
  ReleaseSRWLockExclusive(&list_lock);
}


void uvshm__win_gate_close(struct uvshm__win_gate* gate) {
  uvshm__win_gate_leave(gate);
  if (gate->mutex != NULL) CloseHandle(gate->mutex);
  free(gate->name);
  memset(gate, 0, sizeof(*gate));
}
