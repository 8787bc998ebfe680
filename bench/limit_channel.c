/* SPDX-License-Identifier: MIT */

/* The least that messages between two processes can cost here: rings that know
 * nothing of deaths, of full or closed ends, of anybody but these two.
 *
 *   64 bytes   a slot is a cache line, its last word says which message it has
 *   more       slots of the message's size between two indices, copied in and
 *              out; or "loaned": only the first line of each is touched
 *   queue      Vyukov's bounded queue: a sequence word in each slot, a CAS for
 *              each message on either side
 *   trips      one line for each direction; to somebody who sleeps, a futex
 */

#include "bench.h"
#include "load.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define SLOTS 1024u
#define WORDS 8u /* of a slot; the last one is the flag */
#define RING_BYTES LOAD_RING

struct ring {
  volatile uint64_t head;
  unsigned char unused1[120];
  volatile uint64_t tail;
  unsigned char unused2[120];
  uint64_t slots[SLOTS][WORDS];
  unsigned char bytes[RING_BYTES];
};

static struct ring* ring;
static uint64_t position; /* of this process */
static uint64_t limit;    /* up to where there is room, as seen last */
static unsigned char* message;


static uint64_t look(const volatile uint64_t* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}


static void tell(volatile uint64_t* word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}


static void* memory(size_t size) {
  void* at = mmap(NULL,
                  size,
                  PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
                  -1,
                  0);

  return at == MAP_FAILED ? NULL : at;
}


static int prepare(void) {
  ring = memory(sizeof(*ring));
  message = memory(1u << 20);
  if (ring == NULL || message == NULL) return -1;
  position = 0;
  limit = 0;
  return 0;
}


static void finish(void) {
  munmap(ring, sizeof(*ring));
  munmap(message, 1u << 20);
}

/* ---- 64 bytes ------------------------------------------------------------ */

static void slot_recv(uint64_t count) {
  uint64_t* slot;
  uint64_t out[WORDS];

  while (count-- > 0) {
    slot = ring->slots[position % SLOTS];
    while (look(&slot[WORDS - 1]) != position + 1) continue;
    memcpy(out, slot, sizeof(out));
    __asm__ volatile("" : : "r"(out) : "memory");
    if (++position % (SLOTS / 4) == 0) tell(&ring->tail, position);
  }
  tell(&ring->tail, position);
}


static void slot_send(uint64_t count) {
  uint64_t* slot;

  while (count-- > 0) {
    while (position - limit >= SLOTS) limit = look(&ring->tail);
    slot = ring->slots[position % SLOTS];
    memcpy(slot, message, (WORDS - 1) * sizeof(*slot));
    tell(&slot[WORDS - 1], ++position);
  }
}


static void slot_turn(uint64_t count, uint32_t me) {
  if (me == 1)
    slot_recv(count);
  else
    slot_send(count);
}

/* ---- indices ------------------------------------------------------------- */

static void index_recv(uint64_t count, size_t size, size_t touched) {
  uint64_t slots = RING_BYTES / size < 64 ? RING_BYTES / size : 64;

  while (count-- > 0) {
    while (position == limit) limit = look(&ring->head);
    memcpy(message, ring->bytes + position % slots * size, touched);
    __asm__ volatile("" : : "r"(message) : "memory");
    tell(&ring->tail, ++position);
  }
}


static void index_send(uint64_t count, size_t size, size_t touched) {
  uint64_t slots = RING_BYTES / size < 64 ? RING_BYTES / size : 64;

  while (count-- > 0) {
    while (position - limit >= slots) limit = look(&ring->tail);
    memcpy(ring->bytes + position % slots * size, message, touched);
    tell(&ring->head, ++position);
  }
}


static void index_turn(uint64_t count,
                       uint32_t me,
                       size_t size,
                       size_t touched) {
  if (me == 1)
    index_recv(count, size, touched);
  else
    index_send(count, size, touched);
}


static void stream_turn(uint64_t count, uint32_t me) {
  size_t size = load_message(BENCH_STREAM);

  if (size > 64)
    index_turn(count, me, size, size);
  else
    slot_turn(count, me);
}


static void page_turn(uint64_t count, uint32_t me) {
  index_turn(count, me, 4096, 4096);
}


static void megabyte_turn(uint64_t count, uint32_t me) {
  index_turn(count, me, 1u << 20, 1u << 20);
}


static void loan_turn(uint64_t count, uint32_t me) {
  index_turn(count, me, 1u << 20, 64);
}

/* ---- Vyukov's queue ------------------------------------------------------ */

static int vyukov_prepare(void) {
  uint64_t i;
  int err = prepare();

  if (err < 0) return err;
  for (i = 0; i < SLOTS; i++) ring->slots[i][WORDS - 1] = i;
  return 0;
}


/* The slot of the next message whose sequence word is `ahead` of it. */
static uint64_t* vyukov_take(volatile uint64_t* index,
                             uint64_t ahead,
                             uint64_t* taken) {
  uint64_t at = __atomic_load_n(index, __ATOMIC_RELAXED);
  uint64_t* slot;

  for (;;) {
    slot = ring->slots[at % SLOTS];
    if (look(&slot[WORDS - 1]) != at + ahead) {
      at = __atomic_load_n(index, __ATOMIC_RELAXED);
    } else if (__atomic_compare_exchange_n(
                   index, &at, at + 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
      *taken = at;
      return slot;
    }
  }
}


static void vyukov_turn(uint64_t count, uint32_t me) {
  const size_t size = (WORDS - 1) * sizeof(uint64_t);
  uint64_t* slot;
  uint64_t at;

  while (count-- > 0) {
    slot = vyukov_take(me == 1 ? &ring->tail : &ring->head, me == 1, &at);
    if (me == 1)
      memcpy(message, slot, size);
    else
      memcpy(slot, message, size);
    tell(&slot[WORDS - 1], me == 1 ? at + SLOTS : at + 1);
  }
}

/* ---- there and back ------------------------------------------------------ */

static void note_trip(uint64_t index, uint64_t* before) {
  uint64_t now;

  if (load_trips_ns == NULL) return;
  now = bench_now_ns();
  if (*before != 0) load_trips_ns[index] = (uint32_t) (now - *before);
  *before = now;
}


static void trip_turn(uint64_t count, uint32_t me) {
  uint64_t before = 0;
  uint64_t i;

  if (me == 1) note_trip(0, &before);
  for (i = 0; i < count; i++) {
    position++;
    if (me == 2) {
      while (look(&ring->head) != position) continue;
      tell(&ring->tail, position);
    } else {
      tell(&ring->head, position);
      while (look(&ring->tail) != position) continue;
      note_trip(i, &before);
    }
  }
}

/* ---- asleep -------------------------------------------------------------- */

static long futex(volatile uint32_t* word, int what, uint32_t value) {
  return syscall(SYS_futex, word, what, value, NULL, NULL, 0);
}


static void sleep_turn(uint64_t count, uint32_t me) {
  volatile uint32_t* word = (volatile uint32_t*) &ring->slots[0][0];
  volatile uint64_t* stamp = &ring->slots[0][1];
  uint32_t seen;

  while (count-- > 0) {
    position++;
    if (me == 1) {
      while ((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) !=
             (uint32_t) position)
        futex(word, FUTEX_WAIT, seen);
      bench_ground->waited_ns += bench_now_ns() - *stamp;
      tell(&ring->tail, position);
    } else {
      bench_rest(LOAD_PAUSE_NS);
      *stamp = bench_now_ns();
      __atomic_store_n(word, (uint32_t) position, __ATOMIC_RELEASE);
      futex(word, FUTEX_WAKE, 1);
      while (look(&ring->tail) != position) continue;
    }
  }
}


const struct bench_side* bench_limit_channel(enum bench_what what) {
  static const struct bench_side sides[] = {
      {"limit", prepare, NULL, NULL, stream_turn, NULL, finish, 0},
      {"limit", prepare, NULL, NULL, slot_turn, NULL, finish, 0},
      {"limit", prepare, NULL, NULL, page_turn, NULL, finish, 0},
      {"limit", prepare, NULL, NULL, megabyte_turn, NULL, finish, 0},
      {"limit", prepare, NULL, NULL, loan_turn, NULL, finish, 0},
      {"limit", vyukov_prepare, NULL, NULL, vyukov_turn, NULL, finish, 0},
      {"limit", prepare, NULL, NULL, slot_turn, NULL, finish, 0},
      {"limit", prepare, NULL, NULL, trip_turn, NULL, finish, 0},
      {"limit", prepare, NULL, NULL, trip_turn, NULL, finish, 0},
      {"limit", prepare, NULL, NULL, sleep_turn, NULL, finish, 0}};

  return what < BENCH_STREAM || what > BENCH_TRIP_SLEEP
             ? bench_limit_cell(what)
             : &sides[what - BENCH_STREAM];
}
