/* SPDX-License-Identifier: MIT */

/* barrier: a number of threads, of several processes, wait for each other
 * (barrier.h).
 *
 *   uvshm::barrier step("step", {0, 4});
 *   if (step.wait()) sum_up();
 */

#ifndef UVSHM_BARRIER_HPP_
#define UVSHM_BARRIER_HPP_

#include "uvshm/object.hpp"
#include "uvshm/barrier.h"

namespace uvshm {
inline namespace UVSHM_MODE {

struct barrier_options : uvshm_barrier_options_t {
  barrier_options(std::uint32_t flags_ = 0, std::uint32_t count_ = 0) noexcept
      : uvshm_barrier_options_t() {
    flags = flags_;
    count = count_;
  }
};

using barrier_info = uvshm_barrier_info_t;

namespace detail {

struct barrier_api {
  using type = uvshm_barrier_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_barrier_options_t* options) noexcept {
    return uvshm_barrier_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_barrier_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_barrier_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_barrier_cancel(c);
  }
};

} /* namespace detail */

class barrier
    : public detail::object<barrier, detail::barrier_api, barrier_options> {
 public:
  /* Empty. */
  barrier() noexcept = default;
  /* Find or make it. */
  explicit barrier(zstring name, const barrier_options& options = {})
      : barrier(open(name, options).value()) {
  }
  barrier(const segment& in, zstring name, const barrier_options& options = {})
      : barrier(open(in, name, options).value()) {
  }

  /* Come, and wait until all have come. True for one of them, the last. When
   * not all come in time, or one has died, it is thrown: errc::etimedout,
   * errc::econnreset. */
  bool wait(timeout wait = forever) {
    return this->wait(wait, std::nothrow).value();
  }
  result<bool> wait(timeout wait, std::nothrow_t) noexcept {
    if (get() == nullptr) return detail::closed();
    int code = uvshm_barrier_wait(get(), wait.ms());
    if (code < 0) return error(code);
    return code == UVSHM_BARRIER_LAST;
  }
  /* Make a broken one whole. */
  void reset() {
    reset(std::nothrow).value();
  }
  result<void> reset(std::nothrow_t) noexcept {
    return call(uvshm_barrier_reset);
  }
  result<barrier_info> info(std::nothrow_t) const noexcept {
    return call_info<barrier_info>(uvshm_barrier_info);
  }
  barrier_info info() const {
    return info(std::nothrow).value();
  }
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_barrier_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_BARRIER_HPP_ */
