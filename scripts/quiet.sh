#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/quiet.sh WHAT COMMAND...
#
# Runs a command and prints one line about it; its output is shown only when it
# fails. UVSHM_VERBOSE=1 shows everything.

what=$1
shift
if [ -n "${UVSHM_VERBOSE:-}" ]; then
  echo "$what: $*"
  exec "$@"
fi

log=$(mktemp "${TMPDIR:-/tmp}/uvshm-log.XXXXXX") || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
start=$(date +%s)
"$@" > "$log" 2>&1
status=$?
took=$(($(date +%s) - start))
if [ $status -eq 0 ]; then
  printf '%-34s ok      %4d s\n' "$what" $took
else
  printf '%-34s FAILED  %4d s\n' "$what" $took
  echo "--- $*"
  grep -v -E '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$log"
  echo "---"
fi
exit $status
