# SPDX-License-Identifier: MIT
"""Conan 2 recipe: `conan create .` builds uvshm from this tree and test_package
against it. cmake/uvshm-options.cmake says what the options mean."""

import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

required_conan_version = ">=2.0"


class UvshmConan(ConanFile):
    name = "uvshm"
    description = "Shared memory between processes, on libuv"
    license = "MIT"
    topics = ("shared-memory", "ipc", "libuv", "lock", "message-queue")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False], "tool": [True, False]}
    default_options = {"shared": False, "fPIC": True, "tool": False}
    exports_sources = (
        "CMakeLists.txt", "CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md",
        "cmake/*", "include/*", "man/*", "src/*", "tools/*",
    )

    def set_version(self):
        text = load(self, os.path.join(self.recipe_folder, "include/uvshm/version.h"))
        words = (re.search(rf"VERSION_{word} (\d+)", text).group(1) for word in ("MAJOR", "MINOR", "PATCH"))
        self.version = ".".join(words)

    def config_options(self):
        if self.settings.os == "Windows":
            del self.options.fPIC

    def configure(self):
        # It is C.
        self.settings.rm_safe("compiler.libcxx")
        self.settings.rm_safe("compiler.cppstd")
        if self.options.shared:
            self.options.rm_safe("fPIC")  # the static one always has it
            # Never two libuvs in one process.
            self.options["libuv"].shared = True

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        # Public: the headers speak in libuv's codes.
        self.requires("libuv/[>=1.43 <2]", transitive_headers=True, transitive_libs=True)
        if self.options.tool:
            self.requires("jansson/[>=2.13 <3]")

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["UVSHM_BUILD_SHARED"] = bool(self.options.shared)
        toolchain.cache_variables["UVSHM_BUILD_STATIC"] = not self.options.shared
        toolchain.cache_variables["UVSHM_BUILD_TOOL"] = bool(self.options.tool)
        toolchain.cache_variables["UVSHM_BUILD_CRASH"] = False
        toolchain.cache_variables["UVSHM_BUILD_EXAMPLES"] = False
        toolchain.cache_variables["UVSHM_LIBUV"] = "SYSTEM"
        toolchain.cache_variables["BUILD_TESTING"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan makes its own from package_info().
        for folder in ("lib/cmake", "lib/pkgconfig", "share"):
            rmdir(self, os.path.join(self.package_folder, folder))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "uvshm")
        self.cpp_info.set_property("cmake_target_name", "uvshm::uvshm")
        if not self.options.shared:
            self.cpp_info.set_property("cmake_target_aliases", ["uvshm::uvshm_a"])
        self.cpp_info.set_property("pkg_config_name", "uvshm")
        self.cpp_info.requires = ["libuv::libuv"]
        if self.options.tool:
            self.cpp_info.requires.append("jansson::jansson")
        static_msvc = self.settings.get_safe("compiler") == "msvc" and not self.options.shared
        self.cpp_info.libs = ["libuvshm" if static_msvc else "uvshm"]
        if self.settings.os == "Windows":
            self.cpp_info.system_libs = ["advapi32"]
            if self.options.shared:
                self.cpp_info.defines = ["UVSHM_SHARED"]
        elif self.settings.os == "Linux":
            self.cpp_info.system_libs = ["rt", "pthread"]
