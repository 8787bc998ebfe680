/* SPDX-License-Identifier: MIT */

/* heap: memory inside a segment, for structures of one's own (heap.h).
 *
 *   struct job { int number; uvshm::ref<job> next; };
 *
 *   uvshm::heap heap(segment);
 *   uvshm::root<job> todo = heap.root<job>("todo");
 *   (void) todo.publish(heap.make<job>(job{7, {}}));
 *
 * and in another process
 *
 *   if (const job* first = heap.root<job>("todo").get()) run(*first);
 *
 * A block is private until it is published: a uvshm::block owns it and frees
 * it, as a std::unique_ptr would. From then on it belongs to all processes, and
 * plain pointers lead to it, which keep neither it nor the segment.
 */

#ifndef UVSHM_HEAP_HPP_
#define UVSHM_HEAP_HPP_

#include "uvshm/block.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

using heap_info = uvshm_heap_info_t;

/* The heap of a segment. Keeps it open; copies are the same heap. */
class heap {
 public:
  explicit heap(const segment& of) noexcept : in_(detail::access::keep(of)) {
    if (c() != nullptr) note();
  }

  /* A new T, made from `args`. Private: see block. What its constructor throws
   * passes through. */
  template <class T, class... Args>
  result<block<T>> make(std::nothrow_t, Args&&... args) {
    detail::must_be_shareable<T>();
    result<void*> room = alloc(sizeof(T), alignof(T), 0, std::nothrow);
    if (!room) return room.error();
    giver back{c(), *room};
    T* made;
    if constexpr (std::is_constructible_v<T, Args&&...>)
      made = ::new (*room) T(std::forward<Args>(args)...);
    else
      made = ::new (*room) T{std::forward<Args>(args)...};
    back.at = nullptr;
    return block<T>(made, 1, in_);
  }
  template <class T, class... Args>
  block<T> make(Args&&... args) {
    return make<T>(std::nothrow, std::forward<Args>(args)...).value();
  }
  /* `count` of them in a row, of zeros. */
  template <class T>
  result<block<T>> make_array(std::size_t count, std::nothrow_t) noexcept {
    detail::must_be_shareable<T>();
    static_assert(std::is_trivially_default_constructible_v<T>,
                  "uvshm: an array of zeros is made of plain things");
    if (count > SIZE_MAX / sizeof(T))
      return error(errc::enospc, "more than an address space holds");
    std::size_t size = count * sizeof(T);
    result<void*> room = alloc(size, alignof(T), 0, std::nothrow);
    if (!room) return room.error();
    std::memset(*room, 0, size);
    return block<T>(static_cast<T*>(*room), count, in_);
  }
  template <class T>
  block<T> make_array(std::size_t count) {
    return make_array<T>(count, std::nothrow).value();
  }
  /* Raw bytes, as uvshm_heap_alloc(); `flags`: 0 or UVSHM_HEAP_SHARED. They are
   * the caller's to free(). */
  result<void*> alloc(std::size_t size,
                      std::size_t alignment,
                      std::uint32_t flags,
                      std::nothrow_t) noexcept {
    void* at = nullptr;
    if (c() == nullptr) return detail::closed();
    int code = alignment <= 64
                   ? uvshm_heap_alloc(c(), &at, size, flags)
                   : uvshm_heap_alloc_aligned(c(), &at, size, alignment, flags);
    if (code < 0) return error(code);
    return at;
  }
  /* Free what is shared and nothing leads to any more, or what alloc() gave. No
   * destructor is called. */
  result<void> free(void* at, std::nothrow_t) noexcept {
    if (c() == nullptr) return detail::closed();
    return detail::check(uvshm_heap_free(c(), at));
  }
  void free(void* at) {
    free(at, std::nothrow).value();
  }

  /* Find or make the word `name`. */
  template <class T>
  result<uvshm::root<T>> root(zstring name, std::nothrow_t) noexcept {
    detail::must_be_shareable<T>();
    uvshm_ref_t* slot = nullptr;
    if (c() == nullptr) return detail::closed();
    int code = uvshm_heap_root(c(), name.c_str(), &slot);
    if (code < 0) return error(code);
    return uvshm::root<T>(slot, in_);
  }
  template <class T>
  uvshm::root<T> root(zstring name) {
    return root<T>(name, std::nothrow).value();
  }
  /* Remove a root in which nothing is published. */
  result<void> unlink(zstring root_name, std::nothrow_t) noexcept {
    if (c() == nullptr) return detail::closed();
    return detail::check(uvshm_heap_unlink(c(), root_name.c_str()));
  }
  void unlink(zstring root_name) {
    unlink(root_name, std::nothrow).value();
  }
  /* As root::publish(), in a word inside a block. */
  template <class T>
  result<block<T>> publish(ref<T>& slot,
                           block<T>&& made,
                           std::nothrow_t) noexcept {
    if (c() == nullptr) return detail::closed();
    return uvshm::root<T>(&slot.place, in_)
        .publish(std::move(made), std::nothrow);
  }
  template <class T>
  [[nodiscard]] block<T> publish(ref<T>& slot, block<T>&& made) {
    return publish(slot, std::move(made), std::nothrow).value();
  }

  /* The address of what is there, or NULL: nowhere, or not inside the heap, or
   * not aligned. Any value may be asked for. */
  template <class T>
  T* at(ref<T> where) const noexcept {
    return c() == nullptr ? nullptr : detail::address<T>(c(), where.place);
  }
  /* The same of a word in which others publish just now. */
  template <class T>
  T* load(const ref<T>& slot) const noexcept {
    if (c() == nullptr) return nullptr;
    return detail::address<T>(c(), uvshm_heap_get(&slot.place));
  }
  /* Where an object of the heap is; nowhere when it is not in it. */
  template <class T>
  ref<T> ref_of(const T* at) const noexcept {
    return {c() == nullptr ? uvshm_ref_t{0} : uvshm_heap_ref(c(), at)};
  }
  result<heap_info> info(std::nothrow_t) const noexcept {
    heap_info info{};
    if (c() == nullptr) return detail::closed();
    int code = uvshm_heap_info(c(), &info);
    if (code < 0) return error(code);
    return info;
  }
  heap_info info() const {
    return info(std::nothrow).value();
  }

 private:
  template <class>
  friend class allocator;

  uvshm_segment_t* c() const noexcept {
    return in_.get();
  }

  struct giver {
    uvshm_segment_t* c;
    void* at;
    ~giver() {
      if (at != nullptr) (void) uvshm_heap_free(c, at);
    }
  };

  /* Note where the segment begins, for allocators: every place is as far from
   * there as it says. */
  void note() noexcept {
    segment_info info;
    if (detail::segments.base_of(c()) != 0) return;
    if (uvshm_segment_info(c(), &info) < 0) return;
    for (std::uint64_t i = 4096; i < info.region.committed_size; i += 4096) {
      void* at = uvshm_heap_pointer(c(), uvshm_ref_t{i}, 1);
      if (at == nullptr) continue;
      auto base =
          reinterpret_cast<std::uintptr_t>(at) - static_cast<std::uintptr_t>(i);
      (void) detail::segments.add(c(), base);
      return;
    }
  }

  detail::kept<uvshm_segment_t> in_;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_HEAP_HPP_ */
