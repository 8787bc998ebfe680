/* SPDX-License-Identifier: MIT */

/* A shop for tests of transactions: a segment with a mutex that has a log, and
 * accounts whose sum stays what it was. */

#ifndef UVSHM_TEST_TXN_DESK_H_
#define UVSHM_TEST_TXN_DESK_H_

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ACCOUNTS 16u
#define LOG_SIZE 2048u

/* What the transactions guard. The sum of the balances never changes. */
struct bank {
  int64_t balance[ACCOUNTS];
  uint64_t moves;
  uvshm_ref_t note; /* a block that says how many moves there were */
};


struct shop {
  uvshm_segment_t* segment;
  uvshm_mutex_t* lock;
  struct bank* bank;
};


static inline int open_shop(struct shop* shop,
                            const char* name,
                            uint32_t flags) {
  uvshm_segment_options_t options;
  uvshm_mutex_options_t with_log;
  uvshm_ref_t* root;
  int err;

  memset(shop, 0, sizeof(*shop));
  memset(&options, 0, sizeof(options));
  memset(&with_log, 0, sizeof(with_log));
  options.flags = flags;
  options.size = 1 << 18;
  options.max_size = 1 << 20;
  with_log.log_size = LOG_SIZE;
  err = uvshm_segment_open(&shop->segment, name, &options);
  if (err >= 0)
    err = uvshm_mutex_open(&shop->lock, shop->segment, "till", &with_log);
  if (err >= 0) err = uvshm_heap_root(shop->segment, "bank", &root);
  if (err < 0) return err;
  if (flags & UVSHM_CREATE) {
    err = uvshm_heap_calloc(
        shop->segment, (void**) &shop->bank, 1, sizeof(struct bank), 0);
    if (err == 0)
      err = uvshm_heap_publish(shop->segment, root, shop->bank, NULL);
  }
  shop->bank = uvshm_heap_pointer(
      shop->segment, uvshm_heap_get(root), sizeof(struct bank));
  return err;
}


static inline void close_shop(struct shop* shop) {
  uvshm_mutex_close(shop->lock);
  uvshm_segment_close(shop->segment);
}


static inline struct shop make_shop(const char* name) {
  struct shop shop;

  if (open_shop(&shop, name, UVSHM_CREATE) < 0)
    fail_msg("%s", uvshm_error_detail());
  assert_non_null(shop.bank);
  return shop;
}


static inline void is_well(const struct shop* shop) {
  if (uvshm_segment_check(shop->segment) < 0)
    fail_msg("%s", uvshm_error_detail());
}


static inline void begin(uvshm_txn_t* txn, struct shop* shop, int news) {
  int err = uvshm_txn_begin(txn, shop->lock, 15000);

  if (err != news) fail_msg("%d: %s", err, uvshm_error_detail());
}


static inline uint64_t blocks(const struct shop* shop) {
  uvshm_heap_info_t info;

  assert_int_equal(uvshm_heap_info(shop->segment, &info), 0);
  return info.blocks;
}


/* Move money, count it, and write a new note. 0 or a UV_E code. */
static inline int move(uvshm_txn_t* txn, struct shop* shop, uint64_t random) {
  struct bank* bank = shop->bank;
  int64_t* from = &bank->balance[random % ACCOUNTS];
  int64_t* to = &bank->balance[random / ACCOUNTS % ACCOUNTS];
  uint64_t* old = uvshm_heap_pointer(shop->segment, bank->note, 8);
  uint64_t* note;
  int err;

  err = uvshm_txn_save(txn, from, sizeof(*from));
  if (err == 0) err = uvshm_txn_save(txn, to, sizeof(*to));
  if (err == 0) err = uvshm_txn_save(txn, &bank->moves, sizeof(bank->moves));
  if (err == 0) err = uvshm_txn_save(txn, &bank->note, sizeof(bank->note));
  if (err == 0) err = uvshm_txn_alloc(txn, (void**) &note, 64);
  if (err == 0) err = uvshm_txn_free(txn, old);
  if (err < 0) return err;
  *from -= 7;
  *to += 7;
  bank->moves++;
  *note = bank->moves;
  bank->note = uvshm_heap_ref(shop->segment, note);
  return 0;
}


static inline void is_balanced(const struct shop* shop) {
  const struct bank* bank = shop->bank;
  const uint64_t* note = uvshm_heap_pointer(shop->segment, bank->note, 8);
  int64_t sum = 0;
  uint32_t i;

  for (i = 0; i < ACCOUNTS; i++) sum += bank->balance[i];
  assert_true(sum == 0);
  if (bank->moves != 0) {
    assert_non_null(note);
    assert_true(*note == bank->moves);
  }
}

#endif /* UVSHM_TEST_TXN_DESK_H_ */
