/* SPDX-License-Identifier: MIT */

#include "progress.h"
#include "out.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#define BAR_MAX 40
#define TEXT_WIDTH 42 /* what stands beside the bar */

static bool shown;


static void make_bar(char* bar, int width, double part) {
  int full = (int) (part * width + 0.5);
  for (int i = 0; i < width; i++) bar[i] = i < full ? '#' : ' ';
  bar[width] = '\0';
}


/* "  ETA 12s" when it can be told. */
static void make_rest(char* rest, size_t room, uint64_t left, double rate) {
  char age[TEXT_SIZE_ROOM];
  rest[0] = '\0';
  if (rate <= 0 || left == 0 || (double) left / rate > 359999) return;
  text_age(age, (uint64_t) ((double) left / rate * 1000 + 999));
  snprintf(rest, room, "  ETA %s", age);
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
    char rest[TEXT_SIZE_ROOM + 8];
    make_bar(bar, width, part);
    make_rest(rest,
              sizeof rest,
              done < total ? total - done : 0,
              seconds > 0 ? (double) done / seconds : 0);
    say("\r\033[K%7s  %7s/s  [%s] %.0f %%%s",
        size,
        rate,
        bar,
        100 * part,
        rest);
  }
  shown = true;
}


void progress_clear(void) {
  if (shown) say("\r\033[K");
  shown = false;
}
