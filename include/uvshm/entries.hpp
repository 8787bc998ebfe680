/* SPDX-License-Identifier: MIT */

/* entries: the entries of a map as a range (map.hpp). */

#ifndef UVSHM_ENTRIES_HPP_
#define UVSHM_ENTRIES_HPP_

#include "uvshm/map.h"
#include "uvshm/range.hpp"
#include "uvshm/value.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

class map;

/* An entry, valid until the iteration goes on. */
struct map_entry {
  std::string_view key;   /* bytes */
  std::string_view value; /* bytes */

  /* The value as a T, or errc::emsgsize. */
  template <class T>
  result<T> as(std::nothrow_t) const {
    return detail::value_of<T>(value.data(), value.size());
  }
  template <class T>
  T as() const {
    return as<T>(std::nothrow).value();
  }
};

/* The entries of a map, once. Keeps the map open. */
class map_range {
 public:
  using iterator =
      detail::once_iterator<map_range, map_entry, const map_entry&>;

  iterator begin() {
    return iterator(this);
  }
  iterator end() const noexcept {
    return {};
  }
  /* Of entries(std::nothrow): why it ended early. */
  const uvshm::error& error() const noexcept {
    return error_;
  }

 private:
  friend class map;
  friend iterator;

  map_range(detail::kept<uvshm_map_t> of, bool quiet)
      : of_(std::move(of)), quiet_(quiet) {
  }
  /* False: that was all. */
  bool step() {
    if (of_.get() == nullptr) error_ = detail::closed();
    while (!error_) {
      std::size_t key_size = key_.size();
      std::size_t size = value_.size();
      int code = uvshm_map_next(
          of_.get(), &cursor_, key_.data(), &key_size, value_.data(), &size);
      if (code == 0) {
        now_ = {{key_.data(), key_size}, {value_.data(), size}};
        return true;
      }
      if (code == static_cast<int>(errc::enoent)) return false;
      if (code != static_cast<int>(errc::enobufs)) {
        error_ = uvshm::error(code);
        break;
      }
      /* The value may have grown between two calls. */
      if (key_size > key_.size()) key_.resize(key_size);
      if (size > value_.size()) value_.resize(size);
    }
    if (!quiet_) detail::raise(error_);
    return false;
  }

  detail::kept<uvshm_map_t> of_;
  bool quiet_;
  uvshm_map_cursor_t cursor_{};
  std::string key_ = std::string(64, '\0');
  std::string value_ = std::string(256, '\0');
  map_entry now_{};
  uvshm::error error_;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_ENTRIES_HPP_ */
