#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/diagrams.py [--check]: docs/img/channels.svg and docs/img/segment.svg.

The other pictures there are drawn by hand, in the same colors. Each has a light
and a dark face, which the reader's system chooses.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
STYLE = """  <style>
    .bg { fill: #ffffff; stroke: #d1d9e0; }
    text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
    .dim { fill: #59636e; font-size: 12.5px; }
    .strong { font-weight: 600; }
    .mid { text-anchor: middle; }
    .line { stroke: #6e7781; stroke-width: 1.5; fill: none; }
    .dash { stroke-dasharray: 4 4; }
    .tip { fill: #6e7781; }
    .box { stroke-width: 1.5; }
    .n { fill: #f6f8fa; stroke: #818b98; }
    .b { fill: #ddf4ff; stroke: #0969da; }
    .g { fill: #dafbe1; stroke: #1a7f37; }
    .y { fill: #fff8c5; stroke: #9a6700; }
    @media (prefers-color-scheme: dark) {
      .bg { fill: #0d1117; stroke: #3d444d; }
      text { fill: #f0f6fc; }
      .dim { fill: #9198a1; }
      .line { stroke: #9198a1; }
      .tip { fill: #9198a1; }
      .n { fill: #151b23; stroke: #656c76; }
      .b { fill: #0c2d4a; stroke: #4493f8; }
      .g { fill: #12301d; stroke: #3fb950; }
      .y { fill: #3a2d0a; stroke: #d29922; }
    }
  </style>
  <defs>
    <marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse">
      <path class="tip" d="M0 0 10 5 0 10z"/>
    </marker>
  </defs>
"""


class Picture:
    def __init__(self, width, height, title, words):
        self.parts = [
            "<!-- SPDX-License-Identifier: MIT -->\n<!-- made by scripts/diagrams.py -->\n"
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">\n'
            f"  <title>{title}</title>\n  <desc>{words}</desc>\n{STYLE}"
            f'  <rect class="bg" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>'
        ]

    def box(self, x, y, width, height, color, *lines):
        self.parts.append(f'  <rect class="box {color}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>')
        top = y + height / 2 + 5 - 9 * (len(lines) - 1)
        for at, line in enumerate(lines):
            self.text(x + width / 2, top + 18 * at, line, "mid" + (" dim" if at else ""))

    def text(self, x, y, text, kind=""):
        self.parts.append(f'  <text class="{kind}" x="{x:g}" y="{y:g}">{text}</text>')

    def arrow(self, x1, y1, x2, y2, kind=""):
        self.parts.append(
            f'  <path class="line {kind}" d="M{x1:g} {y1:g} {x2:g} {y2:g}" marker-end="url(#tip)"/>'
        )

    def done(self):
        return "\n".join([*self.parts, "</svg>\n"])


def channels():
    """Who gets a message, by kind."""
    picture = Picture(
        860, 330, "Stream, queue, topic",
        "A stream takes each message to its one reader, a queue to one of the readers, a topic to all of them.",
    )
    for at, (kind, writers, readers, words) in enumerate(
        [
            ("stream", 1, 1, ["in order;", "full: the writer waits"]),
            ("queue", 2, 3, ["each to one reader;", "again, if that one dies"]),
            ("topic", 2, 3, ["each to all; the slow", "learn what they missed"]),
        ]
    ):
        left = 20 + 280 * at
        picture.text(left + 130, 36, kind, "mid strong")
        middle = 150
        picture.box(left + 92, middle - 40, 76, 80, "b", "1 2 3", "4 ...")
        for number in range(writers):
            y = middle + (number - (writers - 1) / 2) * 64
            picture.box(left, y - 18, 62, 36, "g", "writer")
            picture.arrow(left + 62, y, left + 90, middle + (number - (writers - 1) / 2) * 24)
        for number in range(readers):
            y = middle + (number - (readers - 1) / 2) * 64
            label = {"stream": "1 2 3 4", "queue": ["1 4", "2", "3"][number], "topic": "1 2 3 4"}[kind]
            picture.box(left + 198, y - 22, 62, 44, "y", "reader", label)
            picture.arrow(left + 168, middle + (number - (readers - 1) / 2) * 24, left + 196, y)
        for number, line in enumerate(words):
            picture.text(left + 130, 280 + 18 * number, line, "mid dim")
    return picture.done()


def segment():
    """What is in a segment, and who has it."""
    picture = Picture(
        860, 330, "A segment",
        "Three processes with handles; in the memory that they share: peers, a directory of names, what the names mean, the heap.",
    )
    for at, (who, what) in enumerate([("server", "pid 812"), ("viewer", "pid 901"), ("tool", "reads only")]):
        x = 60 + 280 * at
        picture.box(x, 20, 180, 52, "g" if at < 2 else "n", who, what)
        picture.arrow(x + 90, 72, x + 90, 116, "" if at < 2 else "dash")
    picture.parts.append('  <rect class="box n" x="20" y="118" width="820" height="150" rx="6"/>')
    picture.text(36, 142, "shop", "strong")
    picture.text(80, 142, "one piece of memory, at another address in each process", "dim")
    for x, width, color, lines in [
        (36, 130, "b", ("peers", "812, 901")),
        (182, 130, "b", ("directory", "names")),
        (328, 110, "y", ("mutex", "till")),
        (454, 110, "y", ("map", "stock")),
        (580, 110, "y", ("channel", "orders")),
        (706, 118, "b", ("heap", "grows")),
    ]:
        picture.box(x, 160, width, 90, color, *lines)
    picture.text(430, 298, "Each change of these is whole or not at all. Who dies is known by a lock that the kernel drops.", "mid dim")
    return picture.done()


def main():
    stale = False
    for name, text in (("channels.svg", channels()), ("segment.svg", segment())):
        path = ROOT / "docs/img" / name
        if sys.argv[1:] == ["--check"]:
            if not path.exists() or path.read_text() != text:
                print(f"docs/img/{name}: not what scripts/diagrams.py draws")
                stale = True
        else:
            path.write_text(text)
    return 1 if stale else 0


sys.exit(main())
