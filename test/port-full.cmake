# SPDX-License-Identifier: MIT

set(test_backends posix)
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(test_backends "") # mount namespaces
endif()
