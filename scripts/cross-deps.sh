#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/cross-deps.sh TARGET [FOLDER]
#
# Builds libuv, cmocka and jansson, static, for a target that the system has no
# packages for, from Debian's source packages. TARGET:
#
#   m32      32-bit x86             gcc -m32
#   musl     musl instead of glibc  musl-gcc
#   aarch64  64-bit ARM             clang --target=aarch64-linux-gnu
#
# FOLDER gets include/ and lib/; default
# ${XDG_CACHE_HOME:-$HOME/.cache}/uvshm/TARGET, which is where the tool chain
# file cmake/TARGET.cmake looks. Done once: a stamp ends the next run at once.
# (For Windows: scripts/mingw-deps.sh.)

set -eu
target=${1:?which target}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/uvshm
prefix=${2:-$cache/$target}
here=$(cd "$(dirname "$0")/.." && pwd)
toolchain=$here/cmake/$target.cmake
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}
if [ ! -f "$toolchain" ]; then
  echo "cross-deps.sh: no such target: $target" >&2
  exit 2
fi

# Raise this number when anything below changes what is built.
recipe="recipe 1"
stamp=$prefix/.complete
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$recipe" ]; then
  exit 0
fi

rm -rf "$prefix"
mkdir -p "$prefix"
work=$prefix/.work
mkdir -p "$work"
"$here/scripts/debian-sources.sh" "$cache/src" libuv1 cmocka jansson

# build NAME TARGETS OPTION...
build() {
  name=$1
  targets=$2
  shift 2
  {
    # shellcheck disable=SC2086  # TARGETS are words
    cmake -S "$cache/src/$name" -B "$work/build/$name" -G Ninja \
      -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
      -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -Wno-dev "$@" &&
      cmake --build "$work/build/$name" --parallel "$jobs" --target $targets
  } > "$work/$name.log" 2>&1 || { tail -n 40 "$work/$name.log" >&2; exit 1; }
}

# libuv 1.44's install rules want the shared library as well, which a static
# tool chain cannot make; so its two parts are copied by hand.
build libuv1 uv_a -DBUILD_TESTING=OFF
mkdir -p "$prefix/lib" "$prefix/include"
cp "$work/build/libuv1/libuv_a.a" "$prefix/lib/"
cp -R "$cache/src/libuv1/include/." "$prefix/include/"

build cmocka cmocka-static -DWITH_STATIC_LIB=ON -DUNIT_TESTING=OFF \
  -DWITH_EXAMPLES=OFF
find "$work/build/cmocka" -name 'libcmocka*.a' -exec cp {} "$prefix/lib/libcmocka.a" \;
cp "$cache/src/cmocka/include/cmocka.h" "$prefix/include/"

build jansson all -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON \
  -DJANSSON_EXAMPLES=OFF -DJANSSON_BUILD_SHARED_LIBS=OFF
cmake --install "$work/build/jansson" > "$work/install.log"

rm -rf "$work"
echo "$recipe" > "$stamp"
