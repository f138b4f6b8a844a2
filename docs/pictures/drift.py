"""What becomes of values of another kind than their column's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docs.pictures.svg import Picture

if TYPE_CHECKING:
    from docs.pictures.svg import Kind

#: What a record says of `price`, a bigint; what the column has then; what `_rescued_data` has.
ROWS = (
    ("1", "1", ""),
    ("1.0", "1", ""),
    ('"1"', "1", ""),
    ("1.5", "null", '{"price":1.5}'),
    ('"n/a"', "null", '{"price":"n/a"}'),
    ("true", "null", '{"price":true}'),
)


def draw() -> Picture:
    """Draw it."""
    picture = Picture(
        "Values that fit their column, and values that do not",
        "The column price is a bigint. 1, 1.0 and the text 1 are the number 1, and are kept so. "
        "1.5, the text n/a and true are no whole numbers: the column is null and the value is in "
        "_rescued_data, unchanged. The record is accepted in each case.",
        760,
        312,
    )
    for x, said in ((30, "the record says"), (270, "price bigint"), (430, "_rescued_data")):
        picture.text(x, 34, said, "head")
    for number, (value, column, rescued) in enumerate(ROWS):
        top = 50 + number * 42
        kind: Kind = "amber" if rescued else "green"
        picture.box(30, top, 190, 32, f'{{"price": {value}}}', styles=("mono",))
        picture.arrow(f"M220 {top + 16}H264")
        picture.box(270, top, 110, 32, column, kind=kind, styles=("mono",))
        if rescued:
            picture.box(430, top, 290, 32, rescued, kind=kind, styles=("mono",))
    return picture
