#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/bench-plots.sh [RESULT.json [FOLDER]]
#
# Draws the newest of bench/results/*.json, or RESULT, as docs/img/ shows it: how
# many times as fast as each opponent, streams by size of message, round trips in
# percentiles. Needs jq and gnuplot.

set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
json=${1:-$(find "$here/bench/results" -name '*.json' | sort | tail -n 1)}
to=${2:-$here/docs/img}
work=$(mktemp -d "${TMPDIR:-/tmp}/uvshm-plots.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Everybody's colour, in the order of the key. ZeroMQ's name is shorter there.
sides="uvshm:#2b6cb0 limit:#888888 Boost:#d69e2e pipe:#38a169
  Unix_socket:#dd6b20 POSIX_mq:#9f7aea ZeroMQ_ipc:#e53e3e"

# common WIDTH HEIGHT FILE: what all plots begin with
common() {
  cat << END
set terminal svg size $1,$2 dynamic background 'white' font 'sans-serif,12'
set output '$3'
set datafile separator tab
set grid lc rgb '#dddddd'
END
}

# lines TABLE-PREFIX COLUMNS: a plot command with a line for each side
lines() {
  first=plot
  for side in $sides; do
    name=$(echo "${side%%:*}" | tr _ ' ')
    table=$work/$1-${side%%:*}
    [ -s "$table" ] || continue
    width=2
    [ "$name" != uvshm ] || width=4
    printf "%s '%s' using %s with linespoints pt 7 ps 0.6 lw %s lc rgb '%s' title '%s'" \
      "$first" "$table" "$2" "$width" "${side#*:}" "$name"
    first=,
  done
  echo
}

for side in $sides; do
  name=$(echo "${side%%:*}" | tr _ ' ')
  jq -r --arg side "$name" '
    .throughput[] | select(.side == $side)
    | [.size, .median * .size / 1000] | @tsv' "$json" \
    > "$work/throughput-${side%%:*}"
  for how in polling blocking; do
    jq -r --arg side "$name" --arg how "$how" '
      .latency[] | select(.side == $side and .how == $how)
      | [1, .p50], [2, .p90], [3, .p99], [4, .["p99.9"]] | @tsv' "$json" \
      > "$work/$how-${side%%:*}"
  done
done

throughput() {
  common 760 420 "$1"
  cat << 'END'
set title 'one process to another, copied in and out'
set logscale x 2
set logscale y 10
set format x '%.0f'
set xtics ('8' 8, '64' 64, '256' 256, '1 KiB' 1024, '4 KiB' 4096, \
  '16 KiB' 16384, '64 KiB' 65536, '256 KiB' 262144, '1 MiB' 1048576)
set xlabel 'size of a message'
set ylabel 'GB/s'
set key outside right top
END
  lines throughput 1:2
}

latency() {
  common 760 420 "$1"
  cat << 'END'
set logscale y 10
set format y '%.0s %cs'
set xrange [0.7:4.3]
set xtics ('50 %%' 1, '90 %%' 2, '99 %%' 3, '99.9 %%' 4)
set multiplot layout 1,2
set title 'round trip of 64 bytes, both poll'
set key top left
END
  lines polling '1:($2*1e-9)'
  echo "set title 'the same, both wait'"
  lines blocking '1:($2*1e-9)'
  echo 'unset multiplot'
}

# The limit is in the table; a picture of everybody would be too long.
jq '[.rows[] | select(.against != "limit" and .against != "one process")]' \
  "$json" > "$work/rows.json"
"$here/scripts/bench-plot.sh" "$work/rows.json" "$to/bench.svg"
for plot in throughput latency; do
  $plot "$to/$plot.svg" | gnuplot
  sed -i.old 's/[[:space:]]*$//' "$to/$plot.svg" && rm -f "$to/$plot.svg.old"
  "$here/scripts/plot-dark.sh" "$to/$plot.svg"
done
echo "drawn from $json"
