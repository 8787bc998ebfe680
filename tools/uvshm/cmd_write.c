/* SPDX-License-Identifier: MIT */

/* uvshm write: stdin into a region.
 *
 * A region that is made for the input, without a --size, is made when the whole
 * input is known. Into a region that is there the bytes go as they come.
 */

#include "commands.h"
#include "names.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define CHUNK 65536u

/* What was read so far and is not in the region yet. */
struct input {
  char* bytes;
  size_t size;
  size_t room;
};


/* The next bytes of stdin: how many, 0 at the end, or a UV_E code. */
static int read_some(char* bytes, size_t size) {
  uv_fs_t req;
  uv_buf_t buf = uv_buf_init(bytes, (unsigned int) size);
  int count = uv_fs_read(NULL, &req, 0, &buf, 1, -1, NULL);
  uv_fs_req_cleanup(&req);
  if (count == UV_EAGAIN) {
    uv_sleep(1);
    return read_some(bytes, size);
  }
  return count == UV_EOF ? 0 : count;
}


static int read_all(struct input* input) {
  for (;;) {
    if (input->room - input->size < CHUNK) {
      input->room = input->room * 2 + CHUNK;
      input->bytes = text_resize(input->bytes, input->room);
    }
    int count = read_some(input->bytes + input->size, CHUNK);
    if (count <= 0) return count;
    input->size += (size_t) count;
  }
}


static int open_region(const struct args* args,
                       const struct input* input,
                       uvshm_region_t** region) {
  bool create = args->given[OPT_CREATE];
  uint64_t size = args->number[OPT_OFFSET] + input->size;
  if (args->given[OPT_SIZE]) size = args->number[OPT_SIZE];
  uvshm_region_options_t options = {.flags = names_flags(args),
                                    .label = "uvshm write"};
  if (create) {
    options.flags |= UVSHM_CREATE;
    options.flags |= args->given[OPT_KEEP] ? UVSHM_KEEP : 0;
    options.size = size > 0 ? size : 1;
    options.max_size = args->number[OPT_MAX];
    options.mode = (uint32_t) args->number[OPT_MODE];
    options.group = args->text[OPT_GROUP];
  }
  int err = uvshm_region_open(region, names_at(args->operands[0]), &options);

  /* One that is there and too small is not made: it may be grown. */
  if (err == UV_ENOSPC && create && args->given[OPT_GROW]) {
    options.flags = names_flags(args);
    options.size = 0;
    int again =
        uvshm_region_open(region, names_at(args->operands[0]), &options);
    err = again >= 0 ? again : err;
  }
  return err;
}


/* 0, or an exit code after saying why. */
static int put(const struct args* args,
               uvshm_region_t* region,
               uint64_t offset,
               const char* bytes,
               size_t size) {
  uint64_t end = offset + size;
  if (size == 0) return 0;
  if (end < offset) return report_as(EXIT_FAILED, "the offset is too large");
  if (end > uvshm_region_size(region) && args->given[OPT_GROW]) {
    int err = uvshm_region_grow(region, end);
    if (err < 0) return report(err);
  }
  if (end > uvshm_region_size(region))
    return report_as(EXIT_FAILED,
                     "the input does not fit into %" PRIu64
                     " bytes: nothing from offset %" PRIu64
                     " on was written (--grow makes it larger)",
                     uvshm_region_size(region),
                     offset);
  memcpy((char*) uvshm_region_base(region) + offset, bytes, size);
  return 0;
}


static int copy(const struct args* args,
                uvshm_region_t* region,
                const struct input* input) {
  uint64_t begin = args->number[OPT_OFFSET];
  uint64_t offset = begin;
  char* chunk = text_alloc(CHUNK);
  int code = put(args, region, offset, input->bytes, input->size);
  offset += input->size;

  while (code == 0) {
    int count = read_some(chunk, CHUNK);
    if (count < 0)
      code =
          report_as(EXIT_FAILED, "cannot read stdin: %s", uv_strerror(count));
    if (count <= 0) break;
    code = put(args, region, offset, chunk, (size_t) count);
    offset += (uint64_t) count;
  }
  if (code == 0) mention("wrote %" PRIu64 " bytes", offset - begin);
  free(chunk);
  return code;
}


static int check(const struct args* args) {
  const bool* given = args->given;
  bool file = given[OPT_FILE] || given[OPT_MANAGED];
  int code = names_check_flags(args);
  if (code != 0) return code;
  if (given[OPT_CREATE] && given[OPT_FOREIGN] &&
      (on_windows() || given[OPT_KEEP] || given[OPT_MAX]))
    return report_usage(args->command,
                        on_windows() ? "on Windows it would be gone when this "
                                       "command ends"
                                     : "with --foreign there is no --keep and "
                                       "no --max: it stays, as large as it is");
  if (given[OPT_CREATE] && !file && !given[OPT_FOREIGN] && !given[OPT_KEEP])
    return report_usage(args->command,
                        "it would be gone when this command ends, because "
                        "nobody else uses it: add --keep");
  if (!given[OPT_CREATE] &&
      (given[OPT_SIZE] || given[OPT_MAX] || given[OPT_KEEP] ||
       given[OPT_MODE] || given[OPT_GROUP]))
    return report_usage(args->command,
                        "--size, --max, --keep, --mode and --group are for "
                        "--create");
  return 0;
}


int cmd_write(const struct args* args) {
  struct input input = {0};
  uvshm_region_t* region;
  int code = check(args);
  if (code != 0) return code;

  int err = 0;
  if (args->given[OPT_CREATE] && !args->given[OPT_SIZE]) err = read_all(&input);
  if (err < 0)
    return report_as(EXIT_FAILED, "cannot read stdin: %s", uv_strerror(err));
  err = open_region(args, &input, &region);
  if (err < 0) {
    code = report(err);
  } else {
    code = copy(args, region, &input);
    uvshm_region_close(region);
  }
  free(input.bytes);
  return code;
}
