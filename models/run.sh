#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Check every model, and that every mutant of it fails. Needs spin and a C
# compiler. `./run.sh -v` prints each one's numbers. See README.md.

set -u

models=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/uvshm-models.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
verbose=${1:-}
failed=0
count=0

if ! command -v spin >/dev/null 2>&1; then
  echo "models: spin is not installed, nothing was checked" >&2
  exit 77
fi

# What a search says that has not seen all states.
cut='max search depth too small|out of memory|MEMLIM|Search not completed'
cut="$cut|hash factor too small|truncated"
depth=100000
memory=4096 # MiB

# check <holds|fails|cut> <model> <macros>...: explore all states of the model.
# "cut" is for a search that cannot end and must be found out.
check() {
  expected=$1
  model=$2
  shift 2
  count=$((count + 1))
  dir="$work/$count"
  # A mutant fails soon, so compiling well takes longer than it saves.
  optimize=-O1
  if [ "$expected" = fails ]; then optimize=-O0; fi
  mkdir "$dir" || exit 1
  (
    cd "$dir" || exit 1
    spin -a "$@" "$models/$model.pml" >spin.out 2>&1 &&
      ${CC:-cc} $optimize -w -DSAFETY -DMEMLIM=$memory -o pan pan.c >cc.out 2>&1 &&
      ./pan -E -m$depth -w22 >pan.out 2>&1
  )
  if ! grep -q 'errors: ' "$dir/pan.out" 2>/dev/null; then
    result=broken
  elif grep -q 'assertion violated' "$dir/pan.out"; then
    result=fails
  elif grep -qE "$cut" "$dir/pan.out"; then
    result='cut'
  elif grep -q 'errors: 0' "$dir/pan.out"; then
    result=holds
  else
    result=broken
  fi
  if [ "$result" != "$expected" ]; then
    echo "models: $model $*: $result, should be: $expected" >&2
    cat "$dir"/*.out >&2
    failed=$((failed + 1))
  elif [ "$verbose" = -v ]; then
    states=$(sed -n 's/^ *\([0-9e+.]*\) states, stored.*/\1/p' "$dir/pan.out")
    echo "$model $*: $result ($states states)"
  fi
  rm -rf "$dir"
}

# A search that is cut short says "errors: 0", too.
depth=20
check cut lock -DKILLS=1
depth=100000 memory=40
check cut lock -DWORKERS=2 -DOPS=2 -DKILLS=2 -DREADER
memory=4096

check holds lock
check holds lock -DPATIENCE
check holds lock -DKILLS=1
check holds lock -DWORKERS=2 -DOPS=2 -DKILLS=2 -DREADER
check fails lock -DLOST_BIT
check fails lock -DPATIENCE -DGREEDY
check fails lock -DKILLS=2 -DTAKE_OVER
check fails lock -DKILLS=1 -DFREE_FIRST
check fails lock -DKILLS=1 -DLATE_NOTE
check fails lock -DKILLS=1 -DNO_NEWS

check holds rwlock -DN=3
check holds rwlock -DN=3 -DKILLS=1
check holds rwlock -DROLE0=U -DROLE1=U -DKILLS=1
check holds rwlock -DROLE0=D -DROLE1=R -DOPS=2 -DKILLS=1
check holds rwlock -DROLE0=U -DROLE1=W -DOPS=2 -DKILLS=1
check holds rwlock -DOPS=2 -DKILLS=1 -DPATIENCE -DOTHERS
check fails rwlock -DLOOK_FIRST
check fails rwlock -DSCAN_FIRST
check fails rwlock -DSTAY
check fails rwlock -DSILENT
check fails rwlock -DOTHERS -DUP
check fails rwlock -DKILLS=1 -DDEAF
check fails rwlock -DROLE0=U -DROLE1=U -DBOTH_UP
check fails rwlock -DROLE0=D -DROLE1=W -DLATE_NOTE
check fails rwlock -DROLE0=U -DROLE1=W -DNOTE_FIRST
check fails rwlock -DN=3 -DROLE0=W -DROLE1=R -DROLE2=W -DKILLS=1 -DPATIENCE -DDROP_NEWS

check holds lane_exit
check holds lane_exit -DKILLS=1
check holds lane_exit -DTHREADS=2 -DOPS=2 -DKILLS=2
check fails lane_exit -DOWNER_FIRST
check fails lane_exit -DONE_LOOK
check fails lane_exit -DCLEAR_STALE
check fails lane_exit -DKILLS=1 -DLANES=3 -DMORE -DNO_SLOT

check holds reap -DKILLS=0
check holds reap -DKILLS=1
check holds reap -DKILLS=2
check fails reap -DKILLS=0 -DONE_PART
check fails reap -DFREE_EARLY
check fails reap -DSLOT_FIRST
check fails reap -DNO_SLOT
check fails reap -DJOIN_BLIND
check fails reap -DFORGETFUL

check holds bell
check holds bell -DCHANGES=2
check holds bell -DKILLS=1
check fails bell -DLOOK_FIRST
check fails bell -DCHANGE_LATE
check fails bell -DWATCH_LATE
check fails bell -DRING_FIRST
check fails bell -DSTORE
check fails bell -DKILLS=1 -DNO_LOOK

check holds txn
check holds txn -DKILLS=2 -DSMALL
check fails txn -DEDIT_FIRST
check fails txn -DFORWARD
check fails txn -DCLEAR_FIRST
check fails txn -DWORD_FIRST
check fails txn -DFREE_AT_ONCE
check fails txn -DMEMORY_FIRST
check fails txn -DSHARE_EARLY
check fails txn -DSHARE_LATE

check holds map -DONE_KEY
check holds map -DKILLS=0 -DREADS=2
check holds map -DREADS=0
check holds map -DONE_KEY -DUNDER_LOCK
check holds map -DREADS=0 -DUNDER_LOCK
check holds map -DONE_KEY -DKILLS=2 -DREADS=0
check fails map -DKILLS=0 -DFREE_FIRST
check fails map -DKILLS=0 -DONE_LOOK
check fails map -DONE_KEY -DREADS=0 -DMEMORY_FIRST
check fails map -DONE_KEY -DREADS=0 -DNO_LOG
check fails map -DKILLS=0 -DUNDER_LOCK -DONE_LOOK
check fails map -DONE_KEY -DREADS=0 -DUNDER_LOCK -DMEMORY_FIRST

check holds map_split -DDEATHS=1
check holds map_split -DDEATHS=2 -DN=2
check fails map_split -DDEATHS=0 -DCUT_FIRST
check fails map_split -DDEATHS=0 -DSILENT
check fails map_split -DDEATHS=0 -DOLD_ONLY
check fails map_split -DDEATHS=0 -DEARLY
check fails map_split -DDEATHS=1 -DFORGETFUL

check holds heap -DKILLS=0 -DROUNDS=3
check holds heap -DKILLS=1 -DTAKES=1
check fails heap -DKILLS=0 -DNO_NAME
check fails heap -DKILLS=0 -DLATE_NAME
check fails heap -DKILLS=0 -DCLOSE_BLIND
check fails heap -DKILLS=0 -DNO_SCAN
check fails heap -DKILLS=1 -DWALK_UNNAMED
check fails heap -DKILLS=1 -DWALK_CLOSING

check holds cell -DKILLS=0 -DLOOKS=0
check holds cell -DKILLS=0 -DCOPIES=0
check holds cell -DKILLS=1 -DLOOKS=0 -DOPS=1
check holds cell -DKILLS=2 -DCOPIES=0 -DOPS=1
check fails cell -DKILLS=0 -DCOPIES=0 -DNO_RELOOK
check fails cell -DKILLS=0 -DCOPIES=0 -DNO_RESCAN
check fails cell -DKILLS=0 -DCOPIES=0 -DNO_CURRENT
check fails cell -DKILLS=0 -DCOPIES=0 -DEARLY_FREE
check fails cell -DKILLS=0 -DCOPIES=0 -DFEW
check fails cell -DKILLS=0 -DLOOKS=0 -DNO_STAMP
check fails cell -DKILLS=0 -DLOOKS=0 -DLATE_STAMP

check holds topic -DN=1 -DPUBS=2 -DKILLS=0 -DREADS=1
check holds topic -DN=1 -DPUBS=1 -DKILLS=1 -DREADS=0
check holds topic -DN=1 -DW=1 -DPUBS=2 -DKILLS=1 -DREADS=1
check holds topic -DW=1 -DPUBS=4 -DKILLS=0 -DREADS=3
check holds topic -DW=1 -DPUBS=4 -DKILLS=0 -DREADS=3 -DCOPY
check fails topic -DW=1 -DPUBS=4 -DKILLS=0 -DNO_PIN
check fails topic -DW=1 -DPUBS=4 -DKILLS=0 -DONE_LOOK
check fails topic -DW=1 -DPUBS=4 -DKILLS=0 -DNO_SCAN
check fails topic -DW=1 -DPUBS=4 -DKILLS=0 -DCOPY -DONE_LOOK
check fails topic -DN=1 -DW=1 -DPUBS=3 -DKILLS=0 -DREADS=1 -DFEW
check fails topic -DN=1 -DPUBS=1 -DKILLS=1 -DREADS=0 -DNO_HELP
check fails topic -DN=1 -DPUBS=3 -DKILLS=0 -DREADS=0 -DNO_TAG
check fails topic -DN=1 -DPUBS=1 -DKILLS=1 -DREADS=0 -DFORGET

check holds stream -DKILLS=0
check holds stream -DKILLS=1 -DW=1
check holds stream -DKILLS=1 -DR=1 -DSENDS=1
check fails stream -DNO_ZERO
check fails stream -DLATE_ZERO
check fails stream -DWORD_FIRST
check fails stream -DFIRST_FIRST
check fails stream -DTIGHT
check fails stream -DR=1 -DEARLY
check fails stream -DONE_LOOK
check fails stream -DR=1 -DSENDS=1 -DFREE_FIRST
check fails stream -DSTILL_THERE
check fails stream -DR=1 -DHINT

check holds barrier -DKILLS=1
check holds barrier -DRESETS
check holds barrier -DFOREVER -DKILLS=1 -DOPS=1
check holds barrier -DN=3 -DOPS=1 -DKILLS=1
check fails barrier -DRESETS -DLATE_NOTE
check fails barrier -DRESETS -DNO_MARK
check fails barrier -DRESETS -DLATE_MARK
check fails barrier -DKILLS=1 -DBLIND_BACK
check fails barrier -DKILLS=1 -DSTAY
check fails barrier -DKILLS=1 -DKEEP
check fails barrier -DN=3 -DOPS=1 -DKILLS=1 -DANY_ROUND
check fails barrier -DFOREVER -DKILLS=1 -DOPS=1 -DDEAF

check holds cond -DOPS=2
check holds cond -DGIVERS=3
check holds cond -DKILLS=1
check holds cond -DKILLS=1 -DGIVERS=1
check fails cond -DLATE_TURN
check fails cond -DCOUNT_FIRST
check fails cond -DOPS=2 -DGIVERS=3 -DBIT_BLIND
check fails cond -DKILLS=1 -DGIVERS=1 -DDROP
check fails cond -DKILLS=1 -DGIVERS=1 -DTWO_STEPS
check fails cond -DKILLS=1 -DGIVERS=1 -DEARLY_END

check holds directory -DKILLS=0
check holds directory
check fails directory -DONE_LOOK
check fails directory -DNO_BIT
check fails directory -DNO_CLAIM
check fails directory -DSTAY
check fails directory -DKILLS=0 -DNO_LOOP

check holds heap_span
check holds heap_span -DKILLS=1 -DOPS=1
check fails heap_span -DLATE_NAME
check fails heap_span -DNO_LOOK
check fails heap_span -DAT_ONCE
check fails heap_span -DUNNAMED
check fails heap_span -DBLIND_SPAN
check fails heap_span -DBLIND_ZONE

check holds queue -DKILLS=1 -DREPAIRERS=1
check holds queue -DREPAIRERS=1 -DGIVE -DLAG -DWRITERS=2 -DREADERS=1 -DSENDS=1 -DTAKES=2
check holds queue -DKILLS=2 -DSENDS=1 -DTURNS -DRESTARTS=1
check holds queue -DKILLS=2 -DSENDS=1 -DTURNS -DRESTARTS=1 -DGIVE
check fails queue -DREPAIRERS=1 -DONE_LOOK
check fails queue -DREPAIRERS=1 -DNO_HAND
check fails queue -DREPAIRERS=1 -DEARLY_CLEAR
check fails queue -DREPAIRERS=1 -DBLIND_OWN
check fails queue -DREPAIRERS=1 -DNO_RING
check fails queue -DREPAIRERS=1 -DOTHERS
check fails queue -DREPAIRERS=1 -DSAME_TAG
check fails queue -DKILLS=2 -DSENDS=1 -DTURNS -DGIVE -DOTHERS
check fails queue -DKILLS=2 -DSENDS=1 -DTURNS -DGIVE -DNO_MARK

check holds topic_wait -DW=1 -DPUBS=6 -DCAP=3
check holds topic_wait -DW=1 -DPUBS=3 -DKILLS=1
check holds topic_wait -DR=1 -DPUBS=3
check fails topic_wait -DW=1 -DPUBS=6 -DCAP=3 -DNO_COUNT
check fails topic_wait -DW=1 -DPUBS=6 -DCAP=3 -DTAIL
check fails topic_wait -DW=1 -DPUBS=6 -DCAP=3 -DLATE
check fails topic_wait -DR=1 -DPUBS=3 -DNO_SLACK
check fails topic_wait -DW=1 -DPUBS=3 -DKILLS=1 -DKEEP

if [ "$failed" -ne 0 ]; then
  echo "models: $failed of $count are not as they should be" >&2
  exit 1
fi
echo "models: $count checked"
