/* SPDX-License-Identifier: MIT */

/* lock: what mutex and rwlock share: guards, and what becomes of the news that
 * an owner died (mutex.hpp). */

#ifndef UVSHM_LOCK_HPP_
#define UVSHM_LOCK_HPP_

#include "uvshm/object.hpp"

#include <exception>
#include <functional>

namespace uvshm {
inline namespace UVSHM_MODE {
namespace detail {

/* What a lock of either kind does with the news of a death. */
template <class Api>
class mender {
 public:
  void set(std::function<void()> mend) noexcept {
    mend_ = std::move(mend);
  }
  explicit operator bool() const noexcept {
    return static_cast<bool>(mend_);
  }
  /* The lock is held and its last owner died: mend, or abandon and throw. */
  void tell(typename Api::type* c) const {
    struct giver {
      typename Api::type* c;
      ~giver() {
        if (c != nullptr) Api::abandon(c);
      }
    } giver{c};

    if (!mend_) {
      error what(static_cast<int>(news::owner_died));
      Api::abandon(std::exchange(giver.c, nullptr));
      raise<owner_died>(what);
    }
    mend_();
    giver.c = nullptr;
  }

 private:
  std::function<void()> mend_;
};

/* What is left of a timeout. */
class stopwatch {
 public:
  explicit stopwatch(timeout wait) noexcept : wait_(wait.ms()) {
    if (wait_ != 0 && wait_ != UVSHM_FOREVER) begin_ = clock::now();
  }
  timeout rest() const noexcept {
    using ms = std::chrono::duration<std::uint64_t, std::milli>;
    if (wait_ == UVSHM_FOREVER) return forever;
    if (wait_ == 0) return ms(0);
    auto gone = static_cast<std::uint64_t>(
        std::chrono::floor<std::chrono::milliseconds>(clock::now() - begin_)
            .count());
    return ms(gone < wait_ ? wait_ - gone : 0);
  }

 private:
  using clock = std::chrono::steady_clock;

  std::uint64_t wait_;
  clock::time_point begin_;
};

/* lock_for() until a time of any clock. */
template <class Lock, class Clock, class Duration>
bool lock_until(const std::chrono::time_point<Clock, Duration>& when,
                Lock lock_for) {
  for (;;) {
    auto now = Clock::now();
    if (when <= now) return lock_for(std::chrono::milliseconds(0));
    if (lock_for(when - now)) return true;
  }
}

/* Ended with a lock, in one of three ways. */
template <class Api>
class guard {
 public:
  guard(guard&& other) noexcept
      : c_(std::exchange(other.c_, nullptr)),
        told_(other.told_),
        asked_(other.asked_),
        unwinding_(other.unwinding_) {
  }
  guard& operator=(guard&& other) noexcept {
    guard old(std::move(*this));
    c_ = std::exchange(other.c_, nullptr);
    told_ = other.told_;
    asked_ = other.asked_;
    unwinding_ = other.unwinding_;
    return *this;
  }
  ~guard() {
    if (c_ == nullptr) return;
    if (told_ && (!asked_ || std::uncaught_exceptions() > unwinding_))
      Api::abandon(c_);
    else
      Api::unlock(c_);
  }

  /* Did whoever held the lock before die with it? Then mend what it guards;
   * that this was asked says that it is being done. */
  [[nodiscard]] bool owner_died() noexcept {
    asked_ = true;
    return told_;
  }
  /* Give it back earlier. */
  void unlock() noexcept {
    guard(std::move(*this));
  }
  /* Give it back as if this thread had died: what it guards is broken. */
  void abandon() noexcept {
    if (type* c = std::exchange(c_, nullptr)) Api::abandon(c);
  }
  /* Is it still held? */
  explicit operator bool() const noexcept {
    return c_ != nullptr;
  }
  typename Api::type* get() const noexcept {
    return c_;
  }
  /* It is not held any more, whoever saw to that. */
  typename Api::type* release() noexcept {
    return std::exchange(c_, nullptr);
  }
  /* Another owner has died, while we waited with a cond. */
  void tell() noexcept {
    told_ = true;
    asked_ = false;
  }

  /* Owns the lock, which this thread holds. */
  guard(typename Api::type* held, bool told) noexcept
      : c_(held), told_(told), unwinding_(std::uncaught_exceptions()) {
  }

 private:
  using type = typename Api::type;

  type* c_;
  bool told_;
  bool asked_ = false;
  int unwinding_;
};

} /* namespace detail */
} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_LOCK_HPP_ */
