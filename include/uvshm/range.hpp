/* SPDX-License-Identifier: MIT */

/* range: the iterator of what comes once: entries of a map, messages of a
 * channel. */

#ifndef UVSHM_RANGE_HPP_
#define UVSHM_RANGE_HPP_

#include "uvshm/handle.hpp"

#include <iterator>
#include <type_traits>

namespace uvshm {
inline namespace UVSHM_MODE {
namespace detail {

/* A Range has step(), which is false at its end and else makes now_ the next
 * one. Reference is what *it gives of now_. */
template <class Range, class Value, class Reference>
class once_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Value;
  using difference_type = std::ptrdiff_t;
  using pointer = std::remove_reference_t<Reference>*;
  using reference = Reference;

  once_iterator() noexcept = default;
  explicit once_iterator(Range* range) : range_(range) {
    ++*this;
  }
  reference operator*() const noexcept {
    return static_cast<reference>(range_->now_);
  }
  pointer operator->() const noexcept {
    return &range_->now_;
  }
  once_iterator& operator++() {
    if (!range_->step()) range_ = nullptr;
    return *this;
  }
  void operator++(int) {
    ++*this;
  }
  friend bool operator==(const once_iterator& a,
                         const once_iterator& b) noexcept {
    return a.range_ == b.range_;
  }
  friend bool operator!=(const once_iterator& a,
                         const once_iterator& b) noexcept {
    return !(a == b);
  }

 private:
  Range* range_ = nullptr;
};

} /* namespace detail */
} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_RANGE_HPP_ */
