#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/fuzz.sh [SECONDS [FUZZER...]]
#
# Runs every test/fuzz-*.c (or those named, without "fuzz-") with libFuzzer for
# SECONDS, all at once, and the scribbling thread (test/stress-scribble.c) under
# the same sanitizers. Default: 60 seconds. One line for each; ends with failure
# when one of them found something, whose input is then in build-fuzz/found/.
#
# Each begins with test/corpus/<name>/ and keeps what it learns in
# build-fuzz/corpus/<name>/. To repeat what was found:
#
#   build-fuzz/test/fuzz-<name> build-fuzz/found/<file>
#
# UVSHM_FUZZ_DIR: another folder than build-fuzz. UVSHM_FUZZ_TIMEOUT: seconds of
# the clock that one input may take, 10; more on a busy machine.

set -u
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-60}
[ $# -eq 0 ] || shift
work=${UVSHM_FUZZ_DIR:-$PWD/build-fuzz}
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}
fuzzers=$*
if [ -z "$fuzzers" ]; then
  for source in test/fuzz-*.c; do
    name=${source#test/fuzz-}
    fuzzers="$fuzzers ${name%.c}"
  done
fi

scripts/quiet.sh "configure fuzzers" scripts/configure.sh "$work" \
  -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DUVSHM_BUILD_FUZZ=ON "-DUVSHM_SANITIZE=address;undefined" \
  -DUVSHM_BUILD_SHARED=OFF -DUVSHM_BUILD_EXAMPLES=OFF -DUVSHM_BUILD_TOOL=OFF \
  -DUVSHM_BUILD_CRASH=OFF -DUVSHM_INSTALL=OFF || exit 1
targets=stress-scribble
for name in $fuzzers; do targets="$targets fuzz-$name"; done
# shellcheck disable=SC2086  # words
scripts/quiet.sh "build fuzzers" cmake --build "$work" --parallel "$jobs" \
  --target $targets || exit 1

mkdir -p "$work/found" "$work/log"

fuzz() { # NAME
  local name=$1 log=$work/log/$1 seeds
  mkdir -p "$work/corpus/$name"
  seeds=test/corpus/$name
  [ -d "$seeds" ] || seeds=
  # shellcheck disable=SC2086  # no folder is no word
  "$work/test/fuzz-$name" -max_total_time="$seconds" \
    -timeout="${UVSHM_FUZZ_TIMEOUT:-10}" -max_len=4096 \
    -rss_limit_mb=2048 -artifact_prefix="$work/found/$name-" \
    "$work/corpus/$name" $seeds > "$log" 2>&1
  local code=$?
  local runs
  runs=$(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 \2/p' "$log")
  if [ $code -eq 0 ] && [ -n "$runs" ]; then
    # shellcheck disable=SC2086  # two words
    set -- $runs
    echo "fuzz-$name: $1 runs, $(($1 / ($2 > 0 ? $2 : 1))) a second, nothing found"
  else
    grep -v -E '^#|^"' "$log" | tail -n 60
    echo "fuzz-$name: FOUND something ($log, $work/found/$name-*)"
    return 1
  fi
}

scribble() {
  local log=$work/log/scribble
  if UVSHM_SCRIBBLE_SECONDS=$seconds timeout $((seconds + 120)) \
    "$work/test/stress-scribble" > "$log" 2>&1; then
    echo "scribble: $(grep -o '[0-9]* calls' "$log"), nothing found"
  else
    tail -n 60 "$log"
    echo "scribble: FOUND something ($log)"
    return 1
  fi
}

pids=
for name in $fuzzers; do
  fuzz "$name" &
  pids="$pids $!"
done
scribble &
pids="$pids $!"
failed=0
for pid in $pids; do wait "$pid" || failed=1; done
exit $failed
