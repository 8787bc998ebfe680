# SPDX-License-Identifier: MIT
#
# win32-peer is a program of its own, so that nothing of uvshm is in it; the
# others are those of docs/coming-from/win32.md.
set(test_backends win32)
if(uvshm_backend STREQUAL "win32" AND NOT TARGET win32-peer)
  set(page "${PROJECT_SOURCE_DIR}/examples/coming_from/win32")
  add_executable(win32-peer "${folder}/with/win32.c")
  add_executable(win32-theirs "${page}/theirs.c")
  add_executable(win32-ours "${page}/ours.c")
  add_executable(win32-counter "${page}/counter.c")
  foreach(program IN ITEMS ours counter)
    target_link_libraries(win32-${program} PRIVATE uvshm_a LibUV::LibUV
                                                   Threads::Threads)
  endforeach()
endif()
