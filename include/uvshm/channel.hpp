/* SPDX-License-Identifier: MIT */

/* channel: messages between processes (channel.h).
 *
 *   uvshm::channel out("frames", {UVSHM_WRITER, sizeof(frame), 16});
 *   out.send(frame);
 *
 * and at the other end, read where they lie
 *
 *   uvshm::channel in("frames", UVSHM_READER);
 *   for (auto message : in.messages()) show(message.bytes());
 *
 * A message in place stays there, and takes its room, until its object is
 * destroyed or released. The channel stays open as long. A channel and its
 * messages are for one thread at a time.
 */

#ifndef UVSHM_CHANNEL_HPP_
#define UVSHM_CHANNEL_HPP_

#include "uvshm/channel.h"
#include "uvshm/message.hpp"
#include "uvshm/object.hpp"
#include "uvshm/value.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

struct channel_options : uvshm_channel_options_t {
  channel_options(std::uint32_t flags_ = 0,
                  std::uint64_t size_max_ = 0,
                  std::uint64_t messages_ = 0) noexcept
      : uvshm_channel_options_t() {
    flags = flags_;
    size_max = size_max_;
    messages = messages_;
  }
};

using channel_info = uvshm_channel_info_t;

namespace detail {

struct channel_api {
  using type = uvshm_channel_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_channel_options_t* options) noexcept {
    return uvshm_channel_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_channel_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_channel_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_channel_cancel(c);
  }
};

} /* namespace detail */

class channel
    : public detail::object<channel, detail::channel_api, channel_options> {
 public:
  /* Empty. */
  channel() noexcept = default;
  /* Find or make it. */
  explicit channel(zstring name, const channel_options& options = {})
      : channel(open(name, options).value()) {
  }
  channel(const segment& in, zstring name, const channel_options& options = {})
      : channel(open(in, name, options).value()) {
  }

  /* ---- sending ------------------------------------------------------------*/

  result<void> send(const blob& message,
                    timeout wait,
                    std::nothrow_t) noexcept {
    return call(uvshm_channel_send, message.data(), message.size(), wait.ms());
  }
  /* False: there was no room in time. */
  bool send(const blob& message, timeout wait) {
    return detail::in_time(send(message, wait, std::nothrow));
  }
  void send(const blob& message) {
    send(message, forever, std::nothrow).value();
  }
  /* Room for a message of up to `size` bytes, to be written in place. */
  result<channel_claim> claim(std::size_t size,
                              timeout wait,
                              std::nothrow_t) noexcept {
    void* bytes = nullptr;
    result<void> done = call(uvshm_channel_claim, &bytes, size, wait.ms());
    if (!done) return done.error();
    return channel_claim(get(), static_cast<std::byte*>(bytes), size, box());
  }
  /* Empty when there was no room in time. */
  channel_claim claim(std::size_t size, timeout wait = forever) {
    result<channel_claim> made = claim(size, wait, std::nothrow);
    if (made) return std::move(*made);
    if (!detail::is_late(made.error())) detail::raise(made.error());
    return {};
  }
  /* Several at once, as uvshm_channel_send_many(); how many it were. */
  result<std::size_t> send_many(span<const uvshm_message_t> messages,
                                timeout wait,
                                std::nothrow_t) noexcept {
    std::size_t count = messages.size();
    result<void> done =
        call(uvshm_channel_send_many, messages.data(), &count, wait.ms());
    if (!done) return done.error();
    return count;
  }

  /* ---- receiving ----------------------------------------------------------*/

  /* The next message where it lies. */
  result<message> peek(timeout wait, std::nothrow_t) noexcept {
    const void* bytes = nullptr;
    std::size_t size = 0;
    result<news> done = call_news(uvshm_channel_peek, &bytes, &size, wait.ms());
    if (!done) return done.error();
    return message(
        get(), static_cast<const std::byte*>(bytes), size, *done, box());
  }
  /* Empty when there was none in time. */
  message peek(timeout wait = forever) {
    result<message> made = peek(wait, std::nothrow);
    if (made) return std::move(*made);
    if (!detail::is_late(made.error())) detail::raise(made.error());
    return {};
  }
  /* A copy of the next one as a T: a plain type, std::string or std::vector of
   * plain ones. One of another size than the type's is errc::emsgsize, and is
   * done with unless it is larger. */
  template <class T>
  result<T> recv(timeout wait, std::nothrow_t) {
    if (get() == nullptr) return detail::closed();
    if constexpr (!detail::is_dynamic<T>::value) {
      return detail::read_value<T>([&](void* to, std::size_t* size) {
        return uvshm_channel_recv(get(), to, size, wait.ms());
      });
    } else {
      result<message> made = peek(wait, std::nothrow);
      if (!made) return made.error();
      return detail::value_of<T>(made->bytes().data(), made->size());
    }
  }
  /* Nothing when there was none in time. */
  template <class T>
  std::optional<T> recv(timeout wait = forever) {
    result<T> made = recv<T>(wait, std::nothrow);
    if (made) return std::move(*made);
    if (!detail::is_late(made.error())) detail::raise(made.error());
    return std::nullopt;
  }
  /* Into a buffer; its size and news. errc::enobufs: it is larger, and
   * stays. */
  result<received> recv(span<std::byte> room,
                        timeout wait,
                        std::nothrow_t) noexcept {
    std::size_t size = room.size();
    result<news> done =
        call_news(uvshm_channel_recv, room.data(), &size, wait.ms());
    if (!done) return done.error();
    return received{size, *done};
  }
  /* Several at once, as uvshm_channel_recv_many(); how many it were. */
  result<std::size_t> recv_many(span<uvshm_message_t> messages,
                                timeout wait,
                                std::nothrow_t) noexcept {
    std::size_t count = messages.size();
    result<void> done =
        call(uvshm_channel_recv_many, messages.data(), &count, wait.ms());
    if (!done) return done.error();
    return count;
  }
  /* for (auto message : channel.messages()) ... until the last writer has
   * closed its end, or none comes for so long. Failures, errc::econnreset
   * among them, are thrown; with std::nothrow the range ends there and has
   * the error. */
  message_range messages(timeout wait = forever) noexcept {
    return {detail::access::keep(*this), wait, false};
  }
  message_range messages(timeout wait, std::nothrow_t) noexcept {
    return {detail::access::keep(*this), wait, true};
  }

  /* ---- the rest -----------------------------------------------------------*/

  result<channel_info> info(std::nothrow_t) const noexcept {
    return call_info<channel_info>(uvshm_channel_info);
  }
  channel_info info() const {
    return info(std::nothrow).value();
  }
  /* The ends of it. */
  using end_range = detail::listing<detail::ends_api>;
  end_range ends() const noexcept {
    return end_range(detail::access::keep(*this));
  }
  result<void> check(std::nothrow_t) const noexcept {
    return call(uvshm_channel_check);
  }
  void check() const {
    check(std::nothrow).value();
  }
  /* How many dead ends were cleared away. */
  result<std::uint32_t> repair(std::nothrow_t) noexcept {
    std::uint32_t repaired = 0;
    result<void> done = call(uvshm_channel_repair, &repaired);
    if (!done) return done.error();
    return repaired;
  }
  std::uint32_t repair() {
    return repair(std::nothrow).value();
  }
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_channel_rejoin);
  }
  void rejoin() {
    rejoin(std::nothrow).value();
  }

 private:
  detail::box* box() const noexcept {
    return detail::access::box_of(*this);
  }
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_CHANNEL_HPP_ */
