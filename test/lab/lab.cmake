# SPDX-License-Identifier: MIT
#
# The crash lab: uvshm once more, compiled so that every store is seen (hooks.h
# tells how), and the engine, which is compiled as usual.
#
#   uvshm_lab_watch(<target>)   compile a target's sources with the hooks
#   uvshm_lab_core              objects of base and core, watched
#   uvshm_lab_engine            objects of the engine
#   uvshm_crash                 all of it, and the kit for users (crash.h)
#
# UVSHM_LAB_ATOMICS=ON takes way A where way S would be possible.

include(CheckCSourceCompiles)
option(UVSHM_LAB_ATOMICS "Crash lab: see atomic stores only" OFF)
mark_as_advanced(UVSHM_LAB_ATOMICS)
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

# gcc warns that the real ThreadSanitizer knows no fences.
set(uvshm_lab_watch_options
  -fsanitize=thread $<$<C_COMPILER_ID:GNU>:-Wno-tsan>)

function(uvshm_lab_watch target)
  if(MSVC)
    target_compile_options(${target} PRIVATE "/FI${uvshm_lab_dir}/hooks.h")
  else()
    target_compile_options(${target} PRIVATE
      "SHELL:-include \"${uvshm_lab_dir}/hooks.h\"")
  endif()
  target_include_directories(${target} PRIVATE "${uvshm_lab_dir}")
  if(uvshm_lab_way STREQUAL "S")
    target_compile_options(${target} PRIVATE ${uvshm_lab_watch_options})
  else()
    target_compile_definitions(${target} PRIVATE LAB_ATOMICS)
  endif()
endfunction()

# As the library itself is compiled, for files of ours that look inside.
function(uvshm_lab_compile target)
  uvshm_compile(${target})
  target_include_directories(${target} PRIVATE
    "${uvshm_src}" "${uvshm_src}/${uvshm_backend}" "${uvshm_root}/include"
    "${uvshm_lab_dir}/..")
  target_link_libraries(${target} PRIVATE LibUV::LibUV Threads::Threads)
  uvshm_port_definitions(${target})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

set(uvshm_lab_core_files ${uvshm_sources})
list(FILTER uvshm_lab_core_files INCLUDE REGEX "/src/(base|core)/")
add_library(uvshm_lab_core OBJECT ${uvshm_lab_core_files})
uvshm_lab_compile(uvshm_lab_core)
uvshm_lab_watch(uvshm_lab_core)

add_library(uvshm_lab_engine OBJECT
  "${uvshm_lab_dir}/lab.c" "${uvshm_lab_dir}/journal.c")
if(uvshm_lab_way STREQUAL "S")
  target_sources(uvshm_lab_engine PRIVATE "${uvshm_lab_dir}/tsan_runtime.c")
  # Loops must not become the calls that they stand for.
  set_source_files_properties("${uvshm_lab_dir}/tsan_runtime.c" PROPERTIES
    COMPILE_OPTIONS "-fno-builtin")
else()
  target_compile_definitions(uvshm_lab_engine PRIVATE LAB_ATOMICS)
endif()
uvshm_lab_compile(uvshm_lab_engine)

# The kit. Whoever links it is compiled with the hooks.
if(UVSHM_BUILD_CRASH AND uvshm_lab_way STREQUAL "S")
  set(uvshm_lab_rest ${uvshm_sources})
  list(FILTER uvshm_lab_rest EXCLUDE REGEX "/src/(base|core)/")
  add_library(uvshm_crash STATIC
    ${uvshm_lab_rest} ${uvshm_port_sources} "${uvshm_lab_dir}/kit.c"
    $<TARGET_OBJECTS:uvshm_lab_core> $<TARGET_OBJECTS:uvshm_lab_engine>)
  uvshm_lab_compile(uvshm_crash)
  uvshm_lab_watch(uvshm_crash)
  target_include_directories(uvshm_crash PUBLIC
    $<BUILD_INTERFACE:${uvshm_root}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(uvshm_crash PUBLIC LibUV::LibUV
    PRIVATE ${uvshm_system_libraries})
  set(uvshm_crash_hooks "${CMAKE_INSTALL_DATADIR}/uvshm/crash")
  target_compile_options(uvshm_crash INTERFACE
    -fsanitize=thread $<$<C_COMPILER_ID:GNU>:-Wno-tsan>
    "$<BUILD_INTERFACE:SHELL:-include \"${uvshm_lab_dir}/hooks.h\">"
    "$<INSTALL_INTERFACE:SHELL:-include \"$<INSTALL_PREFIX>/${uvshm_crash_hooks}/hooks.h\">")
  add_library(uvshm::uvshm_crash ALIAS uvshm_crash)
  include("${uvshm_root}/cmake/uvshm-crash.cmake")
endif()
