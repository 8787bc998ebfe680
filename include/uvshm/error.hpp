/* SPDX-License-Identifier: MIT */

/* error: what went wrong, as a code and a sentence.
 *
 *   try {
 *     uvshm::region region("prices");
 *   } catch (const uvshm::exception& failure) {
 *     std::puts(failure.what());
 *     if (failure.error() == uvshm::errc::enoent) start_the_feed();
 *   }
 *
 * Every call comes twice. The short form throws uvshm::exception, which has the
 * same error in it; a form with std::nothrow as its last argument, and the
 * static open() of each class, give a result (result.hpp). Where a program is
 * compiled without exceptions, the short form writes the sentence to stderr and
 * ends the program, as the standard library does there.
 */

#ifndef UVSHM_ERROR_HPP_
#define UVSHM_ERROR_HPP_

#include "uvshm/base.hpp"
#include "uvshm/error.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

#include <uv/errno.h>

/* <uv.h> takes this away again when it was included before. */
#if !defined(UV__ERR)
# define UVSHM_UV_ERR_IS_OURS
# if EDOM > 0
#  define UV__ERR(code) (-(code))
# else
#  define UV__ERR(code) (code)
# endif
#endif

namespace uvshm {
inline namespace UVSHM_MODE {

/* The codes of error.h: libuv's, of the same value as UV_ENOENT and so on. */
enum class errc : int {
  enoent = UV__ENOENT,
  eexist = UV__EEXIST,
  eprotonosupport = UV__EPROTONOSUPPORT,
  eprototype = UV__EPROTOTYPE,
  eproto = UV__EPROTO,
  eperm = UV__EPERM,
  eacces = UV__EACCES,
  enospc = UV__ENOSPC,
  enomem = UV__ENOMEM,
  emfile = UV__EMFILE,
  enobufs = UV__ENOBUFS,
  ebusy = UV__EBUSY,
  eagain = UV__EAGAIN,
  etimedout = UV__ETIMEDOUT,
  enxio = UV__ENXIO,
  ecanceled = UV__ECANCELED,
  enotconn = UV__ENOTCONN,
  eof = UV__EOF,
  econnreset = UV__ECONNRESET,
  epipe = UV__EPIPE,
  emsgsize = UV__EMSGSIZE,
  eoverflow = UV__EOVERFLOW,
  enametoolong = UV__ENAMETOOLONG,
  einval = UV__EINVAL,
  enotsup = UV__ENOTSUP,
  enosys = UV__ENOSYS
};

#if defined(UVSHM_UV_ERR_IS_OURS)
# undef UVSHM_UV_ERR_IS_OURS
# undef UV__ERR
#endif

/* A success with something to tell; the values are those of flags.h. */
enum class news : int {
  none = 0,
  owner_died = UVSHM_OWNER_DIED,
  unclean = UVSHM_UNCLEAN,
  missed = UVSHM_MISSED,
  again = UVSHM_AGAIN
};

namespace detail {

struct meaning {
  errc code;
  std::errc generic;
  const char* text;
};

/* What codes are elsewhere. */
inline constexpr meaning meanings[] = {
    {errc::eof, std::errc{}, "the other end is closed"},
    {errc::enoent,
     std::errc::no_such_file_or_directory,
     "there is no such object"},
    {errc::eexist, std::errc::file_exists, "the name is taken"},
    {errc::eprotonosupport,
     std::errc::protocol_not_supported,
     "made with another format, or on another system"},
    {errc::eprototype,
     std::errc::wrong_protocol_type,
     "it is another kind of object"},
    {errc::eproto, std::errc::protocol_error, "damaged, or not made by uvshm"},
    {errc::eperm,
     std::errc::operation_not_permitted,
     "it belongs to somebody else"},
    {errc::eacces, std::errc::permission_denied, "the rights forbid it"},
    {errc::enospc, std::errc::no_space_on_device, "no room"},
    {errc::enomem, std::errc::not_enough_memory, "no memory or address space"},
    {errc::emfile,
     std::errc::too_many_files_open,
     "no free descriptor, peer slot or lane"},
    {errc::enobufs,
     std::errc::no_buffer_space,
     "the buffer is too small, or too many locks are held"},
    {errc::ebusy, std::errc::device_or_resource_busy, "it is in use"},
    {errc::eagain,
     std::errc::resource_unavailable_try_again,
     "there is nothing now"},
    {errc::etimedout, std::errc::timed_out, "not within the time given"},
    {errc::enxio,
     std::errc::no_such_device_or_address,
     "the object was removed"},
    {errc::ecanceled, std::errc::operation_canceled, "the call was cancelled"},
    {errc::enotconn,
     std::errc::not_connected,
     "a forked child has to rejoin first"},
    {errc::econnreset, std::errc::connection_reset, "the last writer died"},
    {errc::epipe, std::errc::broken_pipe, "there is no reader any more"},
    {errc::emsgsize,
     std::errc::message_size,
     "larger than the largest message"},
    {errc::eoverflow,
     std::errc::value_too_large,
     "the counter would pass its largest value"},
    {errc::enametoolong, std::errc::filename_too_long, "the name is too long"},
    {errc::einval, std::errc::invalid_argument, "an argument makes no sense"},
    {errc::enotsup, std::errc::not_supported, "this system cannot do it"},
    {errc::enosys,
     std::errc::function_not_supported,
     "uvshm does not know this system"}};

class UVSHM_VISIBLE error_category final : public std::error_category {
 public:
  const char* name() const noexcept override {
    return "uvshm";
  }
  /* What the code means in general. Sentences that name an object are those of
   * uvshm::error. */
  std::string message(int code) const override {
    for (const meaning& one : meanings)
      if (static_cast<int>(one.code) == code) return one.text;
    return code == UVSHM_OWNER_DIED ? "its last owner died" : "no such error";
  }
  /* So that a code compares equal to a std::errc. */
  std::error_condition default_error_condition(
      int code) const noexcept override {
    for (const meaning& one : meanings)
      if (static_cast<int>(one.code) == code && one.generic != std::errc{})
        return std::make_error_condition(one.generic);
    return {code, *this};
  }
};

} /* namespace detail */

/* Of std::error_code: codes of this library. */
UVSHM_VISIBLE inline const std::error_category& category() noexcept {
  static const detail::error_category one;
  return one;
}

/* For std::error_code; found by it through the namespace. */
inline std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), category()};
}

/* ---- error --------------------------------------------------------------- */

/* A code and the sentence that goes with it, which names the object. A value:
 * it allocates nothing and stays what it is, whatever is called next. */
class error {
 public:
  /* No error. */
  error() noexcept {
    text_[0] = '\0';
  }
  /* With the sentence of the calling thread's last failure, if it has this
   * code, else what the code means in general. */
  explicit error(int code) noexcept : code_(code) {
    set(uvshm_strerror(code));
  }
  explicit error(errc code) noexcept : error(static_cast<int>(code)) {
  }
  error(errc code, const char* text) noexcept : code_(static_cast<int>(code)) {
    set(text);
  }
  error(const error& other) noexcept : code_(other.code_) {
    std::memcpy(text_, other.text_, std::strlen(other.text_) + 1);
  }
  error& operator=(const error& other) noexcept {
    if (this == &other) return *this;
    code_ = other.code_;
    std::memcpy(text_, other.text_, std::strlen(other.text_) + 1);
    return *this;
  }

  /* Negative, as in C: UV_ENOENT ...; 0: no error. */
  int code() const noexcept {
    return code_;
  }
  const char* what() const noexcept {
    return text_;
  }
  explicit operator bool() const noexcept {
    return code_ != 0;
  }
  operator std::error_code() const noexcept {
    return {code_, category()};
  }
  friend bool operator==(const error& a, errc b) noexcept {
    return a.code_ == static_cast<int>(b);
  }
  friend bool operator!=(const error& a, errc b) noexcept {
    return !(a == b);
  }

 private:
  void set(const char* text) noexcept {
    std::size_t size = std::strlen(text);
    if (size >= sizeof(text_)) size = sizeof(text_) - 1;
    std::memcpy(text_, text, size);
    text_[size] = '\0';
  }

  int code_ = 0;
  char text_[512]; /* as much as a sentence of the library may have */
};

/* What short forms throw. what() is the sentence. */
class UVSHM_VISIBLE exception : public std::system_error {
 public:
  explicit exception(const uvshm::error& from)
      : std::system_error(std::error_code(from)), error_(from) {
  }
  const char* what() const noexcept override {
    return error_.what();
  }
  const uvshm::error& error() const noexcept {
    return error_;
  }

 private:
  uvshm::error error_;
};

/* Thrown by lock() of a mutex or rwlock whose last owner died, when nobody said
 * how to mend what it guards. The lock is not held; the news stays in it. */
class UVSHM_VISIBLE owner_died final : public exception {
 public:
  using exception::exception;
};

namespace detail {

template <class E = exception>
[[noreturn]] inline void raise(const error& from) {
#if UVSHM_EXCEPTIONS
  throw E(from);
#else
  std::fprintf(stderr, "uvshm: %s\n", from.what());
  std::abort();
#endif
}

} /* namespace detail */

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

template <>
struct std::is_error_code_enum<uvshm::errc> : std::true_type {};

#endif /* UVSHM_ERROR_HPP_ */
