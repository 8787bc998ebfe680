/* SPDX-License-Identifier: MIT */

/* The two ends of `uvshm demo`: a writer that puts a file into the buffers, and
 * a reader that takes it out. Each is a process of its own and needs no loop.
 *
 *   writer                            reader
 *   wait(empty)                       wait(full)
 *   fill buffer head                  sum up buffer tail
 *   lock; head++; unlock              lock; tail++; unlock
 *   post(full)                        post(empty)
 *
 * A semaphore puts the one who is ahead to sleep; the mutex guards the numbers
 * that both and the parent read.
 */

#include "checksum.h"
#include "commands.h"
#include "demo.h"
#include "report.h"
#include "text.h"

#include <uv.h>


/* Take the mutex. A dead owner left a half-made change; a demonstration does
 * not go on with that. */
static int enter(struct demo* demo) {
  int err = uvshm_mutex_lock(demo->lock, DEMO_PATIENCE_MS);
  if (err != UVSHM_OWNER_DIED) return err;
  uvshm_mutex_unlock(demo->lock);
  return UV_ECANCELED;
}


static int leave(struct demo* demo) {
  return uvshm_mutex_unlock(demo->lock);
}


/* As many bytes of the file as fit: how many, or a UV_E code. */
static int fill(uv_file file, char* buffer) {
  unsigned int size = 0;
  while (size < DEMO_BUFFER_SIZE) {
    uv_fs_t req;
    uv_buf_t buf = uv_buf_init(buffer + size, DEMO_BUFFER_SIZE - size);
    int count = uv_fs_read(NULL, &req, file, &buf, 1, -1, NULL);
    uv_fs_req_cleanup(&req);
    if (count == UV_EOF) count = 0;
    if (count < 0) return count;
    if (count == 0) break;
    size += (unsigned int) count;
  }
  return (int) size;
}


/* Hand buffer `head` over. */
static int sent(struct demo* demo, uint64_t head, uint32_t size, uint32_t sum) {
  int err = enter(demo);
  if (err < 0) return err;
  demo->board->used[head % DEMO_BUFFERS] = size;
  demo->board->head = head + 1;
  demo->board->sent += size;
  demo->board->sent_sum = sum;
  err = leave(demo);
  return err < 0 ? err : uvshm_sem_post(demo->full, 1);
}


static int send_file(struct demo* demo, uv_file file) {
  uint32_t sum = 0;
  demo->board->started_ns = uv_hrtime();
  for (uint64_t head = 0;; head++) {
    char* buffer = demo_buffer(demo, head);
    int err = uvshm_sem_wait(demo->empty, DEMO_PATIENCE_MS);
    if (err < 0) return err;
    int size = fill(file, buffer);
    if (size < 0) return size;
    sum = checksum(sum, buffer, (size_t) size);
    err = sent(demo, head, (uint32_t) size, sum);
    if (err < 0 || size == 0) return err;
  }
}


int cmd_demo_writer(const struct args* args) {
  struct demo demo;
  uv_fs_t req;
  int err = demo_join(&demo, args->operands[0], "demo writer");
  if (err >= 0) {
    uv_file file =
        uv_fs_open(NULL, &req, args->operands[1], UV_FS_O_RDONLY, 0, NULL);
    uv_fs_req_cleanup(&req);
    err = file < 0 ? file : send_file(&demo, file);
  }
  int code = err < 0 ? report(err) : EXIT_OK;
  demo_close(&demo);
  return code;
}


/* What buffer `tail` holds; a number out of shared memory is read once, and
 * believed only within bounds. */
static int size_of(struct demo* demo, uint64_t tail, uint32_t* size) {
  int err = enter(demo);
  if (err < 0) return err;
  *size = demo->board->used[tail % DEMO_BUFFERS];
  err = leave(demo);
  return *size > DEMO_BUFFER_SIZE ? UV_EPROTO : err;
}


static int received(struct demo* demo,
                    uint64_t tail,
                    uint32_t size,
                    uint32_t sum) {
  int err = enter(demo);
  if (err < 0) return err;
  demo->board->tail = tail + 1;
  demo->board->received += size;
  demo->board->received_sum = sum;
  demo->board->ended_ns = uv_hrtime();
  err = leave(demo);
  return err < 0 ? err : uvshm_sem_post(demo->empty, 1);
}


static int save(uv_file file, char* bytes, uint32_t size) {
  while (size > 0) {
    uv_fs_t req;
    uv_buf_t buf = uv_buf_init(bytes, size);
    int count = uv_fs_write(NULL, &req, file, &buf, 1, -1, NULL);
    uv_fs_req_cleanup(&req);
    if (count < 0) return count;
    bytes += count;
    size -= (uint32_t) count;
  }
  return 0;
}


static int receive_file(struct demo* demo, uv_file file) {
  uint32_t sum = 0;
  for (uint64_t tail = 0;; tail++) {
    char* buffer = demo_buffer(demo, tail);
    uint32_t size;
    int err = uvshm_sem_wait(demo->full, DEMO_PATIENCE_MS);
    if (err >= 0) err = size_of(demo, tail, &size);
    if (err < 0) return err;
    sum = checksum(sum, buffer, size);
    if (file >= 0) err = save(file, buffer, size);
    if (err >= 0) err = received(demo, tail, size, sum);
    if (err < 0 || size == 0) return err;
  }
}


int cmd_demo_reader(const struct args* args) {
  struct demo demo;
  uv_fs_t req;
  uv_file file = -1;
  int err = demo_join(&demo, args->operands[0], "demo reader");
  if (err >= 0 && args->count > 1) {
    file = uv_fs_open(NULL,
                      &req,
                      args->operands[1],
                      UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_TRUNC,
                      0666,
                      NULL);
    uv_fs_req_cleanup(&req);
    err = file < 0 ? file : 0;
  }
  if (err >= 0) err = receive_file(&demo, file);
  int code = err < 0 ? report(err) : EXIT_OK;
  demo_close(&demo);
  return code;
}
