#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/bench-record.sh FOLDER [OPTION...]
#
# Measures all there is on a machine with nothing else to do (about 20 minutes)
# and keeps it, with the day and the machine, in bench/results/DAY.json, which is
# committed; `make bench-plots` draws the newest of these. Options go to
# uvshm_bench: --pairs 1 for a quick one. Builds in FOLDER. Needs jq.

set -eu
build=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
day=$(date -u +%Y-%m-%d)
result=$here/bench/results/$day.json
bench=$build/bench-release/bench/uvshm_bench

"$here/scripts/bench.sh" "$build" "$@"
"$bench" --curves "$build/curves.json" "$@"

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
memory=$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
system=$(. /etc/os-release && echo "$PRETTY_NAME")
cache=$build/bench-release/CMakeCache.txt
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[^=]*=//p' "$cache")
commit=$(git -C "$here" rev-parse --short HEAD 2> /dev/null || echo unknown)
mkdir -p "$here/bench/results"
jq -n --arg day "$day" --arg commit "$commit" --arg cpu "$cpu" \
  --arg processors "$(nproc)" --arg memory "$memory" --arg system "$system" \
  --arg kernel "$(uname -r)" --arg load "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
  --arg virtual "$(systemd-detect-virt 2> /dev/null || true)" \
  --arg compiler "$("$compiler" --version | head -n 1)" \
  --slurpfile rows "$build/bench.json" \
  --slurpfile curves "$build/curves.json" '
  {date: $day, commit: $commit,
   machine: {cpu: $cpu, processors: ($processors | tonumber),
             memory_gib: ($memory | tonumber), system: $system,
             kernel: $kernel, virtual: $virtual, compiler: $compiler,
             load_after: $load},
   rows: $rows[0], throughput: $curves[0].throughput,
   latency: $curves[0].latency}' > "$result.new"
mv "$result.new" "$result"
echo "recorded in bench/results/$day.json; \`make bench-plots\` draws it"
