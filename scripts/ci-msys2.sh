#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/ci-msys2.sh WHAT [PRESET]: as ci-windows.cmd, inside an MSYS2 shell.

set -eu
what=$1
preset=${2:-msys2}
case $what in
  install)
    prefix=${MINGW_PACKAGE_PREFIX:?not an MSYS2 MinGW shell}
    exec pacman --sync --needed --noconfirm "$prefix-cc" "$prefix-cmake" \
      "$prefix-ninja" "$prefix-libuv" "$prefix-jansson" "$prefix-cmocka"
    ;;
  test)
    cmake --preset "$preset"
    cmake --build --preset "$preset"
    ctest --preset "$preset"
    ;;
  demo) exec cmake --build --preset "$preset" --target demo ;;
  package) exec cmake -DPRESET="$preset" -P cmake/package.cmake ;;
  report) exec cmake -DPRESET="$preset" -P cmake/report.cmake ;;
  *) echo "ci-msys2: what is \"$what\"?" >&2; exit 2 ;;
esac
