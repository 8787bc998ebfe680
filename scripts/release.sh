#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/release.sh [--worktree] [FOLDER]
#
# Makes what a release consists of, in FOLDER (default out/):
#
#   uvshm-VERSION.tar.gz         the source: the same bytes on every machine
#   uvshm-VERSION-vcpkg.tar.gz   the port for vcpkg, with the archive's SHA-512
#   SHA256SUMS                   of both
#
# From HEAD, which must be clean and in which every file must name the same
# version; --worktree takes the files as they are, for tests. UVSHM_URL is where
# releases lie, for the port: https://.../download (UVSHM_URL/vVERSION/archive).
# No file of the tree names an address, since a tree may be anybody's; without
# UVSHM_URL the port is left out. Needs git, GNU tar, gzip and python3.

set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
worktree=
if [ "${1:-}" = --worktree ]; then
  worktree=yes
  shift
fi
out=${1:-out}
tar=tar
! command -v gtar > /dev/null 2>&1 || tar=gtar
export LC_ALL=C TZ=UTC

word() {
  sed -n "s/^#define UVSHM_VERSION_$1 \([0-9]*\)\$/\1/p" include/uvshm/version.h
}
version=$(word MAJOR).$(word MINOR).$(word PATCH)
name=uvshm-$version

if [ -z "$worktree" ]; then
  [ -z "$(git status --porcelain)" ] || {
    echo "release: the work tree has changes that are not in HEAD" >&2
    exit 1
  }
  python3 scripts/check-packaging.py --release
fi
# The date of HEAD; without commits, that of the package.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null ||
  date -d "$(sed -n 's/^ -- .*>  //p' packaging/debian/changelog | head -n 1)" +%s)}
mkdir -p "$out"
out=$(cd "$out" && pwd)
stage=$(mktemp -d "${TMPDIR:-/tmp}/uvshm-release.XXXXXX")
trap 'rm -rf "$stage"' EXIT

# Names in order, and no clock, user or umask in it; gzip -n: nor in its head.
pack() { # FOLDER LIST PREFIX ARCHIVE
  $tar --create --directory="$1" --no-recursion --files-from="$2" \
    --transform="s,^,$3," --format=ustar --mtime="@$epoch" \
    --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX | gzip -9 -n > "$out/$4"
}

# ---- the source --------------------------------------------------------------

git ls-files --cached --others --exclude-standard | sort | while read -r file; do
  [ ! -e "$file" ] || echo "$file"
done > "$stage/names"
pack "$here" "$stage/names" "$name/" "$name.tar.gz"

# ---- the port ----------------------------------------------------------------

if [ -z "${UVSHM_URL:-}" ] && [ -z "$worktree" ]; then
  echo "release: no UVSHM_URL, so no port for vcpkg" >&2
  cd "$out"
  sha256sum "$name.tar.gz" > SHA256SUMS
  cat SHA256SUMS
  exit 0
fi
cp -r packaging/vcpkg/ports/uvshm "$stage/uvshm"
sha512=$(sha512sum < "$out/$name.tar.gz" | cut -d ' ' -f 1)
url=${UVSHM_URL:-https://example.invalid/releases/download}/v$version/$name.tar.gz
sed -i -e "s|^set(uvshm_url \"\")|set(uvshm_url \"$url\")|" \
  -e "s|^set(uvshm_sha512 \"\")|set(uvshm_sha512 \"$sha512\")|" \
  "$stage/uvshm/portfile.cmake"
grep -q "$sha512" "$stage/uvshm/portfile.cmake"
(cd "$stage" && find uvshm -type f | sort > port)
pack "$stage" "$stage/port" "" "$name-vcpkg.tar.gz"

cd "$out"
sha256sum "$name.tar.gz" "$name-vcpkg.tar.gz" > SHA256SUMS
cat SHA256SUMS
