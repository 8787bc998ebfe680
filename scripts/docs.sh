#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/docs.sh FOLDER
#
# The documentation as a site: FOLDER/site/index.html.

set -eu
build=$1
cd "$(dirname "$0")/.."
mkdir -p "$build"
scripts/quiet.sh "documentation" mkdocs build --strict --quiet \
  --config-file mkdocs.yml --site-dir "$(cd "$build" && pwd)/site"
echo "$build/site/index.html"
