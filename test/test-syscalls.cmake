# SPDX-License-Identifier: MIT
#
# ptrace() with these requests is Linux's.
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(test_backends "")
endif()
set(test_wrap clock_gettime)
