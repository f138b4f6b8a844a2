"""The rows of a query in a grid: it draws only what is seen, so that 300 columns are no trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from lake.layout import visible

if TYPE_CHECKING:
    from lake.query import Result

#: Pixels of a row and of the head, and so many rows are seen at once.
_ROW, _HEAD, _SEEN = 30, 36, 16

#: Pixels that a column has at most before the user draws it wider.
_WIDEST = 420


def grid(result: Result, label: str) -> ui.aggrid:
    """Make a grid of rows; keys of the objects that are sent are ours, never those of the data."""
    options: dict[str, Any] = {
        "columnDefs": [
            _column(at, name, is_number)
            for at, (name, is_number) in enumerate(zip(result.columns, result.numeric, strict=True))
        ],
        "rowData": [
            {
                f"c{at}": None if value is None else visible(value, but="\n\t")
                for at, value in enumerate(row)
            }
            for row in result.rows
        ],
        "autoSizeStrategy": {
            "type": "fitCellContents",
            "defaultMaxWidth": _WIDEST,
            "defaultMinWidth": 70,
        },
        "rowHeight": _ROW,
        "headerHeight": _HEAD,
        "enableCellTextSelection": True,
        "ensureDomOrder": True,
        "suppressFieldDotNotation": True,
        "suppressMovableColumns": True,
        "tooltipShowDelay": 600,
    }
    height = _HEAD + _ROW * min(max(len(result.rows), 1), _SEEN) + 20
    made = ui.aggrid(options, auto_size_columns=False).classes("grid")
    made.style(f"height: {height}px")
    made.props["aria-label"] = label
    return made


def _column(at: int, name: str, is_number: bool) -> dict[str, Any]:
    column: dict[str, Any] = {
        "field": f"c{at}",
        "headerName": visible(name),
        "headerTooltip": visible(name),
        "sortable": True,
        "resizable": True,
        "cellDataType": "text",
        ":valueFormatter": "(p) => p.value === null || p.value === undefined ? 'null' : p.value",
        "cellClassRules": {"null": "x === null || x === undefined"},
    }
    if is_number:
        column |= {
            "type": "rightAligned",
            ":comparator": "(a, b) => Number(a ?? -Infinity) - Number(b ?? -Infinity)",
        }
    return column
