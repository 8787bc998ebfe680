/* SPDX-License-Identifier: MIT */

/* map: keys to values, both bytes, shared by any number of processes (map.h).
 *
 *   uvshm::map stock(segment, "stock");
 *   stock.put("apple", price{12, 50});
 *   if (auto now = stock.find<price>("apple")) show(*now);
 *   for (auto& entry : stock.entries()) print(entry.key, entry.value);
 *
 * Keys and values are given as uvshm::blob: strings, spans, or plain objects.
 * Values are had as a type T: a plain one, whose size must be that of the value
 * (errc::emsgsize), or std::string, or std::vector of plain ones. They are
 * copies. A struct that is a key must have no padding: keys are compared byte
 * by byte.
 */

#ifndef UVSHM_MAP_HPP_
#define UVSHM_MAP_HPP_

#include "uvshm/entries.hpp"
#include "uvshm/map.h"
#include "uvshm/object.hpp"
#include "uvshm/value.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

struct map_options : uvshm_map_options_t {
  map_options(std::uint32_t flags_ = 0, std::uint32_t shards_ = 0) noexcept
      : uvshm_map_options_t() {
    flags = flags_;
    shards = shards_;
  }
};

using map_info = uvshm_map_info_t;

namespace detail {

struct map_api {
  using type = uvshm_map_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_map_options_t* options) noexcept {
    return uvshm_map_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_map_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_map_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_map_cancel(c);
  }
};

} /* namespace detail */

class map : public detail::object<map, detail::map_api, map_options> {
 public:
  /* Empty. */
  map() noexcept = default;
  /* Find or make it. */
  map(const segment& in, zstring name, const map_options& options = {})
      : map(open(in, name, options).value()) {
  }

  /* ---- reading ------------------------------------------------------------*/

  /* The value of a key, which must be there, and its version. */
  template <class T>
  result<T> get(const blob& key, std::uint64_t* version, std::nothrow_t) const {
    if (get() == nullptr) return detail::closed();
    if constexpr (!detail::is_dynamic<T>::value) {
      return detail::read_value<T>([&](void* to, std::size_t* size) {
        return uvshm_map_get(get(), key.data(), key.size(), to, size, version);
      });
    } else {
      struct copy {
        void* bytes = nullptr;
        ~copy() {
          uvshm_map_free(bytes);
        }
      } made;
      std::size_t size = 0;
      int code = uvshm_map_get_copy(
          get(), key.data(), key.size(), &made.bytes, &size, version);
      if (code < 0) return error(code);
      return detail::value_of<T>(made.bytes, size);
    }
  }
  template <class T>
  result<T> get(const blob& key, std::nothrow_t) const {
    return get<T>(key, nullptr, std::nothrow);
  }
  template <class T>
  T get(const blob& key, std::uint64_t* version = nullptr) const {
    return get<T>(key, version, std::nothrow).value();
  }
  /* Nothing when the key is not there. */
  template <class T>
  std::optional<T> find(const blob& key,
                        std::uint64_t* version = nullptr) const {
    return found(get<T>(key, version, std::nothrow));
  }
  /* Into a buffer; how many bytes it has. errc::enobufs: more than that. */
  result<std::size_t> read(const blob& key,
                           span<std::byte> room,
                           std::nothrow_t) const noexcept {
    std::size_t size = room.size();
    if (get() == nullptr) return detail::closed();
    int code = uvshm_map_get(
        get(), key.data(), key.size(), room.data(), &size, nullptr);
    if (code < 0) return error(code);
    return size;
  }
  result<bool> contains(const blob& key, std::nothrow_t) const noexcept {
    return unless(errc::enoent,
                  call(uvshm_map_contains, key.data(), key.size()));
  }
  bool contains(const blob& key) const {
    return contains(key, std::nothrow).value();
  }
  /* How long the entry has to live; 0: it stays. */
  result<std::chrono::milliseconds> ttl(const blob& key,
                                        std::nothrow_t) const noexcept {
    std::uint64_t ms = 0;
    result<void> done = call(uvshm_map_get_ttl, key.data(), key.size(), &ms);
    if (!done) return done.error();
    return std::chrono::milliseconds(ms);
  }
  std::chrono::milliseconds ttl(const blob& key) const {
    return ttl(key, std::nothrow).value();
  }
  /* for (auto& entry : map.entries()) ... An error is thrown; with std::nothrow
   * the range ends there and has it. */
  map_range entries() const {
    return {detail::access::keep(*this), false};
  }
  map_range entries(std::nothrow_t) const {
    return {detail::access::keep(*this), true};
  }
  result<map_info> info(std::nothrow_t) const noexcept {
    return call_info<map_info>(uvshm_map_info);
  }
  map_info info() const {
    return info(std::nothrow).value();
  }

  /* ---- writing ------------------------------------------------------------*/

  result<void> put(const blob& key,
                   const blob& value,
                   std::nothrow_t) noexcept {
    return call(
        uvshm_map_put, key.data(), key.size(), value.data(), value.size());
  }
  void put(const blob& key, const blob& value) {
    put(key, value, std::nothrow).value();
  }
  /* False: the key was there. */
  result<bool> put_if_absent(const blob& key,
                             const blob& value,
                             std::nothrow_t) noexcept {
    return unless(errc::eexist,
                  call(uvshm_map_put_if_absent,
                       key.data(),
                       key.size(),
                       value.data(),
                       value.size()));
  }
  bool put_if_absent(const blob& key, const blob& value) {
    return put_if_absent(key, value, std::nothrow).value();
  }
  /* False: the key has another version by now, or was removed. Else `version`
   * becomes the new one. */
  result<bool> replace_if(const blob& key,
                          const blob& value,
                          std::uint64_t& version,
                          std::nothrow_t) noexcept {
    result<void> done = call(uvshm_map_replace_if,
                             key.data(),
                             key.size(),
                             value.data(),
                             value.size(),
                             &version);
    if (!done && done.error() == errc::enoent) return false;
    return unless(errc::eagain, done);
  }
  bool replace_if(const blob& key, const blob& value, std::uint64_t& version) {
    return replace_if(key, value, version, std::nothrow).value();
  }
  /* False: it was not there. */
  result<bool> remove(const blob& key, std::nothrow_t) noexcept {
    return unless(errc::enoent, call(uvshm_map_remove, key.data(), key.size()));
  }
  bool remove(const blob& key) {
    return remove(key, std::nothrow).value();
  }
  /* Get and remove at once. T is a plain type. A value of another size is
   * errc::emsgsize; a larger one stays. */
  template <class T>
  result<T> take(const blob& key, std::nothrow_t) {
    static_assert(!detail::is_dynamic<T>::value,
                  "uvshm: take() needs a type of one size");
    if (get() == nullptr) return detail::closed();
    return detail::read_value<T>([&](void* to, std::size_t* size) {
      return uvshm_map_take(get(), key.data(), key.size(), to, size);
    });
  }
  template <class T>
  std::optional<T> take(const blob& key) {
    return found(take<T>(key, std::nothrow));
  }
  /* Add to a counter of 64 bits, made when it is not there; the new value. */
  result<std::int64_t> add(const blob& key,
                           std::int64_t delta,
                           std::nothrow_t) noexcept {
    std::int64_t sum = 0;
    result<void> done =
        call(uvshm_map_add, key.data(), key.size(), delta, &sum);
    if (!done) return done.error();
    return sum;
  }
  std::int64_t add(const blob& key, std::int64_t delta = 1) {
    return add(key, delta, std::nothrow).value();
  }
  /* Let the entry end after that time; uvshm::forever: let it stay. */
  result<void> expire(const blob& key, timeout after, std::nothrow_t) noexcept {
    std::uint64_t ms = after.ms();
    ms = ms == UVSHM_FOREVER ? 0 : ms == 0 ? 1 : ms;
    return call(uvshm_map_expire, key.data(), key.size(), ms);
  }
  void expire(const blob& key, timeout after) {
    expire(key, after, std::nothrow).value();
  }
  /* Free what is over; how many entries. */
  result<std::uint64_t> sweep(std::nothrow_t) noexcept {
    std::uint64_t removed = 0;
    result<void> done = call(uvshm_map_sweep, &removed);
    if (!done) return done.error();
    return removed;
  }
  std::uint64_t sweep() {
    return sweep(std::nothrow).value();
  }
  result<void> clear(std::nothrow_t) noexcept {
    return call(uvshm_map_clear);
  }
  void clear() {
    clear(std::nothrow).value();
  }

  /* ---- waiting ------------------------------------------------------------*/

  /* Until the version of a key is not `version` any more (0: it is not there),
   * which then becomes what it is. False: not in time. */
  result<bool> wait(const blob& key,
                    std::uint64_t& version,
                    timeout wait,
                    std::nothrow_t) noexcept {
    return unless(errc::etimedout,
                  call(uvshm_map_wait_change,
                       key.data(),
                       key.size(),
                       &version,
                       wait.ms()));
  }
  bool wait(const blob& key, std::uint64_t& version, timeout wait) {
    return this->wait(key, version, wait, std::nothrow).value();
  }
  /* Until anything has changed since info().changes was `changes`. */
  result<bool> wait_any(std::uint64_t& changes,
                        timeout wait,
                        std::nothrow_t) noexcept {
    const void* none = nullptr;
    return unless(
        errc::etimedout,
        call(uvshm_map_wait_change, none, std::size_t{0}, &changes, wait.ms()));
  }
  bool wait_any(std::uint64_t& changes, timeout wait) {
    return wait_any(changes, wait, std::nothrow).value();
  }

  using handle::get; /* the C handle */

 private:
  /* This one failure is a `false`. */
  static result<bool> unless(errc code, const result<void>& done) noexcept {
    if (done) return true;
    if (done.error() == code) return false;
    return done.error();
  }
  template <class T>
  static std::optional<T> found(result<T>&& done) {
    if (done) return std::move(*done);
    if (done.error() != errc::enoent) detail::raise(done.error());
    return std::nullopt;
  }
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_MAP_HPP_ */
