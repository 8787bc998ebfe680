/* SPDX-License-Identifier: MIT */

/* region: memory that several processes map (region.h).
 *
 *   uvshm::region region("prices", {UVSHM_CREATE, 4096});
 *   prices& now = region.as<prices>();
 *   now.eggs = 3.5;
 *
 * What as(), array() and bytes() give leads into the mapping: valid until the
 * region is closed, and not longer. A region never moves and never shrinks, so
 * growing invalidates nothing, but a view keeps the size it was made with.
 */

#ifndef UVSHM_REGION_HPP_
#define UVSHM_REGION_HPP_

#include "uvshm/handle.hpp"
#include "uvshm/region.h"

namespace uvshm {
inline namespace UVSHM_MODE {

/* The fields of uvshm_region_options_t, all default but those that are
 * given. */
struct region_options : uvshm_region_options_t {
  region_options(std::uint32_t flags_ = 0,
                 std::uint64_t size_ = 0,
                 std::uint64_t max_size_ = 0) noexcept
      : uvshm_region_options_t() {
    flags = flags_;
    size = size_;
    max_size = max_size_;
  }
};

using region_info = uvshm_region_info_t;

namespace detail {

struct region_api {
  using type = uvshm_region_t;
  static void close(type* c) noexcept {
    uvshm_region_close(c);
  }
};

} /* namespace detail */

class region : public detail::handle<detail::region_api> {
 public:
  /* Empty. */
  region() noexcept = default;
  /* As uvshm_region_open(). */
  explicit region(zstring name, const region_options& options = {})
      : region(open(name, options).value()) {
  }
  static result<region> open(zstring name,
                             const region_options& options = {}) noexcept {
    return open_c(name.c_str(), options);
  }
  /* Without a name: for forked children, and to be handed over. UVSHM_CREATE
   * goes without saying. */
  static result<region> anonymous(const region_options& options) noexcept {
    region_options made = options;
    made.flags |= UVSHM_CREATE;
    return open_c(nullptr, made);
  }
  /* Own what C has opened: uvshm_region_accept(), uvshm_region_recv(). */
  static result<region> adopt(uvshm_region_t* opened) noexcept {
    region made;
    result<void> done = made.own(0, opened);
    if (!done) return done.error();
    return made;
  }
  static result<void> unlink(zstring name,
                             std::uint32_t flags,
                             std::nothrow_t) noexcept {
    return detail::check(uvshm_region_unlink(name.c_str(), flags));
  }
  static void unlink(zstring name, std::uint32_t flags = 0) {
    unlink(name, flags, std::nothrow).value();
  }

  /* A managed file that was not closed cleanly before a reboot. */
  bool unclean() const noexcept {
    return unclean_;
  }
  /* The first byte, NULL when empty; and how many there are just now. */
  void* base() const noexcept {
    return get() == nullptr ? nullptr : uvshm_region_base(get());
  }
  std::uint64_t size() const noexcept {
    return get() == nullptr ? 0 : uvshm_region_size(get());
  }
  /* All bytes there are just now. A region that is attached for reading is
   * read-only memory: look at it through a span of const. */
  span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(base()), static_cast<std::size_t>(size())};
  }

  /* The object of type T at `offset`, which must be a multiple of its
   * alignment, or errc::einval; in full inside the region, or errc::enospc. */
  template <class T>
  result<T*> as(std::uint64_t offset, std::nothrow_t) const noexcept {
    return place<T>(offset, 1);
  }
  template <class T>
  T& as(std::uint64_t offset = 0) const {
    return *place<T>(offset, 1).value();
  }
  /* `count` of them. Without a count: as many as there is room for just now. */
  template <class T>
  result<span<T>> array(std::uint64_t offset,
                        std::size_t count,
                        std::nothrow_t) const noexcept {
    result<T*> first = place<T>(offset, count);
    if (!first) return first.error();
    return span<T>(*first, count);
  }
  template <class T>
  span<T> array(std::uint64_t offset, std::size_t count) const {
    return array<T>(offset, count, std::nothrow).value();
  }
  template <class T>
  span<T> array(std::uint64_t offset = 0) const {
    std::uint64_t room = size();
    std::uint64_t count = offset < room ? (room - offset) / sizeof(T) : 0;
    return array<T>(offset, static_cast<std::size_t>(count));
  }

  result<void> grow(std::uint64_t size, std::nothrow_t) noexcept {
    return call(uvshm_region_grow, size);
  }
  void grow(std::uint64_t size) {
    grow(size, std::nothrow).value();
  }
  /* UVSHM_PROTECT_NONE, _READ or _WRITE for whole pages. */
  result<void> protect(std::uint64_t offset,
                       std::uint64_t size,
                       std::uint32_t access,
                       std::nothrow_t) noexcept {
    return call(uvshm_region_protect, offset, size, access);
  }
  void protect(std::uint64_t offset, std::uint64_t size, std::uint32_t access) {
    protect(offset, size, access, std::nothrow).value();
  }
  /* To the file, and wait until it is on the disk or not. */
  result<void> sync(std::uint64_t offset,
                    std::uint64_t size,
                    bool wait,
                    std::nothrow_t) noexcept {
    return call(uvshm_region_sync, offset, size, wait ? 1 : 0);
  }
  void sync(std::uint64_t offset = 0,
            std::uint64_t size = 0,
            bool wait = true) {
    sync(offset, size, wait, std::nothrow).value();
  }
  /* Which of `advice` was done. */
  result<std::uint32_t> advise(std::uint64_t offset,
                               std::uint64_t size,
                               std::uint32_t advice,
                               std::nothrow_t) noexcept {
    std::uint32_t got = 0;
    result<void> done = call(uvshm_region_advise, offset, size, advice, &got);
    if (!done) return done.error();
    return got;
  }
  std::uint32_t advise(std::uint32_t advice) {
    return advise(0, 0, advice, std::nothrow).value();
  }
  /* Mode, group or DACL, where they are given. */
  result<void> set(const region_options& options, std::nothrow_t) noexcept {
    const uvshm_region_options_t* c = &options;
    return call(uvshm_region_set, c);
  }
  void set(const region_options& options) {
    set(options, std::nothrow).value();
  }
  result<region_info> info(std::nothrow_t) const noexcept {
    return call_info<region_info>(uvshm_region_info);
  }
  region_info info() const {
    return info(std::nothrow).value();
  }
  /* In a forked child: become a peer of one's own. */
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_region_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }

 private:
  static result<region> open_c(const char* name,
                               const region_options& options) noexcept {
    uvshm_region_t* c = nullptr;
    int code = uvshm_region_open(&c, name, &options);
    region made;
    result<void> done = made.own(code, c);
    if (!done) return done.error();
    made.unclean_ = code == UVSHM_UNCLEAN;
    return made;
  }

  template <class T>
  result<T*> place(std::uint64_t offset, std::size_t count) const noexcept {
    detail::must_be_shareable<T>();
    if (get() == nullptr) return detail::closed();
    std::uint64_t room = size();
    if (offset > room || count > (room - offset) / sizeof(T))
      return error(errc::enospc, "the region ends before the object does");
    void* at = static_cast<std::byte*>(base()) + offset;
    if (!detail::is_aligned<T>(at))
      return error(errc::einval, "the offset does not suit the type");
    return static_cast<T*>(at);
  }

  bool unclean_ = false;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_REGION_HPP_ */
