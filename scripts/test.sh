#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/test.sh FOLDER [CMAKE OPTION...]
#
# Configures, builds and runs the tests in FOLDER. Ends with CTest's summary;
# output of a test is shown when it fails. UVSHM_CTEST holds more options of
# ctest (-R mutex, -LE stress ...).

set -eu
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}

"$here/quiet.sh" "configure $build" "$here/configure.sh" "$build" "$@"
"$here/quiet.sh" "build $build" cmake --build "$build" --parallel "$jobs"
cd "$build"
# shellcheck disable=SC2086  # words
exec ctest --output-on-failure --progress --parallel "$jobs" \
  --no-tests=error --no-label-summary --output-junit tests.xml ${UVSHM_CTEST:-}
