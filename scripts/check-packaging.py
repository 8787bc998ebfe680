#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What packages are made of says the same everywhere.

check-packaging.py [--release]

- Every file that names uvshm's version names that of include/uvshm/version.h.
- Options that packages give to CMake exist.
- Recipes parse: vcpkg's JSON, Conan's Python; the port goes through CMake with
  stand-ins for the functions of vcpkg. (Neither tool is in Debian, so
  neither is run.)
- Licences: `reuse lint` is content, and Debian's copyright file, which has the same form, is
  the one that it reads.
- The source archive has every file, and the same bytes when made twice under
  another umask, time zone and folder.

With --release also what must be so at a tag: the changelogs have the version, and
the ABI and the list of symbols are complete.
"""

import hashlib
import json
import os
import pathlib
import py_compile
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PORT = "packaging/vcpkg/ports/uvshm"
faults = []


def fault(path, text):
    faults.append(f"{path}: {text}")


def read(name):
    return (ROOT / name).read_text()


def version():
    text = read("include/uvshm/version.h")
    return ".".join(re.search(rf"VERSION_{word} (\d+)", text).group(1) for word in ("MAJOR", "MINOR", "PATCH"))


def check_versions(wanted):
    named = {name: json.loads(read(name)).get("version-semver") for name in ("vcpkg.json", f"{PORT}/vcpkg.json")}
    match = re.match(r"uvshm \(([^-)]+)-", read("packaging/debian/changelog"))
    named["packaging/debian/changelog"] = match.group(1) if match else None
    for name, found in named.items():
        if found != wanted:
            fault(name, f"says {found}, and version.h {wanted}")


def check_port():
    manifest, port = (json.loads(read(name)) for name in ("vcpkg.json", f"{PORT}/vcpkg.json"))
    for key in ("name", "description", "license", "supports"):
        if manifest.get(key) != port.get(key):
            fault(f"{PORT}/vcpkg.json", f"{key} is not what vcpkg.json says")
    for name, feature in port["features"].items():
        if manifest["features"].get(name) != feature:
            fault(f"{PORT}/vcpkg.json", f"the feature {name} is not that of vcpkg.json")
    for word in ("usage", "vcpkg_install_copyright", 'set(uvshm_url "")', 'set(uvshm_sha512 "")'):
        if word not in read(f"{PORT}/portfile.cmake"):
            fault(f"{PORT}/portfile.cmake", f"has no {word}")


# vcpkg's own functions, in so far as the port calls them.
VCPKG = """
cmake_minimum_required(VERSION 3.21)
set(PORT uvshm)
set(VERSION 0)
set(FEATURES core;tool)
function(vcpkg_check_features)
  set(features -DUVSHM_BUILD_TOOL=ON PARENT_SCOPE)
endfunction()
function(vcpkg_cmake_configure)
  cmake_parse_arguments(it "" SOURCE_PATH OPTIONS ${ARGN})
  if(NOT EXISTS "${it_SOURCE_PATH}/CMakeLists.txt" OR it_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "the port's source is ${it_SOURCE_PATH}: ${ARGN}")
  endif()
  message("options ${it_OPTIONS}")
endfunction()
foreach(name vcpkg_cmake_install vcpkg_cmake_config_fixup vcpkg_fixup_pkgconfig
        vcpkg_copy_pdbs vcpkg_copy_tools)
  cmake_language(EVAL CODE "function(${name})\nendfunction()")
endforeach()
function(vcpkg_install_copyright)
  cmake_parse_arguments(it "" "" FILE_LIST ${ARGN})
  file(INSTALL ${it_FILE_LIST} DESTINATION "${CURRENT_PACKAGES_DIR}/share/uvshm")
endfunction()
include("${PORTFILE}")
"""


def run_port(folder):
    """The port as CMake reads it; vcpkg itself is not here."""
    (folder / "vcpkg.cmake").write_text(VCPKG)
    for linkage, shared in (("static", 0), ("dynamic", 1)):
        packages = folder / linkage
        result = subprocess.run(
            ["cmake", f"-DPORTFILE={ROOT}/{PORT}/portfile.cmake", f"-DVCPKG_LIBRARY_LINKAGE={linkage}",
             f"-DCURRENT_PACKAGES_DIR={packages}", "-P", folder / "vcpkg.cmake"],
            capture_output=True, text=True, check=False)
        if result.returncode != 0:
            fault(f"{PORT}/portfile.cmake", result.stderr)
        installed = {path.name for path in packages.rglob("*") if path.is_file()}
        if result.returncode == 0 and installed != {"usage", "LICENSE"}:
            fault(f"{PORT}/portfile.cmake", f"installs {installed}")
        if f"-DUVSHM_BUILD_SHARED={shared};" not in result.stderr:
            fault(f"{PORT}/portfile.cmake", f"with {linkage}: {result.stderr}")


def check_options():
    known = set(re.findall(r"(?:option|set|dependent_option)\(\s*(UVSHM_\w+)", read("cmake/uvshm-options.cmake")))
    for name in (f"{PORT}/portfile.cmake", "packaging/debian/rules", "conanfile.py"):
        for option in re.findall(r"\bUVSHM_(?:BUILD|LIBUV|PREFER|TOOL|WERROR|INSTALL)\w*", read(name)):
            if option not in known:
                fault(name, f"there is no option {option}")


def check_recipes(folder):
    for name in ("conanfile.py", "test_package/conanfile.py"):
        try:
            py_compile.compile(str(ROOT / name), cfile=str(folder / "recipe.pyc"), doraise=True)
        except py_compile.PyCompileError as error:
            fault(name, str(error))
    for pattern in re.findall(r'"([\w./]+?)(?:/\*)?"', read("conanfile.py").split("exports_sources")[1].split(")")[0]):
        if not (ROOT / pattern).exists():
            fault("conanfile.py", f"exports {pattern}, which is not there")


def check_licences():
    if read(".reuse/dep5") != read("packaging/debian/copyright"):
        fault("packaging/debian/copyright", "is not .reuse/dep5")
    if not shutil.which("reuse"):
        fault("reuse", "is not installed; scripts/install-deps.sh check")
        return
    result = subprocess.run(["reuse", "lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        fault("reuse lint", "is not content:\n" + result.stdout)


def archive(folder, umask, zone):
    environment = {**os.environ, "TZ": zone, "SOURCE_DATE_EPOCH": "1000000000"}
    result = subprocess.run(
        ["sh", "-c", f"umask {umask}; exec scripts/release.sh --worktree '{folder}'"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        fault("scripts/release.sh", result.stdout + result.stderr)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*")}


def check_archive(folder, name):
    one = archive(folder / "one", "022", "UTC")
    two = archive(folder / "a second one", "077", "Asia/Tokyo")
    if one != two or f"{name}.tar.gz" not in one:
        fault("scripts/release.sh", f"two runs make different files: {one} {two}")
        return
    if subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder / "one", check=False).returncode:
        fault("scripts/release.sh", "SHA256SUMS is wrong")
    with tarfile.open(folder / "one" / f"{name}.tar.gz") as tar:
        packed = {member.name.removeprefix(name + "/") for member in tar.getmembers()}
    output = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True).stdout.decode()
    there = {file for file in output.split("\0") if file and (ROOT / file).exists()}
    if packed != there:
        fault("scripts/release.sh", f"the archive has not what the tree has: {packed ^ there}")


def check_release(wanted):
    if not re.search(rf"^## \[{re.escape(wanted)}\]", read("CHANGELOG.md"), flags=re.M):
        fault("CHANGELOG.md", f"has no section for {wanted}")
    if "UNRELEASED" in read("packaging/debian/changelog").split("\n")[0]:
        fault("packaging/debian/changelog", "is still UNRELEASED")
    if subprocess.run([sys.executable, "scripts/check-abi.py", "--release"], cwd=ROOT, check=False).returncode:
        fault("packaging/abi/uvshm.abi", "is not complete: scripts/check-abi.py --update")


def main():
    wanted = version()
    with tempfile.TemporaryDirectory(prefix="uvshm-packaging.") as name:
        folder = pathlib.Path(name)
        check_versions(wanted)
        check_port()
        check_options()
        check_recipes(folder)
        run_port(folder)
        check_licences()
        check_archive(folder, f"uvshm-{wanted}")
    if "--release" in sys.argv:
        check_release(wanted)
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
