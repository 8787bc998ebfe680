#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/bench-plot.sh BENCH.json PLOT.svg
#
# Draws what uvshm_bench has written: how many times as fast as each opponent
# uvshm is. Needs jq and gnuplot.

set -eu
json=$1
svg=$2
table=$(mktemp "${TMPDIR:-/tmp}/uvshm-plot.XXXXXX")
trap 'rm -f "$table"' EXIT

# Times count the other way round than rates; memory is not drawn.
jq -r '
  [ (.rows? // .)[] | select(.unit == "ns" or .unit == "us" or .unit == "M/s")
    | . + (if .unit == "M/s"
           then {x: .ratio, low: .ratio_min, high: .ratio_max}
           else {x: (1 / .ratio), low: (1 / .ratio_max),
                 high: (1 / .ratio_min)} end) ]
  | reverse | to_entries[]
  | [ .key, .value.x, .value.low, .value.high,
      "\"\(.value.name) / \(.value.against)\"" ] | @tsv' \
  "$json" | sed 's/"""/"/g; s/\\"/"/g' > "$table"
rows=$(wc -l < "$table")

gnuplot << EOF
set terminal svg size 760,$((rows * 21 + 70)) dynamic background 'white' \
  font 'sans-serif,12'
set output '$svg'
set datafile separator tab
set title 'times as fast as (median; bar: least to most of the pairs)'
set logscale x 2
set xrange [0.125:64]
set xtics ('1/8' 0.125, '1/4' 0.25, '1/2' 0.5, '1' 1, '2' 2, '4' 4, '8' 8, \
  '16' 16, '32' 32, '64' 64)
set yrange [-0.7:$rows-0.3]
set ytics out nomirror noenhanced
set grid x lc rgb '#dddddd'
set arrow 1 from 1,-0.7 to 1,$rows-0.3 nohead lw 1.5 lc rgb '#888888'
unset key
plot '$table' using 2:1:3:4:ytic(5) with xerrorbars pt 7 ps 0.8 lw 2 \
  lc rgb '#2b6cb0'
EOF
sed -i.old 's/[[:space:]]*$//' "$svg" && rm -f "$svg.old"
"$(dirname "$0")/plot-dark.sh" "$svg"
