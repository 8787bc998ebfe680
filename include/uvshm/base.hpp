/* SPDX-License-Identifier: MIT */

/* base: what all parts of uvshm.hpp share: which C++ this is, views of bytes,
 * timeouts, and which types may lie in shared memory.
 *
 * The names stand in an inline namespace that tells C++17 from C++20 and, with
 * an `n`, code without exceptions, because the same name means other code
 * there. So two files of one program that were compiled differently either keep
 * their uvshm objects to themselves or do not link; they never mix up.
 */

#ifndef UVSHM_BASE_HPP_
#define UVSHM_BASE_HPP_

#include "uvshm/flags.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(_MSVC_LANG)
# define UVSHM_CPLUSPLUS _MSVC_LANG
#else
# define UVSHM_CPLUSPLUS __cplusplus
#endif
#if UVSHM_CPLUSPLUS < 201703L
# error "uvshm.hpp needs C++17: -std=c++17 or later"
#endif

#if UVSHM_CPLUSPLUS >= 202002L
# include <version>
#endif
#if defined(__cpp_lib_span)
# include <span>
# define UVSHM_HAS_SPAN 1
#else
# define UVSHM_HAS_SPAN 0
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
# define UVSHM_EXCEPTIONS 1
#else
# define UVSHM_EXCEPTIONS 0
#endif

#if UVSHM_HAS_SPAN && UVSHM_EXCEPTIONS
# define UVSHM_MODE cpp20
#elif UVSHM_HAS_SPAN
# define UVSHM_MODE cpp20n
#elif UVSHM_EXCEPTIONS
# define UVSHM_MODE cpp17
#else
# define UVSHM_MODE cpp17n
#endif

/* One type for all shared libraries of a program, where they hide symbols: what
 * is thrown, and the category of errors. */
#if defined(__GNUC__) && !defined(_WIN32)
# define UVSHM_VISIBLE __attribute__((visibility("default")))
#else
# define UVSHM_VISIBLE
#endif

namespace uvshm {
inline namespace UVSHM_MODE {

/* ---- views --------------------------------------------------------------- */

#if UVSHM_HAS_SPAN
template <class T>
using span = std::span<T>;
#else
/* As much of std::span as is needed; in C++20 this is std::span. */
template <class T>
class span {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using size_type = std::size_t;
  using iterator = T*;

  constexpr span() noexcept = default;
  constexpr span(T* data, std::size_t size) noexcept
      : data_(data), size_(size) {
  }
  template <std::size_t N>
  constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {
  }
  /* A vector, an array, a string, or a span that may write where this one only
   * reads. */
  template <class C,
            class P = decltype(std::declval<C&>().data()),
            class = decltype(std::declval<C&>().size()),
            class = std::enable_if_t<
                std::is_convertible_v<std::remove_pointer_t<P> (*)[], T (*)[]>>>
  constexpr span(C&& from) noexcept : data_(from.data()), size_(from.size()) {
  }

  constexpr T* data() const noexcept {
    return data_;
  }
  constexpr std::size_t size() const noexcept {
    return size_;
  }
  constexpr std::size_t size_bytes() const noexcept {
    return size_ * sizeof(T);
  }
  constexpr bool empty() const noexcept {
    return size_ == 0;
  }
  constexpr T* begin() const noexcept {
    return data_;
  }
  constexpr T* end() const noexcept {
    return data_ + size_;
  }
  constexpr T& operator[](std::size_t i) const noexcept {
    return data_[i];
  }
  constexpr span first(std::size_t count) const noexcept {
    return {data_, count};
  }
  constexpr span subspan(std::size_t offset) const noexcept {
    return {data_ + offset, size_ - offset};
  }
  constexpr span subspan(std::size_t offset, std::size_t count) const noexcept {
    return {data_ + offset, count};
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};
#endif

/* ---- what may lie in shared memory --------------------------------------- */

/* May objects of type T be bytes that several processes see? A plain struct
 * may; std::atomic<T> may where it needs no lock. A struct of one's own with
 * such a member:
 *
 *   template <> struct uvshm::is_shareable<board> : std::true_type {};
 */
template <class T, class = void>
struct is_shareable
    : std::bool_constant<std::is_trivially_copyable_v<T> &&
                         std::is_standard_layout_v<T> &&
                         !std::is_pointer_v<T> && !std::is_reference_v<T> &&
                         !std::is_member_pointer_v<T>> {};

template <class T>
struct is_shareable<std::atomic<T>>
    : std::bool_constant<is_shareable<T>::value &&
                         std::atomic<T>::is_always_lock_free> {};

template <class T, std::size_t N>
struct is_shareable<T[N]> : is_shareable<T> {};

/* Containers that use uvshm::allocator (allocator.hpp). */
template <class T>
class allocator;

namespace detail {

template <class T>
struct is_ours : std::false_type {};
template <class T>
struct is_ours<allocator<T>> : std::true_type {};

template <class T>
constexpr void must_be_shareable() noexcept {
  static_assert(
      is_shareable<std::remove_cv_t<T>>::value,
      "uvshm: a type in shared memory must be trivially copyable, of standard "
      "layout and no pointer, since each process sees the bytes at another "
      "address; std::string, std::vector and classes with virtual functions "
      "are not. If you know better, specialise uvshm::is_shareable");
}

/* Is an object of type T at `address` where objects of its type may lie? */
template <class T>
bool is_aligned(const void* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address) % alignof(T) == 0;
}

} /* namespace detail */

template <class T>
struct is_shareable<
    T,
    std::enable_if_t<detail::is_ours<typename T::allocator_type>::value>>
    : std::true_type {};

/* The bytes of an object, to be read; valid as long as it is. */
template <class T>
span<const std::byte> bytes_of(const T& object) noexcept {
  detail::must_be_shareable<T>();
  return {reinterpret_cast<const std::byte*>(&object), sizeof(T)};
}

/* An argument that is bytes: a key, a value, a message. Made from a string (of
 * which it has no zero at the end; an array of char is one), a span, a vector
 * of plain things, or from any object that may be shared. It must not be kept:
 * it may lead to a temporary. */
class blob {
 public:
  blob(const void* data, std::size_t size) noexcept : data_(data), size_(size) {
  }
  blob(std::nullptr_t) = delete;
  template <class T>
  blob(const T& from) noexcept {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      std::string_view text = from;
      data_ = text.data();
      size_ = text.size();
    } else if constexpr (has_data<T>::value) {
      detail::must_be_shareable<std::remove_pointer_t<decltype(from.data())>>();
      data_ = from.data();
      size_ = from.size() * sizeof(*from.data());
    } else {
      detail::must_be_shareable<T>();
      data_ = &from;
      size_ = sizeof(T);
    }
  }
  const void* data() const noexcept {
    return data_;
  }
  std::size_t size() const noexcept {
    return size_;
  }

 private:
  template <class T, class = void>
  struct has_data : std::false_type {};
  template <class T>
  struct has_data<T,
                  std::void_t<decltype(std::declval<const T&>().data()),
                              decltype(std::declval<const T&>().size())>>
      : std::true_type {};

  const void* data_;
  std::size_t size_;
};

/* A name or path as an argument. */
class zstring {
 public:
  zstring(const char* text) noexcept : text_(text) {
  }
  zstring(const std::string& text) noexcept : text_(text.c_str()) {
  }
  const char* c_str() const noexcept {
    return text_;
  }

 private:
  const char* text_;
};

/* ---- time ---------------------------------------------------------------- */

/* A timeout that never ends. */
struct forever_t {};
inline constexpr forever_t forever{};

/* How long to wait: any std::chrono duration, or uvshm::forever. It is rounded
 * up to milliseconds, so that nobody waits too short; 0 and less: try once. */
class timeout {
 public:
  constexpr timeout(forever_t) noexcept : ms_(UVSHM_FOREVER) {
  }
  template <class Rep, class Period>
  constexpr timeout(std::chrono::duration<Rep, Period> wait) noexcept
      : ms_(to_ms(wait)) {
  }
  constexpr std::uint64_t ms() const noexcept {
    return ms_;
  }

 private:
  template <class Rep, class Period>
  static constexpr std::uint64_t to_ms(
      std::chrono::duration<Rep, Period> wait) noexcept {
    using namespace std::chrono;
    double about = duration<double, std::milli>(wait).count();

    if (!(about > 0)) return 0;
    if (about >= 1e15) return UVSHM_FOREVER; /* 30,000 years */
    return static_cast<std::uint64_t>(
        ceil<duration<std::int64_t, std::milli>>(wait).count());
  }

  std::uint64_t ms_;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_BASE_HPP_ */
