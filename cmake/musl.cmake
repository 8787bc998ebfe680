# SPDX-License-Identifier: MIT
#
# musl instead of glibc, static (Debian: musl-tools). Its compiler wrapper leaves
# the kernel's headers out; libuv needs a few, so they come last in the search.

set(UVSHM_CROSS musl)
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_HOST_SYSTEM_PROCESSOR})
set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_C_FLAGS_INIT
    "-idirafter /usr/include -idirafter /usr/include/${CMAKE_HOST_SYSTEM_PROCESSOR}-linux-gnu")
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_LINK_SEARCH_START_STATIC ON)
include("${CMAKE_CURRENT_LIST_DIR}/cross-common.cmake")
