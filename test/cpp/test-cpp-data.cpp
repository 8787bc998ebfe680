/* SPDX-License-Identifier: MIT */

/* What lies in a segment: heap, allocator, map, transactions, cells. */

#include "check.hpp"

#include <uvshm.hpp>

#include <mutex>

#if defined(UVSHM_TEST_BOOST)
# include <boost/container/map.hpp>
# include <boost/container/string.hpp>
# include <boost/container/vector.hpp>
#endif

using namespace std::chrono_literals;

struct job {
  std::int64_t number;
  uvshm::ref<job> next;
};

struct account {
  std::int64_t balance;
  std::uint64_t changes;
};

#if defined(UVSHM_TEST_BOOST)
namespace bc = boost::container;

template <class T>
using vector = bc::vector<T, uvshm::allocator<T>>;
using string =
    bc::basic_string<char, std::char_traits<char>, uvshm::allocator<char>>;
using dictionary = bc::map<int,
                           string,
                           std::less<int>,
                           uvshm::allocator<std::pair<const int, string>>>;
#endif

static uvshm::segment make(const std::string& name) {
  return uvshm::segment(name, {UVSHM_CREATE, 1 << 20, 1 << 26});
}

/* ---- roles ----------------------------------------------------------------*/

/* Adds up the jobs that it finds, and puts one of its own before them. */
static int role_worker(int, char** argv) {
  uvshm::segment segment(argv[0]);
  uvshm::heap heap(segment);
  auto todo = heap.root<job>("todo");
  std::int64_t sum = 0;

  for (const job* one = todo.get(); one != nullptr; one = heap.at(one->next))
    sum += one->number;
  test_say("%d", static_cast<int>(sum));
  auto old = todo.publish(heap.make<job>(job{100, {}}));
  (void) heap.publish(todo.get()->next, std::move(old));
  return old ? 1 : 0;
}


static int role_filler(int, char** argv) {
#if defined(UVSHM_TEST_BOOST)
  uvshm::segment segment(argv[0]);
  uvshm::heap heap(segment);
  uvshm::mutex lock(segment, "lock");
  auto* numbers = heap.root<vector<int>>("numbers").get();
  auto* words = heap.root<dictionary>("words").get();

  for (int i = 0; i < 2000; i++) {
    std::lock_guard<uvshm::mutex> held(lock);
    numbers->push_back(i);
    if (i % 10 == 0)
      words->emplace(i,
                     string("a word that is too long to lie in the string",
                            uvshm::allocator<char>(heap)));
  }
#else
  (void) argv;
#endif
  return 0;
}


/* Halfway through a transaction, and then killed. */
static int role_teller(int, char** argv) {
  uvshm::segment segment(argv[0]);
  uvshm::mutex till(segment, "till", {0, 4096});
  account* a = uvshm::heap(segment).root<account>("a").get();
  uvshm::txn txn(till);

  txn.save(*a);
  a->balance -= 100;
  test_say("changed");
  (void) test_hear();
  return 0;
}


static int role_putter(int, char** argv) {
  uvshm::segment segment(argv[0]);
  uvshm::map map(segment, "map");
  uvshm::cell cell(segment, "cell");

  map.put("eggs", 3.5);
  (void) map.add("count", 7);
  cell.write(account{1, 2});
  test_say("done");
  (void) test_hear();
  map.put("eggs", 4.5);
  cell.write(account{3, 4});
  return 0;
}

/* ---- heap -----------------------------------------------------------------*/

TEST(heap_blocks_are_published_for_others) {
  std::string name = check::fresh("heap");
  uvshm::segment segment = make(name);
  uvshm::heap heap(segment);
  auto todo = heap.root<job>("todo");

  CHECK(todo.get() == nullptr);
  auto first = heap.make<job>(job{3, {}});
  auto second = heap.make<job>(job{4, {}});
  CHECK(!todo.publish(std::move(second)));
  CHECK(!second && todo.get()->number == 4);
  CHECK(!heap.publish(todo.get()->next, std::move(first)));
  CHECK(heap.load(todo.get()->next)->number == 3);
  check::child worker("worker", name.c_str());
  worker.expect("7");
  CHECK(worker.join() == 0);
  CHECK(todo.get()->number == 100);
  CHECK(heap.at(todo.get()->next)->number == 4);
  segment.check();
}


TEST(heap_blocks_that_are_not_published_are_freed) {
  uvshm::segment segment = make(check::fresh("freed"));
  uvshm::heap heap(segment);
  std::uint64_t before = heap.info().blocks;

  {
    auto a = heap.make<account>(account{1, 2});
    auto b = heap.make<account>();
    CHECK(b->balance == 0 && b->changes == 0);
    auto c = std::move(a);
    CHECK(!a && c->changes == 2);
    c = std::move(b);
    c = heap.make_array<account>(10);
    CHECK(c.size() == 10 && c[9].balance == 0);
    auto& same = c;
    c = std::move(same);
    CHECK(c.size() == 10);
    CHECK(heap.info().blocks == before + 1);
  }
  CHECK(heap.info().blocks == before);
  /* What a publication takes out belongs to this process. */
  auto root = heap.root<account>("root");
  (void) root.publish(heap.make<account>(account{1, 1}));
  auto old = root.publish(heap.make<account>(account{2, 2}));
  CHECK(old && old->balance == 1);
  old = {};
  CHECK(heap.info().blocks == before + 1);
  CHECK(root.publish({})->balance == 2);
  CHECK(root.get() == nullptr);
  heap.unlink("root");
  (void) heap.unlink("root", std::nothrow);
  CHECK(heap.info().blocks == before);
}


TEST(heap_outlives_its_segment_object_and_refuses_nonsense) {
  uvshm::segment segment = make(check::fresh("lives"));
  uvshm::heap heap(segment);
  uvshm::block<account> block = heap.make<account>();
  uvshm::ref<job> wild{uvshm_ref_t{UINT64_MAX - 7}};
  uvshm::ref<job> odd{uvshm_ref_t{heap.ref_of(block.get()).place.offset + 1}};

  segment.close();
  block->balance = 5;
  CHECK(heap.at(wild) == nullptr && heap.at(odd) == nullptr);
  CHECK(heap.at(uvshm::ref<job>{}) == nullptr);
  CHECK(heap.at(heap.ref_of(block.get())) == block.get());
  CHECK(!heap.ref_of(&wild));
  CHECK_THROWS(enospc, (void) heap.make_array<account>(SIZE_MAX / 2));
  CHECK_THROWS(enospc, (void) heap.make_array<account>(1 << 28));
  CHECK_THROWS(einval, heap.free(&wild));
  CHECK_THROWS(einval, (void) uvshm::heap(segment).make<account>());
  uvshm::heap moved(std::move(heap));
  uvshm::heap copy(moved);
  CHECK(heap.at(heap.ref_of(block.get())) == nullptr);
  CHECK(moved.at(copy.ref_of(block.get())) == block.get());
  CHECK_THROWS(einval, (void) heap.make<account>());
}

/* ---- allocator ------------------------------------------------------------*/

TEST(offset_pointers_behave_like_pointers) {
  int numbers[4] = {0, 1, 2, 3};
  uvshm::offset_ptr<int> a(numbers);
  uvshm::offset_ptr<const int> b = a;
  uvshm::offset_ptr<void> any = a;
  uvshm::offset_ptr<int> none;

  CHECK(!none && none == nullptr && none.get() == nullptr && a != nullptr);
  CHECK(*a == 0 && a[3] == 3 && *(a + 2) == 2 && (a + 3) - a == 3);
  CHECK(b == a && b.get() == numbers && any.get() == numbers);
  CHECK(static_cast<uvshm::offset_ptr<int>>(any) == a);
  CHECK(++a == numbers + 1 && *a++ == 1 && *a == 2 && *--a == 1);
  CHECK(a > b && b < a && b <= a);
  a = none;
  CHECK(a == nullptr);
  a = nullptr;
  CHECK(std::pointer_traits<decltype(b)>::pointer_to(numbers[1]).get() ==
        numbers + 1);
}


TEST(boost_containers_are_shared_by_two_processes) {
#if defined(UVSHM_TEST_BOOST)
  std::string name = check::fresh("boost");
  uvshm::segment segment = make(name);
  uvshm::heap heap(segment);
  uvshm::mutex lock(segment, "lock");
  auto numbers = heap.root<vector<int>>("numbers");
  auto words = heap.root<dictionary>("words");

  (void) numbers.publish(heap.make<vector<int>>(uvshm::allocator<int>(heap)));
  (void) words.publish(heap.make<dictionary>(
      uvshm::allocator<std::pair<const int, string>>(heap)));
  check::child filler("filler", name.c_str());
  for (int i = 0; i < 2000; i++) {
    std::lock_guard<uvshm::mutex> held(lock);
    numbers.get()->push_back(i);
    words.get()->emplace(i + 10000,
                         string("short", uvshm::allocator<char>(heap)));
  }
  CHECK(filler.join() == 0);
  std::int64_t sum = 0;
  for (int number : *numbers.get()) sum += number;
  CHECK(numbers.get()->size() == 4000 && sum == 2 * 1999 * 1000);
  CHECK(words.get()->size() == 2200);
  CHECK(words.get()->at(1990) ==
        "a word that is too long to lie in the string");
  CHECK(words.get()->at(11999) == "short");
  segment.check();
  /* Their blocks go with them. */
  (void) numbers.publish({});
  (void) words.publish({});
  CHECK(heap.info().blocks == 0);
#endif
}


TEST(allocator_of_a_segment_that_is_not_open_here_says_so) {
  uvshm::segment segment = make(check::fresh("closed"));
  auto from = [&] { return uvshm::allocator<int>(uvshm::heap(segment)); }();
  auto block = from.allocate(10);

  *block = 7;
  from.deallocate(block, 10);
  CHECK_THROWS(enospc, (void) from.allocate(SIZE_MAX / 2));
  segment.close();
  CHECK_THROWS(einval, (void) from.allocate(1));
}

/* ---- map ------------------------------------------------------------------*/

TEST(map_takes_plain_types_strings_and_vectors) {
  uvshm::segment segment = make(check::fresh("map"));
  uvshm::map map(segment, "map");
  std::uint64_t version = 0;

  map.put("account", account{5, 6});
  map.put(42, "forty-two");
  map.put(std::string("list"), std::vector<std::uint16_t>{1, 2, 3});
  CHECK(map.get<account>("account").balance == 5);
  CHECK(map.get<std::string>(42) == "forty-two");
  CHECK(map.get<std::vector<std::uint16_t>>("list").at(2) == 3);
  CHECK(map.get<std::string>("list", &version).size() == 6 && version != 0);
  CHECK(!map.find<int>("nothing"));
  CHECK_THROWS(enoent, (void) map.get<int>("nothing"));
  CHECK_THROWS(emsgsize, (void) map.get<int>("account"));
  CHECK_THROWS(emsgsize, (void) map.get<account>(42));
  CHECK_THROWS(emsgsize, (void) map.get<std::vector<account>>("list"));
  CHECK_THROWS(einval, map.put("", 1));
  std::byte room[4];
  CHECK(map.read("list", room, std::nothrow).error() == uvshm::errc::enobufs);
  CHECK(map.contains("list") && !map.contains("lists"));
  CHECK(map.info().count == 3);
  map.put("empty", uvshm::blob(nullptr, 0));
  CHECK(map.get<std::string>("empty").empty());
}


TEST(map_changes_tell_what_they_did) {
  uvshm::segment segment = make(check::fresh("changes"));
  uvshm::map map(segment, "map");
  std::uint64_t version = 0;

  CHECK(map.put_if_absent("a", 1) && !map.put_if_absent("a", 2));
  CHECK(map.get<int>("a", &version) == 1);
  CHECK(map.replace_if("a", 3, version));
  std::uint64_t old = version - 1;
  CHECK(!map.replace_if("a", 4, old) && map.get<int>("a") == 3);
  CHECK(!map.replace_if("b", 4, version));
  CHECK(map.take<int>("a") == 3 && !map.take<int>("a"));
  CHECK(map.add("n") == 1 && map.add("n", 9) == 10 && map.add("n", -4) == 6);
  CHECK(map.remove("n") && !map.remove("n"));
  map.put("short", 1);
  map.expire("short", 1h);
  CHECK(map.ttl("short") > 59min && map.ttl("short") <= 1h);
  map.expire("short", uvshm::forever);
  CHECK(map.ttl("short") == 0ms);
  map.expire("short", 1ms);
  test_sleep_ms(20);
  CHECK(map.sweep() == 1 && map.info().count == 0);
  map.put("x", 1);
  map.clear();
  CHECK(map.info().count == 0);
  uvshm::map::unlink(segment, "map");
  CHECK_THROWS(enxio, map.put("x", 1));
}


TEST(map_entries_are_a_range) {
  uvshm::segment segment = make(check::fresh("range"));
  uvshm::map map(segment, "map");
  std::string long_key(3000, 'k');
  std::string long_value(70000, 'v');
  std::int64_t sum = 0;
  int long_ones = 0;

  for (auto& entry : map.entries()) sum += entry.as<int>();
  CHECK(sum == 0);
  for (int i = 0; i < 300; i++) map.put(std::to_string(i), i);
  for (const auto& [key, value] : map.entries()) {
    int number = 0;
    CHECK(value.size() == sizeof(number));
    std::memcpy(&number, value.data(), sizeof(number));
    CHECK(std::to_string(number) == key);
    sum += number;
  }
  CHECK(sum == 300 * 299 / 2);
  map.put(long_key, long_value);
  uvshm::map_range entries = map.entries(std::nothrow);
  for (const uvshm::map_entry& entry : entries)
    if (entry.key.size() > 100) {
      long_ones++;
      CHECK(entry.key == long_key && entry.value == long_value);
      CHECK(entry.as<int>(std::nothrow).error() == uvshm::errc::emsgsize);
    }
  CHECK(long_ones == 1 && !entries.error());
  uvshm::map::unlink(segment, "map");
  CHECK_THROWS(enxio, for (auto& entry : map.entries())(void) entry);
  uvshm::map_range gone = map.entries(std::nothrow);
  for (auto& entry : gone) (void) entry;
  CHECK(gone.error() == uvshm::errc::enxio);
}


TEST(map_and_cell_wait_for_another_process) {
  std::string name = check::fresh("wait");
  uvshm::segment segment = make(name);
  uvshm::map map(segment, "map");
  uvshm::cell cell(segment, "cell", {0, sizeof(account)});
  std::uint64_t version = 0;
  std::uint64_t cell_version = 0;

  CHECK(!map.wait("eggs", version, 10ms));
  CHECK(!cell.wait(cell_version, 10ms));
  CHECK_THROWS(enoent, (void) cell.read<account>());
  check::child putter("putter", name.c_str());
  putter.expect("done");
  CHECK(map.wait("eggs", version, 0ms) && version != 0);
  CHECK(map.get<double>("eggs") == 3.5 && map.get<std::int64_t>("count") == 7);
  CHECK(cell.wait(cell_version, 0ms) && cell_version != 0);
  CHECK(cell.read<account>().changes == 2);
  std::uint64_t changes = map.info().changes;
  CHECK(!map.wait_any(changes, 10ms));
  putter.tell("go on");
  CHECK(map.wait("eggs", version, 20s) && map.get<double>("eggs") == 4.5);
  CHECK(map.wait_any(changes, 20s));
  CHECK(cell.wait(cell_version, 20s));
  CHECK(cell.read<account>().changes == 4);
  CHECK(putter.join() == 0);
  map.cancel();
  CHECK_THROWS(ecanceled, (void) map.wait("eggs", version, 20s));
}

/* ---- txn ------------------------------------------------------------------*/

TEST(txn_happens_whole_or_not_at_all) {
  std::string name = check::fresh("txn");
  uvshm::segment segment = make(name);
  uvshm::heap heap(segment);
  uvshm::mutex till(segment, "till", {0, 4096});
  auto root = heap.root<account>("a");
  (void) root.publish(heap.make<account>(account{1000, 0}));
  account& a = *root.get();

  {
    uvshm::txn txn(till);
    txn.save(a);
    a.balance = 1;
  }
  CHECK(a.balance == 1000 && till.info().locked == 0);
  try {
    uvshm::txn txn(till);
    txn.save(a);
    a.balance = 2;
    throw 1;
  } catch (int) {
  }
  CHECK(a.balance == 1000);
  {
    uvshm::txn txn(till);
    uvshm::txn moved(std::move(txn));
    CHECK(!txn && moved);
    CHECK_THROWS(einval, txn.save(a));
    moved.save(a);
    a.balance = 900;
    moved.commit();
    CHECK(!moved);
    CHECK_THROWS(einval, moved.commit());
    CHECK_THROWS(einval, moved.abort());
  }
  CHECK(a.balance == 900 && till.info().locked == 0);
  check::child teller("teller", name.c_str());
  teller.expect("changed");
  CHECK(!uvshm::txn::begin(till, 10ms));
  teller.kill();
  {
    uvshm::txn txn(till, 20s);
    CHECK(txn.owner_died() && a.balance == 900);
    CHECK_THROWS(einval, uvshm::txn(till, 0s));
    uv_thread_t thread;
    CHECK(uv_thread_create(
              &thread,
              [](void* arg) {
                auto& other = *static_cast<uvshm::txn*>(arg);
                CHECK(!other.commit(std::nothrow) && other);
                CHECK(!other.abort(std::nothrow) && other);
              },
              &txn) == 0);
    uv_thread_join(&thread);
    CHECK(till.info().locked == 1);
  }
  CHECK(!uvshm::txn(till).owner_died());
}


TEST(txn_allocates_frees_and_publishes) {
  uvshm::segment segment = make(check::fresh("txn-heap"));
  uvshm::heap heap(segment);
  uvshm::mutex lock(segment, "lock", {0, 4096});
  auto root = heap.root<job>("jobs");
  (void) root.publish(heap.make<job>(job{1, {}}));
  job& first = *root.get();
  auto second = heap.make<job>(job{2, {}});
  std::uint64_t before = heap.info().blocks;

  {
    uvshm::txn txn(lock);
    job* lost = txn.alloc<job>();
    CHECK(lost->number == 0);
    txn.save(first.next);
    first.next = heap.ref_of(lost);
    txn.abort();
  }
  CHECK(!first.next && heap.info().blocks == before);
  {
    uvshm::txn txn(lock);
    txn.publish(first.next, std::move(second));
    CHECK(!second);
    txn.commit();
  }
  CHECK(heap.at(first.next)->number == 2);
  {
    uvshm::txn txn(lock);
    job* old = heap.at(first.next);
    txn.save(first.next);
    first.next = {};
    txn.free(old);
    txn.commit();
  }
  CHECK(heap.info().blocks == before - 1);
}

/* ---- cell -----------------------------------------------------------------*/

TEST(cell_is_written_and_read_by_copy_and_in_place) {
  uvshm::segment segment = make(check::fresh("cell"));
  uvshm::cell cell(segment, "cell", {0, 100});
  std::uint64_t version = 0;

  cell.write("some text");
  CHECK(cell.read<std::string>(&version) == "some text" && version == 1);
  CHECK_THROWS(emsgsize, (void) cell.read<account>());
  CHECK_THROWS(emsgsize, cell.write(std::string(101, 'x')));
  {
    uvshm::cell_claim claim = cell.claim();
    CHECK(claim.bytes().size() == 100);
    CHECK(claim.as<char[101]>() == nullptr);
    *claim.as<account>() = {7, 8};
  }
  CHECK(cell.read<std::string>() == "some text"); /* not committed */
  {
    uvshm::cell_claim claim = cell.claim();
    *claim.as<account>() = {7, 8};
    CHECK_THROWS(emsgsize, claim.commit(101));
    CHECK(claim);
    claim.commit(sizeof(account));
    CHECK(!claim);
    CHECK_THROWS(einval, claim.commit(1));
  }
  uvshm::cell_pin pin = cell.peek();
  CHECK(pin.as<account>()->changes == 8 && pin.as<int>() == nullptr);
  CHECK(pin.version() > version);
  cell.write(account{9, 9});
  cell.write(account{9, 9});
  CHECK(pin.as<account>()->changes == 8);
  uvshm::cell_pin moved = std::move(pin);
  CHECK(!pin && pin.bytes().empty());
  cell.close(); /* the pin keeps it open */
  CHECK(moved.as<account>()->changes == 8);
  moved.release();
  CHECK_THROWS(einval, moved.release());
}

CHECK_MAIN({"worker", role_worker},
           {"filler", role_filler},
           {"teller", role_teller},
           {"putter", role_putter})
