#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/package-debian.sh [build|use|test] [FOLDER]
#
# Builds the Debian packages libuvshm0, libuvshm-dev and uvshm from the source
# archive of this tree with dpkg-buildpackage, has lintian look at them, and leaves
# them in FOLDER (default build-debian/): that is `build`. Then `use`
#
#   - installs them, runs what packaging/debian/tests has (programs built against
#     them by pkg-config and by CMake, shared and static; `uvshm demo`),
#   - purges them and compares the files of the system before and after.
#
# `test`, the default, is both. Using them happens in a copy of this system: an overlay in a mount namespace of its own, which
# ends with the script. Where the kernel does not allow that and CI is true, it
# happens in this system, and whatever happens the packages are purged at the end.
# Else, or if not root, it is not done, and the script says so and returns 77.
#
# What it needs is installed by scripts/install-deps.sh, which asks on a terminal.

set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
what="test"
case ${1:-} in
  build | use | test) what=$1; shift ;;
  --inside) ;;
esac
packages="libuvshm0 libuvshm-dev uvshm"

# ---- in the copy of the system -----------------------------------------------

# Everything that a package could put somewhere. ldconfig's cache, dpkg's own
# lists and what triggers of others write change with every package.
files() {
  find /etc /opt /srv /usr /var/lib /var/spool -xdev \
    -not -path '/var/lib/dpkg/*' 2> /dev/null | sort
}

gone() {
  local left
  # shellcheck disable=SC2086  # words
  dpkg --purge $packages > /dev/null
  files > "$1/after"
  if left=$(diff "$1/before" "$1/after"); then :; else
    echo "package-debian: after the purge the system is another one:" >&2
    echo "$left" >&2
    return 1
  fi
  # shellcheck disable=SC2086  # words
  if dpkg-query -W -f '${Package} ${Status}\n' $packages 2> /dev/null | grep -v not-installed; then
    echo "package-debian: dpkg still knows of them" >&2
    return 1
  fi
  if ldconfig -p | grep uvshm; then
    echo "package-debian: the loader still knows of them" >&2
    return 1
  fi
}

inside() { # FOLDER
  local folder=$1 package
  # shellcheck disable=SC2086  # words
  if dpkg-query -W $packages > /dev/null 2>&1; then
    echo "package-debian: uvshm's packages are installed here already" >&2
    return 1
  fi
  files > "$folder/before"
  # shellcheck disable=SC2064,SC2086  # now, words
  trap "dpkg --purge $packages > /dev/null 2>&1 || :" EXIT
  dpkg --install "$folder"/*.deb > "$folder/install.log" 2>&1 || {
    cat "$folder/install.log" >&2
    return 1
  }
  for package in $packages; do
    dpkg --verify "$package"
  done
  mkdir -p "$folder/scratch"
  # From another folder, so that nothing of the source tree is found.
  (cd / && AUTOPKGTEST_TMP=$folder/scratch sh "$folder/tests/use")
  gone "$folder"
  trap - EXIT
}

if [ "${1:-}" = --inside ]; then
  inside "$2"
  exit
fi

# The script and all it needs lie below FOLDER, which is mounted into the copy.
copy_of_the_system() { # FOLDER
  unshare --mount --propagation private bash -euc '
    folder=$1 new=$1/root
    mkdir -p "$new"
    mount -t tmpfs none "$new"
    mkdir "$new/upper" "$new/work" "$new/system"
    mount -t overlay overlay \
      -o "lowerdir=/,upperdir=$new/upper,workdir=$new/work" "$new/system" || exit 78
    for place in proc sys dev; do
      mount --rbind "/$place" "$new/system/$place" || exit 78
    done
    mkdir -p "$new/system$folder" "$new/system/tmp"
    mount --bind "$folder" "$new/system$folder" || exit 78
    [ "$2" != try ] || exit 0
    exec chroot "$new/system" bash "$folder/package-debian.sh" --inside "$folder"
  ' - "$1" "${2:-}"
}

# ---- building ----------------------------------------------------------------

out=${1:-$root/build-debian}
mkdir -p "$out"
out=$(cd "$out" && pwd)
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}
quiet=$root/scripts/quiet.sh

build() {
  scripts/install-deps.sh package
  rm -rf "${out:?}"/*
  "$root/scripts/release.sh" --worktree "$out/source" > /dev/null
  version=$(cd "$out/source" && echo uvshm-[0-9]*[0-9].tar.gz)
  version=${version#uvshm-}
  version=${version%.tar.gz}
  mv "$out/source/uvshm-$version.tar.gz" "$out/uvshm_$version.orig.tar.gz"
  rm -r "$out/source"
  tar -x -C "$out" -f "$out/uvshm_$version.orig.tar.gz"
  cp -r "$out/uvshm-$version/packaging/debian" "$out/uvshm-$version/debian"
  (
    cd "$out/uvshm-$version"
    export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-nocheck noautodbgsym parallel=$jobs}"
    case $DEB_BUILD_OPTIONS in
      *nocheck*) export DEB_BUILD_PROFILES="${DEB_BUILD_PROFILES:-nocheck}" ;;
    esac
    "$quiet" "Debian packages" nice dpkg-buildpackage --unsigned-source \
      --unsigned-changes
  )
  (cd "$out" && ls -- *.deb)
  # grep reads to the end: with -q readelf would fail, and with it the pipe.
  for file in "$out/uvshm-$version"/debian/{uvshm/usr/bin/uvshm,libuvshm0/usr/lib/*/libuvshm.so.*.*.*}; do
    if ! readelf -dW "$file" | grep BIND_NOW > /dev/null ||
      ! readelf -lW "$file" | grep GNU_RELRO > /dev/null ||
      ! readelf -sW "$file" | grep _chk@ > /dev/null; then
      echo "package-debian: $file is not hardened" >&2
      return 1
    fi
  done
  lintian --allow-root --profile debian --fail-on error,warning --suppress-tags \
    initial-upload-closes-no-bugs "$out"/*.changes
}

[ "$what" = use ] || build
[ "$what" != build ] || exit 0

# ---- testing -----------------------------------------------------------------

if [ "$(id -u)" -ne 0 ]; then
  echo "package-debian: built, but not installed: that needs root"
  exit 77
fi
test=$(mktemp -d "${TMPDIR:-/tmp}/uvshm-package.XXXXXX")
trap 'rm -rf "$test"' EXIT
for package in $packages; do cp "$out/${package}_"*.deb "$test"; done
cp -r packaging/debian/tests "$root/scripts/package-debian.sh" "$test"
if copy_of_the_system "$test" try 2> /dev/null; then
  copy_of_the_system "$test"
  echo "package-debian: installed in a copy of this system, used, and purged"
elif [ "${CI:-}" = true ]; then
  bash "$test/package-debian.sh" --inside "$test"
  echo "package-debian: installed, used, and purged"
else
  echo "package-debian: built, but not installed: there can be no copy of this"
  echo "system here (unshare, overlayfs), and CI=true is not set"
  exit 77
fi
