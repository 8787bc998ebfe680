/* SPDX-License-Identifier: MIT */

/* block: what heap.hpp gives: blocks, their places, and the words in which they
 * are published. */

#ifndef UVSHM_BLOCK_HPP_
#define UVSHM_BLOCK_HPP_

#include "uvshm/heap.h"
#include "uvshm/segment.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

class heap;

/* Where a T is in its segment: the same in every process, so it may be part of
 * structures there. Zeros: nowhere. heap::at() makes an address of it. */
template <class T>
struct ref {
  uvshm_ref_t place;

  explicit operator bool() const noexcept {
    return place.offset != 0;
  }
  friend bool operator==(ref a, ref b) noexcept {
    return a.place.offset == b.place.offset;
  }
  friend bool operator!=(ref a, ref b) noexcept {
    return !(a == b);
  }
};

/* One object, or several in a row, that this process alone has: destroyed and
 * freed with the block. Empty when moved from, released or published. */
template <class T>
class block {
 public:
  block() noexcept = default;
  block(block&& other) noexcept {
    swap(other);
  }
  block& operator=(block&& other) noexcept {
    block(std::move(other)).swap(*this);
    return *this;
  }
  ~block() {
    if (at_ == nullptr) return;
    for (std::size_t i = count_; i > 0; i--) at_[i - 1].~T();
    (void) uvshm_heap_free(in_.get(), at_);
  }
  void swap(block& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(count_, other.count_);
    in_.swap(other.in_);
  }
  T* get() const noexcept {
    return at_;
  }
  T& operator*() const noexcept {
    return *at_;
  }
  T* operator->() const noexcept {
    return at_;
  }
  T& operator[](std::size_t i) const noexcept {
    return at_[i];
  }
  /* How many objects. */
  std::size_t size() const noexcept {
    return count_;
  }
  T* begin() const noexcept {
    return at_;
  }
  T* end() const noexcept {
    return at_ + count_;
  }
  explicit operator bool() const noexcept {
    return at_ != nullptr;
  }
  /* The caller's from now on; for C. */
  T* release() noexcept {
    T* at = std::exchange(at_, nullptr);
    block().swap(*this);
    return at;
  }

 private:
  friend class heap;
  template <class>
  friend class root;

  block(T* at,
        std::size_t count,
        const detail::kept<uvshm_segment_t>& in) noexcept
      : at_(at), count_(count), in_(in) {
  }

  T* at_ = nullptr;
  std::size_t count_ = 0;
  detail::kept<uvshm_segment_t> in_;
};

namespace detail {

/* The address of a T, whatever the bytes of the place say; or NULL. */
template <class T>
T* address(const uvshm_segment_t* c, uvshm_ref_t place) noexcept {
  void* at = uvshm_heap_pointer(c, place, sizeof(T));
  return is_aligned<T>(at) ? static_cast<T*>(at) : nullptr;
}

} /* namespace detail */

/* A word with a name, in which blocks of T are published: where others begin to
 * look. Keeps the segment open. */
template <class T>
class root {
 public:
  /* What is published now, or NULL. It stays as long as nobody takes it out and
   * frees it. */
  T* get() const noexcept {
    if (in_.get() == nullptr) return nullptr;
    return detail::address<T>(in_.get(), uvshm_heap_get(slot_));
  }
  /* Publish `made` (empty: nothing), and take out what was there, as one step.
   * That is private now: keep it until no reader is at it any more. After a
   * failure nothing was done and `made` is what it was. */
  result<block<T>> publish(block<T>&& made, std::nothrow_t) noexcept {
    void* old = nullptr;
    if (in_.get() == nullptr) return detail::closed();
    int code = uvshm_heap_publish(in_.get(), slot_, made.get(), &old);
    if (code < 0) return error(code);
    (void) made.release();
    if (old == nullptr) return block<T>();
    return block<T>(static_cast<T*>(old), 1, in_);
  }
  [[nodiscard]] block<T> publish(block<T>&& made) {
    return publish(std::move(made), std::nothrow).value();
  }

 private:
  friend class heap;

  root(uvshm_ref_t* slot, const detail::kept<uvshm_segment_t>& in) noexcept
      : slot_(slot), in_(in) {
  }

  uvshm_ref_t* slot_;
  detail::kept<uvshm_segment_t> in_;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_BLOCK_HPP_ */
