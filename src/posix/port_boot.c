/* SPDX-License-Identifier: MIT */

/* The name of this boot, which the kernel draws at random when it starts. A
 * time of boot will not do: it moves when the clock is set. */

#include "posix.h"

#if defined(__APPLE__) || defined(__FreeBSD__)
# include <sys/sysctl.h>
#endif

#define UUID_SIZE 36


#if !defined(__FreeBSD__) /* which has it as a number */
static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}


static int parse_uuid(const char* text, size_t size, uint64_t id[2]) {
  uint64_t words[2] = {0, 0};
  size_t digits = 0;
  size_t i;
  int digit;

  for (i = 0; i < size && digits < 32; i++) {
    if (text[i] == '-') continue;
    digit = digit_of(text[i]);
    if (digit < 0) break;
    words[digits / 16] = words[digits / 16] << 4 | (uint64_t) digit;
    digits++;
  }
  if (digits != 32 || (words[0] | words[1]) == 0) return UV_ENOTSUP;
  id[0] = words[0];
  id[1] = words[1];
  return 0;
}
#endif


static int read_boot_id(uint64_t id[2]) {
#if defined(__FreeBSD__)
  size_t size = 2 * sizeof(*id);

  if (sysctlbyname("kern.boot_id", id, &size, NULL, 0) != 0) return UV_ENOTSUP;
  return size == 2 * sizeof(*id) ? 0 : UV_ENOTSUP;
#elif defined(__APPLE__)
  char text[UUID_SIZE + 1];
  size_t size = sizeof(text);

  if (sysctlbyname("kern.bootsessionuuid", text, &size, NULL, 0) != 0)
    return UV_ENOTSUP;
  return parse_uuid(text, size, id);
#else
  char text[UUID_SIZE + 1];
  long count = uvshm__posix_read(
      "/proc/sys/kernel/random/boot_id", text, sizeof(text) - 1);

  if (count == UV_EMFILE || count == UV_ENFILE) return (int) count;
  if (count < 0) return UV_ENOTSUP;
  return parse_uuid(text, (size_t) count, id);
#endif
}


int uvshm__port_boot_id(uint64_t id[2]) {
  static uvshm__a64_t cached[2];
  static uvshm__a32_t is_cached;
  int err;

  if (uvshm__a32_load_acquire(&is_cached)) {
    id[0] = uvshm__a64_load_relaxed(&cached[0]);
    id[1] = uvshm__a64_load_relaxed(&cached[1]);
    return 0;
  }
  err = read_boot_id(id);
  if (err < 0) return err;
  uvshm__a64_store_relaxed(&cached[0], id[0]);
  uvshm__a64_store_relaxed(&cached[1], id[1]);
  uvshm__a32_store_release(&is_cached, 1);
  return 0;
}
