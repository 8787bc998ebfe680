#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/test.sh FOLDER [CMAKE OPTION...]
#
# Configures, builds and runs the tests in FOLDER. Ends with CTest's summary and
# with how many states the crash lab has tried; output of a test is shown when it
# fails. UVSHM_CTEST holds more options of ctest (-R mutex, -LE stress ...).

set -eu
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}

"$here/quiet.sh" "configure $build" "$here/configure.sh" "$build" "$@"
"$here/quiet.sh" "build $build" cmake --build "$build" --parallel "$jobs"
cd "$build"
# shellcheck disable=SC2086  # words
ctest --output-on-failure --progress --parallel "$jobs" \
  --no-tests=error --no-label-summary --output-junit tests.xml \
  --test-output-size-passed 100000 ${UVSHM_CTEST:-} && code=0 || code=$?
# "crash: name: 5 stores, 6 + 70 states, 0 readers, 0 wrong", but for mutants, and
# for what is "not" done on purpose so that the lab has something to find.
awk '
  /<testcase name="/ { mutant = /name="(mutant|consumer)/ }
  /^crash: |>crash: / {
    if (mutant || /crash: [^:]*not [a-z ]*:/) next
    for (i = 2; i < NF; i++) {
      if ($(i + 1) == "+") { first += $i; second += $(i + 2); cases++ }
      if ($(i + 1) ~ /^readers/) readers += $i
      if ($(i + 1) ~ /^wrong/) wrong += $i
    }
  }
  END {
    if (cases) printf "crash lab: %d operations, %d states after a death, " \
      "%d after a second one, %d readers, %d wrong\n",
      cases, first, second, readers, wrong
  }' tests.xml
exit "$code"
