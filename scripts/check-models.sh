#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs spin over models/*.pml. The first lines of a model may say
#
#   /* expect: fails */     a mutant: spin must find the fault planted in it
#   /* spin: -DSMALL ... */ options for spin itself
#   /* cc: -DSAFETY ... */  options for compiling the verifier
#   /* pan: -m100000 -a */  options for running it
#
# A model without `expect: fails` must pass, with no unreached deadline or depth.

set -u
cd "$(dirname "$0")/.." || exit 1
tmp=$(mktemp -d "${TMPDIR:-/tmp}/uvshm-models.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0
seen=0

# option WORD FILE: what stands behind "WORD:" in the first 40 lines
option() {
  head -n 40 "$2" | sed -n "s|.*$1: *\\([^*]*\\).*|\\1|p" | head -n 1
}

for model in models/*.pml; do
  [ -f "$model" ] || continue
  seen=$((seen + 1))
  name=$(basename "$model" .pml)
  dir=$tmp/$name
  mkdir -p "$dir"
  cp models/*.pml "$dir/"
  cp models/*.h models/*.inc "$dir/" 2> /dev/null
  expect=$(option expect "$model")
  spin_options=$(option spin "$model")
  cc_options=$(option cc "$model")
  pan_options=$(option pan "$model")
  case $expect in fails*) expect=fails ;; *) expect=holds ;; esac
  # shellcheck disable=SC2086  # words
  if ! (cd "$dir" && spin $spin_options -a "$name.pml" > spin.log 2>&1 &&
    cc -O2 -w ${cc_options:--DSAFETY -DCOLLAPSE} -o pan pan.c > cc.log 2>&1); then
    echo "$model: does not compile"
    cat "$dir"/*.log
    failed=1
    continue
  fi
  # shellcheck disable=SC2086  # words
  (cd "$dir" && timeout 300 ./pan ${pan_options:--m1000000} > pan.log 2>&1)
  if grep -q "max search depth too small\|out of memory" "$dir/pan.log"; then
    found=nothing
  elif grep -q "errors: 0" "$dir/pan.log"; then
    found=holds
  elif grep -q "errors: [1-9]" "$dir/pan.log"; then
    found=fails
  else
    found=nothing
  fi
  if [ "$found" != "$expect" ]; then
    echo "$model: expected: $expect, found: $found"
    tail -n 30 "$dir/pan.log"
    failed=1
  else
    echo "$model: $found, as expected"
  fi
done
if [ $seen -eq 0 ]; then
  echo "there are no models"
  exit 1
fi
exit $failed
