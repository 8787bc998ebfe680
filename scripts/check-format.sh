#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/check-format.sh [--fix]
#
# Every C file of ours is as clang-format 14 with .clang-format writes it. --fix
# rewrites. Files that we took over from others (tools/uvshm/getopt) are theirs.

set -eu
cd "$(dirname "$0")/.."
format=$(command -v clang-format-14 || command -v clang-format)
case $("$format" --version) in
  *"version 14."*) ;;
  *) echo "check-format: clang-format 14 is wanted; other versions differ" >&2; exit 1 ;;
esac

if [ "${1:-}" = --fix ]; then
  set -- -i
else
  set -- --dry-run -Werror --ferror-limit=3
fi
git ls-files --cached --others --exclude-standard -z -- '*.c' '*.h' '*.hpp' '*.cpp' \
  ':!tools/uvshm/getopt' | xargs -0 "$format" "$@"
