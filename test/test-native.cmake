# SPDX-License-Identifier: MIT
#
# win32-peer is a program of its own, so that nothing of uvshm is in it.
set(test_backends win32)
if(uvshm_backend STREQUAL "win32" AND NOT TARGET win32-peer)
  add_executable(win32-peer "${folder}/with/win32.c")
endif()
