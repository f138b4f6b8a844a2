"""Every link and every anchor of every page leads somewhere."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def tokens(page: str) -> Iterator[Token]:
    for block in MarkdownIt("commonmark").enable("table").parse(page):
        yield block
        yield from block.children or []


def links(page: str) -> Iterator[str]:
    """Give the addresses of a page's links and pictures."""
    for token in tokens(page):
        for name in ("href", "src"):
            if address := token.attrGet(name):
                yield str(address)


def anchors(page: str) -> set[str]:
    """Give the anchors of a page's headings, as GitHub and MyST make them."""
    found: dict[str, int] = {}
    blocks = MarkdownIt("commonmark").parse(page)
    for opening, inline in pairwise(blocks):
        if opening.type == "heading_open":
            said = "".join(
                one.content for one in inline.children or [] if one.type in ("text", "code_inline")
            )
            slug = re.sub(r"[^\w\- ]", "", said.lower()).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
    return {f"{slug}-{n}" if n else slug for slug, last in found.items() for n in range(last + 1)}


def broken(page: str, place: Path) -> Iterator[str]:
    """Give the links of a page that lead nowhere."""
    for link in links(page):
        if ELSEWHERE.match(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        goal = place.parent / path if path else place
        if not goal.exists():
            yield f"{link}: there is no {path}"
        elif anchor and anchor not in anchors(goal.read_text(encoding="utf-8")):
            yield f"{link}: {goal.name} has no heading for {anchor}"


@pytest.fixture(scope="module")
def places(root: Path) -> list[Path]:
    found = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("[!.]*/README.md")]
    assert len(found) >= 50
    return found


def test_every_link_and_every_anchor_leads_somewhere(places: list[Path], root: Path) -> None:
    found = {
        str(place.relative_to(root)): wrong
        for place in places
        if (wrong := list(broken(place.read_text(encoding="utf-8"), place)))
    }
    assert not found


def test_every_page_can_be_reached_from_the_first(root: Path) -> None:
    first = root / "docs" / "index.md"
    reached, open_ = {first}, [first]
    while open_:
        place = open_.pop()
        for link in links(place.read_text(encoding="utf-8")):
            path = unquote(link).partition("#")[0]
            goal = (place.parent / path).resolve()
            if path and goal.suffix == ".md" and goal not in reached and goal.exists():
                reached.add(goal)
                open_.append(goal)
    assert set((root / "docs").resolve().glob("**/*.md")) <= reached


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("[a](other.md)", []),
        ("[a](other.md#two-words)", []),
        ("[a](other.md#the-table-lake_runs)", []),
        ("[a](#here)", []),
        ("[a](other.md#two)", ["other.md#two: other.md has no heading for two"]),
        ("[a](none.md#two)", ["none.md#two: there is no none.md"]),
        ("![a](none.svg)", ["none.svg: there is no none.svg"]),
        ("| a |\n|---|\n| [a](none.md) |", ["none.md: there is no none.md"]),
        ("`[a](none.md)`", []),
        ("[a](https://example.com/none.md)", []),
    ],
)
def test_a_link_that_leads_nowhere_is_told(tmp_path: Path, link: str, said: list[str]) -> None:
    other = "# Two words\n\n## The table `lake_runs`\n\n```\n# two\n```\n"
    (tmp_path / "other.md").write_text(other, encoding="utf-8")
    place = tmp_path / "page.md"
    place.write_text(f"# Here\n\n{link}\n", encoding="utf-8")
    assert list(broken(place.read_text(encoding="utf-8"), place)) == said
