#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/doxygen-filter.py HEADER: the header with its comments marked for Doxygen.

The headers' comments are plain: a block above a declaration is about it, one
beside a member is about that. Here the first becomes a Doxygen block, with its
indented lists kept as they stand, the second a comment "about what is before".
Functions that stand together without a blank line share the comment above
them. What a name itself says, by the rules of STYLE.md, is filled in: the type
of a handle, the options and numbers of a word. All else must have a comment,
or Doxygen warns.
"""

import pathlib
import re
import sys

# Members that mean the same wherever they are and are told of once, in region.h.
COMMON = {
    "mode": "As in region.h.",
    "group": "As in region.h.",
    "sddl": "As in region.h.",
    "label": "As in region.h.",
    "reserved": "0",
}
# For headers that have no line to spare.
KNOWN = {"uvshm_channel_end_t": "One end, as uvshm_channel_next() tells it."}
COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*\*/")


def text_of(comment):
    lines = re.sub(r"^/\*+|\*/\s*$", "", comment.strip()).split("\n")
    return [re.sub(r"^\s*\* ?", "", line).rstrip() if i else line.strip() for i, line in enumerate(lines)]


def plain(line):
    """Nothing in a comment is a command or markup, but for `code`."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(
        "<code>" + escape(part[1:-1]) + "</code>" if part.startswith("`") else escape(part) for part in parts
    )


def escape(text):
    text = text.replace("\\", "\\\\").replace("@", "\\@").replace("&", "\\&").replace("#", "\\#")
    text = text.replace("<", "\\<").replace(">", "\\>").replace("%", "\\%").replace("*", "&lowast;")
    return text.replace("&lowast;", "&#42;")


def block(lines, first=""):
    """A Doxygen block: paragraphs, and indented parts word for word."""
    out = []
    verbatim = False
    for at, line in enumerate(lines):
        indented = line.startswith("  ")
        if not line and verbatim:
            rest = next((after for after in lines[at:] if after), "")
            indented = rest.startswith("  ")
        if indented != verbatim:
            out.append("\\verbatim" if indented else "\\endverbatim")
            verbatim = indented
        out.append(line if verbatim else plain(line))
    if verbatim:
        out.append("\\endverbatim")
    return "/** " + first + "\n" + "\n".join(out) + "\n*/"


def members(code):
    """Comments beside members; one that goes on over lines is one comment."""
    code = re.sub(r" \*/\n {8,}/\* ", " ", code)
    def beside(match):
        return match.group(1) + "/**< " + plain(" ".join(text_of(match.group(2)))) + " */"

    def common(match):
        return f"{match.group(1)} /**< {COMMON[match.group(2)]} */"

    lines = []
    for line in code.split("\n"):
        lines.append(re.sub(r"^(\s+(?:\w[^/]*[;,]|\w+ = [^/]*|[A-Z_0-9]+)\s*)(/\*.*\*/)\s*$", beside, line))
    code = "\n".join(lines)
    code = re.sub(rf"^(  [\w* ]+[ *]({'|'.join(COMMON)});)$", common, code, flags=re.M)
    # Doxygen would take the alignment for a function.
    code = re.sub(r"_Alignas\(8\) |alignas\(8\) ", "", code)
    # A comment above a member, inside a struct.
    return re.sub(r"\n(\s+)/\*(?!\*)((?:[^*]|\*(?!/))*)\*/(?=\n\s+\w)", lambda m: "\n" + block(text_of("/*" + m.group(2) + "*/")), code)


def known(code):
    """What the name of a type says, and nobody writes above it."""
    if re.search(r"\w_info\(", code):
        return "Numbers, as they are just now. Any thread."
    name = re.search(r"(?:^\}|^typedef struct \w+) (uvshm_(\w+?)_t);", code, flags=re.M)
    if not name:
        return None
    whole, word = name.groups()
    if whole in KNOWN:
        return KNOWN[whole]
    if code.startswith("typedef struct uvshm_") and "{" not in code:
        return "A handle. Its members are the library's alone."
    if word.endswith("_options"):
        return f"What {whole[:-len('_options_t')]}_open() is told. Zeros mean the defaults."
    if word.endswith("_info"):
        return f"What {whole[:-len('_t')]}() and its kin fill in."
    return None


def shared(code, comment):
    """Declarations one below the other, each with the comment above all."""
    parts = re.split(r"(?<=;)\n(?=UVSHM_EXTERN|extern )", code)
    return "\n".join(comment + "\n" + part for part in parts)


def defines(code, comment):
    """Several #defines under one comment have it all, or one beside them."""
    out = []
    for line in re.split(r"\n(?=# *define)", code):
        match = re.match(r"(# *define \w+.*?)\s+/\* (.*?) \*/$", line)
        out.append(f"/** {plain(match.group(2))} */\n{match.group(1)}" if match else (comment + "\n" if comment else "") + line)
    return "\n".join(out)


def convert(path):
    parts = re.split(r"\n{2,}(?=\S)", path.read_text())
    out = []
    head = True
    for part in parts:
        match = COMMENT.match(part)
        comment = match.group(0) if match else ""
        code = part[len(comment):].strip("\n")
        lines = text_of(comment) if comment else []
        if comment.startswith("/* SPDX"):
            out.append(part)
        elif head and comment:
            out.append(block(lines, "\\file"))
            head = False
            out.append(code)
        elif comment.startswith("/* ----"):
            out.append(code)
        elif re.match(r"UVSHM_EXTERN|extern (?!\"C\")", code):
            said = [known(code)] if not comment and known(code) else lines
            out.append(shared(code, block(said) if said else ""))
        elif code.startswith("#if") and comment and "define UVSHM" in code:
            # A macro that differs between compilers.
            out.append(block(lines, "\\def " + re.search(r"define (\w+)", code).group(1)) + "\n" + code)
        elif re.match(r"# *define UVSHM_(?!\w+_H_$)", code, flags=re.M):
            out.append(defines(code, block(lines) if comment else ""))
        else:
            said = known(code)
            if not comment and said:
                comment, lines = said, [said]
            out.append((block(lines) + "\n" if comment else "") + members(code))
    return "\n\n".join(out) + "\n"


sys.stdout.write(convert(pathlib.Path(sys.argv[1])))
