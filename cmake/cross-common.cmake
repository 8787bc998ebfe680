# SPDX-License-Identifier: MIT
#
# What the cross tool chains for Linux share. Included by them, with
# UVSHM_CROSS, the target's word, set: libuv, cmocka and jansson for it lie where
# scripts/cross-deps.sh put them, and nowhere else.

set(CMAKE_SYSTEM_NAME Linux)

if(DEFINED ENV{XDG_CACHE_HOME})
  set(uvshm_cross_root "$ENV{XDG_CACHE_HOME}/uvshm/${UVSHM_CROSS}")
else()
  set(uvshm_cross_root "$ENV{HOME}/.cache/uvshm/${UVSHM_CROSS}")
endif()
list(PREPEND CMAKE_PREFIX_PATH "${uvshm_cross_root}")
set(CMAKE_FIND_ROOT_PATH "${uvshm_cross_root}" ${UVSHM_CROSS_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
