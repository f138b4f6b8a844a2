"""The page of refused records: why, and as they were."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from lake import quarantine
from lake.files import objects, recent
from lake.ledger import Filter
from lake.ui import again, page
from store.model import Status

if TYPE_CHECKING:
    from collections.abc import Collection

    from lake.ledger import Item
    from lake.query import Result
    from lake.ui.console import Console

#: So many records and objects are shown.
_RECORDS, _OBJECTS = 50, 50

#: Statuses of objects of which something was refused.
_WITH_REFUSALS = (Status.PARTIAL, Status.REJECTED)


def register(console: Console) -> None:
    """Make the page."""

    @ui.page("/refused")
    def refused(key: str = "", dataset: str = "", reason: str = "") -> None:
        with page.frame(console, "Refused"):
            if key or reason or dataset:
                _chosen(console, key, dataset, reason)
            else:
                _every(console)


def _every(console: Console) -> None:
    wanted = Filter(statuses=_WITH_REFUSALS)

    def draw(found: list[Item]) -> None:
        if not found:
            page.nothing("No record was refused.")
            return
        page.Text("h2", "By reason")
        _reasons(found)
        page.Text("h2", "By file")
        shown = found[:_OBJECTS]
        text = f"Ingest {objects(len(shown))} again…"
        again.button(console, [item.key for item in shown], said, again_, text)
        page.table(
            "Files of which something was refused, the most recent first",
            ["object", "status", "records refused", "of", "first"],
            (
                [
                    partial(page.link, item.key, "/file", key=item.key),
                    partial(page.status, item.status),
                    f"{item.quarantined:,}",
                    f"{item.read:,}",
                    _first(item),
                ]
                for item in shown
            ),
            [False, False, True, True, False],
        )
        more = f", the most recent {_OBJECTS} shown" if len(found) > _OBJECTS else ""
        page.Text("p", f"{objects(len(found))}{more}.", "quiet")

    said = page.group("div", "part")
    again_ = page.load("Reading the ledger…", lambda: recent(console.target, wanted), draw)


def _first(item: Item) -> str:
    for one in item.refused:
        return f"{one.reason}, record {one.record:,}: {one.detail}"
    return ": ".join(filter(None, (item.reason, item.detail)))


def _reasons(found: list[Item]) -> None:
    records, files = Counter[str](), Counter[str]()
    for item in found:
        for one in item.refused:
            records[one.reason] += one.count
            files[one.reason] += 1
        if not item.refused and item.reason:
            files[item.reason] += 1
    page.table(
        "Refused records by reason",
        ["reason", "records", "files"],
        (
            [
                partial(page.link, reason, "/refused", reason=reason),
                f"{records[reason]:,}" if records[reason] else "",
                f"{count:,}",
            ]
            for reason, count in files.most_common()
        ),
        [False, True, True],
    )


def _chosen(console: Console, key: str, dataset: str, reason: str) -> None:
    chosen = [("object", key), ("dataset", dataset), ("reason", reason)]
    page.facts((name, value) for name, value in chosen if value)
    page.link("All refused records", "/refused")
    records(console, key=key, dataset=dataset, reason=reason)


def records(
    console: Console,
    key: str = "",
    dataset: str = "",
    reason: str = "",
    dates: Collection[str] = (),
) -> None:
    """Make a part with refused records; parameters are those of :func:`quarantine.records`."""

    def ask() -> Result:
        return quarantine.records(
            console.target, most=_RECORDS, key=key, dataset=dataset, reason=reason, dates=dates
        )

    page.load("Asking Athena for the records…", ask, partial(_records, by_key=not key))


def _records(found: Result, *, by_key: bool) -> None:
    if not found.rows:
        page.nothing("The table quarantine has no such record.")
        return
    with page.group("div", "cards"):
        for row in found.rows:
            _record(dict(zip(found.columns, row, strict=True)), by_key=by_key)
    if found.more:
        page.Text("p", f"The first {_RECORDS} are shown.", "quiet")


def _record(one: dict[str, Any], *, by_key: bool) -> None:
    with page.group("article", "card"):
        with page.group("p"):
            page.Text("strong", one["reason"])
            number = one["record_number"]
            page.Text("span", f"record {int(number):,}" if number else "the whole object", "quiet")
            if by_key:
                page.link(str(one["source_key"]), "/file", key=str(one["source_key"]))
        page.Text("p", one["detail"] or "")
        if one["raw"]:
            packed = one["raw_encoding"] == "base64"
            page.Text(
                "p", "It is no text: these are its bytes in Base64.", "quiet"
            ) if packed else None
            with page.group(
                "div", "wide-box", tabindex="0", role="region", aria_label="The record"
            ):
                page.Text("pre", one["raw"], "raw")
