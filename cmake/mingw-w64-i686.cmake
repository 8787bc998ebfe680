# SPDX-License-Identifier: MIT
#
# From Linux to 32-bit Windows with Debian's mingw-w64. As
# mingw-w64-x86_64.cmake, but Debian's 64-bit Wine cannot run the programs.

set(UVSHM_MINGW_TRIPLE i686-w64-mingw32)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(UVSHM_MINGW_EMULATOR OFF)
include("${CMAKE_CURRENT_LIST_DIR}/mingw-w64-common.cmake")
