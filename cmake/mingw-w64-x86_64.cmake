# SPDX-License-Identifier: MIT
#
# From Linux to 64-bit Windows with Debian's mingw-w64; tests run under Wine.
#
# Dependencies come from scripts/mingw-deps.sh. Give its folder as both
# CMAKE_FIND_ROOT_PATH and CMAKE_PREFIX_PATH (scripts/test-windows.sh does).

set(UVSHM_MINGW_TRIPLE x86_64-w64-mingw32)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
include("${CMAKE_CURRENT_LIST_DIR}/mingw-w64-common.cmake")
