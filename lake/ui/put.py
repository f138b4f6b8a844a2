"""The page that uploads files and tells what becomes of them, as `lake put` does."""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nicegui import background_tasks, ui

from lake import ledger, put, render, sources, tables, upload, words
from lake.overview import is_shown
from lake.trouble import explain
from lake.ui import page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nicegui.events import MultiUploadEventArguments

    from lake.sources import Found
    from lake.ui.console import Console
    from lake.upload import Fate

#: Seconds without any news after which nobody waits any longer, as for the command.
_PATIENCE = 300.0

#: Seconds between two words on how much was uploaded.
_TICK = 0.3


#: Quasar's own head hides the field for files in a link without a name.
_HEADER = """
<div class="pick">
  <button type="button" @click="props.pickFiles">Choose files…</button>
  <span>or drop them here</span>
  <span hidden><q-uploader-add-trigger></q-uploader-add-trigger></span>
</div>
"""


def register(console: Console) -> None:
    """Make the page."""

    @ui.page("/upload")
    def uploads(dataset: str = "") -> None:
        with page.frame(console, "Upload"):
            _Upload(console, dataset)


class _Upload:
    """What one open page has chosen, and how it becomes objects of the lake.

    Files come into a folder of this machine first, and from there into the lake once the user
    has agreed.
    """

    def __init__(self, console: Console, dataset: str) -> None:
        self._console = console
        # It is gone with this object, at the latest when the process ends.
        self._folder = tempfile.TemporaryDirectory(prefix="lake-ui-", ignore_cleanup_errors=True)
        self._chosen: dict[str, Path] = {}
        page.Text(
            "p",
            "The content says what a file is: JSON, CSV, Parquet, Avro, ORC, spreadsheets, text, "
            "packed or not.",
        )
        with page.group("div", "form"):
            self._dataset = ui.input(
                "Dataset (its table; empty: processed_table)", value=dataset
            ).props("outlined dense")
            self._dataset.classes("wide")
        self._field = (
            ui.upload(
                multiple=True,
                auto_upload=True,
                on_multi_upload=self._take,
            )
            .props("flat bordered")
            .classes("drop")
        )
        self._field.props["role"] = "group"
        self._field.props["aria-label"] = "Files"
        self._field.add_slot("header", _HEADER)
        self._list = page.group("div", "part", role="status")
        with page.group("div", "actions"):
            self._go = page.action("Upload…", self._ask, primary=True)
            self._go.disable()
            self._clear = page.action("Choose others", self._forget)
            self._clear.disable()
        self._fates = page.group("section", "part", aria_label="What became of them")
        ui.timer(0, self._offer, once=True)

    async def _offer(self) -> None:
        """Offer the names of datasets; without an answer of the lake there are none to offer."""
        with suppress(Exception):
            found = await page.in_thread(partial(tables.tables_of, self._console.target))
            names = sorted(name for name, one in found.items() if is_shown(name, one))
            self._dataset.set_autocomplete(names)

    async def _take(self, event: MultiUploadEventArguments) -> None:
        said: list[str] = []
        for file in event.files:
            path = Path(self._folder.name) / file.name
            if file.name in self._chosen:
                said.append(f"Two files are called {file.name}: the one chosen last counts.")
            try:
                await file.save(path)
            except (OSError, ValueError) as error:
                said.append(f"{file.name} cannot be taken: {explain(error) or error}")
            else:
                self._chosen[file.name] = path
        self._field.reset()
        self._list_chosen(said)

    def _list_chosen(self, said: Sequence[str] = ()) -> None:
        self._list.clear()
        with self._list:
            for one in said:
                page.uneasy(one)
        with self._list:
            if self._chosen:
                size = sum(path.stat().st_size for path in self._chosen.values())
                many = len(self._chosen)
                page.Text("p", f"{many:,} file{'s'[: many != 1]} chosen, {size:,} bytes:")
                page.sentences(self._chosen)
        self._go.set_enabled(bool(self._chosen))
        self._clear.set_enabled(bool(self._chosen))

    def _forget(self) -> None:
        for path in self._chosen.values():
            path.unlink(missing_ok=True)
        self._chosen.clear()
        self._list_chosen()

    def _found(self) -> tuple[Found, list[str]]:
        """Give the objects that would be made, and the keys of those that are there already."""
        target = self._console.target
        files = [str(path) for path in self._chosen.values()]
        found = sources.find(target, files, self._dataset.value.strip() or None, "")
        known = ledger.get_many(target, target.outputs["RawBucketName"], [*found.sources])
        return found, [key for key, item in known.items() if item.version]

    async def _ask(self) -> None:
        try:
            found, there = await page.in_thread(self._found)
        except Exception as error:
            page.fill(self._fates, partial(page.problem, error))
            return
        keys = [*found.sources]
        many = f"{len(keys):,} file{'s'[: len(keys) != 1]}"
        lines = page.some(keys)
        if there:
            lines.append(
                f"{len(there):,} of these keys have a file already: it is replaced, with all of "
                "its rows"
            )
        if await page.agreed(f"Upload {many}?", lines, "Upload"):
            background_tasks.create(self._upload(found))

    async def _upload(self, found: Found) -> None:
        self._go.disable()
        self._clear.disable()
        self._fates.clear()
        with self._fates:
            page.Text("h2", "What became of them")
            bar = page.group("div", "part")
            with bar:
                page.waiting("Uploading…")
            trouble = page.group("div", "part")
            cards = page.group("div", "cards", role="log", aria_label="Files")
        done, every = 0, len(found.sources)
        try:
            async for one in page.told(partial(_put, self._console, found)):
                # Who leaves the page does not stop what he began.
                if self._fates.is_deleted:
                    continue
                if isinstance(one, Trouble):
                    page.fill(trouble, partial(page.uneasy, one))
                    continue
                trouble.clear()
                if isinstance(one, str):
                    page.fill(bar, partial(page.waiting, one))
                    continue
                done += 1
                said = f"Ingesting: {done:,} of {every:,} files are known…"
                page.fill(bar, partial(page.waiting, said) if done < every else lambda: None)
                with cards:
                    _card(one, self._console.target.parameters.get("DateColumns", ""))
        except Exception as error:
            page.fill(bar, partial(page.problem, error))
            if not self._fates.is_deleted:
                self._list_chosen()
            return
        if not self._fates.is_deleted:
            self._forget()


class Trouble(str):
    """Why it may take so long."""

    __slots__ = ()


def _put(console: Console, found: Found, tell: Callable[[Fate | str], None]) -> None:
    """Upload and wait; tell how far it is, what became of each file, and why it takes so long."""
    size = sum(source.size for source in found.sources.values())
    counted, told_at, lock = 0, time.monotonic(), threading.Lock()

    def sent(more: int) -> None:
        nonlocal counted, told_at
        with lock:
            counted += more
            if (now := time.monotonic()) > told_at + _TICK:
                told_at = now
                tell(f"Uploading: {render.size(counted)} of {render.size(size)}…")

    uploads = list(upload.upload(console.target, found.sources, sent))
    many = len(uploads)
    tell(f"Ingesting {many:,} file{'s'[: many != 1]}…")
    fates = upload.fates(console.target, uploads, _PATIENCE, lambda why: tell(Trouble(why)))
    for fate in fates:
        tell(fate)


def _card(fate: Fate, looked_at: str) -> None:
    item = fate.item
    with page.group("article", "card"):
        with page.group("h3"):
            page.link(fate.uploaded.key, "/file", key=fate.uploaded.key)
        with page.group("p"):
            page.status(fate.status)
            counts = put.verdict(fate).removeprefix(fate.status).lstrip(": ")
            page.Text("span", words.loose(counts))
        page.sentences(put.notes(fate, looked_at))
        with page.group("p", "more"):
            if item and item.accepted:
                page.link("Its table", "/table", name=item.dataset)
            if item and (item.quarantined or item.status == "REJECTED"):
                page.link("What was refused", "/refused", key=item.key)
        if command := words.loose(put.advice(fate)):
            with page.group("p", "next"):
                page.Text("span", "Next: ")
                page.Text("code", command)
