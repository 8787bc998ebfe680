#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/reference/cpp/<word>.md from include/uvshm/<word>.hpp.

What a user of uvshm.hpp may call, with the comments as they stand in the header:
classes without their private parts, functions without their bodies, nothing of
namespace detail. A class, or a function outside of a class, must have a comment
above it, its own or, without a blank line between them, that of the one before.

    docs-reference-cpp.py           write the pages
    docs-reference-cpp.py --check   say which are not what the headers say, exit 1
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include/uvshm"
PAGES = ROOT / "docs/reference/cpp"
COMMENT = r"/\*(?:[^*]|\*(?!/))*\*/"
# Told of by the page of the header that they belong to.
SELF = re.compile(r"using \w+ = uvshm_\w+_t$|enum class |template <[^>]*>\s*(?:class|struct) std::")

faults = []


def lines_of(comment):
    lines = re.sub(r"^/\*|\*/\s*$", "", comment.strip()).split("\n")
    return [re.sub(r"^\s*\* ?", "", line).rstrip() if i else line.strip() for i, line in enumerate(lines)]


def closing(text, at, opening="{", ending="}"):
    """Behind the bracket that ends the one at `at`."""
    depth = 0
    while at < len(text):
        match = re.compile(COMMENT + r"|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])'").match(text, at)
        if match:
            at = match.end()
            continue
        depth += (text[at] == opening) - (text[at] == ending)
        at += 1
        if depth == 0:
            return at
    raise ValueError("a bracket is not closed")


def untemplated(head):
    """A declaration without `template <...>` before it."""
    while True:
        match = re.match(r"template\s*<", head)
        if not match:
            return head
        head = head[closing(head, match.end() - 1, "<", ">") :].lstrip()


def shifted(text, begin, end):
    """Lines as they stand, moved to where the first of them would begin a line."""
    column = begin - (text.rfind("\n", 0, begin) + 1)
    return re.sub(rf"\n {{1,{column}}}" if column else r"\n(?!\n)(?=\x00)", "\n", text[begin:end].strip())


def items(text):
    """(blank line before, comment, head, body or None) of each declaration."""
    at = 0
    while True:
        gap = re.compile(r"\s*").match(text, at)
        at = gap.end()
        if at == len(text):
            return
        blank = gap.group(0).count("\n") > 1
        comment = re.compile(COMMENT).match(text, at)
        if comment:
            at = comment.end()
        begin = at
        if comment and re.compile(r"[ \t]*\n[ \t]*\n").match(text, at):
            yield blank, shifted(text, comment.start(), comment.end()), "", None  # about nothing that follows
            continue
        parens = 0
        while at < len(text):
            inner = re.compile(COMMENT).match(text, at)
            if inner:
                at = inner.end()
                continue
            sign = text[at]
            parens += (sign == "(") - (sign == ")")
            if parens == 0 and (sign in ";{" or re.compile(r"\b(?:public|private|protected):(?!:)").match(text, at)):
                break
            at += 1
        begin = re.compile(r"\s*").match(text, begin).end()
        head = shifted(text, begin, at)
        body = None
        if at < len(text) and text[at] == "{":
            end = closing(text, at)
            body = text[at + 1 : end - 1]
            at = end
            after = re.compile(r"[^;{}]*;").match(text, at)
            if re.match(r"(?:class|struct|enum|union)\b", untemplated(head)) or ")" not in head:
                at = after.end() if after else at
        elif at < len(text) and text[at] == ";":
            at += 1
        elif at < len(text):
            match = re.compile(r"\w+:").match(text, at)
            head = match.group(0)
            at = match.end()
        yield blank, shifted(text, comment.start(), comment.end()) if comment else "", head, body


def is_type(head):
    return re.match(r"(?:class|struct|union)\b", untemplated(head)) is not None


def is_class(head):
    return re.match(r"class\b", untemplated(head)) is not None


def declaration(head):
    """Without the list of a constructor's initializers."""
    depth = 0
    for at, sign in enumerate(head):
        depth += (sign in "(<[") - (sign in ")>]")
        around = head[at - 1 : at + 2]
        if sign == ":" and depth == 0 and "::" not in around and ")" in head[:at]:
            return head[:at].rstrip()
    return head


def indent(text, margin):
    return [(margin + line).rstrip() for line in text.split("\n")]


def members(text, public, margin):
    """A class from the inside, as lines."""
    out = [] if public else [margin[:-1] + "public:"]
    for blank, comment, head, body in items(text):
        if re.fullmatch(r"public:|private:|protected:", head):
            public = head == "public:"
            continue
        if not public or "friend class" in head or head.startswith("friend struct"):
            continue
        if blank and out and out[-1]:
            out.append("")
        if comment:
            out += indent(comment, margin)
        if not head:
            out.append("")
        elif is_type(head) and body is not None:
            out += indent(head + " {", margin)
            out += members(body, not is_class(head), margin + "  ")
            out.append(margin + "};")
        else:
            out += indent(declaration(head) + ";", margin)
    while out and not out[-1]:
        out.pop()
    return out


def namespaces(text, path):
    """Declarations outside of classes, with the namespace that they are in."""
    for blank, comment, head, body in items(text):
        match = re.fullmatch(r"(?:inline )?namespace\s*(\w*)", head)
        if match and match.group(1) == "detail":
            continue
        if match:
            inner = [] if match.group(1) in ("UVSHM_MODE", "") else [match.group(1)]
            yield from namespaces(body, path + inner)
        elif head:
            yield blank, comment, head, body, "::".join(path)


def name_of(head):
    if is_type(head):
        # UVSHM_MUST_CHECK and the like may stand before the name.
        return re.match(r"\w+\s+(?:\[\[\w+\]\]\s*|[A-Z_]+\b\s*)*([\w:]+)", untemplated(head)).group(1)
    if "operator" in head:
        return "operator" + re.search(r"operator\s*([^\s(]+)", head).group(1)
    before = re.split(r"\(", untemplated(head))[0]
    words = re.findall(r"\w+", before.split("=")[0])
    return words[-1] if words else head


def page(header):
    text = header.read_text()
    comments = list(re.finditer(COMMENT, text))
    about = lines_of(comments[1].group(0))
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", "", text[comments[1].end() :], flags=re.M)
    out = [f"# {header.name}", "", f"<!-- made by scripts/docs-reference-cpp.py from include/uvshm/{header.name} -->", ""]
    out += [f"`#include <uvshm/{header.name}>`, or `<uvshm.hpp>` for all.", ""]
    for code, part in groups(about):
        out += ["```c++", *part, "```", ""] if code else [escape(line) for line in part] + [""]
    told = False
    last = None
    for blank, comment, head, body, space in namespaces(text, []):
        told = bool(comment) or (told and not blank)
        kind = is_type(head) and body is not None
        # A class of the header's own name is told of at its head.
        exempt = SELF.match(head) or name_of(head) in (header.stem, header.stem + "_options")
        special = kind and re.search(r"\b" + name_of(head) + r"\s*<", untemplated(head)) is not None
        if not told and not exempt and not special:
            if kind or "(" in head:
                faults.append(f"{header.relative_to(ROOT)}: no comment above {name_of(head)}")
        title = (space + "::" if space and space != "std" else "") + name_of(head)
        if title != last:
            if last is not None:
                out += ["```", ""]
            out += [f"## {title.replace('<', '&lt;')}", "", "```c++"]
        elif blank:
            out.append("")
        last = title
        if comment:
            out += indent(comment, "")
        if kind:
            out += indent(head + " {", "") + members(body, not is_class(head), "  ") + ["};"]
        elif body is not None and re.match(r"enum\b", head):
            out += indent(head + " {" + body.rstrip() + "\n};", "")
        else:
            out += indent(declaration(head) + ";", "")
    if last is not None:
        out += ["```", ""]
    return "\n".join(out).rstrip("\n") + "\n", about


def escape(line):
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(p if p.startswith("`") else p.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_") for p in parts)


def groups(lines):
    """Runs of prose and of indented lines."""
    part, code = [], False
    for line in lines + [""]:
        inside = line.startswith("  ") or (code and not line)
        if (inside != code or (not line and not code)) and part:
            while part and not part[-1]:
                part.pop()
            margin = min((len(x) - len(x.lstrip()) for x in part if x), default=0)
            yield code, [x[margin:] for x in part] if code else part
            part = []
        code = inside
        if line or code:
            part.append(line)
    while part and not part[-1]:
        part.pop()
    if part:
        margin = min((len(x) - len(x.lstrip()) for x in part if x), default=0)
        yield code, [x[margin:] for x in part]


def index(abouts):
    out = [
        "# Reference of uvshm.hpp",
        "",
        "<!-- made by scripts/docs-reference-cpp.py -->",
        "",
        "What there is to call, as the headers have it, without bodies and private parts. `#include <uvshm.hpp>` includes all",
        "but watch.hpp. [How it is used](../../cpp.md); what a call does is told by the [C header](../index.md) of the same name.",
        "",
        "| header | what is in it |",
        "|---|---|",
    ]
    for name, about in abouts.items():
        first = " ".join(about).split(". ")[0].split("  ")[0].rstrip(".:")
        out.append(f"| [{name}.hpp]({name}.md) | {escape(first)} |")
    return "\n".join(out) + "\n"


def main():
    pages, abouts = {}, {}
    for header in sorted(HEADERS.glob("*.hpp")):
        pages[PAGES / f"{header.stem}.md"], abouts[header.stem] = page(header)
    pages[PAGES / "index.md"] = index(abouts)
    print("".join(fault + "\n" for fault in faults), end="")
    if sys.argv[1:] == ["--check"]:
        stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
        stale += [path for path in PAGES.glob("*.md") if path not in pages]
        for path in stale:
            print(f"{path.relative_to(ROOT)}: not what the header says; run scripts/docs-reference-cpp.py")
        return 1 if stale or faults else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        path.write_text(text)
    return 1 if faults else 0


sys.exit(main())
