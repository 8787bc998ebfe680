/* SPDX-License-Identifier: MIT */

/* Boost.Interprocess: interprocess_sharable_mutex and interprocess_condition,
 * with its mutex, which is not robust. */

#include "bench.h"

#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>

#include <new>

namespace ipc = boost::interprocess;

struct locks {
  ipc::interprocess_sharable_mutex sharable;
  ipc::interprocess_mutex mutex;
  ipc::interprocess_condition condition;
};

static locks* all;


static int prepare(void) {
  static_assert(sizeof(locks) <= sizeof(bench_ground->room), "it fits");
  all = new (bench_ground->room) locks;
  return 0;
}


static void read_run(uint64_t count) {
  while (count-- > 0) {
    all->sharable.lock_sharable();
    all->sharable.unlock_sharable();
  }
}


static void signal_run(uint64_t count) {
  while (count-- > 0) all->condition.notify_one();
}


static void trip(uint64_t count, uint32_t me) {
  struct bench_ground* ground = bench_ground;

  while (count-- > 0) {
    {
      ipc::scoped_lock<ipc::interprocess_mutex> lock(all->mutex);

      while (ground->counter % 2 == (me == 2)) all->condition.wait(lock);
      ground->counter = ground->counter + 1;
    }
    all->condition.notify_one();
  }
}


static void finish(void) {
  all->~locks();
}


extern "C" const struct bench_side* bench_boost_locks(enum bench_what what) {
  static const struct bench_side sides[] = {
      {"Boost", prepare, nullptr, read_run, nullptr, nullptr, finish, 0},
      {"Boost", prepare, nullptr, signal_run, nullptr, nullptr, finish, 0},
      {"Boost", prepare, nullptr, nullptr, trip, nullptr, finish, 0}};

  return what < BENCH_RWLOCK_READ || what > BENCH_COND_TRIP
             ? nullptr
             : &sides[what - BENCH_RWLOCK_READ];
}
