#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples in the documents compile, and its links lead somewhere.

Every ```c block of README.md and docs/**/*.md is compiled with warnings as
errors. A block with a function at its left margin is a file; any other is put into a
function, after the public headers and a few of C's. A block that needs names
from outside says so in a comment before it, which readers do not see:

    <!-- given: uvshm_region_t* region; int err; -->

A block that quotes a file says which, and must be a part of it, line by line:

    <!-- file: examples/writer.c -->

Other languages (text, console, sh ...) are not looked at. Relative links must
name files that exist; `make X` must name a target of the Makefile.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
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


def fault(path, number, text):
    faults.append(f"{path.relative_to(ROOT)}:{number}: {text}")


def blocks(text):
    """Yields (line number, language, remark before it, code)."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        match = re.match(r"\s*```(\S*)\s*$", line)
        if not match:
            continue
        if start is None:
            start, language = number, match.group(1)
        else:
            before = "\n".join(lines[max(0, start - 12) : start - 1])
            remark = re.search(r"<!--((?:(?!-->).)*)-->\s*$", before, flags=re.S)
            yield start, language, remark.group(1).strip() if remark else "", "\n".join(
                lines[start : number - 1]
            )
            start = None


def is_file(code):
    plain = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    return bool(
        re.search(r"^(?!(?:if|for|while|switch) )[a-z][\w \*]*\([^;]*\)\s*\{", plain, flags=re.M)
        or re.search(r"^(#include|typedef|struct \w+ \{|UVSHM_EXTERN)", plain, flags=re.M)
    )


def compile_block(path, number, given, code):
    if is_file(code):
        text = f'{PRELUDE}\n{given}\n#line {number + 1} "{path.name}"\n{code}\n'
    else:
        text = (
            f"{PRELUDE}\nextern int block(int argc, char** argv);\n"
            f"int block(int argc, char** argv) {{\n{given}\n"
            f'#line {number + 1} "{path.name}"\n{code}\nreturn 0;\n}}\n'
        )
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(text)
        file.flush()
        result = subprocess.run(
            ["cc", *FLAGS, f"-I{ROOT}/include", file.name], capture_output=True, text=True, check=False
        )
    if result.returncode != 0:
        fault(path, number, "does not compile:\n" + result.stderr)


def check_quote(path, number, name, code):
    source = ROOT / name
    if not source.exists():
        fault(path, number, f"quotes {name}, which is not there")
    elif code.strip("\n") not in source.read_text():
        fault(path, number, f"is not what {name} says any more")


def check_blocks(path, text):
    for number, language, remark, code in blocks(text):
        if remark.startswith("file:"):
            check_quote(path, number, remark[5:].strip(), code)
        elif language == "c":
            given = remark[6:] if remark.startswith("given:") else ""
            compile_block(path, number, given, code)


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
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text()
        check_blocks(path, text)
        check_links(path, text)
        check_commands(path, text)
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
