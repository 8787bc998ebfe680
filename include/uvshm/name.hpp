/* SPDX-License-Identifier: MIT */

/* name: what there is on this system, whoever made it (name.h).
 *
 *   for (const uvshm::name_info& one : uvshm::names()) print(one);
 */

#ifndef UVSHM_NAME_HPP_
#define UVSHM_NAME_HPP_

#include "uvshm/name.h"
#include "uvshm/result.hpp"

#include <iterator>

namespace uvshm {
inline namespace UVSHM_MODE {

using name_info = uvshm_name_info_t;

/* The names that exist now, a snapshot, once through. */
class names {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = name_info;
    using difference_type = std::ptrdiff_t;
    using pointer = const name_info*;
    using reference = const name_info&;

    iterator() noexcept = default;
    explicit iterator(names* list) noexcept : list_(list) {
      ++*this;
    }
    reference operator*() const noexcept {
      return list_->info_;
    }
    pointer operator->() const noexcept {
      return &list_->info_;
    }
    iterator& operator++() noexcept {
      if (list_->c_ == nullptr ||
          uvshm_names_next(list_->c_, &list_->info_) < 0)
        list_ = nullptr;
      return *this;
    }
    void operator++(int) noexcept {
      ++*this;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.list_ == b.list_;
    }
    friend bool operator!=(const iterator& a, const iterator& b) noexcept {
      return !(a == b);
    }

   private:
    names* list_ = nullptr;
  };

  /* `flags`: 0 for this user's, UVSHM_SYSTEM for all that can be seen. */
  explicit names(std::uint32_t flags = 0) : names(open(flags).value()) {
  }
  /* Those in a folder that holds names by UVSHM_DIR. */
  explicit names(zstring folder, std::uint32_t flags = 0)
      : names(open_in(folder, flags).value()) {
  }
  static result<names> open(std::uint32_t flags) noexcept {
    uvshm_names_t* c = nullptr;
    int code = uvshm_names_open(&c, flags);
    if (code < 0) return error(code);
    return names(c);
  }
  static result<names> open_in(zstring folder, std::uint32_t flags) noexcept {
    uvshm_names_t* c = nullptr;
    int code = uvshm_names_open_in(&c, folder.c_str(), flags);
    if (code < 0) return error(code);
    return names(c);
  }
  names(names&& other) noexcept : c_(std::exchange(other.c_, nullptr)) {
  }
  names& operator=(names&& other) noexcept {
    names taken(std::move(other));
    std::swap(c_, taken.c_);
    return *this;
  }
  ~names() {
    if (c_ != nullptr) uvshm_names_close(c_);
  }
  iterator begin() noexcept {
    return iterator(this);
  }
  iterator end() const noexcept {
    return {};
  }

 private:
  explicit names(uvshm_names_t* c) noexcept : c_(c) {
  }

  uvshm_names_t* c_;
  name_info info_{};
};

namespace name {

/* What is it? */
inline result<name_info> info(zstring name,
                              std::uint32_t flags,
                              std::nothrow_t) noexcept {
  name_info made{};
  int code = uvshm_name_info(name.c_str(), flags, &made);
  if (code < 0) return error(code);
  return made;
}
inline name_info info(zstring name, std::uint32_t flags = 0) {
  return info(name, flags, std::nothrow).value();
}

/* Remove a name of any kind. */
inline result<void> unlink(zstring name,
                           std::uint32_t flags,
                           std::nothrow_t) noexcept {
  int code = uvshm_name_unlink(name.c_str(), flags);
  if (code < 0) return error(code);
  return {};
}
inline void unlink(zstring name, std::uint32_t flags = 0) {
  unlink(name, flags, std::nothrow).value();
}

/* Remove it if the kernel proves that nobody uses it and its time is over.
 * False: it is in use. */
inline result<bool> gc(zstring name,
                       std::uint32_t flags,
                       std::nothrow_t) noexcept {
  int code = uvshm_name_gc(name.c_str(), flags);
  if (code == static_cast<int>(errc::ebusy)) return false;
  if (code < 0) return error(code);
  return true;
}
inline bool gc(zstring name, std::uint32_t flags = 0) {
  return gc(name, flags, std::nothrow).value();
}

} /* namespace name */
} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_NAME_HPP_ */
