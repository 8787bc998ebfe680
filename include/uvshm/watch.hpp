/* SPDX-License-Identifier: MIT */

/* watch: shared memory on a libuv loop (watch.h). Not part of uvshm.hpp,
 * because it needs <uv.h>.
 *
 *   uvshm::watch watch(loop);
 *   watch.on_readable(channel, [&](const uvshm::result<uvshm::news>& status) {
 *     if (!status) return stop(status.error().what());
 *     for (auto message : channel.messages(0ms)) show(message.bytes());
 *   });
 *   uv_run(loop, UV_RUN_DEFAULT);
 *
 * A watch watches one thing at a time; each on_...() ends what was before. What
 * is watched stays open as long. All on the loop's thread.
 *
 * A callback may do anything, destroy the watch itself too, but not throw:
 * there are frames of C around it, so an exception that leaves it ends the
 * program. Its status is an error when the watch has stopped by itself.
 *
 * The memory of a watch goes when the loop runs for the last time after close()
 * or the destructor: run it until then, as for every handle of libuv.
 */

#ifndef UVSHM_WATCH_HPP_
#define UVSHM_WATCH_HPP_

#include "uvshm/cell.hpp"
#include "uvshm/channel.hpp"
#include "uvshm/event.hpp"
#include "uvshm/map.hpp"
#include "uvshm/mutex.hpp"
#include "uvshm/watch.h"

#include <functional>
#include <memory>

namespace uvshm {
inline namespace UVSHM_MODE {

class watch {
 public:
  using callback = std::function<void(const result<news>& status)>;
  using lock_callback = std::function<void(result<mutex_guard> held)>;
  /* NULL when the watch has stopped by itself. */
  using peer_callback = std::function<void(
      const result<uvshm_watch_peer_t>& change, const peer_info* peer)>;

  /* Empty. */
  watch() noexcept = default;
  /* Tie it to a loop. */
  explicit watch(uv_loop_t* loop) : watch(open(loop).value()) {
  }
  static result<watch> open(uv_loop_t* loop) noexcept {
    std::unique_ptr<state> made(new (std::nothrow) state());
    if (made == nullptr) return error(errc::enomem, "no private memory");
    int code = uvshm_watch_init(loop, &made->c);
    if (code < 0) return error(code);
    made->c.data = made.get();
    return watch(made.release());
  }
  watch(watch&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {
  }
  watch& operator=(watch&& other) noexcept {
    watch taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
  }
  ~watch() {
    close();
  }
  explicit operator bool() const noexcept {
    return state_ != nullptr;
  }
  uvshm_watch_t* get() const noexcept {
    return state_ == nullptr ? nullptr : &state_->c;
  }

  /* Messages to receive, or an end that recv tells. */
  result<void> on_readable(const channel& of, callback f, std::nothrow_t) {
    return start(of, plain(std::move(f)), [&](uvshm_watch_t* c) {
      return uvshm_watch_start_readable(c, of.get(), call);
    });
  }
  void on_readable(const channel& of, callback f) {
    on_readable(of, std::move(f), std::nothrow).value();
  }
  /* Room to send. */
  result<void> on_writable(const channel& of, callback f, std::nothrow_t) {
    return start(of, plain(std::move(f)), [&](uvshm_watch_t* c) {
      return uvshm_watch_start_writable(c, of.get(), call);
    });
  }
  void on_writable(const channel& of, callback f) {
    on_writable(of, std::move(f), std::nothrow).value();
  }
  /* It was set, and the watch has taken the set. */
  result<void> on_event(const event& of, callback f, std::nothrow_t) {
    return start(of, plain(std::move(f)), [&](uvshm_watch_t* c) {
      return uvshm_watch_start_event(c, of.get(), call);
    });
  }
  void on_event(const event& of, callback f) {
    on_event(of, std::move(f), std::nothrow).value();
  }
  /* New values of a cell. */
  result<void> on_value(const cell& of, callback f, std::nothrow_t) {
    return start(of, plain(std::move(f)), [&](uvshm_watch_t* c) {
      return uvshm_watch_start_cell(c, of.get(), call);
    });
  }
  void on_value(const cell& of, callback f) {
    on_value(of, std::move(f), std::nothrow).value();
  }
  /* Any change of a map, or one of a key. */
  result<void> on_change(const map& of, callback f, std::nothrow_t) {
    return on_change(of, blob(nullptr, 0), std::move(f), std::nothrow);
  }
  void on_change(const map& of, callback f) {
    on_change(of, std::move(f), std::nothrow).value();
  }
  result<void> on_change(const map& of,
                         const blob& key,
                         callback f,
                         std::nothrow_t) {
    return start(of, plain(std::move(f)), [&](uvshm_watch_t* c) {
      return uvshm_watch_start_map(c, of.get(), key.data(), key.size(), call);
    });
  }
  void on_change(const map& of, const blob& key, callback f) {
    on_change(of, key, std::move(f), std::nothrow).value();
  }
  /* Once: the loop's thread has the mutex; the guard gives it back. */
  result<void> on_lock(const mutex& of, lock_callback f, std::nothrow_t) {
    uvshm_mutex_t* c_mutex = of.get();
    auto told = [f = std::move(f), c_mutex](int code, const peer_info*) {
      if (code < 0) return f(error(code));
      f(mutex_guard(c_mutex, code == UVSHM_OWNER_DIED));
    };
    return start(of, std::move(told), [&](uvshm_watch_t* c) {
      return uvshm_watch_start_mutex(c, c_mutex, call);
    });
  }
  void on_lock(const mutex& of, lock_callback f) {
    on_lock(of, std::move(f), std::nothrow).value();
  }
  /* Other peers that attach, leave or die. */
  result<void> on_peer(const segment& of, peer_callback f, std::nothrow_t) {
    auto told = [f = std::move(f)](int code, const peer_info* peer) {
      if (code < 0) return f(error(code), nullptr);
      f(static_cast<uvshm_watch_peer_t>(code), peer);
    };
    return start(of, std::move(told), [&](uvshm_watch_t* c) {
      return uvshm_watch_start_peers(c, of.get(), call_peer);
    });
  }
  void on_peer(const segment& of, peer_callback f) {
    on_peer(of, std::move(f), std::nothrow).value();
  }

  /* No callback comes after this. Nothing when it was not started. */
  void stop() noexcept {
    if (state_ == nullptr) return;
    uvshm_watch_stop(&state_->c);
    state_->keep = detail::hold();
  }
  /* As the destructor, earlier. */
  void close() noexcept {
    state* old = std::exchange(state_, nullptr);
    if (old == nullptr) return;
    uvshm_watch_close(&old->c, ended);
    old->keep = detail::hold();
  }
  /* Does it keep uv_run() going while it is started? At first it does. */
  void ref() noexcept {
    if (state_ != nullptr) uvshm_watch_ref(&state_->c);
  }
  void unref() noexcept {
    if (state_ != nullptr) uvshm_watch_unref(&state_->c);
  }
  bool active() const noexcept {
    return state_ != nullptr && uvshm_watch_active(&state_->c) != 0;
  }
  /* For a foreign loop, as uvshm_watch_fileno(). */
  result<uv_os_fd_t> descriptor(std::nothrow_t) noexcept {
    uv_os_fd_t fd{};
    if (state_ == nullptr) return detail::closed();
    int code = uvshm_watch_fileno(&state_->c, &fd);
    if (code < 0) return error(code);
    return fd;
  }
  uv_os_fd_t descriptor() {
    return descriptor(std::nothrow).value();
  }

 private:
  using function = std::function<void(int status, const peer_info* peer)>;

  struct state {
    uvshm_watch_t c{};
    std::shared_ptr<function> f; /* shared, so that a callback may replace it */
    detail::hold keep;
  };

  explicit watch(state* made) noexcept : state_(made) {
  }
  static function plain(callback f) {
    return [f = std::move(f)](int code, const peer_info*) {
      f(detail::check_news(code));
    };
  }
  template <class H, class F>
  result<void> start(const H& of, function f, F start_c) {
    if (state_ == nullptr || !of) return detail::closed();
    auto made = std::make_shared<function>(std::move(f));
    detail::hold keep(nullptr, detail::access::box_of(of));
    int code = start_c(&state_->c);
    if (code < 0) {
      error what(code); /* before the end of what was watched changes it */
      state_->keep = detail::hold();
      return what;
    }
    state_->f = std::move(made);
    state_->keep = std::move(keep);
    return {};
  }
  static void call(uvshm_watch_t* c, int status) noexcept {
    call_peer(c, status, nullptr);
  }
  static void call_peer(uvshm_watch_t* c,
                        int status,
                        const peer_info* peer) noexcept {
    std::shared_ptr<function> f = static_cast<state*>(c->data)->f;
    if (f != nullptr) (*f)(status, peer);
  }
  static void ended(uvshm_watch_t* c) noexcept {
    delete static_cast<state*>(c->data);
  }

  state* state_ = nullptr;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_WATCH_HPP_ */
