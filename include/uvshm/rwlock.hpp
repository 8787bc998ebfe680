/* SPDX-License-Identifier: MIT */

/* rwlock: many readers or one writer, between processes (rwlock.h).
 *
 *   uvshm::rwlock prices("prices");
 *   {
 *     std::shared_lock<uvshm::rwlock> reading(prices);
 *     look_at_prices();
 *   }
 *
 * The news that a writer died is treated as in mutex.hpp. Readers that come
 * before the next writer are told too: lock_shared() throws uvshm::owner_died,
 * or, where on_owner_died(f) was given, takes the lock for writing first so
 * that f can mend. A guard for reading just tells.
 *
 * It is SharedTimedLockable: std::shared_lock, std::unique_lock and
 * std::scoped_lock work.
 */

#ifndef UVSHM_RWLOCK_HPP_
#define UVSHM_RWLOCK_HPP_

#include "uvshm/lock.hpp"
#include "uvshm/rwlock.h"

namespace uvshm {
inline namespace UVSHM_MODE {

struct rwlock_options : uvshm_rwlock_options_t {
  rwlock_options(std::uint32_t flags_ = 0) noexcept : uvshm_rwlock_options_t() {
    flags = flags_;
  }
};

using rwlock_info = uvshm_rwlock_info_t;

namespace detail {

struct rwlock_api {
  using type = uvshm_rwlock_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_rwlock_options_t* options) noexcept {
    return uvshm_rwlock_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_rwlock_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_rwlock_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_rwlock_cancel(c);
  }
  static int lock(type* c, std::uint64_t ms) noexcept {
    return uvshm_rwlock_wrlock(c, ms);
  }
  static int unlock(type* c) noexcept {
    return uvshm_rwlock_unlock(c);
  }
  static int abandon(type* c) noexcept {
    return uvshm_rwlock_abandon(c);
  }
};

/* A reader leaves no news: it has changed nothing. */
struct shared_api {
  using type = uvshm_rwlock_t;
  static int unlock(type* c) noexcept {
    return uvshm_rwlock_unlock(c);
  }
  static int abandon(type* c) noexcept {
    return unlock(c);
  }
};

} /* namespace detail */

/* Guards, as of a mutex. */
using rwlock_guard = detail::guard<detail::rwlock_api>;
using shared_guard = detail::guard<detail::shared_api>;

/* acquire(), lock(), try_lock() ..., unlock(), abandon() and on_owner_died(),
 * those of a writer, come from its base in lock.hpp. */
class rwlock
    : public detail::lockable<rwlock, detail::rwlock_api, rwlock_options> {
 public:
  /* Empty. */
  rwlock() noexcept = default;
  /* Find or make it. */
  explicit rwlock(zstring name, const rwlock_options& options = {})
      : rwlock(open(name, options).value()) {
  }
  rwlock(const segment& in, zstring name, const rwlock_options& options = {})
      : rwlock(open(in, name, options).value()) {
  }

  /* ---- with a guard -------------------------------------------------------*/

  /* For reading. */
  result<shared_guard> acquire_shared(timeout wait, std::nothrow_t) noexcept {
    result<news> taken = lock_shared(wait, std::nothrow);
    if (!taken) return taken.error();
    return shared_guard(get(), *taken == news::owner_died);
  }
  [[nodiscard]] shared_guard acquire_shared(timeout wait = forever) {
    return acquire_shared(wait, std::nothrow).value();
  }

  /* ---- SharedTimedLockable ------------------------------------------------*/

  void lock_shared() {
    (void) lock_shared_for(forever);
  }
  bool try_lock_shared() {
    return lock_shared_for(std::chrono::milliseconds(0));
  }
  template <class Rep, class Period>
  bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& wait) {
    return lock_shared_for(wait);
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(
      const std::chrono::time_point<Clock, Duration>& when) {
    return detail::lock_until(when,
                              [this](timeout t) { return lock_shared_for(t); });
  }
  void unlock_shared() noexcept {
    unlock();
  }

  /* ---- as in C ------------------------------------------------------------*/

  result<news> lock_shared(timeout wait, std::nothrow_t) noexcept {
    return call_news(uvshm_rwlock_rdlock, wait.ms());
  }
  /* From reading to writing; after a failure it is still held for reading. */
  result<news> upgrade(timeout wait, std::nothrow_t) noexcept {
    return call_news(uvshm_rwlock_upgrade, wait.ms());
  }
  /* From writing to reading. */
  result<void> downgrade(std::nothrow_t) noexcept {
    return call(uvshm_rwlock_downgrade);
  }
  void downgrade() {
    downgrade(std::nothrow).value();
  }
  result<rwlock_info> info(std::nothrow_t) const noexcept {
    return call_info<rwlock_info>(uvshm_rwlock_info);
  }
  rwlock_info info() const {
    return info(std::nothrow).value();
  }
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_rwlock_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }

 private:
  /* What a dead writer left is mended by a writer: by ourselves, then we come
   * again as a reader. Each round is one more death. */
  bool lock_shared_for(timeout wait) {
    detail::stopwatch left(wait);

    for (;;) {
      result<news> taken = lock_shared(left.rest(), std::nothrow);
      if (!held(taken)) return false;
      if (*taken != news::owner_died) return true;
      if (!mender_) {
        error what(static_cast<int>(news::owner_died));
        unlock();
        detail::raise<owner_died>(what);
      }
      unlock();
      if (!lock_for(left.rest())) return false;
      unlock();
    }
  }
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_RWLOCK_HPP_ */
