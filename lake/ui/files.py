"""The pages of files: what became of each, and everything that is known of one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui

from lake import facts, ledger, render, suggest, words
from lake.contents import minute
from lake.dating import Contracts
from lake.errors import LakeCommandError
from lake.files import objects, recent
from lake.ledger import Filter
from lake.ui import again, page, refused
from store.model import Status
from store.naming import QUARANTINE

if TYPE_CHECKING:
    from lake.ledger import Item
    from lake.ui.console import Console

#: So many are listed, as by the command, and so many keys of rows.
_LISTED, _OUTPUTS = 100, 20

_ANY = "any"


def register(console: Console) -> None:
    """Make the pages."""

    @ui.page("/files")
    def every(dataset: str = "", status: str = "", key: str = "") -> None:
        with page.frame(console, "Files"):
            _search(dataset, status, key)
            wanted = Filter(
                keys=[f"{key.removesuffix('*')}*"] if key else [],
                statuses=[status] if status else [],
                datasets=[dataset] if dataset else [],
            )
            page.load("Reading the ledger…", lambda: recent(console.target, wanted), _list)

    @ui.page("/file")
    def one(key: str = "") -> None:
        with page.frame(console, "Files", key):
            _One(console, key)


def _search(dataset: str, status: str, key: str) -> None:
    def go() -> None:
        chosen = "" if statuses.value == _ANY else str(statuses.value)
        ui.navigate.to(
            page.address("/files", dataset=datasets.value, status=chosen, key=keys.value)
        )

    with page.group("div", "form", role="search"):
        datasets = (
            ui.input("Dataset", value=dataset).props("outlined dense").on("keydown.enter", go)
        )
        every = [_ANY, *(str(one) for one in Status if one is not Status.SUPERSEDED)]
        statuses = ui.select(
            every, label="Status", value=status if status in every else _ANY
        ).props("outlined dense options-dense")
        keys = ui.input("Key begins with", value=key)
        keys.props("outlined dense").classes("wide").on("keydown.enter", go)
        page.action("Show", go, primary=True)


def _list(found: list[Item]) -> None:
    if not found:
        with page.nothing("No file is there, or none of this kind."):
            page.link("Upload a file", "/upload")
        return
    page.table(
        "Files, the most recent first",
        ["object", "status", "read", "refused", "rescued", "changed (UTC)"],
        (
            [
                partial(page.link, item.key, "/file", key=item.key),
                partial(page.status, item.status),
                f"{item.read:,}",
                f"{item.quarantined:,}" if item.quarantined else "",
                f"{item.rescued:,}" if item.rescued else "",
                minute(item.updated_at),
            ]
            for item in found[:_LISTED]
        ),
        [False, False, True, True, True, False],
    )
    more = f", the most recent {_LISTED} shown: choose a dataset, a status or a key"
    page.Text("p", f"{objects(len(found))}{more if len(found) > _LISTED else ''}.", "quiet")


class _One:
    """The page of one file."""

    def __init__(self, console: Console, key: str) -> None:
        self._console, self._key = console, key
        self._said = page.group("div", "part")
        self._again = page.load("Reading the ledger…", self._read, self._draw)

    def _read(self) -> Item:
        target = self._console.target
        found = ledger.get(target, target.outputs["RawBucketName"], self._key)
        if found is None:
            raise LakeCommandError(f"The ledger knows no object {self._key}.")
        return Contracts(target).noted(found)

    def _draw(self, item: Item) -> None:
        with page.group("div", "actions"):
            if item.accepted:
                page.link("Its table", "/table", "action", name=item.dataset)
            again.button(self._console, [item.key], self._said, self._again, "Ingest again…")
        page.facts(
            (name, value)
            for name, value in (
                ("status", partial(page.status, item.status)),
                ("dataset", item.dataset),
                ("records", _counts(item)),
                ("format", _format(item)),
                ("size", render.size(item.size) if item.size else ""),
                ("took", f"{item.milliseconds / 1000:.1f} s" if item.milliseconds else ""),
                ("changed", f"{minute(item.updated_at)} UTC"),
                ("version", item.version),
            )
            if value
        )
        looked_at = self._console.target.parameters.get("DateColumns", "")
        if said := [*facts.outcome(item), *facts.notes(item, looked_at)]:
            page.Text("h2", "What became of it")
            page.sentences(said)
        if command := words.loose(suggest.one(item)):
            with page.group("p", "next"):
                page.Text("span", "Next: ")
                page.Text("code", command)
        if item.quarantined or item.status == Status.REJECTED:
            page.Text("h2", "What was refused")
            refused.records(self._console, key=item.key, dates=item.dates_in(QUARANTINE))
        if item.outputs:
            page.Text("h2", "Where its rows are")
            page.sentences(page.some(item.outputs, _OUTPUTS))


def _format(item: Item) -> str:
    packed = "" if item.compression == "none" else item.compression
    return ", ".join(filter(None, (item.format, packed)))


def _counts(item: Item) -> str:
    parts = [f"{item.read:,} read", f"{item.accepted:,} accepted"]
    parts += [f"{item.quarantined:,} refused"] if item.quarantined else []
    parts += [f"{item.rescued:,} with rescued values"] if item.rescued else []
    parts += [f"{item.undated:,} undated"] if item.undated else []
    return ", ".join(parts)
