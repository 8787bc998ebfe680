#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/reference/<word>.md from the comments of include/uvshm/<word>.h.

The header is the manual; these pages are the same words with headings, so that
they cannot say anything else. Each declaration is quoted (check-docs.py compares
it with the header); an indented list with aligned columns becomes a table.

    docs-reference.py           write the pages
    docs-reference.py --check   say which are not what the headers say, exit 1
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include/uvshm"
PAGES = ROOT / "docs/reference"

# In reading order, with what the index says of each.
WORDS = {
    "error": "every code, and the sentence behind it",
    "flags": "flags, constants and positive results that all kinds share",
    "region": "memory that several processes map",
    "segment": "a region with peers, threads and named objects",
    "heap": "memory inside a segment: alloc, free, publish",
    "map": "keys to values, read without a lock",
    "cell": "the latest value of one thing",
    "mutex": "a lock that survives its owner",
    "txn": "changes of your structs, whole or not at all",
    "rwlock": "many readers or one writer, both mortal",
    "cond": "waiting with a mutex until something has changed",
    "sem": "a counting semaphore",
    "event": "a flag to wait for, auto- or manual-reset",
    "barrier": "threads that wait for each other, or learn that one died",
    "watch": "all of these on a libuv loop, by callbacks",
    "channel": "messages: stream, queue, topic",
    "foreign": "shared memory of other programs: what there is",
    "php": "variables that PHP keeps in shared memory",
    "name": "what there is on this system, and clearing up",
    "crash": "proof that a structure of yours survives a death anywhere",
    "version": "library, ABI and format",
    "export": "how public functions are marked",
}

# What the examples in head comments need from outside; see check-docs.py.
GIVEN = {
    "region": "extern int die(const char*);",
    "segment": "int err; uvshm_mutex_t* lock;",
    "crash": "extern void change_both(uvshm_segment_t*); extern int they_agree(uvshm_segment_t*);",
    "txn": "int err; extern int die(const char*); uvshm_segment_t* segment; uvshm_mutex_t* lock; struct account { int64_t balance; } *a, *b;",
    "map": "int err; size_t size; double price; uvshm_segment_t* segment;",
    "watch": "extern void print_all(void*);",
    "cell": "int err; size_t size; struct { double x, y; } position; uvshm_segment_t* segment;",
    "heap": "int err; uvshm_segment_t* segment; struct job { int number; };",
    "channel": "int err; size_t size; const void* frame; uvshm_channel_t* channel; extern void show(const void*, size_t);",
    "rwlock": "int err; extern int die(const char*); extern void look_at_prices(void);",
    "cond": "int err; uvshm_mutex_t* lock; uvshm_cond_t* cond; int* jobs; extern void mend_jobs(void);",
    "event": "int err; extern int die(const char*);",
    "barrier": "int err; extern int die(const char*); extern void sum_up(void);",
    "mutex": "int err; extern int die(const char*); extern void reset_the_printer(void), print(void);",
}

CODE = re.compile(r"(?<![`\w])(UV_E[A-Z0-9]+|UVSHM_[A-Z0-9_]+\*?|uvshm_[a-z0-9_]+(?:\(\))?|<[\w/]+\.h>)(?![`\w])")


def mark(text):
    """Identifiers in backticks, where no backticks are yet; no stray emphasis."""
    text = CODE.sub(r"`\1`", text)
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("*", "\\*") for part in parts)


def cell(text):
    return mark(text).replace("|", "\\|")


def comment_lines(comment):
    """The text of a comment, without its stars."""
    lines = re.sub(r"^/\*|\*/\s*$", "", comment.strip()).split("\n")
    return [re.sub(r"^ \* ?", "", line).rstrip() if i else line.strip() for i, line in enumerate(lines)]


def columns_of(line):
    """Where the columns of the first line of a table begin; [0] when it is none."""
    return [0] + [match.end() for match in re.finditer(r"(?<=\S) {2,}(?=\S)", line)]


def split_row(line, columns):
    """The cells of a line, or None when it does not keep to the columns."""
    ends = columns[1:] + [None]
    for column in columns[1:]:
        if line[:column].rstrip() and len(line) > column and line[column - 1 : column].strip():
            return None
    return [line[start:end].strip() for start, end in zip(columns, ends)]


def table(lines):
    """Markdown of an aligned list, or None."""
    columns = columns_of(lines[0])
    if len(columns) == 1:
        return None
    rows = []
    for line in lines:
        cells = split_row(line, columns)
        if cells is None:
            return None
        if cells[0]:
            rows.append(cells)
        elif not rows:
            return None
        else:
            rows[-1] = [(old + " " + new).strip() for old, new in zip(rows[-1], cells)]
    head = rows.pop(0) if rows[0][0] == "code" else ["result", "meaning"] if len(columns) == 2 else [""] * len(columns)
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(columns)]
    for cells in rows:
        out.append("| " + " | ".join(cell(text) for text in cells) + " |")
    return out


def indented(word, lines):
    margin = min(len(line) - len(line.lstrip()) for line in lines if line)
    lines = [line[margin:] for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if any(line.rstrip().endswith(";") for line in lines):
        given = [f"<!-- given: {GIVEN[word]} -->"] if word in GIVEN else []
        return given + ["```c"] + lines + ["```"]
    if "" not in lines:
        made = table(lines)
        if made:
            return made
    # A list of codes, and what is said of one of them further on.
    return ["```text"] + lines + ["```"]


def prose(word, lines):
    """Comment text as Markdown: paragraphs, and indented parts in between."""
    out = []
    at = 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        end = at
        inside = lines[at].startswith("  ")
        while end < len(lines) and (not lines[end] or lines[end].startswith("  ") == inside):
            if not inside and not lines[end]:
                break
            end += 1
        part = lines[at:end]
        if inside:
            out += indented(word, part) + [""]
        else:
            out += [mark(line) for line in part] + [""]
        at = end
    return out


def chunks(text):
    """Parts of a header between blank lines, as (comment, code)."""
    for part in re.split(r"\n{2,}", text):
        part = part.strip("\n")
        match = re.match(r"/\*(?:[^*]|\*(?!/))*\*/", part)
        comment = match.group(0) if match else ""
        code = part[len(comment) :].strip("\n")
        if comment or code:
            yield comment, code


def without_frame(code):
    """Code without include guard, includes and the braces for C++."""
    lines = code.split("\n")
    if re.match(r"#ifndef UVSHM_\w*_H_|#include |#ifdef __cplusplus", code):
        return ""
    if re.match(r"#endif /\* UVSHM_\w*_H_ \*/", lines[0]):
        return ""
    return code


def names_of(code):
    plain = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    names = re.findall(r"^# *define (UVSHM_\w+)", plain, flags=re.M)
    names += re.findall(r"^typedef struct \w+ (\w+);", plain, flags=re.M)
    names += re.findall(r"^\} (\w+);", plain, flags=re.M)
    names += re.findall(r"\b(uvshm_\w+)\(", plain)
    return list(dict.fromkeys(names))


def page(word):
    header = f"include/uvshm/{word}.h"
    parts = list(chunks((ROOT / header).read_text()))
    # The first comment is the SPDX line, the second the head of the header.
    head = comment_lines(parts[1][0])
    out = [f"# {word}", "", f"<!-- made by scripts/docs-reference.py from {header} -->", ""]
    out += [f"`#include <uvshm/{word}.h>`", ""] + prose(word, head)
    for comment, code in parts[2:]:
        code = without_frame(code)
        names = names_of(code)
        if code and names:
            title = ", ".join(names) if len(names) <= 3 else f"{names[0]} ... {names[-1]}"
            out += [f"## {title}", "", f"<!-- file: {header} -->", "```c"] + code.split("\n") + ["```", ""]
        if comment and (names or not code):
            out += prose(word, comment_lines(comment))
    return "\n".join(out).rstrip("\n") + "\n"


def index():
    out = [
        "# Reference",
        "",
        "<!-- made by scripts/docs-reference.py -->",
        "",
        "One page for each public header. The headers say the same; `#include <uvshm.h>` includes all but watch.h and crash.h.",
        "[The same of C++](cpp/index.md).",
        "",
        "| header | what is in it |",
        "|---|---|",
    ]
    out += [f"| [{word}]({word}.md) | {what} |" for word, what in WORDS.items()]
    return "\n".join(out) + "\n"


def main():
    found = {path.stem for path in HEADERS.glob("*.h")}
    if found != set(WORDS):
        print(f"scripts/docs-reference.py: its list is not include/uvshm: {sorted(found ^ set(WORDS))}")
        return 1
    pages = {PAGES / f"{word}.md": page(word) for word in WORDS}
    pages[PAGES / "index.md"] = index()
    if sys.argv[1:] == ["--check"]:
        stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
        for path in stale:
            print(f"{path.relative_to(ROOT)}: not what the header says; run scripts/docs-reference.py")
        return 1 if stale else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        path.write_text(text)
    return 0


sys.exit(main())
