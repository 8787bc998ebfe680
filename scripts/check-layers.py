#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes point downwards only, and the system is met in its own folders only.

    tools, examples  -> include
    src/loop         -> object, include
    src/object       -> core, port, base, include
    src/core         -> base, constants of include
    src/<backend>    -> port.h, base, and of core control_layout.h alone
    src/base         -> base

Also: core calls no uv_ function; <uv.h> is included in base/error.h, src/loop,
object/handover.c, include/uvshm/watch.h, tests, tools and examples only; _WIN32 is asked for in src/base and
export.h only; src/core includes nothing but a few headers of plain C.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BACKENDS = {"posix", "win32", "stub"}
PUBLIC = re.compile(r"uvshm(\.h|/[a-z]+\.h)$")
PLAIN_C = {"limits.h", "stdarg.h", "stddef.h", "stdint.h", "string.h", "inttypes.h"}

# Which "folder/" prefixes of src a layer may include. `public` are the headers
# of include/ that core may see: constants and plain enums, no functions to call.
LAYERS = {
    "base": {"base"},
    "core": {"base", "core"},
    "object": {"base", "core", "object", "port"},
    "loop": {"base", "core", "object", "port", "loop"},
}
CORE_PUBLIC = {"uvshm/flags.h", "uvshm/name.h", "uvshm/version.h", "uvshm/mutex.h", "uvshm/channel.h"}
# Handing a region over is spawning and pipes, and these are libuv's.
UV_USERS = {"base/error.h", "object/handover.c"}
BACKEND_CORE = {"core/control_layout.h"}

faults = []


def fault(path, number, text):
    faults.append(f"{path.relative_to(ROOT)}:{number}: {text}")


def without_comments(text):
    """The text with comments and strings blanked, line numbers kept."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def layer_of(path):
    return path.relative_to(ROOT / "src").parts[0]


def check_include(path, number, name, quoted):
    layer = layer_of(path)
    if not quoted:
        inside = path.relative_to(ROOT / "src").as_posix()
        if name == "uv.h" and layer != "loop" and inside not in UV_USERS:
            fault(path, number, '<uv.h> comes in through "base/error.h"')
        if layer == "core" and name not in PLAIN_C:
            fault(path, number, f"core has no operating system in it: <{name}>")
        return
    if layer in BACKENDS:
        backend_include(path, number, name, layer)
    elif layer != "port.h":
        layer_include(path, number, name, layer)


def backend_include(path, number, name, layer):
    own = "/" not in name and (ROOT / "src" / layer / name).exists()
    fine = own or name == "port.h" or name.startswith("base/") or name in BACKEND_CORE
    # Constants of the public headers are the caller's words; no layer is above.
    if not fine and not PUBLIC.match(name):
        fault(path, number, f'a backend includes port.h and base, not "{name}"')


def layer_include(path, number, name, layer):
    allowed = LAYERS.get(layer)
    if allowed is None:
        fault(path, number, f"src/{layer} is not a layer (see check-layers.py)")
        return
    if PUBLIC.match(name):
        if layer == "core" and name not in CORE_PUBLIC:
            fault(path, number, f'core may not include "{name}"')
        return
    if name in ("port.h", "port_caps.h"):
        below = "port"
    elif "/" in name:
        below = name.split("/")[0]
    else:
        below = layer
        fault(path, number, f'includes inside src name their folder: "{layer}/{name}"')
    if below not in allowed:
        fault(path, number, f'src/{layer} may not include "{name}": layers point down')


def check_source(path):
    text = path.read_text()
    plain = without_comments(text).split("\n")
    layer = layer_of(path)
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^">]+)[">]', line)
        if match:
            check_include(path, number, match.group(2), match.group(1) == '"')
    for number, line in enumerate(plain, 1):
        if re.search(r"\b_WIN32\b", line) and layer not in ("base", "win32"):
            fault(path, number, "_WIN32 is asked for in src/base only; use port_caps.h")
        if layer == "core" and re.search(r"\buv_[a-z_]+\s*\(", line):
            fault(path, number, "core calls no libuv function")
        if layer == "core" and re.search(r"\b(malloc|calloc|realloc|free)\s*\(", line):
            fault(path, number, "core has no memory of its own")


def check_public(path):
    for number, line in enumerate(path.read_text().split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^">]+)[">]', line)
        if match and match.group(1) == '"' and not PUBLIC.match(match.group(2)):
            fault(path, number, f'a public header includes public ones, not "{match.group(2)}"')
        if match and match.group(2) == "uv.h" and path.name != "watch.h":
            fault(path, number, "only watch.h includes <uv.h>")
        if re.search(r"defined\(_WIN32\)|ifn?def _WIN32", line) and path.name != "export.h":
            fault(path, number, "_WIN32 is asked for in export.h only")


def check_user(path):
    """Tools, examples: the public API alone."""
    for number, line in enumerate(path.read_text().split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*"((base|core|object|loop|port)[/.][^"]*)"', line)
        if match:
            fault(path, number, f'stands on the public API: not "{match.group(1)}"')


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            yield path


def main():
    for path in sources("src"):
        check_source(path)
    for path in sources("include"):
        check_public(path)
    for path in sources("tools", "examples"):
        check_user(path)
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
