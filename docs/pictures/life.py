"""The life of an object, from its upload to a query."""

from __future__ import annotations

from docs.pictures.svg import Picture


def draw() -> Picture:
    """Draw it."""
    picture = Picture(
        "The life of an object",
        "An object is uploaded and an event waits in the queue. The processor asks S3 which version "
        "is current, recognises the format, and reads each record. An accepted record becomes a row "
        "of a dated Parquet file. A value that does not fit its column goes to _rescued_data. A "
        "refused record goes to the table quarantine with its reason; a file that is no data "
        "becomes a row of the table objects. New columns and partitions are declared in Glue, the "
        "files are written, and one conditional write commits them. After that a query sees them, "
        "and the models that read the dataset refresh its dates. A failure sends the message back "
        "to the queue; after five deliveries it is a dead letter.",
        960,
        452,
    )
    steps = (
        ("1 Upload", "raw bucket,", "versioned"),
        ("2 Wait", "ingest queue", ""),
        ("3 Recognise", "packing, format,", "encoding, header"),
        ("4 Read", "each record,", "counted twice"),
        ("5 Declare", "columns, dates", "in Glue"),
        ("6 Write", "announced first,", "then uploaded"),
        ("7 Commit", "one conditional", "write"),
    )
    for number, (name, *notes) in enumerate(steps):
        left = 16 + number * 134
        picture.box(left, 150, 124, 76, name, *filter(None, notes), kind="blue")
        if number:
            picture.arrow(f"M{left - 10} 188H{left - 2}")
    # What becomes of a record.
    for left, name, note, kind in (
        (136, "Row", "dated Parquet", "green"),
        (322, "Row, value rescued", "in _rescued_data", "amber"),
        (508, "Refused record", "table quarantine", "red"),
        (694, "File that is no data", "a row of objects", "amber"),
    ):
        picture.box(left, 310, 172, 52, name, note, kind=kind)  # type: ignore[arg-type]  # of the tuple
    picture.line("M480 226V278H222")
    picture.line("M480 278H780")
    for left in (222, 408, 594, 780):
        picture.arrow(f"M{left} 278V304")
    picture.text(490, 262, "each record has one fate", "label")
    # Behind the commit.
    picture.box(684, 20, 256, 58, "A query sees it", "rows of the version before are deleted")
    picture.arrow("M882 150V84")
    picture.box(404, 20, 256, 58, "Models refresh its dates", "curated tables, within a minute")
    picture.arrow("M684 49H666")
    picture.box(16, 20, 256, 58, "A failure", "the message returns, up to five times", kind="red")
    picture.arrow("M346 150V112H212V84", dashed=True)
    picture.arrow("M150 78V112H204V144")
    picture.text(16, 412, "Records read = accepted + quarantined, for every file. Both sides are")
    picture.text(16, 432, "counted independently, and the ledger entry has them.")
    return picture
