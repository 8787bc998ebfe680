# SPDX-License-Identifier: MIT
#
# 64-bit ARM Linux; programs run under qemu-user. The compiler is clang, because
# Debian's gcc for ARM and its gcc-multilib (for -m32) exclude each other. Packages:
# clang libc6-dev-arm64-cross libgcc-12-dev-arm64-cross binutils-aarch64-linux-gnu
# qemu-user.

set(UVSHM_CROSS aarch64)
set(UVSHM_CROSS_SYSROOT /usr/aarch64-linux-gnu)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)

find_program(UVSHM_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(UVSHM_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${UVSHM_QEMU};-L;/usr/aarch64-linux-gnu")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/cross-common.cmake")
