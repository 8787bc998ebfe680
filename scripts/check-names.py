#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Names are made of a closed list of words (STYLE.md).

Public functions are uvshm_<module>_<verb>; what is used across files inside is
uvshm__...; a struct that lies in a segment stands in a *_layout.h; macros with
two underscores are internal, with one public. The list of verbs is here: a new
verb is added here on purpose, with its one meaning, or not at all.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

VERBS = set(
    """
    open close unlink rejoin
    lock unlock abandon rdlock wrlock upgrade downgrade wait post signal broadcast set reset cancel
    grow protect sync advise
    put get remove contains replace take add expire sweep clear next alloc calloc free resize publish send recv claim commit abort peek release
    write read begin save init start stop prepare accept
    unref
    check repair info gc
    """.split()
)
# Accessors: a fact that cannot fail, named by the fact.
FACTS = {"base", "size", "alignment", "peer", "value", "ref", "pointer", "root", "active", "closing", "owns", "fileno"}
# Functions of no module.
ALONE = {
    "uvshm_strerror",
    "uvshm_error_detail",
    "uvshm_version",
    "uvshm_version_string",
}
# Words that say nothing.
EMPTY = {"manager", "util", "utils", "helper", "helpers", "process", "do", "misc", "common"}

faults = []


def fault(path, number, text):
    faults.append(f"{path.relative_to(ROOT)}:{number}: {text}")


def strip(text):
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def modules():
    names = {path.stem for path in (ROOT / "include/uvshm").glob("*.h")}
    return names | {name + "s" for name in names}


def check_public(path, words):
    text = strip(path.read_text())
    for match in re.finditer(r"\b(uvshm_[a-z0-9_]+)\s*\(", text):
        name = match.group(1)
        number = text.count("\n", 0, match.start()) + 1
        if name in ALONE or name.endswith(("_t", "_cb")):
            continue
        parts = name.split("_")
        if len(parts) < 3 or parts[1] not in words:
            fault(path, number, f"{name}: not uvshm_<module>_<verb>")
        elif parts[2] not in VERBS | FACTS:
            fault(path, number, f"{name}: \"{parts[2]}\" is not in the list of verbs")
    for match in re.finditer(r"#\s*define\s+(\w+)", text):
        if not re.match(r"UVSHM_[A-Z0-9]", match.group(1)):
            number = text.count("\n", 0, match.start()) + 1
            fault(path, number, f"{match.group(1)}: public macros are UVSHM_<WORD>")


def check_inside(path):
    text = strip(path.read_text())
    for number, line in enumerate(text.split("\n"), 1):
        # Used across files: declared or defined in a header.
        match = re.match(r"(?!typedef|return|else|extern|_Static|do|if|for|while)[a-z][\w \*]*[ \*](\w+)\(", line)
        if match and path.suffix == ".h":
            name = match.group(1)
            if not name.startswith(("uvshm__", "__attribute__")):
                fault(path, number, f"{name}: what other files use is uvshm__...")
        match = re.match(r"\s*#\s*define\s+(\w+)", line)
        if match and path.suffix == ".h" and not match.group(1).startswith(("UVSHM_", "_")):
            # But for one that stands before the function of its name.
            if re.search(rf"\w\({match.group(1)}\(", line):
                continue
            fault(path, number, f"{match.group(1)}: macros in headers are UVSHM__...")


def check_layout(path):
    """Fixed-width types only, and the compiler as witness."""
    text = strip(path.read_text())
    for body in re.finditer(r"^struct uvshm__\w+ \{(.*?)^\};", text, flags=re.S | re.M):
        first = text.count("\n", 0, body.start()) + 1
        for offset, line in enumerate(body.group(1).split("\n")):
            for word in re.findall(
                r"\b(int|long|short|size_t|bool|_Bool|enum|time_t|off_t|intptr_t|uintptr_t|void)\b|\*",
                line,
            ):
                fault(path, first + offset, f"a shared struct has fixed-width fields: {word or '*'}")
    if re.search(r"^struct uvshm__\w+ \{", text, flags=re.M) and "_Static_assert" not in text:
        fault(path, 1, "the table has no _Static_assert as its witness")


def check_hooks():
    """The crash lab leads every access of base/atomic.h past itself."""
    hooks = (ROOT / "test/lab/hooks.h").read_text()
    access = r"^static inline \w+\*? (uvshm__a\d\d_(?:load|store|xchg|cas|add|or|and)\w*)\("
    path = ROOT / "src/base/atomic_gnu.h"
    for name in sorted(set(re.findall(access, path.read_text(), flags=re.M))):
        if f"# define {name}(" not in hooks:
            fault(path, 1, f"{name}: test/lab/hooks.h does not see it")


def check_symbols(archive):
    """Every global symbol of the static library is uvshm_... or uvshm__..."""
    output = subprocess.run(
        ["nm", "--defined-only", "--extern-only", archive], capture_output=True, text=True, check=True
    ).stdout
    for line in output.split("\n"):
        parts = line.split()
        if len(parts) == 3 and not parts[2].startswith(("uvshm_", "__odr_asan", "__asan")):
            faults.append(f"{archive}: the symbol {parts[2]} is not uvshm_...")


def main():
    words = modules()
    for path in sorted((ROOT / "include").rglob("*.h")):
        check_public(path, words)
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        check_inside(path)
        if path.name.endswith("_layout.h"):
            check_layout(path)
        if set(path.stem.split("_")) & EMPTY:
            fault(path, 1, "a file's name says what is in it")
    check_hooks()
    for archive in sys.argv[1:]:
        check_symbols(archive)
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
