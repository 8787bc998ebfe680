/* SPDX-License-Identifier: MIT */

/* segment: a region with peers, threads and named objects (segment.h).
 *
 *   uvshm::segment shop("shop", {UVSHM_CREATE | UVSHM_KEEP, 1 << 20, 1 << 30});
 *   uvshm::map stock(shop, "stock");
 *
 * Objects keep their segment open, in whatever order they are destroyed; the
 * process leaves it when the last of them is closed.
 */

#ifndef UVSHM_SEGMENT_HPP_
#define UVSHM_SEGMENT_HPP_

#include "uvshm/handle.hpp"
#include "uvshm/segment.h"

namespace uvshm {
inline namespace UVSHM_MODE {

/* The fields of uvshm_segment_options_t, all default but those given. */
struct segment_options : uvshm_segment_options_t {
  segment_options(std::uint32_t flags_ = 0,
                  std::uint64_t size_ = 0,
                  std::uint64_t max_size_ = 0) noexcept
      : uvshm_segment_options_t() {
    flags = flags_;
    size = size_;
    max_size = max_size_;
  }
};

using segment_info = uvshm_segment_info_t;
using peer_info = uvshm_peer_info_t;
using object_info = uvshm_object_info_t;

namespace detail {

/* The segments of this process by the address where they begin, for allocators,
 * which lie in a segment and know nothing of this process (allocator.hpp).
 * Looked through without a lock: what is looked for is open. */
class registry {
 public:
  /* False: there are too many. */
  bool add(uvshm_segment_t* c, std::uintptr_t base) noexcept {
    for (entry& e : entries_) {
      uvshm_segment_t* none = nullptr;
      if (e.c.compare_exchange_strong(none, c, std::memory_order_acq_rel)) {
        e.base.store(base, std::memory_order_release);
        return true;
      }
    }
    return false;
  }
  void remove(uvshm_segment_t* c) noexcept {
    for (entry& e : entries_) {
      if (e.c.load(std::memory_order_acquire) != c) continue;
      e.base.store(0, std::memory_order_release);
      e.c.store(nullptr, std::memory_order_release);
    }
  }
  /* 0: it was not added. */
  std::uintptr_t base_of(const uvshm_segment_t* c) const noexcept {
    for (const entry& e : entries_)
      if (e.c.load(std::memory_order_acquire) == c)
        if (std::uintptr_t base = e.base.load(std::memory_order_acquire))
          return base;
    return 0;
  }
  /* NULL: none begins there. */
  uvshm_segment_t* at(std::uintptr_t base) const noexcept {
    for (const entry& e : entries_)
      if (base != 0 && e.base.load(std::memory_order_acquire) == base)
        return e.c.load(std::memory_order_acquire);
    return nullptr;
  }

 private:
  struct entry {
    std::atomic<uvshm_segment_t*> c{nullptr};
    std::atomic<std::uintptr_t> base{0};
  };
  entry entries_[64];
};

UVSHM_VISIBLE inline registry segments;

struct segment_api {
  using type = uvshm_segment_t;
  static void close(type* c) noexcept {
    segments.remove(c);
    uvshm_segment_close(c);
  }
};

struct peers_api {
  using type = uvshm_segment_t;
  using info = uvshm_peer_info_t;
  static int next(const type* c, std::uint32_t* cursor, info* to) noexcept {
    return uvshm_segment_peer(c, cursor, to);
  }
};

struct objects_api {
  using type = uvshm_segment_t;
  using info = uvshm_object_info_t;
  static int next(const type* c, std::uint32_t* cursor, info* to) noexcept {
    return uvshm_segment_next(c, cursor, to);
  }
};

/* A range over a C call that tells of one thing a call, from a cursor on. Ends
 * where the call fails. */
template <class Api>
class listing {
  using C = typename Api::type;
  using Info = typename Api::info;

 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Info;
    using difference_type = std::ptrdiff_t;
    using pointer = const Info*;
    using reference = const Info&;

    explicit iterator(const C* c) noexcept : c_(c) {
      ++*this;
    }
    iterator() noexcept = default;
    reference operator*() const noexcept {
      return info_;
    }
    pointer operator->() const noexcept {
      return &info_;
    }
    iterator& operator++() noexcept {
      if (c_ != nullptr && Api::next(c_, &cursor_, &info_) < 0) c_ = nullptr;
      return *this;
    }
    void operator++(int) noexcept {
      ++*this;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.c_ == b.c_;
    }
    friend bool operator!=(const iterator& a, const iterator& b) noexcept {
      return !(a == b);
    }

   private:
    const C* c_ = nullptr;
    std::uint32_t cursor_ = 0;
    Info info_{};
  };

  explicit listing(kept<C> of) noexcept : of_(std::move(of)) {
  }
  iterator begin() const noexcept {
    return iterator(of_.get());
  }
  iterator end() const noexcept {
    return {};
  }

 private:
  kept<C> of_;
};

} /* namespace detail */

class segment : public detail::handle<detail::segment_api> {
 public:
  using peer_range = detail::listing<detail::peers_api>;
  using object_range = detail::listing<detail::objects_api>;

  /* Empty. */
  segment() noexcept = default;
  /* As uvshm_segment_open(). */
  explicit segment(zstring name, const segment_options& options = {})
      : segment(open(name, options).value()) {
  }
  static result<segment> open(zstring name,
                              const segment_options& options = {}) noexcept {
    return open_c(name.c_str(), options);
  }
  /* Without a name, for forked children. UVSHM_CREATE goes without saying. */
  static result<segment> anonymous(const segment_options& options) noexcept {
    segment_options made = options;
    made.flags |= UVSHM_CREATE;
    return open_c(nullptr, made);
  }
  static result<void> unlink(zstring name,
                             std::uint32_t flags,
                             std::nothrow_t) noexcept {
    return detail::check(uvshm_segment_unlink(name.c_str(), flags));
  }
  static void unlink(zstring name, std::uint32_t flags = 0) {
    unlink(name, flags, std::nothrow).value();
  }

  /* A managed file that was not closed cleanly before a reboot. */
  bool unclean() const noexcept {
    return unclean_;
  }
  result<void> grow(std::uint64_t size, std::nothrow_t) noexcept {
    return call(uvshm_segment_grow, size);
  }
  void grow(std::uint64_t size) {
    grow(size, std::nothrow).value();
  }
  result<void> sync(bool wait, std::nothrow_t) noexcept {
    return call(uvshm_segment_sync, wait ? 1 : 0);
  }
  void sync(bool wait = true) {
    sync(wait, std::nothrow).value();
  }
  result<segment_info> info(std::nothrow_t) const noexcept {
    return call_info<segment_info>(uvshm_segment_info);
  }
  segment_info info() const {
    return info(std::nothrow).value();
  }
  /* for (const uvshm::peer_info& peer : segment.peers()) ... A range keeps the
   * segment open. */
  peer_range peers() const noexcept {
    return peer_range(detail::access::keep(*this));
  }
  object_range objects() const noexcept {
    return object_range(detail::access::keep(*this));
  }
  /* Is it well? errc::eproto with what is wrong first. */
  result<void> check(std::nothrow_t) const noexcept {
    return call(uvshm_segment_check);
  }
  void check() const {
    check(std::nothrow).value();
  }
  /* Clear up after the dead; how many there were. */
  result<std::uint32_t> repair(std::nothrow_t) noexcept {
    std::uint32_t repaired = 0;
    result<void> done = call(uvshm_segment_repair, &repaired);
    if (!done) return done.error();
    return repaired;
  }
  std::uint32_t repair() {
    return repair(std::nothrow).value();
  }
  /* In a forked child: become a peer of one's own. The handles of what was
   * opened from it are revived too. */
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_segment_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }

 private:
  static result<segment> open_c(const char* name,
                                const segment_options& options) noexcept {
    uvshm_segment_t* c = nullptr;
    int code = uvshm_segment_open(&c, name, &options);
    segment made;
    result<void> done = made.own(code, c);
    if (!done) return done.error();
    made.unclean_ = code == UVSHM_UNCLEAN;
    return made;
  }

  bool unclean_ = false;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_SEGMENT_HPP_ */
