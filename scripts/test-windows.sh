#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/test-windows.sh [PRESET]
#
# The tests as Windows programs, cross-built with mingw-w64 and run under Wine.
# PRESET: mingw (default), or mingw-interlocked for MSVC's half of the atomics.
# Ends with CTest's summary. With the default also, before that and in one line
# each: the contract and the atomics with MSVC's half, and a 32-bit build, which
# Debian's Wine cannot run.
#
#   UVSHM_CTEST   more options of ctest (-R mutex, -LE stress ...)
#   WINEPREFIX    Wine's files; default build-mingw/wine, made when missing
#
# Ends only the Wine server of that prefix.

set -eu
cd "$(dirname "$0")/.."
preset=${1:-mingw}
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/uvshm
quiet=scripts/quiet.sh

export WINEPREFIX=${WINEPREFIX:-$PWD/build-mingw/wine}

# configure PRESET ARCH
configure() {
  $quiet "dependencies ($2)" scripts/mingw-deps.sh "$cache/mingw-$2" "$2"
  $quiet "configure $1" cmake --preset "$1" \
    -DCMAKE_FIND_ROOT_PATH="$cache/mingw-$2" \
    -DCMAKE_PREFIX_PATH="$cache/mingw-$2"
}

# build PRESET TARGET...
build() {
  local name=$1
  shift
  $quiet "build $name" cmake --build "build-$name" --parallel "$jobs" \
    ${1+--target "$@"}
}

# Building needs Wine already: a test program is asked for its cases then.
# shellcheck source=scripts/wine-env.sh
. scripts/wine-env.sh
[ -n "$WINE" ] || exit 1
trap uvshm_wine_stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ "$preset" = mingw ]; then
  if command -v i686-w64-mingw32-gcc > /dev/null; then
    configure mingw-i686 i686
    build mingw-i686
  fi
  configure mingw-interlocked x86_64
  build mingw-interlocked port-conformance test-atomic
  for program in port-conformance test-atomic; do
    $quiet "interlocked: $program" \
      timeout 600 "$WINE" "build-mingw-interlocked/test/$program.exe"
  done
fi

configure "$preset" x86_64
build "$preset"
if [ "$preset" = mingw ]; then
  $quiet "Linux and Windows programs share" \
    scripts/test-interop.sh build-mingw/test/test-interop.exe "$WINE"
  $quiet "the DLL, installed and used" scripts/package-mingw.sh
fi
uvshm_wine_warm
# shellcheck disable=SC2086  # words
ctest --preset "$preset" --parallel "$jobs" --no-label-summary ${UVSHM_CTEST:-} \
  < /dev/null
