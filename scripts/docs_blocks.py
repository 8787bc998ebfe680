# SPDX-License-Identifier: MIT
"""The blocks of code in a Markdown file, and what is to be done with each.

A remark in a comment before a block, which readers do not see, says what a
check could not know:

    <!-- given: uvshm_region_t* region; int err; -->   names from outside (C)
    <!-- file: examples/writer.c -->                   a quote, compared with the file
    <!-- windows -->                                   C for Windows alone
    <!-- not run: needs a Windows service -->          and why; counted
    <!-- output varies -->                             run, but not compared

and one on the first line of a page what must be installed to run it: programs, or
headers of C++:

    <!-- needs: php boost/version.hpp -->
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent

COMPILED = ("c", "cpp", "cmake")
COMMANDS = ("console", "sh")
# Text, and files that some other program reads.
DATA = ("", "text", "json", "yaml", "ini", "xml", "toml", "diff", "svg", "dockerfile", "python", "php", "html")


class Block:
    def __init__(self, path, number, language, remark, code):
        self.path = path
        self.number = number  # of the line with the fence
        self.language = language
        self.remark = remark
        self.code = code

    def value(self, word):
        """What stands behind `word:` in the remark, or None."""
        if not self.remark.startswith(word + ":"):
            return None
        return self.remark[len(word) + 1 :].strip()

    @property
    def skipped(self):
        return self.value("not run")

    @property
    def file_name(self):
        """Of a whole program: what its first line calls it, or the file it is."""
        quoted = self.value("file")
        if quoted:
            return pathlib.Path(quoted).name
        match = re.match(r"\s*(?:<\?php +)?(?:/\*|//|#) *([\w-]+\.(?:c|h|cpp|hpp|py|php|sh)|CMakeLists\.txt)\b", self.code)
        return match.group(1) if match else None


def blocks(path):
    lines = path.read_text().split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        match = re.match(r"(\s*)```(\S*)\s*$", line)
        if not match:
            continue
        if start is None:
            start, margin, language = number, len(match.group(1)), match.group(2)
        else:
            before = "\n".join(lines[max(0, start - 12) : start - 1])
            remark = re.search(r"<!--((?:(?!-->).)*)-->\s*$", before, flags=re.S)
            code = "\n".join(text[margin:] for text in lines[start : number - 1])
            yield Block(path, start, language, remark.group(1).strip() if remark else "", code)
            start = None


def needs(path):
    match = re.match(r"<!-- needs: (.*?) -->", path.read_text())
    return match.group(1).split() if match else []


def pages():
    """Every Markdown file that a reader is meant to see."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
