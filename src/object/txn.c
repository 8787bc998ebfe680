/* SPDX-License-Identifier: MIT */

/* The public face of transactions. The algorithm is core/txn.c; here a
 * transaction gets its mutex, is kept to its thread, and failures get their
 * sentences. */

#include "uvshm/txn.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/heap.h"
#include "core/txn.h"
#include "object/marks.h"
#include "object/mutex.h"

#include <string.h>

/* What the caller keeps for us. */
_Static_assert(sizeof(struct uvshm__txn) <=
                   sizeof(((uvshm_txn_t*) 0)->reserved),
               "a transaction fits");
_Static_assert(_Alignof(struct uvshm__txn) <= _Alignof(uvshm_txn_t),
               "a transaction fits");


static struct uvshm__txn* inside(uvshm_txn_t* txn) {
  return (struct uvshm__txn*) (void*) txn->reserved;
}

/* ---- begin --------------------------------------------------------------- */

static int cannot_begin(const uvshm_mutex_t* mutex,
                        int err,
                        unsigned int failures) {
  return uvshm__fail(err,
                     "cannot begin a transaction on \"%s\": %s",
                     mutex->named.name,
                     uvshm__reason(err, failures));
}


static int check_begin(uvshm_mutex_t* mutex, struct uvshm__lane** lane) {
  unsigned int failures = uvshm__error_count();
  int err = 0;

  if (*lane == NULL) err = uvshm__mutex_lane_get(mutex, lane);
  if (err == 0 && mutex->log_size == 0)
    err = uvshm__fail(UV_EINVAL, "it was made without log_size");
  if (err == 0 && uvshm__lane_in_txn(*lane))
    err = uvshm__fail(UV_EINVAL, "this thread is in a transaction already");
  return err < 0 ? cannot_begin(mutex, err, failures) : 0;
}


int uvshm_txn_begin(uvshm_txn_t* txn,
                    uvshm_mutex_t* mutex,
                    uint64_t timeout_ms) {
  struct uvshm__lane* lane = uvshm__mutex_lane(mutex);
  uvshm__a64_t* calm;
  int news;

  if (lane == NULL || mutex->log_size == 0 || uvshm__lane_in_txn(lane)) {
    news = check_begin(mutex, &lane);
    if (news < 0) return news;
  }
  news = 0;
  if (!uvshm__mutex_is_there(mutex) ||
      !uvshm__lock_take(lane, mutex->lock, mutex->place)) {
    news = uvshm_mutex_lock(mutex, timeout_ms);
    if (news < 0) return news;
  }
  UVSHM__SYNCED();
  calm = &mutex->named.attach->calm;
  if (uvshm__a64_load_relaxed(calm) != 0) uvshm__a64_store_relaxed(calm, 0);
  uvshm__txn_begin(inside(txn), lane, mutex->lock, mutex->log, mutex->log_size);
  txn->mutex = mutex;
  return news;
}

/* ---- inside -------------------------------------------------------------- */

UVSHM__RARE static int check_slow(const uvshm_txn_t* txn,
                                  const struct uvshm__lane* owner) {
  uvshm_mutex_t* mutex = txn->mutex;
  struct uvshm__lane* lane;

  if (mutex == NULL || owner == NULL)
    return uvshm__fail(UV_EINVAL, "the transaction has ended");
  if (!uvshm__attach_is_ours(mutex->named.attach))
    return uvshm__attach_usable(mutex->named.attach);
  if (uvshm__lane_have(mutex->named.attach, &lane) < 0 || lane != owner)
    return uvshm__fail(UV_EINVAL,
                       "the transaction on \"%s\" is another thread's",
                       mutex->named.name);
  if (lane->txn != mutex->place)
    return uvshm__fail(
        UV_EINVAL, "the transaction on \"%s\" has ended", mutex->named.name);
  return 0;
}


/* Is it this thread's, and not over? */
static inline int check(uvshm_txn_t* txn) {
  const struct uvshm__lane* lane = inside(txn)->lane;
  const uvshm_mutex_t* mutex = txn->mutex;

  if (lane != NULL && mutex != NULL && uvshm__mutex_lane(mutex) == lane &&
      lane->txn == mutex->place)
    return 0;
  return check_slow(txn, lane);
}


UVSHM__RARE static int failed(const uvshm_txn_t* txn,
                              const char* what,
                              int err,
                              unsigned int failures) {
  return uvshm__fail(err,
                     "cannot %s in the transaction on \"%s\": %s",
                     what,
                     txn->mutex->named.name,
                     uvshm__reason(err, failures));
}


int uvshm_txn_save(uvshm_txn_t* txn, const void* address, size_t size) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__txn* in = inside(txn);
  int err = check(txn);

  if (err < 0) return err;
  err = uvshm__txn_save(in, uvshm__heap_ref(in->lane->core, address), size);
  return err < 0 ? failed(txn, "save", err, failures) : 0;
}

/* ---- blocks -------------------------------------------------------------- */

static uint64_t ref_of(const struct uvshm__txn* in, const void* address) {
  return uvshm__heap_ref(in->lane->core, address);
}


int uvshm_txn_alloc(uvshm_txn_t* txn, void** block, size_t size) {
  unsigned int failures = uvshm__error_count();
  const struct uvshm__core* core = inside(txn)->lane->core;
  uint64_t ref = 0;
  int err = check(txn);

  if (err < 0) return err;
  err = uvshm__txn_alloc(inside(txn), size, &ref);
  if (err < 0) return failed(txn, "allocate", err, failures);
  *block = uvshm__heap_at(core, ref, uvshm__heap_size(core, ref));
  return 0;
}


int uvshm_txn_free(uvshm_txn_t* txn, void* block) {
  unsigned int failures = uvshm__error_count();
  int err = check(txn);

  if (err < 0 || block == NULL) return err;
  err = uvshm__txn_free(inside(txn), ref_of(inside(txn), block));
  return err < 0 ? failed(txn, "free", err, failures) : 0;
}


int uvshm_txn_publish(uvshm_txn_t* txn, uvshm_ref_t* slot, void* block) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__txn* in = inside(txn);
  int err = check(txn);

  if (err < 0) return err;
  err = uvshm__txn_publish(in, ref_of(in, slot), ref_of(in, block));
  return err < 0 ? failed(txn, "publish", err, failures) : 0;
}

/* ---- the end ------------------------------------------------------------- */

/* Of a process that was declared dead the lock is not held; its lane is told
 * to forget it. */
static int end(uvshm_txn_t* txn, int err) {
  uvshm_mutex_t* mutex = txn->mutex;

  txn->mutex = NULL;
  if (!uvshm__lock_give(inside(txn)->lane, mutex->lock, mutex->place))
    (void) uvshm__lock_release(inside(txn)->lane, mutex->lock);
  if (err == 0) return 0;
  return uvshm__fail(err,
                     "the transaction on \"%s\" was taken back: this process "
                     "was declared dead",
                     mutex->named.name);
}


int uvshm_txn_commit(uvshm_txn_t* txn) {
  int err = check(txn);

  return err < 0 ? err : end(txn, uvshm__txn_commit(inside(txn)));
}


int uvshm_txn_abort(uvshm_txn_t* txn) {
  int err = check(txn);

  return err < 0 ? err : end(txn, uvshm__txn_abort(inside(txn)));
}
