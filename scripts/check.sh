#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/check.sh [NAME...]
#
# All that a review would find without reading: one line for each check, the
# output of those that fail, and a result. Independent checks run side by side.
# With names, only these; `scripts/check.sh --list` prints them.
#
# Builds go to build-check/ (UVSHM_CHECK_DIR).

set -u
cd "$(dirname "$0")/.." || exit 1
here=scripts
root=$PWD
work=${UVSHM_CHECK_DIR:-$root/build-check}
cores=$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)
lanes=$((cores > 2 ? cores / 2 : 2))
export JOBS=$((cores / lanes > 0 ? cores / lanes : 1))
export CTEST_OUTPUT_ON_FAILURE=1

# A python3 of the user's own may lack python3-yaml, which the system's has.
python=python3
python3 -c 'import yaml' 2> /dev/null || python=/usr/bin/python3

# ---- the checks, long ones first ---------------------------------------------

build() { # NAME CMAKE-OPTION...: everything there is, warnings as errors
  local dir=$work/$1
  shift
  cmake -S . -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DUVSHM_WERROR=ON "$@" && cmake --build "$dir" --parallel "$JOBS"
}

check_aarch64() { $here/test-matrix.sh aarch64; }
check_models() { models/run.sh; }
check_tidy() {
  # Each source once: clang-tidy 14 reads every command of a file in one process, and its
  # va_list checker then takes the second va_start for none.
  cmake -S . -B "$work/tidy" -G Ninja -DCMAKE_C_COMPILER=clang \
    -DUVSHM_BUILD_SHARED=OFF -DBUILD_TESTING=OFF -DUVSHM_BUILD_CRASH=OFF \
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON > /dev/null &&
    $here/check-tidy.sh "$work/tidy"
}
check_gcc() {
  build gcc -DCMAKE_C_COMPILER=gcc -DUVSHM_BUILD_BENCH=ON &&
    $python $here/check-names.py "$work/gcc/libuvshm.a"
}
check_clang() { build clang -DCMAKE_C_COMPILER=clang -DUVSHM_BUILD_BENCH=ON; }
check_fallback() {
  build fallback -DUVSHM_PORT_FALLBACK=ON -DBUILD_TESTING=OFF -DUVSHM_BUILD_SHARED=OFF
}
check_stub() {
  build stub -DUVSHM_BACKEND=stub -DBUILD_TESTING=OFF -DUVSHM_BUILD_TOOL=OFF
}
check_msvc() { $here/msvc-check.sh; }
check_32() { $here/check-32.sh; }
check_site() { $here/docs.sh "$work/docs"; }
check_headers() { $here/check-headers.sh; }
check_docs() {
  $python $here/check-docs.py && $python $here/check-errors.py &&
    $python $here/docs-reference.py --check &&
    $python $here/docs-reference-cpp.py --check && $python $here/diagrams.py --check
}
check_format() { $here/check-format.sh; }
check_layers() { $python $here/check-layers.py; }
check_names() { $python $here/check-names.py; }
check_text() { $python $here/check-text.py; }
check_comments() { $python $here/check-comments.py; }
check_ci() { $python $here/check-ci.py; }
check_fuzz() { UVSHM_FUZZ_DIR=$work/fuzz $here/fuzz.sh 60; }
# 77: built and looked at, but not installed, because that cannot be done here.
check_package() {
  $here/package-debian.sh test "$work/debian"
  local code=$?
  [ $code -eq 0 ] || [ $code -eq 77 ]
}
check_packaging() { $python $here/check-packaging.py; }
check_abi() { $python $here/check-abi.py; }
check_shell() {
  git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run packaging/debian/tests/use |
    xargs -0 shellcheck --severity=warning
}
check_checks() { $python $here/check-checks.py; }

checks="fuzz aarch64 package tidy gcc clang models msvc 32 fallback headers docs site checks format
  layers names text comments ci stub shell packaging abi"

# ---- running them ------------------------------------------------------------

what() {
  case $1 in
    aarch64) echo "aarch64: unit tests under qemu" ;;
    fuzz) echo "damaged segments, 60 s" ;;
    tidy) echo "clang-tidy" ;;
    gcc) echo "gcc: warnings are errors" ;;
    clang) echo "clang: warnings are errors" ;;
    models) echo "models of the locks, with spin" ;;
    msvc) echo "MSVC's rules, x64 and x86" ;;
    32) echo "32-bit Linux: warnings are errors" ;;
    fallback) echo "POSIX fallback compiles" ;;
    headers) echo "headers alone, C and C++" ;;
    docs) echo "examples in the documents" ;;
    site) echo "the site, its reference and links" ;;
    checks) echo "the checks find planted faults" ;;
    format) echo "format" ;;
    layers) echo "layers" ;;
    names) echo "names" ;;
    text) echo "text" ;;
    comments) echo "comments and byte tables" ;;
    ci) echo "CI files and presets" ;;
    stub) echo "stub backend compiles" ;;
    shell) echo "shell scripts" ;;
    package) echo "Debian packages, used and purged" ;;
    packaging) echo "packages, licences, archive" ;;
    abi) echo "ABI, by abidiff" ;;
  esac
}

if [ "${1:-}" = --list ]; then
  for name in $checks; do printf '%-10s %s\n' "$name" "$(what "$name")"; done
  exit 0
fi
[ $# -eq 0 ] || checks=$*

mkdir -p "$work/log"
rm -f "$work"/log/*
begin=$SECONDS

run() {
  local name=$1 start=$SECONDS log=$work/log/$1
  if "check_$name" > "$log" 2>&1 < /dev/null; then
    printf '%-34s ok      %4d s\n' "$(what "$name")" $((SECONDS - start))
  else
    {
      printf '%-34s FAILED  %4d s\n' "$(what "$name")" $((SECONDS - start))
      echo "--- scripts/check.sh $name"
      grep -v -E "^\[[0-9]+/[0-9]+\] (Building|Linking)|^-- " "$log" | tail -n 100
      echo "---"
    } > "$log.shown"
    cat "$log.shown"
    touch "$work/log/$name.failed"
  fi
}

running=0
for name in $checks; do
  if [ "$(type -t "check_$name")" != function ]; then
    echo "check.sh: no such check: $name (--list)" >&2
    exit 2
  fi
  if [ $running -ge "$lanes" ]; then
    wait -n
    running=$((running - 1))
  fi
  run "$name" &
  running=$((running + 1))
done
wait

failed=$(cd "$work/log" && ls -- *.failed 2> /dev/null | sed 's/\.failed$//' | tr '\n' ' ')
echo
if [ -n "$failed" ]; then
  echo "check: FAILED: $failed($((SECONDS - begin)) s)"
  exit 1
fi
echo "check: all is well ($(echo "$checks" | wc -w) checks, $((SECONDS - begin)) s)"
