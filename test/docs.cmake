# SPDX-License-Identifier: MIT
#
# What the documents tell their readers to do, done: scripts/run-docs.py.

find_program(UVSHM_PYTHON NAMES python3)
mark_as_advanced(UVSHM_PYTHON)
if(UVSHM_PYTHON AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND TARGET uvshm_a
   AND TARGET uvshm_tool AND NOT uvshm_backend STREQUAL "stub")
  add_test(NAME docs.commands COMMAND "${UVSHM_PYTHON}"
    "${PROJECT_SOURCE_DIR}/scripts/run-docs.py" "${PROJECT_BINARY_DIR}"
    "${CMAKE_CURRENT_BINARY_DIR}/consumer/prefix")
  set_tests_properties(docs.commands PROPERTIES
    FIXTURES_REQUIRED uvshm_installed SKIP_RETURN_CODE 77 TIMEOUT 600)
endif()
