# SPDX-License-Identifier: MIT
#
# Runs the examples in C++ as their heads say: BOARD, FRAMES, EMULATOR.

string(RANDOM LENGTH 8 random)
set(ENV{BOARD} "board-${random}")
foreach(step "forget" "add;anna;5" "add;bert;7" "add;anna;4" "list" "watch;1" "forget")
  execute_process(COMMAND ${EMULATOR} ${BOARD} ${step} OUTPUT_VARIABLE output
                  RESULT_VARIABLE result ERROR_VARIABLE errors)
  string(APPEND said "${output}")
  if(NOT result EQUAL 0 AND NOT step STREQUAL "forget")
    message(FATAL_ERROR "board ${step}: ${result} ${errors}")
  endif()
endforeach()
if(NOT said MATCHES "anna has 9" OR NOT said MATCHES "    7  bert" OR NOT said MATCHES "---")
  message(FATAL_ERROR "the board said\n${said}")
endif()

# Both at once: a pipeline, in which nothing goes through the pipe.
execute_process(COMMAND ${EMULATOR} ${FRAMES} write frames-${random} 100
                COMMAND ${EMULATOR} ${FRAMES} read frames-${random}
                OUTPUT_VARIABLE output RESULTS_VARIABLE results)
if(NOT results STREQUAL "0;0" OR NOT output MATCHES "read 100 frames, 0 bad")
  message(FATAL_ERROR "frames: ${results}\n${output}")
endif()
