/* SPDX-License-Identifier: MIT */

#include "progress.h"
#include "out.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#define BAR_MAX 40
#define TEXT_WIDTH 32 /* what stands beside the bar */

static bool shown;


static void make_bar(char* bar, int width, double part) {
  int full = (int) (part * width + 0.5);
  for (int i = 0; i < width; i++) bar[i] = i < full ? '#' : ' ';
  bar[width] = '\0';
}


void progress_show(uint64_t done, uint64_t total, uint64_t started_ns) {
  char size[TEXT_SIZE_ROOM];
  char rate[TEXT_SIZE_ROOM];
  char bar[BAR_MAX + 1];
  int width = err_width() - TEXT_WIDTH;
  if (err_width() == 0) return;

  double seconds = (double) (uv_hrtime() - started_ns) / 1e9;
  text_rate(size, (double) done);
  text_rate(rate, seconds > 0 ? (double) done / seconds : 0);
  if (width > BAR_MAX) width = BAR_MAX;
  if (total == 0 || width < 4) {
    say("\r\033[K%7s  %7s/s", size, rate);
  } else {
    double part = done < total ? (double) done / (double) total : 1;
    make_bar(bar, width, part);
    say("\r\033[K%7s  %7s/s  [%s] %.0f %%", size, rate, bar, 100 * part);
  }
  shown = true;
}


void progress_clear(void) {
  if (shown) say("\r\033[K");
  shown = false;
}
