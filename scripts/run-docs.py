#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/run-docs.py BUILD PREFIX [PAGE...]

Does what the documents tell a reader to do, page by page, with the build in BUILD
and the same installed in PREFIX; exits 77 where that cannot be.

A page is one session: a folder of its own, one shell for all its blocks, and a
/dev/shm and System V of its own. A program of the page lies there under the name in
its first comment, /* counter.c */, as a reader would have saved it; include/, build/,
examples/ and scripts/ lead to the tree. Every whole C program
is also linked, whether a command does it or not.

```console: `$ command` lines and what they print, which is compared; numbers
and blanks do not count, `...` stands for anything. With the remark "output
varies" nothing is compared. ```sh: commands alone. A command that fails is a
fault, unless the next thing on its line asks for the status (`; echo $?`).
A `&` command goes on beside the others and is ended with the page.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from docs_blocks import ROOT, blocks, needs, pages  # noqa: E402

SECONDS = 60
MARK = "=== run-docs"
faults = []
done = {"programs": 0, "commands": 0, "cmake": 0}


def fault(block, text):
    faults.append(f"{block.path.relative_to(ROOT)}:{block.number}: {text}")


# ---- what a console block says ------------------------------------------------


def steps(block):
    """Yields (command, expected lines or None)."""
    if block.language == "sh":
        yield block.code, None
        return
    command = None
    expected = []
    for line in block.code.split("\n"):
        if line.startswith("$ "):
            if command is not None:
                yield command, expected
            command, expected = line[2:], []
        elif line.startswith("> ") and not expected and command is not None:
            command += "\n" + line[2:]
        elif command is not None:
            expected.append(line)
    if command is not None:
        yield command, expected


def even(line):
    """A line without what differs from run to run."""
    line = re.sub(r"\x1b\[[\d;]*m", "", line)
    return re.sub(r"\s+", " ", re.sub(r"\d[\d.,:]*", "0", line)).strip()


def fits(expected, printed):
    """Are these the lines that were promised? `...` is any text, or any lines."""
    pattern = ""
    lines = [even(line) for line in expected if line.strip()]
    for line in lines:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    text = "".join(even(line) + "\n" for line in printed.split("\n") if line.strip())
    return re.fullmatch(pattern, text) is not None


# ---- a page -------------------------------------------------------------------


def save(folder, page):
    """The files of a page, as a reader saves them."""
    for block in page:
        if block.file_name and not block.skipped and not block.remark.startswith("windows"):
            source = ROOT / (block.value("file") or "")
            code = source.read_text() if block.value("file") else block.code + "\n"
            (folder / block.file_name).write_text(code)


def link_program(block, folder, env):
    """A whole program is one, for the linker too."""
    given = block.value("given")
    if (block.value("file") or "").startswith("examples/coming_from/"):
        return  # with libraries that the page's own commands name
    if block.language not in ("c", "cpp") or given or not re.search(r"^int main\(", block.code, flags=re.M):
        return
    suffix = block.language
    source = folder / f"block-{block.number}.{suffix}"
    source.write_text(block.code + "\n")
    compiler = ["cc", "-std=gnu11"] if suffix == "c" else ["g++", "-std=c++17"]
    result = subprocess.run(
        [*compiler, source, "-Iinclude", "-I.", "-Iexamples", "build/libuvshm.a", "-luv", "-lpthread", "-o", "linked"],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )
    done["programs"] += 1
    if result.returncode != 0:
        fault(block, "cannot be built:\n" + result.stderr)


def configure(block, folder, prefix, env):
    """A piece of a CMakeLists.txt that uses the installed package."""
    work = folder / f"cmake-{block.number}"
    work.mkdir()
    (work / "program.c").write_text("#include <uvshm.h>\nint main(void) { return uvshm_version() == 0; }\n")
    head = "" if "project(" in block.code else (
        "cmake_minimum_required(VERSION 3.21)\nproject(docs C)\nadd_executable(program program.c)\n"
    )
    (work / "CMakeLists.txt").write_text(f"{head}{block.code}\n")
    (work / "uvshm").symlink_to(ROOT)
    for command in (
        ["cmake", "-S", ".", "-B", "out", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}"],
        ["cmake", "--build", "out", "--target", "program"],
    ):
        result = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            fault(block, f"{' '.join(command)}:\n{result.stdout[-1500:]}{result.stderr}")
            return
    done["cmake"] += 1


def script(page):
    """All commands of a page as one shell script, and what each should print."""
    lines = []
    wanted = []
    for block in page:
        if block.language not in ("console", "sh") or block.skipped:
            continue
        for command, expected in steps(block):
            if block.remark.startswith("output varies"):
                expected = None
            lines += [command, f'status=$?; echo; echo "{MARK} {len(wanted)} $status"']
            wanted.append((block, command, expected))
    return "\n".join(lines) + "\n", wanted


def has(name):
    """A program, or a header of C++."""
    if not name.endswith(".hpp"):
        return shutil.which(name) is not None
    return subprocess.run(
        ["g++", "-x", "c++", "-E", "-"], input=f"#include <{name}>\n", text=True, capture_output=True, check=False
    ).returncode == 0


def private_shm():
    """A command in front, that gives the session a /dev/shm of its own; or None."""
    for rights in ([], ["--user", "--map-root-user"]):
        front = ["unshare", *rights, "--mount", "--ipc", "sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && exec "$@"', "sh"]
        if shutil.which("unshare") and subprocess.run([*front, "true"], capture_output=True, check=False).returncode == 0:
            return front
    return None


def run(page, folder, front, env):
    text, wanted = script(page)
    if not wanted:
        return
    (folder / "session.sh").write_text(text)
    with subprocess.Popen(
        [*front, "bash", "session.sh"], cwd=folder, env=env, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as shell:
        try:
            output = read_until_done(shell, len(wanted))
        finally:
            end(shell)
    parts = re.split(rf"\n?{MARK} \d+ (\d+)\n", output)
    for at, (block, command, expected) in enumerate(wanted):
        if 2 * at + 1 >= len(parts):
            fault(block, f"$ {command}\nthe session ended or hung here:\n{parts[-1][-1500:]}")
            return
        printed, status = parts[2 * at], parts[2 * at + 1]
        # What bash says of a command that was killed on purpose.
        printed = re.sub(r"^session\.sh: line \d+: +\d+ Killed .*\n", "", printed, flags=re.M)
        done["commands"] += 1
        if status != "0":
            fault(block, f"$ {command}\nexit status {status}:\n{printed[-1500:]}")
        elif expected is not None and not fits(expected, printed):
            fault(block, f"$ {command}\nprints\n{printed}and not what the page says")


def end(shell):
    """Of the session, with all that was started with &."""
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def read_until_done(shell, count):
    """What the session prints, until its last mark; others may hold the pipe."""
    signal.signal(signal.SIGALRM, lambda *_: end(shell))
    signal.alarm(SECONDS)
    output = ""
    for line in shell.stdout:
        output += line
        if line.startswith(f"{MARK} {count - 1} "):
            break
    signal.alarm(0)
    return output


def main():
    build, prefix = (pathlib.Path(name).resolve() for name in sys.argv[1:3])
    chosen = [pathlib.Path(name).resolve() for name in sys.argv[3:]]
    if not shutil.which("bash") or not shutil.which("cc"):
        return 77
    env = dict(
        os.environ,
        PATH=f"{build}/tools/uvshm:{os.environ['PATH']}",
        PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig:{prefix}/lib/{os.uname().machine}-linux-gnu/pkgconfig",
        LD_LIBRARY_PATH=f"{prefix}/lib:{prefix}/lib/{os.uname().machine}-linux-gnu",
        CMAKE_PREFIX_PATH=str(prefix),
        LC_ALL="C.UTF-8",
    )
    front = private_shm()
    if front is None:
        print("no /dev/shm of its own can be had here, and what others have would be listed")
        return 77
    for path in pages():
        if chosen and path not in chosen:
            continue
        page = list(blocks(path))
        missing = [name for name in needs(path) if not has(name)]
        if missing:
            print(f"{path.relative_to(ROOT)}: left out, there is no {', '.join(missing)}")
            continue
        with tempfile.TemporaryDirectory(prefix="uvshm-docs.") as name:
            folder = pathlib.Path(name)
            env["HOME"] = env["TMPDIR"] = name
            for link, target in (("include", ROOT / "include"), ("build", build), ("examples", ROOT / "examples"),
                                 ("scripts", ROOT / "scripts"), ("docs", ROOT / "docs"), ("prefix", prefix)):
                (folder / link).symlink_to(target)
            save(folder, page)
            for block in page:
                if block.skipped or block.remark.startswith("windows"):
                    continue
                link_program(block, folder, env)
                if block.language == "cmake":
                    configure(block, folder, prefix, env)
            run(page, folder, front, env)
    print("\n".join(faults))
    print(", ".join(f"{count} {what}" for what, count in done.items()))
    return 1 if faults else 0


sys.exit(main())
