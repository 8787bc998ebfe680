#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/test-interop.sh PROGRAM [RUNNER]
#
# Programs that were built in different ways share objects: runs test-interop of
# the usual build (build/, made if need be) against PROGRAM, the test-interop of
# another one, which RUNNER runs (wine64); and then the other way round where no
# RUNNER is needed. A skipped case is a failure here.

set -eu
cd "$(dirname "$0")/.."
other=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
runner=${2:-}
build=build

scripts/configure.sh $build > /dev/null
cmake --build $build --target test-interop > /dev/null
ours=$PWD/$build/test/test-interop

# pair FROM TO RUNNER EXPECTED-TO-RUN
pair() {
  out=$(UVSHM_INTEROP_PROGRAM=$2 UVSHM_INTEROP_RUNNER=$3 "$1" 2>&1) || {
    echo "$out"
    return 1
  }
  ran=$(echo "$out" | grep -c '\[ *OK \]' || true)
  if [ "$ran" -ne "$4" ]; then
    echo "$out"
    echo "test-interop: $ran cases ran, $4 were expected"
    return 1
  fi
  echo "$out" | grep 'this program' || true
  echo "$(basename "$(dirname "$(dirname "$1")")") with" \
    "$(basename "$(dirname "$(dirname "$2")")"): $ran cases passed"
}

# Through Wine only files are shared.
if [ -n "$runner" ]; then
  pair "$ours" "$other" "$runner" 2
else
  pair "$ours" "$other" "" 8
  pair "$other" "$ours" "" 8
fi
