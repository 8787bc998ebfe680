/* SPDX-License-Identifier: MIT */

/* LMDB in /dev/shm, written without syncing to a disk that is none: a reader
 * sees what is new, so it renews its transaction for every get; every put is a
 * transaction of its own, as it is ours. */

#include "bench.h"
#include "load.h"

#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

#define FLAGS (MDB_NOSUBDIR | MDB_NOSYNC | MDB_WRITEMAP | MDB_NOTLS)

static MDB_env* env;
static MDB_dbi dbi;
static MDB_txn* reader;
static uint64_t next;
static char path[128];


static void must(int code, const char* what) {
  if (code != 0) bench_fail("LMDB", what, code);
}


static int attach(void) {
  MDB_txn* txn;

  next = 0;
  if (mdb_env_create(&env) != 0) return -1;
  mdb_env_set_mapsize(env, LOAD_MAP_SIZE);
  if (mdb_env_open(env, path, FLAGS, 0600) != 0) return -1;
  must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
  must(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &dbi), "open");
  must(mdb_txn_commit(txn), "commit");
  must(mdb_txn_begin(env, NULL, MDB_RDONLY, &reader), "begin");
  mdb_txn_reset(reader);
  return 0;
}


static void detach(void) {
  mdb_txn_abort(reader);
  mdb_env_close(env);
}


static void put_in(MDB_txn* txn) {
  unsigned char bytes[LOAD_VALUE];
  uint64_t number = load_key(next++);
  MDB_val key = {sizeof(number), &number};
  MDB_val value = {sizeof(bytes), bytes};

  load_value(bytes, number);
  must(mdb_put(txn, dbi, &key, &value, 0), "put");
}


static void put(uint64_t count) {
  MDB_txn* txn;

  while (count-- > 0) {
    must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    put_in(txn);
    must(mdb_txn_commit(txn), "commit");
  }
}


static void get(uint64_t count) {
  unsigned char bytes[LOAD_VALUE];
  uint64_t number;
  MDB_val key = {sizeof(number), &number};
  MDB_val value;

  while (count-- > 0) {
    number = load_key(next++);
    must(mdb_txn_renew(reader), "renew");
    must(mdb_get(reader, dbi, &key, &value), "get");
    memcpy(bytes, value.mv_data, sizeof(bytes));
    __asm__ volatile("" : : "r"(bytes) : "memory");
    mdb_txn_reset(reader);
  }
}


static void remove_files(void) {
  char lock[140];

  snprintf(lock, sizeof(lock), "%s-lock", path);
  unlink(lock);
  unlink(path);
}


/* An environment is not for both sides of a fork: each process opens it. */
static int prepare(void) {
  MDB_txn* txn;
  uint32_t i;

  snprintf(path, sizeof(path), "/dev/shm/%s", bench_name("lmdb"));
  remove_files();
  if (attach() < 0) return -1;
  must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
  for (i = 0; i < LOAD_KEYS; i++) put_in(txn);
  must(mdb_txn_commit(txn), "commit");
  detach();
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


const struct bench_side* bench_lmdb(enum bench_what what) {
  static const struct bench_side gets = {
      "LMDB", prepare, attach, get, get_turn, detach, remove_files, 0};
  static const struct bench_side puts = {
      "LMDB", prepare, attach, put, NULL, detach, remove_files, 0};
  static const struct bench_side beside = {
      "LMDB", prepare, attach, get, beside_turn, detach, remove_files, 0};

  switch (what) {
    case BENCH_MAP_GET:
      return &gets;
    case BENCH_MAP_PUT:
      return &puts;
    case BENCH_MAP_BESIDE:
      return &beside;
    default:
      return NULL;
  }
}
