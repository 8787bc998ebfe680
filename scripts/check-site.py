#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/check-site.py [SITE]

Every link of the built site leads somewhere: to a file of the site and, after a
#, to an id on that page. Nothing is fetched from elsewhere: no script, style,
font or picture with a host in its address. The same for the Markdown files at
the top of the tree and below docs/ as GitHub shows them; without SITE, only these.
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src"}
faults = []


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.ids = set()
        self.links = []
        self.feed(path.read_text(errors="replace"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        for name in ("id", "name"):
            if attrs.get(name):
                self.ids.add(attrs[name])
        if tag == "a" and attrs.get("href"):
            self.links.append((attrs["href"], False))
        if tag == "link" and attrs.get("href") and attrs.get("rel") != "canonical":
            self.links.append((attrs["href"], True))
        if tag in FETCHED and attrs.get(FETCHED[tag]):
            self.links.append((attrs[FETCHED[tag]], True))


pages = {}


def page(path):
    if path not in pages:
        pages[path] = Page(path)
    return pages[path]


def check_link(site, path, link, fetched):
    where = path.relative_to(site)
    parts = urllib.parse.urlsplit(link)
    if parts.scheme in ("data", "mailto", "javascript"):
        return
    if parts.scheme or parts.netloc:
        if fetched:
            faults.append(f"{where}: fetches {link} from elsewhere")
        return
    name = urllib.parse.unquote(parts.path)
    if name.startswith("/"):
        # The page "not found" is served at any place; its links are absolute.
        target = site / name.lstrip("/")
    else:
        target = path.parent / name if name else path
    if target.is_dir():
        target = target / "index.html"
    if not target.exists():
        faults.append(f"{where}: {link} is not there")
    elif parts.fragment and target.suffix == ".html":
        wanted = urllib.parse.unquote(parts.fragment)
        if wanted not in page(target.resolve()).ids:
            faults.append(f"{where}: {link}: that page has no such place")


def github_ids(text):
    """The ids that GitHub gives to headings."""
    plain = re.sub(r"```.*?```", "", text, flags=re.S)
    ids = set(re.findall(r'<a (?:id|name)="([^"]+)"', plain))
    for heading in re.findall(r"^#+ +(.*)$", plain, flags=re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        number = 1
        while name in ids:
            name = f"{name}-{number}"
            number += 1
        ids.add(name)
    return ids


def check_markdown(path):
    text = path.read_text()
    plain = re.sub(r"```.*?```", "", text, flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", plain):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = (path.parent / name) if name else path
        if not target.exists():
            faults.append(f"{path.relative_to(ROOT)}: {link} is not there")
        elif fragment and target.suffix == ".md" and fragment not in github_ids(target.read_text()):
            faults.append(f"{path.relative_to(ROOT)}: {link}: that file has no such heading")


def check_site(site):
    found = sorted(site.rglob("*.html"))
    if len(found) < 10:
        faults.append(f"{site} is no site: {len(found)} pages")
    for path in found:
        for link, fetched in page(path).links:
            check_link(site, path, link, fetched)
    print(f"{len(found)} pages")


def main():
    if len(sys.argv) > 1:
        check_site(pathlib.Path(sys.argv[1]).resolve())
    for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]:
        check_markdown(path)
    print("\n".join(faults) or "every link leads somewhere")
    return 1 if faults else 0


sys.exit(main())
