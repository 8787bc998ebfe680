# SPDX-License-Identifier: MIT
#
# One consumer test, run by CTest as `cmake -DKIND=... -P run.cmake`:
#
#   add_subdirectory, fetch_content, find_package
#                                    configure, build and run a project
#   pkg_config                       cc program.c $(pkg-config --cflags --libs uvshm)
#   one_libuv                        no program loads or contains a second libuv
#   alone                            what region.h and mutex.h bring along
#   exports                          what the shared library shows, and its size
#
# Given: SOURCE (the tree), PREFIX (uvshm installed), WORK (a folder), VERSION,
# GENERATOR, CC, EMULATOR; for a cross build TOOLCHAIN, ROOTS (folders of what it
# links, between |) and PREFER_STATIC.

cmake_minimum_required(VERSION 3.21)
set(here "${SOURCE}/test/consumer")
set(folder "${WORK}/${KIND}")
file(MAKE_DIRECTORY "${folder}")
string(REPLACE "|" ";" roots "${ROOTS}")
file(GLOB pkgconfig "${PREFIX}/lib*/pkgconfig" "${PREFIX}/lib/*/pkgconfig")
file(GLOB libdir "${PREFIX}/lib" "${PREFIX}/lib64" "${PREFIX}/lib/*-linux-*")

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY
                  WORKING_DIRECTORY "${folder}")
endfunction()

function(run_program program)
  list(JOIN libdir ":" path)
  if(CMAKE_HOST_WIN32)
    set(ENV{PATH} "${PREFIX}/bin;${folder}/build/uvshm;$ENV{PATH}")
  endif()
  set(dlls "")
  foreach(root IN LISTS PREFIX roots)
    string(APPEND dlls "Z:${root}/bin;")
  endforeach()
  set(ENV{WINEPATH} "${dlls}")
  run(${CMAKE_COMMAND} -E env "LD_LIBRARY_PATH=${path}" "DYLD_LIBRARY_PATH=${path}"
      ${EMULATOR} "${program}")
endfunction()

function(project_test)
  # In a file, because it has lists.
  set(given "set(CMAKE_C_COMPILER \"${CC}\" CACHE FILEPATH \"\")
set(CMAKE_BUILD_TYPE Release CACHE STRING \"\")
set(CMAKE_PREFIX_PATH \"${PREFIX};${roots}\" CACHE STRING \"\")
set(UVSHM_SOURCE_DIR \"${SOURCE}\" CACHE PATH \"\")
set(UVSHM_VERSION ${VERSION} CACHE STRING \"\")\n")
  if(TOOLCHAIN)
    string(APPEND given "set(CMAKE_TOOLCHAIN_FILE \"${TOOLCHAIN}\" CACHE FILEPATH \"\")
set(CMAKE_FIND_ROOT_PATH \"${PREFIX};${roots}\" CACHE STRING \"\")
set(UVSHM_PREFER_STATIC_LIBUV ${PREFER_STATIC} CACHE BOOL \"\")\n")
  endif()
  set(before "")
  if(EXISTS "${folder}/given.cmake")
    file(READ "${folder}/given.cmake" before)
  endif()
  if(NOT before STREQUAL given)
    file(REMOVE_RECURSE "${folder}/build")
    file(WRITE "${folder}/given.cmake" "${given}")
  endif()
  run(${CMAKE_COMMAND} -S "${here}/${KIND}" -B "${folder}/build" -G "${GENERATOR}"
      -C "${folder}/given.cmake")
  run(${CMAKE_COMMAND} --build "${folder}/build" --config Release)
  file(GLOB_RECURSE programs "${folder}/build/program-*")
  list(FILTER programs INCLUDE REGEX "/program-[a-z_]+(\\.exe)?$")
  if(NOT programs)
    message(FATAL_ERROR "no program was built")
  endif()
  foreach(program IN LISTS programs)
    if(NOT IS_DIRECTORY "${program}")
      run_program("${program}")
    endif()
  endforeach()
endfunction()

function(pkg_config_flags result)
  if(TOOLCHAIN)
    set(places "${pkgconfig}")
    foreach(root IN LISTS roots)
      string(APPEND places ":${root}/lib/pkgconfig")
    endforeach()
    set(where "PKG_CONFIG_LIBDIR=${places}")
  else()
    set(where "PKG_CONFIG_PATH=${pkgconfig}:$ENV{PKG_CONFIG_PATH}")
  endif()
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env "${where}"
      ${PKG_CONFIG} ${ARGN} uvshm
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(${result} "${flags}" PARENT_SCOPE)
endfunction()

# The static library by its file, because both have one name for -l.
function(link_static program)
  file(GLOB_RECURSE archive "${PREFIX}/libuvshm.a")
  pkg_config_flags(cflags --static --cflags)
  pkg_config_flags(libs --static --libs)
  list(REMOVE_ITEM libs -luvshm)
  run(${CC} -O2 "${here}/program.c" -o "${program}" ${cflags} ${ARGN} "${archive}" ${libs})
endfunction()

# Name and size of a stripped copy.
function(stripped_size result file)
  run(${STRIP} -o "${folder}/stripped" "${file}")
  file(SIZE "${folder}/stripped" size)
  set(${result} ${size} PARENT_SCOPE)
endfunction()

function(kib result size)
  math(EXPR whole "(${size} + 512) / 1024")
  set(${result} "${whole} KiB" PARENT_SCOPE)
endfunction()

if(KIND MATCHES "^(add_subdirectory|fetch_content|find_package)$")
  project_test()

elseif(KIND STREQUAL "pkg_config")
  pkg_config_flags(flags --cflags --libs)
  set(suffix "")
  if(TOOLCHAIN)
    set(suffix .exe)
  endif()
  run(${CC} "${here}/program.c" -o "${folder}/program${suffix}" ${flags})
  run_program("${folder}/program${suffix}")
  file(GLOB_RECURSE archive "${PREFIX}/libuvshm.a")
  if(archive)
    link_static("${folder}/program-static${suffix}")
    run_program("${folder}/program-static${suffix}")
  endif()

elseif(KIND STREQUAL "one_libuv")
  file(GLOB library "${PREFIX}/lib*/libuvshm.so" "${PREFIX}/lib/*/libuvshm.so")
  execute_process(COMMAND ${NM} --defined-only "${library}"
                  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  if(symbols MATCHES " [Tt] uv_loop_init")
    message(FATAL_ERROR "${library} contains a libuv of its own")
  endif()
  execute_process(COMMAND ${OBJDUMP} -p "${library}"
                  OUTPUT_VARIABLE needed COMMAND_ERROR_IS_FATAL ANY)
  if(NOT needed MATCHES "NEEDED +libuv\\.so")
    message(FATAL_ERROR "${library} does not load libuv:\n${needed}")
  endif()

elseif(KIND STREQUAL "alone")
  link_static("${folder}/program")
  execute_process(COMMAND ${NM} --defined-only "${folder}/program"
                  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL " [A-Za-z] uvshm_[a-z0-9]+_[a-z]+" found "${symbols}")
  list(TRANSFORM found REPLACE "^ . " "")
  list(FILTER found EXCLUDE REGEX "^uvshm_(region|mutex|error)_")
  list(SORT found)
  if(found)
    message(FATAL_ERROR "with region.h and mutex.h came along: ${found}")
  endif()
  stripped_size(size "${folder}/program")
  file(WRITE "${folder}/empty.c" "#include <uv.h>\nint main(void) { return uv_version() == 0; }\n")
  pkg_config_flags(cflags --cflags)
  pkg_config_flags(libs --static --libs)
  list(REMOVE_ITEM libs -luvshm)
  run(${CC} -O2 "${folder}/empty.c" -o "${folder}/empty" ${cflags} ${libs})
  stripped_size(empty "${folder}/empty")
  math(EXPR added "${size} - ${empty}")
  kib(size ${size})
  kib(added_text ${added})
  message("a program with region.h and mutex.h alone, static: ${size}, of which uvshm: ${added_text}")
  if(added GREATER 131072)
    message(FATAL_ERROR "that is more than 128 KiB")
  endif()

elseif(KIND STREQUAL "exports")
  file(GLOB library "${PREFIX}/lib*/libuvshm.so" "${PREFIX}/lib/*/libuvshm.so")
  execute_process(COMMAND ${NM} -D --defined-only "${library}"
                  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL " [A-Za-z] [^\n]+" found "${symbols}")
  list(LENGTH found count)
  set(ours ${found})
  list(FILTER found EXCLUDE REGEX "^ T uvshm_[a-z]")
  if(found)
    message(FATAL_ERROR "exported, but not public: ${found}")
  endif()
  # What the headers declare and what is there is the same.
  file(GLOB headers "${SOURCE}/include/uvshm/*.h")
  foreach(header IN LISTS headers)
    file(READ "${header}" text)
    string(REGEX REPLACE "/\\*([^*]|\\*+[^*/])*\\*+/" "" text "${text}")
    string(REGEX MATCHALL "\nUVSHM_EXTERN[^;]*" declarations "${text}")
    foreach(declaration IN LISTS declarations)
      string(REGEX MATCH "(uvshm_[a-z0-9_]+) *\\(" _ "${declaration}")
      if(NOT " T ${CMAKE_MATCH_1}" IN_LIST ours)
        message(FATAL_ERROR "${header} declares ${CMAKE_MATCH_1}, which is not exported")
      endif()
    endforeach()
  endforeach()
  stripped_size(size "${library}")
  kib(text ${size})
  message("the shared library, stripped: ${text}, ${count} functions")
  if(size GREATER 262144)
    message(FATAL_ERROR "that is more than 256 KiB")
  endif()

else()
  message(FATAL_ERROR "no such test: ${KIND}")
endif()
