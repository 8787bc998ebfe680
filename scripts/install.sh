#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/install.sh FOLDER PREFIX
#
# `make install`: builds what is not built yet, puts it below PREFIX (and
# DESTDIR), tells the loader, and then tries what a reader of the README will do
# next: whether pkg-config and the loader find it. What does not go is said, with
# the remedy.
#
# With sudo, what is built is built by and belongs to the user who said sudo: a
# folder with root's files in it would be no more use.

set -eu
build=$1
prefix=$2
here=$(cd "$(dirname "$0")" && pwd)

user=
[ "$(id -u)" -ne 0 ] || user=${SUDO_USER:-}
if [ -n "$user" ] && [ "$user" != root ]; then
  sudo -H -u "$user" make --no-print-directory -C "$here/.." "BUILD=$build" all
else
  user=
  make --no-print-directory -C "$here/.." "BUILD=$build" all
fi

"$here/quiet.sh" "install in ${DESTDIR:-}$prefix" \
  cmake --install "$build" --prefix "$prefix"
if [ -n "$user" ]; then
  for file in "$build"/install_manifest*.txt "$build/uvshm.pc"; do
    [ ! -f "$file" ] || chown "$user" "$file"
  done
fi
[ -z "${DESTDIR:-}" ] || exit 0
PATH=$PATH:/usr/sbin:/sbin # ldconfig

libdir=$(sed -n 's/^libdir=//p' "$build/uvshm.pc")
libdir=$(echo "$libdir" | sed "s|\${prefix}|$prefix|")
if [ -f "$libdir/libuvshm.so" ] && command -v ldconfig > /dev/null 2>&1; then
  [ "$(id -u)" -ne 0 ] || ldconfig
  if ! ldconfig -p | grep -q " $libdir/libuvshm\.so"; then
    echo "Programs will not find libuvshm.so in $libdir by themselves:"
    echo "  export LD_LIBRARY_PATH=$libdir"
  fi
fi
if ! pkg-config --exists uvshm 2> /dev/null; then
  echo "pkg-config does not look into $libdir by itself:"
  echo "  export PKG_CONFIG_PATH=$libdir/pkgconfig"
fi
case :${PATH%:/usr/sbin:/sbin}: in
  *:"$prefix/bin":*) ;;
  *)
    echo "Your shell does not look into $prefix/bin by itself:"
    echo "  export PATH=$prefix/bin:\$PATH"
    ;;
esac
command -v scdoc > /dev/null 2>&1 ||
  echo "No manual pages, because scdoc is not there; uvshm --help has the same."
# shellcheck disable=SC2016  # for the reader's shell
echo 'Now: cc program.c $(pkg-config --cflags --libs uvshm) -o program'
