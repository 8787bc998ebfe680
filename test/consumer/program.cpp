/* SPDX-License-Identifier: MIT */

/* A program of somebody else's, in C++, with the installed header. */

#include <cstdio>
#include <mutex>
#include <uvshm.hpp>

int main() {
  try {
    uvshm::segment segment = uvshm::segment::anonymous({0, 1 << 16}).value();
    uvshm::mutex lock(segment, "lock");
    std::lock_guard<uvshm::mutex> held(lock);
    uvshm::map map(segment, "map");
    map.put("answer", 42);
    std::printf("%d\n", map.get<int>("answer"));
    return map.get<int>("answer") == 42 ? 0 : 1;
  } catch (const uvshm::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
