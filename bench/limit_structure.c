/* SPDX-License-Identifier: MIT */

/* The least that structures can cost here, without any safety:
 *
 *   heap   malloc() and free() of the C library, in private memory
 *   map    open addressing in shared memory, 8-byte keys; a sequence word for
 *          each entry lets readers copy, one spinlock is for writers
 *   txn    a spinlock, a copy of 64 bytes, and the word that makes it count
 */

#include "bench.h"
#include "load.h"

#include <stdlib.h>

#include <sys/mman.h>

#define SLOTS (2 * LOAD_KEYS)

struct slot {
  uint64_t key; /* 0: empty */
  uint32_t sequence;
  uint32_t unused;
  unsigned char value[LOAD_VALUE];
};

static struct load_heap load;
static struct slot* slots; /* the spinlock is in bench_ground->room */
static uint64_t next;


static void spin_lock(uint32_t* word) {
  while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE)) continue;
}


static void spin_unlock(uint32_t* word) {
  __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}


static uint32_t* the_lock(void) {
  return (uint32_t*) (void*) bench_ground->room;
}

/* ---- heap ---------------------------------------------------------------- */

static int heap_open(void) {
  load.random = UINT64_C(88172645463325252);
  return 0;
}


static void lifo(uint64_t count) {
  void* block;

  while (count-- > 0) {
    block = malloc(64);
    if (block == NULL) bench_fail("limit", "malloc", 0);
    *(volatile char*) block = 1;
    __asm__ volatile("" : : "r"(block) : "memory");
    free(block);
  }
}


static void mixed(uint64_t count) {
  uint64_t random;
  void** block;

  while (count-- > 0) {
    random = load_random(&load.random);
    block = &load.blocks[random % LOAD_BLOCKS];
    free(*block);
    *block = malloc(load_size(random));
    if (*block == NULL) bench_fail("limit", "malloc", 0);
    *(volatile char*) *block = 1;
  }
}


static void mixed_turn(uint64_t count, uint32_t me) {
  (void) me;
  mixed(count);
}


static void heap_close(void) {
  size_t i;

  for (i = 0; i < LOAD_BLOCKS; i++) {
    free(load.blocks[i]);
    load.blocks[i] = NULL;
  }
}

/* ---- map ----------------------------------------------------------------- */

static struct slot* slot_of(uint64_t key) {
  uint64_t at = (key ^ key >> 32) % SLOTS;

  while (slots[at].key != 0 && slots[at].key != key) at = (at + 1) % SLOTS;
  return &slots[at];
}


static void put(uint64_t count) {
  unsigned char value[LOAD_VALUE];
  struct slot* slot;
  uint64_t key;

  while (count-- > 0) {
    key = load_key(next++);
    load_value(value, key);
    spin_lock(the_lock());
    slot = slot_of(key);
    slot->key = key;
    __atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(slot->value, value, LOAD_VALUE);
    __atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELEASE);
    spin_unlock(the_lock());
  }
}


static void get(uint64_t count) {
  unsigned char value[LOAD_VALUE];
  struct slot* slot;
  uint32_t seen;

  while (count-- > 0) {
    slot = slot_of(load_key(next++));
    do {
      seen = __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE);
      memcpy(value, slot->value, LOAD_VALUE);
      __asm__ volatile("" : : "r"(value) : "memory");
      __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((seen & 1) != 0 ||
             seen != __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED));
  }
}


static int map_prepare(void) {
  void* at = mmap(NULL,
                  SLOTS * sizeof(struct slot),
                  PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS,
                  -1,
                  0);

  if (at == MAP_FAILED) return -1;
  slots = at;
  next = 0;
  put(LOAD_KEYS);
  next = 0;
  return 0;
}


static void get_turn(uint64_t count, uint32_t me) {
  (void) me;
  get(count);
}


static void beside_turn(uint64_t count, uint32_t me) {
  if (me == 1)
    get(count);
  else
    put(count);
}


static void map_finish(void) {
  munmap(slots, SLOTS * sizeof(struct slot));
}

/* ---- txn ----------------------------------------------------------------- */

static void txn(uint64_t count) {
  unsigned char* data = bench_ground->room + 256;
  unsigned char* log = bench_ground->room + 512;
  uint64_t* n = (uint64_t*) (void*) (bench_ground->room + 768);

  while (count-- > 0) {
    spin_lock(the_lock());
    memcpy(log, data, 64);
    __atomic_store_n(n, 1, __ATOMIC_RELEASE);
    memset(data, (int) (count & 0x7f), 64);
    __atomic_store_n(n, 0, __ATOMIC_RELEASE);
    spin_unlock(the_lock());
  }
}


const struct bench_side* bench_limit_structure(enum bench_what what) {
  static const struct bench_side stack = {
      "limit", NULL, heap_open, lifo, NULL, heap_close, NULL, 0};
  static const struct bench_side random = {
      "limit", NULL, heap_open, mixed, mixed_turn, heap_close, NULL, 0};
  static const struct bench_side gets = {
      "limit", map_prepare, NULL, get, get_turn, NULL, map_finish, 0};
  static const struct bench_side puts = {
      "limit", map_prepare, NULL, put, NULL, NULL, map_finish, 0};
  static const struct bench_side beside = {
      "limit", map_prepare, NULL, get, beside_turn, NULL, map_finish, 0};
  static const struct bench_side txns = {
      "limit", NULL, NULL, txn, NULL, NULL, NULL, 0};

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
    case BENCH_TXN:
      return &txns;
    default:
      return bench_limit_channel(what);
  }
}
