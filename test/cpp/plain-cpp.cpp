/* SPDX-License-Identifier: MIT */

/* Everything without exceptions and without RTTI, by the forms that give a
 * result; in C++17 and in C++20. What the short forms do then, too. */

#include "check.hpp"

#include <uvshm.hpp>
#include <uvshm/watch.hpp>

#include <mutex>
#include <shared_mutex>

using namespace std::chrono_literals;

struct point {
  int x, y;
};

/* ---- roles ----------------------------------------------------------------*/

static int role_owner(int, char** argv) {
  auto lock = uvshm::mutex::open(argv[0]);

  if (!lock) return 1;
  auto held = lock->acquire(uvshm::forever, std::nothrow);
  test_say("held %d", held ? 1 : 0);
  (void) test_hear();
  return 0;
}


/* Calls a short form that fails, which ends the program. */
static int role_fails(int, char** argv) {
  uvshm::region none(argv[0]);
  test_say("went on");
  return 0;
}


static int role_locks(int, char** argv) {
  auto lock = uvshm::mutex::open(argv[0]);

  if (!lock) return 1;
  lock->lock(); /* its owner died, and nobody says how to mend */
  test_say("went on");
  return 0;
}

/* ---- cases ----------------------------------------------------------------*/

TEST(plain_region_and_segment_give_results) {
  std::string name = check::fresh("plain");
  auto none = uvshm::region::open(name);
  auto made = uvshm::region::open(name, {UVSHM_CREATE, 4096, 8192});

  CHECK(!none && none.error() == uvshm::errc::enoent);
  CHECK(made);
  auto at = made->as<point>(8, std::nothrow);
  CHECK(at);
  **at = {1, 2};
  CHECK(made->array<int>(0, 2, std::nothrow)->size() == 2);
  CHECK(made->as<point>(4090, std::nothrow).error() == uvshm::errc::enospc);
  CHECK(made->grow(8192, std::nothrow));
  CHECK(!made->grow(8193, std::nothrow));
  CHECK(made->info(std::nothrow)->size == 8192);
  CHECK(made->sync(0, 0, true, std::nothrow));
  uvshm::region moved = std::move(*made);
  CHECK(moved.as<point>(8, std::nothrow).value()->y == 2);
  CHECK(made->grow(1, std::nothrow).error() == uvshm::errc::einval);
  CHECK(uvshm::region::unlink(name, 0, std::nothrow));
#if UVSHM_HAS_SPAN
  static_assert(std::is_same_v<decltype(moved.bytes()), std::span<std::byte>>);
  std::span<const std::byte> view = moved.bytes();
#else
  uvshm::span<const std::byte> view = moved.bytes();
#endif
  CHECK(view.size() == 8192 && view.subspan(8, 4)[0] == std::byte{1});
}


TEST(plain_objects_give_results) {
  auto segment = uvshm::segment::open(check::fresh("objects"),
                                      {UVSHM_CREATE, 1 << 20, 1 << 22});
  CHECK(segment);
  auto map = uvshm::map::open(*segment, "map");
  auto cell = uvshm::cell::open(*segment, "cell", {0, sizeof(point)});
  auto sem = uvshm::sem::open(*segment, "sem", {0, 1});
  auto event = uvshm::event::open(*segment, "event");
  auto out = uvshm::channel::open(*segment, "c", {UVSHM_WRITER, 64, 16});
  auto in = uvshm::channel::open(*segment, "c", UVSHM_READER);
  auto till = uvshm::mutex::open(*segment, "till", {0, 4096});
  CHECK(map && cell && sem && event && out && in && till);

  CHECK(map->put("p", point{3, 4}, std::nothrow));
  CHECK(map->get<point>("p", std::nothrow)->y == 4);
  CHECK(map->get<int>("q", std::nothrow).error() == uvshm::errc::enoent);
  CHECK(map->add("n", 5, std::nothrow).value_or(0) == 5);
  CHECK(*map->contains("p", std::nothrow) && !*map->remove("x", std::nothrow));
  int entries = 0;
  for (auto& entry : map->entries(std::nothrow))
    entries += entry.key.size() == 1;
  CHECK(entries == 2);
  CHECK(cell->write(point{5, 6}, std::nothrow));
  CHECK(cell->read<point>(nullptr, std::nothrow)->x == 5);
  CHECK(cell->peek(std::nothrow)->as<point>()->y == 6);
  CHECK(sem->wait(0s, std::nothrow) && !sem->wait(0s, std::nothrow));
  CHECK(event->set(std::nothrow) && event->wait(0s, std::nothrow));
  CHECK(out->send("hello", 0s, std::nothrow));
  auto claim = out->claim(8, 0s, std::nothrow);
  CHECK(claim && claim->commit(4, std::nothrow));
  int messages = 0;
  for (auto message : in->messages(0s, std::nothrow))
    messages += message.size() > 3;
  CHECK(messages == 2);
  uvshm::heap heap(*segment);
  auto block = heap.make<point>(std::nothrow, point{7, 8});
  auto root = heap.root<point>("root", std::nothrow);
  CHECK(block && root);
  CHECK(root->publish(std::move(*block), std::nothrow));
  {
    auto txn = uvshm::txn::begin(*till, 0s);
    CHECK(txn && txn->save(*root->get(), std::nothrow));
    root->get()->x = 0;
  }
  CHECK(root->get()->x == 7);
  CHECK(segment->check(std::nothrow));
  CHECK(segment->info(std::nothrow)->objects == 7);
}


TEST(plain_locks_tell_of_a_death) {
  std::string name = check::fresh("locks");
  auto lock = uvshm::mutex::open(name);
  auto shared = uvshm::rwlock::open(check::fresh("rw"));
  int mended = 0;

  CHECK(lock && shared);
  {
    check::child owner("owner", name.c_str());
    owner.expect("held 1");
    CHECK(lock->acquire(0s, std::nothrow).error() == uvshm::errc::ebusy);
  } /* killed */
  {
    auto held = lock->acquire(20s, std::nothrow);
    CHECK(held);
  } /* not asked, so it is passed on */
  {
    check::child locks("locks", name.c_str());
    CHECK(locks.join() != 0);
  } /* it ended in lock(), which left the news where it was */
  lock->on_owner_died([&] { mended++; });
  {
    std::unique_lock<uvshm::mutex> held(*lock);
    CHECK(mended == 1);
  }
  {
    std::shared_lock<uvshm::rwlock> reading(*shared, 1s);
    CHECK(reading.owns_lock());
  }
  CHECK(!lock->acquire(0s, std::nothrow)->owner_died());
}


TEST(plain_short_forms_end_the_program_when_they_fail) {
  check::child fails("fails", check::fresh("nothing").c_str());

  CHECK(fails.join() != 0);
}


TEST(plain_watch_calls_back) {
  auto event = uvshm::event::open(check::fresh("event"));
  uv_loop_t loop;
  int called = 0;

  CHECK(uv_loop_init(&loop) == 0);
  {
    auto watch = uvshm::watch::open(&loop);
    auto ready = watch->on_event(
        *event,
        [&](const uvshm::result<uvshm::news>& status) {
          called += status ? 1 : 0;
          watch->close();
        },
        std::nothrow);
    CHECK(ready && event->set(std::nothrow));
    CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  }
  CHECK(called == 1 && uv_loop_close(&loop) == 0);
}

CHECK_MAIN({"owner", role_owner}, {"fails", role_fails}, {"locks", role_locks})
