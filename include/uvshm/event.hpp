/* SPDX-License-Identifier: MIT */

/* event: a flag that threads of several processes wait for (event.h).
 *
 *   uvshm::event ready("server.ready", UVSHM_EVENT_MANUAL);
 *   if (!ready.wait(5s)) return late();
 */

#ifndef UVSHM_EVENT_HPP_
#define UVSHM_EVENT_HPP_

#include "uvshm/object.hpp"
#include "uvshm/event.h"

namespace uvshm {
inline namespace UVSHM_MODE {

struct event_options : uvshm_event_options_t {
  event_options(std::uint32_t flags_ = 0) noexcept : uvshm_event_options_t() {
    flags = flags_;
  }
};

using event_info = uvshm_event_info_t;

namespace detail {

struct event_api {
  using type = uvshm_event_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_event_options_t* options) noexcept {
    return uvshm_event_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_event_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_event_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_event_cancel(c);
  }
};

} /* namespace detail */

class event : public detail::object<event, detail::event_api, event_options> {
 public:
  /* Empty. */
  event() noexcept = default;
  /* Find or make it. */
  explicit event(zstring name, const event_options& options = {})
      : event(open(name, options).value()) {
  }
  event(const segment& in, zstring name, const event_options& options = {})
      : event(open(in, name, options).value()) {
  }

  void set() {
    set(std::nothrow).value();
  }
  result<void> set(std::nothrow_t) noexcept {
    return call(uvshm_event_set);
  }
  void reset() {
    reset(std::nothrow).value();
  }
  result<void> reset(std::nothrow_t) noexcept {
    return call(uvshm_event_reset);
  }
  /* True: it was set; false: not in time. */
  bool wait(timeout wait) {
    return detail::in_time(this->wait(wait, std::nothrow));
  }
  void wait() {
    wait(forever, std::nothrow).value();
  }
  result<void> wait(timeout wait, std::nothrow_t) noexcept {
    return call(uvshm_event_wait, wait.ms());
  }
  result<event_info> info(std::nothrow_t) const noexcept {
    return call_info<event_info>(uvshm_event_info);
  }
  event_info info() const {
    return info(std::nothrow).value();
  }
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_event_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_EVENT_HPP_ */
