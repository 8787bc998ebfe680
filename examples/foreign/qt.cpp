/* SPDX-License-Identifier: MIT */

/* A watch in a program whose loop is Qt's: a notifier for the watch's
 * descriptor, or its handle on Windows, and a slow timer. */

#include "foreign.h"

#include <QCoreApplication>
#include <QTimer>

#ifdef Q_OS_WIN
# include <QWinEventNotifier>
#else
# include <QSocketNotifier>
#endif


static void turn() {
  if (foreign_turn()) QCoreApplication::quit();
}


int main(int argc, char** argv) {
  uv_os_fd_t fd;
  int result;

  if (foreign_is_child(argc, argv, &result)) return result;
  QCoreApplication application(argc, argv);
  if (foreign_begin(&fd) < 0) return 1;
#ifdef Q_OS_WIN
  QWinEventNotifier notifier(fd);
  QObject::connect(&notifier, &QWinEventNotifier::activated, turn);
#else
  QSocketNotifier notifier(fd, QSocketNotifier::Read);
  QObject::connect(&notifier, &QSocketNotifier::activated, turn);
#endif
  QTimer timer;
  QObject::connect(&timer, &QTimer::timeout, turn);
  timer.start(1000);
  QTimer::singleShot(0, turn);
  application.exec();
  return foreign_end();
}
