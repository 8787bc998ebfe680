# SPDX-License-Identifier: MIT
"""What MkDocs is to do besides, named in mkdocs.yml.

Stars in the nav become the pages that fit and that no other entry names, by
name; a page that the nav does not reach is an error. The reference gets a link
to what Doxygen makes, which is in the site and not in the tree.
"""

import pathlib

from mkdocs.exceptions import PluginError


def entries(nav):
    for entry in nav:
        if isinstance(entry, dict):
            for value in entry.values():
                yield from entries(value) if isinstance(value, list) else [value]
        else:
            yield entry


def expand(nav, docs, named):
    out = []
    for entry in nav:
        if isinstance(entry, dict):
            inner = {
                title: expand(value, docs, named) if isinstance(value, list) else value
                for title, value in entry.items()
            }
            # A section without pages is left out.
            out += [{title: value} for title, value in inner.items() if value]
        elif "*" in entry:
            found = sorted(path.relative_to(docs).as_posix() for path in docs.glob(entry))
            found = [page for page in found if page not in named]
            named.update(found)
            out += found
        else:
            out.append(entry)
    return out


def on_config(config):
    docs = pathlib.Path(config["docs_dir"])
    named = {entry for entry in entries(config["nav"]) if "*" not in entry}
    config["nav"] = expand(config["nav"], docs, named)
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    if pages - named:
        raise PluginError(f"mkdocs.yml has no place for {sorted(pages - named)}")
    return config


def on_page_markdown(markdown, page, **_):
    if page.file.src_path == "reference/index.md":
        markdown += '\nWith search and an index: <a href="../api/index.html">the headers, by Doxygen</a>.\n'
    return markdown
