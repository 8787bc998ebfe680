#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tool on a real terminal, which tmux is: what is on the screen, what keys
and signals do, and that the terminal is as before afterwards.

    UVSHM_TOOL=build/tools/uvshm/uvshm python3 test/tool/terminal.py [CASE...]

Exits with 77, which is "skipped", where there is no tmux, or no terminal.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

TOOL = os.path.abspath(os.environ.get("UVSHM_TOOL", "uvshm"))
PATIENCE = 30.0
RUN = uuid.uuid4().hex[:8]


class Failure(Exception):
    pass


class Terminal:
    """A shell in a terminal of so many columns and lines."""

    def __init__(self, columns=100, lines=24, env=()):
        self.folder = tempfile.mkdtemp(prefix="uvshm-tmux-")
        self.socket = os.path.join(self.folder, "socket")
        settings = " ".join(["env", "PS1='$ '", f"T='{TOOL}'", *env])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns),
                  "-y", str(lines), f"{settings} sh")
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))
        self.wait("$")

    def tmux(self, *words):
        env = {k: v for k, v in os.environ.items() if k != "TMUX"}
        env["LC_ALL"] = "C.UTF-8"
        done = subprocess.run(["tmux", "-S", self.socket, *words], env=env,
                              capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise Failure(f"tmux {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def close(self):
        try:
            self.tmux("kill-server")
        except Failure:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def screen(self, styles=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if styles else []))

    def flag(self, name):
        return self.tmux("display-message", "-p", "#{" + name + "}").strip()

    def resize(self, columns, lines):
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def wait(self, text, gone=False):
        """Until `text`, a regular expression if it is compiled, is there."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            screen = self.screen()
            found = (text.search(screen) if hasattr(text, "search")
                     else text in screen)
            if bool(found) != gone:
                return screen
            time.sleep(0.05)
        raise Failure(f"{'still' if gone else 'no'} {text!r} on the screen:\n"
                      + self.screen())

    def wait_flag(self, name, value):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.flag(name) == value:
                return
            time.sleep(0.05)
        raise Failure(f"{name} is {self.flag(name)}, not {value}")

    def check_restored(self):
        """The screen from before, a cursor, and a terminal in its usual mode."""
        self.wait_flag("alternate_on", "0")
        self.wait_flag("cursor_flag", "1")
        self.type("stty -a | grep -o '[-]*icanon' | sed s/^/mode:/")
        self.wait("\nmode:icanon")


def tool(*words, check=True):
    done = subprocess.run([TOOL, *words], capture_output=True, text=True,
                          timeout=PATIENCE)
    if check and done.returncode != 0:
        raise Failure(f"uvshm {words}: {done.stderr}")
    return done.stdout


def expect(what, message):
    if not what:
        raise Failure(message)


class Shop:
    """A segment with a map."""

    def __enter__(self):
        self.name = f"test-terminal-{os.getpid()}-{RUN}"
        tool("create", self.name, "--segment", "--size", "1M", "--keep")
        tool("map", "create", f"{self.name}/stock")
        tool("map", "put", f"{self.name}/stock", "tea", "green")
        return self

    def __exit__(self, *_):
        tool("rm", "-f", self.name, check=False)


def start_top(terminal, shop, more=""):
    terminal.type(f"$T top -d 0.2 {more} '{shop.name}*'; echo code:$?")
    terminal.wait("uvshm top: 1 object")
    terminal.wait("stock")


def pid_of_top(terminal):
    shell = int(terminal.flag("pane_pid"))
    for _ in range(100):
        out = subprocess.run(["ps", "-eo", "pid,ppid,args"], text=True,
                             capture_output=True).stdout
        for line in out.splitlines()[1:]:
            pid, parent, command = line.split(None, 2)
            if int(parent) == shell and " top " in command:
                return int(pid)
        time.sleep(0.05)
    raise Failure("no such process")


# ---- top -------------------------------------------------------------------

def top_draws_and_ends_with_q(terminal, shop):
    start_top(terminal, shop)
    expect(terminal.flag("alternate_on") == "1", "not on the other screen")
    expect(terminal.flag("cursor_flag") == "0", "the cursor is seen")
    screen = terminal.screen()
    lines = screen.rstrip("\n").split("\n")
    expect("1 entries" in screen, screen)
    expect(lines[-1].startswith("q quit"), "no help at the bottom:\n" + screen)
    terminal.keys("q")
    terminal.wait("code:0")
    terminal.check_restored()
    expect("q quit" not in terminal.screen(), "it left its screen behind")


def top_knows_its_keys(terminal, shop):
    start_top(terminal, shop)
    terminal.wait("s sort (name)")
    terminal.keys("s")
    terminal.wait("s sort (kind)")
    terminal.keys("Right")
    terminal.wait("s sort (peers)")
    terminal.keys("Left", "Left")
    terminal.wait("s sort (name)")
    terminal.keys("r")
    terminal.wait("r reverse (on)")
    terminal.keys("Space")
    terminal.wait("(paused)")
    tool("map", "put", f"{shop.name}/stock", "coffee", "black")
    time.sleep(0.6)
    expect("1 entries" in terminal.screen(), "it did not pause")
    terminal.keys("Space")
    terminal.wait("2 entries")
    terminal.keys("-")
    terminal.wait("every 0.1 s")
    terminal.keys("Down")
    terminal.keys("PageDown", "Up", "Home", "End", "x", "Escape")
    terminal.keys("C-c")
    terminal.wait("code:130")
    terminal.check_restored()


def top_follows_the_size(terminal, shop):
    start_top(terminal, shop)
    terminal.resize(60, 8)
    terminal.wait("FILL", gone=True)
    lines = terminal.screen().rstrip("\n").split("\n")
    expect(len(lines) == 8, "the screen is not used to its end")
    terminal.resize(20, 3)
    time.sleep(0.5)
    terminal.resize(120, 30)
    terminal.wait("FILL")
    terminal.keys("q")
    terminal.wait("code:0")
    terminal.check_restored()


def top_gives_the_terminal_back_when_it_is_killed(terminal, shop):
    for number, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129),
                         (signal.SIGQUIT, 131)):
        start_top(terminal, shop)
        os.kill(pid_of_top(terminal), number)
        terminal.wait(f"code:{code}")
        terminal.check_restored()
        terminal.type("clear")
        terminal.wait("code:", gone=True)


def top_gives_the_terminal_back_when_it_crashes(terminal, shop):
    terminal.type("ulimit -c 0")
    for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT):
        start_top(terminal, shop)
        os.kill(pid_of_top(terminal), number)
        terminal.wait(f"code:{128 + number}")
        terminal.check_restored()
        terminal.type("clear")
        terminal.wait("code:", gone=True)


def top_can_be_stopped_and_continued(terminal, shop):
    terminal.type("set -m")
    start_top(terminal, shop)
    terminal.keys("C-z")
    terminal.wait_flag("alternate_on", "0")
    terminal.wait_flag("cursor_flag", "1")
    terminal.type("echo stopped:$((40 + 2))")
    terminal.wait("stopped:42")
    terminal.type("fg")
    terminal.wait_flag("alternate_on", "1")
    terminal.wait("uvshm top: 1 object")
    terminal.keys("q")
    terminal.wait_flag("alternate_on", "0")
    terminal.check_restored()


def top_ends_after_a_count(terminal, shop):
    terminal.type(f"$T top -d 0.1 -n 3 '{shop.name}'; echo code:$?")
    terminal.wait("code:0")
    terminal.check_restored()
    terminal.type(f"clear; $T top -n 1 '{shop.name}'; echo once:$?")
    screen = terminal.wait("once:0")
    expect("stock" in screen, "-n 1 is a table, not a screen:\n" + screen)


def top_draws_no_screen_on_a_dumb_terminal(terminal, shop):
    terminal.type(f"TERM=dumb $T top -d 0.1 -n 2 '{shop.name}'; echo code:$?")
    screen = terminal.wait("code:0")
    expect(screen.count("1 object") == 2, screen)
    expect("q quit" not in screen, screen)


# ---- others ----------------------------------------------------------------

def colours_are_for_terminals_and_can_be_refused(terminal, shop):
    terminal.type(f"$T ls '{shop.name}'; echo code:$?")
    terminal.wait("code:0")
    expect("\x1b[2m" in terminal.screen(styles=True), "no style on a terminal")
    terminal.type(f"clear; NO_COLOR=1 $T ls '{shop.name}'; echo plain:$?")
    terminal.wait("plain:0")
    expect("\x1b[2m" not in terminal.screen(styles=True), "NO_COLOR is ignored")


def send_shows_progress(terminal, shop):
    name = f"test-terminal-{os.getpid()}-{RUN}-copy"
    terminal.type(f"$T recv {name} > /dev/null & head -c 64M /dev/zero > "
                  f"{terminal.folder}/zeros; $T send {name} < "
                  f"{terminal.folder}/zeros; wait; echo code:$?")
    screen = terminal.wait("code:0")
    expect(re.search(r"sent 67 ?MB", screen), "it did not say what it sent:\n"
           + screen)


def a_bar_stands_while_a_reader_is_slow(terminal, shop):
    name = f"test-terminal-{os.getpid()}-{RUN}-slow"
    terminal.type(f"head -c 40M /dev/zero > {terminal.folder}/zeros; clear")
    terminal.type(f"$T recv {name} | (sleep 3; cat > /dev/null) & "
                  f"$T send --capacity 1M {name} < {terminal.folder}/zeros; "
                  "wait; echo code:$?")
    terminal.wait(re.compile(r"/s  \[#* *\] \d+ %"))
    screen = terminal.wait("code:0")
    expect("[#" not in screen, "the bar is still there:\n" + screen)


def demo_kill_tells_its_story(terminal, shop):
    terminal.type("$T demo --kill; echo code:$?")
    screen = terminal.wait("code:0")
    expect("\nrepaired the half-made change" in screen, screen)
    expect(re.search(r"^killed +pid \d+, with SIGKILL", screen, re.MULTILINE), screen)


def rm_asks_on_a_terminal(terminal, shop):
    terminal.type(f"$T rm {shop.name}; echo code:$?")
    terminal.wait("[y/N]")
    terminal.type("n")
    terminal.wait(re.compile(r"code:\d"))
    expect(shop.name in tool("ls", shop.name), "it was removed")


CASES = [
    top_draws_and_ends_with_q, top_knows_its_keys, top_follows_the_size,
    top_gives_the_terminal_back_when_it_is_killed,
    top_gives_the_terminal_back_when_it_crashes,
    top_can_be_stopped_and_continued, top_ends_after_a_count,
    top_draws_no_screen_on_a_dumb_terminal,
    colours_are_for_terminals_and_can_be_refused, send_shows_progress,
    a_bar_stands_while_a_reader_is_slow,
    demo_kill_tells_its_story, rm_asks_on_a_terminal,
]


def has_terminals():
    """Some containers and chroots have no pseudo-terminals."""
    try:
        for end in os.openpty():
            os.close(end)
    except OSError:
        return False
    return True


def main():
    if shutil.which("tmux") is None or shutil.which("ps") is None:
        print("skipped: there is no tmux, or no ps")
        return 77
    if not has_terminals():
        print("skipped: there are no pseudo-terminals")
        return 77
    wanted = sys.argv[1:]
    failed = 0
    for case in CASES:
        if wanted and case.__name__ not in wanted:
            continue
        begin = time.monotonic()
        terminal = None
        try:
            terminal = Terminal()
            with Shop() as shop:
                case(terminal, shop)
            result = "ok"
        except (Failure, subprocess.TimeoutExpired) as error:
            result = f"FAILED\n{error}"
            failed += 1
        finally:
            if terminal is not None:
                terminal.close()
        print(f"{case.__name__}: {result} ({time.monotonic() - begin:.1f} s)",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
