# SPDX-License-Identifier: MIT
file(GLOB test_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/fuzz/*.c")
list(FILTER test_sources EXCLUDE REGEX "/segment")
