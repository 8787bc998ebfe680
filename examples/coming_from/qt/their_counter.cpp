/* SPDX-License-Identifier: MIT */

/* their_counter.cpp */
#include <QSharedMemory>
#include <cstdio>

int main() {
  QSharedMemory memory("coming-from");

  if (!memory.create(sizeof(int)) && !memory.attach()) return 1;
  memory.lock(); /* no timeout; a killed owner is taken back, nobody is told */
  std::printf("theirs: %d\n", ++*static_cast<int*>(memory.data()));
  memory.unlock();
  std::printf("%s\n", memory.nativeKey().toLocal8Bit().constData());
  std::fflush(stdout);
  std::getchar(); /* gone with its last user, unless that one crashes */
  return 0;
}
