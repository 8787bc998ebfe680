#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/crash.sh [FOLDER]
#
# Deaths at length, beyond what `make test` does, on the library as it is
# compiled for release (-O2), in FOLDER/crash-release:
#
#   lab        every store, also of the repairer (as in make test)
#   step       every instruction, one at a time
#   syscalls   a SIGKILL at every entry and exit of a system call
#   storms     UVSHM_KILLS (10000) random kills each: tokens that move, locks
#              and objects that come and go
#
# Ends with the number of states and kills, and with failure when one of them
# was not survived.

set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}/crash-release
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}
kills=${UVSHM_KILLS:-10000}

scripts/quiet.sh "configure release" scripts/configure.sh "$build" \
  -DCMAKE_BUILD_TYPE=Release -DUVSHM_BUILD_SHARED=OFF \
  -DUVSHM_BUILD_EXAMPLES=OFF -DUVSHM_INSTALL=OFF || exit 1
scripts/quiet.sh "build release" cmake --build "$build" --parallel "$jobs" || exit 1

log=$build/crash.log
: > "$log"
failed=0

# run WHAT COMMAND...: output to the log, one line here.
run() {
  local what=$1 start=$SECONDS
  shift
  if "$@" >> "$log" 2>&1; then
    printf '%-34s ok      %4d s\n' "$what" $((SECONDS - start))
  else
    tail -n 40 "$log"
    printf '%-34s FAILED  %4d s\n' "$what" $((SECONDS - start))
    failed=1
  fi
}

# In a process of its own: one that goes wrong is not the end of the others.
for program in "$build"/test/crash-[a-z]* "$build"/test/kit/crash-kit \
  "$build"/test/crash/crash-public; do
  if [ -f "$program" ] && [ -x "$program" ]; then
    run "lab: $(basename "$program")" "$program"
  fi
done
[ -x "$build/test/crash/crash-step" ] &&
  run "every instruction" "$build/test/crash/crash-step"
[ -x "$build/test/crash/crash-syscalls" ] &&
  run "every system call" "$build/test/crash/crash-syscalls"
run "$kills kills: tokens" env UVSHM_KILLS="$kills" "$build/test/stress-tokens"
run "$kills kills: locks and objects" \
  env UVSHM_KILLS="$kills" "$build/test/stress-kill"
run "$kills kills: a queue" env UVSHM_KILLS="$kills" "$build/test/stress-queue"
run "$kills kills: rwlock, cond, event, barrier" \
  env UVSHM_KILLS="$kills" "$build/test/stress-locks"
run "$kills kills: topics" env UVSHM_KILLS="$kills" "$build/test/stress-topic"

awk '
  /^crash: / {
    for (i = 2; i < NF; i++)
      if ($(i + 1) == "+") { first += $i; second += $(i + 2) }
  }
  /^step: / {
    for (i = 2; i <= NF; i++) {
      if ($i ~ /^instructions/) instructions += $(i - 1)
      if ($i ~ /^images/) images += $(i - 1)
      if ($i ~ /^kills/) kills += $(i - 1)
    }
  }
  /^syscalls: / { for (i = 2; i <= NF; i++) if ($i ~ /^kills/) kills += $(i - 1) }
  /kills.*moves/ { kills += $1; moves += $3 }
  END {
    printf "lab: %d states after a death, %d after a second one\n", first, second
    printf "step: %d instructions, %d images\n", instructions, images
    printf "kills: %d; moves of tokens: %d\n", kills, moves
  }' "$log"
exit $failed
