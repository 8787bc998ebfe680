#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every sentence by which the library or the tool says that something went wrong
has an entry in docs/faq.md, and every sentence there is one that can be said.

    check-errors.py          compare; 1 when they differ
    check-errors.py --list   all sentences, and where they are said

A sentence is the format of uvshm__fail(), report_as(), report_usage() or note(),
or a meaning in src/object/error.c, with "..." for what is filled in. In the FAQ
they stand in blocks that are marked as text, one a line.
"""

import glob
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FAQ = "docs/faq.md"

# Which argument of each is the format.
SAYERS = {"uvshm__fail": 1, "uvshm__fail_brief": 1, "report_as": 1, "report_usage": 1, "note": 0}
SOURCES = ["src/**/*.c", "src/**/*.h", "tools/uvshm/**/*.c"]
MEANINGS = "src/object/error.c"

TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\'|[A-Za-z_]\w*|\S')
CONVERSION = re.compile(r"%(?:%|[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?"
                        r"(?:hh|ll|[hlzjt])?[diouxXeEfgGcsp])")


def without_comments(text):
    def blank(match):
        found = match.group(0)
        return found if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)
    return re.sub(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\'|/\*.*?\*/|//[^\n]*',
                  blank, text, flags=re.DOTALL)


def arguments(text, start):
    """The arguments of a call whose "(" ends at `start`, as lists of tokens."""
    found = [[]]
    depth = 0
    for match in TOKEN.finditer(text, start):
        token = match.group(0)
        if token in "([{":
            depth += 1
        elif token in ")]}":
            if depth == 0:
                return found
            depth -= 1
        elif token == "," and depth == 0:
            found.append([])
            continue
        found[-1].append(token)
    return found


def literals(tokens):
    """String literals of an expression; those that are neighbours are one. The
    macros of <inttypes.h> between them are conversions."""
    result = []
    current = None
    for token in tokens:
        if token.startswith('"'):
            current = (current or "") + token[1:-1]
        elif token.startswith("PRI"):
            current = (current or "") + "d"
        elif re.fullmatch(r"[A-Z_]+", token):
            current = (current or "") + "..." # a macro with text, such as SHM
        elif current is not None:
            result.append(current)
            current = None
    if current is not None:
        result.append(current)
    return [text for text in result if text not in ("", "...")]


def sentence(literal):
    text = literal.replace('\\"', '"').replace("\\\\", "\\").replace("\\n", " ")
    text = CONVERSION.sub(lambda m: "%" if m.group(0) == "%%" else "...", text)
    text = re.sub(r"(\.\.\.)+", "...", text)
    return re.sub(r"\s+", " ", text).strip()


def said_in(path):
    with open(path, encoding="utf-8") as file:
        text = without_comments(file.read())
    for match in re.finditer(r"\b(%s)\s*\(" % "|".join(SAYERS), text):
        given = arguments(text, match.end())
        place = SAYERS[match.group(1)]
        if place >= len(given):
            continue
        for literal in literals(given[place]):
            yield sentence(literal), text.count("\n", 0, match.start()) + 1
    if path.endswith(MEANINGS):
        for match in re.finditer(r'\{\s*\w+,\s*("(?:[^"\\]|\\.)*")\s*\}', text):
            line = text.count("\n", 0, match.start()) + 1
            yield sentence(match.group(1)[1:-1]), line


def all_said():
    """Sentence -> places. A bare "..." says nothing of its own."""
    found = {}
    for pattern in SOURCES:
        for path in sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True)):
            for text, line in said_in(path):
                if re.search(r"[A-Za-z]{2}", text):
                    where = f"{os.path.relpath(path, ROOT)}:{line}"
                    found.setdefault(text, []).append(where)
    return found


def all_told():
    """Sentence -> line of the FAQ."""
    found = {}
    inside = False
    with open(os.path.join(ROOT, FAQ), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if line.startswith("```"):
                inside = line == "```text"
            elif inside and line:
                if line in found:
                    print(f"{FAQ}:{number}: again, as in line {found[line]}: {line}")
                found[line] = number
    return found


def main():
    said = all_said()
    if "--list" in sys.argv:
        for text, places in sorted(said.items()):
            print(f"{text}\t{places[0]}")
        return 0
    told = all_told()
    missing = sorted(set(said) - set(told))
    gone = sorted(set(told) - set(said))
    for text in missing:
        print(f"{said[text][0]}: no entry in {FAQ}: {text}")
    for text in gone:
        print(f"{FAQ}:{told[text]}: nobody says this: {text}")
    if len(said) < 300:
        print(f"check-errors.py: only {len(said)} sentences were found")
        return 1
    if missing or gone:
        print(f"{len(missing)} without an entry, {len(gone)} that nobody says")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
