# SPDX-License-Identifier: MIT
#
# One name for libuv, LibUV::LibUV, wherever it comes from. Used by the build
# and installed beside the package configuration, so that a program that finds
# uvshm finds the same libuv in the same way.
#
# libuv's own names changed over time: targets `uv` and `uv_a` in 1.43 and 1.44,
# `libuv::uv` and `libuv::uv_a` since 1.45, a version file since 1.52 only, and
# Debian 12 has no CMake files at all. So, the first that answers:
#
#   1. a target that the build has already: LibUV::LibUV, libuv::uv, uv ...
#   2. find_package(libuv CONFIG), without a version
#   3. pkg-config
#   4. a plain search for uv.h and the library
#   5. FetchContent, unless UVSHM_LIBUV is SYSTEM (FETCH goes there at once);
#      without a network: -DFETCHCONTENT_SOURCE_DIR_LIBUV=/path/to/libuv
#
# UVSHM_PREFER_STATIC_LIBUV takes the static one. Sets UVSHM_LIBUV_IS_STATIC,
# and UVSHM_LIBUV_FROM to a word for messages. Never more than one libuv is
# taken: two in one process would be two default loops and two thread pools.

include_guard(DIRECTORY)

set(UVSHM_LIBUV_MINIMUM 1.43.0)
set(UVSHM_LIBUV_FETCH_TAG v1.48.0)

# Names of the library itself, the wanted kind first.
if(UVSHM_PREFER_STATIC_LIBUV)
  set(uvshm_uv_targets libuv::uv_a uv_a libuv::uv uv)
else()
  set(uvshm_uv_targets libuv::uv uv libuv::uv_a uv_a)
endif()

# Sets <result> in the caller to the first target of that name that exists.
function(uvshm_uv_existing_target result)
  set(${result} "" PARENT_SCOPE)
  foreach(target IN LISTS uvshm_uv_targets)
    if(TARGET ${target})
      set(${result} ${target} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# LibUV::LibUV is imported, so that an export set never asks where it is from,
# and global, because directories beside and above this one link uvshm.
function(uvshm_uv_wrap target)
  get_target_property(aliased ${target} ALIASED_TARGET)
  if(aliased)
    set(target ${aliased})
  endif()
  add_library(LibUV::LibUV INTERFACE IMPORTED GLOBAL)
  set_property(TARGET LibUV::LibUV PROPERTY INTERFACE_LINK_LIBRARIES ${target})
endfunction()

function(uvshm_uv_promote target)
  get_target_property(imported ${target} IMPORTED)
  get_target_property(global ${target} IMPORTED_GLOBAL)
  if(imported AND NOT global)
    set_property(TARGET ${target} PROPERTY IMPORTED_GLOBAL TRUE)
  endif()
endfunction()

# Sets <result> in the caller to whether a libuv target is a static library.
function(uvshm_uv_is_static result target)
  get_target_property(kind ${target} TYPE)
  set(static OFF)
  if(kind STREQUAL "STATIC_LIBRARY" OR target MATCHES "uv_a$")
    set(static ON)
  elseif(kind STREQUAL "UNKNOWN_LIBRARY")
    get_target_property(file ${target} IMPORTED_LOCATION)
    if(file MATCHES "(_a|^lib|/lib[^/]*)\\${CMAKE_STATIC_LIBRARY_SUFFIX}$"
       AND NOT file MATCHES "\\.dll\\.a$")
      set(static ON)
    endif()
  endif()
  set(${result} ${static} PARENT_SCOPE)
endfunction()

# A target of our own around a file and a folder of headers.
function(uvshm_uv_from_file library include_dir)
  if(NOT EXISTS "${include_dir}/uv/version.h")
    message(FATAL_ERROR "uvshm: ${include_dir} has no uv/version.h")
  endif()
  file(STRINGS "${include_dir}/uv/version.h" lines
       REGEX "define UV_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9]+" "." version "${lines}")
  string(REGEX REPLACE "^\\.|\\.$" "" version "${version}")
  if(version VERSION_LESS UVSHM_LIBUV_MINIMUM)
    message(FATAL_ERROR "uvshm needs libuv ${UVSHM_LIBUV_MINIMUM} or newer, and "
                        "${library} is ${version}. -DUVSHM_LIBUV=FETCH builds "
                        "a newer one along with uvshm.")
  endif()
  set(UVSHM_LIBUV_VERSION ${version} PARENT_SCOPE)

  if(WIN32)
    set(system psapi user32 advapi32 iphlpapi userenv ws2_32 dbghelp ole32 shell32)
  else()
    find_package(Threads REQUIRED)
    set(system ${CMAKE_THREAD_LIBS_INIT} ${CMAKE_DL_LIBS})
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
      list(APPEND system rt)
    endif()
  endif()
  add_library(LibUV::LibUV UNKNOWN IMPORTED GLOBAL)
  set_target_properties(LibUV::LibUV PROPERTIES
    IMPORTED_LOCATION "${library}"
    INTERFACE_INCLUDE_DIRECTORIES "${include_dir}")
  uvshm_uv_is_static(static LibUV::LibUV)
  if(static)
    set_property(TARGET LibUV::LibUV PROPERTY
                 INTERFACE_LINK_LIBRARIES "${system}")
  endif()
endfunction()

macro(uvshm_uv_find)
  set(UVSHM_LIBUV_FROM "")
  set(uvshm_uv_target "")

  if(TARGET LibUV::LibUV)
    set(UVSHM_LIBUV_FROM "a target of the build")
  endif()

  if(NOT UVSHM_LIBUV_FROM)
    uvshm_uv_existing_target(uvshm_uv_target)
    if(uvshm_uv_target)
      uvshm_uv_wrap(${uvshm_uv_target})
      set(UVSHM_LIBUV_FROM "the build's target ${uvshm_uv_target}")
    endif()
  endif()

  if(NOT UVSHM_LIBUV_FROM AND NOT UVSHM_LIBUV STREQUAL "FETCH")
    find_package(libuv CONFIG QUIET)
    uvshm_uv_existing_target(uvshm_uv_target)
    if(uvshm_uv_target)
      uvshm_uv_promote(${uvshm_uv_target})
      uvshm_uv_wrap(${uvshm_uv_target})
      set(UVSHM_LIBUV_FROM "${libuv_DIR}, target ${uvshm_uv_target}")
    endif()
  endif()

  if(NOT UVSHM_LIBUV_FROM AND NOT UVSHM_LIBUV STREQUAL "FETCH")
    # pkg-config's answer is a hint for the search: the file itself is what
    # tells whether it is the static one. It knows nothing of a cross build's
    # folders unless the tool chain says so.
    if(NOT CMAKE_CROSSCOMPILING OR DEFINED ENV{PKG_CONFIG_LIBDIR})
      find_package(PkgConfig QUIET)
      if(PkgConfig_FOUND)
        pkg_check_modules(UVSHM_PC_LIBUV QUIET libuv)
      endif()
    endif()
    if(UVSHM_PREFER_STATIC_LIBUV)
      set(uvshm_uv_names uv_a libuv_a libuv.a uv libuv)
      set(uvshm_uv_suffixes ${CMAKE_FIND_LIBRARY_SUFFIXES})
      set(CMAKE_FIND_LIBRARY_SUFFIXES ${CMAKE_STATIC_LIBRARY_SUFFIX})
    else()
      set(uvshm_uv_names uv libuv uv_a libuv_a)
    endif()
    find_path(UVSHM_LIBUV_INCLUDE_DIR uv.h HINTS ${UVSHM_PC_LIBUV_INCLUDE_DIRS}
                                                 ${UVSHM_PC_LIBUV_INCLUDEDIR})
    find_library(UVSHM_LIBUV_LIBRARY NAMES ${uvshm_uv_names}
                 HINTS ${UVSHM_PC_LIBUV_LIBRARY_DIRS} ${UVSHM_PC_LIBUV_LIBDIR})
    mark_as_advanced(UVSHM_LIBUV_INCLUDE_DIR UVSHM_LIBUV_LIBRARY)
    if(UVSHM_PREFER_STATIC_LIBUV)
      set(CMAKE_FIND_LIBRARY_SUFFIXES ${uvshm_uv_suffixes})
    endif()
    if(UVSHM_LIBUV_INCLUDE_DIR AND UVSHM_LIBUV_LIBRARY)
      uvshm_uv_from_file("${UVSHM_LIBUV_LIBRARY}" "${UVSHM_LIBUV_INCLUDE_DIR}")
      set(UVSHM_LIBUV_FROM "${UVSHM_LIBUV_LIBRARY} ${UVSHM_LIBUV_VERSION}")
      set(uvshm_uv_target LibUV::LibUV)
    endif()
  endif()

  if(NOT UVSHM_LIBUV_FROM AND NOT UVSHM_LIBUV STREQUAL "SYSTEM")
    include(FetchContent)
    set(LIBUV_BUILD_TESTS OFF CACHE BOOL "" FORCE)
    set(LIBUV_BUILD_BENCH OFF CACHE BOOL "" FORCE)
    FetchContent_Declare(
      libuv
      GIT_REPOSITORY https://github.com/libuv/libuv.git
      GIT_TAG ${UVSHM_LIBUV_FETCH_TAG}
      GIT_SHALLOW ON)
    FetchContent_MakeAvailable(libuv)
    uvshm_uv_existing_target(uvshm_uv_target)
    uvshm_uv_wrap(${uvshm_uv_target})
    set(UVSHM_LIBUV_FROM "FetchContent, ${UVSHM_LIBUV_FETCH_TAG}")
  endif()

  if(UVSHM_LIBUV_FROM)
    set(UVSHM_LIBUV_IS_STATIC OFF)
    if(uvshm_uv_target)
      uvshm_uv_is_static(UVSHM_LIBUV_IS_STATIC ${uvshm_uv_target})
    endif()
  endif()
endmacro()

uvshm_uv_find()

# The package configuration reports a missing libuv in its own words.
if(NOT CMAKE_FIND_PACKAGE_NAME STREQUAL "uvshm")
  if(UVSHM_LIBUV_FROM)
    message(STATUS "uvshm: libuv from ${UVSHM_LIBUV_FROM}")
  else()
    message(FATAL_ERROR "uvshm needs libuv ${UVSHM_LIBUV_MINIMUM} or newer: "
                        "Debian libuv1-dev, Fedora libuv-devel, Arch libuv, "
                        "Homebrew libuv, vcpkg libuv; or -DUVSHM_LIBUV=FETCH")
  endif()
endif()
