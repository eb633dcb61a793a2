"""Gathers the pages of the site into build/docs: `python docs/gather.py`, as `make docs` does.

These are docs/*.md with the README as first page, the files elsewhere that pages link to, and a
page for each module that mkdocs.yml names in its reference.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
DOCS, LOG = ROOT / "docs", "CHANGELOG.md"
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s#]+)")  # to a file
REFERENCE = "reference/"


def main() -> None:
    """Gather them anew; a link that leads nowhere is told, and ends it."""
    broken = gather(ROOT / "build" / "docs")
    if broken:
        sys.exit("\n".join(broken))


def gather(target: Path) -> list[str]:
    """Gather the pages in a folder, which is emptied first; what is wrong with links."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(DOCS, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    sources = {page: DOCS / page.relative_to(target) for page in sorted(target.rglob("*.md"))}
    sources |= {target / "index.md": ROOT / "README.md", target / LOG: ROOT / LOG}
    broken = [text for page, source in sources.items() for text in bring(target, page, source)]
    for module in modules():
        page = target / REFERENCE / f"{module}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(f"# {module}\n\n::: {module}\n", encoding="utf-8")
    return broken


def bring(target: Path, page: Path, source: Path) -> list[str]:
    """Write a page whose links lead to files in the folder; those from elsewhere are copied there.

    Arguments:
        source: what the page is made of.

    Returns:
        A sentence for each link to a file that is not there.
    """
    broken = []

    def mended(found: re.Match[str]) -> str:
        path = (source.parent / found[1]).resolve()
        if not path.is_file():
            broken.append(f"{source.relative_to(ROOT)} links to {found[1]}, which is not there")
            return found[0]
        copy = target / path.relative_to(DOCS if path.is_relative_to(DOCS) else ROOT)
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        return f"]({os.path.relpath(copy, page.parent)}"

    page.write_text(LINK.sub(mended, source.read_text(encoding="utf-8")), encoding="utf-8")
    return broken


def modules() -> list[str]:
    """The modules of the reference."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    navigation = yaml.safe_load(text)["nav"]
    (pages,) = [part["Reference"] for part in navigation if "Reference" in part]
    return [
        path.removeprefix(REFERENCE).removesuffix(".md") for one in pages for path in one.values()
    ]


if __name__ == "__main__":
    main()
