"""Charts of what `make bench` measured last, and of what a small object costs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.pictures.svg import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docs.pictures.svg import Kind

    Bar = tuple[str, float, str, Kind]

_RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "latest.json"

_NAMES = {
    "duckdb_copy": "DuckDB COPY, the floor",
    "ours": "this lake, engine",
    "handler": "this lake, whole function",
    "contract": "this lake, with a contract",
    "pyarrow": "PyArrow",
    "polars": "Polars",
    "pandas": "pandas",
    "awswrangler": "AWS SDK for pandas",
}

_SPOILED = {
    "one_bad_invalid_utf8": "JSON: a byte that is no UTF-8",
    "one_bad_repeated_key": "JSON: a key twice",
    "one_bad_bare_number": "JSON: a number, no object",
    "one_bad_long_line": "JSON: a very long line",
    "one_bad_short_row": "CSV: a field is missing",
    "one_bad_open_quote": "CSV: a quote never closes",
    "one_bad_invalid_byte": "CSV: a byte that is no UTF-8",
    "drift_json_quoted": "JSON: a column quoted, each row",
    "drift_json_half_na": "JSON: a column half N/A",
    "drift_csv_half_na": "CSV: a column half N/A",
}

#: Dollars of a million small objects, as `tests/unit/test_round_trips.py` counts and prices them.
SMALL_OBJECT = {
    "S3: write the rows": 5.00,
    "DynamoDB: three writes": 1.88,
    "SQS: the messages": 1.60,
    "Lambda: 0.15 s of 512 MB": 1.20,
    "S3: read the object": 0.40,
}


@cache
def _results() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_RESULTS.read_text(encoding="utf-8"))
    return found


def _panel(picture: Picture, x: float, top: float, names: float, width: float, title: str,
           bars: Sequence[Bar]) -> None:  # fmt: skip
    """Draw one set of bars, each with its name at the left and its figure at the right."""
    picture.text(x + names, top, title, "head")
    most = max(value for _, value, _, _ in bars)
    for number, (name, value, said, kind) in enumerate(bars):
        y = top + 14 + number * 30
        if names:
            picture.text(x + names - 10, y + 16, name, "soft", "end")
        length = max(value / most * (width - 62), 2)
        picture.raw(
            f'<rect class="{kind}" x="{x + names:g}" y="{y:g}" width="{length:.1f}" height="22" '
            'rx="3"/>'
        )
        picture.text(x + names + length + 8, y + 16, said, "soft")


def speed() -> Picture:
    """Draw processor time and memory of each contestant."""
    runs = {name: run for name, run in _results()["engines"]["json"].items() if "cpu" in run}
    order = sorted((name for name in _NAMES if name in runs), key=lambda name: runs[name]["cpu"])

    def bars(key: str, spelled: str) -> list[Bar]:
        return [
            (
                _NAMES[name],
                runs[name][key],
                format(runs[name][key], spelled),
                "green" if name in ("ours", "handler", "contract") else "blue",
            )
            for name in order
        ]

    told = "; ".join(
        f"{_NAMES[n]} {runs[n]['cpu']:.1f} s and {runs[n]['rss_mb']:,.0f} MB" for n in order
    )
    picture = Picture(
        "200 MB of nested JSON to Parquet by date: processor time and memory",
        f"Seconds of a processor, and most memory: {told}.",
        900,
        60 + 30 * len(order),
    )
    _panel(picture, 16, 34, 190, 340, "seconds of a processor", bars("cpu", ".1f"))
    _panel(picture, 570, 34, 0, 314, "most memory, MB", bars("rss_mb", ",.0f"))
    return picture


def bad_record() -> Picture:
    """Draw what records that are not as they should be cost."""
    ratios = _results()["ratios"]
    bars: list[Bar] = [("the clean file", 1.0, "1.00", "green")]
    for name, said in _SPOILED.items():
        value = ratios[f"{name}_vs_clean"]
        bars.append((said, value, f"{value:.2f}", "amber"))
    told = "; ".join(f"{name} {figure}" for name, _, figure, _ in bars)
    picture = Picture(
        "Processor time of 40 MB with something wrong in it, beside the clean file",
        f"Times the processor time of the clean file: {told}.",
        760,
        60 + 30 * len(bars),
    )
    _panel(picture, 16, 34, 226, 500, "times the processor time of the clean file", bars)
    return picture


def dollars() -> Picture:
    """Draw what a TB and a million small objects cost."""
    terabyte = _results()["dollars_per_tb"]
    names = {
        "this project": "this lake",
        "AWS SDK for pandas in the same function": "AWS SDK for pandas",
        "Data Firehose with format conversion": "Data Firehose",
    }
    first: list[Bar] = [
        (said, terabyte[name], f"${terabyte[name]:.2f}", "green" if "lake" in said else "blue")
        for name, said in names.items()
        if terabyte.get(name)
    ]
    second: list[Bar] = [
        (name, value, f"${value:.2f}", "green") for name, value in SMALL_OBJECT.items()
    ]
    told = "; ".join(f"{name} {figure}" for name, _, figure, _ in first)
    more = "; ".join(f"{name} {figure}" for name, _, figure, _ in second)
    picture = Picture(
        "Dollars of a TB, and of a million small objects",
        f"Converting a TB of JSON: {told}. A million small objects: {more}.",
        760,
        96 + 30 * (len(first) + len(second)),
    )
    _panel(picture, 16, 34, 236, 490, "converting a TB of JSON", first)
    top = 34 + 44 + 30 * len(first)
    _panel(picture, 16, top, 236, 490, "a million small objects", second)
    return picture
