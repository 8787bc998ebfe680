# SPDX-License-Identifier: MIT
#
# The crash lab: base and core once more, compiled so that every store is seen
# (hooks.h tells how), and the engine, which is compiled as usual.
#
#   uvshm_lab_watch(<target>)   compile a target's sources with the hooks
#   uvshm_lab_core              objects of base and core, watched
#   uvshm_lab_engine            objects of the engine
#
# UVSHM_LAB_ATOMICS=ON takes way A where way S would be possible.

include(CheckCSourceCompiles)
option(UVSHM_LAB_ATOMICS "Crash lab: see atomic stores only" OFF)
set(uvshm_lab_way A)
if(NOT UVSHM_LAB_ATOMICS AND NOT MSVC AND NOT UVSHM_SANITIZE
   AND NOT UVSHM_FORCE_INTERLOCKED
   AND NOT (CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|i.86|AMD64|x86)$"
            AND CMAKE_SIZEOF_VOID_P EQUAL 4))
  # Compiled, not linked: the compiler's own runtime need not be there.
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  set(CMAKE_REQUIRED_FLAGS "-fsanitize=thread")
  check_c_source_compiles("int f(int* p) { return *p = 1; }" UVSHM_LAB_CAN_S)
  unset(CMAKE_REQUIRED_FLAGS)
  unset(CMAKE_TRY_COMPILE_TARGET_TYPE)
  if(UVSHM_LAB_CAN_S)
    set(uvshm_lab_way S)
  endif()
endif()
message(STATUS "uvshm: the crash lab goes way ${uvshm_lab_way}")

set(uvshm_lab_dir "${CMAKE_CURRENT_LIST_DIR}")

function(uvshm_lab_watch target)
  if(MSVC)
    target_compile_options(${target} PRIVATE "/FI${uvshm_lab_dir}/hooks.h")
  else()
    target_compile_options(${target} PRIVATE
      "SHELL:-include ${uvshm_lab_dir}/hooks.h")
  endif()
  target_include_directories(${target} PRIVATE "${uvshm_lab_dir}")
  if(uvshm_lab_way STREQUAL "S")
    # gcc warns that the real ThreadSanitizer knows no fences.
    target_compile_options(${target} PRIVATE -fsanitize=thread
      $<$<C_COMPILER_ID:GNU>:-Wno-tsan>)
  else()
    target_compile_definitions(${target} PRIVATE LAB_ATOMICS)
  endif()
endfunction()

file(GLOB uvshm_lab_core_files CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/src/base/*.c" "${PROJECT_SOURCE_DIR}/src/core/*.c")
add_library(uvshm_lab_core OBJECT ${uvshm_lab_core_files}
            "${uvshm_lab_dir}/world.c")
uvshm_test_compile(uvshm_lab_core)
uvshm_lab_watch(uvshm_lab_core)

add_library(uvshm_lab_engine OBJECT
  "${uvshm_lab_dir}/lab.c" "${uvshm_lab_dir}/journal.c"
  "${uvshm_lab_dir}/prove.c")
if(uvshm_lab_way STREQUAL "S")
  target_sources(uvshm_lab_engine PRIVATE "${uvshm_lab_dir}/tsan_runtime.c")
  # Loops must not become the calls that they stand for.
  set_source_files_properties("${uvshm_lab_dir}/tsan_runtime.c" PROPERTIES
    COMPILE_OPTIONS "-fno-builtin")
else()
  target_compile_definitions(uvshm_lab_engine PRIVATE LAB_ATOMICS)
endif()
uvshm_test_compile(uvshm_lab_engine)
