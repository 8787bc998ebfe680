/* SPDX-License-Identifier: MIT */

/* Where the last failure of a thread is kept: in the thread, without malloc,
 * so that failing cannot fail. */

#include "base/error.h"
#include "base/thread_local.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static UVSHM__THREAD_LOCAL int last_code;
static UVSHM__THREAD_LOCAL unsigned int failures;
static UVSHM__THREAD_LOCAL char last_text[UVSHM__ERROR_SIZE];
/* Where it is "", this one; NULL is none. */
static UVSHM__THREAD_LOCAL const char* last_brief;


/* Names in parentheses: no macro is meant. */
int(uvshm__fail)(int code, const char* format, ...) {
  char text[UVSHM__ERROR_SIZE];
  va_list args;

  /* Not straight into last_text: it may be one of the arguments. */
  va_start(args, format);
  if (vsnprintf(text, sizeof(text), format, args) < 0) text[0] = '\0';
  va_end(args);

  text[sizeof(text) - 1] = '\0';
  memcpy(last_text, text, strlen(text) + 1);
  last_brief = NULL;
  last_code = code;
  failures++;
  return code;
}


int(uvshm__fail_bare)(int code) {
  return (uvshm__fail_brief) (code, NULL);
}


int(uvshm__fail_brief)(int code, const char* sentence) {
  last_text[0] = '\0';
  last_brief = sentence;
  last_code = code;
  failures++;
  return code;
}


unsigned int uvshm__error_count(void) {
  return failures;
}


const char* uvshm__error_text(void) {
  return last_text[0] == '\0' && last_brief != NULL ? last_brief : last_text;
}


int uvshm__error_code(void) {
  return last_code;
}


void uvshm__error_clear(void) {
  last_code = 0;
  last_text[0] = '\0';
  last_brief = NULL;
}
