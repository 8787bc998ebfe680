#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/msvc-check.sh [FILE...]
#
# Reads C as Visual C++ would, as far as that can be had without it: clang in
# MSVC's mode (_MSC_VER, 32-bit long, its calling conventions and extensions)
# over mingw's headers, with everything poisoned that is gcc's alone
# (scripts/msvc_prelude.h). 64-bit and 32-bit. Without FILE: every source of the
# library, Windows' and the stub's backend, the tool, and every public header.
#
# What it does not see: MSVC's own warnings, the UCRT's headers, linking.
# Needs clang, mingw-w64-x86-64-dev and libuv's headers.

set -u
cd "$(dirname "$0")/.." || exit 1
mingw=${MINGW_INCLUDE:-/usr/x86_64-w64-mingw32/include}
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}

if ! command -v clang > /dev/null || [ ! -f "$mingw/windows.h" ]; then
  echo "msvc-check.sh: clang or mingw's headers are missing;" \
    "scripts/install-deps.sh check" >&2
  exit 1
fi

# The headers of libuv and jansson alone, not all that lies beside them.
tmp=$(mktemp -d "${TMPDIR:-/tmp}/uvshm-msvc.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
for folder in ${UV_INCLUDE:-} /usr/include /usr/local/include; do
  [ -f "$folder/uv.h" ] && [ -f "$folder/uv/win.h" ] || continue
  mkdir "$tmp/uv-include"
  ln -s "$folder/uv.h" "$folder/uv" "$tmp/uv-include/"
  for header in "$folder"/jansson*.h /usr/include/jansson*.h \
    /usr/include/*/jansson_config.h; do
    [ ! -f "$header" ] || ln -sf "$header" "$tmp/uv-include/"
  done
  break
done
if [ ! -d "$tmp/uv-include" ]; then
  echo "msvc-check.sh: there is no uv.h with uv/win.h beside it" >&2
  exit 1
fi

resources=$(clang -print-resource-dir)/include

# A macro of ours may be called like one of Windows' in a file that does not
# include those headers; here all files do.
#
# check TARGET FILE: mingw's headers before clang's own, which have none of
# Windows'. gcc's version is what mingw's headers ask for; the prelude takes it
# away again.
check() {
  local machine=()
  local backend=src/win32
  case $1 in i686-*) machine=(-D_X86_=1) ;; esac
  case $2 in src/stub/*) backend=src/stub ;; esac
  clang --target="$1" -fms-compatibility-version=19.29 -std=c11 -fsyntax-only \
    -nostdinc -isystem "$mingw" -isystem "$resources" \
    -isystem "$tmp/uv-include" \
    -D__GNUC__=12 -D__GNUC_MINOR__=2 "${machine[@]}" \
    -D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN -DUNICODE -D_UNICODE \
    -D_CRT_SECURE_NO_WARNINGS -DUVSHM__MSVC_RULES \
    -Iinclude -Isrc -I$backend -Itools/uvshm -Itools/uvshm/getopt -Itest \
    -include scripts/msvc_prelude.h \
    -pedantic-errors -Wall -Wextra -Werror -Wno-language-extension-token \
    -Wno-unused-function -Wno-macro-redefined -x c "$2" && return
  echo "msvc-check: $2 ($1)"
  return 1
}

if [ $# -eq 0 ]; then
  set -- src/base/*.c src/core/*.c src/object/*.c src/loop/*.c src/win32/*.c \
    src/stub/*.c include/*.h include/uvshm/*.h src/base/*.h tools/uvshm/*.c
fi
failed=0
running=0
for target in x86_64-pc-windows-msvc i686-pc-windows-msvc; do
  for file in "$@"; do
    [ -f "$file" ] || continue
    case $file in */atomic_gnu.h | */atomic_msvc.h) continue ;; esac
    check $target "$file" &
    running=$((running + 1))
    if [ $running -ge "$jobs" ]; then
      wait -n || failed=1
      running=$((running - 1))
    fi
  done
done
while [ $running -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit $failed
