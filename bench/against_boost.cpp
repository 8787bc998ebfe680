/* SPDX-License-Identifier: MIT */

/* Boost.Interprocess: interprocess_mutex (not robust), interprocess_semaphore,
 * managed_shared_memory. */

#include "bench.h"

#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>

#include <new>

namespace ipc = boost::interprocess;

static ipc::interprocess_mutex* mutex;
static ipc::interprocess_semaphore* sem;


static int mutex_prepare(void) {
  static_assert(sizeof(ipc::interprocess_mutex) <= sizeof(bench_ground->room),
                "it fits");
  mutex = new (bench_ground->room) ipc::interprocess_mutex;
  return 0;
}


static void mutex_run(uint64_t count) {
  while (count-- > 0) {
    mutex->lock();
    bench_ground->counter = bench_ground->counter + 1;
    mutex->unlock();
  }
}


static void mutex_turn(uint64_t count, uint32_t me) {
  while (count-- > 0) {
    mutex->lock();
    bench_critical(me);
    mutex->unlock();
  }
}


static void mutex_finish(void) {
  mutex->~interprocess_mutex();
}


static int segment_prepare(void) {
  const char* name = bench_name("boost");

  ipc::shared_memory_object::remove(name);
  ipc::managed_shared_memory made(ipc::create_only, name, bench_room);
  return 0;
}


static void segment_open_close(uint64_t count) {
  const char* name = bench_name("boost");

  while (count-- > 0) ipc::managed_shared_memory again(ipc::open_only, name);
}


static void segment_finish(void) {
  ipc::shared_memory_object::remove(bench_name("boost"));
}


static void segment_create_unlink(uint64_t count) {
  const char* name = bench_name("boost-new");

  while (count-- > 0) {
    {
      ipc::managed_shared_memory made(
          ipc::create_only, name, BENCH_OBJECT_SIZE);
    }
    ipc::shared_memory_object::remove(name);
  }
}


static int sem_prepare(void) {
  sem = new (bench_ground->room) ipc::interprocess_semaphore(0);
  return 0;
}


static void sem_notify(uint64_t count) {
  while (count-- > 0) sem->post();
}


static void sem_run(uint64_t count) {
  while (count-- > 0) {
    sem->post();
    sem->wait();
  }
}


static void sem_finish(void) {
  sem->~interprocess_semaphore();
}


extern "C" const struct bench_side* bench_boost(enum bench_what what) {
  static const struct bench_side mutexes = {"Boost",
                                            mutex_prepare,
                                            nullptr,
                                            mutex_run,
                                            mutex_turn,
                                            nullptr,
                                            mutex_finish,
                                            0};
  static const struct bench_side opened = {"Boost",
                                           segment_prepare,
                                           nullptr,
                                           segment_open_close,
                                           nullptr,
                                           nullptr,
                                           segment_finish,
                                           0};
  static const struct bench_side created = {"Boost",
                                            nullptr,
                                            nullptr,
                                            segment_create_unlink,
                                            nullptr,
                                            nullptr,
                                            nullptr,
                                            0};
  static const struct bench_side notified = {"Boost",
                                             sem_prepare,
                                             nullptr,
                                             sem_notify,
                                             nullptr,
                                             nullptr,
                                             sem_finish,
                                             0};
  static const struct bench_side sems = {
      "Boost", sem_prepare, nullptr, sem_run, nullptr, nullptr, sem_finish, 0};

  switch (what) {
    case BENCH_MUTEX:
      return &mutexes;
    case BENCH_SEGMENT_OPEN:
      return &opened;
    case BENCH_SEGMENT_CREATE:
      return &created;
    case BENCH_NOTIFY:
      return &notified;
    case BENCH_SEM:
      return &sems;
    default:
      return bench_boost_structure(what);
  }
}
