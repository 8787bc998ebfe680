/* SPDX-License-Identifier: MIT */

/* allocator: containers in a segment, for those that take pointers that are no
 * addresses: Boost.Container's vector, map, string ...
 *
 *   using ints = boost::container::vector<int, uvshm::allocator<int>>;
 *   uvshm::heap heap(segment);
 *   (void) heap.root<ints>("ints").publish(
 *       heap.make<ints>(uvshm::allocator<int>(heap)));
 *
 * and in every process, with a lock held
 *
 *   uvshm::heap heap(segment);
 *   heap.root<ints>("ints").get()->push_back(7);
 *
 * A process that changes such a container makes a uvshm::heap of its segment
 * first: from then on allocators find it. (On Windows, in each DLL.)
 *
 * No container of these knows of deaths: hold a mutex, and when its owner died,
 * throw the container away and make it anew. What a dead process had allocated
 * and not yet linked is lost until the segment goes. Where that matters, use
 * uvshm::map, or a structure of your own in transactions. The standard
 * library's containers are no good in a segment, even where they compile: some
 * keep addresses. All programs must be compiled for the same container: same
 * compiler, library and word size.
 */

#ifndef UVSHM_ALLOCATOR_HPP_
#define UVSHM_ALLOCATOR_HPP_

#include "uvshm/heap.hpp"

#include <iterator>

namespace uvshm {
inline namespace UVSHM_MODE {

/* A pointer for memory that lies at another address in each process: it knows
 * how far away from itself the object is. Both in one segment; a copy of it may
 * be anywhere in the process. */
template <class T>
class offset_ptr {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using pointer = offset_ptr;
  using reference = std::add_lvalue_reference_t<T>;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::random_access_iterator_tag;
  template <class U>
  using rebind = offset_ptr<U>;

  offset_ptr() noexcept = default;
  offset_ptr(T* to) noexcept {
    set(to);
  }
  offset_ptr(const offset_ptr& other) noexcept {
    set(other.get());
  }
  template <class U, class = std::enable_if_t<std::is_convertible_v<U*, T*>>>
  offset_ptr(const offset_ptr<U>& other) noexcept {
    set(other.get());
  }
  /* What static_cast does with addresses: from void, from a base. */
  template <class U,
            class = decltype(static_cast<T*>(std::declval<U*>())),
            std::enable_if_t<!std::is_convertible_v<U*, T*>, int> = 0>
  explicit offset_ptr(const offset_ptr<U>& other) noexcept {
    set(static_cast<T*>(other.get()));
  }
  offset_ptr& operator=(const offset_ptr& other) noexcept {
    set(other.get());
    return *this;
  }
  template <class U = T, class = std::enable_if_t<!std::is_void_v<U>>>
  static offset_ptr pointer_to(U& object) noexcept {
    return offset_ptr(std::addressof(object));
  }

  T* get() const noexcept {
    if (distance_ == nowhere) return nullptr;
    return reinterpret_cast<T*>(here() +
                                static_cast<std::uintptr_t>(distance_));
  }
  T* operator->() const noexcept {
    return get();
  }
  reference operator*() const noexcept {
    return *get();
  }
  reference operator[](std::ptrdiff_t i) const noexcept {
    return get()[i];
  }
  explicit operator bool() const noexcept {
    return distance_ != nowhere;
  }
  bool operator!() const noexcept {
    return distance_ == nowhere;
  }
  offset_ptr& operator+=(std::ptrdiff_t i) noexcept {
    set(get() + i);
    return *this;
  }
  offset_ptr& operator-=(std::ptrdiff_t i) noexcept {
    set(get() - i);
    return *this;
  }
  offset_ptr& operator++() noexcept {
    return *this += 1;
  }
  offset_ptr& operator--() noexcept {
    return *this -= 1;
  }
  offset_ptr operator++(int) noexcept {
    offset_ptr old(*this);
    ++*this;
    return old;
  }
  offset_ptr operator--(int) noexcept {
    offset_ptr old(*this);
    --*this;
    return old;
  }
  friend offset_ptr operator+(const offset_ptr& p, std::ptrdiff_t i) noexcept {
    return offset_ptr(p.get() + i);
  }
  friend offset_ptr operator+(std::ptrdiff_t i, const offset_ptr& p) noexcept {
    return offset_ptr(p.get() + i);
  }
  friend offset_ptr operator-(const offset_ptr& p, std::ptrdiff_t i) noexcept {
    return offset_ptr(p.get() - i);
  }
  friend std::ptrdiff_t operator-(const offset_ptr& a,
                                  const offset_ptr& b) noexcept {
    return a.get() - b.get();
  }
  friend bool operator==(const offset_ptr& a, const offset_ptr& b) noexcept {
    return a.get() == b.get();
  }
  friend bool operator!=(const offset_ptr& a, const offset_ptr& b) noexcept {
    return a.get() != b.get();
  }
  friend bool operator<(const offset_ptr& a, const offset_ptr& b) noexcept {
    return std::less<T*>()(a.get(), b.get());
  }
  friend bool operator>(const offset_ptr& a, const offset_ptr& b) noexcept {
    return b < a;
  }
  friend bool operator<=(const offset_ptr& a, const offset_ptr& b) noexcept {
    return !(b < a);
  }
  friend bool operator>=(const offset_ptr& a, const offset_ptr& b) noexcept {
    return !(a < b);
  }

 private:
  /* No object of any type lies one byte behind its pointer; one that points to
   * itself, as in a ring, is common. */
  static constexpr std::int64_t nowhere = 1;

  std::uintptr_t here() const noexcept {
    return reinterpret_cast<std::uintptr_t>(this);
  }
  void set(T* to) noexcept {
    distance_ = to == nullptr
                    ? nowhere
                    : static_cast<std::int64_t>(
                          reinterpret_cast<std::uintptr_t>(to) - here());
  }

  std::int64_t distance_ = nowhere;
};

/* Allocates from the heap of a segment, for a container that lies in it. */
template <class T>
class allocator {
 public:
  using value_type = T;
  using pointer = offset_ptr<T>;
  using const_pointer = offset_ptr<const T>;
  using void_pointer = offset_ptr<void>;
  using const_void_pointer = offset_ptr<const void>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;
  template <class U>
  struct rebind {
    using other = allocator<U>;
  };

  /* Of a heap that is not empty. */
  explicit allocator(const heap& from) noexcept
      : base_(reinterpret_cast<char*>(detail::segments.base_of(from.c()))) {
  }
  allocator(const allocator&) noexcept = default;
  allocator& operator=(const allocator&) noexcept = default;
  template <class U>
  allocator(const allocator<U>& other) noexcept : base_(other.base_) {
  }

  /* Throws uvshm::exception: errc::enospc; errc::einval when this process has
   * no uvshm::heap of the segment yet. */
  pointer allocate(std::size_t count) {
    void* at = nullptr;
    uvshm_segment_t* c = find();
    if (c == nullptr)
      detail::raise(error(errc::einval,
                          "make a uvshm::heap of the segment before its "
                          "containers are used"));
    if (count > SIZE_MAX / sizeof(T))
      detail::raise(error(errc::enospc, "more than an address space holds"));
    int code = uvshm_heap_alloc_aligned(c,
                                        &at,
                                        count * sizeof(T),
                                        alignof(T) > 64 ? alignof(T) : 64,
                                        UVSHM_HEAP_SHARED);
    if (code < 0) detail::raise(error(code));
    return pointer(static_cast<T*>(at));
  }
  void deallocate(const pointer& at, std::size_t) noexcept {
    if (uvshm_segment_t* c = find()) (void) uvshm_heap_free(c, at.get());
  }
  template <class U>
  bool operator==(const allocator<U>& other) const noexcept {
    return base_ == other.base_;
  }
  template <class U>
  bool operator!=(const allocator<U>& other) const noexcept {
    return !(*this == other);
  }

 private:
  template <class>
  friend class allocator;

  uvshm_segment_t* find() const noexcept {
    return detail::segments.at(reinterpret_cast<std::uintptr_t>(base_.get()));
  }

  offset_ptr<char> base_; /* where the segment begins */
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_ALLOCATOR_HPP_ */
