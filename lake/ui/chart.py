"""Rows of a query as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from lake.layout import visible
from lake.ui import page

if TYPE_CHECKING:
    from lake.query import Result

#: Of more points nobody tells one from the other.
_POINTS = 1_000

#: Lines that are seen on light and dark ground, the axis better than those at its marks.
AXIS = {"lineStyle": {"color": "rgba(128, 128, 128, 0.8)"}}
SPLIT = {"lineStyle": {"color": "rgba(128, 128, 128, 0.25)"}}

_KINDS = {"bar": "Bars", "line": "Lines", "scatter": "Points"}


class Chart:
    """A chart, and what is chosen of it.

    Parameters
    ----------
    result : Result
        The rows.
    """

    def __init__(self, result: Result) -> None:
        self._result = result
        numbers = [at for at, is_number in enumerate(result.numeric) if is_number]
        if not numbers or not result.rows:
            page.nothing("A chart needs a row and a column of numbers.")
            return
        names = {at: visible(name) for at, name in enumerate(result.columns)}
        others = [at for at in names if at not in numbers]
        # Numbers over something, where there is something.
        first = others[0] if others else numbers[0]
        with page.group("div", "form"):
            self._kind = ui.select(_KINDS, value="bar", label="As", on_change=self._draw)
            self._x = ui.select(names, value=first, label="Over", on_change=self._draw)
            self._y = ui.select(
                {at: names[at] for at in numbers},
                value=[next((at for at in numbers if at != first), numbers[0])],
                label="Values",
                multiple=True,
                on_change=self._draw,
            )
            for one in (self._kind, self._x, self._y):
                one.props("outlined dense options-dense")
        self._place = page.group("div", "part")
        self._draw()

    def _draw(self) -> None:
        rows, names = self._result.rows[:_POINTS], self._result.columns
        over, values = int(self._x.value), [int(at) for at in self._y.value]
        label = f"{', '.join(visible(names[at]) for at in values)} over {visible(names[over])}"
        self._place.clear()
        with self._place:
            # As SVG its colours are those of the style sheet.
            chart = ui.echart(_options(names, rows, self._kind.value, over, values), renderer="svg")
            chart.classes("chart").props["role"] = "img"
            chart.props["aria-label"] = (
                f"{_KINDS[self._kind.value]}: {label}. The table has the rows."
            )
            if len(self._result.rows) > _POINTS:
                page.Text("p", f"The first {_POINTS:,} rows are drawn.", "quiet")


def _options(
    names: list[str], rows: list[list[str | None]], kind: str, over: int, values: list[int]
) -> dict[str, Any]:
    return {
        "animation": False,
        "grid": {"left": 16, "right": 24, "top": 48, "bottom": 16, "containLabel": True},
        "legend": {"top": 8},
        # Drawn by the browser as text, not as HTML.
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "xAxis": {
            "type": "category",
            "axisLine": AXIS,
            "data": ["null" if row[over] is None else visible(str(row[over])) for row in rows],
        },
        "yAxis": {"type": "value", "splitLine": SPLIT},
        "series": [
            {
                "type": kind,
                "name": visible(names[at]),
                "data": [None if row[at] is None else float(str(row[at])) for row in rows],
            }
            for at in values
        ],
    }
