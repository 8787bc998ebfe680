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
# cmake, ninja and mingw-w64 (scripts/install-deps.sh installs them), a network,
# about 100 MB and a minute and a half. Neither root nor a change to the
# system's apt is needed: the package lists are private.

set -eu

arch=${2:-x86_64}
case $arch in
  x86_64 | i686) ;;
  *) echo "mingw-deps.sh: no such architecture: $arch" >&2; exit 2 ;;
esac
prefix=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/uvshm/mingw-$arch}
here=$(cd "$(dirname "$0")/.." && pwd)
toolchain=$here/cmake/mingw-w64-$arch.cmake

# Raise this number when anything below changes what is built.
recipe="recipe 1"
stamp=$prefix/.complete

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$recipe" ]; then
  echo "mingw-deps: $prefix is complete"
  exit 0
fi

for tool in apt-get dpkg-source cmake ninja "$arch-w64-mingw32-gcc"; do
  command -v "$tool" >/dev/null 2>&1 && continue
  echo "mingw-deps.sh: $tool is missing; scripts/install-deps.sh installs it" >&2
  exit 1
done

rm -rf "$prefix"
mkdir -p "$prefix"
work=$prefix/.work
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" \
  "$work/apt/etc" "$work/src"

# ---- sources: the system's own places, as deb-src ---------------------------

for list in /etc/apt/sources.list.d/*.sources; do
  [ -f "$list" ] || continue
  sed -e 's/^Types:.*/Types: deb-src/' "$list" \
    > "$work/apt/etc/$(basename "$list")"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -f "$list" ] || continue
  sed -n -e 's/^deb /deb-src /p' "$list" > "$work/apt/etc/$(basename "$list").list"
done

# The lists of a mirror for another distribution may have no sources; that does
# not matter as long as the three packages are found.
cat > "$work/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$work/apt/etc";
Dir::State::lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
APT::Sandbox::User "";
Acquire::Retries "3";
CONF

echo "mingw-deps: fetching sources"
(
  export APT_CONFIG="$work/apt/apt.conf"
  apt-get -q update > "$work/apt.log" 2>&1 || true
  cd "$work/src"
  apt-get -q source --download-only libuv1 cmocka jansson >> "$work/apt.log" 2>&1 ||
    { cat "$work/apt.log" >&2; exit 1; }
)
for name in libuv1 cmocka jansson; do
  dpkg-source --no-check -x "$work/src/${name}_"*.dsc "$work/src/$name" \
    > "$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log" >&2; exit 1; }
done

# ---- build ------------------------------------------------------------------

# build NAME TARGETS OPTION...
build() {
  name=$1
  targets=$2
  shift 2
  echo "mingw-deps: building $name for $arch"
  {
    cmake -S "$work/src/$name" -B "$work/build/$name" -G Ninja \
      -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
      -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -Wno-dev "$@" &&
      cmake --build "$work/build/$name" --target $targets &&
      cmake --install "$work/build/$name"
  } > "$work/$name.log" 2>&1 || { tail -n 40 "$work/$name.log" >&2; exit 1; }
}

build libuv1 "uv_a uv" -DBUILD_TESTING=OFF
build cmocka all -DWITH_STATIC_LIB=ON -DBUILD_SHARED_LIBS=OFF \
  -DUNIT_TESTING=OFF -DWITH_EXAMPLES=OFF
build jansson all -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON \
  -DJANSSON_EXAMPLES=OFF

# cmocka 1.1.5 builds its DLL too, and its CMake files name a file that is not
# there. Only the static library stays.
rm -rf "$prefix/bin/cmocka.dll" "$prefix/lib/libcmocka.dll.a" \
  "$prefix/lib/cmake/cmocka"

rm -rf "$work"
echo "$recipe" > "$stamp"
echo "mingw-deps: $prefix is complete"
