/* SPDX-License-Identifier: MIT */

/* What a code means when no sentence with an object's name is at hand. The
 * meanings are uvshm's, not the system's: to a system UV_EPROTOTYPE is a socket
 * of the wrong type, to us it is an object of another kind. */

#include "uvshm/error.h"

#include "base/error.h"
#include "uvshm/flags.h"

static const struct {
  int code;
  const char* text;
} meanings[] = {
    {0, "no error"},
    {UVSHM_OWNER_DIED, "held; its last owner died"},
    {UVSHM_UNCLEAN, "open; it was not closed cleanly before a reboot"},
    {UV_ENOENT, "there is no such object"},
    {UV_EEXIST, "the name is taken"},
    {UV_EPROTONOSUPPORT, "made with another format, or on another system"},
    {UV_EPROTOTYPE, "it is another kind of object"},
    {UV_EPROTO, "damaged, or not made by uvshm"},
    {UV_EPERM, "it belongs to somebody else"},
    {UV_EACCES, "the rights forbid it"},
    {UV_ENOSPC, "no room"},
    {UV_ENOMEM, "no memory or address space"},
    {UV_EMFILE, "no free descriptor, peer slot or lane"},
    {UV_ENOBUFS, "the buffer is too small, or too many locks are held"},
    {UV_EBUSY, "it is in use"},
    {UV_EAGAIN, "there is nothing now"},
    {UV_ETIMEDOUT, "not within the time given"},
    {UV_ENXIO, "the object was removed"},
    {UV_ECANCELED, "the call was cancelled"},
    {UV_ENOTCONN, "a forked child has to rejoin first"},
    {UV_EIO, "memory of it is missing, or a disk failed"},
    {UVSHM_MISSED, "a message; some before it were lost"},
    {UVSHM_AGAIN, "a message that another reader had, which died"},
    {UV_EOF, "the other end is closed"},
    {UV_ECONNRESET, "the last writer died"},
    {UV_EPIPE, "there is no reader any more"},
    {UV_EMSGSIZE, "larger than the largest message"},
    {UV_EOVERFLOW, "the counter would pass its largest value"},
    {UV_ENAMETOOLONG, "the name is too long"},
    {UV_EINVAL, "an argument makes no sense"},
    {UV_ENOTSUP, "this system cannot do it"},
    {UV_ENOSYS, "uvshm does not know this system"},
};


static const char* meaning(int code) {
  size_t i;

  for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
    if (meanings[i].code == code) return meanings[i].text;
  return "an error that uvshm does not use";
}


const char* uvshm_strerror(int code) {
  return code < 0 && uvshm__error_code() == code ? uvshm_error_detail()
                                                 : meaning(code);
}


/* What failed bare (base/error.h) has said no more than its code. */
const char* uvshm_error_detail(void) {
  const char* text = uvshm__error_text();
  int code = uvshm__error_code();

  return *text == '\0' && code != 0 ? meaning(code) : text;
}
