#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/package-mingw.sh
#
# The shared library as a Windows package: cross-built, installed into a folder,
# and used from there with find_package and pkg-config by programs that run under
# Wine. (The static one is tested so by scripts/test-windows.sh, where the tests
# named consumer. run.) In build-mingw-package/; with UVSHM_PREBUILT, a build that
# has the shared library already.

set -eu
cd "$(dirname "$0")/.."
root=$PWD
cache=${XDG_CACHE_HOME:-$HOME/.cache}/uvshm/mingw-x86_64
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}
work=${UVSHM_PREBUILT:-$root/build-mingw-package}
toolchain=$root/cmake/mingw-w64-x86_64.cmake
version=$(sed -n 's/^#define UVSHM_VERSION_[MP][A-Z]* \([0-9]*\)$/\1/p' include/uvshm/version.h | paste -sd .)

if [ -z "${WINE:-}" ]; then
  # shellcheck source=scripts/wine-env.sh
  . scripts/wine-env.sh
  [ -n "$WINE" ] || exit 1
  trap uvshm_wine_stop EXIT
fi
[ -n "${UVSHM_PREBUILT:-}" ] || {
  scripts/mingw-deps.sh "$cache" x86_64
  cmake -S . -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DCMAKE_FIND_ROOT_PATH="$cache" \
    -DCMAKE_PREFIX_PATH="$cache" -DUVSHM_LIBUV=SYSTEM \
    -DUVSHM_PREFER_STATIC_LIBUV=OFF -DUVSHM_BUILD_STATIC=OFF \
    -DUVSHM_BUILD_TOOL=OFF -DUVSHM_BUILD_EXAMPLES=OFF -DUVSHM_BUILD_CRASH=OFF \
    -DBUILD_TESTING=OFF
  cmake --build "$work" --parallel "$jobs"
}
rm -rf "$work/prefix" "$work/consumer"
cmake --install "$work" --prefix "$work/prefix"
for kind in find_package pkg_config; do
  cmake -DKIND=$kind -DSOURCE="$root" -DPREFIX="$work/prefix" \
    -DWORK="$work/consumer" -DVERSION="$version" -DGENERATOR=Ninja \
    -DCC=x86_64-w64-mingw32-gcc -DEMULATOR="$WINE" -DTOOLCHAIN="$toolchain" \
    -DROOTS="$cache" -DPREFER_STATIC=OFF \
    -DPKG_CONFIG="$(command -v pkg-config)" \
    -P test/consumer/run.cmake < /dev/null
done
# What was run did load the library and did not contain it.
for program in "$work"/consumer/find_package/build/program-uvshm.exe \
  "$work"/consumer/pkg_config/program.exe; do
  x86_64-w64-mingw32-objdump -p "$program" | grep -q 'DLL Name: libuvshm' || {
    echo "package-mingw: $program does not load libuvshm.dll" >&2
    exit 1
  }
done
