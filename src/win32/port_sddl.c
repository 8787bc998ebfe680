/* SPDX-License-Identifier: MIT */

/* Rights of new memory, from what its maker asked for: a protected DACL with
 * ACEs for this user and SYSTEM, or those of his own SDDL, and for a group. All
 * of it is put together as text, which Windows reads (SDDL).
 */

#include "win32.h"

#include <sddl.h>
#include <stdlib.h>
#include <string.h>

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
