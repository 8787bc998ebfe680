/* SPDX-License-Identifier: MIT */

/* Channels of all kinds, between processes, and watches on a loop. */

#include "check.hpp"

#include <uvshm.hpp>
#include <uvshm/watch.hpp>

#include <vector>

using namespace std::chrono_literals;
using uvshm::channel;
using uvshm::result;

struct sample {
  std::uint32_t number;
  float value;
};

/* ---- roles ----------------------------------------------------------------*/

/* Writes `argv[1]` samples, then closes its end; with a third argument it waits
 * to be killed. */
static int role_writer(int argc, char** argv) {
  channel out(argv[0], UVSHM_WRITER);
  unsigned count = static_cast<unsigned>(std::atoi(argv[1]));

  test_say("ready");
  if (test_hear() == nullptr) return 1;
  for (unsigned i = 0; i < count; i++)
    if (i % 2 == 0) {
      out.send(sample{i, 0.5f});
    } else {
      uvshm::channel_claim claim = out.claim(64);
      *claim.as<sample>() = {i, 1.5f};
      claim.commit(sizeof(sample));
    }
  if (argc > 2) {
    test_say("sent");
    (void) test_hear();
  }
  return 0;
}


static int role_attacher(int, char** argv) {
  uvshm::segment segment(argv[0]);
  uvshm::map(segment, "map").put("key", 1);
  test_say("ready");
  (void) test_hear();
  return 0;
}

/* ---- channels -------------------------------------------------------------*/

static void kind_is_read_as_a_range(std::uint32_t kind) {
  std::string name = check::fresh("range");
  channel in(name, {UVSHM_READER | kind, 64, 1024});
  check::child writer("writer", name.c_str(), "500");
  std::uint32_t next = 0;

  writer.expect("ready");
  writer.tell("go");
  for (auto message : in.messages()) {
    const sample* one = message.as<sample>();
    CHECK(one != nullptr && one->number == next);
    CHECK(message.as<int>() == nullptr);
    CHECK(!message.missed() && !message.again());
    next++;
  }
  CHECK(next == 500);
  CHECK(writer.join() == 0);
  in.check();
}


TEST(stream_is_read_as_a_range_until_its_writer_closes) {
  kind_is_read_as_a_range(UVSHM_CHANNEL_STREAM);
}


TEST(queue_is_read_as_a_range_until_its_writer_closes) {
  kind_is_read_as_a_range(UVSHM_CHANNEL_QUEUE);
}


TEST(topic_is_read_as_a_range_until_its_writer_closes) {
  kind_is_read_as_a_range(UVSHM_CHANNEL_TOPIC);
}


TEST(writer_that_dies_is_an_error_after_its_messages) {
  std::string name = check::fresh("dies");
  channel in(name, {UVSHM_READER, 64, 64});
  check::child writer("writer", name.c_str(), "10", "wait");
  int count = 0;

  writer.expect("ready");
  writer.tell("go");
  writer.expect("sent");
  writer.kill();
  CHECK_THROWS(
      econnreset,
      for (auto&& message
           : in.messages(20s)) {
        CHECK(message.size() == sizeof(sample));
        count++;
      });
  CHECK(count == 10);
  uvshm::message_range rest = in.messages(20s, std::nothrow);
  for (auto message : rest) CHECK(!message);
  CHECK(rest.error() == uvshm::errc::econnreset);
}


TEST(range_ends_when_nothing_comes_in_time) {
  uvshm::segment segment(check::fresh("time"), {UVSHM_CREATE, 1 << 20});
  channel out(segment, "c", {UVSHM_WRITER, 64, 16});
  channel in(segment, "c", UVSHM_READER);
  int count = 0;

  for (auto message : in.messages(0ms)) count += message ? 1 : 0;
  CHECK(count == 0);
  out.send("one");
  out.send("two");
  for (const auto& message : in.messages(10ms)) count += message.size() == 3;
  CHECK(count == 2);
  CHECK(!in.peek(0ms) && !in.recv<int>(10ms));
  CHECK(in.peek(0ms, std::nothrow).error() == uvshm::errc::eagain);
}


TEST(messages_are_had_as_types_strings_and_vectors) {
  uvshm::segment segment(check::fresh("types"), {UVSHM_CREATE, 1 << 20});
  channel out(segment, "c", {UVSHM_WRITER, 64, 16});
  channel in(segment, "c", UVSHM_READER);

  out.send(sample{7, 0.25f});
  out.send("text");
  out.send(std::vector<int>{1, 2, 3});
  out.send("too long for a sample");
  out.send(uvshm::blob(nullptr, 0));
  CHECK(in.recv<sample>()->number == 7);
  CHECK(*in.recv<std::string>() == "text");
  CHECK(in.recv<std::vector<int>>()->at(2) == 3);
  CHECK_THROWS(emsgsize, (void) in.recv<sample>()); /* it stays */
  std::byte room[64];
  uvshm::received got = in.recv(room, 1s, std::nothrow).value();
  CHECK(got.size == 21 && got.what == uvshm::news::none);
  CHECK(in.recv<std::string>()->empty());
  CHECK_THROWS(emsgsize, out.send(std::string(65, 'x')));
  CHECK_THROWS(eperm, in.send("no writer"));
  CHECK_THROWS(eperm, (void) out.peek(0s));
  out.close();
  CHECK_THROWS(eof, (void) in.recv<int>());
  CHECK_THROWS(einval, out.send("closed"));
}


TEST(messages_keep_their_channel_and_may_be_kept) {
  uvshm::segment segment(check::fresh("keep"), {UVSHM_CREATE, 1 << 20});
  channel out(segment, "c", {UVSHM_WRITER | UVSHM_CHANNEL_QUEUE, 64, 16});
  channel in(segment, "c", UVSHM_READER);
  std::vector<uvshm::message> kept;

  for (int i = 0; i < 4; i++) out.send(i);
  for (auto message : in.messages(0ms)) {
    kept.push_back(std::move(message));
    CHECK(!message && message.bytes().empty());
    if (kept.size() == 4) break;
  }
  out.send(4);
  CHECK_THROWS(enobufs, (void) in.peek(0s)); /* four are lent */
  kept[1].release();
  CHECK_THROWS(einval, kept[1].release());
  CHECK(*in.recv<int>() == 4);
  kept[0] = std::move(kept[2]); /* releases the first */
  kept.pop_back();
  out.send(5);
  CHECK(*in.peek().as<int>() == 5);
  CHECK(in.info().depth == 0);
  uvshm::message last = std::move(kept[0]);
  kept.clear();
  in.close();
  segment.close();
  CHECK(*last.as<int>() == 2); /* channel and segment are still there */
}


TEST(claims_are_given_back_unless_they_are_committed) {
  uvshm::segment segment(check::fresh("claim"), {UVSHM_CREATE, 1 << 20});
  channel out(segment, "c", {UVSHM_WRITER, 64, 4});
  channel in(segment, "c", UVSHM_READER);

  {
    uvshm::channel_claim claim = out.claim(8);
    CHECK(claim.bytes().size() == 8 && claim.as<char[9]>() == nullptr);
    CHECK_THROWS(einval, (void) out.claim(8)); /* one at a time */
  }
  CHECK(!in.peek(0ms));
  uvshm::channel_claim claim = out.claim(8);
  claim = uvshm::channel_claim();
  claim = out.claim(8);
  CHECK_THROWS(einval, claim.commit(9));
  std::memcpy(claim.bytes().data(), "abcdefgh", 8);
  claim.commit(3);
  CHECK(in.peek().text() == "abc");
  while (out.send("fill", 0s)) {
  }
  CHECK(!out.send("full", 10ms) && !out.claim(64, 0s));
  CHECK_THROWS(emsgsize, (void) out.claim(65, 0s));
  out.cancel();
  CHECK_THROWS(ecanceled, out.send("full"));
}


TEST(batches_go_at_once_and_ends_are_listed) {
  uvshm::segment segment(check::fresh("batch"), {UVSHM_CREATE, 1 << 20});
  channel out(segment, "c", {UVSHM_WRITER | UVSHM_CHANNEL_TOPIC, 64, 16});
  channel in(segment, "c", UVSHM_READER);
  int numbers[3] = {1, 2, 3};
  int got[3] = {};
  uvshm_message_t messages[3] = {};
  int writers = 0;
  int readers = 0;

  for (int i = 0; i < 3; i++) {
    messages[i].bytes = &numbers[i];
    messages[i].size = sizeof(int);
  }
  CHECK(out.send_many(messages, 1s, std::nothrow).value() == 3);
  for (int i = 0; i < 3; i++) messages[i].bytes = &got[i];
  CHECK(in.recv_many(messages, 1s, std::nothrow).value() == 3);
  CHECK(got[2] == 3);
  for (const auto& end : out.ends()) (end.writer ? writers : readers)++;
  CHECK(writers == 1 && readers == 1 && in.repair() == 0);
  for (int i = 0; i < 200; i++) out.send(i);
  CHECK(in.peek().missed());
  channel::unlink(segment, "c");
  CHECK_THROWS(enxio, (void) in.peek(0s));
}

/* ---- watches --------------------------------------------------------------*/

/* A loop that ends with its handles. */
struct loop {
  uv_loop_t uv;
  loop() {
    CHECK(uv_loop_init(&uv) == 0);
  }
  ~loop() {
    CHECK(uv_run(&uv, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&uv) == 0);
  }
  void run() {
    (void) uv_run(&uv, UV_RUN_DEFAULT);
  }
};


TEST(watch_calls_back_for_messages_of_another_process) {
  std::string name = check::fresh("watch");
  channel in(name, {UVSHM_READER, 64, 1024});
  check::child writer("writer", name.c_str(), "50");
  loop loop;
  uvshm::watch watch(&loop.uv);
  std::uint32_t next = 0;
  bool ended = false;

  writer.expect("ready");
  writer.tell("go");
  watch.on_readable(in, [&](const result<uvshm::news>& status) {
    CHECK(status.has_value());
    try {
      for (auto message : in.messages(0ms))
        CHECK(message.as<sample>()->number == next++);
      ended = in.peek(0ms, std::nothrow).error() == uvshm::errc::eof;
    } catch (const uvshm::exception&) {
      CHECK(false);
    }
    if (ended) watch.close();
  });
  CHECK(watch.active());
  loop.run();
  CHECK(next == 50 && ended && !watch && !watch.active());
  CHECK(writer.join() == 0);
}


TEST(watch_may_be_moved_restarted_and_destroyed_in_its_callback) {
  uvshm::segment segment(check::fresh("watches"), {UVSHM_CREATE, 1 << 20});
  uvshm::map map(segment, "map");
  uvshm::mutex mutex(segment, "mutex");
  uvshm::event event(segment, "event");
  uvshm::cell cell(segment, "cell", {0, 8});
  loop loop;
  auto* watch = new uvshm::watch(&loop.uv);
  std::string seen;
  auto on_value = [&](const result<uvshm::news>&) {
    seen += " value";
    delete watch;
  };
  auto on_lock = [&](result<uvshm::mutex_guard> held) {
    CHECK(held && !held->owner_died() && mutex.info().locked == 1);
    seen += " lock";
    watch->on_value(cell, on_value);
    cell.write(1);
  };
  auto on_event = [&](const result<uvshm::news>&) {
    seen += " event";
    watch->on_lock(mutex, on_lock);
  };

  watch->on_change(map, "key", [&](const result<uvshm::news>&) {
    seen += "change";
    uvshm::watch moved(std::move(*watch));
    *watch = std::move(moved);
    watch->on_event(event, on_event);
    event.set();
  });
  map.put("other", 1);
  map.put("key", 1);
  loop.run();
  CHECK(seen == "change event lock value");
  CHECK(mutex.info().locked == 0);
}


TEST(watch_tells_of_peers_and_of_removed_objects) {
  std::string name = check::fresh("peers");
  uvshm::segment segment(name, {UVSHM_CREATE, 1 << 20});
  uvshm::map map(segment, "map");
  loop loop;
  uvshm::watch watch(&loop.uv);
  uvshm::watch other(&loop.uv);
  check::child attacher("attacher", name.c_str());
  std::string seen;

  attacher.expect("ready");
  watch.on_peer(segment, [&](const auto& change, const uvshm::peer_info* peer) {
    CHECK(change && peer != nullptr);
    if (*change == UVSHM_WATCH_ATTACHED) {
      seen += "attached ";
      attacher.kill();
    } else if (*change == UVSHM_WATCH_DIED) {
      seen += "died";
      watch.close();
    }
  });
  loop.run();
  CHECK(seen == "attached died");

  other.on_change(map, [&](const result<uvshm::news>& status) {
    CHECK(status.error() == uvshm::errc::enxio);
    seen = "gone";
    other.close();
  });
  uvshm::map::unlink(segment, "map");
  loop.run();
  CHECK(seen == "gone");
  other.stop();
  CHECK_THROWS(einval, other.on_peer(segment, [](const auto&, auto) {}));
}

CHECK_MAIN({"writer", role_writer}, {"attacher", role_attacher})
