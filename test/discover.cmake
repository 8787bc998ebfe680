# SPDX-License-Identifier: MIT
#
# Runs after a test program was linked: asks it for its cases (test/cases.c) and
# writes one add_test() for each into OUT, which CTest reads.
#
#   NAME     of the program      EXE, EMULATOR   how to run it
#   OUT      file to write       PROPERTIES      for set_tests_properties()
#   ENV      environment of each case

execute_process(
  COMMAND ${CMAKE_COMMAND} -E env UVSHM_TEST_LIST=1 ${EMULATOR} ${EXE}
  OUTPUT_VARIABLE output
  ERROR_VARIABLE errors
  RESULT_VARIABLE result
  TIMEOUT 60)
string(REGEX MATCHALL "case: [A-Za-z0-9_.-]+" cases "${output}")

set(command "")
foreach(word IN LISTS EMULATOR EXE)
  string(APPEND command " [==[${word}]==]")
endforeach()

set(properties "")
foreach(word IN LISTS PROPERTIES)
  string(APPEND properties " [==[${word}]==]")
endforeach()

set(script "")
if(NOT result EQUAL 0 OR NOT cases)
  # The list could not be had; run it whole, so that the reason is seen.
  message(WARNING "${NAME}: its cases could not be listed (${result})\n${errors}")
  string(APPEND script "add_test([==[${NAME}]==]${command})\n"
    "set_tests_properties([==[${NAME}]==] PROPERTIES${properties} ENVIRONMENT [==[${ENV}]==])\n")
endif()
foreach(case IN LISTS cases)
  string(REPLACE "case: " "" case "${case}")
  set(test "${NAME}.${case}")
  string(APPEND script "add_test([==[${test}]==]${command})\n"
    "set_tests_properties([==[${test}]==] PROPERTIES${properties} "
    "ENVIRONMENT [==[${ENV};UVSHM_TEST_CASE=${case}]==])\n")
endforeach()
file(WRITE "${OUT}" "${script}")
