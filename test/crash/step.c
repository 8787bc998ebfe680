/* SPDX-License-Identifier: MIT */

/* A death at every instruction of the library as it is compiled for release.
 *
 * For each operation (ops.c) a child is stepped through it, one instruction at
 * a time; whenever the segment's bytes have changed they are kept. Then the
 * child is killed, and each of the images is put where the segment is: it is
 * what a kill at that instruction leaves behind, and its owner is dead, as the
 * kernel will say. A survivor repairs and looks. Then, at some of the
 * instructions, without images: a child is stepped up to there and killed.
 *
 *   step             every operation
 *   step NAME...     these
 *
 * Linux, any processor that can be stepped through.
 */

#include "crash/ops.h"

#include "base/error.h"

#include "object/attach.h"
#include "object/lanes.h"
#include "object/segment.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* So many times in each operation somebody is really killed there. */
#define KILLS 12u

/* The words that changed since the image before. */
struct image {
  uint64_t step;
  uint32_t parts;
  size_t first;
  size_t count;
};

struct word {
  size_t offset;
  uint64_t value;
};

static struct {
  const uvshm_crash_t* op;
  char name[64];            /* of the segment */
  uvshm_segment_t* segment; /* the survivor's */
  struct uvshm__attach* attach;
  unsigned char* base;
  size_t reserve;
  unsigned char* shadow; /* the last image */
  struct image* images;
  size_t count;
  struct word* words;
  size_t words_count;
  uint64_t steps;
  uint32_t* parts; /* shared with the child */
  int in_trial;
  jmp_buf out;
  char why[512];
} run;

/* ---- what operations call ------------------------------------------------ */

void uvshm_crash_commit(void) {
  ++*run.parts;
}


void uvshm_crash_abort(const char* sentence) {
  snprintf(run.why, sizeof(run.why), "%s (%s)", sentence, uvshm_error_detail());
  if (run.in_trial) longjmp(run.out, 1);
  fprintf(stderr, "step: %s: %s\n", run.op->name, run.why);
  _exit(3);
}


static void must(int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "step: %s: %s\n", run.op->name, what);
  exit(2);
}

/* ---- the child ----------------------------------------------------------- */

/* Between its two stops lies the operation. */
static void child(void) {
  uvshm_segment_options_t options = *run.op->options;
  uvshm_segment_t* segment;

  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  options.flags = 0;
  if (uvshm_segment_open(&segment, run.name, &options) < 0) _exit(4);
  run.op->before(segment, NULL);
  raise(SIGSTOP);
  run.op->run(segment, NULL);
  raise(SIGSTOP);
  _exit(5); /* is killed before */
}


static pid_t start_child(void) {
  pid_t pid = fork();
  int status;

  must(pid >= 0, "fork");
  if (pid == 0) child();
  must(waitpid(pid, &status, 0) == pid, "wait");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) exit(77);
  must(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "no first stop");
  return pid;
}


/* One instruction; 0: the operation is over. */
static int step(pid_t pid) {
  int status;

  must(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0, "step");
  must(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "it ended");
  if (WSTOPSIG(status) == SIGSTOP) return 0;
  must(WSTOPSIG(status) == SIGTRAP, "a signal");
  return 1;
}


static void kill_child(pid_t pid) {
  int status;

  kill(pid, SIGKILL);
  while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status)) continue;
}

/* ---- images -------------------------------------------------------------- */

static void open_segment(void) {
  uvshm_segment_options_t options = *run.op->options;
  struct uvshm__lane* lane;

  snprintf(run.name,
           sizeof(run.name),
           "crash-step-%d-%llx",
           (int) getpid(),
           (unsigned long long) random());
  options.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE;
  must(uvshm_segment_open(&run.segment, run.name, &options) == 0, "open");
  run.attach = uvshm__segment_attach(run.segment);
  /* So that every image has the survivor's lane. */
  must(uvshm__lane_get(run.attach, &lane) == 0, "lane");
  run.base = run.attach->core.base;
}


/* What exists of it; it may grow on the way. */
static size_t size_now(void) {
  return (size_t) uvshm__attach_committed(run.attach);
}


static uint64_t word_at(const unsigned char* bytes, size_t offset) {
  uint64_t word;

  memcpy(&word, bytes + offset, sizeof(word));
  return word;
}


/* Arrays double when their count is a power of two. */
static void* make_room(void* array, size_t count, size_t size) {
  if (count == 0) return realloc(array, 64 * size);
  if (count < 64 || (count & (count - 1)) != 0) return array;
  return realloc(array, 2 * count * size);
}


static void keep_word(size_t offset, uint64_t value) {
  run.words = make_room(run.words, run.words_count, sizeof(run.words[0]));
  must(run.words != NULL, "memory");
  run.words[run.words_count].offset = offset;
  run.words[run.words_count++].value = value;
  memcpy(run.shadow + offset, &value, sizeof(value));
}


static void keep_image(void) {
  size_t size = size_now();
  struct image* image;
  size_t offset;

  run.images = make_room(run.images, run.count, sizeof(run.images[0]));
  must(run.images != NULL, "memory");
  image = &run.images[run.count++];
  image->step = run.steps;
  image->parts = *run.parts;
  image->first = run.words_count;
  for (offset = 0; offset < size; offset += 8)
    if (word_at(run.base, offset) != word_at(run.shadow, offset))
      keep_word(offset, word_at(run.base, offset));
  image->count = run.words_count - image->first;
}


static void free_images(void) {
  free(run.images);
  free(run.words);
  run.images = NULL;
  run.words = NULL;
  run.count = run.words_count = 0;
}


static void record(void) {
  pid_t pid;

  *run.parts = 0;
  run.steps = 0;
  memset(run.shadow, 0, run.reserve);
  pid = start_child();
  keep_image();
  while (step(pid)) {
    run.steps++;
    if (memcmp(run.shadow, run.base, size_now()) != 0 ||
        run.images[run.count - 1].parts != *run.parts)
      keep_image();
  }
  kill_child(pid);
}

/* ---- trials -------------------------------------------------------------- */

/* The segment as in this image, which is the one after that of the last
 * call. */
static void put_image(const struct image* image) {
  size_t i;

  for (i = image->first; i < image->first + image->count; i++)
    memcpy(run.shadow + run.words[i].offset,
           &run.words[i].value,
           sizeof(run.words[i].value));
  memcpy(run.base, run.shadow, size_now());
}


/* 1: whoever comes next finds all well. */
static int survive(uint32_t parts) {
  run.in_trial = 1;
  if (setjmp(run.out) != 0) {
    run.in_trial = 0;
    return 0;
  }
  if (uvshm_segment_repair(run.segment, NULL) < 0)
    uvshm_crash_abort("it cannot be repaired");
  if (run.op->repair != NULL) run.op->repair(run.segment, NULL);
  if (uvshm_segment_check(run.segment) < 0) uvshm_crash_abort("it is damaged");
  run.op->after(run.segment, NULL, parts);
  run.in_trial = 0;
  return 1;
}


/* Without images: a child that is really killed after so many steps. */
static int survive_a_kill(const struct image* image) {
  uint64_t steps;
  int survived;
  pid_t pid;

  open_segment();
  *run.parts = 0;
  pid = start_child();
  /* Not the same way as the first: maps have a random seed. */
  for (steps = 0; steps < image->step && step(pid); steps++) continue;
  kill_child(pid);
  survived = survive(*run.parts);
  uvshm_segment_close(run.segment);
  return survived;
}


static void note(size_t* wrong, const struct image* image) {
  if ((*wrong)++ != 0) return;
  fprintf(stderr,
          "step: %s: after instruction %llu: %s\n",
          run.op->name,
          (unsigned long long) image->step,
          run.why);
}


static int prove(const uvshm_crash_t* op) {
  size_t wrong = 0;
  size_t kills = 0;
  size_t i;

  run.op = op;
  open_segment();
  run.reserve = (size_t) run.attach->core.reach;
  run.shadow = calloc(1, run.reserve);
  must(run.shadow != NULL, "memory");
  record();
  memset(run.shadow, 0, run.reserve);
  for (i = 0; i < run.count; i++) {
    put_image(&run.images[i]);
    if (!survive(run.images[i].parts)) note(&wrong, &run.images[i]);
  }
  uvshm_segment_close(run.segment);
  for (i = 0; i < run.count && wrong == 0; i += run.count / KILLS + 1) {
    if (!survive_a_kill(&run.images[i])) note(&wrong, &run.images[i]);
    kills++;
  }
  printf("step: %s: %llu instructions, %zu images, %zu kills, %zu wrong\n",
         op->name,
         (unsigned long long) run.steps,
         run.count,
         kills,
         wrong);
  fflush(stdout);
  free_images();
  free(run.shadow);
  return wrong == 0;
}


static int is_wanted(int argc, char** argv, const char* name) {
  int i;

  for (i = 1; i < argc; i++)
    if (strcmp(argv[i], name) == 0) return 1;
  return argc == 1;
}


int main(int argc, char** argv) {
  int failed = 0;
  size_t i;

  srandom((unsigned int) uv_hrtime());
  run.parts = mmap(NULL,
                   sizeof(*run.parts),
                   PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS,
                   -1,
                   0);
  if (run.parts == MAP_FAILED) return 2;
  for (i = 0; i < crash_ops_count; i++)
    if (is_wanted(argc, argv, crash_ops[i].name))
      failed |= !prove(&crash_ops[i]);
  return failed;
}
