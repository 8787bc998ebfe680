/* SPDX-License-Identifier: MIT */

/* cond: waiting, with a mutex, until another process has changed something
 * (cond.h).
 *
 *   std::unique_lock<uvshm::mutex> lock(jobs_lock);
 *   jobs_changed.wait(lock, [&] { return jobs.count > 0; });
 *
 * When the one who had the mutex before died, wait() with a unique_lock does as
 * lock() does: it calls what on_owner_died() was given, or throws
 * uvshm::owner_died, and then the lock is not held and owns_lock() is false.
 * wait() with a guard returns: ask owner_died().
 */

#ifndef UVSHM_COND_HPP_
#define UVSHM_COND_HPP_

#include "uvshm/mutex.hpp"
#include "uvshm/cond.h"

#include <mutex>

namespace uvshm {
inline namespace UVSHM_MODE {

struct cond_options : uvshm_cond_options_t {
  cond_options(std::uint32_t flags_ = 0) noexcept : uvshm_cond_options_t() {
    flags = flags_;
  }
};

using cond_info = uvshm_cond_info_t;

namespace detail {

struct cond_api {
  using type = uvshm_cond_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_cond_options_t* options) noexcept {
    return uvshm_cond_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_cond_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_cond_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_cond_cancel(c);
  }
};

/* The mutex was lost: a unique_lock that owned it owns it no more. */
struct disowner {
  std::unique_lock<mutex>* lock;
  ~disowner() {
    if (lock == nullptr) return;
    mutex* lost = lock->release();
    *lock = std::unique_lock<mutex>(*lost, std::defer_lock);
  }
};

} /* namespace detail */

class cond : public detail::object<cond, detail::cond_api, cond_options> {
 public:
  /* Empty. */
  cond() noexcept = default;
  /* Find or make it. */
  explicit cond(zstring name, const cond_options& options = {})
      : cond(open(name, options).value()) {
  }
  cond(const segment& in, zstring name, const cond_options& options = {})
      : cond(open(in, name, options).value()) {
  }

  /* True: look again; false: not in time. The mutex is held again. */
  bool wait(std::unique_lock<mutex>& lock, timeout wait) {
    if (lock.mutex() == nullptr || !lock.owns_lock())
      detail::raise(error(errc::eperm, "the lock is not held"));
    result<news> done = this->wait(*lock.mutex(), wait, std::nothrow);
    if (done && *done == news::none) return true;
    /* In what follows it may be lost. */
    detail::disowner disown{&lock};
    if (!done && done.error() == errc::eproto) detail::raise(done.error());
    if (done) lock.mutex()->mender_.tell(lock.mutex()->get());
    disown.lock = nullptr;
    if (done) return true;
    if (!detail::is_late(done.error())) detail::raise(done.error());
    return false;
  }
  void wait(std::unique_lock<mutex>& lock) {
    (void) wait(lock, forever);
  }
  /* Until `until()` is true; it is called with the mutex held. */
  template <class F, class = std::enable_if_t<std::is_invocable_r_v<bool, F>>>
  void wait(std::unique_lock<mutex>& lock, F until) {
    while (!until()) wait(lock);
  }
  /* What it is when the time is over. */
  template <class F>
  bool wait(std::unique_lock<mutex>& lock, timeout wait, F until) {
    detail::stopwatch left(wait);

    while (!until())
      if (!this->wait(lock, left.rest())) return until();
    return true;
  }
  /* With a guard: look again, and ask it for owner_died(). False: not in
   * time. */
  bool wait(mutex_guard& held, timeout wait = forever) {
    if (get() == nullptr) detail::raise(detail::closed());
    if (!held) detail::raise(error(errc::eperm, "the lock is not held"));
    int code = uvshm_cond_wait(get(), held.get(), wait.ms());
    if (code == UVSHM_OWNER_DIED) held.tell();
    if (code >= 0) return true;
    error what(code);
    if (what == errc::eproto) held.release();
    if (!detail::is_late(what)) detail::raise(what);
    return false;
  }
  /* As in C: the news is the caller's to see to. */
  result<news> wait(mutex& held, timeout wait, std::nothrow_t) noexcept {
    if (!held) return detail::closed();
    return call_news(uvshm_cond_wait, held.get(), wait.ms());
  }
  void signal() {
    signal(std::nothrow).value();
  }
  result<void> signal(std::nothrow_t) noexcept {
    return call(uvshm_cond_signal);
  }
  void broadcast() {
    broadcast(std::nothrow).value();
  }
  result<void> broadcast(std::nothrow_t) noexcept {
    return call(uvshm_cond_broadcast);
  }
  result<cond_info> info(std::nothrow_t) const noexcept {
    return call_info<cond_info>(uvshm_cond_info);
  }
  cond_info info() const {
    return info(std::nothrow).value();
  }
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_cond_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_COND_HPP_ */
