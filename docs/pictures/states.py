"""The statuses of an entry of the ledger, and what leads from one to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docs.pictures.svg import Picture

if TYPE_CHECKING:
    from docs.pictures.svg import Kind

_ENDS: tuple[tuple[Kind, str, str], ...] = (
    ("green", "DONE", "every record accepted"),
    ("green", "EMPTY, SKIPPED", "nothing to read"),
    ("amber", "PARTIAL", "some records in quarantine"),
    ("amber", "STORED", "kept as a file, a row in objects"),
    ("red", "REJECTED", "cannot be read: upload it again"),
    ("red", "TOO_LARGE", "raise what it names, then replay"),
)


def draw() -> Picture:
    """Draw it."""
    picture = Picture(
        "The statuses of an object",
        "An event makes an object PROCESSING. From there it becomes DONE, EMPTY, SKIPPED, PARTIAL, "
        "STORED, REJECTED or TOO_LARGE. An attempt that fails makes it FAILED, and its message "
        "returns up to four times. A new upload, a replay or a deletion begins again; with "
        "RawDeletes=remove a deletion ends as DELETED.",
        880,
        432,
    )
    picture.box(20, 170, 150, 56, "Event", "upload, replay, delete")
    picture.box(270, 170, 150, 56, "PROCESSING", "an attempt is open", kind="blue")
    picture.arrow("M170 198H264")
    picture.box(270, 318, 150, 56, "FAILED", "rows before it stay", kind="red")
    picture.arrow("M325 226V312")
    picture.text(318, 276, "it failed", "label", "end")
    picture.arrow("M365 318V232")
    picture.text(372, 276, "its message returns", "label")
    picture.box(270, 32, 150, 56, "DELETED", "RawDeletes=remove", kind="green")
    picture.arrow("M345 170V94")
    picture.text(352, 138, "gone from the bucket", "label")
    for number, (kind, name, note) in enumerate(_ENDS):
        top = 20 + number * 64
        picture.box(590, top, 262, 50, name, note, kind=kind)
        picture.arrow(f"M520 198V{top + 25}H584" if top + 25 != 198 else "M520 198H584")
    picture.line("M420 198H520")
    picture.text(430, 190, "commit", "label")
    picture.line("M721 390V416H95V226", dashed=True)
    picture.text(480, 408, "a new version, or lake replay", "label", "middle")
    return picture
