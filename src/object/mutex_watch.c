/* SPDX-License-Identifier: MIT */

/* Waiting for a lock on a loop, without a thread that sleeps: the lock's word
 * is told that somebody waits, as a sleeper does, and whoever gives such a lock
 * back raises a signal that all locks of the object share. The loop then tries.
 * It may lose against others, and says anew that it waits.
 *
 * A lock has no room for a signal of its own. That one is for all costs nobody
 * anything but a loop that waits for another lock of the same segment.
 */

#include "object/watchable.h"

#include "core/signal.h"
#include "object/mutex.h"


/* The owner is dead, or nobody: a try will repair that. */
static int owner_is_dead(const uvshm_mutex_t* mutex) {
  const struct uvshm__core* core = &mutex->named.attach->core;
  uint32_t word = uvshm__a32_load_acquire(&mutex->lock->word);
  uint32_t slot = 0;

  if (uvshm__lock_judge(core, mutex->lock, word, &slot) != UVSHM__LOCK_OWNED)
    return 1;
  return slot != core->slot && !core->env->alive(core->env_arg, slot);
}


static int ready(struct uvshm__watchable* watchable) {
  uvshm_mutex_t* mutex = watchable->object;

  if (!uvshm__named_is_there(&mutex->named)) return UV_ENXIO;
  if (uvshm__lock_announce(mutex->lock)) return 1;
  return watchable->look ? owner_is_dead(mutex) : 0;
}


static int take(struct uvshm__watchable* watchable) {
  int err = uvshm_mutex_lock(watchable->object, 0);

  return err == UV_EBUSY ? UV_EAGAIN : err;
}


int uvshm__mutex_watchable(struct uvshm_mutex_s* mutex,
                           struct uvshm__watchable* watchable) {
  static const struct uvshm__watch_ops ops = {ready, take, NULL};
  int err;

  if (UVSHM__IS_NATIVE(mutex))
    return uvshm__mutex_native_refuse(mutex, "be watched: lock it in a thread");
  err = uvshm__named_usable(&mutex->named);
  if (err < 0) return err;
  watchable->ops = &ops;
  watchable->attach = mutex->named.attach;
  watchable->signal = uvshm__locks_news(&mutex->named.attach->core);
  watchable->object = mutex;
  return 0;
}
