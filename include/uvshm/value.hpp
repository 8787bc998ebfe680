/* SPDX-License-Identifier: MIT */

/* value: bytes of map, channel and cell as objects: copies of plain types, of
 * std::string and of std::vector. */

#ifndef UVSHM_VALUE_HPP_
#define UVSHM_VALUE_HPP_

#include "uvshm/result.hpp"

#include <vector>

namespace uvshm {
inline namespace UVSHM_MODE {
namespace detail {

/* Types that take any number of bytes. */
template <class T>
struct is_dynamic : std::false_type {};
template <>
struct is_dynamic<std::string> : std::true_type {};
template <class T>
struct is_dynamic<std::vector<T>> : std::true_type {};

inline error wrong_size(std::size_t size, std::size_t wanted) noexcept {
  char text[96];

  (void) std::snprintf(text,
                       sizeof(text),
                       "the value has %llu bytes, the type %llu",
                       static_cast<unsigned long long>(size),
                       static_cast<unsigned long long>(wanted));
  return {errc::emsgsize, text};
}

/* A copy of a plain T out of bytes that need not be aligned. */
template <class T>
T copy_of(const void* bytes) noexcept {
  must_be_shareable<T>();
  static_assert(std::is_trivially_copyable_v<T>,
                "uvshm: a copy is made of plain types only");
  alignas(T) std::byte room[sizeof(T)];
  std::memcpy(room, bytes, sizeof(T));
  return *std::launder(reinterpret_cast<T*>(room));
}

/* Bytes as a T, or errc::emsgsize. */
template <class T>
result<T> value_of(const void* bytes, std::size_t size) {
  if constexpr (std::is_same_v<T, std::string>) {
    return T(static_cast<const char*>(bytes), size);
  } else if constexpr (is_dynamic<T>::value) {
    using item = typename T::value_type;
    must_be_shareable<item>();
    if (size % sizeof(item) != 0) return wrong_size(size, sizeof(item));
    T made(size / sizeof(item));
    if (size != 0) std::memcpy(made.data(), bytes, size);
    return made;
  } else {
    if (size != sizeof(T)) return wrong_size(size, sizeof(T));
    return copy_of<T>(bytes);
  }
}

/* What a C call copies into (room, &size), as a plain T. */
template <class T, class F>
result<T> read_value(F read) noexcept {
  alignas(T) std::byte room[sizeof(T)];
  std::size_t size = sizeof(T);
  int code = read(room, &size);

  if (code == static_cast<int>(errc::enobufs) ||
      (code >= 0 && size != sizeof(T)))
    return wrong_size(size, sizeof(T));
  if (code < 0) return error(code);
  return copy_of<T>(room);
}

} /* namespace detail */
} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_VALUE_HPP_ */
