"""Exactly once: a crash between write and commit, and a duplicate event."""

from __future__ import annotations

from docs.pictures.svg import Picture

_WHO = (
    (90, "Queue"),
    (275, "Worker A"),
    (460, "Worker B"),
    (645, "Ledger"),
    (830, "Buckets"),
)
_QUEUE, _A, _B, _LEDGER, _BUCKETS = (x for x, _ in _WHO)


def draw() -> Picture:
    """Draw it."""
    picture = Picture(
        "A crash, and a duplicate event",
        "Worker A takes the event, asks S3 which version is current and opens attempt 1 in the "
        "ledger at revision 1. It announces its keys, writes its files, and dies before it commits. "
        "The message returns. Worker B asks S3 again, ends attempt 1, which has expired, and opens "
        "attempt 2. It deletes what attempt 1 announced, announces its own keys, writes its files, "
        "and commits on the revision that it read. It deletes the replaced files and acknowledges the message. A duplicate of the "
        "event finds the version committed, and is acknowledged without work.",
        920,
        700,
    )
    for middle, name in _WHO:
        picture.box(middle - 66, 18, 132, 34, name, kind="blue" if "Worker" in name else "box")
        picture.line(f"M{middle} 52V686", dashed=True)

    def says(top: int, start: int, end: int, said: str, *, dashed: bool = False) -> None:
        gap = 4 if end > start else -4
        picture.arrow(f"M{start} {top}H{end - gap}", dashed=dashed)
        picture.text((start + end) / 2, top - 6, said, "label", "middle")

    says(84, _QUEUE, _A, "event of a.json")
    says(114, _A, _BUCKETS, "which version is current?")
    says(144, _A, _LEDGER, "open attempt 1")
    says(174, _A, _LEDGER, "announce its keys")
    says(204, _A, _BUCKETS, "write its files")
    picture.box(_A - 70, 222, 140, 34, "Worker A dies", kind="red")
    says(292, _QUEUE, _B, "the message returns")
    says(322, _B, _BUCKETS, "which version is current?")
    says(352, _B, _LEDGER, "end attempt 1, open 2")
    says(382, _B, _BUCKETS, "delete what attempt 1 announced")
    says(412, _B, _LEDGER, "announce its keys")
    says(442, _B, _BUCKETS, "write its files")
    says(472, _B, _LEDGER, "commit, if nobody wrote")
    picture.box(_LEDGER - 66, 488, 132, 34, "committed", kind="green")
    says(552, _B, _BUCKETS, "delete what the version replaced")
    says(582, _B, _QUEUE, "done: delete the message", dashed=True)
    says(626, _QUEUE, _B, "the same event, once more")
    says(656, _B, _LEDGER, "committed already")
    says(680, _B, _QUEUE, "nothing to do", dashed=True)
    return picture
