/* SPDX-License-Identifier: MIT */

/* What was stored to the image, word by word, so that it can be taken back and
 * done again. */

#ifndef UVSHM_TEST_LAB_JOURNAL_H_
#define UVSHM_TEST_LAB_JOURNAL_H_

#include <stddef.h>
#include <stdint.h>

/* One word of 8 bytes that changed, or, at LAB_PART, the end of a part of the
 * operation. */
struct lab_step {
  uint64_t offset;
  uint64_t before;
  uint64_t after;
};

#define LAB_PART UINT64_MAX

/* `reserve` bytes are mapped, of which `size` exist; it may become more. */
void lab_journal_begin(void* memory, size_t size, size_t reserve);

/* The same bytes at another address. */
void lab_journal_alias(void* memory);
void lab_journal_end(void);

/* Watch or do not; not watching, nothing may be stored. */
void lab_journal_watch(int on);

/* Where we are, and back to there. */
size_t lab_journal_mark(void);
void lab_journal_rollback(size_t mark);

/* The steps since `mark`, in memory of the caller's. */
struct lab_step* lab_journal_copy(size_t mark, size_t* count);

/* Do one step as the actor did. */
void lab_journal_apply(const struct lab_step* step);

/* A number that tells one content of the image from another. */
uint64_t lab_journal_hash(void);

/* Is the image what the stores that were seen say? Offset of a word that is
 * not, or -1. */
int64_t lab_journal_missed(void);

void lab_journal_part(void);

/* Called when more than `most` loads and stores were seen; 0 for never. Counts
 * from now. */
void lab_journal_limit(uint64_t most, void (*endless)(void));

/* Called before the `nth` load from the image from now on. */
void lab_journal_at_load(uint64_t nth, void (*then)(void));

#endif /* UVSHM_TEST_LAB_JOURNAL_H_ */
