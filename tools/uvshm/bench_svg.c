/* SPDX-License-Identifier: MIT */

/* The plot as an SVG file of its own: no font, script or file from elsewhere,
 * light or dark as its reader wants it.
 */

#include "bench.h"
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define WIDTH 860
#define LEFT 290
#define RIGHT 770
#define ROW 24
#define TOP 70

static const char style[] =
    "<style>\n"
    " .bg { fill: #ffffff; }\n"
    " text { font: 13px system-ui, sans-serif; fill: #1f2328; }\n"
    " .dim { fill: #59636e; }\n"
    " .title { font-weight: 600; font-size: 15px; }\n"
    " .group { font-weight: 600; }\n"
    " .grid { stroke: #d1d9e0; }\n"
    " .range { stroke: #0969da; stroke-width: 6; stroke-opacity: .35;\n"
    "  stroke-linecap: round; }\n"
    " .dot { fill: #0969da; }\n"
    " .other .range { stroke: #818b98; }\n"
    " .other .dot { fill: #818b98; }\n"
    " @media (prefers-color-scheme: dark) {\n"
    "  .bg { fill: #0d1117; }\n"
    "  text { fill: #f0f6fc; }\n"
    "  .dim { fill: #9198a1; }\n"
    "  .grid { stroke: #3d444d; }\n"
    "  .range { stroke: #4493f8; }\n"
    "  .dot { fill: #4493f8; }\n"
    " }\n"
    "</style>\n";

struct svg {
  char* text;
  size_t size;
};


static void add(struct svg* svg, const char* format, ...) OUT_PRINTF(2, 3);

static void add(struct svg* svg, const char* format, ...) {
  va_list args;
  va_start(args, format);
  char* more = text_vformat(format, args);
  va_end(args);
  size_t size = strlen(more);
  svg->text = text_resize(svg->text, svg->size + size + 1);
  memcpy(svg->text + svg->size, more, size + 1);
  svg->size += size;
  free(more);
}


/* What a processor calls itself may be anything. */
static char* escaped(const char* text) {
  size_t size = 0;
  char* result = text_alloc(strlen(text) * 6 + 1);
  for (; *text != '\0'; text++) {
    const char* with = *text == '<'   ? "&lt;"
                       : *text == '>' ? "&gt;"
                       : *text == '&' ? "&amp;"
                       : *text == '"' ? "&quot;"
                                      : NULL;
    if (with == NULL) {
      result[size++] = *text;
      continue;
    }
    for (; *with != '\0'; with++) result[size++] = *with;
  }
  return result;
}


static double x_of(double ns) {
  return LEFT + bench_place_of(ns) * (RIGHT - LEFT);
}


static void add_axis(struct svg* svg, int bottom) {
  static const char* const marks[BENCH_DECADES + 1] = {
      "1 ns", "10 ns", "100 ns", "1 us", "10 us", "100 us", "1 ms"};
  double ns = 1;
  for (int i = 0; i <= BENCH_DECADES; i++, ns *= 10) {
    add(svg,
        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n",
        x_of(ns),
        x_of(ns),
        TOP,
        bottom);
    add(svg,
        "<text class=\"dim\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%s"
        "</text>\n",
        x_of(ns),
        TOP - 8,
        marks[i]);
  }
}


static void add_row(struct svg* svg, const struct bench_result* result, int y) {
  char time[TEXT_SIZE_ROOM];
  double median = bench_median(result);
  bench_time(time, median);
  add(svg,
      "<g%s>\n<text x=\"32\" y=\"%d\">%s</text>\n",
      result->what->comparison ? " class=\"other\"" : "",
      y + 4,
      result->what->name);
  add(svg,
      "<line class=\"range\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n",
      x_of(result->ns[0]),
      x_of(result->ns[result->rounds - 1]),
      y,
      y);
  add(svg,
      "<circle class=\"dot\" cx=\"%.1f\" cy=\"%d\" r=\"4\"/>\n",
      x_of(median),
      y);
  add(svg,
      "<text class=\"dim\" text-anchor=\"end\" x=\"%d\" y=\"%d\">%s</text>\n"
      "</g>\n",
      WIDTH - 16,
      y + 4,
      time);
}


static int rows_of(const struct bench_result* results, int count) {
  int rows = count;
  for (int i = 0; i < count; i++)
    if (i == 0 ||
        strcmp(results[i].what->group, results[i - 1].what->group) != 0)
      rows++;
  return rows;
}


static void draw(struct svg* svg,
                 const struct bench_calibration* found,
                 const struct bench_result* results,
                 int count) {
  int bottom = TOP + rows_of(results, count) * ROW + 8;
  int y = TOP + ROW / 2 + 4;
  char* processor = escaped(found->processor);
  char* system = escaped(found->system);
  add(svg,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
      "width=\"%d\" height=\"%d\" role=\"img\">\n<title>uvshm bench</title>\n",
      WIDTH,
      bottom + 30,
      WIDTH,
      bottom + 30);
  add(svg,
      "%s<rect class=\"bg\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
      style,
      WIDTH,
      bottom + 30);
  add(svg,
      "<text class=\"title\" x=\"16\" y=\"26\">uvshm bench: time of one "
      "operation, median and range of %d rounds</text>\n",
      count > 0 ? results[0].rounds : 0);
  add_axis(svg, bottom);
  for (int i = 0; i < count; i++, y += ROW) {
    if (i == 0 ||
        strcmp(results[i].what->group, results[i - 1].what->group) != 0) {
      add(svg,
          "<text class=\"group\" x=\"16\" y=\"%d\">%s</text>\n",
          y + 4,
          results[i].what->group);
      y += ROW;
    }
    add_row(svg, &results[i], y);
  }
  add(svg,
      "<text class=\"dim\" x=\"16\" y=\"%d\">%u x %s, %s; calibration loop "
      "%.0f "
      "ns, spread %.0f %%</text>\n</svg>\n",
      bottom + 20,
      found->processors,
      processor,
      system,
      found->loop_ns,
      100 * found->spread);
  free(processor);
  free(system);
}


static int write_file(const char* path, const struct svg* svg) {
  uv_fs_t req;
  uv_buf_t buf = uv_buf_init(svg->text, (unsigned int) svg->size);
  uv_file file = uv_fs_open(NULL,
                            &req,
                            path,
                            UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_TRUNC,
                            0644,
                            NULL);
  uv_fs_req_cleanup(&req);
  if (file < 0) return file;
  int err = uv_fs_write(NULL, &req, file, &buf, 1, 0, NULL);
  uv_fs_req_cleanup(&req);
  if (err >= 0 && (size_t) err != svg->size) err = UV_EIO;
  int closed = uv_fs_close(NULL, &req, file, NULL);
  uv_fs_req_cleanup(&req);
  return err < 0 ? err : closed;
}


int bench_write_svg(const char* path,
                    const struct bench_calibration* found,
                    const struct bench_result* results,
                    int count) {
  struct svg svg = {0};
  draw(&svg, found, results, count);
  int err = write_file(path, &svg);
  free(svg.text);
  return err;
}
