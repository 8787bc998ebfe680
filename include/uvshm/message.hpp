/* SPDX-License-Identifier: MIT */

/* message: what channel.hpp gives: messages and claims in place, and the range
 * of all that come. They keep their channel open, and are its thread's. */

#ifndef UVSHM_MESSAGE_HPP_
#define UVSHM_MESSAGE_HPP_

#include "uvshm/channel.h"
#include "uvshm/range.hpp"
#include "uvshm/segment.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

class channel;

/* What a copying recv() got. */
struct received {
  std::size_t size;
  news what; /* news::missed, news::again */
};

namespace detail {

/* Room in a channel, and one need of it. */
class loan {
 public:
  loan() noexcept = default;
  loan(uvshm_channel_t* c, box* taken) noexcept : c_(c), box_(taken) {
    box_->take_alone();
  }
  loan(loan&& other) noexcept
      : c_(std::exchange(other.c_, nullptr)),
        box_(std::exchange(other.box_, nullptr)) {
  }
  loan& operator=(loan&& other) noexcept {
    uvshm_channel_t* c = std::exchange(other.c_, nullptr);
    box* taken = std::exchange(other.box_, nullptr);

    end();
    c_ = c;
    box_ = taken;
    return *this;
  }
  ~loan() {
    end();
  }
  uvshm_channel_t* get() const noexcept {
    return c_;
  }
  void end() noexcept {
    c_ = nullptr;
    if (box* old = std::exchange(box_, nullptr)) old->drop_alone();
  }

 private:
  uvshm_channel_t* c_ = nullptr;
  box* box_ = nullptr;
};

} /* namespace detail */

/* A message where it lies, until it is released or destroyed; or empty. */
class message {
 public:
  message() noexcept = default;
  message(message&& other) noexcept
      : loan_(std::move(other.loan_)),
        bytes_(std::exchange(other.bytes_, {})),
        news_(other.news_) {
  }
  message& operator=(message&& other) noexcept {
    message taken(std::move(other));
    std::swap(loan_, taken.loan_);
    std::swap(bytes_, taken.bytes_);
    std::swap(news_, taken.news_);
    return *this;
  }
  ~message() {
    if (*this) (void) release(std::nothrow);
  }

  explicit operator bool() const noexcept {
    return loan_.get() != nullptr;
  }
  /* Valid until it is released. Others do not change them, but for a process
   * that means harm: look at what decides something once, and copy it. */
  span<const std::byte> bytes() const noexcept {
    return bytes_;
  }
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  std::size_t size() const noexcept {
    return bytes_.size();
  }
  /* As a T in place; NULL when its size or its alignment is not T's. */
  template <class T>
  const T* as() const noexcept {
    detail::must_be_shareable<T>();
    if (size() != sizeof(T) || !detail::is_aligned<T>(bytes_.data()))
      return nullptr;
    return reinterpret_cast<const T*>(bytes_.data());
  }
  /* Were messages before it lost to this reader (topic)? */
  bool missed() const noexcept {
    return news_ == news::missed;
  }
  /* Did another reader have it, which died (queue)? */
  bool again() const noexcept {
    return news_ == news::again;
  }
  /* Done with it. It is empty then, whatever the result. Of a stream the oldest
   * message first. */
  result<void> release(std::nothrow_t) noexcept {
    if (!*this) return detail::closed();
    int code = uvshm_channel_release(loan_.get(), bytes_.data());
    result<void> done = detail::check(code);
    bytes_ = {};
    loan_.end();
    return done;
  }
  void release() {
    release(std::nothrow).value();
  }

 private:
  friend class channel;
  friend class message_range;

  message(uvshm_channel_t* c,
          const std::byte* bytes,
          std::size_t size,
          news what,
          detail::box* box) noexcept
      : loan_(c, box), bytes_(bytes, size), news_(what) {
  }

  detail::loan loan_;
  span<const std::byte> bytes_;
  news news_ = news::none;
};

/* Room for a message, given back unless it is committed; or empty. */
class channel_claim {
 public:
  channel_claim() noexcept = default;
  channel_claim(channel_claim&& other) noexcept
      : loan_(std::move(other.loan_)), bytes_(std::exchange(other.bytes_, {})) {
  }
  channel_claim& operator=(channel_claim&& other) noexcept {
    channel_claim taken(std::move(other));
    std::swap(loan_, taken.loan_);
    std::swap(bytes_, taken.bytes_);
    return *this;
  }
  ~channel_claim() {
    if (*this) detail::ignore(uvshm_channel_abort(loan_.get(), bytes_.data()));
  }
  explicit operator bool() const noexcept {
    return loan_.get() != nullptr;
  }
  span<std::byte> bytes() const noexcept {
    return bytes_;
  }
  /* As a T to be filled; NULL when there is no room for it or it does not suit
   * its alignment. What is there may be anything. */
  template <class T>
  T* as() const noexcept {
    detail::must_be_shareable<T>();
    if (bytes_.size() < sizeof(T) || !detail::is_aligned<T>(bytes_.data()))
      return nullptr;
    return reinterpret_cast<T*>(bytes_.data());
  }
  /* Send the first `size` bytes of it. After a failure it still is claimed. */
  result<void> commit(std::size_t size, std::nothrow_t) noexcept {
    if (!*this) return detail::closed();
    int code = uvshm_channel_commit(loan_.get(), bytes_.data(), size);
    if (code < 0) return error(code);
    bytes_ = {};
    loan_.end();
    return {};
  }
  void commit(std::size_t size) {
    commit(size, std::nothrow).value();
  }
  void commit() {
    commit(bytes_.size());
  }

 private:
  friend class channel;

  channel_claim(uvshm_channel_t* c,
                std::byte* bytes,
                std::size_t size,
                detail::box* box) noexcept
      : loan_(c, box), bytes_(bytes, size) {
  }

  detail::loan loan_;
  span<std::byte> bytes_;
};

/* The messages that come, once each; see channel::messages(). */
class message_range {
 public:
  /* *it is an rvalue: `for (auto m : range)` moves it out, and may keep it.
   * What is not moved out is released when the iteration goes on. */
  using iterator = detail::once_iterator<message_range, message, message&&>;

  iterator begin() {
    return iterator(this);
  }
  iterator end() const noexcept {
    return {};
  }
  /* Of messages(..., std::nothrow): why it ended; code 0: the last writer has
   * closed its end, or none came in time. */
  const uvshm::error& error() const noexcept {
    return error_;
  }

 private:
  friend class channel;
  friend iterator;

  message_range(detail::kept<uvshm_channel_t> of,
                timeout wait,
                bool quiet) noexcept
      : of_(std::move(of)), wait_(wait), quiet_(quiet) {
  }
  /* False: the end. */
  bool step() {
    const void* bytes = nullptr;
    std::size_t size = 0;

    now_ = message();
    if (of_.get() == nullptr) return fail(detail::closed());
    int code = uvshm_channel_peek(of_.get(), &bytes, &size, wait_.ms());
    if (code == static_cast<int>(errc::eof)) return false;
    if (code < 0) return fail(uvshm::error(code));
    now_ = message(of_.get(),
                   static_cast<const std::byte*>(bytes),
                   size,
                   static_cast<news>(code),
                   of_.box());
    return true;
  }
  bool fail(const uvshm::error& what) {
    if (detail::is_late(what)) return false;
    if (!quiet_) detail::raise(what);
    error_ = what;
    return false;
  }

  detail::kept<uvshm_channel_t> of_;
  timeout wait_;
  bool quiet_;
  message now_;
  uvshm::error error_;
};

namespace detail {

struct ends_api {
  using type = uvshm_channel_t;
  using info = uvshm_channel_end_t;
  static int next(const type* c, std::uint32_t* cursor, info* to) noexcept {
    return uvshm_channel_next(c, cursor, to);
  }
};

} /* namespace detail */
} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_MESSAGE_HPP_ */
