#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/install-deps.sh [SET...]
#
# Installs what is missing with the system's package manager: apt, dnf, pacman
# or brew; elsewhere it says what to install. Prints nothing and does nothing
# when all is there. On a terminal it shows the command and asks first; with
# CI=true, with YES=1 or without a terminal it just does it. Uses sudo when not
# root. Sets, each with those before it:
#
#   build    a C compiler, cmake, ninja, pkg-config, libuv, jansson, scdoc
#   test     + cmocka; on Debian also tmux, python3-jsonschema, zsh and fish
#
# and by themselves, on top of test:
#
#   check    what `make check` runs        (Debian and its kin only)
#   package  Debian packages, and the ABI  (Debian and its kin only)
#   others   PHP, Python and Boost, whose shared memory the tests meet when they
#            are there, and locales       (Debian and its kin only)
#   matrix   what `make test-all` runs     (Debian and its kin only)
#   windows  mingw-w64 and Wine            (Debian and its kin only)
#   bench    Boost, APR, LMDB, ZeroMQ to compare with, gnuplot (optional: never
#            fails)
#   docs     mkdocs and doxygen                      (Debian and its kin only)

set -eu
sets=${*:-test}

# ---- what is missing ---------------------------------------------------------

have() { command -v "$1" > /dev/null 2>&1; }

# A header, as the compiler finds it.
have_header() {
  cc=$(command -v cc || command -v gcc || command -v clang) || return 1
  for dir in /opt/homebrew/include /usr/local/include; do
    [ -f "$dir/$1" ] && return 0
  done
  echo "#include <$1>" | "$cc" -E - > /dev/null 2>&1
}

if have apt-get; then manager=apt
elif have dnf; then manager=dnf
elif have pacman; then manager=pacman
elif have brew; then manager=brew
else manager=none
fi

packages=
# need PACKAGES-FOR-apt dnf pacman brew: "-" where there is none
need() {
  case $manager in
    apt | none) word=$1 ;;
    dnf) word=$2 ;;
    pacman) word=$3 ;;
    brew) word=$4 ;;
  esac
  [ "$word" = - ] || packages="$packages $word"
}
# need_deb PACKAGE...: whether it is installed is dpkg's to say
need_deb() {
  for package in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$package" 2> /dev/null) in
      *"ok installed") ;;
      *) packages="$packages $package" ;;
    esac
  done
}
debian_only() {
  [ "$manager" = apt ] && return 0
  echo "install-deps: the tools of \"make $1\" are known for Debian 12 only; see" >&2
  echo "CONTRIBUTING.md for the list" >&2
  exit 1
}

# A C library's headers are what a bare system with only a compiler lacks.
want_build() {
  if ! have cc && ! have gcc && ! have clang; then need gcc gcc gcc llvm; fi
  have_header stdio.h || need libc6-dev glibc-devel - -
  have cmake || need cmake cmake cmake cmake
  have ninja || need ninja-build ninja-build ninja ninja
  if ! have pkg-config && ! have pkgconf; then
    need pkg-config pkgconf-pkg-config pkgconf pkgconf
  fi
  have_header uv.h || need libuv1-dev libuv-devel libuv libuv
  have_header jansson.h || need libjansson-dev jansson-devel jansson jansson
  have scdoc || need scdoc - scdoc - # manual pages; done without, elsewhere
}
want_test() {
  want_build
  have_header cmocka.h || need libcmocka-dev libcmocka-devel cmocka cmocka
  # For the tests on a terminal and of JSON, which are skipped elsewhere.
  [ "$manager" != apt ] || need_deb tmux procps python3-jsonschema jq \
    zsh fish
  # For those of uvshm.hpp and the pages "coming from"; a machine with no C++
  # compiler need not get one.
  if [ "$manager" = apt ] && [ "${CI:-}" = true ]; then
    need_deb g++ libboost-dev libapr1-dev qtbase5-dev
  fi
}
want_check() {
  want_test
  debian_only check
  need_deb git g++ clang clang-format clang-tidy python3 python3-yaml shellcheck \
    spin binutils mingw-w64-x86-64-dev gcc-mingw-w64-i686 \
    g++-mingw-w64-x86-64-win32 libboost-dev \
    libc6-dev-arm64-cross libgcc-12-dev-arm64-cross \
    binutils-aarch64-linux-gnu qemu-user dpkg-dev qtbase5-dev libsdl2-dev
  want_package
  want_docs
}
want_package() {
  want_build
  debian_only package
  need_deb dpkg-dev debhelper lintian scdoc abigail-tools reuse
}
want_others() {
  want_test
  debian_only others
  need_deb php-cli python3 libboost-dev g++ locales
}
want_matrix() {
  want_test
  debian_only test-all
  need_deb clang llvm gcc-multilib musl-tools valgrind dpkg-dev
}
want_windows() {
  want_test
  debian_only test-windows
  need_deb gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64-win32 libboost-dev wine \
    wine64 dpkg-dev
}
want_bench() {
  want_test
  [ "$manager" != apt ] || need_deb libboost-dev libapr1-dev liblmdb-dev \
    libzmq3-dev g++ gnuplot-nox jq
}
want_docs() {
  debian_only docs
  need_deb mkdocs mkdocs-material python3-pymdownx doxygen
}

for set in $sets; do
  case $set in
    build | test | check | package | others | matrix | windows | bench | docs) "want_$set" ;;
    *) echo "install-deps: no such set: $set" >&2; exit 2 ;;
  esac
done
# shellcheck disable=SC2086  # words
packages=$(printf '%s\n' $packages | sort -u | tr '\n' ' ')
packages=${packages% }
[ -n "$packages" ] || exit 0

# ---- install it --------------------------------------------------------------

sudo=
if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
  if ! have sudo; then
    echo "install-deps: please have this installed by the administrator: $packages" >&2
    exit 1
  fi
  sudo="sudo "
fi
case $manager in
  apt) command="${sudo}apt-get install --yes --no-install-recommends $packages" ;;
  dnf) command="${sudo}dnf install --assumeyes $packages" ;;
  pacman) command="${sudo}pacman --sync --needed --noconfirm $packages" ;;
  brew) command="brew install $packages" ;;
  none)
    echo "install-deps: this system's package manager is not known here." >&2
    echo "Please install, under whatever name it has them: $packages" >&2
    exit 1
    ;;
esac

echo "uvshm needs a few packages. The command:"
echo "  $command"
if [ -z "${YES:-}" ] && [ "${CI:-}" != true ] && [ -t 0 ] && [ -t 1 ]; then
  printf 'Run it now? [Y/n] '
  read -r answer || answer=n
  case $answer in
    "" | [yY]*) ;;
    *) echo "Not installed."; exit 1 ;;
  esac
fi

log=$(mktemp "${TMPDIR:-/tmp}/uvshm-install.XXXXXX")
trap 'rm -f "$log"' EXIT
fail() {
  cat "$log" >&2
  echo "install-deps: failed: $command" >&2
  exit 1
}
export DEBIAN_FRONTEND=noninteractive
if [ "$manager" = apt ]; then
  # A mirror may hiccup; a package list that is a little old is no reason to
  # stop.
  ${sudo}apt-get -o Acquire::Retries=3 update > "$log" 2>&1 || cat "$log" >&2
fi
echo "installing ..."
if [ -n "$sudo" ]; then
  # Visible, because sudo may ask for a password.
  $command || fail
else
  $command > "$log" 2>&1 < /dev/null || fail
fi
