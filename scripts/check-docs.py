#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check-docs.py [PAGE...]: the examples in the documents compile, and their links lead somewhere.

Every ```c and ```cpp block of README.md and docs/**/*.md is compiled with
warnings as errors. A block with a function at its left margin is a file; any
other is put into a function, after the public headers and a few of C's. What
shells and CMake are told is run by scripts/run-docs.py; here it is counted. What
a remark before a block can say is in docs_blocks.py.

A block that quotes a file must be a part of it, line by line. Blocks that
nobody runs say why, and are listed. Relative links must name files that exist;
`make X` must name a target of the Makefile.
"""

import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from docs_blocks import COMMANDS, COMPILED, DATA, ROOT, blocks, pages

PRELUDE = """
#include <uvshm.h>
#include <uvshm/watch.h>
#include <uv.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
"""
FLAGS = (
    "-x c -std=gnu11 -fsyntax-only -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-variable "
    "-Wno-unused-but-set-variable -Wno-unused-function -Wno-missing-prototypes"
).split()
faults = []
counts = collections.Counter()


def fault(path, number, text):
    faults.append(f"{path.relative_to(ROOT)}:{number}: {text}")


def is_file(code):
    plain = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    return bool(
        re.search(r"^(?!(?:if|for|while|switch) )[a-z][\w \*]*\([^;]*\)\s*\{", plain, flags=re.M)
        or re.search(r"^(#include|typedef|struct \w+ \{|UVSHM_EXTERN)", plain, flags=re.M)
    )


def mingw(folder):
    """gcc for Windows and a place with libuv's headers alone, or None."""
    for triple in ("x86_64-w64-mingw32", "i686-w64-mingw32"):
        if shutil.which(f"{triple}-gcc"):
            for name in ("uv.h", "uv"):
                (folder / name).symlink_to(f"/usr/include/{name}")
            return [f"{triple}-gcc", f"-I{folder}", "-D_WIN32_WINNT=0x0A00"]
    return None


def compiler(block, folder):
    if block.language == "cpp":
        return ["g++", "-x", "c++", "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/examples"]
    if block.remark.startswith("windows"):
        found = mingw(folder)
        return found and [*found, *FLAGS]
    return ["cc", *FLAGS]


def compile_block(block, page):
    given = block.value("given") or ""
    code = f'#line {block.number + 1} "{block.path.name}"\n{block.code}\n'
    if is_file(block.code):
        text = f"{PRELUDE}\n{given}\n{code}"
    else:
        text = (
            f"{PRELUDE}\nextern int block(int argc, char** argv);\n"
            f"int block(int argc, char** argv) {{\n{given}\n{code}return 0;\n}}\n"
        )
    if block.language == "cpp":
        text = f"{given}\n{code}"
    with tempfile.TemporaryDirectory(prefix="uvshm-docs.") as name:
        folder = pathlib.Path(name)
        for other in page:
            if re.search(r"\.h(pp)?$", other.file_name or ""):
                (folder / other.file_name).write_text(other.code)
        source = folder / "block.c"
        source.write_text(text)
        command = compiler(block, folder)
        if command is None:
            counts["C for Windows, and no mingw-w64 here"] += 1
            return
        result = subprocess.run(
            [*command, f"-I{folder}", f"-I{ROOT}/include", source], capture_output=True, text=True, check=False
        )
    if result.returncode != 0:
        fault(block.path, block.number, "does not compile:\n" + result.stderr)


def check_quote(block, name):
    source = ROOT / name
    if not source.exists():
        fault(block.path, block.number, f"quotes {name}, which is not there")
    elif block.code.strip("\n") not in source.read_text():
        fault(block.path, block.number, f"is not what {name} says any more")


def check_blocks(path):
    page = list(blocks(path))
    for block in page:
        if block.value("file"):
            check_quote(block, block.value("file"))
            counts["quotes of files"] += 1
        elif block.skipped:
            counts["not run"] += 1
            print(f"{path.relative_to(ROOT)}:{block.number}: not run: {block.skipped}")
        elif block.language in ("c", "cpp"):
            compile_block(block, page)
            counts[f"{block.language} compiled"] += 1
        elif block.language in COMPILED + COMMANDS:
            counts[f"{block.language} left to run-docs.py"] += 1
        elif block.language == "c++" and "reference/cpp" in path.as_posix():
            counts["c++ left to docs-reference-cpp.py"] += 1
        elif block.language not in DATA:
            fault(path, block.number, f"nobody looks at blocks of {block.language}; docs_blocks.py has the list")


def check_links(path, text):
    plain = re.sub(r"```.*?```", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
    for number, line in enumerate(plain.split("\n"), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"[a-z]+:|#", target):
                continue
            if not (path.parent / target.split("#")[0]).exists():
                fault(path, number, f"links to {target}, which is not there")


def check_commands(path, text):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for number, line in enumerate(text.split("\n"), 1):
        for target in re.findall(r"(?:^ {4,}|^\$ |`)make ([a-z][a-z-]*)", line):
            if target not in targets:
                fault(path, number, f"`make {target}` is not a target")
        for script in re.findall(r"\bscripts/[\w.-]+\.(?:sh|py)\b", line):
            if not (ROOT / script).exists():
                fault(path, number, f"names {script}, which is not there")


def main():
    chosen = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    for path in chosen or pages():
        text = path.read_text()
        check_blocks(path)
        check_links(path, text)
        check_commands(path, text)
    print("\n".join(faults))
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return 1 if faults else 0


sys.exit(main())
