"""The pages of models: how fresh their tables are, what they are made of, how to refresh them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui

from lake import curate, curation, model, model_catalog, models
from lake.errors import LakeCommandError
from lake.ui import page
from model.files import files_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lake.curation import Published
    from lake.models import Files, Seen
    from lake.ui.console import Console
    from model.lineage import Made

#: Seconds to wait, as the command does.
_PATIENCE = 900.0


@dataclass(frozen=True)
class _Known:
    """What is known of a model: how it is, its rows, what its columns are made of, or why not."""

    seen: Seen
    rows: int | None
    lineage: Mapping[str, Made]
    why_not: str


def register(console: Console) -> None:
    """Make the pages."""

    @ui.page("/models")
    def every() -> None:
        with page.frame(console, "Models"):
            page.load("Comparing…", lambda: _look(console), lambda found: _list(*found))

    @ui.page("/model")
    def one(name: str = "") -> None:
        with page.frame(console, "Models", name):
            _One(console, name)


def _files() -> Files:
    return models.read(files_of(models.folder()))


def _look(console: Console) -> tuple[list[Seen], dict[str, str]]:
    found = _files()
    return models.look(console.target, found.models), found.wrong


def _list(seen: list[Seen], wrong: dict[str, str]) -> None:
    for why in wrong.values():
        page.uneasy(f"Left out: {why}")
    if not seen:
        page.nothing(f"There is no model: a file {models.place('NAME')} makes one.")
        return
    page.table(
        "Models",
        ["model", "is", "refreshed", "partitions", "waiting", "older text", "about"],
        (
            [
                partial(page.link, one.model.name, "/model", "strong", name=one.model.name),
                one.said,
                f"{curate.age(one.state.done.at)} ago" if one.state.done else "never",
                f"{len(one.partitions):,}",
                f"{one.waiting:,}" if one.waiting else "",
                f"{len(one.older):,}" if one.older else "",
                one.model.header.description,
            ]
            for one in seen
        ),
        [False, False, True, True, True, True, False],
    )
    if advice := [said for one in seen if (said := curate.advice(one))]:
        page.Text("h2", "What to do")
        page.sentences(advice)


class _One:
    """The page of one model."""

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name = console, name
        # Its parts are made anew, and what is said stays.
        self._said = page.group("div", "part")
        self._again = page.load("Comparing…", self._read, self._draw)

    def _read(self) -> _Known:
        target, files = self._console.target, _files()
        one = files.named(self._name)
        (seen,) = models.look(target, [one])
        lineage: Mapping[str, Made] = {}
        why_not = ""
        try:
            lineage = model.traced_of(files, model_catalog.read(target), self._name)
        except LakeCommandError as error:
            why_not = str(error)
        return _Known(seen, curate.count(target, seen), lineage, why_not)

    def _draw(self, known: _Known) -> None:
        seen = known.seen
        if said := curate.advice(seen):
            page.uneasy(said)
        page.Text("p", seen.model.header.description)
        with page.group("div", "actions"):
            if seen.partitions:
                page.link("Its table", "/table", "action", name=self._name)
            if seen.deployed != "":
                self._buttons()
        page.sentences(curate.about(seen, known.rows))
        with page.group("p", "flow-line"):
            page.Text("span", "Made of: ")
            for source in seen.model.sources:
                page.link(source.name, "/table", "strong", name=source.name)
        page.Text("h2", "Columns")
        if known.why_not:
            page.Text("p", known.why_not)
        rows = [row for name, made in known.lineage.items() for row in model.rows_of(name, made)]
        if rows:
            # As the command: models between are named where there are some.
            width = 3 if any(row[2] for row in rows) else 2
            heads = ["column", "made of", "through"][:width]
            page.table("Of which columns each is made", heads, [row[:width] for row in rows])
        page.Text("h2", "SQL")
        with page.group("div", "wide-box", tabindex="0", role="region", aria_label="SQL"):
            page.Text("pre", seen.model.sql.strip(), "raw")

    def _buttons(self) -> None:
        async def ask(full: bool) -> None:
            what = "all dates" if full else "what is older than its sources, or waits"
            lines = [
                f"{self._name}: {what}",
                "Athena reads the sources, which costs money in AWS",
                "Readers see the old rows until the new ones are published",
            ]
            if await page.agreed("Make the table anew?", lines, "Make it anew"):
                await self._refresh(full=full)

        page.action("Make what is stale anew…", partial(ask, full=False))
        page.action("Make all anew…", partial(ask, full=True))

    async def _refresh(self, *, full: bool) -> None:
        page.fill(self._said, partial(page.waiting, "Waiting for the curator…"))
        try:
            said = [one async for one in page.told(partial(self._curate, full))]
        except Exception as error:
            page.fill(self._said, partial(page.problem, error))
            return
        page.fill(self._said, partial(page.done, " ".join(said)))
        await self._again()

    def _curate(self, full: bool, tell: Callable[[str], None]) -> None:
        target, began = self._console.target, time.time()
        seen = models.look(target, [_files().named(self._name)])
        touches = curation.wanted(target, seen, full=full)
        if not touches:
            tell("Nothing was refreshed: it is fresh already.")
            return
        curation.send(target, touches)
        one: Published
        for one in curation.published(target, [self._name], began, _PATIENCE):
            tell(one.said)
