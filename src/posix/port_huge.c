/* SPDX-License-Identifier: MIT */

/* Huge pages: asked for by alignment and advice, and reported as the kernel
 * tells it. madvise() succeeds even where shared memory never gets them, so its
 * result is no answer; the mapping's own line in /proc/self/smaps is. */

#include "posix.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sys/mman.h>

#define HUGE_SIZE ((size_t) 2 << 20)

#ifndef MAP_ANONYMOUS
# define MAP_ANONYMOUS MAP_ANON
#endif


/* Reserve too much, map over the aligned part, give the ends back. */
int uvshm__posix_map_huge(
    void** addr, int fd, uint64_t offset, size_t size, int prot, int flags) {
  size_t page = (size_t) uvshm__port_page_size();
  size_t whole = (size + page - 1) / page * page;
  size_t head;
  unsigned char* at;

  at = mmap(
      NULL, whole + HUGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return uvshm__posix_error(errno);

  /* The file's huge pages begin at multiples of the size in the file. */
  head = (HUGE_SIZE + (size_t) (offset % HUGE_SIZE) -
          (size_t) ((uintptr_t) at % HUGE_SIZE)) %
         HUGE_SIZE;
  if (mmap(at + head, whole, prot, flags | MAP_FIXED, fd, (off_t) offset) ==
      MAP_FAILED) {
    head = (size_t) errno;
    munmap(at, whole + HUGE_SIZE);
    return uvshm__posix_error((int) head);
  }
  if (head > 0) munmap(at, head);
  munmap(at + head + whole, HUGE_SIZE - head);
  *addr = at + head;
  return 0;
}


#if defined(MADV_HUGEPAGE) && !defined(UVSHM__PORT_FALLBACK)
/* Does the kernel call the mapping at `addr` eligible? */
static uint32_t is_eligible(const void* addr) {
  FILE* smaps = fopen("/proc/self/smaps", "re");
  uintptr_t from;
  uintptr_t to;
  unsigned eligible = 0;
  char line[512];
  int inside = 0;

  if (smaps == NULL) return 0;
  while (fgets(line, sizeof(line), smaps) != NULL) {
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
      inside = (uintptr_t) addr >= from && (uintptr_t) addr < to;
    else if (inside && sscanf(line, "THPeligible: %u", &eligible) == 1)
      break;
  }
  fclose(smaps);
  return eligible != 0;
}
#endif


int uvshm__port_huge(void* addr, uint64_t size, uint32_t* got) {
#if defined(MADV_HUGEPAGE) && !defined(UVSHM__PORT_FALLBACK)
  int err = madvise(addr, (size_t) size, MADV_HUGEPAGE);

  if (err != 0 && errno != EINVAL) return uvshm__posix_error(errno);
  *got = err == 0 ? is_eligible(addr) : 0;
#else
  (void) addr;
  (void) size;
  *got = 0;
#endif
  return 0;
}
