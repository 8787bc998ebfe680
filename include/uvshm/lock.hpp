/* SPDX-License-Identifier: MIT */

/* lock: what mutex and rwlock share: guards, being a TimedLockable, and what
 * becomes of the news that an owner died (mutex.hpp). */

#ifndef UVSHM_LOCK_HPP_
#define UVSHM_LOCK_HPP_

#include "uvshm/object.hpp"

#include <exception>
#include <functional>

namespace uvshm {
inline namespace UVSHM_MODE {
namespace detail {

/* Api tells the type of a lock and how to lock, unlock and abandon it, as its C
 * functions do. */

/* Give it back as a dead owner leaves it. Where the news cannot be left in the
 * lock, at least give it back. */
template <class Api>
void leave(typename Api::type* c) noexcept {
  if (Api::abandon(c) < 0) (void) Api::unlock(c);
}

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
        if (c != nullptr) leave<Api>(c);
      }
    } giver{c};

    if (!mend_) {
      error what(static_cast<int>(news::owner_died));
      leave<Api>(std::exchange(giver.c, nullptr));
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
      leave<Api>(c_);
    else
      (void) Api::unlock(c_);
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
    if (type* c = std::exchange(c_, nullptr)) leave<Api>(c);
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

/* The base of mutex and rwlock: the lock that one thread has alone. */
template <class D, class Api, class Options>
class lockable : public object<D, Api, Options> {
  using guard_type = guard<Api>;

 public:
  /* ---- with a guard -------------------------------------------------------*/

  /* Take it, or tell why not. Of an rwlock: for writing. */
  result<guard_type> acquire(timeout wait, std::nothrow_t) noexcept {
    result<news> taken = lock(wait, std::nothrow);
    if (!taken) return taken.error();
    return guard_type(this->get(), *taken == news::owner_died);
  }
  [[nodiscard]] guard_type acquire(timeout wait = forever) {
    return acquire(wait, std::nothrow).value();
  }

  /* ---- TimedLockable ------------------------------------------------------*/

  /* What to do when the last owner has died: called by the thread that got the
   * lock, while it holds it, before it goes on. To be set before other threads
   * use the object. */
  void on_owner_died(std::function<void()> mend) noexcept {
    mender_.set(std::move(mend));
  }
  void lock() {
    if (lock(forever, std::nothrow).value() == news::owner_died)
      mender_.tell(this->get());
  }
  /* False: not within the time. Other failures are thrown. */
  bool try_lock() {
    return lock_for(std::chrono::milliseconds(0));
  }
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& wait) {
    return lock_for(wait);
  }
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration>& when) {
    return lock_until(when, [this](timeout t) { return lock_for(t); });
  }
  /* Nothing when this thread does not hold it. */
  void unlock() noexcept {
    if (this->get() != nullptr) (void) Api::unlock(this->get());
  }

  /* ---- as in C ------------------------------------------------------------*/

  /* Held after news::none and news::owner_died; whose it is to mend then is for
   * the caller to see. */
  result<news> lock(timeout wait, std::nothrow_t) noexcept {
    return this->call_news(Api::lock, wait.ms());
  }
  /* Of an rwlock: however it is held. */
  result<void> unlock(std::nothrow_t) noexcept {
    return this->call(Api::unlock);
  }
  /* Give it back as a dead owner leaves it. */
  result<void> abandon(std::nothrow_t) noexcept {
    return this->call(Api::abandon);
  }
  void abandon() {
    abandon(std::nothrow).value();
  }

 protected:
  lockable() noexcept = default;

  /* False: not in time. */
  static bool held(const result<news>& taken) {
    if (!taken && !is_late(taken.error())) raise(taken.error());
    return taken.has_value();
  }
  bool lock_for(timeout wait) {
    result<news> taken = lock(wait, std::nothrow);
    if (!held(taken)) return false;
    if (*taken == news::owner_died) mender_.tell(this->get());
    return true;
  }

  mender<Api> mender_;
};

} /* namespace detail */
} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_LOCK_HPP_ */
