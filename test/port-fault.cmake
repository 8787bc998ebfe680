# SPDX-License-Identifier: MIT

set(test_backends posix)
include("${CMAKE_CURRENT_LIST_DIR}/fault.cmake")
