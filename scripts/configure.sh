#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/configure.sh FOLDER [CMAKE OPTION...]
#
# Configures a build, once: an existing build configures itself anew when its
# files change. Options count only the first time, unless they are new ones.

set -eu
build=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)

if [ -f "$build/CMakeCache.txt" ] && [ $# -eq 0 ]; then
  exit 0
fi
generator=
if command -v ninja > /dev/null 2>&1 && [ ! -f "$build/CMakeCache.txt" ]; then
  generator="-G Ninja"
fi
# shellcheck disable=SC2086  # the generator is two words or none
exec cmake -S "$here" -B "$build" $generator "$@"
