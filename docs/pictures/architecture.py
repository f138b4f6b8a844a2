"""The parts of a lake in AWS, and what flows between them."""

from __future__ import annotations

from docs.pictures.svg import Picture

#: Signs within a tile of 44 pixels.
_SIGNS = {
    "bucket": "M11 14a11 4 0 1 0 22 0a11 4 0 1 0 -22 0l3 18a8 3 0 0 0 16 0l3 -18",
    "queue": "M8 15h8v14h-8zM18 15h8v14h-8zM28 15h8v14h-8z",
    "function": "M13 11h6l11 22h4M20.5 21l-7 12",
    "ledger": "M11 13a11 4 0 1 0 22 0a11 4 0 1 0 -22 0v18a11 4 0 0 0 22 0v-18M11 22a11 4 0 0 0 22 0",
    "catalog": "M10 12h24v20h-24zM10 19h24M18 12v20",
    "crawler": "M22 14a8 8 0 1 0 .01 0M22 8v6M22 30v6M8 22h6M30 22h6M12 12l4 4M28 28l4 4",
    "query": "M19 10a9 9 0 1 0 .01 0M25.5 25.5l9 9",
    "events": "M22 22L11 12M22 22L33 12M22 22v12M22 18a4 4 0 1 0 .01 0",
    "alarm": "M12 29h20l-3 -5v-5a7 7 0 0 0 -14 0v5zM19 33h6",
    "files": "M22 29v-17M15 18l7 -7l7 7M10 26v8h24v-8",
    "people": "M22 10a5 5 0 1 0 .01 0M11 34a11 10 0 0 1 22 0",
}

#: Colours on which white can be read, in the light as in the dark.
_STORAGE, _COMPUTE, _MESSAGES, _DATABASE, _ANALYTICS, _PEOPLE = (
    *("#3f7d20", "#c2570c", "#b0287a"),
    *("#3f51c5", "#7b3fd1", "#59636e"),
)

_COLUMN, _ROW, _TILE = 134, 138, 44


def _middle(column: int) -> float:
    return 78 + column * _COLUMN


def _top(row: int) -> float:
    return 24 + row * _ROW


def _part(
    picture: Picture, column: int, row: int, sign: str, colour: str, name: str, note: str
) -> None:
    middle, top = _middle(column), _top(row)
    picture.raw(
        f'<rect x="{middle - _TILE / 2:g}" y="{top:g}" width="{_TILE}" height="{_TILE}" rx="9" '
        f'fill="{colour}"/>'
    )
    picture.raw(
        f'<path class="sign" transform="translate({middle - _TILE / 2:g} {top:g})" '
        f'd="{_SIGNS[sign]}"/>'
    )
    picture.text(middle, top + _TILE + 19, name, "step", "middle")
    picture.text(middle, top + _TILE + 36, note, "soft", "middle")


def draw() -> Picture:
    """Draw it."""
    picture = Picture(
        "The lake in AWS",
        "Files are uploaded to the raw bucket. S3 sends an event to the ingest queue, and the queue "
        "invokes the processor. The processor writes Parquet to the processed bucket, one entry for "
        "each object to the ledger, and tables and partitions to the Glue catalog. Athena reads "
        "them. Messages that fail five times go to the dead-letter queue, and alarms tell of it. "
        "The recorder reads the ledger's stream and sends events. Dates that changed go to the "
        "curate queue; the curator makes tables of SQL models in the curated bucket. The crawler "
        "finds files that others put into the buckets.",
        960,
        416,
    )
    middle = _top(1) + _TILE / 2
    for left, right in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)):
        picture.arrow(f"M{_middle(left) + 28} {middle}H{_middle(right) - 28}")
    upper, lower = _top(0) + _TILE / 2, _top(2) + _TILE / 2
    # The ledger and what follows from its stream.
    picture.arrow(f"M{_middle(3)} {_top(1) - 6}V{_top(0) + 88}", both=True)
    picture.arrow(f"M{_middle(3) - 28} {upper}H{_middle(2) + 28}")
    picture.arrow(f"M{_middle(2) - 28} {upper}H{_middle(1) + 28}")
    # The catalog.
    between = _top(0) + 108
    picture.arrow(f"M{_middle(3) + 16} {_top(1) - 6}V{between}H{_middle(5) - 16}V{_top(0) + 88}")
    picture.arrow(f"M{_middle(5)} {_top(1) - 6}V{_top(0) + 88}")
    picture.arrow(f"M{_middle(6) - 28} {upper}H{_middle(5) + 28}")
    # Dead letters.
    picture.arrow(f"M{_middle(2)} {_top(1) + 88}V{_top(2) - 6}")
    picture.arrow(f"M{_middle(2) - 28} {lower}H{_middle(1) + 28}")
    # Curated tables.
    picture.arrow(f"M{_middle(3)} {_top(1) + 88}V{_top(2) - 6}")
    picture.arrow(f"M{_middle(3) + 28} {lower}H{_middle(4) - 28}")
    picture.arrow(f"M{_middle(4) + 28} {lower}H{_middle(5) - 28}")
    picture.arrow(f"M{_middle(5)} {_top(2) - 6}V{_top(1) + 88}")
    for part in (
        (1, 0, "events", _MESSAGES, "EventBridge", "after each commit"),
        (2, 0, "function", _COMPUTE, "Recorder", "table lake_runs"),
        (3, 0, "ledger", _DATABASE, "Ledger", "an entry an object"),
        (5, 0, "catalog", _ANALYTICS, "Glue catalog", "tables, partitions"),
        (6, 0, "crawler", _ANALYTICS, "Crawler", "for others' files"),
        (0, 1, "files", _PEOPLE, "Uploads", "any file, any time"),
        (1, 1, "bucket", _STORAGE, "Raw bucket", "data/<dataset>/"),
        (2, 1, "queue", _MESSAGES, "Ingest queue", "one event an object"),
        (3, 1, "function", _COMPUTE, "Processor", "Lambda, DuckDB"),
        (4, 1, "bucket", _STORAGE, "Processed", "Parquet, quarantine"),
        (5, 1, "query", _ANALYTICS, "Athena", "SQL"),
        (6, 1, "people", _PEOPLE, "People, tools", "query and charts"),
        (1, 2, "alarm", _MESSAGES, "Alarms", "CloudWatch, SNS"),
        (2, 2, "queue", _MESSAGES, "Dead letters", "after five tries"),
        (3, 2, "queue", _MESSAGES, "Curate queue", "changed dates"),
        (4, 2, "function", _COMPUTE, "Curator", "SQL models"),
        (5, 2, "bucket", _STORAGE, "Curated bucket", "tables of models"),
    ):
        _part(picture, *part)
    return picture
