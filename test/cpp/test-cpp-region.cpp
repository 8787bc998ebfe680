/* SPDX-License-Identifier: MIT */

/* Handles as such (moves, ends, errors), with regions as the example. */

#include "check.hpp"

#include <uvshm.hpp>

#include <atomic>
#include <cstring>
#include <vector>

#if !defined(_WIN32)
# include <sys/wait.h>
# include <unistd.h>
#endif

using namespace std::chrono_literals;
using uvshm::region;

struct prices {
  std::uint64_t count;
  double eggs;
};

struct counters {
  std::atomic<std::uint32_t> hits;
};
template <>
struct uvshm::is_shareable<counters> : std::true_type {};

struct with_pointer {
  virtual ~with_pointer() = default;
};

static_assert(uvshm::is_shareable<prices>::value);
static_assert(uvshm::is_shareable<std::atomic<std::uint64_t>>::value);
static_assert(uvshm::is_shareable<int[3]>::value);
static_assert(!uvshm::is_shareable<std::string>::value);
static_assert(!uvshm::is_shareable<int*>::value);
static_assert(!uvshm::is_shareable<with_pointer>::value);
static_assert(!std::is_copy_constructible_v<region>);
static_assert(!std::is_copy_assignable_v<region>);
static_assert(std::is_nothrow_move_constructible_v<region>);
static_assert(std::is_nothrow_move_assignable_v<region>);
static_assert(std::is_nothrow_move_constructible_v<uvshm::mutex>);
static_assert(std::is_nothrow_move_constructible_v<uvshm::message>);
static_assert(std::is_nothrow_move_constructible_v<uvshm::exception> ||
              std::is_nothrow_copy_constructible_v<uvshm::exception>);

/* ---- roles ----------------------------------------------------------------*/

static int role_reader(int argc, char** argv) {
  region there(argv[argc - 1]);
  test_say("%d %.1f",
           static_cast<int>(there.as<prices>().count),
           there.as<prices>().eggs);
  (void) test_hear();
  there.as<prices>().count++;
  return 0;
}

/* ---- cases ----------------------------------------------------------------*/

TEST(region_is_seen_by_two_processes) {
  std::string name = check::fresh("region");
  region made(name, {UVSHM_CREATE, sizeof(prices)});
  prices& now = made.as<prices>();

  CHECK(made.size() == sizeof(prices));
  CHECK(now.count == 0);
  now = {12, 3.5};
  check::child reader("reader", name.c_str());
  reader.expect("12 3.5");
  reader.tell("go on");
  CHECK(reader.join() == 0);
  CHECK(now.count == 13);
}


TEST(region_that_is_not_there_is_an_error_with_a_sentence) {
  std::string name = check::fresh("nothing");
  uvshm::result<region> none = region::open(name);

  CHECK(!none);
  CHECK(none.error() == uvshm::errc::enoent);
  CHECK(none.error().code() == UV_ENOENT);
  CHECK(std::strstr(none.error().what(), name.c_str()) != nullptr);
  std::error_code code = none.error();
  CHECK(code == uvshm::errc::enoent);
  CHECK(code == std::errc::no_such_file_or_directory);
  CHECK(code != std::errc::permission_denied);
  CHECK(&code.category() == &uvshm::category());
  CHECK(std::strcmp(code.category().name(), "uvshm") == 0);
  try {
    region thrown(name);
    CHECK(false);
  } catch (const std::system_error& e) {
    CHECK(e.code() == uvshm::errc::enoent);
    CHECK(std::strstr(e.what(), name.c_str()) != nullptr);
  }
  CHECK_THROWS(enoent, (void) std::move(none).value());
  CHECK_THROWS(enoent, region::unlink(name));
}


TEST(error_keeps_its_sentence_whatever_comes_after) {
  std::string first = check::fresh("first");
  auto one = region::open(first);
  auto two = region::open(check::fresh("second"));
  uvshm::error copy = one.error();

  CHECK(std::strstr(one.error().what(), first.c_str()) != nullptr);
  CHECK(std::strstr(copy.what(), first.c_str()) != nullptr);
  copy = two.error();
  CHECK(std::strstr(copy.what(), "second") != nullptr);
  CHECK(uvshm::error().code() == 0 && !uvshm::error());
  CHECK(std::string(uvshm::error(uvshm::errc::epipe).what()) ==
        "there is no reader any more");
}


TEST(category_says_of_each_code_what_c_says) {
  const std::error_category& category = uvshm::category();
  /* Before this thread has failed, so no sentence is at hand. */
  for (int code = -5000; code < 0; code++) {
    std::string text = category.message(code);
    if (text != "no such error") CHECK(text == uvshm_strerror(code));
    if (text == "no such error")
      CHECK(category.default_error_condition(code).category() == category);
  }
  for (int code : {UV_ENOENT, UV_EOF, UV_ECONNRESET, UV_ENOSYS, UV_ENOBUFS})
    CHECK(category.message(code) != "no such error");
  CHECK(!region::open(check::fresh("nothing")));
  CHECK(category.message(UV_ENOENT) == "there is no such object");
}


TEST(handle_moves_and_a_moved_one_is_empty) {
  region a(check::fresh("move"), {UVSHM_CREATE, 4096});
  void* base = a.base();
  region b(std::move(a));

  CHECK(!a && b && b.base() == base);
  CHECK(a.base() == nullptr && a.size() == 0 && a.bytes().empty());
  CHECK_THROWS(einval, a.grow(1));
  CHECK_THROWS(einval, (void) a.as<int>());
  CHECK(!a.info(std::nothrow));
  a = std::move(b);
  CHECK(a && !b);
  region& same = a;
  a = std::move(same);
  CHECK(a.base() == base);
  std::vector<region> many;
  many.push_back(std::move(a));
  many.emplace_back(check::fresh("move2"),
                    uvshm::region_options{UVSHM_CREATE, 1});
  CHECK(many[0].base() == base);
  std::swap(many[0], many[1]);
  CHECK(many[1].base() == base);
}


TEST(handle_closed_twice_or_assigned_over_closes_once) {
  std::string name = check::fresh("close");
  region a(name, {UVSHM_CREATE, 4096});

  a.close();
  CHECK(!a);
  a.close();
  CHECK(!region::open(name));
  a = region(name, {UVSHM_CREATE, 4096});
  a = region(check::fresh("other"), {UVSHM_CREATE, 4096}); /* closes `name` */
  CHECK(region::open(name).error() == uvshm::errc::enoent);
}


TEST(region_views_are_checked) {
  region made(check::fresh("views"), {UVSHM_CREATE, 100});

  CHECK(made.bytes().size() == 100);
  CHECK(made.array<std::uint32_t>().size() == 25);
  CHECK(made.array<std::uint32_t>(8).size() == 23);
  CHECK(made.array<std::uint32_t>(100).empty());
}


TEST(region_views_outside_or_unaligned_are_refused) {
  region made(check::fresh("views"), {UVSHM_CREATE, 100});

  CHECK_THROWS(enospc, (void) made.as<prices>(88));
  CHECK_THROWS(enospc, (void) made.as<prices>(UINT64_MAX));
  CHECK_THROWS(enospc, (void) made.array<std::uint32_t>(200));
  CHECK_THROWS(einval, (void) made.as<std::uint32_t>(2));
  CHECK_THROWS(enospc, (void) made.array<std::uint32_t>(0, 26));
  CHECK_THROWS(
      enospc,
      (void) made.array<std::uint32_t>(0, static_cast<std::size_t>(-1) / 2));
  made.as<counters>().hits.fetch_add(1);
  CHECK(made.as<std::atomic<std::uint32_t>>().load() == 1);
}


TEST(region_grows_and_views_stay_valid) {
  region made(check::fresh("grow"), {UVSHM_CREATE, 4096, 1 << 20});
  uvshm::span<std::byte> before = made.bytes();

  before[4095] = std::byte{7};
  made.grow(1 << 19);
  CHECK(made.size() == 1 << 19);
  CHECK(made.bytes().data() == before.data());
  CHECK(made.bytes()[4095] == std::byte{7});
  CHECK(before.size() == 4096);
  CHECK_THROWS(enospc, made.grow(1 << 21));
  CHECK(made.info().max_size == 1 << 20);
  made.sync();
  CHECK(made.advise(UVSHM_ADVISE_PREFAULT) <= 7);
}


TEST(region_without_a_name_and_adopted_from_c) {
  region nameless = region::anonymous({0, 4096}).value();
  uvshm_region_t* c = nullptr;
  uvshm::region_options options(UVSHM_CREATE, 10);

  CHECK(nameless.size() == 4096);
  CHECK(uvshm_region_open(&c, check::fresh("c").c_str(), &options) == 0);
  region ours = region::adopt(c).value();
  CHECK(ours.get() == c && ours.size() == 10);
}


TEST(timeouts_are_rounded_up_and_have_no_end) {
  using uvshm::timeout;

  CHECK(timeout(5s).ms() == 5000);
  CHECK(timeout(1us).ms() == 1);
  CHECK(timeout(1999us).ms() == 2);
  CHECK(timeout(0s).ms() == 0);
  CHECK(timeout(-5s).ms() == 0);
  CHECK(timeout(uvshm::forever).ms() == UVSHM_FOREVER);
  CHECK(timeout(std::chrono::hours::max()).ms() == UVSHM_FOREVER);
  CHECK(timeout(std::chrono::nanoseconds::max()).ms() == 9223372036855u);
  CHECK(timeout(std::chrono::duration<double>(0.0015)).ms() == 2);
  CHECK(timeout(std::chrono::duration<float>(-1.0f)).ms() == 0);
}


TEST(blobs_are_strings_spans_and_plain_objects) {
  auto size = [](const uvshm::blob& b) { return b.size(); };
  unsigned char raw[5] = {};
  std::vector<std::uint16_t> numbers(3);

  CHECK(size("eggs") == 4);
  CHECK(size(std::string("a\0b", 3)) == 3);
  CHECK(size(std::string_view("abc", 2)) == 2);
  CHECK(size(7) == sizeof(int));
  CHECK(size(prices{1, 2}) == sizeof(prices));
  CHECK(size(raw) == 5);
  CHECK(size(numbers) == 6);
  CHECK(size(uvshm::bytes_of(numbers[0])) == 2);
  CHECK(size(uvshm::span<std::byte>()) == 0);
}


TEST(names_are_listed_and_removed) {
  std::string name = check::fresh("listed");
  region made(name, {UVSHM_CREATE | UVSHM_KEEP, 4096});
  int found = 0;

  for (const uvshm::name_info& one : uvshm::names())
    found += one.kind == UVSHM_KIND_REGION && name == one.name;
  CHECK(found == 1);
  CHECK(!uvshm::names::open_in("/no/such/folder", 0));
  CHECK(uvshm::name::info(name).peers == 1);
  CHECK(!uvshm::name::gc(name));
  uvshm::name::unlink(name);
  CHECK_THROWS(enoent, (void) uvshm::name::info(name));
}


TEST(last_of_many_needs_closes_a_segment) {
  std::string name = check::fresh("needs");
  uvshm::segment segment(name, {UVSHM_CREATE, 1 << 16});
  uvshm::map map(segment, "map");
  uvshm::mutex mutex(segment, "mutex");

  segment.close();
  CHECK(!segment);
  CHECK_THROWS(einval, uvshm::sem(segment, "sem"));
  map.put("still", "there");
  mutex.lock();
  mutex.unlock();
  CHECK(uvshm::segment::open(name).has_value());
  map.close();
  mutex.close();
  CHECK(!uvshm::segment::open(name));
}


TEST(segment_tells_of_peers_and_objects) {
  uvshm::segment segment(check::fresh("tells"), {UVSHM_CREATE, 1 << 16});
  uvshm::sem sem(segment, "a sem", {0, 3});
  uvshm::map map(segment, "a map");
  int peers = 0;
  std::string seen;

  for (const uvshm::peer_info& one : segment.peers())
    peers += one.self == 1 && one.alive == 1;
  for (const uvshm::object_info& one : segment.objects())
    seen += std::string(one.type) + "=" + one.name + ";";
  CHECK(peers == 1);
  CHECK(seen == "sem=a sem;map=a map;" || seen == "map=a map;sem=a sem;");
  CHECK(segment.info().objects == 2);
  segment.check();
  CHECK(segment.repair() == 0);
  segment.grow(1 << 15);
}


TEST(objects_are_closed_by_many_threads_at_once) {
  uvshm::segment segment(check::fresh("threads"), {UVSHM_CREATE, 1 << 16});
  std::vector<uv_thread_t> threads(4);
  auto open_and_close = [](void* arg) {
    auto& in = *static_cast<uvshm::segment*>(arg);
    for (int i = 0; i < 50; i++) uvshm::sem(in, "sem").post();
  };

  for (auto& thread : threads)
    CHECK(uv_thread_create(&thread, open_and_close, &segment) == 0);
  for (auto& thread : threads) uv_thread_join(&thread);
  CHECK(uvshm::sem(segment, "sem").info().value == 200);
}

#if !defined(_WIN32)
/* What the child does with its copies; the line that failed, or 0. */
static int in_child(uvshm::segment& segment,
                    uvshm::map& map,
                    uvshm::mutex& mutex) {
  if (map.put("child", 1, std::nothrow).error() != uvshm::errc::enotconn)
    return __LINE__;
  { uvshm::mutex never_rejoined(std::move(mutex)); }
  if (!segment.rejoin(std::nothrow)) return __LINE__;
  if (!map.put("child", 1, std::nothrow)) return __LINE__;
  map.close();
  segment.close();
  return 0;
}


TEST(handles_in_a_forked_child_rejoin_or_leave_the_parent_alone) {
  uvshm::segment segment(check::fresh("fork"), {UVSHM_CREATE, 1 << 16});
  uvshm::map map(segment, "map");
  uvshm::mutex mutex(check::fresh("fork-mutex"));
  int report[2];
  int line = -1;

  mutex.lock();
  CHECK(pipe(report) == 0);
  pid_t child = fork();
  if (child == 0) {
    line = in_child(segment, map, mutex);
    _exit(write(report[1], &line, sizeof(line)) == sizeof(line) ? 0 : 1);
  }
  CHECK(child > 0 && waitpid(child, nullptr, 0) == child);
  CHECK(read(report[0], &line, sizeof(line)) == sizeof(line));
  CHECK(line == 0);
  CHECK(map.contains("child") && mutex.info().locked == 1);
  mutex.unlock();
  CHECK(segment.info().region.peers == 1);
  (void) close(report[0]);
  (void) close(report[1]);
}
#endif

CHECK_MAIN({"reader", role_reader})
