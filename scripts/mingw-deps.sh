#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/mingw-deps.sh [FOLDER [ARCH]]
#
# Builds what the Windows programs link, static, from Debian's source packages:
# libuv, cmocka and jansson. FOLDER gets include/ and lib/, and is told to CMake
# as CMAKE_FIND_ROOT_PATH and CMAKE_PREFIX_PATH. Default:
# ${XDG_CACHE_HOME:-$HOME/.cache}/uvshm/mingw-ARCH. ARCH is x86_64 (default) or
# i686.
#
# Done once: a stamp file ends the next run at once. Needs apt-get, dpkg-dev,
# cmake, ninja and mingw-w64 (scripts/install-deps.sh windows), a network, about
# 100 MB and a minute.

set -eu
arch=${2:-x86_64}
case $arch in
  x86_64 | i686) ;;
  *) echo "mingw-deps.sh: no such architecture: $arch" >&2; exit 2 ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/uvshm
prefix=${1:-$cache/mingw-$arch}
here=$(cd "$(dirname "$0")/.." && pwd)
toolchain=$here/cmake/mingw-w64-$arch.cmake
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}

# Raise this number when anything below changes what is built.
recipe="recipe 1"
stamp=$prefix/.complete
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$recipe" ]; then
  exit 0
fi

for tool in cmake ninja "$arch-w64-mingw32-gcc"; do
  command -v "$tool" > /dev/null 2>&1 && continue
  echo "mingw-deps.sh: $tool is missing; scripts/install-deps.sh windows" >&2
  exit 1
done

rm -rf "$prefix"
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
stamp=$prefix/.complete
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
      cmake --build "$work/build/$name" --parallel "$jobs" --target $targets &&
      cmake --install "$work/build/$name"
  } > "$work/$name.log" 2>&1 || { tail -n 40 "$work/$name.log" >&2; exit 1; }
}

# libuv's install rules want the shared library as well.
build libuv1 "uv_a uv" -DBUILD_TESTING=OFF
build cmocka all -DWITH_STATIC_LIB=ON -DUNIT_TESTING=OFF -DWITH_EXAMPLES=OFF
build jansson all -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON \
  -DJANSSON_EXAMPLES=OFF

# cmocka 1.1.5 builds its DLL too, and its CMake files name a file that is not
# there. Only the static library stays.
rm -rf "$prefix/bin/cmocka.dll" "$prefix/lib/libcmocka.dll.a" \
  "$prefix/lib/cmake/cmocka"

rm -rf "$work"
echo "$recipe" > "$stamp"
