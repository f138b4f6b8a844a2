"""The pages of the tables: all of them, and what one holds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from lake import contents, overview, render
from lake.ui import page
from lake.ui.grid import grid

if TYPE_CHECKING:
    from lake.contents import Profile
    from lake.overview import Overview
    from lake.query import Result
    from lake.ui.console import Console

#: Rows of a sample, and so many partitions are listed.
_ROWS, _PARTITIONS = 20, 400


def register(console: Console) -> None:
    """Make the pages."""

    @ui.page("/tables")
    def every() -> None:
        with page.frame(console, "Tables"):
            page.load("Counting…", lambda: overview.look(console.target), _list)

    @ui.page("/table")
    def one(name: str = "") -> None:
        with page.frame(console, "Tables", name):
            page.load(
                "Looking…", lambda: _describe(console, name), lambda found: _show(console, *found)
            )


def _describe(console: Console, name: str) -> tuple[Overview, dict[str, Any]]:
    (found,) = overview.look(console.target, name)
    return found, contents.more(found)


def _list(found: list[Overview]) -> None:
    if not found:
        with page.nothing("There is no table yet. The first file of a dataset makes its table."):
            page.link("Upload a file", "/upload")
        return
    page.table(
        "Tables of the lake",
        ["table", "kind", "rows", "partitions", "size", "last load (UTC)"],
        (
            [
                partial(page.link, one.name, "/table", "strong", name=one.name),
                one.kind,
                "" if one.rows is None else f"{one.rows:,}",
                "" if one.partitions is None else f"{one.partitions:,}",
                "" if one.size is None else render.size(one.size),
                contents.minute(one.loaded),
            ]
            for one in found
        ),
        [False, False, True, True, True, False],
    )
    page.Text("p", "Rows are counted by the ledger, and no table is read.", "quiet")


def _show(console: Console, one: Overview, known: dict[str, Any]) -> None:
    with page.group("div", "actions"):
        if one.kind == overview.DATASET:
            page.link("Upload to it", "/upload", "action", dataset=one.name)
            page.link("Its files", "/files", "action", dataset=one.name)
        if one.kind == overview.MODEL:
            page.link("Its model", "/model", "action", name=one.name)
        page.link("Query it", "/query", "action", table=one.name)
    page.facts(pair for pair in contents.lines(one, known) if pair[0] != "table")
    with ui.tabs().classes("tabs").props("no-caps align=left") as tabs:
        ui.tab("Sample")
        ui.tab("Columns", label=f"Columns ({len(known['columns']):,})")
        if one.dates:
            ui.tab("Partitions", label=f"Partitions ({len(one.dates):,})")
        ui.tab("Profile")
    with ui.tab_panels(tabs, value="Sample", animated=False, keep_alive=True).classes("panels"):
        with ui.tab_panel("Sample"):
            page.load(
                "Asking Athena for the newest rows…",
                lambda: contents.newest(console.target, one, _ROWS),
                _sample,
            )
        with ui.tab_panel("Columns"):
            page.table(
                f"Columns of {one.name}",
                ["column", "type", "comment"],
                ([c["name"], c["type"], c["comment"]] for c in known["columns"]),
            )
        if one.dates:
            with ui.tab_panel("Partitions"):
                _partitions(one)
        with ui.tab_panel("Profile"):
            _profile(console, one)


def _sample(found: Result) -> None:
    if not found.rows:
        page.nothing("The table has no rows.")
        return
    grid(found, "Rows of the newest dates")
    read = f", {render.size(found.scanned)} read" if found.scanned else ""
    page.Text("p", f"{len(found.rows):,} rows of the newest dates{read}.", "quiet")


def _partitions(one: Overview) -> None:
    dates = sorted(one.dates, reverse=True)
    with page.group("ul", "dates"):
        for date in dates[:_PARTITIONS]:
            with page.group("li"):
                page.link(date, "/query", table=one.name, date=date)
    if len(dates) > _PARTITIONS:
        page.Text("p", f"… and {len(dates) - _PARTITIONS:,} older ones.", "quiet")


def _profile(console: Console, one: Overview) -> None:
    place = page.group("div", "part")

    async def ask() -> None:
        await page.shown(
            place,
            "Asking Athena…",
            lambda: contents.profiled(console.target, one),
            _profiled,
        )

    with place:
        page.Text(
            "p",
            "Nulls, the least and the greatest value of each column. Athena reads the whole columns"
            + (f", {render.size(one.size)} at most" if one.size else "")
            + ", which costs money in AWS.",
        )
        page.action("Profile the table", ask, primary=True)


def _profiled(found: Profile) -> None:
    page.table(
        "Profile of the columns",
        ["column", "type", "nulls", "%", "least", "greatest"],
        found.lines,
        [False, False, True, True, False, False],
    )
    page.Text("p", f"{found.footer}.", "quiet")
