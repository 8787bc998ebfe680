/* SPDX-License-Identifier: MIT */

/* A server that forks its workers first, and shares memory with them without
 * any name: the parent makes an anonymous segment, each worker inherits it at
 * the same address and rejoins.
 *
 *   prefork [JOBS]
 *
 * Workers take jobs, each builds a text in a block that grows (realloc), and
 * publishes it. One worker is killed in the middle; its successor does its job
 * again, and what the dead one had allocated is nobody's loss. The parent reads
 * all results and says what it found; it ends with 1 if anything is missing. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uvshm.h>

#define WORKERS 4
#define JOBS 400
#define PATIENCE_MS 10000
#define SIZE (8u << 20) /* above 2 MiB huge pages are worth asking for */
#define HUGE_FROM (2u << 20)
#define NO_JOB UINT32_MAX

/* All in shared memory, at the same address in every worker. What could be
 * freed while others look has a uvshm_ref_t; these blocks stay. */
struct board {
  uint32_t next; /* under the lock */
  uint32_t jobs;
  uint32_t done;           /* under the lock */
  uint32_t doing[WORKERS]; /* under the lock; NO_JOB */
  uvshm_ref_t results[];   /* of each job */
};

static uvshm_segment_t* segment;
static uvshm_mutex_t* lock;
static struct board* board;
static char* settings; /* one page, which workers can only read */


static void die(const char* what, int err) {
  fprintf(stderr, "prefork: %s: %s\n", what, uvshm_strerror(err));
  exit(1);
}


static void must(const char* what, int err) {
  if (err < 0) die(what, err);
}


/* ---- worker -------------------------------------------------------------- */

/* What the one before in this place had begun, or the next one. */
static uint32_t take_job(int place) {
  uint32_t job;

  must("lock", uvshm_mutex_lock(lock, PATIENCE_MS));
  job = board->doing[place];
  if (job == NO_JOB && board->next < board->jobs) job = board->next++;
  board->doing[place] = job;
  uvshm_mutex_unlock(lock);
  return job;
}


/* realloc keeps what is in the block, wherever it moves. The block is this
 * worker's alone until it is published. */
static void do_job(int place, uint32_t job, int dies) {
  char* text;
  size_t size = 0;
  void* block;

  must("malloc", uvshm_heap_alloc(segment, &block, 1, 0));
  for (uint32_t i = 0; i <= job % 50; i++) {
    must("realloc", uvshm_heap_resize(segment, &block, size + 32));
    text = block;
    size += (size_t) snprintf(
        text + size, 32, "%s%u", i == 0 ? settings : ",", (unsigned) (job + i));
  }
  if (dies) raise(SIGKILL);
  must("lock", uvshm_mutex_lock(lock, PATIENCE_MS));
  if (uvshm_heap_get(&board->results[job]).offset == 0) {
    must("publish",
         uvshm_heap_publish(segment, &board->results[job], block, NULL));
    board->done++;
  } else {
    uvshm_heap_free(segment, block);
  }
  board->doing[place] = NO_JOB;
  uvshm_mutex_unlock(lock);
}


static void work(int place, int dies) {
  uint32_t job;

  must("rejoin", uvshm_segment_rejoin(segment));
  must("protect", uvshm_heap_protect(segment, settings, UVSHM_PROTECT_READ));
  while ((job = take_job(place)) != NO_JOB) do_job(place, job, dies);
  uvshm_segment_close(segment);
  _exit(0);
}


/* ---- parent -------------------------------------------------------------- */

static pid_t start(int place, int dies) {
  pid_t pid = fork();

  if (pid == 0) work(place, dies);
  if (pid < 0) {
    perror("prefork: fork");
    exit(1);
  }
  return pid;
}


static void make(uint32_t jobs) {
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE, .size = SIZE};
  uvshm_segment_info_t info;
  void* block;

  if (options.size > HUGE_FROM) options.flags |= UVSHM_SEGMENT_HUGE;
  must("segment", uvshm_segment_open(&segment, NULL, &options));
  must("info", uvshm_segment_info(segment, &info));
  printf("prefork: %u bytes, huge pages: %s\n",
         SIZE,
         info.region.huge ? "yes" : "not here");
  must("mutex", uvshm_mutex_open(&lock, segment, "lock", NULL));
  must("calloc",
       uvshm_heap_calloc(segment,
                         &block,
                         1,
                         sizeof(*board) + jobs * sizeof(uvshm_ref_t),
                         UVSHM_HEAP_SHARED));
  board = block;
  board->jobs = jobs;
  for (int i = 0; i < WORKERS; i++) board->doing[i] = NO_JOB;
  must(
      "malloc",
      uvshm_heap_alloc_aligned(
          segment, &block, 65536, UVSHM_HEAP_ALIGNMENT_MAX, UVSHM_HEAP_SHARED));
  settings = block;
  strcpy(settings, "numbers ");
}


/* Waits for all, and fills again each place whose worker was lost. The first
 * one in the first place is: see do_job(). */
static int supervise(void) {
  pid_t pids[WORKERS];
  int killed = 0;
  int left = WORKERS;
  int status;

  for (int i = 0; i < WORKERS; i++) pids[i] = start(i, i == 0);
  while (left > 0) {
    pid_t pid = wait(&status);

    for (int i = 0; i < WORKERS; i++) {
      if (pids[i] != pid) continue;
      if (WIFEXITED(status) && WEXITSTATUS(status) != 0) exit(1);
      if (WIFEXITED(status)) {
        left--;
      } else {
        killed++;
        pids[i] = start(i, 0);
      }
    }
  }
  return killed;
}


static int is_right(uint32_t job, const char* text) {
  const char* at = text + strlen(settings);

  if (text == NULL || strncmp(text, settings, strlen(settings)) != 0) return 0;
  for (uint32_t i = 0; i <= job % 50; i++) {
    if (strtoul(at, (char**) &at, 10) != job + i) return 0;
    if (*at == ',') at++;
  }
  return *at == '\0';
}


int main(int argc, char** argv) {
  uint32_t jobs = argc > 1 ? (uint32_t) strtoul(argv[1], NULL, 10) : JOBS;
  uvshm_heap_info_t heap;
  uint32_t wrong = 0;
  int killed;

  make(jobs);
  killed = supervise();
  for (uint32_t i = 0; i < jobs; i++) {
    uvshm_ref_t ref = uvshm_heap_get(&board->results[i]);
    char* text = uvshm_heap_pointer(segment, ref, 1);

    if (text == NULL || !is_right(i, text))
      wrong++;
    else
      uvshm_heap_free(segment, text);
  }
  must("repair", uvshm_segment_repair(segment, NULL));
  must("info", uvshm_heap_info(segment, &heap));
  printf(
      "prefork: %u jobs by %d workers, %d killed: %u wrong or missing, "
      "%u blocks left over\n",
      (unsigned) jobs,
      WORKERS,
      killed,
      (unsigned) wrong,
      (unsigned) (heap.blocks - 2)); /* the board, the settings */
  uvshm_mutex_close(lock);
  uvshm_segment_close(segment);
  return wrong != 0 || heap.blocks != 2;
}
