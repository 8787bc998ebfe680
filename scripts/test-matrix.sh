#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/test-matrix.sh [SUITE...]
#
# The tests, built in other ways; without names, in all of them. Each is a preset
# of the same name, in build-SUITE/. One line per suite; the output of one that
# fails. `scripts/test-matrix.sh --list` prints the names.

set -u
cd "$(dirname "$0")/.." || exit 1
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}

suites="clang asan tsan fallback short-names m32 musl valgrind"

# What the thread and address sanitizers of older compilers need on kernels that
# scatter addresses more widely than they know.
still() {
  if setarch "$(uname -m)" -R true 2> /dev/null; then
    setarch "$(uname -m)" -R "$@"
  else
    "$@"
  fi
}

# suite PRESET CTEST-OPTION...
suite() {
  local preset=$1
  shift
  cmake --preset "$preset" &&
    still cmake --build --preset "$preset" --parallel "$jobs" &&
    still ctest --preset "$preset" --parallel "$jobs" --output-on-failure \
      --no-label-summary "$@"
}

# programs PRESET: builds those without the crash tests, which have copies of all
# sources, and prints their names.
programs() {
  local names
  cmake --preset "$1" >&2 || return
  names=$(cmake --build --preset "$1" --target help |
    sed -n -E 's/^((test|port|plain)-[a-z0-9-]+): phony$/\1/p')
  # shellcheck disable=SC2086  # a list of words
  cmake --build --preset "$1" --parallel "$jobs" --target $names >&2 && echo "$names"
}

# Whole programs, not case by case: valgrind takes a second to start.
memcheck() {
  local program programs path start failed=0
  programs=$(programs valgrind) || return
  for program in $programs; do
    # It counts system calls, and valgrind makes some of its own.
    [ "$program" != test-syscalls ] || continue
    path=build-valgrind/test/$program
    [ -x "$path" ] || path=build-valgrind/test/cpp/$program
    echo "== $program"
    start=$SECONDS
    UVSHM_SOURCE_DIR=$PWD timeout -k 10 1200 valgrind --quiet --error-exitcode=99 \
      --leak-check=full --errors-for-leak-kinds=definite --fair-sched=yes \
      "$path" || { echo "== $program FAILED: $?"; failed=1; }
    echo "== $program: $((SECONDS - start)) s"
  done
  return $failed
}

# Programs built in this way and in the usual one share objects.
interop() { scripts/test-interop.sh "build-$1/test/test-interop"; }

run() {
  case $1 in
  clang) suite clang ;;
  asan) suite asan ;;
  ubsan) suite ubsan ;;
  # stress-scribble races on purpose.
  tsan) suite tsan -LE "crash|fault" -E stress-scribble ;;
  fallback) suite fallback ;;
  short-names)
    programs short-names && ctest --preset short-names --parallel "$jobs" \
      --output-on-failure --no-label-summary -L "test|port"
    ;;
  m32)
    scripts/cross-deps.sh m32 && suite m32 && interop m32
    ;;
  musl)
    scripts/cross-deps.sh musl && suite musl && interop musl
    ;;
  # qemu-user does not know madvise(MADV_DONTFORK), by which a child of fork is
  # told apart, and starts no foreign programs by itself.
  # qemu on x86 lets a load-acquire pass the store-release before it, which no
  # ARM does; test-topic-order is about just that.
  aarch64)
    scripts/cross-deps.sh aarch64 &&
      suite aarch64 -L "test|port" -E "fork|handover|test-topic-order"
    ;;
  valgrind) memcheck ;;
  coverage)
    suite coverage &&
      gcovr --root . --filter src --print-summary build-coverage
    ;;
  *)
    echo "no such suite: $1"
    return 2
    ;;
  esac
}

if [ "${1:-}" = --list ]; then
  echo "$suites ubsan aarch64 coverage"
  exit 0
fi
[ $# -eq 0 ] || suites=$*

log=$(mktemp "${TMPDIR:-/tmp}/uvshm-matrix.XXXXXX") || exit 1
trap 'rm -f "$log"' EXIT
failed=
for name in $suites; do
  start=$SECONDS
  if run "$name" > "$log" 2>&1 < /dev/null; then
    printf '%-34s ok      %4d s   %s\n' "tests: $name" $((SECONDS - start)) \
      "$(grep -E '[0-9]+% tests passed' "$log" | tail -n 1)"
  else
    printf '%-34s FAILED  %4d s\n' "tests: $name" $((SECONDS - start))
    echo "--- scripts/test-matrix.sh $name"
    grep -v -E "^\[[0-9]+/[0-9]+\] (Building|Linking)|^ *Start |^-- " "$log" | tail -n 150
    echo "---"
    failed="$failed $name"
  fi
done
if [ -n "$failed" ]; then
  echo "test-matrix: FAILED:$failed"
  exit 1
fi
