/* SPDX-License-Identifier: MIT */

/* The calling thread's last failure: a code and a sentence.
 *
 * Every layer that knows what went wrong says so with
 *
 *   return uvshm__fail(UV_EPROTO, "header: control size %u", size);
 *
 * and every layer above passes the code on untouched, or says it better. Codes
 * that a caller meets in normal life (UV_EBUSY, UV_EAGAIN, UV_ETIMEDOUT, ...)
 * are returned bare where that is fast: uvshm_strerror() has general sentences.
 */

#ifndef UVSHM_BASE_ERROR_H_
#define UVSHM_BASE_ERROR_H_

#include <uv.h>

/* The longest sentence that is kept, with its final zero. */
#define UVSHM__ERROR_SIZE 512

#if defined(__MINGW_PRINTF_FORMAT)
# define UVSHM__PRINTF(format, first)                                          \
  __attribute__((__format__(__MINGW_PRINTF_FORMAT, format, first)))
#elif defined(__GNUC__)
# define UVSHM__PRINTF(format, first)                                          \
  __attribute__((__format__(__printf__, format, first)))
#else
# define UVSHM__PRINTF(format, first)
#endif

/* Remember `code` and the sentence for this thread; returns `code`. The
 * arguments may contain the present sentence (uvshm__error_text()), so that a
 * caller can put the object's name in front of what a lower layer said. */
int uvshm__fail(int code, const char* format, ...) UVSHM__PRINTF(2, 3);

/* The same without a sentence, cheap enough for a failed try: the general
 * meaning of the code is the sentence then. */
int uvshm__fail_bare(int code);

/* As cheap, with a sentence that has nothing to fill in and stays for ever. */
int uvshm__fail_brief(int code, const char* sentence);

#ifdef __clang_analyzer__
/* It follows "failed, and yet returned 0" paths otherwise. */
static inline int uvshm__negative(int code) {
  if (code >= 0) __builtin_unreachable();
  return code;
}

# define uvshm__fail(...) uvshm__negative(uvshm__fail(__VA_ARGS__))
# define uvshm__fail_bare(code) uvshm__negative(uvshm__fail_bare(code))
# define uvshm__fail_brief(c, s) uvshm__negative(uvshm__fail_brief(c, s))
#endif

/* How often this thread has failed, so that a caller can tell whether what it
 * called left a sentence behind. */
unsigned int uvshm__error_count(void);

/* What the last uvshm__fail() of this thread said; "" and 0 before any. */
const char* uvshm__error_text(void);
int uvshm__error_code(void);

/* As if none had failed. */
void uvshm__error_clear(void);

#endif /* UVSHM_BASE_ERROR_H_ */
