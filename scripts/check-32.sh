#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/check-32.sh [FILE...]
#
# Reads C as a compiler for 32-bit Linux would: there size_t and long are too
# short for an offset. Without FILE: the library, the tool and the tests.
# Nothing is built or run (scripts/test-matrix.sh m32 does that), so clang and
# the headers of this system are enough.

set -u
cd "$(dirname "$0")/.." || exit 1
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}

if ! command -v clang > /dev/null; then
  echo "check-32.sh: clang is missing; scripts/install-deps.sh check" >&2
  exit 1
fi

# The one of glibc's headers that a 64-bit system lacks.
tmp=$(mktemp -d "${TMPDIR:-/tmp}/uvshm-32.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/gnu"
: > "$tmp/gnu/stubs-32.h"
headers=(-isystem "$tmp")
for folder in /usr/include/*-linux-gnu; do
  [ -d "$folder" ] && headers+=(-isystem "$folder")
done

check() {
  clang --target=i386-linux-gnu -std=gnu11 -fsyntax-only "${headers[@]}" \
    -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE \
    -D_cmocka_run_group_tests=uvshm_test_run_group \
    -Iinclude -Isrc -Isrc/posix -Itest -Itools/uvshm \
    -Wall -Wextra -Wpedantic -Wundef -Wconversion -Wshadow \
    -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror "$1" && return
  echo "check-32: $1"
  return 1
}

# Tests that are for Windows alone say so in a file beside them.
for_posix() {
  [ ! -f "${1%.c}.cmake" ] || ! grep -q "test_backends win32)" "${1%.c}.cmake"
}

if [ $# -eq 0 ]; then
  set -- src/base/*.c src/core/*.c src/object/*.c src/loop/*.c src/posix/*.c \
    tools/uvshm/*.c tools/uvshm/posix/*.c test/*.c test/tool/*.c
fi
failed=0
running=0
for file in "$@"; do
  if [ ! -f "$file" ] || ! for_posix "$file"; then continue; fi
  check "$file" &
  running=$((running + 1))
  if [ $running -ge "$jobs" ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
done
while [ $running -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit $failed
