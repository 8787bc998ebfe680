#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What comments and documents say about bytes and codes is true.

  - A src/core/*_layout.h that changed makes its line at the end of
    docs/format.md wrong; after the text there was put right,
    `check-comments.py --update` writes the line anew.
  - UVSHM_FORMAT (public) and UVSHM__FORMAT (core) are one number, and
    docs/format.md names it.
  - Every UV_E code named in a public header is in the table of error.h, and every
    one named there or in docs/ exists in libuv.
  - The version in vcpkg.json and the newest one in CHANGELOG.md are version.h's.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FORMAT = ROOT / "docs/format.md"
faults = []


def fault(where, text):
    faults.append(f"{where}: {text}")


def fingerprint(path):
    """Blanks do not count; every other character does, the table's too."""
    return hashlib.sha256(b"".join(path.read_bytes().split())).hexdigest()[:16]


def layout_lines():
    for path in sorted((ROOT / "src/core").glob("*_layout.h")):
        yield path.relative_to(ROOT).as_posix(), f"<!-- {path.relative_to(ROOT)} {fingerprint(path)} -->"


def update():
    text = FORMAT.read_text() if FORMAT.exists() else "# The bytes\n"
    text = re.sub(r"\n*<!-- src/core/\S+_layout\.h [0-9a-f]+ -->", "", text).rstrip("\n")
    FORMAT.write_text(text + "\n\n" + "\n".join(line for _, line in layout_lines()) + "\n")


def check_layouts():
    text = FORMAT.read_text() if FORMAT.exists() else ""
    for name, line in layout_lines():
        if line not in text:
            fault(name, "changed since docs/format.md described it (then: check-comments.py --update)")
    for name in re.findall(r"<!-- (src/core/\S+_layout\.h) ", text):
        if not (ROOT / name).exists():
            fault("docs/format.md", f"{name} is gone")


def number(path, macro):
    match = re.search(rf"#define {macro} (\d+)", (ROOT / path).read_text())
    return int(match.group(1)) if match else None


def check_numbers():
    public = number("include/uvshm/version.h", "UVSHM_FORMAT")
    core = number("src/core/control_layout.h", "UVSHM__FORMAT")
    if public != core:
        fault("include/uvshm/version.h", f"UVSHM_FORMAT is {public}, UVSHM__FORMAT is {core}")
    version = ".".join(
        str(number("include/uvshm/version.h", f"UVSHM_VERSION_{word}"))
        for word in ("MAJOR", "MINOR", "PATCH")
    )
    port = json.loads((ROOT / "vcpkg.json").read_text())
    if port["version-semver"] != version:
        fault("vcpkg.json", f"says {port['version-semver']}, version.h says {version}")
    changes = (ROOT / "CHANGELOG.md").read_text()
    heads = re.findall(r"^## \[?([0-9.]+|Unreleased)", changes, flags=re.M)
    newest = [head for head in heads if head != "Unreleased"]
    if newest and newest[0] != version and "Unreleased" not in heads:
        fault("CHANGELOG.md", f"its newest version is {newest[0]}, version.h says {version}")
    if not re.search(r"^Layout version: \d+", changes, flags=re.M):
        fault("CHANGELOG.md", "each release has a line `Layout version: N`")


def libuv_codes():
    output = subprocess.run(
        ["cc", "-E", "-dM", "-x", "c", "-"], input="#include <uv.h>\n",
        capture_output=True, text=True, check=True,
    ).stdout
    return {"UV_" + name for name in re.findall(r"#define UV__(E[A-Z0-9]+) ", output)}


def check_codes():
    table = set(re.findall(r"\bUV_E[A-Z0-9]+", (ROOT / "include/uvshm/error.h").read_text()))
    known = libuv_codes()
    for path in sorted((ROOT / "include/uvshm").glob("*.h")):
        for code in sorted(set(re.findall(r"\bUV_E[A-Z0-9]+", path.read_text())) - table):
            fault(path.relative_to(ROOT), f"{code} is not in the table of error.h")
    for path in [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "include/uvshm/error.h"]:
        for code in sorted(set(re.findall(r"\bUV_E[A-Z0-9]+", path.read_text())) - known):
            fault(path.relative_to(ROOT), f"{code} is not a code of libuv")


def main():
    if sys.argv[1:] == ["--update"]:
        update()
        return 0
    check_layouts()
    check_numbers()
    check_codes()
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
