#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/screens.sh [TOOL [FOLDER]]
#
# Makes the pictures of the tool in docs/img: ls, top, doctor, demo --kill, and
# a recording of them for the README. Needs tmux and python3, and the right to
# mount, because it gives the scene a /dev/shm of its own: nothing else that
# runs on this machine gets into the picture, nor is touched.

set -eu
cd "$(dirname "$0")/.."
tool=$(realpath "${1:-build/tools/uvshm/uvshm}")
folder=$(realpath "${2:-docs/img}")

if [ "${UVSHM_SCREENS_INSIDE:-}" != 1 ]; then
  export UVSHM_SCREENS_INSIDE=1
  exec unshare --mount --pid --fork --mount-proc "$0" "$tool" "$folder"
fi
mount -t tmpfs -o size=8g,mode=1777 shm /dev/shm

# ---- the scene: a shop, a printer, news --------------------------------------

work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$work"' EXIT
PATH=$(dirname "$tool"):$PATH
quiet() { "$@" > /dev/null 2>&1; }

quiet uvshm create shop --segment --size 24M --max 64M --keep
quiet uvshm map create shop/stock
for i in $(seq 300); do
  echo "{\"key\":\"article $i\",\"value\":\"$(printf '%0400d' "$i")\"}"
done | quiet uvshm map load shop/stock
echo hello | quiet uvshm write greeting --create --keep
quiet uvshm create slots --sem --value 4 --keep

# Orders, which a slow worker takes.
uvshm recv --kind queue --largest 256 --capacity 64K --lines shop/orders |
  while read -r _; do sleep 0.03; done &
(i=0; while sleep 0.012; do echo "order $((i += 1))"; done) |
  uvshm send --kind queue --largest 256 --capacity 64K --lines shop/orders &
# News for two readers.
for _ in 1 2; do uvshm recv --kind topic --lines -f news > /dev/null & done
(i=0; while sleep 0.01; do echo "news $((i += 1))"; done) |
  uvshm send --kind topic --lines news &
# A counter.
(while sleep 0.03; do quiet uvshm map add shop/stock sold; done) &
# One prints, two wait.
(while true; do quiet uvshm lock printer -- sleep 60; done) &
sleep 0.3
for _ in 1 2; do (quiet uvshm lock printer -- sleep 60) & done
# One dies, and leaves something behind.
uvshm recv old-session > /dev/null 2>&1 &
victim=$!
sleep 0.5
kill -9 $victim
wait $victim 2> /dev/null || true
sleep 1

python3 scripts/screens.py "$tool" "$folder"
ls -l "$folder"/{ls,top,doctor,demo-kill,uvshm}.svg
