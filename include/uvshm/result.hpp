/* SPDX-License-Identifier: MIT */

/* result: a value, or an error.
 *
 *   auto region = uvshm::region::open("prices");
 *   if (!region) return die(region.error().what());
 *   region->grow(8192);
 */

#ifndef UVSHM_RESULT_HPP_
#define UVSHM_RESULT_HPP_

#include "uvshm/error.hpp"

#include <optional>

namespace uvshm {
inline namespace UVSHM_MODE {

namespace detail {

/* In a destructor there is nobody to tell. */
inline void ignore(int) noexcept {
}

} /* namespace detail */

/* A value or an error. value() of a result without one throws the error. */
template <class T>
class [[nodiscard]] result {
 public:
  result(T value) noexcept(std::is_nothrow_move_constructible_v<T>)
      : value_(std::move(value)) {
  }
  result(const uvshm::error& from) noexcept : error_(from) {
  }

  explicit operator bool() const noexcept {
    return value_.has_value();
  }
  bool has_value() const noexcept {
    return value_.has_value();
  }
  T& value() & {
    if (!value_) detail::raise(error_);
    return *value_;
  }
  const T& value() const& {
    if (!value_) detail::raise(error_);
    return *value_;
  }
  T&& value() && {
    if (!value_) detail::raise(error_);
    return std::move(*value_);
  }
  template <class U>
  T value_or(U&& other) && {
    return std::move(value_).value_or(std::forward<U>(other));
  }
  T& operator*() & noexcept {
    return *value_;
  }
  const T& operator*() const& noexcept {
    return *value_;
  }
  T&& operator*() && noexcept {
    return std::move(*value_);
  }
  T* operator->() noexcept {
    return &*value_;
  }
  const T* operator->() const noexcept {
    return &*value_;
  }
  /* Code 0 when there is a value. */
  const uvshm::error& error() const noexcept {
    return error_;
  }

 private:
  std::optional<T> value_;
  uvshm::error error_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  result() noexcept = default;
  result(const uvshm::error& from) noexcept : error_(from) {
  }
  explicit operator bool() const noexcept {
    return !error_;
  }
  bool has_value() const noexcept {
    return !error_;
  }
  void value() const {
    if (error_) detail::raise(error_);
  }
  const uvshm::error& error() const noexcept {
    return error_;
  }

 private:
  uvshm::error error_;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_RESULT_HPP_ */
