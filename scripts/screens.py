#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Screens of the tool as SVG, and one recording that moves; see screens.sh.

    screens.py TOOL FOLDER

A shell in tmux runs the tool among a few programs that use shared memory, and
what tmux says is on the screen is drawn: text, eight colours, light or dark as
the reader wants it. Lines that occur in several frames are in the file once.
"""

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

CELL = 8.4
LINE = 19
PAD = 14
BAR = 30

STYLE = """
.bg{fill:#fff;stroke:#d1d9e0}.bar{fill:#f6f8fa}
text{font:14px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
 fill:#1f2328;white-space:pre}
.title{font:13px system-ui,sans-serif;fill:#59636e;text-anchor:middle}
.b{font-weight:700}.d{fill:#59636e}.c1{fill:#cf222e}.c2{fill:#1a7f37}
.c3{fill:#9a6700}.c4{fill:#0969da}.r{fill:#0969da;fill-opacity:.16}
.cursor{fill:#59636e}
@media(prefers-color-scheme:dark){.bg{fill:#0d1117;stroke:#3d444d}
 .bar{fill:#151b23}text{fill:#f0f6fc}.title,.d,.cursor{fill:#9198a1}
 .c1{fill:#f85149}.c2{fill:#3fb950}.c3{fill:#d29922}.c4{fill:#4493f8}
 .r{fill:#4493f8;fill-opacity:.25}}
"""


class Terminal:
    def __init__(self, tool, columns, lines):
        self.columns, self.lines = columns, lines
        self.folder = tempfile.mkdtemp(prefix="uvshm-screens-")
        self.socket = os.path.join(self.folder, "socket")
        path = f"{os.path.dirname(tool)}:{os.environ['PATH']}"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns),
                  "-y", str(lines), f"env PS1='$ ' PATH='{path}' sh")
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))
        self.wait("$")

    def tmux(self, *words):
        env = {k: v for k, v in os.environ.items() if k != "TMUX"}
        env["LC_ALL"] = "C.UTF-8"
        return subprocess.run(["tmux", "-S", self.socket, *words], env=env, check=True,
                              capture_output=True, text=True, timeout=30).stdout

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def text(self, text):
        self.tmux("send-keys", "-l", text)

    def key(self, key):
        self.tmux("send-keys", key)

    def screen(self):
        """Lines with styles, and where the cursor is; None: it is hidden."""
        lines = carried(self.tmux("capture-pane", "-p", "-e").split("\n"))[:self.lines]
        flag, x, y = self.tmux("display-message", "-p",
                               "#{cursor_flag} #{cursor_x} #{cursor_y}").split()
        return lines, (int(x), int(y)) if flag == "1" else None

    def wait(self, text, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if re.search(text if len(text) > 1 else re.escape(text),
                         self.tmux("capture-pane", "-p"), re.MULTILINE):
                return
            time.sleep(0.05)
        raise SystemExit(f"screens.py: no {text!r} on the screen")


def carried(lines):
    """A style goes on in the next line, until it ends."""
    result, style = [], ""
    for line in lines:
        result.append(style + line)
        for code in re.findall(r"\x1b\[[\d;]*m", line):
            style = "" if code in ("\x1b[m", "\x1b[0m") else style + code
    return result


def runs(line):
    """(column, text, classes) of a line with escapes."""
    style, column, result = set(), 0, []
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        if not part.startswith("\x1b["):
            if part:
                result.append((column, part, frozenset(style)))
                column += len(part)
            continue
        for code in (part[2:-1] or "0").split(";"):
            number = int(code or 0)
            if number == 0:
                style = set()
            elif number in (1, 2, 7):
                style.add({1: "b", 2: "d", 7: "r"}[number])
            elif 31 <= number <= 34:
                style = {s for s in style if s[0] != "c"} | {f"c{number - 30}"}
            elif number == 39:
                style = {s for s in style if s[0] != "c"}
    return result


def draw_line(line):
    out = []
    for column, text, style in runs(line.rstrip()):
        x, width = PAD + column * CELL, len(text) * CELL
        if "r" in style:
            out.append(f'<rect class="r" x="{x:.1f}" y="-14" width="{width:.1f}" '
                       f'height="{LINE}"/>')
        bare = text.lstrip(" ")
        if not bare.strip():
            continue
        x += (len(text) - len(bare)) * CELL
        bare = bare.rstrip(" ")
        names = " ".join(sorted(style - {"r"}))
        kind = f' class="{names}"' if names else ""
        out.append(f'<text x="{x:.1f}"{kind} textLength="{len(bare) * CELL:.1f}" '
                   f'xml:space="preserve">{html.escape(bare, quote=False)}</text>')
    return "".join(out)


def document(title, columns, lines, body, style=""):
    width = int(columns * CELL + 2 * PAD)
    height = lines * LINE + BAR + PAD + 6
    return (f'<!-- SPDX-License-{"Identifier"}: MIT -->\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">\n<title>{html.escape(title)}'
            f"</title>\n<style>{STYLE}{style}</style>\n"
            f'<rect class="bg" x=".5" y=".5" width="{width - 1}" height="{height - 1}" '
            f'rx="8"/>\n<path class="bar" d="M1 {BAR}V8a7 7 0 0 1 7-7h{width - 16}a7 7 '
            f'0 0 1 7 7v{BAR - 8}z"/>\n<text class="title" x="{width // 2}" y="20">'
            f"{html.escape(title)}</text>\n{body}</svg>\n")


def y_of(number):
    return BAR + 20 + number * LINE


def picture(path, title, columns, lines):
    while lines and not re.sub(r"\x1b\[[\d;]*m", "", lines[-1]).strip():
        lines.pop()
    body = "".join(f'<g transform="translate(0 {y_of(i)})">{draw_line(line)}</g>\n'
                   for i, line in enumerate(lines) if draw_line(line))
    with open(path, "w") as file:
        file.write(document(title, columns, len(lines), body))


def film(path, title, columns, lines, frames, end):
    """`frames`: (seconds, lines, cursor); each until the next one."""
    known, uses, keys = {}, [], []
    for number, (start, screen, cursor) in enumerate(frames):
        until = frames[number + 1][0] if number + 1 < len(frames) else end
        body = ""
        for i, line in enumerate(screen):
            drawn = draw_line(line)
            if not drawn:
                continue
            name = known.setdefault(drawn, f"l{len(known)}")
            body += f'<use href="#{name}" y="{y_of(i)}"/>'
        if cursor:
            body += (f'<rect class="cursor" x="{PAD + cursor[0] * CELL:.1f}" '
                     f'y="{y_of(cursor[1]) - 13}" width="8" height="17"/>')
        a, b = 100 * start / end, 100 * until / end
        hide = f"{b:.2f}%{{visibility:hidden}}" if b < 100 else ""
        show = f"{a:.2f}%{{visibility:visible}}"
        first = "" if a == 0 else "0%{visibility:hidden}"
        keys.append(f"@keyframes k{number}{{{first}{show}{hide}}}"
                    f"#f{number}{{animation-name:k{number}}}")
        uses.append(f'<g class="f" id="f{number}">{body}</g>\n')
    style = (f".f{{visibility:hidden;animation-duration:{end:.1f}s;"
             "animation-timing-function:step-end;animation-iteration-count:infinite}\n"
             + "\n".join(keys)
             # Who wants nothing to move gets the last picture.
             + "\n@media(prefers-reduced-motion:reduce){.f{animation:none}"
             + f"#f{len(frames) - 1}{{visibility:visible}}}}\n")
    lines_once = "".join(f'<g id="{name}">{drawn}</g>\n' for drawn, name in known.items())
    with open(path, "w") as file:
        file.write(document(title, columns, lines, f"<defs>\n{lines_once}</defs>\n"
                            + "".join(uses), style))


class Recorder:
    def __init__(self, terminal):
        self.terminal, self.frames = terminal, []
        self.now = 0.0

    def shot(self, seconds):
        """What is on the screen now stays for so long."""
        screen = self.terminal.screen()
        if not self.frames or self.frames[-1][1:] != screen:
            self.frames.append((self.now, *screen))
        self.now += seconds

    def type(self, text):
        for letter in text:
            self.terminal.text(letter)
            time.sleep(0.03)
            self.shot(0.07)
        self.shot(0.3)
        self.terminal.key("Enter")

    def watch(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.2)
            self.shot(0.2)


def still(tool, folder, name, command, columns, lines, until, wait=0.0):
    terminal = Terminal(tool, columns, lines)
    terminal.text(f"clear; {command}")
    terminal.key("Enter")
    terminal.wait(until)
    time.sleep(wait)
    screen = terminal.screen()[0]
    # The prompt before the command, and not the one after it.
    while screen and re.sub(r"\x1b\[[\d;]*m", "", screen[-1]).strip() in ("", "$"):
        screen.pop()
    if "top" not in name:
        screen.insert(0, f"$ {command}")
    picture(os.path.join(folder, f"{name}.svg"), command, columns, screen)
    terminal.close()


def recording(tool, folder):
    terminal = Terminal(tool, 112, 22)
    record = Recorder(terminal)
    record.shot(0.6)
    record.type("uvshm demo --kill")
    terminal.wait("^repaired")
    record.watch(2.4)
    terminal.text("clear")
    terminal.key("Enter")
    time.sleep(0.2)
    record.type("uvshm ls")
    terminal.wait("^NAME")
    record.watch(2.4)
    terminal.text("clear")
    terminal.key("Enter")
    time.sleep(0.2)
    record.type("uvshm top -d 0.5")
    terminal.wait("q quit")
    record.watch(2.5)
    for key, seconds in (("Down", 0.4), ("Down", 0.4), ("Down", 0.8)):
        terminal.key(key)
        record.watch(seconds)
    for _ in range(6):
        terminal.key("s")
        record.watch(0.2)
    record.watch(2)
    terminal.key("q")
    terminal.wait(r"^\$")
    terminal.text("clear")
    terminal.key("Enter")
    time.sleep(0.2)
    record.type("uvshm doctor")
    terminal.wait("^(ok|fail) +liveness")
    record.watch(3)
    terminal.close()
    film(os.path.join(folder, "uvshm.svg"), "uvshm", 112, 22, record.frames, record.now)


def main():
    tool, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    still(tool, folder, "ls", "uvshm ls", 100, 24, "^NAME")
    still(tool, folder, "top", "uvshm top", 120, 18, "q quit", 2.5)
    still(tool, folder, "doctor", "uvshm doctor", 100, 40, "^(ok|fail) +liveness", 0.3)
    still(tool, folder, "demo-kill", "uvshm demo --kill", 100, 20, "^repaired", 0.3)
    recording(tool, folder)


main()
