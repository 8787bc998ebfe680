/* SPDX-License-Identifier: MIT */

/* Boost.Interprocess: message_queue. */

#include "load.h"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <memory>

namespace ipc = boost::interprocess;

static std::unique_ptr<ipc::message_queue> queues[2];
static size_t size;


static const char* name_of(int line) {
  static char names[2][64];

  if (bench_ground->room[line * 64] == 0)
    strncpy((char*) bench_ground->room + line * 64,
            bench_name(line == 0 ? "boost-0" : "boost-1"),
            63);
  strncpy(names[line], (char*) bench_ground->room + line * 64, 63);
  return names[line];
}


static int prepare(enum bench_what what) {
  size = load_message(what);
  for (int i = 0; i < 2; i++) {
    ipc::message_queue::remove(name_of(i));
    queues[i].reset(new ipc::message_queue(
        ipc::create_only, name_of(i), load_depth(what), size));
  }
  return 0;
}


static void finish(void) {
  for (int i = 0; i < 2; i++) {
    queues[i].reset();
    ipc::message_queue::remove(name_of(i));
  }
}


static void send(uint32_t line, unsigned char* messages, size_t count) {
  for (; count > 0; count--, messages += size)
    queues[line]->send(messages, size, 0);
}


static void recv(uint32_t line, unsigned char* messages, size_t count) {
  ipc::message_queue::size_type received;
  unsigned int priority;

  for (; count > 0; count--, messages += size)
    queues[line]->receive(messages, size, received, priority);
}


static void try_send(uint32_t line, unsigned char* messages, size_t count) {
  for (; count > 0; count--, messages += size)
    while (!queues[line]->try_send(messages, size, 0)) continue;
}


static void try_recv(uint32_t line, unsigned char* messages, size_t count) {
  ipc::message_queue::size_type received;
  unsigned int priority;

  for (; count > 0; count--, messages += size)
    while (!queues[line]->try_receive(messages, size, received, priority))
      continue;
}

static const struct load_line blocking = {send, recv};
static const struct load_line polling = {try_send, try_recv};


template <enum bench_what what>
static const struct bench_side* row(void) {
  static const struct bench_side side = {
      "Boost",
      [] { return prepare(what); },
      nullptr,
      nullptr,
      [](uint64_t count, uint32_t me) {
        load_turn(
            what == BENCH_TRIP_POLL ? &polling : &blocking, what, count, me);
      },
      nullptr,
      finish,
      0};

  return &side;
}


extern "C" const struct bench_side* bench_boost_queue(enum bench_what what) {
  switch (what) {
    case BENCH_STREAM:
      return row<BENCH_STREAM>();
    case BENCH_STREAM_4K:
      return row<BENCH_STREAM_4K>();
    case BENCH_STREAM_1M:
      return row<BENCH_STREAM_1M>();
    case BENCH_QUEUE:
      return row<BENCH_QUEUE>();
    case BENCH_TRIP_POLL:
      return row<BENCH_TRIP_POLL>();
    case BENCH_TRIP_BLOCK:
      return row<BENCH_TRIP_BLOCK>();
    case BENCH_TRIP_SLEEP:
      return row<BENCH_TRIP_SLEEP>();
    default:
      return bench_boost_locks(what);
  }
}
