# SPDX-License-Identifier: MIT
#
# 32-bit x86 on a 64-bit system: gcc -m32 (Debian: gcc-multilib). The programs
# run without an emulator.

set(UVSHM_CROSS m32)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_C_COMPILER gcc)
set(CMAKE_CXX_COMPILER g++)
set(CMAKE_C_FLAGS_INIT -m32)
set(CMAKE_CXX_FLAGS_INIT -m32)
include("${CMAKE_CURRENT_LIST_DIR}/cross-common.cmake")
