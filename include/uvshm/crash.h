/* SPDX-License-Identifier: MIT */

/* Proof that a structure of your own survives a death at any instruction.
 *
 * For tests only. These functions are in a library of their own, uvshm_crash,
 * which is uvshm once more, compiled so that every store to a segment is seen.
 * Your test is compiled in the same way; in CMake that is
 *
 *   find_package(uvshm REQUIRED)
 *   uvshm_add_crash_test(queue-crash queue-crash.c queue.c)
 *
 * A killed process leaves behind exactly the stores that it had done. So your
 * operation is run once, every store that it makes is kept, and for each
 * content that the segment had in between: its process is dead, another one
 * repairs and looks whether all is well. Then the same once more with the
 * repairer killed at each of its own stores.
 *
 * Example: a counter and its double, which must never be seen apart.
 *
 *   #include <uvshm/crash.h>
 *
 *   static void run(uvshm_segment_t* segment, void* data) {
 *     uvshm_mutex_t* lock;
 *     UVSHM_CRASH_REQUIRE(uvshm_mutex_open(&lock, segment, "lock", NULL) == 0);
 *     UVSHM_CRASH_REQUIRE(uvshm_mutex_lock(lock, 0) == 0);
 *     change_both(segment);
 *     UVSHM_CRASH_REQUIRE(uvshm_mutex_unlock(lock) == 0);
 *     uvshm_mutex_close(lock);
 *   }
 *
 *   static void after(uvshm_segment_t* segment, void* data, uint32_t parts) {
 *     UVSHM_CRASH_REQUIRE(they_agree(segment));
 *   }
 *
 *   int main(void) {
 *     uvshm_crash_t test = {0};
 *     uvshm_crash_info_t info;
 *     test.name = "change both";
 *     test.run = run;
 *     test.after = after;
 *     return uvshm_crash_check(&test, &info) != 0;
 *   }
 *
 * It needs gcc or clang (any system, 32-bit x86 excepted). One thread; all the
 * "processes" are handles of this one.
 */

#ifndef UVSHM_CRASH_H_
#define UVSHM_CRASH_H_

#include "uvshm/segment.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One operation and what must be true of it. Zeroed members mean what is said
 * of them, or nothing. */
typedef struct uvshm_crash_s {
  uint32_t flags; /* 0 */

  const char* name; /* of the operation, for the line that is printed */

  /* How the segment is made; NULL: 64 KiB. `flags` and `label` in it do not
   * count. */
  const uvshm_segment_options_t* options;

  /* Handed to every callback. With a size, its bytes are put back after each
   * trial to what they were before the operation. */
  void* data;
  size_t data_size; /* of `data`, bytes */

  /* The start state. What it opens may stay open, for the operation. May be
   * NULL. */
  void (*before)(uvshm_segment_t* segment, void* data);

  /* The operation. It must come to its end without sleeping. If it has several
   * parts that it would have told its caller of, it calls uvshm_crash_commit()
   * after each. */
  void (*run)(uvshm_segment_t* segment, void* data);

  /* By a survivor, after uvshm_segment_repair(). What a program of yours does
   * when it is told UVSHM_OWNER_DIED belongs here. Called again by the next one
   * when this one is killed in it. May be NULL. */
  void (*repair)(uvshm_segment_t* segment, void* data);

  /* All have been repaired after. `parts` had been told, so what the segment
   * holds is what it held after so many parts, or after one more. Require what
   * must be true; then go on using the structure, to see that it can be. It may
   * change what it likes, and closes what it opens. */
  void (*after)(uvshm_segment_t* segment, void* data, uint32_t parts);
} uvshm_crash_t;

typedef struct uvshm_crash_info_s {
  uint32_t stores; /* of the operation, which changed something */
  uint32_t states; /* distinct contents at its death */
  uint32_t second; /* distinct contents at the repairer's death */
  uint32_t wrong;  /* 1: not as it must be; the search ends with the first */
  char text[512];  /* where that was, as a sentence */
} uvshm_crash_info_t;

/* All deaths of one operation. Prints a line.
 *
 *   0            whatever happens, it is as it must be
 *   UV_EPROTO    it is not; info->text says after which store
 *   UV_ENOTSUP   compiled in a way that does not show plain stores
 *
 * and what opening a segment may return. */
extern int uvshm_crash_check(const uvshm_crash_t* test,
                             uvshm_crash_info_t* info);

/* In `run`: one more part has been done, and told. */
extern void uvshm_crash_commit(void);

/* In `repair` and `after`: this content is wrong. Does not return. */
extern void uvshm_crash_abort(const char* sentence);

/* Require what must be true of this content, and say where it is not. The
 * first two are its parts. */
#define UVSHM_CRASH_TEXT(line) #line
#define UVSHM_CRASH_WHERE(file, line, text)                                    \
 file ":" UVSHM_CRASH_TEXT(line) ": not true: " text
#define UVSHM_CRASH_REQUIRE(condition)                                         \
 ((condition)                                                                  \
      ? (void) 0                                                               \
      : uvshm_crash_abort(UVSHM_CRASH_WHERE(__FILE__, __LINE__, #condition)))

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_CRASH_H_ */
