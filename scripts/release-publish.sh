#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/release-publish.sh TAG FOLDER
#
# The last step of .github/workflows/release.yml: checksums of all files in FOLDER,
# and a release of them with that version's part of CHANGELOG.md. With
# UVSHM_DRY_RUN set, prints instead of publishing.

set -eu
tag=$1
version=${tag#v}
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$2"

rm -f SHA256SUMS notes.md
sha256sum -- * > ../SHA256SUMS.new
mv ../SHA256SUMS.new SHA256SUMS
awk -v head="## [$version]" '
  index($0, head) == 1 { inside = 1; next }
  /^## \[/ { inside = 0 }
  inside' "$here/CHANGELOG.md" > ../notes.md
[ -s ../notes.md ] || {
  echo "release-publish: CHANGELOG.md has nothing about $version" >&2
  exit 1
}
set -- release create "$tag" --title "uvshm $version" --notes-file ../notes.md -- *
if [ -n "${UVSHM_DRY_RUN:-}" ]; then
  echo gh "$@"
else
  gh "$@"
fi
