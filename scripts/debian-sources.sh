#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/debian-sources.sh FOLDER PACKAGE...
#
# Unpacks Debian source packages into FOLDER/PACKAGE. The package lists are
# private to this script (the system's own places, read as deb-src), so it needs
# neither root nor a change to the system's apt. What is there already is kept.

set -eu
folder=$1
shift

missing=
for name in "$@"; do
  [ -f "$folder/$name/.complete" ] || missing="$missing $name"
done
[ -n "$missing" ] || exit 0

for tool in apt-get dpkg-source; do
  command -v "$tool" > /dev/null 2>&1 && continue
  echo "debian-sources.sh: $tool is missing; it comes with dpkg-dev" >&2
  exit 1
done

mkdir -p "$folder"
work=$(mktemp -d "$folder/.apt.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/etc"

for list in /etc/apt/sources.list.d/*.sources; do
  [ -f "$list" ] || continue
  sed -e 's/^Types:.*/Types: deb-src/' "$list" > "$work/etc/$(basename "$list")"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -f "$list" ] || continue
  sed -n -e 's/^deb /deb-src /p' "$list" > "$work/etc/$(basename "$list").list"
done

cat > "$work/apt.conf" <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$work/etc";
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "";
Acquire::Retries "3";
CONF
export APT_CONFIG="$work/apt.conf"

# Another repository's list may have no sources, which is an error of its own;
# it matters only if one of our packages is not found.
apt-get -q update > "$work/log" 2>&1 || true
(
  cd "$work"
  # shellcheck disable=SC2086  # words
  apt-get -q source --download-only $missing >> log 2>&1
) || { cat "$work/log" >&2; exit 1; }

for name in $missing; do
  rm -rf "${folder:?}/$name"
  dpkg-source --no-check -x "$work/${name}_"*.dsc "$folder/$name" \
    >> "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  touch "$folder/$name/.complete"
done
