# SPDX-License-Identifier: MIT
#
#   cmake -DPRESET=msvc-x64 -P cmake/report.cmake
#
# Sends CTest's results to AppVeyor's page, if this runs there and there are any.

cmake_minimum_required(VERSION 3.21)
cmake_path(SET root NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/..")
set(results "${root}/build-${PRESET}/tests.xml")
if(NOT DEFINED ENV{APPVEYOR_JOB_ID} OR NOT EXISTS "${results}")
  return()
endif()
find_program(curl curl)
if(curl)
  execute_process(COMMAND ${curl} --silent --show-error --fail
    --form "file=@${results}"
    "https://ci.appveyor.com/api/testresults/junit/$ENV{APPVEYOR_JOB_ID}")
endif()
