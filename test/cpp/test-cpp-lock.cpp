/* SPDX-License-Identifier: MIT */

/* Locks as the standard library uses them, and what becomes of the news that an
 * owner died. */

#include "check.hpp"

#include <uvshm.hpp>

#include <mutex>
#include <shared_mutex>

using namespace std::chrono_literals;
using uvshm::mutex;
using uvshm::rwlock;

/* After a kill the system may take its time, on a busy machine. */
static constexpr auto soon = 15s;

/* ---- roles ----------------------------------------------------------------*/

/* Lock the mutex argv[0], or the rwlock when there are two arguments, and hold
 * it until told. */
static int role_owner(int argc, char** argv) {
  if (argc > 1) {
    rwlock lock(argv[0]);
    std::unique_lock<rwlock> held(lock, soon);
    test_say("held %d", held.owns_lock() ? 1 : 0);
    (void) test_hear();
    return 0;
  }
  mutex lock(argv[0]);
  std::unique_lock<mutex> held(lock, soon);
  test_say("held %d", held.owns_lock() ? 1 : 0);
  (void) test_hear();
  return 0;
}


/* Add to a counter in a region, under the mutex, many times. */
static int role_adder(int, char** argv) {
  mutex lock(argv[0]);
  uvshm::region region(argv[1]);
  volatile std::uint64_t& counter = region.as<std::uint64_t>();

  test_say("ready");
  if (test_hear() == nullptr) return 1;
  for (int i = 0; i < 3000; i++) {
    std::lock_guard<mutex> held(lock);
    counter = counter + 1;
  }
  return 0;
}


/* Wait with a cond until a number in a region is not 0; say what it is. */
static int role_waiter(int, char** argv) {
  std::string name = argv[0];
  mutex lock(name + ".lock");
  uvshm::cond cond(name + ".cond");
  uvshm::region region(name);
  std::uint64_t& number = region.as<std::uint64_t>();

  test_say("ready");
  std::unique_lock<mutex> held(lock);
  cond.wait(held, [&] { return number != 0; });
  test_say("%d", static_cast<int>(number));
  return 0;
}


/* Come to the barrier, then wait for the event. */
static int role_comer(int, char** argv) {
  std::string name = argv[0];
  uvshm::event event(name + ".event", UVSHM_EVENT_MANUAL);
  uvshm::barrier barrier(name + ".barrier", {0, 2});
  uvshm::sem sem(name + ".sem");

  (void) barrier.wait(soon);
  if (!event.wait(soon)) return 1;
  sem.post(2);
  (void) test_hear();
  return 0;
}

/* ---- cases ----------------------------------------------------------------*/

static void kill_owner(const std::string& name, bool is_rwlock = false) {
  check::child owner("owner", name.c_str(), is_rwlock ? "rwlock" : nullptr);
  owner.expect("held 1");
  owner.kill();
}


TEST(mutex_works_with_the_guards_of_the_standard_library) {
  mutex a(check::fresh("a"));
  mutex b(check::fresh("b"));

  {
    std::lock_guard<mutex> held(a);
    CHECK(a.info().locked == 1);
  }
  {
    std::scoped_lock both(a, b);
    CHECK(a.info().locked == 1 && b.info().locked == 1);
  }
  {
    std::unique_lock<mutex> held(a, std::try_to_lock);
    CHECK(held.owns_lock());
    std::unique_lock<mutex> moved(std::move(held));
    CHECK(moved.owns_lock() && !held.owns_lock());
  }
  CHECK(a.info().locked == 0 && b.info().locked == 0);
}


TEST(mutex_held_elsewhere_is_not_had_in_time) {
  std::string name = check::fresh("elsewhere");
  mutex lock(name);
  check::child owner("owner", name.c_str());

  owner.expect("held 1");
  CHECK(!lock.try_lock());
  CHECK(!lock.try_lock_for(20ms));
  CHECK(!lock.try_lock_until(std::chrono::steady_clock::now() + 20ms));
  CHECK(!lock.try_lock_until(std::chrono::system_clock::now() - 1s));
  std::unique_lock<mutex> held(lock, 10ms);
  CHECK(!held.owns_lock());
  CHECK_THROWS(etimedout, (void) lock.acquire(10ms));
  auto none = lock.acquire(0s, std::nothrow);
  CHECK(!none && none.error() == uvshm::errc::ebusy);
  CHECK(lock.info().owner_alive == 1);
  owner.tell("end");
  CHECK(owner.join() == 0);
  CHECK(lock.try_lock_for(soon));
  CHECK_THROWS(einval, lock.lock()); /* this thread has it */
  lock.unlock();
  lock.unlock(); /* nothing */
  CHECK(lock.unlock(std::nothrow).error() == uvshm::errc::eperm);
}


TEST(mutex_guard_tells_of_a_dead_owner) {
  std::string name = check::fresh("guard");
  mutex lock(name);

  kill_owner(name);
  {
    auto held = lock.acquire(soon);
    CHECK(held.owner_died());
    CHECK(lock.info().locked == 1);
  }
  auto held = lock.acquire(0s);
  CHECK(!held.owner_died());
  held.unlock();
  CHECK(!held && lock.info().locked == 0);
}


TEST(mutex_guard_that_was_not_asked_passes_the_news_on) {
  std::string name = check::fresh("pass");
  mutex lock(name);

  kill_owner(name);
  {
    auto held = lock.acquire(soon);
    auto moved = std::move(held);
  }
  CHECK(lock.info().owner_died == 1);
  CHECK(lock.acquire().owner_died());
}


TEST(mutex_guard_left_by_an_exception_in_the_mending_passes_the_news_on) {
  std::string name = check::fresh("mending");
  mutex lock(name);

  kill_owner(name);
  try {
    auto held = lock.acquire(soon);
    if (held.owner_died()) throw 1;
  } catch (int) {
  }
  CHECK(lock.info().owner_died == 1);
  {
    auto held = lock.acquire();
    CHECK(held.owner_died());
    held.abandon();
  }
  CHECK(lock.acquire().owner_died());
  /* Without news an exception just unlocks. */
  try {
    auto held = lock.acquire();
    throw 1;
  } catch (int) {
  }
  CHECK(lock.info().owner_died == 0);
}


TEST(mutex_lock_without_a_mender_throws_and_leaves_the_news) {
  std::string name = check::fresh("throws");
  mutex lock(name);

  kill_owner(name);
  for (int i = 0; i < 3; i++) {
    bool told = false;
    try {
      std::unique_lock<mutex> held(lock, soon);
    } catch (const uvshm::owner_died& e) {
      told = e.code().value() == UVSHM_OWNER_DIED && *e.what() != '\0';
    }
    CHECK(told);
    CHECK(lock.info().locked == 0 && lock.info().owner_died == 1);
  }
  CHECK(lock.lock(0s, std::nothrow).value() == uvshm::news::owner_died);
  lock.unlock();
  CHECK(lock.try_lock());
  lock.unlock();
}


TEST(mutex_lock_with_a_mender_mends_first) {
  std::string name = check::fresh("mender");
  mutex lock(name);
  int mended = 0;
  bool fails = true;

  lock.on_owner_died([&] {
    CHECK(lock.info().locked == 1);
    if (fails) throw std::string("cannot");
    mended++;
  });
  kill_owner(name);
  try {
    lock.lock();
    CHECK(false);
  } catch (const std::string&) {
  }
  CHECK(lock.info().locked == 0 && lock.info().owner_died == 1);
  fails = false;
  {
    std::scoped_lock held(lock);
    CHECK(mended == 1);
  }
  mutex moved(std::move(lock));
  CHECK(moved.try_lock() && mended == 1);
  moved.unlock();
}


TEST(mutex_keeps_a_plain_counter_exact) {
  std::string name = check::fresh("exact");
  std::string lock_name = name + ".lock";
  uvshm::region region(name, {UVSHM_CREATE, 8});
  mutex lock(lock_name);
  check::child a("adder", lock_name.c_str(), name.c_str());
  check::child b("adder", lock_name.c_str(), name.c_str());

  a.expect("ready");
  b.expect("ready");
  a.tell("go");
  b.tell("go");
  CHECK(a.join() == 0 && b.join() == 0);
  CHECK(region.as<std::uint64_t>() == 6000);
}


TEST(mutex_in_a_segment_is_recursive_on_request_and_cancelled) {
  uvshm::segment segment(check::fresh("segment"), {UVSHM_CREATE});
  mutex lock(segment, "lock", UVSHM_MUTEX_RECURSIVE);

  {
    std::lock_guard<mutex> once(lock);
    std::lock_guard<mutex> twice(lock);
    CHECK(lock.info().depth == 2);
  }
  CHECK(mutex::open(segment, "lock").error() == uvshm::errc::eprototype);
  CHECK(mutex::open(segment, "none", UVSHM_EXISTING).error() ==
        uvshm::errc::enoent);
  mutex::unlink(segment, "lock");
  CHECK_THROWS(enxio, lock.lock());
  lock.cancel();
}


TEST(rwlock_works_with_the_guards_of_the_standard_library) {
  rwlock lock(check::fresh("rw"));
  uv_thread_t thread;

  {
    std::shared_lock<rwlock> reading(lock);
    CHECK(uv_thread_create(
              &thread,
              [](void* arg) {
                rwlock& other = *static_cast<rwlock*>(arg);
                CHECK(std::shared_lock<rwlock>(other, 0ms).owns_lock());
                CHECK(!other.try_lock_for(10ms));
              },
              &lock) == 0);
    uv_thread_join(&thread);
    CHECK(lock.info().readers == 1);
  }
  {
    std::unique_lock<rwlock> writing(lock);
    CHECK(uv_thread_create(
              &thread,
              [](void* arg) {
                rwlock& other = *static_cast<rwlock*>(arg);
                CHECK(!other.try_lock_shared());
                CHECK(!other.try_lock_shared_for(10ms));
                CHECK(!other.try_lock_shared_until(
                    std::chrono::system_clock::now() + 10ms));
              },
              &lock) == 0);
    uv_thread_join(&thread);
    lock.downgrade();
    CHECK(lock.info().readers == 1);
    CHECK(lock.upgrade(soon, std::nothrow).has_value());
  }
  std::scoped_lock held(lock);
}


TEST(rwlock_dead_writer_is_told_to_readers_and_one_writer) {
  std::string name = check::fresh("rw-died");
  rwlock lock(name);

  kill_owner(name, true);
  {
    auto reading = lock.acquire_shared(soon);
    CHECK(reading.owner_died());
  }
  bool told = false;
  try {
    lock.lock_shared();
  } catch (const uvshm::owner_died&) {
    told = true;
  }
  CHECK(told && lock.info().readers == 0);
  (void) lock.acquire(soon); /* not asked */
  {
    auto writing = lock.acquire(soon);
    CHECK(writing.owner_died());
  }
  CHECK(!lock.acquire().owner_died());
  std::shared_lock<rwlock> reading(lock);
}


TEST(rwlock_reader_with_a_mender_mends_as_a_writer) {
  std::string name = check::fresh("rw-mends");
  rwlock lock(name);
  int mended = 0;

  lock.on_owner_died([&] {
    CHECK(lock.info().locked == 1);
    mended++;
  });
  kill_owner(name, true);
  {
    std::shared_lock<rwlock> reading(lock, soon);
    CHECK(reading.owns_lock());
    CHECK(mended == 1 && lock.info().readers == 1);
  }
  CHECK(lock.try_lock() && mended == 1);
  lock.unlock();
}


TEST(cond_waits_with_a_unique_lock_across_processes) {
  std::string name = check::fresh("cond");
  uvshm::region region(name, {UVSHM_CREATE, 8});
  mutex lock(name + ".lock");
  uvshm::cond cond(name + ".cond");
  check::child waiter("waiter", name.c_str());

  waiter.expect("ready");
  test_sleep_ms(50); /* so that it sleeps */
  {
    std::lock_guard<mutex> held(lock);
    region.as<std::uint64_t>() = 7;
  }
  cond.signal();
  waiter.expect("7");
  CHECK(waiter.join() == 0);
  std::unique_lock<mutex> held(lock);
  CHECK(!cond.wait(held, 20ms));
  CHECK(held.owns_lock() && lock.info().locked == 1);
  CHECK(!cond.wait(held, 20ms, [] { return false; }));
  CHECK(cond.wait(held, 0ms, [] { return true; }));
  held.unlock();
  CHECK_THROWS(eperm, (void) cond.wait(held, 1s));
  cond.broadcast();
}


/* One that takes the mutex and dies while we wait, and a signal after that. */
class dying {
 public:
  dying(uvshm::cond& cond, const std::string& name)
      : cond_(&cond), name_(name) {
    CHECK(uv_thread_create(&thread_, run, this) == 0);
  }
  ~dying() {
    uv_thread_join(&thread_);
  }

 private:
  static void run(void* arg) {
    dying& self = *static_cast<dying*>(arg);
    test_sleep_ms(50);
    kill_owner(self.name_);
    self.cond_->signal();
  }

  uvshm::cond* cond_;
  std::string name_;
  uv_thread_t thread_;
};


TEST(cond_tells_of_a_dead_owner_and_the_lock_knows) {
  std::string name = check::fresh("cond-died");
  mutex lock(name);
  uvshm::cond cond(check::fresh("cond"));
  bool told = false;

  std::unique_lock<mutex> held(lock);
  try {
    dying other(cond, name);
    cond.wait(held, [] { return false; });
  } catch (const uvshm::owner_died&) {
    told = true;
  }
  CHECK(told && !held.owns_lock() && held.mutex() == &lock);
  CHECK(lock.info().owner_died == 1);

  {
    auto guard = lock.acquire();
    CHECK(guard.owner_died());
    dying other(cond, name);
    CHECK(cond.wait(guard, soon));
    CHECK(guard.owner_died());
  }

  int mended = 0;
  lock.on_owner_died([&] { mended++; });
  held.lock();
  dying other(cond, name);
  CHECK(cond.wait(held, soon, [&] { return mended == 1; }));
  CHECK(held.owns_lock());
}


TEST(sem_event_and_barrier_between_processes) {
  std::string name = check::fresh("three");
  uvshm::event event(name + ".event", UVSHM_EVENT_MANUAL);
  uvshm::barrier barrier(name + ".barrier", {0, 2});
  uvshm::sem sem(name + ".sem");
  check::child comer("comer", name.c_str());

  CHECK(!sem.wait(0ms) && !event.wait(0ms));
  (void) barrier.wait(soon);
  event.set();
  CHECK(sem.wait(soon));
  sem.wait();
  CHECK(!sem.wait(10ms));
  CHECK(sem.info().value == 0);
  event.reset();
  CHECK(event.info().set == 0);
  comer.kill();
  CHECK_THROWS(econnreset, (void) barrier.wait(soon));
  barrier.reset();
  CHECK_THROWS(etimedout, (void) barrier.wait(10ms));
  uvshm::event once(check::fresh("once"), UVSHM_EVENT_SET);
  CHECK(once.wait(1s) && !once.wait(0s));
  sem.post(UVSHM_SEM_VALUE_MAX);
  CHECK_THROWS(eoverflow, sem.post(1));
}

CHECK_MAIN({"owner", role_owner},
           {"adder", role_adder},
           {"waiter", role_waiter},
           {"comer", role_comer})
