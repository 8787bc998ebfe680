/* SPDX-License-Identifier: MIT */

#include "plumbing.h"

#include <limits.h>

#define FILE_TYPE 0170000u
#define FILE_REGULAR 0100000u


int plumbing_read(void* bytes, size_t size) {
  unsigned int most = size < INT_MAX ? (unsigned int) size : INT_MAX;
  uv_buf_t buf = uv_buf_init(bytes, most);
  for (;;) {
    uv_fs_t req;
    int count = uv_fs_read(NULL, &req, 0, &buf, 1, -1, NULL);
    uv_fs_req_cleanup(&req);
    if (count == UV_EOF) return 0;
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
