#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The completion script of a shell, loaded into the real shell: it loads without
a word, and what a user types is completed.

    UVSHM_TOOL=build/tools/uvshm/uvshm completion.py bash|zsh|fish

bash and zsh are asked on a terminal, with the tabulator key; fish by its own
`complete -C`. Exits with 77, which is "skipped", without the shell, or without
terminals.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

TOOL = os.path.abspath(os.environ.get("UVSHM_TOOL", "uvshm"))
PATIENCE = 60.0
RUN = f"test-{os.getpid()}-{uuid.uuid4().hex[:8]}"
NAME = f"{RUN}-complete me"  # a blank, so that quoting is seen
SECOND = f"{RUN}-in-folder"

# What is typed, and what the tabulator makes of it. {n} is a name, {q} the same
# as bash and zsh quote it, {d} a folder.
LINES = [
    ("uvshm doct", "uvshm doctor "),
    ("uvshm ls --no-h", "uvshm ls --no-headings "),
    ("uvshm info {r}-comp", "uvshm info {q} "),
    ("uvshm map pu", "uvshm map put "),
    ("uvshm map put --base", "uvshm map put --base64 "),
    ("uvshm recv --kind que", "uvshm recv --kind queue "),
    ("uvshm completion fi", "uvshm completion fish "),
    ("uvshm bench segm", "uvshm bench segment "),
    ("uvshm --dir {d} ls --no-h", "uvshm --dir {d} ls --no-headings "),
    ("uvshm --dir {d} info {r}-in-f", "uvshm --dir {d} info {s} "),
    ("uvshm info --dir {d} {r}-in-f", "uvshm info --dir {d} {s} "),
    ("uvshm lock -w 5 {r}-comp", "uvshm lock -w 5 {q} "),
    ("uvshm lock {q} -- sha512s", "uvshm lock {q} -- sha512sum "),
    ("uvshm ls --dir {d}/inne", "uvshm ls --dir {d}/inner/"),
]


class Failure(Exception):
    pass


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True,
                          timeout=PATIENCE, **more)


class Session:
    """An interactive shell on a terminal of its own."""

    def __init__(self, words, env, folder):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, env)

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self.fd], [], [], 0.2)
            if ready:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    raise Failure(f"the shell ended:\n{self.text}") from None
            elif time.monotonic() > end:
                raise Failure(f"no {pattern!r} in:\n{self.text}")
        found = re.search(pattern, self.text)
        self.text = self.text[found.end():]
        return found

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


SHELLS = {
    # How it starts, how the script is loaded, how the line is shown.
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "PS1='rea''dy> '; bind 'set bell-style none' "
             "'set enable-bracketed-paste off' "
             "'\"\\C-xe\": shell-expand-line'; bind -x '\"\\C-xp\": "
             "printf \"\\nLINE[%s]\\n\" \"$READLINE_LINE\"'; source {script}"),
    "zsh": (["zsh", "-f", "-i"],
            "PS1='rea''dy> '; bindkey -e; unset zle_bracketed_paste; "
            "unsetopt beep; show() {{ printf '\\nLINE[%s]\\n' \"$BUFFER\" }}; "
            "zle -N show; bindkey '^Xp' show; autoload -U compinit; "
            "compinit -D -u; source {script}"),
}


def on_a_terminal(shell, script, env, folder, cases):
    words, load = SHELLS[shell]
    session = Session(words, env, folder)
    try:
        session.send(load.format(script=script) + "; echo LOAD''ED\r")
        loaded = session.wait(r"(?s)\A(.*?)LOADED")
        session.wait(r"ready> ")
        said = loaded.group(1).replace("LOAD''ED", "")
        if re.search(r"error|not found|parse|syntax", said):
            raise Failure(f"loading says: {said}")
        for typed, wanted in cases:
            session.send(typed + "\t\x18p")
            shown = session.wait(r"LINE\[(.*?)\]\r?\n").group(1)
            if shown != wanted:
                raise Failure(f"{typed!r} became {shown!r}, not {wanted!r}")
            session.send("\x05\x15")  # to the end, and all of it away
    finally:
        session.close()


def in_fish(script, env, folder, cases):
    done = run("fish", "--no-config", "-c", f"source {script}", env=env,
               cwd=folder)
    if done.returncode != 0 or done.stdout or done.stderr:
        raise Failure(f"loading says: {done.stdout}{done.stderr}")
    for typed, wanted in cases:
        done = run("fish", "--no-config", "-c",
                   f"source {script}; complete -C $argv[1]", typed, env=env,
                   cwd=folder)
        found = [line.split("\t")[0] for line in done.stdout.splitlines()]
        if done.stderr or wanted not in found:
            raise Failure(f"{typed!r} gives {found}, without {wanted!r} "
                          f"{done.stderr}")


def last_word(line, folder):
    """What fish prints for it: the word alone, not quoted."""
    if line.startswith("uvshm ls --dir "):
        return f"{folder}/inner/"
    if "complete\\ me" in line and not line.endswith("sum "):
        return NAME
    return line.split()[-1]


def has_terminals():
    """Some containers and chroots have no pseudo-terminals."""
    try:
        for end in os.openpty():
            os.close(end)
    except OSError:
        return False
    return True


def main():
    shell = sys.argv[1]
    if shutil.which(shell) is None:
        print(f"skipped: there is no {shell}")
        return 77
    if shell != "fish" and not has_terminals():
        print("skipped: there are no pseudo-terminals")
        return 77
    folder = tempfile.mkdtemp(prefix="uvshm-completion-")
    script = os.path.join(folder, "script")
    os.mkdir(os.path.join(folder, "inner"))
    env = {"PATH": os.path.dirname(TOOL) + ":/usr/bin:/bin", "HOME": folder,
           "TERM": "vt100", "LC_ALL": "C.UTF-8", "COLUMNS": "200"}
    try:
        made = run(TOOL, "completion", shell)
        with open(script, "w") as file:
            file.write(made.stdout)
        run(TOOL, "create", NAME, "--keep", check=True)
        run(TOOL, "create", SECOND, "--keep", "--dir", folder, check=True)
        fill = {"n": NAME, "q": NAME.replace(" ", "\\ "), "d": folder, "r": RUN,
                "s": SECOND}
        cases = [(a.format(**fill), b.format(**fill)) for a, b in LINES]
        if shell == "fish":
            in_fish(script, env, folder,
                    [(a, last_word(b, folder)) for a, b in cases])
        else:
            on_a_terminal(shell, script, env, folder, cases)
    except Failure as failure:
        print(f"FAILED: {failure}")
        return 1
    finally:
        run(TOOL, "rm", "-f", NAME)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{shell}: {len(cases)} lines completed")
    return 0


sys.exit(main())
