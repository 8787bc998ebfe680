# SPDX-License-Identifier: MIT
#
# The library, compiled once for each form of it (as libuv does, because the
# export marks differ on Windows):
#
#   uvshm     shared   uvshm::uvshm
#   uvshm_a   static   uvshm::uvshm_a, always position independent
#
# uvshm::uvshm always exists; without a shared library it is the static one.
#
# Sources are every .c of src/base, src/core, src/object, src/loop and of one
# backend. In a backend a file name may end in a suffix that names the way it
# goes; of each pair one is taken:
#
#   _fallback               everywhere
#   _ofd _futex _fallocate _poll _proc
#                           Linux, unless UVSHM_PORT_FALLBACK
#
# A backend without port_native.c has no locks of the system's own
# (UVSHM__PORT_NATIVE_LOCKS), so the handles for them are not built either.

# A shared uvshm with a static libuv inside would be a second libuv in the
# process of whoever links libuv too, so it is not built.
set(uvshm_shared ${UVSHM_BUILD_SHARED})
if(uvshm_shared AND UVSHM_LIBUV_IS_STATIC)
  message(STATUS "uvshm: libuv is static here, so only the static library is built")
  set(uvshm_shared OFF)
  if(NOT UVSHM_BUILD_STATIC)
    message(FATAL_ERROR "uvshm: a shared uvshm needs a shared libuv")
  endif()
endif()

set(uvshm_root "${CMAKE_CURRENT_LIST_DIR}/..")
cmake_path(NORMAL_PATH uvshm_root)
set(uvshm_src "${uvshm_root}/src")
file(GLOB uvshm_sources CONFIGURE_DEPENDS
     "${uvshm_src}/base/*.c" "${uvshm_src}/core/*.c" "${uvshm_src}/object/*.c"
     "${uvshm_src}/loop/*.c")
file(GLOB uvshm_port_sources CONFIGURE_DEPENDS "${uvshm_src}/${uvshm_backend}/*.c")
if(NOT EXISTS "${uvshm_src}/${uvshm_backend}/port_native.c")
  list(FILTER uvshm_sources EXCLUDE REGEX "/object/mutex_native\\.c$")
endif()
if(uvshm_backend STREQUAL "posix")
  if(UVSHM_PORT_FALLBACK)
    list(FILTER uvshm_port_sources EXCLUDE REGEX "_(ofd|futex|fallocate|poll|proc)\\.c$")
  else()
    list(FILTER uvshm_port_sources EXCLUDE REGEX "_fallback\\.c$")
  endif()
  set_source_files_properties(${uvshm_port_sources} PROPERTIES
    COMPILE_DEFINITIONS "_GNU_SOURCE;_FILE_OFFSET_BITS=64")
endif()

# Speed where it counts, size elsewhere: what runs at each message, lock, block
# or entry is optimized as the build says, all else (opening, repair, checks,
# names, numbers) for size, which is a fifth of the library.
set(uvshm_fast
    core/cell_read core/cell_write core/channel_message core/heap core/heap_bin core/heap_find
    core/heap_mixed core/heap_small core/lane core/lock core/map
    core/map_update core/map_write core/queue_put core/queue_take core/rwlock core/sem core/signal
    core/stream_read core/stream_write core/topic_read core/topic_write core/txn
    core/wait object/cell_io object/channel_io object/heap
    object/map_read object/map_write object/mutex object/rwlock object/sem
    object/txn "[a-z0-9]+/port_self" "[a-z0-9]+/port_wait[_a-z]*")
list(JOIN uvshm_fast "|" uvshm_fast)
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang" AND NOT MSVC)
  set(uvshm_small ${uvshm_sources} ${uvshm_port_sources})
  list(FILTER uvshm_small EXCLUDE REGEX "/(${uvshm_fast})\\.c$")
  set_source_files_properties(${uvshm_small} PROPERTIES
    COMPILE_OPTIONS "$<$<CONFIG:Release,RelWithDebInfo>:-Os>")
endif()
# Where a jump ends, gcc begins a new line of code, which no processor of today
# asks for, and which would be another twentieth of those that are fast.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  set(uvshm_quick ${uvshm_sources} ${uvshm_port_sources})
  list(FILTER uvshm_quick INCLUDE REGEX "/(${uvshm_fast})\\.c$")
  set_source_files_properties(${uvshm_quick} PROPERTIES
    COMPILE_OPTIONS "$<$<CONFIG:Release,RelWithDebInfo>:-fno-align-jumps>")
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(uvshm_system_libraries rt) # shm_open, before glibc 2.34
elseif(WIN32)
  set(uvshm_system_libraries advapi32)
endif()

# uvshm_port_definitions(<target>): the way that the backend goes, for whoever
# includes its port_caps.h.
function(uvshm_port_definitions target)
  if(UVSHM_PORT_FALLBACK AND uvshm_backend STREQUAL "posix")
    target_compile_definitions(${target} PRIVATE UVSHM__PORT_FALLBACK)
  endif()
  if(UVSHM_NAME_LIMIT)
    target_compile_definitions(${target} PRIVATE
      UVSHM__NAME_LIMIT=${UVSHM_NAME_LIMIT})
  endif()
endfunction()

# uvshm_add_library(<name> SHARED|STATIC)
function(uvshm_add_library name form)
  add_library(${name} ${form} ${uvshm_sources} ${uvshm_port_sources})
  uvshm_compile(${name})
  target_include_directories(${name}
    PUBLIC $<BUILD_INTERFACE:${uvshm_root}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${uvshm_src} ${uvshm_src}/${uvshm_backend})
  target_link_libraries(${name}
    PUBLIC LibUV::LibUV
    PRIVATE Threads::Threads ${uvshm_system_libraries})
  uvshm_port_definitions(${name})
  set_target_properties(${name} PROPERTIES
    OUTPUT_NAME uvshm
    POSITION_INDEPENDENT_CODE ON)
endfunction()

if(UVSHM_BUILD_STATIC)
  uvshm_add_library(uvshm_a STATIC)
  add_library(uvshm::uvshm_a ALIAS uvshm_a)
  if(MSVC)
    # uvshm.lib is the import library of the other one.
    set_target_properties(uvshm_a PROPERTIES PREFIX lib)
  endif()
endif()

if(uvshm_shared)
  uvshm_add_library(uvshm SHARED)
  add_library(uvshm::uvshm ALIAS uvshm)
  if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(uvshm_soversion 0.${PROJECT_VERSION_MINOR})
  else()
    set(uvshm_soversion ${PROJECT_VERSION_MAJOR})
  endif()
  # A fifth of the file would be tables for unwinding, which C needs only to
  # show the calls of a program without debugging information.
  if(UNIX AND NOT APPLE AND CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(uvshm PRIVATE
      $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-fno-asynchronous-unwind-tables>)
  endif()
  # A handler of signals stays (UVSHM_GUARD), and so must its code.
  if(CMAKE_SYSTEM_NAME MATCHES "Linux|BSD")
    target_link_options(uvshm PRIVATE -Wl,-z,nodelete)
  endif()
  set_target_properties(uvshm PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${uvshm_soversion})
  if(WIN32)
    target_compile_definitions(uvshm
      PRIVATE UVSHM_BUILDING INTERFACE UVSHM_SHARED)
  endif()
else()
  add_library(uvshm::uvshm ALIAS uvshm_a)
endif()
