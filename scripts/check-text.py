#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every text file of the repository obeys.

An SPDX line near the top of every file that can carry one; no tabs but where a
format wants them (Makefiles, scdoc), no trailing blanks, a final newline, 80
columns in C; C files under 800 lines and public headers under 320; TODO only with an issue number; and no words that
speak of how the text came about instead of what it says.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOREIGN = ("test/corpus/", "tools/uvshm/getopt/", "LICENSE")
CODE = {".c", ".h", ".hpp", ".cpp", ".sh", ".py", ".cmake", ".pml", ".yml", ".js", ".ts", ".php", ".css",
        ".gp", ".scd", ".in"}
# Files without a suffix that have comments. JSON, Markdown and the others that
# have none, or show it to readers, are in .reuse/dep5.
NAMED = {"Makefile", "CMakeLists.txt", ".clang-format", ".clang-tidy", ".editorconfig", ".gitattributes", ".gitignore"}
LIMITS = {".c": 800, ".h": 600}
HEADER_LIMIT = 320
SPDX = "SPDX-License-" "Identifier:"

# Words about the making, not the matter. Kept in pieces, so that this file
# passes itself.
FORBIDDEN = re.compile(
    r"\b(cl" r"aude|anth" r"ropic|chat" r"gpt|open" r"ai|copi" r"lot|l" r"lm|"
    r"as an " r"ai|a" r"i-generated|language " r"model|sub-?" r"agent|/wo" r"rk/|\.\./sh" r"ared|"
    r"Co-authored" r"-by|xx" r"x|fix" r"me)\b",
    re.I,
)

faults = []


def fault(path, number, text):
    faults.append(f"{path}:{number}: {text}")


def files():
    output = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout
    for name in output.decode().split("\0"):
        if name and not name.startswith(FOREIGN) and (ROOT / name).is_file():
            yield name


def check_lines(name, lines):
    suffix = pathlib.Path(name).suffix
    c_file = suffix in (".c", ".h", ".hpp", ".cpp")
    for number, line in enumerate(lines, 1):
        if line.rstrip() != line and suffix != ".patch":
            fault(name, number, "blanks at the end of the line")
        if "\t" in line and not name.endswith(("Makefile", "debian/rules", ".scd", ".svg", ".gp")):
            fault(name, number, "a tab")
        if c_file and len(line) > 80 and "http" not in line and "#include" not in line:
            fault(name, number, f"{len(line)} columns; 80 are the limit")
        match = FORBIDDEN.search(line)
        if match:
            fault(name, number, f'the word "{match.group(0)}"')
        if re.search(r"\bTODO\b", line) and not re.search(r"TODO\(#\d+\)", line):
            if name not in ("scripts/check-text.py", "STYLE.md"):
                fault(name, number, "TODO without an issue number: TODO(#12)")


def check_file(name):
    raw = (ROOT / name).read_bytes()
    if b"\0" in raw[:4096]:
        return
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        fault(name, 1, "not UTF-8")
        return
    if "\r" in text and pathlib.Path(name).suffix not in (".bat", ".ps1"):
        fault(name, 1, "carriage returns")
    if text and not text.endswith("\n"):
        fault(name, text.count("\n") + 1, "no newline at the end")
    lines = text.split("\n")
    suffix = pathlib.Path(name).suffix
    scripted = suffix in CODE or text.startswith("#!") or pathlib.Path(name).name in NAMED
    if scripted and not any(f"{SPDX} MIT" in line for line in lines[:3]):
        fault(name, 1, f"no line {SPDX} MIT on top")
    limit = HEADER_LIMIT if name.startswith("include/") else LIMITS.get(suffix)
    if limit and len(lines) > limit:
        fault(name, len(lines), f"longer than {limit} lines: split it by role")
    check_lines(name, lines)


def main():
    for name in files():
        check_file(name)
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
