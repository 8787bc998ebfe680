# SPDX-License-Identifier: MIT
#
#   cmake -P cmake/workflow.cmake                 add the workflows to the presets
#   cmake -DRUN=test-msvc-x64 -P cmake/workflow.cmake    ... and run one
#
# A workflow is configure, build and test in one command (CMake 3.25). CMake 3.21
# refuses a CMakePresets.json that has any, so they lie in a file of their own,
# cmake/workflow-presets.json, which a CMakeUserPresets.json, made here and not
# kept in git, includes. After the first of these commands
#
#   cmake --workflow --preset test-msvc-x64
#
# does it too.

cmake_minimum_required(VERSION 3.21)
if(CMAKE_VERSION VERSION_LESS 3.25)
  message(FATAL_ERROR "Workflows need CMake 3.25; this is ${CMAKE_VERSION}. "
                      "Without: cmake --preset default && cmake --build "
                      "--preset default && ctest --preset default")
endif()

cmake_path(SET root NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/..")
set(file "${root}/CMakeUserPresets.json")
set(line "\"include\": [\"cmake/workflow-presets.json\"]")
set(present "")
if(EXISTS "${file}")
  file(READ "${file}" present)
endif()
if(present STREQUAL "")
  file(WRITE "${file}" "{\n  \"version\": 6,\n  ${line}\n}\n")
elseif(NOT present MATCHES "cmake/workflow-presets.json")
  message(FATAL_ERROR "${file} is yours; please add to it: ${line}")
endif()

if(RUN)
  execute_process(
    COMMAND ${CMAKE_COMMAND} --workflow --preset ${RUN}
    WORKING_DIRECTORY "${root}"
    COMMAND_ERROR_IS_FATAL ANY)
else()
  message("Now: cmake --workflow --list-presets")
endif()
