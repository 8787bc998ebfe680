/* SPDX-License-Identifier: MIT */

/* cell: the latest value of one thing (cell.h).
 *
 *   uvshm::cell position(segment, "position", {0, sizeof(point)});
 *   position.write(point{1, 2});
 *   point now = position.read<point>();
 */

#ifndef UVSHM_CELL_HPP_
#define UVSHM_CELL_HPP_

#include "uvshm/cell.h"
#include "uvshm/object.hpp"
#include "uvshm/pin.hpp"
#include "uvshm/value.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

struct cell_options : uvshm_cell_options_t {
  cell_options(std::uint32_t flags_ = 0, std::uint64_t size_ = 0) noexcept
      : uvshm_cell_options_t() {
    flags = flags_;
    size = size_;
  }
};

using cell_info = uvshm_cell_info_t;

namespace detail {

struct cell_api {
  using type = uvshm_cell_t;
  static int open(type** c,
                  uvshm_segment_t* in,
                  const char* name,
                  const uvshm_cell_options_t* options) noexcept {
    return uvshm_cell_open(c, in, name, options);
  }
  static void close(type* c) noexcept {
    uvshm_cell_close(c);
  }
  static int unlink(uvshm_segment_t* in,
                    const char* name,
                    std::uint32_t flags) noexcept {
    return uvshm_cell_unlink(in, name, flags);
  }
  static void cancel(type* c) noexcept {
    uvshm_cell_cancel(c);
  }
};

} /* namespace detail */

class cell : public detail::object<cell, detail::cell_api, cell_options> {
 public:
  /* Empty. */
  cell() noexcept = default;
  /* Find or make it. */
  explicit cell(zstring name, const cell_options& options = {})
      : cell(open(name, options).value()) {
  }
  cell(const segment& in, zstring name, const cell_options& options = {})
      : cell(open(in, name, options).value()) {
  }

  result<void> write(const blob& value, std::nothrow_t) noexcept {
    return call(uvshm_cell_write, value.data(), value.size());
  }
  void write(const blob& value) {
    write(value, std::nothrow).value();
  }
  /* A copy of the latest value, and its version. T as of uvshm::map.
   * errc::enoent: nothing was written yet. */
  template <class T>
  result<T> read(std::uint64_t* version, std::nothrow_t) const {
    if (get() == nullptr) return detail::closed();
    if constexpr (!detail::is_dynamic<T>::value) {
      return detail::read_value<T>([&](void* to, std::size_t* size) {
        return uvshm_cell_read(get(), to, size, version);
      });
    } else {
      cell_info now{};
      int code = uvshm_cell_info(get(), &now);
      if (code < 0) return error(code);
      std::vector<std::byte> room(static_cast<std::size_t>(now.size_max));
      std::size_t size = room.size();
      code = uvshm_cell_read(get(), room.data(), &size, version);
      if (code < 0) return error(code);
      return detail::value_of<T>(room.data(), size);
    }
  }
  template <class T>
  T read(std::uint64_t* version = nullptr) const {
    return read<T>(version, std::nothrow).value();
  }
  /* The same into a buffer; how many bytes it has. */
  result<std::size_t> read(span<std::byte> room,
                           std::uint64_t* version,
                           std::nothrow_t) const noexcept {
    std::size_t size = room.size();
    result<void> done = call(uvshm_cell_read, room.data(), &size, version);
    if (!done) return done.error();
    return size;
  }

  /* ---- in place -----------------------------------------------------------*/

  /* The latest value where it lies. */
  result<cell_pin> peek(std::nothrow_t) const noexcept {
    const void* bytes = nullptr;
    std::size_t size = 0;
    std::uint64_t version = 0;
    result<void> done = call(uvshm_cell_peek, &bytes, &size, &version);
    if (!done) return done.error();
    return cell_pin(
        get(), static_cast<const std::byte*>(bytes), size, version, box());
  }
  cell_pin peek() const {
    return peek(std::nothrow).value();
  }
  /* A buffer for the next value. */
  result<cell_claim> claim(std::nothrow_t) noexcept {
    void* bytes = nullptr;
    cell_info now{};
    if (get() == nullptr) return detail::closed();
    int code = uvshm_cell_info(get(), &now);
    if (code == 0) code = uvshm_cell_claim(get(), &bytes);
    if (code < 0) return error(code);
    return cell_claim(get(),
                      static_cast<std::byte*>(bytes),
                      static_cast<std::size_t>(now.size_max),
                      box());
  }
  cell_claim claim() {
    return claim(std::nothrow).value();
  }

  /* ---- news ---------------------------------------------------------------*/

  /* Until the version is not `version` any more, which then becomes what it is.
   * False: not in time. */
  result<bool> wait(std::uint64_t& version,
                    timeout wait,
                    std::nothrow_t) noexcept {
    result<void> done = call(uvshm_cell_wait, &version, wait.ms());
    if (done) return true;
    if (detail::is_late(done.error())) return false;
    return done.error();
  }
  bool wait(std::uint64_t& version, timeout wait = forever) {
    return this->wait(version, wait, std::nothrow).value();
  }
  result<cell_info> info(std::nothrow_t) const noexcept {
    return call_info<cell_info>(uvshm_cell_info);
  }
  cell_info info() const {
    return info(std::nothrow).value();
  }
  result<void> rejoin(std::nothrow_t) noexcept {
    return call(uvshm_cell_rejoin);
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

#endif /* UVSHM_CELL_HPP_ */
