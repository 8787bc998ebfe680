/* SPDX-License-Identifier: MIT */

/* sem: a counting semaphore between processes (sem.h).
 *
 *   uvshm::sem slots("slots", {0, 8});
 *   if (slots.wait(100ms)) { ...; slots.post(); }
 */

#ifndef UVSHM_SEM_HPP_
#define UVSHM_SEM_HPP_

#include "uvshm/object.hpp"
#include "uvshm/sem.h"

namespace uvshm {
inline namespace UVSHM_MODE {

struct sem_options : uvshm_sem_options_t {
  sem_options(std::uint32_t flags_ = 0, std::uint32_t value_ = 0) noexcept
      : uvshm_sem_options_t() {
    flags = flags_;
    value = value_;
  }
};

using sem_info = uvshm_sem_info_t;

namespace detail {

struct sem_api {
  using type = uvshm_sem_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_sem_options_t* options) noexcept {
    return uvshm_sem_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_sem_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_sem_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_sem_cancel(c);
  }
};

} /* namespace detail */

class sem : public detail::object<sem, detail::sem_api, sem_options> {
 public:
  /* Empty. */
  sem() noexcept = default;
  /* Find or make it. */
  explicit sem(zstring name, const sem_options& options = {})
      : sem(open(name, options).value()) {
  }
  sem(const segment& in, zstring name, const sem_options& options = {})
      : sem(open(in, name, options).value()) {
  }

  /* Take one unit: true, or false when there was none in time. */
  bool wait(timeout wait) {
    return detail::in_time(this->wait(wait, std::nothrow));
  }
  void wait() {
    wait(forever, std::nothrow).value();
  }
  result<void> wait(timeout wait, std::nothrow_t) noexcept {
    return call(uvshm_sem_wait, wait.ms());
  }
  /* Add `count` units. */
  void post(std::uint32_t count = 1) {
    post(count, std::nothrow).value();
  }
  result<void> post(std::uint32_t count, std::nothrow_t) noexcept {
    return call(uvshm_sem_post, count);
  }
  result<sem_info> info(std::nothrow_t) const noexcept {
    return call_info<sem_info>(uvshm_sem_info);
  }
  sem_info info() const {
    return info(std::nothrow).value();
  }
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_sem_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_SEM_HPP_ */
