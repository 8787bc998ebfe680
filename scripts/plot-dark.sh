#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/plot-dark.sh PLOT.svg
#
# Gives a picture of gnuplot's dark colors for readers who have a dark page.

set -eu
grep -q 'prefers-color-scheme' "$1" && exit 0
sed -i.old 's|^<g id="gnuplot_canvas">|<style>\
@media (prefers-color-scheme: dark) {\
  #gnuplot_canvas > rect:first-of-type { fill: #0d1117; }\
  [fill="black"] { fill: #f0f6fc; }\
  [stroke="black"], [color="black"] { stroke: #9198a1; color: #9198a1; }\
  [stroke="rgb(221, 221, 221)"] { stroke: #3d444d; color: #3d444d; }\
  [stroke="rgb( 43, 108, 176)"] { stroke: #6cb6ff; color: #6cb6ff; }\
}\
</style>\
&|' "$1"
rm -f "$1.old"
