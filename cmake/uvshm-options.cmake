# SPDX-License-Identifier: MIT
#
# Every switch of the build, with its default. None of them changes a byte of
# what lies in shared memory.

include(CMakeDependentOption)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()

# What is built.
option(UVSHM_BUILD_SHARED "Build the shared library" ON)
option(UVSHM_BUILD_STATIC "Build the static library" ON)
option(UVSHM_BUILD_TOOL "Build the command-line tool" ${PROJECT_IS_TOP_LEVEL})
option(UVSHM_TOOL_SHARED "The tool loads the shared library" OFF)
option(UVSHM_BUILD_EXAMPLES "Build examples/" ${PROJECT_IS_TOP_LEVEL})
option(UVSHM_BUILD_CRASH "Build the crash kit, uvshm/crash.h (gcc, clang)"
       ${PROJECT_IS_TOP_LEVEL})
option(UVSHM_BUILD_BENCH "Build bench/" OFF)
option(UVSHM_BUILD_FUZZ "Build test/fuzz-*.c (clang, libFuzzer)" OFF)
option(UVSHM_INSTALL "Make install rules" ${PROJECT_IS_TOP_LEVEL})
if(PROJECT_IS_TOP_LEVEL)
  option(BUILD_TESTING "Build the tests" ON)
endif()
cmake_dependent_option(UVSHM_BUILD_TESTS "Build the tests" "${BUILD_TESTING}"
                       "PROJECT_IS_TOP_LEVEL" OFF)

# Where libuv comes from; see uvshm-libuv.cmake.
set(UVSHM_LIBUV AUTO CACHE STRING "libuv: AUTO, SYSTEM (never fetch), FETCH")
set_property(CACHE UVSHM_LIBUV PROPERTY STRINGS AUTO SYSTEM FETCH)
option(UVSHM_PREFER_STATIC_LIBUV
       "Link libuv statically; there is no shared uvshm then" OFF)

# How it is compiled.
option(UVSHM_WERROR "Warnings are errors" OFF)
set(UVSHM_SANITIZE "" CACHE STRING
    "Sanitizers, a list: address undefined thread memory leak")
option(UVSHM_COVERAGE "Count which lines run (gcc, clang)" OFF)

# What the library stands on. For tests and porting; the defaults are right.
set(UVSHM_BACKEND AUTO CACHE STRING "Operating system: AUTO, posix, win32, stub")
set_property(CACHE UVSHM_BACKEND PROPERTY STRINGS AUTO posix win32 stub)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(uvshm_fallback OFF)
else()
  set(uvshm_fallback ON) # futex, OFD locks and fallocate are Linux's
endif()
option(UVSHM_PORT_FALLBACK "POSIX: only what every POSIX system has"
       ${uvshm_fallback})
set(UVSHM_NAME_LIMIT "" CACHE STRING
    "Pretend that the system's names may have only so many bytes")
option(UVSHM_FORCE_INTERLOCKED "mingw: MSVC's half of base/atomic.h" OFF)

if(UVSHM_BACKEND STREQUAL "AUTO")
  if(WIN32)
    set(uvshm_backend win32)
  elseif(UNIX)
    set(uvshm_backend posix)
  else()
    set(uvshm_backend stub)
  endif()
else()
  set(uvshm_backend ${UVSHM_BACKEND})
endif()

if(NOT UVSHM_BUILD_SHARED AND NOT UVSHM_BUILD_STATIC)
  message(FATAL_ERROR "uvshm: UVSHM_BUILD_SHARED and UVSHM_BUILD_STATIC are "
                      "both OFF, so there is nothing to build")
endif()
if(UVSHM_BUILD_TESTS AND NOT UVSHM_BUILD_STATIC)
  message(FATAL_ERROR "uvshm: the tests look inside the library and need "
                      "UVSHM_BUILD_STATIC=ON (or set UVSHM_BUILD_TESTS=OFF)")
endif()
