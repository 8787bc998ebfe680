# SPDX-License-Identifier: MIT
#
# What `cmake --install` puts where. Component Runtime is what a program needs to
# run, Development what it needs to be built.

include(CMakePackageConfigHelpers)

set(uvshm_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/uvshm")
set(uvshm_installed "")
foreach(target uvshm uvshm_a uvshm_crash)
  if(TARGET ${target})
    list(APPEND uvshm_installed ${target})
  endif()
endforeach()

install(TARGETS ${uvshm_installed} EXPORT uvshm-targets
  RUNTIME COMPONENT Runtime
  LIBRARY COMPONENT Runtime NAMELINK_COMPONENT Development
  ARCHIVE COMPONENT Development)
if(TARGET uvshm_tool)
  install(TARGETS uvshm_tool RUNTIME COMPONENT Runtime)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT Development
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
if(TARGET uvshm_crash)
  install(FILES "${PROJECT_SOURCE_DIR}/test/lab/hooks.h"
    "${PROJECT_SOURCE_DIR}/test/lab/store.h"
    DESTINATION "${uvshm_crash_hooks}" COMPONENT Development)
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/uvshm"
  COMPONENT Runtime)
install(FILES "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/CHANGELOG.md"
  "${PROJECT_SOURCE_DIR}/SECURITY.md"
  DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT Development)
# What README.md and uvshm doctor point to.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
  COMPONENT Development FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.json")

# The package configuration, with our libuv module beside it.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(uvshm_compatible SameMinorVersion)
else()
  set(uvshm_compatible SameMajorVersion)
endif()
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/uvshm-config.cmake.in"
  "${PROJECT_BINARY_DIR}/uvshm-config.cmake"
  INSTALL_DESTINATION "${uvshm_cmake_dir}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/uvshm-config-version.cmake"
  COMPATIBILITY ${uvshm_compatible})
install(EXPORT uvshm-targets NAMESPACE uvshm:: DESTINATION "${uvshm_cmake_dir}"
  COMPONENT Development)
install(FILES
  "${PROJECT_BINARY_DIR}/uvshm-config.cmake"
  "${PROJECT_BINARY_DIR}/uvshm-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/uvshm-libuv.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/uvshm-crash.cmake"
  DESTINATION "${uvshm_cmake_dir}" COMPONENT Development)

# pkg-config. The public headers are for use with libuv's codes, so libuv is
# required, not only linked.
set(uvshm_pc_libs_private "")
foreach(library IN LISTS uvshm_system_libraries)
  string(APPEND uvshm_pc_libs_private " -l${library}")
endforeach()
if(CMAKE_THREAD_LIBS_INIT)
  string(APPEND uvshm_pc_libs_private " ${CMAKE_THREAD_LIBS_INIT}")
elseif(NOT WIN32)
  string(APPEND uvshm_pc_libs_private " -pthread")
endif()
set(uvshm_pc_libs "")
if(NOT TARGET uvshm)
  # Who links the static library needs what it stands on, asked for or not.
  set(uvshm_pc_libs "${uvshm_pc_libs_private}")
  set(uvshm_pc_libs_private "")
endif()
set(uvshm_pc_cflags "")
set(uvshm_pc_cflags_private "")
if(WIN32 AND TARGET uvshm)
  # pkgconf gives the second after the first when it is asked for --static.
  set(uvshm_pc_cflags " -DUVSHM_SHARED")
  set(uvshm_pc_cflags_private " -UUVSHM_SHARED")
endif()
set(uvshm_pc_libuv libuv)
if(UVSHM_LIBUV_IS_STATIC)
  set(uvshm_pc_libuv libuv-static)
endif()
foreach(dir LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(uvshm_pc_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(uvshm_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
# Twice: what the build knows now, the prefix when it is installed, because
# `cmake --install --prefix` may give another one.
set(uvshm_pc_PREFIX "@CMAKE_INSTALL_PREFIX@")
configure_file("${PROJECT_SOURCE_DIR}/cmake/uvshm.pc.in"
               "${PROJECT_BINARY_DIR}/uvshm.pc.in" @ONLY)
install(CODE "configure_file(\"${PROJECT_BINARY_DIR}/uvshm.pc.in\"
  \"${PROJECT_BINARY_DIR}/uvshm.pc\" @ONLY)" COMPONENT Development)
install(FILES "${PROJECT_BINARY_DIR}/uvshm.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT Development)
