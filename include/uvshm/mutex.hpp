/* SPDX-License-Identifier: MIT */

/* mutex: a lock between processes that survives its owner (mutex.h).
 *
 *   uvshm::mutex printer("printer");
 *   auto held = printer.acquire(5s);
 *   if (held.owner_died()) reset_the_printer();
 *   print();
 *
 * The one who gets the lock after a death is told, once; what the lock guards
 * may be half changed. That news must not be lost, so there are three ways to
 * hear it and none to overlook it:
 *
 *   acquire()        gives a guard. Until owner_died() was asked, or when an
 *                    exception leaves the block after it said yes, the guard
 *                    ends with abandon(): the next one in is told instead.
 *   on_owner_died(f) lock() calls f, which holds the lock, and returns when all
 *                    is mended. If f throws, the lock is abandoned.
 *   lock()           without such an f abandons the lock and throws
 *                    uvshm::owner_died, again and again until somebody mends.
 *
 * With lock(), try_lock() ... a mutex is TimedLockable: std::unique_lock,
 * std::lock_guard and std::scoped_lock work.
 */

#ifndef UVSHM_MUTEX_HPP_
#define UVSHM_MUTEX_HPP_

#include "uvshm/lock.hpp"
#include "uvshm/mutex.h"

namespace uvshm {
inline namespace UVSHM_MODE {

struct mutex_options : uvshm_mutex_options_t {
  mutex_options(std::uint32_t flags_ = 0, std::uint64_t log_size_ = 0) noexcept
      : uvshm_mutex_options_t() {
    flags = flags_;
    log_size = log_size_;
  }
};

using mutex_info = uvshm_mutex_info_t;

namespace detail {

struct mutex_api {
  using type = uvshm_mutex_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_mutex_options_t* options) noexcept {
    return uvshm_mutex_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_mutex_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_mutex_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_mutex_cancel(c);
  }
  static int lock(type* c, std::uint64_t ms) noexcept {
    return uvshm_mutex_lock(c, ms);
  }
  static int unlock(type* c) noexcept {
    return uvshm_mutex_unlock(c);
  }
  static int abandon(type* c) noexcept {
    return uvshm_mutex_abandon(c);
  }
};

} /* namespace detail */

/* The guard of a mutex, which must stay open as long. To be used by the thread
 * that got it. */
using mutex_guard = detail::guard<detail::mutex_api>;

/* acquire(), lock(), try_lock() ..., unlock(), abandon() and on_owner_died()
 * come from its base in lock.hpp. */
class mutex : public detail::lockable<mutex, detail::mutex_api, mutex_options> {
 public:
  /* Empty. */
  mutex() noexcept = default;
  /* Find or make it. */
  explicit mutex(zstring name, const mutex_options& options = {})
      : mutex(open(name, options).value()) {
  }
  mutex(const segment& in, zstring name, const mutex_options& options = {})
      : mutex(open(in, name, options).value()) {
  }

  result<mutex_info> info(std::nothrow_t) const noexcept {
    return call_info<mutex_info>(uvshm_mutex_info);
  }
  mutex_info info() const {
    return info(std::nothrow).value();
  }
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_mutex_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }

 private:
  friend class cond;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_MUTEX_HPP_ */
