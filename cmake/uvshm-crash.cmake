# SPDX-License-Identifier: MIT
#
# uvshm_add_crash_test(<name> <source>...)
#
# A program that proves a structure of one's own with <uvshm/crash.h>, and a
# CTest of the same name. Its sources, those of the structure included, are
# compiled so that every store to a segment is seen. It links uvshm_crash, which
# is all of uvshm, so it links no other form of it.

function(uvshm_add_crash_test name)
  if(NOT TARGET uvshm::uvshm_crash)
    message(STATUS "uvshm: ${name} is left out, this uvshm came without uvshm_crash")
    return()
  endif()
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE uvshm::uvshm_crash)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
