#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/docs.sh FOLDER
#
# The documentation as a site: FOLDER/site/index.html, with what Doxygen makes
# of the headers under api/. Warnings are errors, and so is a link, of the site
# or of a Markdown file, that leads nowhere. Nothing is fetched.

set -eu
build=$1
cd "$(dirname "$0")/.."
mkdir -p "$build/site"
site=$(cd "$build" && pwd)/site
scripts/quiet.sh "documentation" mkdocs build --strict --quiet \
  --config-file mkdocs.yml --site-dir "$site"
UVSHM_API_DIR=$site UVSHM_PYTHON=python3
export UVSHM_API_DIR UVSHM_PYTHON
scripts/quiet.sh "reference of the headers" doxygen Doxyfile
scripts/quiet.sh "links" python3 scripts/check-site.py "$site"
echo "$build/site/index.html"
