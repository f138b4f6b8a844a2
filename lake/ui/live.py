"""The page that shows what flows, as `lake status --watch` does."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui

from lake.status import Status, Watch
from lake.ui import page
from lake.ui.chart import AXIS, SPLIT

if TYPE_CHECKING:
    from lake.ui.console import Console

#: So many looks are drawn: about five minutes.
_LOOKS = 150


def register(console: Console) -> None:
    """Make the page."""

    @ui.page("/")
    def live() -> None:
        with page.frame(console, "Live"):
            place = page.group("div", "part")
            with place:
                page.waiting("Looking at queues, ledger and log…")
            with page.group("section", "part", aria_label="Rows a second"):
                page.Text("h2", "Rows a second")
                chart = ui.echart(_chart(), renderer="svg").classes("flow")
                chart.props["role"] = "img"
                chart.props["aria-label"] = "Rows a second in the last minutes; the number is above"
        _Show(console, place, chart)


class _Show:
    """Looks again and again, as long as the page is open."""

    def __init__(self, console: Console, place: ui.element, chart: ui.echart) -> None:
        self._watch, self._place, self._chart = Watch(console.target), place, chart
        self._seen: Status | None = None
        self._flow: deque[list[float]] = deque(maxlen=_LOOKS)
        self._looking = False
        ui.timer(Watch.tick, self._look)

    async def _look(self) -> None:
        if self._looking:
            # The lake answers more slowly than it is asked.
            return
        self._looking = True
        try:
            seen = await page.in_thread(self._watch.look)
        except Exception as error:
            self._seen = None
            page.fill(self._place, partial(page.problem, error))
            return
        finally:
            self._looking = False
        if self._place.is_deleted:
            return
        self._flow.append([time.time() * 1000, round(seen.flow.rows_a_second, 2)])
        now = self._flow[-1][0]
        window = {"min": now - _LOOKS * Watch.tick * 1000, "max": now}
        self._chart.run_chart_method(
            "setOption", {"xAxis": window, "series": [{"data": [*self._flow]}]}
        )
        if seen != self._seen:
            self._seen = seen
            page.fill(self._place, partial(_draw, seen))


def _draw(seen: Status) -> None:
    for trouble in seen.troubles:
        page.uneasy(trouble)
    with page.group("div", "tiles"):
        _tile("waiting", f"{seen.waiting:,}")
        _tile("in flight", f"{seen.in_flight:,}")
        _tile("dead letters", f"{seen.dead:,}", "bad" if seen.dead else "")
        _tile("rows a second", f"{seen.flow.rows_a_second:,.1f}")
    if seen.dead:
        page.prose("p", "`lake redrive` sends dead letters back, once their cause is mended.")
    with page.group("section", "part", aria_label="Objects"):
        page.Text("h2", "Objects")
        if seen.objects:
            with page.group("div", "tiles small"):
                for name, count in seen.objects.items():
                    _tile(name, f"{count:,}", f"status {name.lower()}")
        else:
            with page.nothing("The lake is empty."):
                page.link("Upload a file", "/upload")
    if seen.flow.reasons:
        with page.group("section", "part", aria_label="Refused in the last minute"):
            page.Text("h2", "Refused in the last minute")
            page.table(
                "Objects by the reason for which something was refused",
                ["reason", "objects"],
                seen.flow.reasons.items(),
                [False, True],
            )
    with page.group("section", "part", aria_label="Last files"):
        page.Text("h2", "Last files")
        if not seen.flow.files:
            page.Text("p", "No file came in the last minute.", "quiet")
            return
        page.table(
            "Files of the last minute, the newest first",
            ["status", "object", "read", "refused", "reason"],
            (
                [
                    lambda one=one: page.status(one.status),
                    lambda one=one: page.link(one.key, "/file", key=one.key),
                    f"{one.read:,}",
                    f"{one.refused:,}" if one.refused else "",
                    one.reason,
                ]
                for one in seen.flow.files
            ),
            [False, False, True, True, False],
        )


def _tile(label: str, value: str, classes: str = "") -> None:
    with page.group("div", f"tile {classes}"):
        page.Text("span", value, "value")
        page.Text("span", label, "label")


def _chart() -> dict[str, object]:
    return {
        "animation": False,
        "grid": {"left": 48, "right": 16, "top": 16, "bottom": 28},
        "xAxis": {"type": "time", "axisLine": AXIS},
        "yAxis": {"type": "value", "min": 0, "minInterval": 1, "splitLine": SPLIT},
        "series": [{"type": "line", "symbolSize": 3, "areaStyle": {"opacity": 0.15}, "data": []}],
    }
