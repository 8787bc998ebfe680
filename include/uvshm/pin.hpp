/* SPDX-License-Identifier: MIT */

/* pin: what cell.hpp gives: a value looked at in place, and a buffer for the
 * next one. They keep their cell open; any thread may end them. */

#ifndef UVSHM_PIN_HPP_
#define UVSHM_PIN_HPP_

#include "uvshm/cell.h"
#include "uvshm/handle.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

class cell;

/* A value where it lies, until it is released or destroyed; or empty. It stays
 * as it is; but where the cell is attached for reading it may be overwritten at
 * any time, and only release() tells. */
class cell_pin {
 public:
  cell_pin() noexcept = default;
  cell_pin(cell_pin&& other) noexcept {
    swap(other);
  }
  cell_pin& operator=(cell_pin&& other) noexcept {
    cell_pin(std::move(other)).swap(*this);
    return *this;
  }
  ~cell_pin() {
    if (of_.get() != nullptr)
      detail::ignore(uvshm_cell_release(of_.get(), bytes_.data(), version_));
  }
  void swap(cell_pin& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(version_, other.version_);
    of_.swap(other.of_);
  }
  explicit operator bool() const noexcept {
    return of_.get() != nullptr;
  }
  span<const std::byte> bytes() const noexcept {
    return bytes_;
  }
  std::uint64_t version() const noexcept {
    return version_;
  }
  /* As a T; NULL when its size or its alignment is not T's. */
  template <class T>
  const T* as() const noexcept {
    detail::must_be_shareable<T>();
    if (bytes_.size() != sizeof(T) || !detail::is_aligned<T>(bytes_.data()))
      return nullptr;
    return reinterpret_cast<const T*>(bytes_.data());
  }
  /* Done with it; it is empty then, whatever the result. errc::eagain: it was
   * overwritten meanwhile, and what was made of it is void. */
  result<void> release(std::nothrow_t) noexcept {
    if (of_.get() == nullptr) return detail::closed();
    int code = uvshm_cell_release(of_.get(), bytes_.data(), version_);
    result<void> done = detail::check(code);
    bytes_ = {};
    of_ = {};
    return done;
  }
  void release() {
    release(std::nothrow).value();
  }

 private:
  friend class cell;

  cell_pin(uvshm_cell_t* c,
           const std::byte* bytes,
           std::size_t size,
           std::uint64_t version,
           detail::box* box) noexcept
      : of_(c, box), bytes_(bytes, size), version_(version) {
  }

  detail::kept<uvshm_cell_t> of_;
  span<const std::byte> bytes_;
  std::uint64_t version_ = 0;
};

/* A buffer for the next value, of the cell's largest size, given back unless it
 * is committed; or empty. */
class cell_claim {
 public:
  cell_claim() noexcept = default;
  cell_claim(cell_claim&& other) noexcept {
    swap(other);
  }
  cell_claim& operator=(cell_claim&& other) noexcept {
    cell_claim(std::move(other)).swap(*this);
    return *this;
  }
  ~cell_claim() {
    if (of_.get() != nullptr)
      detail::ignore(uvshm_cell_abort(of_.get(), bytes_.data()));
  }
  void swap(cell_claim& other) noexcept {
    std::swap(bytes_, other.bytes_);
    of_.swap(other.of_);
  }
  explicit operator bool() const noexcept {
    return of_.get() != nullptr;
  }
  /* What is there is some older value. */
  span<std::byte> bytes() const noexcept {
    return bytes_;
  }
  /* As a T; NULL when there is no room for it or it does not suit its
   * alignment. */
  template <class T>
  T* as() const noexcept {
    detail::must_be_shareable<T>();
    if (bytes_.size() < sizeof(T) || !detail::is_aligned<T>(bytes_.data()))
      return nullptr;
    return reinterpret_cast<T*>(bytes_.data());
  }
  /* Make the first `size` bytes the latest value. After errc::emsgsize it still
   * is claimed. */
  result<void> commit(std::size_t size, std::nothrow_t) noexcept {
    if (of_.get() == nullptr) return detail::closed();
    int code = uvshm_cell_commit(of_.get(), bytes_.data(), size);
    if (code < 0) return error(code);
    bytes_ = {};
    of_ = {};
    return {};
  }
  void commit(std::size_t size) {
    commit(size, std::nothrow).value();
  }

 private:
  friend class cell;

  cell_claim(uvshm_cell_t* c,
             std::byte* bytes,
             std::size_t size,
             detail::box* box) noexcept
      : of_(c, box), bytes_(bytes, size) {
  }

  detail::kept<uvshm_cell_t> of_;
  span<std::byte> bytes_;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_PIN_HPP_ */
