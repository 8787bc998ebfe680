/* SPDX-License-Identifier: MIT */

/* A score board that any number of programs share:
 *
 *   board add anna 5        add to a player's points
 *   board list              all players
 *   board watch 10          print the board when it changes, 10 seconds long
 *   board forget            remove it
 *
 * BOARD=another board ...   another board
 *
 * It is a map, so each addition happens whole or not at all, whoever is killed
 * when, and nobody waits for the one who lists. */

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <uvshm.hpp>

using namespace std::chrono_literals;

static void list(const uvshm::map& points) {
  for (const auto& entry : points.entries())
    std::printf("%5lld  %.*s\n",
                static_cast<long long>(entry.as<std::int64_t>()),
                static_cast<int>(entry.key.size()),
                entry.key.data());
}


static void watch(uvshm::map& points, std::chrono::seconds how_long) {
  auto end = std::chrono::steady_clock::now() + how_long;
  std::uint64_t changes = 0;

  for (;;) {
    auto left = end - std::chrono::steady_clock::now();
    if (left <= 0s || !points.wait_any(changes, left)) return;
    std::puts("---");
    list(points);
  }
}


static int run(int argc, char** argv) {
  const char* verb = argc > 1 ? argv[1] : "list";
  const char* name = std::getenv("BOARD");
  if (name == nullptr) name = "board";
  uvshm::segment segment(name, {UVSHM_CREATE | UVSHM_KEEP, 1 << 16, 1 << 24});
  uvshm::map points(segment, "points");

  if (std::strcmp(verb, "add") == 0 && argc == 4) {
    std::int64_t sum = points.add(argv[2], std::atoll(argv[3]));
    std::printf("%s has %lld\n", argv[2], static_cast<long long>(sum));
  } else if (std::strcmp(verb, "list") == 0) {
    list(points);
  } else if (std::strcmp(verb, "watch") == 0 && argc == 3) {
    watch(points, std::chrono::seconds(std::atoi(argv[2])));
  } else if (std::strcmp(verb, "forget") == 0) {
    uvshm::segment::unlink(name);
  } else {
    std::fputs("usage: board add NAME N | list | watch SECONDS | forget\n",
               stderr);
    return 2;
  }
  return 0;
}


int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const uvshm::exception& failure) {
    std::fprintf(stderr, "board: %s\n", failure.what());
    return 1;
  }
}
