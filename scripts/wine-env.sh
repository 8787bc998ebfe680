# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Source me before running a Windows program or ctest of a mingw build:
#
#   . scripts/wine-env.sh
#
# Sets WINEPREFIX (kept if set; default ${XDG_CACHE_HOME:-$HOME/.cache}/uvshm/
# wine, 0.7 GB) and makes it if need be: Windows 10, no debugger window on a
# crash, no display. WINE is the loader. uvshm_wine_stop ends this prefix's
# server and with it everything that still runs in it.

export WINEPREFIX="${WINEPREFIX:-${XDG_CACHE_HOME:-$HOME/.cache}/uvshm/wine}"
export WINEDEBUG="${WINEDEBUG:--all}"
export WINEDLLOVERRIDES="${WINEDLLOVERRIDES:-mscoree=;mshtml=}"
unset DISPLAY WAYLAND_DISPLAY

# Debian has no wine64 in PATH, and its `wine` is a script that asks for 32-bit
# Wine on every start.
WINE=
for uvshm_wine in /usr/lib/wine/wine64 "$(command -v wine64)" "$(command -v wine)"; do
  if [ -n "$uvshm_wine" ] && [ -x "$uvshm_wine" ]; then
    WINE=$uvshm_wine
    break
  fi
done
export WINE

uvshm_wine() {
  "$WINE" "$@" </dev/null >/dev/null 2>&1
}

uvshm_wine_stop() {
  # Neither is an error when the server has gone by itself, and under `set -e` a
  # failure in a trap would be the script's.
  wineserver -k >/dev/null 2>&1 || :
  wineserver -w >/dev/null 2>&1 || :
}

# Server and services start here, not in the first test: they would inherit
# ctest's output pipe, and ctest waits for its end (the first test then takes as
# long as all the others). -p: the server stays for so many seconds when idle.
# Again after anything that takes long.
uvshm_wine_warm() {
  wineserver -p300 </dev/null >/dev/null 2>&1 || :
  uvshm_wine wineboot || :
}

if [ -z "$WINE" ]; then
  echo "wine-env.sh: there is no wine; scripts/install-deps.sh installs it" >&2
elif [ ! -f "$WINEPREFIX/.uvshm-ready" ]; then
  mkdir -p "$WINEPREFIX"
  echo "wine-env: making $WINEPREFIX"
  uvshm_wine wineboot -i
  uvshm_wine winecfg -v win10
  # A crash is an exit code, not a debugger that prints registers for 400 ms.
  uvshm_wine reg add \
    'HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug' \
    /v Debugger /t REG_SZ /d '' /f
  wineserver -w
  touch "$WINEPREFIX/.uvshm-ready"
fi

if [ -n "$WINE" ]; then
  uvshm_wine_warm
fi
