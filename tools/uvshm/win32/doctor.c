/* SPDX-License-Identifier: MIT */

/* What Windows lets this process do: the session it is in, how much it is
 * trusted, and whether it may make names that all sessions see. */

#include "doctor.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>

#include <uv.h>

/* Of SECURITY_MANDATORY_LABEL_AUTHORITY, as the integrity of a process. */
#define LEVEL_LOW 0x1000u
#define LEVEL_MEDIUM 0x2000u
#define LEVEL_HIGH 0x3000u
#define LEVEL_SYSTEM 0x4000u


/* What the token of this process says, for free(); NULL: it cannot be told. */
static void* token_says(TOKEN_INFORMATION_CLASS what) {
  HANDLE token;
  DWORD size = 0;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return NULL;
  GetTokenInformation(token, what, NULL, 0, &size);
  void* answer = size > 0 ? text_alloc(size) : NULL;
  if (answer != NULL &&
      !GetTokenInformation(token, what, answer, size, &size)) {
    free(answer);
    answer = NULL;
  }
  CloseHandle(token);
  return answer;
}


static void tell_session(struct doctor* doctor) {
  DWORD session;
  char kind[64];
  size_t size = sizeof kind;
  if (!ProcessIdToSessionId(GetCurrentProcessId(), &session)) return;
  bool known = uv_os_getenv("SESSIONNAME", kind, &size) == 0;
  char* name = text_escape(known ? kind : "");
  doctor_tell(doctor,
              VERDICT_OK,
              "session",
              session == 0
                  ? "that of services: programs on a desktop see only objects "
                    "made with --system"
                  : "other sessions and services see only objects made with "
                    "--system",
              "%lu%s%s",
              (unsigned long) session,
              known ? ", " : "",
              name);
  free(name);
}


static void tell_integrity(struct doctor* doctor) {
  TOKEN_MANDATORY_LABEL* label = token_says(TokenIntegrityLevel);
  if (label == NULL) return;
  PSID sid = label->Label.Sid;
  DWORD count = *GetSidSubAuthorityCount(sid);
  DWORD level = count > 0 ? *GetSidSubAuthority(sid, count - 1) : LEVEL_MEDIUM;
  free(label);
  bool low = level < LEVEL_MEDIUM;
  doctor_tell(doctor,
              low ? VERDICT_WARN : VERDICT_OK,
              "integrity",
              low ? "it cannot write to what usual programs make; they have to "
                    "let it in by SDDL"
              : level >= LEVEL_HIGH
                  ? "elevated: what it makes, usual programs of this user open "
                    "as docs/cookbook/elevated.md tells"
                  : NULL,
              "%s (0x%lx)",
              level >= LEVEL_SYSTEM   ? "system"
              : level >= LEVEL_HIGH   ? "high"
              : level >= LEVEL_MEDIUM ? "medium"
              : level >= LEVEL_LOW    ? "low"
                                      : "untrusted",
              (unsigned long) level);
}


static void tell_privilege(struct doctor* doctor) {
  TOKEN_PRIVILEGES* all = token_says(TokenPrivileges);
  bool has = false;
  bool enabled = false;
  LUID wanted;
  if (all == NULL) return;
  if (!LookupPrivilegeValueA(NULL, "SeCreateGlobalPrivilege", &wanted)) {
    free(all);
    return;
  }
  for (DWORD i = 0; i < all->PrivilegeCount; i++) {
    const LUID_AND_ATTRIBUTES* one = &all->Privileges[i];
    if (one->Luid.LowPart != wanted.LowPart ||
        one->Luid.HighPart != wanted.HighPart)
      continue;
    has = true;
    enabled = (one->Attributes & SE_PRIVILEGE_ENABLED) != 0;
  }
  free(all);
  doctor_tell(doctor,
              VERDICT_OK,
              "privilege",
              enabled ? NULL
                      : "services and administrators have it; the others open "
                        "what these make with --system",
              "SeCreateGlobalPrivilege is %s",
              enabled ? "there"
              : has   ? "there, but switched off"
                      : "not there");
}


void doctor_native(struct doctor* doctor) {
  tell_session(doctor);
  tell_integrity(doctor);
  tell_privilege(doctor);
}
