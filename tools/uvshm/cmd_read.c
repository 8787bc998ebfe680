/* SPDX-License-Identifier: MIT */

/* uvshm read: the bytes of a region. On a terminal they are shown as digits and
 * letters, because a terminal obeys some bytes.
 */

#include "commands.h"
#include "names.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

#include <uv.h>

#define CHUNK (1u << 20)
#define ROW_MAX 16u


/* How many bytes a line of the dump can show. */
static size_t row_size(void) {
  int width = out_width();
  size_t row = ROW_MAX;
  while (width > 0 && row > 4 && 12 + row * 4 > (size_t) width) row /= 2;
  return row;
}


static void dump_row(uint64_t offset,
                     const unsigned char* bytes,
                     size_t size,
                     size_t row) {
  char letters[ROW_MAX + 1] = "";
  print("%s%08" PRIx64 "%s ", out_style(OUT_DIM), offset, out_style(OUT_PLAIN));
  for (size_t i = 0; i < row; i++) {
    if (i < size)
      print(" %02x", bytes[i]);
    else
      print("   ");
  }
  for (size_t i = 0; i < size; i++)
    letters[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char) bytes[i] : '.';
  print("  %s\n", letters);
}


/* Rows like the one before are one star, as in hexdump. */
static void dump(const unsigned char* bytes, uint64_t offset, uint64_t size) {
  unsigned char last[ROW_MAX];
  size_t row = row_size();
  bool repeated = false;
  for (uint64_t at = 0; at < size && out_is_good(); at += row) {
    /* One copy, so that the comparison and the row show the same bytes though
     * somebody is writing. */
    unsigned char now[ROW_MAX];
    size_t count = size - at < row ? (size_t) (size - at) : row;
    memcpy(now, bytes + at, count);
    bool same = at > 0 && count == row && memcmp(now, last, row) == 0;
    if (same && !repeated) print("*\n");
    if (!same) dump_row(offset + at, now, count, row);
    repeated = same;
    memcpy(last, now, count);
  }
  print("%s%08" PRIx64 "%s\n",
        out_style(OUT_DIM),
        offset + size,
        out_style(OUT_PLAIN));
}


static void pour(const unsigned char* bytes, uint64_t size) {
  while (size > 0 && out_is_good()) {
    size_t count = size < CHUNK ? (size_t) size : CHUNK;
    out_bytes(bytes, count);
    bytes += count;
    size -= count;
  }
}


static int show(const struct args* args, const uvshm_region_t* region) {
  uint64_t all = uvshm_region_size(region);
  uint64_t offset = args->number[OPT_OFFSET];
  uint64_t size = all - offset;
  if (offset > all)
    return report_as(EXIT_FAILED,
                     "offset %" PRIu64 " is behind the end: there are %" PRIu64
                     " bytes",
                     offset,
                     all);
  if (args->given[OPT_SIZE] && args->number[OPT_SIZE] < size)
    size = args->number[OPT_SIZE];

  const unsigned char* base = uvshm_region_base(region);
  bool hex = args->given[OPT_HEX] || out_is_terminal();
  if (hex && !args->given[OPT_RAW])
    dump(base + offset, offset, size);
  else
    pour(base + offset, size);
  return EXIT_OK;
}


int cmd_read(const struct args* args) {
  uvshm_region_t* region;
  uvshm_region_options_t options = {.flags = names_flags(args) | UVSHM_READONLY,
                                    .label = "uvshm read"};
  int code = names_check_flags(args);
  if (code != 0) return code;
  int err = uvshm_region_open(&region, names_at(args->operands[0]), &options);
  if (err < 0) return report(err);
  code = show(args, region);
  out_flush();
  uvshm_region_close(region);
  return code;
}
