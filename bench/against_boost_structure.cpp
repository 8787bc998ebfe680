/* SPDX-License-Identifier: MIT */

/* Boost.Interprocess: the heap of managed_shared_memory, and a
 * boost::unordered_map in it under an interprocess_mutex. */

#include "bench.h"
#include "load.h"

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/unordered_map.hpp>

#include <functional>
#include <memory>

namespace ipc = boost::interprocess;

namespace {

struct value {
  unsigned char bytes[LOAD_VALUE];
};

using entry = std::pair<const std::uint64_t, value>;
using manager = ipc::managed_shared_memory::segment_manager;
using table = boost::unordered_map<std::uint64_t,
                                   value,
                                   boost::hash<std::uint64_t>,
                                   std::equal_to<std::uint64_t>,
                                   ipc::allocator<entry, manager>>;
using lock = ipc::scoped_lock<ipc::interprocess_mutex>;

std::unique_ptr<ipc::managed_shared_memory> kept;
std::unique_ptr<ipc::managed_shared_memory> memory;
table* map;
ipc::interprocess_mutex* mutex;
load_heap load;
std::uint64_t next;


int make(const char* stem, std::size_t size) {
  ipc::shared_memory_object::remove(bench_name(stem));
  kept = std::make_unique<ipc::managed_shared_memory>(
      ipc::create_only, bench_name(stem), size);
  return 0;
}


void attach(const char* stem) {
  memory = std::make_unique<ipc::managed_shared_memory>(ipc::open_only,
                                                        bench_name(stem));
}


void detach(void) {
  memory.reset();
}


void remove(const char* stem) {
  kept.reset();
  ipc::shared_memory_object::remove(bench_name(stem));
}

/* ---- heap ---------------------------------------------------------------- */

int heap_prepare(void) {
  return make("boost-heap", LOAD_HEAP_SIZE);
}


int heap_open(void) {
  attach("boost-heap");
  load = load_heap();
  load.random = UINT64_C(88172645463325252);
  return 0;
}


void lifo(std::uint64_t count) {
  while (count-- > 0) {
    void* block = memory->allocate(64);

    *static_cast<volatile char*>(block) = 1;
    memory->deallocate(block);
  }
}


void mixed(std::uint64_t count) {
  while (count-- > 0) {
    std::uint64_t random = load_random(&load.random);
    void** block = &load.blocks[random % LOAD_BLOCKS];

    if (*block != nullptr) memory->deallocate(*block);
    *block = memory->allocate(load_size(random));
    *static_cast<volatile char*>(*block) = 1;
  }
}


void mixed_turn(std::uint64_t count, std::uint32_t) {
  mixed(count);
}


void heap_finish(void) {
  remove("boost-heap");
}

/* ---- map ----------------------------------------------------------------- */

void find_map(ipc::managed_shared_memory* in) {
  map = in->find_or_construct<table>("map")(in->get_allocator<entry>());
  mutex = in->find_or_construct<ipc::interprocess_mutex>("mutex")();
}


void put(std::uint64_t count) {
  while (count-- > 0) {
    std::uint64_t key = load_key(next++);
    value fresh;

    load_value(fresh.bytes, key);
    lock guard(*mutex);
    (*map)[key] = fresh;
  }
}


void get(std::uint64_t count) {
  while (count-- > 0) {
    std::uint64_t key = load_key(next++);
    value copy;

    {
      lock guard(*mutex);
      copy = map->find(key)->second;
    }
    __asm__ volatile("" : : "r"(&copy) : "memory");
  }
}


int map_prepare(void) {
  make("boost-map", LOAD_MAP_SIZE);
  find_map(kept.get());
  next = 0;
  put(LOAD_KEYS);
  return 0;
}


int map_open(void) {
  attach("boost-map");
  find_map(memory.get());
  next = 0;
  return 0;
}


void get_turn(std::uint64_t count, std::uint32_t) {
  get(count);
}


void beside_turn(std::uint64_t count, std::uint32_t me) {
  if (me == 1)
    get(count);
  else
    put(count);
}


void map_finish(void) {
  remove("boost-map");
}

}  // namespace


extern "C" const struct bench_side* bench_boost_structure(
    enum bench_what what) {
  static const bench_side stack = {
      "Boost", heap_prepare, heap_open, lifo, nullptr, detach, heap_finish, 0};
  static const bench_side random = {"Boost",
                                    heap_prepare,
                                    heap_open,
                                    mixed,
                                    mixed_turn,
                                    detach,
                                    heap_finish,
                                    0};
  static const bench_side gets = {
      "Boost", map_prepare, map_open, get, get_turn, detach, map_finish, 0};
  static const bench_side puts = {
      "Boost", map_prepare, map_open, put, nullptr, detach, map_finish, 0};
  static const bench_side beside = {
      "Boost", map_prepare, map_open, get, beside_turn, detach, map_finish, 0};

  switch (what) {
    case BENCH_HEAP_LIFO:
      return &stack;
    case BENCH_HEAP_MIXED:
      return &random;
    case BENCH_MAP_GET:
      return &gets;
    case BENCH_MAP_PUT:
      return &puts;
    case BENCH_MAP_BESIDE:
      return &beside;
    default:
      return bench_boost_queue(what);
  }
}
