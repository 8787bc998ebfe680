/* SPDX-License-Identifier: MIT */

/* Measuring uvshm against what else there is.
 *
 * An absolute time says little: on a virtual machine the host moves the
 * processors about, and the price of a cache line changes sixfold within
 * seconds. So everything is measured in pairs, ours and an opponent's right
 * after each other, and what counts is the median of the ratios of the pairs.
 * Beside each row stands the calibration: how long one cache line took from
 * processor to processor and back while the row was measured.
 *
 * A side is one contestant in one discipline:
 *
 *   prepare   makes what is needed, once, in the first process
 *   open      attaches to it: in the first process, or in each of two children
 *   run       does it `count` times, alone
 *   turn      does it `count` times as process `me`, 1 or 2, beside another
 *             one; mutexes with bench_critical() in the middle
 *   close     undoes open; finish undoes prepare
 *
 * What a side does not need is NULL.
 */

#ifndef UVSHM_BENCH_H_
#define UVSHM_BENCH_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_side {
  const char* name; /* "uvshm", or the opponent's as in docs/benchmarks.md */
  int (*prepare)(void); /* negative: it cannot be had here */
  int (*open)(void);
  void (*run)(uint64_t count);
  void (*turn)(uint64_t count, uint32_t me);
  void (*close)(void);
  void (*finish)(void);
  int alone; /* 1: where two processes are measured, the second looks on */
};

enum bench_what {
  BENCH_MUTEX,
  BENCH_SEGMENT_OPEN,
  BENCH_SEGMENT_CREATE,
  BENCH_NOTIFY,
  BENCH_SEM,
  BENCH_HEAP_LIFO,
  BENCH_HEAP_MIXED,
  BENCH_MAP_GET,
  BENCH_MAP_PUT,
  BENCH_MAP_BESIDE, /* the first process reads, the second writes */
  BENCH_TXN,
  BENCH_STREAM, /* messages of 64 bytes, each published for itself */
  BENCH_STREAM_BATCH,
  BENCH_STREAM_4K,
  BENCH_STREAM_1M,
  BENCH_LOAN_1M, /* written and read in place, of each only the first line */
  BENCH_QUEUE,
  BENCH_TOPIC,
  BENCH_TRIP_POLL, /* there and back: both look again and again */
  BENCH_TRIP_BLOCK,
  BENCH_TRIP_SLEEP, /* one way, to somebody who sleeps */
  BENCH_LOOP,       /* the same to a loop that sleeps */
  BENCH_CELL_WRITE,
  BENCH_CELL_READ,
  BENCH_CELL_WRITE_1M,
  BENCH_CELL_READ_1M,
  BENCH_RWLOCK_READ, /* lock and unlock for reading */
  BENCH_COND_SIGNAL, /* nobody waits */
  BENCH_COND_TRIP    /* two processes wake each other, under a mutex */
};

/* Each contestant has a file of its own, which answers NULL when it has nothing
 * to show in a discipline. */
const struct bench_side* bench_uvshm(enum bench_what what);
const struct bench_side* bench_limit(enum bench_what what);
const struct bench_side* bench_pthread(enum bench_what what);
const struct bench_side* bench_boost(enum bench_what what);
const struct bench_side* bench_apr(enum bench_what what);
const struct bench_side* bench_lmdb(enum bench_what what);
const struct bench_side* bench_pipe(enum bench_what what);
const struct bench_side* bench_socket(enum bench_what what);
const struct bench_side* bench_mq(enum bench_what what);
const struct bench_side* bench_zmq(enum bench_what what);
const struct bench_side* bench_eventfd(enum bench_what what);

/* Ours again, in one process where the others have two. */
const struct bench_side* bench_alone(enum bench_what what);

/* The parts of bench_uvshm(), bench_limit() and bench_boost() that are about
 * structures, each in a file of its own. */
const struct bench_side* bench_uvshm_heap(enum bench_what what);
const struct bench_side* bench_uvshm_map(enum bench_what what);
const struct bench_side* bench_uvshm_txn(enum bench_what what);
const struct bench_side* bench_uvshm_channel(enum bench_what what);
const struct bench_side* bench_uvshm_loop(void);
const struct bench_side* bench_uvshm_cell(enum bench_what what);
const struct bench_side* bench_uvshm_locks(enum bench_what what);
const struct bench_side* bench_limit_structure(enum bench_what what);
const struct bench_side* bench_limit_channel(enum bench_what what);
const struct bench_side* bench_limit_cell(enum bench_what what);
const struct bench_side* bench_pthread_locks(enum bench_what what);
const struct bench_side* bench_boost_structure(enum bench_what what);
const struct bench_side* bench_boost_queue(enum bench_what what);
const struct bench_side* bench_boost_locks(enum bench_what what);

/* Bytes of an object to create: as many as uvshm's smallest segment with a
 * directory has. */
#define BENCH_OBJECT_SIZE (192u * 1024u)

/* Bytes that an object to open may have: BENCH_OBJECT_SIZE, or this much room
 * to grow, all of which is mapped. Set before it is prepared. */
#define BENCH_ROOM_SIZE (512u * 1024u * 1024u)

extern size_t bench_room;

/* ---- what all sides stand on (ground.c) ---------------------------------- */

/* In memory that children inherit and share, each part in lines of its own. */
struct bench_ground {
  unsigned char room[2048]; /* the side's: its lock or semaphore */
  volatile uint32_t go;
  unsigned char unused1[124];
  volatile uint32_t stop;
  unsigned char unused2[124];
  volatile uint64_t counter; /* what a lock guards */
  volatile uint64_t handoffs;
  volatile uint32_t last;
  unsigned char unused3[108];
  volatile uint64_t done[2];    /* by each child */
  volatile uint64_t ended_ns;   /* the first child, of messages */
  volatile uint64_t waited_ns;  /* by the messages, of what was asleep */
  volatile uint64_t evicted[2]; /* how often it lost its processor */
  volatile int failed;
};

extern struct bench_ground* bench_ground;

/* In the critical section of two processes that contend. */
static inline void bench_critical(uint32_t me) {
  struct bench_ground* ground = bench_ground;

  ground->counter = ground->counter + 1;
  if (ground->last == me) return;
  ground->last = me;
  ground->handoffs = ground->handoffs + 1;
}


int bench_ground_make(void);

/* A name that nobody else uses, in this process and its children. */
const char* bench_name(const char* stem);

/* An operation of a side failed in the middle of a measurement. */
void bench_fail(const char* side, const char* what, int code);

uint64_t bench_now_ns(void);

/* Do nothing for so long, without giving the processor away. */
void bench_rest(uint64_t ns);

/* Processor time of this thread: what others do on the machine is not in it. */
uint64_t bench_cpu_ns(void);

/* Run on the first or second processor that we may use. Negative: no such. */
int bench_pin(uint32_t index);

/* Nanoseconds of a cache line's way to the other processor and back; 0: there
 * is no other one, or others use it all the time. */
double bench_calibrate(void);

/* ---- measuring (measure.c) ----------------------------------------------- */

/* Nanoseconds of processor time for one operation of a side; negative: it
 * cannot be had. */
double bench_loop(const struct bench_side* side, uint64_t count);

struct bench_contest {
  double locks;    /* millions a second, both processes together */
  double handoffs; /* millions a second */
  int disturbed;   /* 1: somebody else took a processor away meanwhile */
};

/* Two processes for `ms` milliseconds, in each other's way only as far as what
 * they do makes it so: millions of operations a second, both together; with
 * `first` 1, of the first process only. Negative: it cannot be had. */
double bench_crowd(const struct bench_side* side,
                   uint32_t ms,
                   int first,
                   int* disturbed);

/* The second process sends to the first, or they answer each other, for about
 * `ms` milliseconds: nanoseconds for each message; with `asleep` those between
 * a message's sending and its receiver's going on. turn() as process 1 takes
 * exactly `count` messages, as process 2 it sends so many. Negative: it cannot
 * be had. */
double bench_pass(const struct bench_side* side,
                  uint32_t ms,
                  int asleep,
                  int* disturbed);

/* `count` round trips of BENCH_TRIP_POLL or BENCH_TRIP_BLOCK, each by itself:
 * load_trips_ns. 0, or negative: it cannot be had. */
int bench_trips(const struct bench_side* side, uint64_t count, int* disturbed);

/* Two processes for `ms` milliseconds, each with `work` rounds of something
 * else between two locks. Negative locks: it cannot be had. */
struct bench_contest bench_contend(const struct bench_side* side,
                                   uint32_t ms,
                                   uint32_t work);

/* Rates of streams by size of message, and round trips in percentiles, to
 * `json` (curve.c). */
int bench_curves(const char* json, unsigned int repeats);

/* ---- results (report.c) -------------------------------------------------- */

struct bench_row {
  const char* name;
  const char* unit;
  const char* against;
  double* ours; /* one for each pair, in the row's unit */
  double* theirs;
  double* calibration_ns;
  size_t pairs;
  size_t disturbed; /* of them */
};

void bench_report_begin(const char* json);
void bench_report(const struct bench_row* row);
int bench_report_end(void);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_BENCH_H_ */
