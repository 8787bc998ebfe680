/* SPDX-License-Identifier: MIT */

/* txn: several changes of your own structs, whole or not at all (txn.h).
 *
 *   uvshm::mutex till(segment, "till", {0, 4096});
 *   {
 *     uvshm::txn txn(till);
 *     txn.save(*a);                // killed from here on ...
 *     txn.save(*b);
 *     a->balance -= 100;
 *     b->balance += 100;
 *     txn.commit();                // ... to here: both or none
 *   }
 *
 * A block that is left without a commit, by an exception say, is aborted.
 */

#ifndef UVSHM_TXN_HPP_
#define UVSHM_TXN_HPP_

#include "uvshm/block.hpp"
#include "uvshm/mutex.hpp"
#include "uvshm/txn.h"

namespace uvshm {
inline namespace UVSHM_MODE {

/* Of the thread that began it; the mutex must stay open as long. */
class txn {
 public:
  /* Take the mutex and begin. */
  explicit txn(mutex& lock, timeout wait = forever)
      : txn(begin(lock, wait).value()) {
  }
  static result<txn> begin(mutex& lock, timeout wait) noexcept {
    uvshm_txn_t c;
    if (!lock) return detail::closed();
    int code = uvshm_txn_begin(&c, lock.get(), wait.ms());
    if (code < 0) return error(code);
    return txn(c, code == UVSHM_OWNER_DIED);
  }
  txn(txn&& other) noexcept : c_(other.c_), died_(other.died_) {
    other.c_.mutex = nullptr;
  }
  txn& operator=(txn&& other) noexcept {
    txn taken(std::move(other));
    std::swap(c_, taken.c_);
    std::swap(died_, taken.died_);
    return *this;
  }
  ~txn() {
    if (*this) (void) uvshm_txn_abort(&c_);
  }

  /* Is it under way? */
  explicit operator bool() const noexcept {
    return c_.mutex != nullptr;
  }
  /* Whoever had the mutex before has died. What its transaction had changed was
   * taken back; only what it may have changed under the plain lock is as it was
   * left. */
  bool owner_died() const noexcept {
    return died_;
  }

  /* Note an object before it is changed. */
  template <class T>
  result<void> save(const T& object, std::nothrow_t) noexcept {
    return save(&object, sizeof(T), std::nothrow);
  }
  template <class T>
  void save(const T& object) {
    save(&object, sizeof(T), std::nothrow).value();
  }
  result<void> save(const void* at, std::size_t size, std::nothrow_t) noexcept {
    return detail::check(uvshm_txn_save(&c_, at, size));
  }
  void save(const void* at, std::size_t size) {
    save(at, size, std::nothrow).value();
  }
  /* Memory for a T, of zeros. It belongs to all with the commit: store its
   * place in a word that was saved. An abort frees it and calls no
   * destructor. */
  template <class T>
  result<T*> alloc(std::nothrow_t) noexcept {
    detail::must_be_shareable<T>();
    static_assert(alignof(T) <= 64 && std::is_trivially_destructible_v<T>,
                  "uvshm: a transaction allocates plain types, aligned to 64 "
                  "at most");
    void* at = nullptr;
    int code = uvshm_txn_alloc(&c_, &at, sizeof(T));
    if (code < 0) return error(code);
    std::memset(at, 0, sizeof(T));
    return static_cast<T*>(at);
  }
  template <class T>
  T* alloc() {
    return alloc<T>(std::nothrow).value();
  }
  /* Free it with the commit, not before. */
  result<void> free(void* at, std::nothrow_t) noexcept {
    return detail::check(uvshm_txn_free(&c_, at));
  }
  void free(void* at) {
    free(at, std::nothrow).value();
  }
  /* Link a block in a word inside a block. It belongs to all with the commit,
   * so `made` is empty then; an abort leaves it to this process, unlinked,
   * until the segment is closed. */
  template <class T>
  result<void> publish(ref<T>& slot, block<T>&& made, std::nothrow_t) noexcept {
    int code = uvshm_txn_publish(&c_, &slot.place, made.get());
    if (code < 0) return error(code);
    (void) made.release();
    return {};
  }
  template <class T>
  void publish(ref<T>& slot, block<T>&& made) {
    publish(slot, std::move(made), std::nothrow).value();
  }

  /* Make it so. It is over then, also after errc::ecanceled; errc::einval: it
   * is another thread's, or was over. */
  result<void> commit(std::nothrow_t) noexcept {
    return over(uvshm_txn_commit(&c_));
  }
  void commit() {
    commit(std::nothrow).value();
  }
  /* Put back what was saved. It is over then, as after commit(). */
  result<void> abort(std::nothrow_t) noexcept {
    return over(uvshm_txn_abort(&c_));
  }
  void abort() {
    abort(std::nothrow).value();
  }

 private:
  txn(const uvshm_txn_t& c, bool died) noexcept : c_(c), died_(died) {
  }

  result<void> over(int code) noexcept {
    if (code != static_cast<int>(errc::einval)) c_.mutex = nullptr;
    return detail::check(code);
  }

  uvshm_txn_t c_;
  bool died_;
};

} /* namespace UVSHM_MODE */
} /* namespace uvshm */

#endif /* UVSHM_TXN_HPP_ */
