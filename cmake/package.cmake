# SPDX-License-Identifier: MIT
#
#   cmake -DPRESET=msvc-x64 -P cmake/package.cmake
#
# Installs what the preset built into a folder and packs it: uvshm-PRESET.zip.

cmake_minimum_required(VERSION 3.21)
cmake_path(SET root NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/..")
set(name "uvshm-${PRESET}")
set(stage "${root}/build-${PRESET}/package")
file(REMOVE_RECURSE "${stage}")
execute_process(
  COMMAND ${CMAKE_COMMAND} --install "${root}/build-${PRESET}" --prefix "${stage}/${name}"
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${CMAKE_COMMAND} -E tar cf "${root}/${name}.zip" --format=zip "${name}"
  WORKING_DIRECTORY "${stage}"
  COMMAND_ERROR_IS_FATAL ANY)
