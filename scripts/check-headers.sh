#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, in C and in C++, with gcc and with clang,
# without a warning; those for C++ in C++17 and 20, with exceptions and without,
# with mingw as well; every header inside compiles alone in C. Included twice,
# because a guard is easily mistyped.

set -u
cd "$(dirname "$0")/.." || exit 1
tmp=$(mktemp -d "${TMPDIR:-/tmp}/uvshm-headers.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# alone HEADER COMPILER OPTION...
alone() {
  header=$1
  shift
  if ! "$@" -Werror -fsyntax-only "$tmp/unit.h.inc" 2> "$tmp/errors"; then
    echo "$header does not compile alone: $*"
    head -n 20 "$tmp/errors"
    failed=1
  fi
}

warn="-Wall -Wextra -Wpedantic -Wundef -Wshadow -Wconversion"
for path in include/uvshm.h include/uvshm/*.h; do
  header=${path#include/}
  printf '#include "%s"\n#include "%s"\nextern int uvshm_unit;\n' \
    "$header" "$header" > "$tmp/unit.h.inc"
  more=
  [ "$path" != include/uvshm/watch.h ] || more=-D_XOPEN_SOURCE=700 # as uv.h asks
  for compiler in gcc clang; do
    command -v $compiler > /dev/null || continue
    # shellcheck disable=SC2086  # words
    alone "$path" $compiler -x c -std=c11 $more -Iinclude $warn -Wstrict-prototypes
  done
  for compiler in g++ clang++; do
    command -v $compiler > /dev/null || continue
    # shellcheck disable=SC2086  # words
    alone "$path" $compiler -x c++ -std=c++11 -Iinclude $warn -Wold-style-cast
  done
done

# What is for C++: each header alone with the usual compiler and the oldest
# language; all of them together in every way there is.
cxx="$warn -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wvla"
more="-D_WIN32_WINNT=0x0A00 -I$tmp/uv" # mingw: of libuv, only the codes
mkdir -p "$tmp/uv/uv"
echo '#include <uv/errno.h>' | g++ -x c++ -E - | sed -n 's/^# 1 "\(.*errno.h\)".*/\1/p' |
  grep '/uv/errno.h$' | head -n 1 | xargs -I{} cp {} "$tmp/uv/uv/"
for path in include/uvshm.hpp include/uvshm/*.hpp; do
  printf '#include "%s"\n#include "%s"\nextern int uvshm_unit;\n' \
    "${path#include/}" "${path#include/}" > "$tmp/unit.h.inc"
  # shellcheck disable=SC2086  # words
  alone "$path" g++ -x c++ -std=c++17 -Iinclude $cxx
done
printf '#include <uvshm.hpp>\nextern int uvshm_unit;\n' > "$tmp/unit.h.inc"
for compiler in g++ clang++ x86_64-w64-mingw32-g++; do
  command -v $compiler > /dev/null || continue
  system=
  [ $compiler != x86_64-w64-mingw32-g++ ] || system=$more
  for way in -std=c++17 -std=c++20 "-std=c++17 -fno-exceptions -fno-rtti" \
    "-std=c++20 -fno-exceptions -fno-rtti"; do
    # shellcheck disable=SC2086  # words
    alone include/uvshm.hpp $compiler -x c++ $way $system -Iinclude $cxx
  done
done

for path in src/port.h src/base/*.h src/core/*.h src/object/*.h src/loop/*.h src/posix/*.h \
  src/stub/*.h test/*.h; do
  case $path in
    *'*'* | */atomic_gnu.h | */atomic_msvc.h) continue ;; # parts of atomic.h
    src/posix/* | src/stub/*) backend=${path%/*} ;;
    *) backend=src/posix ;;
  esac
  printf '#include "%s"\n#include "%s"\nextern int uvshm_unit;\n' \
    "$PWD/$path" "$PWD/$path" > "$tmp/unit.h.inc"
  # shellcheck disable=SC2086  # words
  alone "$path" gcc -x c -std=gnu11 -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE \
    -Iinclude -Isrc -I$backend -Itest $warn -Wno-unused-function
done
exit $failed
