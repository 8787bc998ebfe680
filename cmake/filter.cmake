# SPDX-License-Identifier: MIT
#
# PROGRAM ARGUMENTS < IN > OUT, for build rules on every system.

cmake_path(GET OUT PARENT_PATH folder)
if(folder)
  file(MAKE_DIRECTORY "${folder}")
endif()
set(input "")
if(IN)
  set(input INPUT_FILE "${IN}")
endif()
execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} ${input} OUTPUT_FILE "${OUT}"
                COMMAND_ERROR_IS_FATAL ANY)
