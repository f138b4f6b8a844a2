"""The page for SQL: an editor, what was asked before, and the rows as table and chart."""

from __future__ import annotations

import json
import threading
from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui

from lake import model_catalog, render
from lake.overview import is_shown
from lake.statement import literal, quoted
from lake.ui import page
from lake.ui.chart import Chart
from lake.ui.grid import grid

if TYPE_CHECKING:
    from lake.query import Result
    from lake.ui.console import Console

#: Rows that are shown and exported, and what may be chosen instead.
_ROWS, _CHOICES = 1_000, [100, 1_000, 10_000]

_EXAMPLE = "SHOW TABLES"


def register(console: Console) -> None:
    """Make the page."""

    @ui.page("/query")
    def ask(table: str = "", date: str = "", sql: str = "") -> None:
        with page.frame(console, "Query"):
            _Editor(console, sql or _query_of(table, date) or next(iter(console.asked), _EXAMPLE))


def _query_of(table: str, date: str) -> str:
    if not table:
        return ""
    where = f"WHERE date_partition = {literal(date)}\n" if date else ""
    return f"SELECT *\nFROM {quoted(table)}\n{where}LIMIT 100"


class _Editor:
    """What one open page asks."""

    def __init__(self, console: Console, sql: str) -> None:
        self._console = console
        self._stop = threading.Event()
        ui.context.client.on_delete(self._stop.set)
        with page.group("div", "editor", role="group", aria_label="SQL"):
            self._code = ui.codemirror(
                sql,
                language="SQL",
                line_wrapping=True,
                keymap={"Mod-Enter": self.run},
            ).classes("code")
        with page.group("div", "actions"):
            self._go = page.action("Run", self.run, primary=True)
            self._end = page.action("Stop", self._stop.set)
            self._end.disable()
            self._most = ui.select(
                {one: f"at most {one:,} rows" for one in _CHOICES}, value=_ROWS, label="Rows"
            ).props("outlined dense options-dense")
            with ui.button("History", color=None).props("no-caps outline").classes("action"):
                self._history = ui.menu().classes("history")
            page.Text("span", "Ctrl+Enter runs it, Ctrl+Space offers tables and columns.", "quiet")
        self._place = page.group("section", "part", aria_label="Result")
        self._list_history()
        ui.timer(0, self._complete, once=True)

    async def _complete(self) -> None:
        """Tell the editor what may be written; without an answer it offers keywords only."""
        self._call("adapt")
        try:
            found = await page.in_thread(partial(model_catalog.read, self._console.target))
        except Exception:
            # The query itself says what is wrong with the lake.
            return
        names = {
            name: columns
            for name, columns in found.columns.items()
            if is_shown(name, found.tables[name])
        }
        told = json.dumps({name: [*columns.items()] for name, columns in names.items()})
        self._call("offer", told)

    def _call(self, function: str, argument: str = "null") -> None:
        call = f"m.{function}({self._code.id}, {argument})"
        ui.run_javascript(f"import('/static/editor.js').then((m) => {call})")

    def _list_history(self) -> None:
        self._history.clear()
        with self._history:
            if not self._console.asked:
                page.Text("p", "Nothing was asked yet.", "quiet")
            for sql in self._console.asked:
                item = ui.menu_item(" ".join(sql.split())[:120], partial(self._code.set_value, sql))
                item.props["role"] = "menuitem"

    async def run(self) -> None:
        """Ask Athena, and show the rows."""
        if not self._go.enabled:
            return
        sql, most = str(self._code.value), int(self._most.value)
        self._console.remember(sql)
        self._list_history()
        self._stop.clear()
        page.usable(self._go, yes=False)
        page.usable(self._end, yes=True)
        try:
            await page.shown(
                self._place,
                "Athena is at work…",
                lambda: self._console.ask(sql, most, self._stop),
                self._show,
            )
        finally:
            page.usable(self._go, yes=True)
            page.usable(self._end, yes=False)

    def _show(self, found: Result) -> None:
        count = len(found.rows)
        said = f"{count:,} row{'s'[: count != 1]} in {found.seconds:.1f} s"
        said += f", {render.size(found.scanned)} read" if found.scanned else ""
        if found.more:
            said = (
                f"The first {said}. There are more: raise the limit, or let "
                "`lake query --format csv` write all"
            )
        with page.group("div", "summary"):
            with page.group("div", role="status"):
                page.prose("p", f"{said}.")
            if found.columns:
                text = "Export as CSV" if not found.more else f"Export these {count:,} rows as CSV"
                page.action(text, lambda: ui.download.content(render.as_csv(found), "result.csv"))
        if not found.columns:
            return
        with ui.tabs().classes("tabs").props("no-caps align=left") as tabs:
            ui.tab("Table")
            ui.tab("Chart")
        with ui.tab_panels(tabs, value="Table", animated=False).classes("panels"):
            with ui.tab_panel("Table"):
                grid(found, "Rows of the query")
            with ui.tab_panel("Chart"):
                Chart(found)
