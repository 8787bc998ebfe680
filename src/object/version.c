/* SPDX-License-Identifier: MIT */

#include "uvshm/version.h"

#define TEXT(x) #x
#define VERSION_TEXT(major, minor, patch)                                      \
 TEXT(major) "." TEXT(minor) "." TEXT(patch)


unsigned int uvshm_version(void) {
  return UVSHM_VERSION_HEX;
}


const char* uvshm_version_string(void) {
  return VERSION_TEXT(
      UVSHM_VERSION_MAJOR, UVSHM_VERSION_MINOR, UVSHM_VERSION_PATCH);
}
