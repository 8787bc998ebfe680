/* SPDX-License-Identifier: MIT */

/* Names are 1 to 200 bytes of UTF-8 without `/`, `\`, control characters or a
 * leading dot: what every file system and every kernel object namespace that we
 * use can carry, so that a name never works on one system and fails on another.
 */

#include "object/name_check.h"

#include "base/error.h"
#include "port_caps.h"
#include "uvshm/flags.h"

#include <string.h>


/* How many bytes the UTF-8 sequence at `s` has; 0 when it is not well-formed
 * (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). The
 * final zero of the string ends every loop here, as it is no continuation. */
static size_t utf8_sequence(const unsigned char* s) {
  static const struct {
    unsigned char first;
    unsigned char last;
    unsigned char low; /* bounds of the second byte */
    unsigned char high;
    unsigned char size;
  } forms[] = {
      {0x01, 0x7f, 0, 0, 1},
      {0xc2, 0xdf, 0x80, 0xbf, 2},
      {0xe0, 0xe0, 0xa0, 0xbf, 3},
      {0xe1, 0xec, 0x80, 0xbf, 3},
      {0xed, 0xed, 0x80, 0x9f, 3},
      {0xee, 0xef, 0x80, 0xbf, 3},
      {0xf0, 0xf0, 0x90, 0xbf, 4},
      {0xf1, 0xf3, 0x80, 0xbf, 4},
      {0xf4, 0xf4, 0x80, 0x8f, 4},
  };
  size_t i;
  size_t k;

  for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
    if (s[0] >= forms[i].first && s[0] <= forms[i].last) break;
  if (i == sizeof(forms) / sizeof(forms[0])) return 0;
  if (forms[i].size == 1) return 1;
  if (s[1] < forms[i].low || s[1] > forms[i].high) return 0;
  for (k = 2; k < forms[i].size; k++)
    if (s[k] < 0x80 || s[k] > 0xbf) return 0;
  return forms[i].size;
}


/* The bytes of a bad name may be anything, so no sentence repeats them. */
int uvshm__name_check(const char* name) {
  const unsigned char* s = (const unsigned char*) name;
  size_t size;

  if (name == NULL || *name == '\0')
    return uvshm__fail(UV_EINVAL, "a name needs at least one byte");
  if (*name == '.')
    return uvshm__fail(UV_EINVAL, "a name must not begin with a dot");
  if (strlen(name) > UVSHM_NAME_MAX)
    return uvshm__fail(UV_ENAMETOOLONG,
                       "a name has at most %d bytes, this one has %zu",
                       UVSHM_NAME_MAX,
                       strlen(name));

  for (; *s != 0; s += size) {
    size = utf8_sequence(s);
    if (size == 0) return uvshm__fail(UV_EINVAL, "the name is not UTF-8");
    /* C0, DEL and, as UTF-8, C1 controls. */
    if (*s < 0x20 || *s == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0))
      return uvshm__fail(UV_EINVAL, "the name has a control character in it");
    if (*s == '/' || *s == '\\')
      return uvshm__fail(UV_EINVAL, "the name has a / or \\ in it");
  }
  return 0;
}


const char* uvshm__name_last(const char* name, uint32_t flags) {
  const char* slash = flags & UVSHM_DIR ? strrchr(name, '/') : NULL;

  return slash != NULL ? slash + 1 : name;
}


int uvshm__name_check_in(const char* name, uint32_t flags) {
  if (!(flags & UVSHM_DIR)) return uvshm__name_check(name);
  if (!UVSHM__PORT_TAKES_DIRS)
    return uvshm__fail(UV_ENOTSUP,
                       "this system keeps names in no folder, so UVSHM_DIR "
                       "cannot be had");
  if (name == NULL || strchr(name, '/') == NULL)
    return uvshm__fail(UV_EINVAL,
                       "with UVSHM_DIR a name is a folder, a / and a name");
  return uvshm__name_check(uvshm__name_last(name, flags));
}
