/* SPDX-License-Identifier: MIT */

/* object: what the classes share whose objects lie in a segment or are known by
 * their name alone: mutex, map, channel ... */

#ifndef UVSHM_OBJECT_HPP_
#define UVSHM_OBJECT_HPP_

#include "uvshm/segment.hpp"

namespace uvshm {
inline namespace UVSHM_MODE {

namespace detail {

/* The base of what lies in a segment or is known by its name alone: D is the
 * class, Options the struct that C takes, with a constructor. */
template <class D, class Api, class Options>
class object : public handle<Api> {
 public:
  /* As the C function. The object keeps the segment open. */
  static result<D> open(const segment& in,
                        zstring name,
                        const Options& options = {}) noexcept {
    if (!in) return closed();
    return open_in(&in, name, options);
  }
  static result<D> open(zstring name, const Options& options = {}) noexcept {
    return open_in(nullptr, name, options);
  }
  /* Remove the name. */
  static result<void> unlink(const segment& in,
                             zstring name,
                             std::nothrow_t) noexcept {
    if (!in) return closed();
    return check(Api::unlink(in.get(), name.c_str(), 0));
  }
  static void unlink(const segment& in, zstring name) {
    unlink(in, name, std::nothrow).value();
  }
  /* `flags`: 0 or UVSHM_SYSTEM. */
  static result<void> unlink(zstring name,
                             std::uint32_t flags,
                             std::nothrow_t) noexcept {
    return check(Api::unlink(nullptr, name.c_str(), flags));
  }
  static void unlink(zstring name, std::uint32_t flags = 0) {
    unlink(name, flags, std::nothrow).value();
  }
  /* Wake the blocked calls on this handle with errc::ecanceled, and refuse
   * those that would block from now on. Any thread. Nothing when empty. */
  void cancel() noexcept {
    if (this->get() != nullptr) Api::cancel(this->get());
  }

 protected:
  object() noexcept = default;

 private:
  static result<D> open_in(const segment* in,
                           zstring name,
                           const Options& options) noexcept {
    typename Api::type* c = nullptr;
    int code = Api::open(
        &c, in == nullptr ? nullptr : in->get(), name.c_str(), &options);
    D made;
    result<void> done = static_cast<object&>(made).own(
        code, c, in == nullptr ? nullptr : access::box_of(*in));
    if (!done) return done.error();
    return made;
  }
};

} /* namespace detail */
} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_OBJECT_HPP_ */
