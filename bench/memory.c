/* SPDX-License-Identifier: MIT */

#include "memory.h"

#include "bench.h"

#include "uvshm.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

/* What is promised (README): a mutex known by its name alone commits at most 64
 * KiB, and one process may have thousands of segments open, each of which costs
 * it one descriptor and no thread. */
#define PROMISED_KIB 64.0
#define SEGMENTS 4000u


static void row(const char* name,
                const char* unit,
                double ours,
                double promised) {
  double line = bench_calibrate();
  struct bench_row row = {name, unit, "promise", &ours, &promised, &line, 1, 0};

  bench_report(&row);
}


static void mutex_memory(void) {
  const char* name = bench_name("mutex-memory");
  uvshm_name_info_t info;
  uvshm_mutex_t* mutex;
  struct stat st;

  if (uvshm_mutex_open(&mutex, NULL, name, NULL) < 0) return;
  if (uvshm_name_info(name, 0, &info) == 0 &&
      stat(info.system_name, &st) == 0) {
    row("mutex by name, committed",
        "KiB",
        (double) info.committed_size / 1024,
        PROMISED_KIB);
    row("mutex by name, in the file",
        "KiB",
        (double) st.st_blocks / 2,
        PROMISED_KIB);
  }
  uvshm_mutex_close(mutex);
}


static unsigned int entries(const char* path) {
  DIR* folder = opendir(path);
  unsigned int count = 0;

  if (folder == NULL) return 0;
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}


/* The same segment, so that the machine's memory does not matter; its peers are
 * 4,000 handles of one process, which is more than one segment has room for, so
 * there are several. */
static void open_segments(void) {
  uvshm_segment_t** handles = calloc(SEGMENTS, sizeof(*handles));
  uvshm_segment_options_t options;
  unsigned int descriptors = entries("/proc/self/fd");
  unsigned int threads = entries("/proc/self/task");
  unsigned int count = 0;
  char name[80];

  if (handles == NULL) return;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.threads = options.objects = 1;
  for (; count < SEGMENTS; count++) {
    snprintf(name, sizeof(name), "%s-%u", bench_name("many"), count);
    if (uvshm_segment_open(&handles[count], name, &options) < 0) {
      fprintf(stderr, "bench: %s\n", uvshm_error_detail());
      break;
    }
  }
  row("segments open in one process", "", count, SEGMENTS);
  if (count > 0) {
    row("descriptors of an open segment",
        "",
        (double) (entries("/proc/self/fd") - descriptors) / count,
        1);
    if (entries("/proc/self/task") != threads)
      bench_fail("uvshm", "an open segment without a thread", 0);
  }
  while (count > 0) uvshm_segment_close(handles[--count]);
  free(handles);
}


void bench_memory(const char* only) {
  if (strstr("mutex by name", only) != NULL) mutex_memory();
  if (strstr("segments open in one process", only) != NULL) open_segments();
}
