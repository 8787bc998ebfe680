# SPDX-License-Identifier: MIT
find_package(jansson CONFIG QUIET)
set(test_libraries jansson::jansson)
