#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/check-tidy.sh FOLDER
#
# clang-tidy over the library and the tool. FOLDER is a build that was configured
# with clang and CMAKE_EXPORT_COMPILE_COMMANDS=ON.

set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
runner=$(command -v run-clang-tidy-14 || command -v run-clang-tidy)
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}

"$runner" -quiet -p "$build" -j "$jobs" \
  "$PWD/(src|tools/uvshm)/[^/]*/?[^/]*\\.c\$" 2> "$build/tidy.err" > "$build/tidy.out" && exit 0
grep -v -E '^clang-tidy-?[0-9]* ' "$build/tidy.out" || true
grep -E '^(Error|error|run-clang)' "$build/tidy.err" || true
exit 1
