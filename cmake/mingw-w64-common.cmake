# SPDX-License-Identifier: MIT
#
# What the two mingw tool chains have in common. Included by them, with
# UVSHM_MINGW_TRIPLE set.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_VERSION 10.0)

set(CMAKE_C_COMPILER ${UVSHM_MINGW_TRIPLE}-gcc)
set(CMAKE_CXX_COMPILER ${UVSHM_MINGW_TRIPLE}-g++)
set(CMAKE_RC_COMPILER ${UVSHM_MINGW_TRIPLE}-windres)

# Appended, so that a CMAKE_FIND_ROOT_PATH from the command line stays.
list(APPEND CMAKE_FIND_ROOT_PATH /usr/${UVSHM_MINGW_TRIPLE})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# _WIN32_WINNT is not set here: libuv sets its own, and gcc would warn in every
# file. The project sets it for its own targets (uvshm-compile.cmake).

# A missing libgcc_s_seh-1.dll shows as exit code 53 under Wine, without a word.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-libgcc")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-static-libgcc")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "-static-libgcc")

# ctest runs the programs as `wine64 test.exe`. Debian has no wine64 in PATH.
if(NOT DEFINED UVSHM_MINGW_EMULATOR)
  find_program(UVSHM_WINE NAMES wine64 wine PATHS /usr/lib/wine)
  if(UVSHM_WINE)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${UVSHM_WINE}")
  endif()
endif()
