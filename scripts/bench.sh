#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/bench.sh FOLDER [OPTION...]
#
# Builds the benchmarks in FOLDER, optimised, and runs them: prints a table and
# writes FOLDER/bench.json. Options go to uvshm_bench.

set -eu
build=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}
bench=$build/bench-release

"$here/scripts/quiet.sh" "configure benchmarks" "$here/scripts/configure.sh" "$bench" \
  -DCMAKE_BUILD_TYPE=Release -DUVSHM_BUILD_BENCH=ON -DBUILD_TESTING=OFF \
  -DUVSHM_BUILD_EXAMPLES=OFF
"$here/scripts/quiet.sh" "build benchmarks" cmake --build "$bench" --parallel "$jobs"
exec "$bench/bench/uvshm_bench" --json "$build/bench.json" "$@"
