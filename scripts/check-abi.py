#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What programs that are already built rely on has not changed.

check-abi.py [--update]

What the public headers say - functions, their parameters, structs and constants
of enums - is written down in packaging/abi/uvshm.abi, in libabigail's form. This
compares it with abidiff: a function that is gone, a parameter or a field that is
another one, is a fault; functions that are new are fine.

The headers are compared with the dump of the last tag (vX.Y.Z); then a new SONAME
(a new minor version before 1.0, a new major one after) may change everything.
Without a tag, with the dump as it lies in the tree: then a change is on purpose
when --update has written it down, and review sees it. --update writes the list
of symbols for the Debian package, too.

The dump is made of the headers alone: every declaration becomes an empty
function in a library that is thrown away. That the real library has the same
functions is what the test consumer.exports and dpkg-gensymbols say. Needs cc and
abidw, abidiff (Debian: abigail-tools).
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DUMP = "packaging/abi/uvshm.abi"
SYMBOLS = ROOT / "packaging/debian/libuvshm0.symbols"
LOCAL = {"crash.h"}  # of the crash kit, a static library


def version():
    text = (ROOT / "include/uvshm/version.h").read_text()
    return [int(re.search(rf"VERSION_{word} (\d+)", text).group(1)) for word in ("MAJOR", "MINOR", "PATCH")]


def soname():
    major, minor, _patch = version()
    return f"libuvshm.so.{major}" if major else f"libuvshm.so.0.{minor}"


def declarations():
    """{name: declaration without UVSHM_EXTERN and the semicolon}"""
    found = {}
    for path in sorted((ROOT / "include/uvshm").glob("*.h")):
        if path.name in LOCAL:
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        for declaration in re.findall(r"^UVSHM_EXTERN\s+([^;]+);", text, flags=re.M):
            name = re.search(r"(uvshm_\w+)\s*\(", declaration).group(1)
            found[name] = declaration
    return found


def make_dump(folder):
    headers = [path.name for path in sorted((ROOT / "include/uvshm").glob("*.h")) if path.name not in LOCAL]
    stub = folder / "stub.c"
    stub.write_text(
        "".join(f"#include <uvshm/{name}>\n" for name in headers)
        + "".join(f"{declaration} {{ __builtin_trap(); }}\n" for declaration in declarations().values())
    )
    library = folder / "libuvshm.so"
    subprocess.run(
        ["cc", "-std=gnu11", "-g", "-O0", "-fPIC", "-shared", "-w", f"-I{ROOT}/include",
         f"-Wl,-soname,{soname()}", "-o", library, stub], check=True)
    dump = folder / "uvshm.abi"
    subprocess.run(
        ["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed",
         "--out-file", dump, library], check=True)
    return dump


def last_tag():
    result = subprocess.run(
        ["git", "describe", "--tags", "--match", "v[0-9]*", "--abbrev=0"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.strip()


def dump_of_tag(tag, folder):
    result = subprocess.run(["git", "show", f"{tag}:{DUMP}"], cwd=ROOT, capture_output=True, check=False)
    if result.returncode != 0:
        sys.exit(f"check-abi: {tag} has no {DUMP}")
    path = folder / "tag.abi"
    path.write_bytes(result.stdout)
    return path


def write_symbols():
    """A program built against one minor version must not meet another one."""
    major, minor, patch = version()
    upper = f"0.{minor + 1}" if major == 0 else f"{major + 1}"
    before = dict(re.findall(r"^ (\w+)@Base (\S+)$", SYMBOLS.read_text() if SYMBOLS.exists() else "", flags=re.M))
    lines = [f"{soname()} libuvshm0 #MINVER#, libuvshm0 (<< {upper}~)\n"]
    for name in sorted(declarations()):
        lines.append(f" {name}@Base {before.get(name, f'{major}.{minor}.{patch}')}\n")
    SYMBOLS.write_text("".join(lines))


def compare(old, new):
    result = subprocess.run(
        ["abidiff", "--no-added-syms", old, new], capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def update(dump):
    (ROOT / DUMP).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(dump, ROOT / DUMP)
    write_symbols()


def check(dump, folder):
    tag = last_tag()
    if tag:
        old, what = dump_of_tag(tag, folder), f"the last tag, {tag}"
        if f"soname='{soname()}'" not in old.read_text():
            print(f"check-abi: {soname()} is a new name since {tag}: anything may have changed")
            return 0
    else:
        old, what = ROOT / DUMP, DUMP
        print(f"check-abi: there is no tag yet; compared with {DUMP}")
    status, report = compare(old, dump)
    if status != 0:
        print(f"check-abi: the headers have changed in a way that breaks programs built with {what}:\n{report}")
        print("On purpose? Without a tag: scripts/check-abi.py --update. After one: a new SONAME.")
        return 1
    known = set(re.findall(r"elf-symbol name='(\w+)'", (ROOT / DUMP).read_text()))
    new = sorted(set(declarations()) - known)
    print(f"check-abi: as in {what}" + (f"; new since the last --update: {' '.join(new)}" if new else ""))
    return 1 if new and "--release" in sys.argv else 0


def main():
    if not shutil.which("abidiff"):
        sys.exit("check-abi: there is no abidiff; scripts/install-deps.sh check")
    with tempfile.TemporaryDirectory(prefix="uvshm-abi.") as name:
        folder = pathlib.Path(name)
        dump = make_dump(folder)
        if "--update" in sys.argv:
            update(dump)
            return 0
        return check(dump, folder)


sys.exit(main())
