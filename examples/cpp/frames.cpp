/* SPDX-License-Identifier: MIT */

/* Frames from one process to another, written and read where they lie, without
 * exceptions: a queue of ten pictures, a writer and any number of readers.
 *
 *   frames write pictures 100 &
 *   frames read pictures
 */

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <uvshm.hpp>

using namespace std::chrono_literals;

struct frame {
  std::uint32_t number;
  std::uint32_t width, height;
  unsigned char pixels[64 * 48];
};

static int die(const uvshm::error& error) {
  std::fprintf(stderr, "frames: %s\n", error.what());
  return 1;
}


static int write(const char* name, std::uint32_t count) {
  auto out = uvshm::channel::open(
      name, {UVSHM_WRITER | UVSHM_CHANNEL_QUEUE, sizeof(frame), 10});

  if (!out) return die(out.error());
  for (std::uint32_t i = 0; i < count; i++) {
    auto claim = out->claim(sizeof(frame), 10s, std::nothrow);
    if (!claim) return die(claim.error());
    frame* picture = claim->as<frame>();
    picture->number = i;
    picture->width = 64;
    picture->height = 48;
    std::memset(picture->pixels, static_cast<int>(i % 256), 64 * 48);
    if (auto sent = claim->commit(sizeof(frame), std::nothrow); !sent)
      return die(sent.error());
  }
  std::printf("wrote %u frames\n", static_cast<unsigned>(count));
  return 0;
}


static int read(const char* name) {
  auto in = uvshm::channel::open(
      name, {UVSHM_READER | UVSHM_CHANNEL_QUEUE, sizeof(frame), 10});
  unsigned frames = 0;
  unsigned bad = 0;

  if (!in) return die(in.error());
  uvshm::message_range messages = in->messages(10s, std::nothrow);
  for (auto message : messages) {
    const frame* picture = message.as<frame>(); /* nothing was copied */
    if (picture == nullptr || picture->pixels[99] != picture->number % 256)
      bad++;
    else
      frames++;
  }
  if (messages.error()) return die(messages.error());
  std::printf("read %u frames, %u bad\n", frames, bad);
  return bad == 0 && frames > 0 ? 0 : 1;
}


int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "write") == 0)
    return write(argv[2], static_cast<std::uint32_t>(std::atoi(argv[3])));
  if (argc == 3 && std::strcmp(argv[1], "read") == 0) return read(argv[2]);
  std::fputs("usage: frames write NAME COUNT | read NAME\n", stderr);
  return 2;
}
