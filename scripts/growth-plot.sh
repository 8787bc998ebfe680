#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/growth-plot.sh GROWTH.json PLOT.svg
#
# Draws what `uvshm_bench --growth` has written: what a put costs as a map
# grows. Needs jq and gnuplot.

set -eu
json=$1
svg=$2
table=$(mktemp "${TMPDIR:-/tmp}/uvshm-plot.XXXXXX")
trap 'rm -f "$table"' EXIT

jq -r '.[] | [.keys, .ns] | @tsv' "$json" > "$table"
gnuplot << EOF
set terminal svg size 640,360 dynamic background 'white' font 'sans-serif,12'
set output '$svg'
set datafile separator tab
set title 'a put of a new key, 8 bytes to 64'
set logscale x 10
set format x '10^{%L}'
set xlabel 'keys in the map'
set ylabel 'ns'
set yrange [0:*]
set grid lc rgb '#dddddd'
unset key
plot '$table' using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc rgb '#2b6cb0'
EOF
sed -i.old 's/[[:space:]]*$//' "$svg" && rm -f "$svg.old"
"$(dirname "$0")/plot-dark.sh" "$svg"
