#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/configure.sh FOLDER [CMAKE OPTION...]
#
# Configures a build, or does it again: what was missing the first time may have
# been installed since.

set -eu
build=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)

generator=
if command -v ninja > /dev/null 2>&1 && [ ! -f "$build/CMakeCache.txt" ]; then
  generator="-G Ninja"
fi
# shellcheck disable=SC2086  # the generator is two words or none
exec cmake -S "$here" -B "$build" $generator "$@"
