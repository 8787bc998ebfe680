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
 * widens a handle to whatever the DACL allows.
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

#define SID_TEXT 192

static SRWLOCK user_lock = SRWLOCK_INIT;
static wchar_t user_sid[SID_TEXT];


static void find_user(void) {
  union {
    TOKEN_USER user;
    unsigned char bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
  } found;
  DWORD size;
  HANDLE token;
  wchar_t* text;

  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return;
  if (GetTokenInformation(token, TokenUser, &found, sizeof(found), &size) &&
      ConvertSidToStringSidW(found.user.User.Sid, &text)) {
    if (wcslen(text) < SID_TEXT) wcscpy(user_sid, text);
    LocalFree(text);
  }
  CloseHandle(token);
}


const wchar_t* uvshm__win_user(void) {
  AcquireSRWLockExclusive(&user_lock);
  if (user_sid[0] == L'\0') find_user();
  ReleaseSRWLockExclusive(&user_lock);
  return user_sid[0] != L'\0' ? user_sid : NULL;
}


SECURITY_ATTRIBUTES uvshm__win_attributes(PSECURITY_DESCRIPTOR rights) {
  SECURITY_ATTRIBUTES attributes;

  attributes.nLength = sizeof(attributes);
  attributes.lpSecurityDescriptor = rights;
  attributes.bInheritHandle = FALSE;
  return attributes;
}

/* ---- from a spec --------------------------------------------------------- */

/* An account's SID as text; LocalFree() it. `name` may be one already. */
static int find_group(wchar_t** result, const wchar_t* name) {
  unsigned char sid[SECURITY_MAX_SID_SIZE];
  wchar_t domain[256];
  DWORD sid_size = sizeof(sid);
  DWORD domain_size = 256;
  SID_NAME_USE use;
  PSID given;
  BOOL ok;

  if (ConvertStringSidToSidW(name, &given)) {
    ok = ConvertSidToStringSidW(given, result);
    LocalFree(given);
    return ok ? 0 : UV_EINVAL;
  }
  if (LookupAccountNameW(
          NULL, name, sid, &sid_size, domain, &domain_size, &use) &&
      ConvertSidToStringSidW((PSID) sid, result))
    return 0;
  return uvshm__fail(UV_EINVAL,
                     "there is no such account or group, and it is "
                     "no SID");
}


/* An ACE that lets `group` read and write; an empty string when it is NULL. */
static int group_ace(wchar_t** ace, const char* group) {
  wchar_t* name;
  wchar_t* sid;
  int err;

  if (group == NULL) {
    *ace = uvshm__win_join(L"", NULL);
    return *ace != NULL ? 0 : UV_ENOMEM;
  }
  err = uvshm__win_wide(&name, group);
  if (err < 0) return err;
  err = find_group(&sid, name);
  free(name);
  if (err < 0) return err;
  *ace = uvshm__win_join(L"(A;;GRGW;;;", sid, L")", NULL);
  LocalFree(sid);
  return *ace != NULL ? 0 : UV_ENOMEM;
}


/* The ACEs of a DACL that a caller wrote in SDDL. */
static int given_aces(wchar_t** aces, const char* sddl) {
  PSECURITY_DESCRIPTOR given;
  wchar_t* wide;
  wchar_t* text;
  PACL dacl = NULL;
  BOOL present = FALSE;
  BOOL defaulted;
  BOOL ok;
  int err;

  err = uvshm__win_wide(&wide, sddl);
  if (err < 0) return err;
  ok = ConvertStringSecurityDescriptorToSecurityDescriptorW(
      wide, SDDL_REVISION_1, &given, NULL);
  free(wide);
  if (!ok) return uvshm__fail(UV_EINVAL, "the SDDL string is not valid");

  /* No DACL at all would mean "everybody": that has to be said in ACEs. */
  if (!GetSecurityDescriptorDacl(given, &present, &dacl, &defaulted) ||
      !present || dacl == NULL)
    err = uvshm__fail(UV_EINVAL, "the SDDL string has no DACL");
  else if (!ConvertSecurityDescriptorToStringSecurityDescriptorW(
               given, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL))
    err = uvshm__win_last_error();
  LocalFree(given);
  if (err < 0) return err;

  wide = wcschr(text, L'(');
  *aces = uvshm__win_join(wide != NULL ? wide : L"", NULL);
  LocalFree(text);
  return *aces != NULL ? 0 : UV_ENOMEM;
}


/* The ACEs of this user, SYSTEM and, as a preset, of those who may read what a
 * service publishes: services (S-1-5-6) and who sits here (S-1-5-4). */
static int usual_aces(wchar_t** aces, int service) {
  *aces =
      uvshm__win_join(L"(A;;GA;;;SY)(A;;GA;;;",
                      uvshm__win_user(),
                      service ? L")(A;;GR;;;S-1-5-6)(A;;GR;;;S-1-5-4)" : L")",
                      NULL);
  return *aces != NULL ? 0 : UV_ENOMEM;
}


int uvshm__win_rights_new(PSECURITY_DESCRIPTOR* rights,
                          const struct uvshm__port_spec* spec) {
  const wchar_t* user = uvshm__win_user();
  wchar_t* aces = NULL;
  wchar_t* group;
  wchar_t* text;
  int err;

  if (user == NULL) return UV_EACCES;
  if (spec->sddl != NULL && strcmp(spec->sddl, "service") != 0)
    err = given_aces(&aces, spec->sddl);
  else
    err = usual_aces(&aces, spec->sddl != NULL);
  if (err < 0) return err;
  err = group_ace(&group, spec->group);
  if (err < 0) {
    free(aces);
    return err;
  }

  text = uvshm__win_join(L"O:", user, L"D:P", aces, group, NULL);
  free(aces);
  free(group);
  if (text == NULL) return UV_ENOMEM;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
          text, SDDL_REVISION_1, rights, NULL))
    err = uvshm__win_last_error();
  free(text);
  return err;
}

int uvshm__win_rights_usual(PSECURITY_DESCRIPTOR* rights) {
  struct uvshm__port_spec spec;

  memset(&spec, 0, sizeof(spec));
  return uvshm__win_rights_new(rights, &spec);
}


/* The owner may always change a DACL, unless an ACE for "owner rights" (OW)
 * says what he may. */
int uvshm__win_rights_anonymous(PSECURITY_DESCRIPTOR* rights) {
  wchar_t* text;
  int err = 0;

  if (uvshm__win_user() == NULL) return UV_EACCES;
  text =
      uvshm__win_join(L"O:", uvshm__win_user(), L"D:P(A;;RC;;;S-1-3-4)", NULL);
  if (text == NULL) return UV_ENOMEM;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
          text, SDDL_REVISION_1, rights, NULL))
    err = uvshm__win_last_error();
  free(text);
  return err;
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
