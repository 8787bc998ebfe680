# SPDX-License-Identifier: MIT
#
# In uvshm's own tree, this is an overlay port that builds the tree it lies in:
#
#   vcpkg install uvshm --overlay-ports=packaging/vcpkg/ports
#
# In the port that a release brings, the two lines below are filled in, and it
# builds the release's archive.

set(uvshm_url "")
set(uvshm_sha512 "")

if(uvshm_url)
  vcpkg_download_distfile(archive
    URLS "${uvshm_url}"
    FILENAME "uvshm-${VERSION}.tar.gz"
    SHA512 "${uvshm_sha512}")
  vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "${archive}")
else()
  get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)
endif()

string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" "dynamic" shared)
string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" "static" static)
vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES
  tool UVSHM_BUILD_TOOL)

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    ${features}
    -DUVSHM_BUILD_SHARED=${shared}
    -DUVSHM_BUILD_STATIC=${static}
    -DUVSHM_BUILD_CRASH=OFF
    -DUVSHM_BUILD_EXAMPLES=OFF
    -DUVSHM_LIBUV=SYSTEM
    -DBUILD_TESTING=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/uvshm)
vcpkg_fixup_pkgconfig()
vcpkg_copy_pdbs()
if("tool" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES uvshm AUTO_CLEAN)
endif()

# Headers and what is not needed twice.
file(REMOVE_RECURSE
  "${CURRENT_PACKAGES_DIR}/debug/include"
  "${CURRENT_PACKAGES_DIR}/debug/share"
  "${CURRENT_PACKAGES_DIR}/share/licenses"
  "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage"
     DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
