/* SPDX-License-Identifier: MIT */

/* handle: what the classes of all objects share.
 *
 * A handle owns one open object, moves and does not copy, and closes in its
 * destructor. Moved from or closed it is empty: calls on it are errc::einval,
 * close() does nothing. What a close could fail with no C function tells, so
 * destructors have nothing to report.
 *
 * The object, and the segment that it lies in, stay open until all that needs
 * them is gone: a mutex may outlive the uvshm::segment it was opened from, a
 * message the uvshm::channel that it came through. Plain pointers and spans
 * keep nothing open.
 *
 * Threads: many may call an object at the same time where its C header says so.
 * To move, assign, close or destroy a handle is to change it, as with any
 * object of C++: nobody else may use it meanwhile. After fork() a handle in the
 * child is errc::enotconn until rejoin(); it may be closed or destroyed
 * without, which leaves the parent alone.
 */

#ifndef UVSHM_HANDLE_HPP_
#define UVSHM_HANDLE_HPP_

#include "uvshm/result.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

namespace detail {

/* 0 and news are success. */
inline result<void> check(int code) noexcept {
  if (code < 0) return error(code);
  return {};
}

inline result<news> check_news(int code) noexcept {
  if (code < 0) return error(code);
  return static_cast<news>(code);
}

/* Not now, or not within the time given. */
inline bool is_late(const error& from) noexcept {
  return from == errc::etimedout || from == errc::eagain || from == errc::ebusy;
}

/* In time: true; not in time: false; all else is thrown. */
inline bool in_time(const result<void>& done) {
  if (done) return true;
  if (!is_late(done.error())) raise(done.error());
  return false;
}

inline error closed() noexcept {
  return {errc::einval, "the handle was closed or moved from"};
}

/* An open object and how many need it. */
class box {
 public:
  using close_fn = void (*)(void* object);

  /* NULL: no memory. Needs `parent` from now on. */
  static box* make(void* object, close_fn close, box* parent) noexcept {
    box* made = new (std::nothrow) box(object, close, parent);
    if (made != nullptr && parent != nullptr) parent->take();
    return made;
  }
  void take() noexcept {
    refs_.fetch_add(1, std::memory_order_relaxed);
  }
  void drop() noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) end();
  }
  /* The same where only one thread at a time has to do with the object, which
   * spares a locked instruction. */
  void take_alone() noexcept {
    refs_.store(refs_.load(std::memory_order_relaxed) + 1,
                std::memory_order_relaxed);
  }
  void drop_alone() noexcept {
    unsigned left = refs_.load(std::memory_order_relaxed) - 1;

    refs_.store(left, std::memory_order_relaxed);
    if (left == 0) end();
  }

 private:
  box(void* object, close_fn close, box* parent) noexcept
      : object_(object), close_(close), parent_(parent) {
  }
  void end() noexcept {
    box* parent = parent_;

    close_(object_);
    delete this;
    if (parent != nullptr) parent->drop();
  }

  std::atomic<unsigned> refs_{1};
  void* object_;
  close_fn close_;
  box* parent_;
};

/* An object that is needed: kept open until this is gone. Copies need it too;
 * moved from it is empty. */
template <class C>
class kept {
 public:
  kept() noexcept = default;
  kept(C* c, box* taken) noexcept : c_(c), box_(taken) {
    if (box_ != nullptr) box_->take();
  }
  kept(const kept& other) noexcept : kept(other.c_, other.box_) {
  }
  kept(kept&& other) noexcept {
    swap(other);
  }
  kept& operator=(kept other) noexcept {
    swap(other);
    return *this;
  }
  ~kept() {
    if (box_ != nullptr) box_->drop();
  }
  void swap(kept& other) noexcept {
    std::swap(c_, other.c_);
    std::swap(box_, other.box_);
  }
  C* get() const noexcept {
    return c_;
  }
  detail::box* box() const noexcept {
    return box_;
  }

 private:
  C* c_ = nullptr;
  detail::box* box_ = nullptr;
};

/* Of whatever kind. */
using hold = kept<void>;

/* What parts of this header see of each other's handles. */
struct access {
  template <class H>
  static box* box_of(const H& handle) noexcept {
    return handle.box_;
  }
  template <class H>
  static auto keep(const H& handle) noexcept {
    return kept<typename H::C>(handle.get(), handle.box_);
  }
};

/* The base of region, segment, mutex ... Api tells the type of the C handle and
 * how to close it. (No template takes a C function as its argument: where it
 * comes out of a DLL, its address is no constant.) */
template <class Api>
class handle {
 public:
  using C = typename Api::type;

  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;

  /* Is there an object? */
  explicit operator bool() const noexcept {
    return c_ != nullptr;
  }
  /* The C handle, for calls that are not here; NULL when empty. It stays the
   * object's: do not close it. */
  C* get() const noexcept {
    return c_;
  }
  /* As the destructor, earlier. Nothing when empty. */
  void close() noexcept {
    c_ = nullptr;
    if (box* old = std::exchange(box_, nullptr)) old->drop();
  }

 protected:
  handle() noexcept = default;
  handle(handle&& other) noexcept
      : c_(std::exchange(other.c_, nullptr)),
        box_(std::exchange(other.box_, nullptr)) {
  }
  /* Assigned to itself it stays what it is. */
  handle& operator=(handle&& other) noexcept {
    C* c = std::exchange(other.c_, nullptr);
    box* taken = std::exchange(other.box_, nullptr);

    close();
    c_ = c;
    box_ = taken;
    return *this;
  }
  ~handle() {
    close();
  }

  /* After an open that ended with `code`: own `c`, or tell why not. */
  result<void> own(int code, C* c, box* parent = nullptr) noexcept {
    if (code < 0) return error(code);
    box_ = box::make(
        c, [](void* object) { Api::close(static_cast<C*>(object)); }, parent);
    if (box_ == nullptr) {
      Api::close(c);
      return error(errc::enomem, "no private memory");
    }
    c_ = c;
    return {};
  }
  /* Call a C function with the handle, unless it is empty. */
  template <class F, class... Args>
  result<void> call(F f, Args... args) const noexcept {
    if (c_ == nullptr) return closed();
    return check(f(c_, args...));
  }
  template <class F, class... Args>
  result<news> call_news(F f, Args... args) const noexcept {
    if (c_ == nullptr) return closed();
    return check_news(f(c_, args...));
  }
  /* A call that fills a struct. */
  template <class Info, class F>
  result<Info> call_info(F f) const noexcept {
    Info info{};
    if (c_ == nullptr) return closed();
    int code = f(c_, &info);
    if (code < 0) return error(code);
    return info;
  }

 private:
  friend struct access;

  C* c_ = nullptr;
  box* box_ = nullptr;
};

} /* namespace detail */
} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_HANDLE_HPP_ */
