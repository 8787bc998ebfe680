/* SPDX-License-Identifier: MIT */

/* Who may do what with an object.
 *
 * Memory gets the DACL that its maker asked for, always explicit and protected,
 * and its maker as the owner (Windows' own default is the token's owner, which
 * in an elevated process is the group of administrators, and then nobody could
 * tell who planted a name). Mutexes and events beside it get a DACL derived
 * from that one: whoever may read the memory may use them, since readers attach
 * and pass the gate too.
 *
 * The DACL is the protection, not the rights of a handle: DuplicateHandle()
 * widens a handle to whatever the DACL allows. How the DACL of new memory comes
 * about is port_sddl.c.
 */

#include "win32.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdlib.h>
#include <string.h>

/* What everybody who may attach may do with a mutex or an event: wait for it,
 * ask, set or release it, and read its rights. Mutexes and events have the same
 * numbers for this. */
#define BESIDE_ACCESS                                                          \
 (SYNCHRONIZE | READ_CONTROL | EVENT_MODIFY_STATE | 0x0001 /* query */)

/* Reading, in the specific rights of sections (query 1, read 4) and of files
 * (read data 1), and before the system has mapped generic ones. */
#define MAY_READ (GENERIC_ALL | GENERIC_READ | SECTION_MAP_READ | 0x0001)


SECURITY_ATTRIBUTES uvshm__win_attributes(PSECURITY_DESCRIPTOR rights) {
  SECURITY_ATTRIBUTES attributes;

  attributes.nLength = sizeof(attributes);
  attributes.lpSecurityDescriptor = rights;
  attributes.bInheritHandle = FALSE;
  return attributes;
}

/* ---- from an object ------------------------------------------------------ */

static SE_OBJECT_TYPE object_type(int is_file) {
  return is_file ? SE_FILE_OBJECT : SE_KERNEL_OBJECT;
}


/* Each ACE of `from` that is about reading, with `BESIDE_ACCESS` instead. */
static PACL derive(PACL from) {
  PACL acl = LocalAlloc(LPTR, from->AclSize);
  DWORD i;

  if (acl == NULL || !InitializeAcl(acl, from->AclSize, ACL_REVISION)) {
    LocalFree(acl);
    return NULL;
  }
  for (i = 0; i < from->AceCount; i++) {
    void* at;
    ACCESS_ALLOWED_ACE* ace; /* a denied one has the same shape */

    if (!GetAce(from, i, &at)) continue;
    ace = at;
    if ((ace->Mask & MAY_READ) == 0) continue;
    if (ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE)
      AddAccessAllowedAce(acl, ACL_REVISION, BESIDE_ACCESS, &ace->SidStart);
    else if (ace->Header.AceType == ACCESS_DENIED_ACE_TYPE)
      AddAccessDeniedAce(acl, ACL_REVISION, BESIDE_ACCESS, &ace->SidStart);
  }
  return acl;
}


/* A self-relative descriptor with this DACL alone. */
static PSECURITY_DESCRIPTOR wrap(PACL acl) {
  SECURITY_DESCRIPTOR absolute;
  PSECURITY_DESCRIPTOR relative;
  DWORD size = 0;

  InitializeSecurityDescriptor(&absolute, SECURITY_DESCRIPTOR_REVISION);
  SetSecurityDescriptorDacl(&absolute, TRUE, acl, FALSE);
  MakeSelfRelativeSD(&absolute, NULL, &size);
  relative = LocalAlloc(LPTR, size);
  if (relative != NULL && !MakeSelfRelativeSD(&absolute, relative, &size)) {
    LocalFree(relative);
    return NULL;
  }
  return relative;
}


/* No DACL at all: everybody. */
static int beside(PSECURITY_DESCRIPTOR* rights, PACL from) {
  PACL acl = from != NULL ? derive(from) : NULL;

  *rights = from == NULL || acl != NULL ? wrap(acl) : NULL;
  LocalFree(acl);
  return *rights != NULL ? 0 : UV_ENOMEM;
}


int uvshm__win_rights_beside_new(PSECURITY_DESCRIPTOR* rights,
                                 PSECURITY_DESCRIPTOR memory) {
  PACL dacl = NULL;
  BOOL present;
  BOOL defaulted;

  if (!GetSecurityDescriptorDacl(memory, &present, &dacl, &defaulted))
    return uvshm__win_last_error();
  return beside(rights, dacl);
}


int uvshm__win_rights_beside(PSECURITY_DESCRIPTOR* rights,
                             HANDLE memory,
                             int is_file) {
  PSECURITY_DESCRIPTOR found;
  PACL from;
  int err;

  if (GetSecurityInfo(memory,
                      object_type(is_file),
                      DACL_SECURITY_INFORMATION,
                      NULL,
                      NULL,
                      &from,
                      NULL,
                      &found) != ERROR_SUCCESS)
    return uvshm__win_rights_usual(rights);
  err = beside(rights, from);
  LocalFree(found);
  return err;
}


int uvshm__win_is_own(HANDLE handle, int is_file) {
  PSECURITY_DESCRIPTOR found;
  wchar_t* text;
  PSID owner;
  int own = 0;

  if (GetSecurityInfo(handle,
                      object_type(is_file),
                      OWNER_SECURITY_INFORMATION,
                      &owner,
                      NULL,
                      NULL,
                      NULL,
                      &found) != ERROR_SUCCESS)
    return 0;
  if (owner != NULL && uvshm__win_user() != NULL &&
      ConvertSidToStringSidW(owner, &text)) {
    own = wcscmp(text, uvshm__win_user()) == 0;
    LocalFree(text);
  }
  LocalFree(found);
  return own;
}

/* ---- attributes, set_rights ---------------------------------------------- */

/* A handle of the object's memory that has `access` as well; CloseHandle() it.
 * NULL when the DACL does not allow it. */
static HANDLE widened(const struct uvshm__win* win, DWORD access) {
  HANDLE here = GetCurrentProcess();
  HANDLE handle = NULL;

  if (win->backing == UVSHM__WIN_FILE) {
    /* Rights of a file handle cannot be widened. */
    handle = CreateFileW(win->path,
                         access,
                         FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                         NULL,
                         OPEN_EXISTING,
                         FILE_FLAG_OPEN_REPARSE_POINT,
                         NULL);
    return handle != INVALID_HANDLE_VALUE ? handle : NULL;
  }
  if (!DuplicateHandle(here, win->data, here, &handle, access, FALSE, 0))
    return NULL;
  return handle;
}


static void copy_text(char* to, size_t size, const wchar_t* from) {
  char* text;

  to[0] = '\0';
  if (uvshm__win_utf8(&text, from) < 0) return;
  strncat(to, text, size - 1);
  /* A DACL that is cut is cut behind a whole ACE. */
  if (strlen(text) >= size && strrchr(to, ')') != NULL)
    strrchr(to, ')')[1] = '\0';
  free(text);
}


static void read_rights(HANDLE handle,
                        int is_file,
                        struct uvshm__port_attributes* attributes) {
  const SECURITY_INFORMATION what =
      OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
  PSECURITY_DESCRIPTOR found;
  PSID owner;
  PACL dacl;
  wchar_t* text;

  if (GetSecurityInfo(handle,
                      object_type(is_file),
                      what,
                      &owner,
                      NULL,
                      &dacl,
                      NULL,
                      &found) != ERROR_SUCCESS)
    return;
  if (owner != NULL && ConvertSidToStringSidW(owner, &text)) {
    copy_text(attributes->owner, sizeof(attributes->owner), text);
    LocalFree(text);
  }
  if (ConvertSecurityDescriptorToStringSecurityDescriptorW(
          found, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL)) {
    copy_text(attributes->sddl, sizeof(attributes->sddl), text);
    LocalFree(text);
  }
  LocalFree(found);
}


int uvshm__port_attributes(struct uvshm__port_object* object,
                           struct uvshm__port_attributes* attributes) {
  struct uvshm__win* win = uvshm__win_of(object);
  int is_file = win->backing == UVSHM__WIN_FILE;
  HANDLE handle = widened(win, READ_CONTROL);

  memset(attributes, 0, sizeof(*attributes));
  attributes->storage_size = object->storage;
  if (is_file) uvshm__win_file_size(win->file, &attributes->storage_size);
  if (handle != NULL) {
    read_rights(handle, is_file, attributes);
    attributes->own = (uint32_t) uvshm__win_is_own(handle, is_file);
    CloseHandle(handle);
  }
  return 0;
}


static int set_dacl(HANDLE handle, int is_file, PSECURITY_DESCRIPTOR rights) {
  PACL dacl = NULL;
  BOOL present;
  BOOL defaulted;
  DWORD error;

  if (!GetSecurityDescriptorDacl(rights, &present, &dacl, &defaulted))
    return uvshm__win_last_error();
  error = SetSecurityInfo(
      handle,
      object_type(is_file),
      DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
      NULL,
      NULL,
      dacl,
      NULL);
  return error == ERROR_SUCCESS ? 0 : uvshm__win_error(error);
}


/* Index and gate follow the memory. That they cannot is no failure: who may not
 * use them does not get in. */
static void set_beside(struct uvshm__win* win,
                       PSECURITY_DESCRIPTOR rights,
                       PSECURITY_DESCRIPTOR beside) {
  HANDLE here = GetCurrentProcess();
  HANDLE handle;

  if (win->index != NULL &&
      DuplicateHandle(here, win->index, here, &handle, WRITE_DAC, FALSE, 0)) {
    set_dacl(handle, 0, rights);
    CloseHandle(handle);
  }
  if (win->name_gate.mutex != NULL &&
      DuplicateHandle(
          here, win->name_gate.mutex, here, &handle, WRITE_DAC, FALSE, 0)) {
    set_dacl(handle, 0, beside);
    CloseHandle(handle);
  }
}


/* Events that exist already keep their rights; every process makes those of its
 * own slots and lanes when it attaches. */
int uvshm__port_set_rights(struct uvshm__port_object* object,
                           const struct uvshm__port_spec* spec) {
  struct uvshm__win* win = uvshm__win_of(object);
  int is_file = win->backing == UVSHM__WIN_FILE;
  PSECURITY_DESCRIPTOR rights;
  PSECURITY_DESCRIPTOR beside;
  HANDLE handle;
  int err;

  if (spec->group == NULL && spec->sddl == NULL) {
    if (spec->mode == 0) return 0;
    return uvshm__fail(UV_ENOTSUP,
                       "Windows has no permission bits; give a group or SDDL");
  }
  err = uvshm__win_rights_new(&rights, spec);
  if (err < 0) return err;
  handle = widened(win, WRITE_DAC | READ_CONTROL);
  err = handle != NULL ? set_dacl(handle, is_file, rights) : UV_EPERM;
  if (err == 0 && uvshm__win_rights_beside(&beside, handle, is_file) == 0) {
    set_beside(win, rights, beside);
    AcquireSRWLockExclusive(&win->lock);
    LocalFree(win->beside);
    win->beside = beside;
    ReleaseSRWLockExclusive(&win->lock);
  }
  if (handle != NULL) CloseHandle(handle);
  LocalFree(rights);
  return err;
}
