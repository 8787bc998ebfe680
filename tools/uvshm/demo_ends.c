/* SPDX-License-Identifier: MIT */

/* The two ends of `uvshm demo`, each a process of its own that needs no loop.
 *
 *   writer                                reader
 *   claim room in the channel             peek at the next message
 *   read the file into it, sum it up      sum it up where it lies
 *   commit; write the tally               release; write the tally
 *
 * So no byte is copied between the two. Through a pipe or a socket the same
 * bytes go through a buffer of each.
 */

#include "checksum.h"
#include "commands.h"
#include "demo.h"
#include "demo_pass.h"
#include "plumbing.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

struct end {
  struct pass_place place;
  struct pass_tally tally;
  uvshm_cell_t* cell; /* of the tally */
  uv_file file;       /* -1: none */
};


/* So many bytes more have passed. */
static int count(struct end* end, size_t size, uint64_t sum) {
  end->tally.bytes += size;
  end->tally.ended_ns = uv_hrtime();
  end->tally.sum = sum;
  return uvshm_cell_write(end->cell, &end->tally, sizeof end->tally);
}

/* ---- a file -------------------------------------------------------------- */

/* As many bytes of the file as there are, up to `size`: how many, or a UV_E
 * code. */
static int fill_from_file(uv_file file, char* bytes, unsigned int size) {
  unsigned int done = 0;
  while (done < size) {
    int got = plumbing_read_from(file, bytes + done, size - done);
    if (got < 0) return got;
    if (got == 0) break;
    done += (unsigned int) got;
  }
  return (int) done;
}


static int send_file(struct end* end) {
  uvshm_channel_t* channel = end->place.channel;
  uint32_t sum = 0;
  end->tally.started_ns = uv_hrtime();
  for (;;) {
    void* bytes;
    int err =
        uvshm_channel_claim(channel, &bytes, PASS_CHUNK, DEMO_PATIENCE_MS);
    if (err < 0) return err;
    int size = fill_from_file(end->file, bytes, PASS_CHUNK);
    if (size <= 0) {
      err = uvshm_channel_abort(channel, bytes);
      return size < 0 ? size : err;
    }
    sum = checksum(sum, bytes, (size_t) size);
    err = uvshm_channel_commit(channel, bytes, (size_t) size);
    if (err >= 0) err = count(end, (size_t) size, sum);
    if (err < 0) return err;
  }
}


static int save(uv_file file, const void* bytes, size_t size) {
  uv_buf_t buf = uv_buf_init((char*) bytes, (unsigned int) size);
  while (buf.len > 0) {
    uv_fs_t req;
    int written = uv_fs_write(NULL, &req, file, &buf, 1, -1, NULL);
    uv_fs_req_cleanup(&req);
    if (written < 0) return written;
    buf = uv_buf_init(buf.base + written,
                      (unsigned int) (buf.len - (size_t) written));
  }
  return 0;
}


static int receive_file(struct end* end) {
  uvshm_channel_t* channel = end->place.channel;
  uint32_t sum = 0;
  end->tally.started_ns = uv_hrtime();
  for (;;) {
    const void* bytes;
    size_t size;
    int err = uvshm_channel_peek(channel, &bytes, &size, DEMO_PATIENCE_MS);
    if (err == UV_EOF) return count(end, 0, sum);
    if (err < 0) return err;
    sum = checksum(sum, bytes, size);
    if (end->file >= 0) err = save(end->file, bytes, size);
    if (err >= 0) err = uvshm_channel_release(channel, bytes);
    if (err >= 0) err = count(end, size, sum);
    if (err < 0) return err;
  }
}

/* ---- a race -------------------------------------------------------------- */

/* The same work on every way: each word is written once and read once. */
static uint64_t fill_with_noise(void* bytes, uint64_t number) {
  uint64_t* words = bytes;
  uint64_t sum = 0;
  for (size_t i = 0; i < PASS_CHUNK / sizeof *words; i++) {
    words[i] = number + i;
    sum += number + i;
  }
  return sum;
}


static uint64_t add_up(const void* bytes) {
  const uint64_t* words = bytes;
  uint64_t sum = 0;
  for (size_t i = 0; i < PASS_CHUNK / sizeof *words; i++) sum += words[i];
  return sum;
}


static int race_write_channel(struct end* end, uint64_t* sum) {
  for (uint64_t done = 0; done < PASS_RACE; done += PASS_CHUNK) {
    void* bytes;
    int err = uvshm_channel_claim(
        end->place.channel, &bytes, PASS_CHUNK, DEMO_PATIENCE_MS);
    if (err < 0) return err;
    *sum += fill_with_noise(bytes, done);
    err = uvshm_channel_commit(end->place.channel, bytes, PASS_CHUNK);
    if (err < 0) return err;
  }
  return 0;
}


static int race_read_channel(struct end* end, uint64_t* sum) {
  for (uint64_t done = 0; done < PASS_RACE; done += PASS_CHUNK) {
    const void* bytes;
    size_t size;
    int err =
        uvshm_channel_peek(end->place.channel, &bytes, &size, DEMO_PATIENCE_MS);
    if (err < 0) return err;
    if (size != PASS_CHUNK) return UV_EPROTO;
    *sum += add_up(bytes);
    err = uvshm_channel_release(end->place.channel, bytes);
    if (err < 0) return err;
  }
  return 0;
}


static int race_write_fd(uint64_t* sum) {
  uint64_t* bytes = text_alloc(PASS_CHUNK);
  int err = 0;
  for (uint64_t done = 0; done < PASS_RACE && err == 0; done += PASS_CHUNK) {
    uv_buf_t buf = uv_buf_init((char*) bytes, PASS_CHUNK);
    *sum += fill_with_noise(bytes, done);
    err = plumbing_write(&buf, 1);
  }
  free(bytes);
  return err;
}


static int read_whole(char* bytes) {
  size_t done = 0;
  while (done < PASS_CHUNK) {
    int got = plumbing_read(bytes + done, PASS_CHUNK - done);
    if (got <= 0) return got < 0 ? got : UV_EOF;
    done += (size_t) got;
  }
  return 0;
}


static int race_read_fd(uint64_t* sum) {
  uint64_t* bytes = text_alloc(PASS_CHUNK);
  int err = 0;
  for (uint64_t done = 0; done < PASS_RACE && err == 0; done += PASS_CHUNK) {
    err = read_whole((char*) bytes);
    if (err == 0) *sum += add_up(bytes);
  }
  free(bytes);
  return err;
}


static int race(struct end* end, enum pass_way way, bool writer) {
  uint64_t sum = 0;
  int err;
  /* A pipe at its best. */
  if (way != PASS_CHANNEL) plumbing_widen(writer ? 1 : 0);
  end->tally.started_ns = uv_hrtime();
  if (way == PASS_CHANNEL)
    err = writer ? race_write_channel(end, &sum) : race_read_channel(end, &sum);
  else
    err = writer ? race_write_fd(&sum) : race_read_fd(&sum);
  return err < 0 ? err : count(end, PASS_RACE, sum);
}

/* ---- both ---------------------------------------------------------------- */

/* words: NAME WAY [FILE] */
static int run_end(const struct args* args, bool writer) {
  struct end end = {.file = -1};
  enum pass_way way;
  uv_fs_t req;
  if (!pass_way_of(args->operands[1], &way))
    return report_usage(args->command, "there is no such way");
  int err = pass_open(&end.place,
                      args->operands[0],
                      way,
                      writer ? UVSHM_WRITER : UVSHM_READER,
                      writer ? "demo writer" : "demo reader");
  if (err >= 0 && args->count > 2) {
    int flags = writer ? UV_FS_O_RDONLY
                       : UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_TRUNC;
    end.file = uv_fs_open(NULL, &req, args->operands[2], flags, 0666, NULL);
    uv_fs_req_cleanup(&req);
    err = end.file < 0 ? end.file : 0;
  }
  end.cell = writer ? end.place.sent : end.place.received;
  if (err >= 0 && way == PASS_FILE)
    err = writer ? send_file(&end) : receive_file(&end);
  else if (err >= 0)
    err = race(&end, way, writer);
  int code = err < 0 ? report(err) : EXIT_OK;
  pass_close(&end.place);
  return code;
}


int cmd_demo_writer(const struct args* args) {
  return run_end(args, true);
}


int cmd_demo_reader(const struct args* args) {
  return run_end(args, false);
}
