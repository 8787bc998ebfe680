#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A check that finds nothing may be a check that looks at nothing.

Copies the tree, plants one fault at a time and sees that the check for it fails
and says why. Then builds a cmocka program with a case that passes, one that
fails, one that is skipped and one that hangs, and sees that CTest counts each of
them as what it is.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# (check, file, text to add or (old, new), what the check must say)
PLANTED = [
    ("check-layers.py", "src/core/planted.c", '#include "object/attach.h"\n', "layers point down"),
    ("check-layers.py", "src/core/planted.c", "#include <pthread.h>\n", "no operating system"),
    ("check-layers.py", "src/core/planted.c", "int x(void) { return uv_hrtime(0); }\n", "libuv function"),
    ("check-layers.py", "src/object/planted.c", "#ifdef _WIN32\n#endif\n", "port_caps.h"),
    ("check-layers.py", "src/posix/planted.c", '#include "core/lock.h"\n', "a backend includes"),
    ("check-layers.py", "examples/planted.c", '#include "core/lock.h"\n', "public API"),
    ("check-names.py", "include/uvshm/planted.h", "int uvshm_planted_frobnicate(void);\n", "list of verbs"),
    ("check-names.py", "src/core/planted.h", "int planted_thing(int x);\n", "uvshm__"),
    ("check-names.py", "src/core/planted_layout.h", "struct uvshm__planted {\n  size_t size;\n};\n", "fixed-width"),
    ("check-text.py", "src/core/planted.c", "int x;\n", "SPDX"),
    ("check-text.py", "src/core/planted.c", "/* SPDX-License" "-Identifier: MIT */\nint x; \n", "blanks at the end"),
    ("check-text.py", "src/core/planted.c", "/* SPDX-License" "-Identifier: MIT */\n/* TO" "DO: later */\n", "issue number"),
    ("check-docs.py", "docs/planted.md", "```c\nint x = uvshm_no_such_call();\n```\n", "does not compile"),
    ("check-docs.py", "docs/planted.md", "[here](nowhere.md)\n", "not there"),
    ("check-docs.py", "docs/planted.md", "```cpp\nint x = no_such_thing;\n```\n", "does not compile"),
    ("check-docs.py", "docs/planted.md", "```perl\nprint 1;\n```\n", "nobody looks at"),
    ("check-docs.py", "docs/planted.md", "<!-- file: examples/report.h -->\n```c\nint other;\n```\n", "is not what"),
    ("check-site.py", "docs/planted.md", "[here](faq.md#nowhere)\n", "no such heading"),
    ("check-docs.py", "docs/planted.md", "Run `make everything-good`.\n", "not a target"),
    ("check-errors.py", "src/core/planted.c", 'int f(void) { return uvshm__fail(-1, "planted %d", 1); }\n',
     "no entry in docs/faq.md: planted ..."),
    ("check-errors.py", "docs/faq.md", ("its header is damaged:", "its header was damaged:"), "nobody says this"),
    ("check-comments.py", "src/core/planted_layout.h", "struct uvshm__planted;\n", "docs/format.md"),
    ("check-comments.py", "docs/planted.md", "It is UV_ENOSUCHCODE then.\n", "not a code of libuv"),
    ("check-ci.py", "appveyor.yml", ("msvc-x64", "msvc-x65"), "no preset msvc-x65"),
    ("check-ci.py", ".github/workflows/linux.yml", ("make demo", "make dmeo"), "no target"),
    ("check-ci.py", ".github/workflows/linux.yml", ("checkout@v6", "checkout@main"), "not pinned"),
    ("check-ci.py", "CMakePresets.json", ('"inherits": "static"', '"inherits": "sattic"'), "not there"),
    ("check-abi.py", "include/uvshm/version.h", ("UVSHM_EXTERN const char* uvshm_version_string(void);", ""),
     "uvshm_version_string"),
    ("check-abi.py", "include/uvshm/sem.h", ("uint32_t value;", "uint64_t value;"), "uvshm_sem_options_t"),
    ("check-packaging.py", "vcpkg.json", ('"0.1.0"', '"0.1.1"'), "0.1.1"),
    ("check-packaging.py", "packaging/debian/copyright", ("Files: *", "Files: src/*"), "copyright"),
    ("check-headers.sh", "include/uvshm/planted.h", "size_t uvshm_planted;\n", "does not compile alone"),
    ("check-format.sh", "src/core/planted.c", "int   x  ;\n", "planted.c"),
    ("check-32.sh", "src/core/planted.c",
     "#include <stddef.h>\nsize_t f(unsigned long long x);\nsize_t f(unsigned long long x) { return x; }\n",
     "loses integer precision"),
]

CASES = """
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
static void passes(void** state) { (void) state; }
static void fails(void** state) { (void) state; fail(); }
static void skips(void** state) { (void) state; skip(); }
static void hangs(void** state) { (void) state; sleep(60); }
int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(passes), cmocka_unit_test(fails),
      cmocka_unit_test(skips), cmocka_unit_test(hangs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
"""

faults = []


def copy_tree(target):
    output = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout
    for name in output.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)


def run_check(tree, check, name):
    script = tree / "scripts" / check
    command = [sys.executable, script] if check.endswith(".py") else [script]
    if check in ("check-docs.py", "check-32.sh"):
        # All files would take as many seconds for each fault.
        command.append(tree / name)
    result = subprocess.run(command, capture_output=True, text=True, cwd=tree, check=False)
    return result.returncode, result.stdout + result.stderr


def plant(tree, name, change):
    path = tree / name
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(change, tuple):
        if change[0] not in before:
            faults.append(f"{name} has no {change[0]!r} to plant a fault in")
        path.write_text(before.replace(*change))
    else:
        path.write_text(change)
    return before


def check_planted(tree):
    for check, name, change, expected in PLANTED:
        before = plant(tree, name, change)
        status, output = run_check(tree, check, name)
        if status == 0 or expected not in output:
            faults.append(f"{check} overlooks {change!r} in {name} (wanted: {expected})\n{output[-500:]}")
        if before is None:
            (tree / name).unlink()
        else:
            (tree / name).write_text(before)


def check_counting(folder):
    (folder / "planted.c").write_text(CASES)
    for source, option in (("planted.c", "-D_cmocka_run_group_tests=uvshm_test_run_group"), (f"{ROOT}/test/cases.c", "-O0")):
        subprocess.run(["cc", "-w", option, "-c", source], cwd=folder, check=True)
    subprocess.run(["cc", "planted.o", "cases.o", "-lcmocka", "-o", "planted"], cwd=folder, check=True)
    cmake = (ROOT / "test/CMakeLists.txt").read_text()
    skipped = cmake.split('SKIP_REGULAR_EXPRESSION "')[1].split('"')[0]
    subprocess.run(
        ["cmake", "-DNAME=planted", f"-DEXE={folder}/planted", f"-DOUT={folder}/CTestTestfile.cmake", "-DENV=A=b",
         f"-DPROPERTIES=TIMEOUT;2;SKIP_REGULAR_EXPRESSION;{skipped}", "-P", f"{ROOT}/test/discover.cmake"],
        check=True,
    )
    output = subprocess.run(["ctest"], cwd=folder, capture_output=True, text=True, check=False).stdout
    for case, word in (("passes", "Passed"), ("fails", "Failed"), ("skips", "Skipped"), ("hangs", "Timeout")):
        lines = [line for line in output.split("\n") if f"planted.{case} " in line and "***" in line + "***" and "Test " in line]
        if not any(word in line for line in lines):
            faults.append(f"the case that {case} is not counted as {word}:\n{output}")
    if "50% tests passed, 2 tests failed out of 4" not in output:
        faults.append("the sum is wrong:\n" + output)


def main():
    with tempfile.TemporaryDirectory(prefix="uvshm-checks.") as name:
        tree = pathlib.Path(name) / "tree"
        tree.mkdir()
        copy_tree(tree)
        check_planted(tree)
        counting = pathlib.Path(name) / "counting"
        counting.mkdir()
        check_counting(counting)
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
