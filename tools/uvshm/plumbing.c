/* SPDX-License-Identifier: MIT */

#include "plumbing.h"
#include "stop.h"
#include "text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define BESIDE 65536u

#define FILE_TYPE 0170000u
#define FILE_REGULAR 0100000u


static int read_once(uv_file file, void* bytes, size_t size) {
  unsigned int most = size < INT_MAX ? (unsigned int) size : INT_MAX;
  uv_buf_t buf = uv_buf_init(bytes, most);
  uv_fs_t req;
  int count = uv_fs_read(NULL, &req, file, &buf, 1, -1, NULL);
  uv_fs_req_cleanup(&req);
  return count == UV_EOF ? 0 : count;
}


/* Wine refuses, before it reads anything, memory that another process has
 * committed (ERROR_INVALID_USER_BUFFER, which libuv does not know). */
static int read_beside(uv_file file, void* bytes, size_t size) {
  size_t room = size < BESIDE ? size : BESIDE;
  void* beside = text_alloc(room);
  int count = read_once(file, beside, room);
  if (count > 0) memcpy(bytes, beside, (size_t) count);
  free(beside);
  return count;
}


int plumbing_read_from(uv_file file, void* bytes, size_t size) {
  int count = read_once(file, bytes, size);
  return count == UV_UNKNOWN ? read_beside(file, bytes, size) : count;
}


int plumbing_read(void* bytes, size_t size) {
  for (;;) {
    int count = plumbing_read_from(0, bytes, size);
    if (stop_came()) return UV_ECANCELED;
    if (count == UV_EINTR) continue;
    if (count != UV_EAGAIN) return count;
    /* Somebody else made the pipe behind it non-blocking. */
    uv_sleep(1);
  }
}


/* `size` bytes of them are out. */
static void skip(uv_buf_t** bufs, unsigned int* count, size_t size) {
  while (*count > 0 && size >= (*bufs)->len) {
    size -= (*bufs)->len;
    ++*bufs;
    --*count;
  }
  if (size == 0) return;
  (*bufs)->base += size;
  (*bufs)->len -= (unsigned int) size;
}


int plumbing_write(uv_buf_t* bufs, unsigned int count) {
  while (count > 0) {
    uv_fs_t req;
    int written = uv_fs_write(NULL, &req, 1, bufs, count, -1, NULL);
    uv_fs_req_cleanup(&req);
    if (stop_came()) return UV_ECANCELED;
    if (written == UV_EINTR) continue;
    if (written == UV_EAGAIN) {
      uv_sleep(1);
      continue;
    }
    if (written < 0) return written;
    skip(&bufs, &count, (size_t) written);
  }
  return 0;
}


uint64_t plumbing_left(void) {
  uv_fs_t req;
  uint64_t size = 0;
  if (uv_fs_fstat(NULL, &req, 0, NULL) == 0 &&
      (req.statbuf.st_mode & FILE_TYPE) == FILE_REGULAR)
    size = req.statbuf.st_size;
  uv_fs_req_cleanup(&req);
  return size;
}
