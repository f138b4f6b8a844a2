"""Text, one row a line, and files that hold no records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.convert.layout import lay_out
from engine.convert.rows import MAX_RECORD, conformed, conversion, lines_of, publish_rows
from engine.convert.rules import Rules
from engine.types.kinds import BIGINT, STRING
from engine.write.stored import store
from store.model import Conversion, Schema, Status
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from engine.convert.layout import Layout
    from engine.job import Job


def convert_text(job: Job, path: Path, compression: str) -> Conversion:
    """Convert a text in UTF-8 to rows of ``line_number`` and ``line``.

    Parameters
    ----------
    job : Job
        Table, limits and quarantine.
    path : Path
        The file.
    compression : str
        What it was packed with.

    Returns
    -------
    Conversion
        Lines of nothing but white space are no records; they are numbered all the same.
    """
    rules = Rules.of(job.contract, nulls=False)
    layout = lay_out(job.table, rules.fields({"line_number": BIGINT, "line": STRING}))
    rows = _accepted(job, rules, layout, _lines(job, path))
    outputs, rescued = publish_rows(job, rows, layout)
    return conversion(job, "text", compression, layout, outputs, rescued)


def _accepted(
    job: Job, rules: Rules, layout: Layout, records: Iterable[tuple[int, dict[str, Any], bytes]]
) -> Iterator[dict[str, Any]]:
    """Conform what the contract allows; refuse the rest."""
    for number, record, raw in records:
        if broken := rules.violation(record):
            job.quarantine.add(number, Reason.CONTRACT_VIOLATION, str(broken), raw)
        else:
            yield conformed(record, layout.targets, job.drift)


def _lines(job: Job, path: Path) -> Iterator[tuple[int, dict[str, Any], bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(lines_of(file), 1):
            if len(line) > MAX_RECORD:
                detail = f"the line is longer than {MAX_RECORD:,} bytes"
                job.quarantine.add(number, Reason.RECORD_TOO_LARGE, detail, line)
                continue
            line = line.rstrip(b"\r\n")
            try:
                if line.strip():
                    yield number, {"line_number": number, "line": line.decode("utf-8")}, line
            except UnicodeDecodeError as error:
                job.quarantine.add(number, Reason.INVALID_UTF8, str(error), line)


def convert_opaque(job: Job, path: Path, compression: str, media_type: str) -> Conversion:
    """Keep a file that holds no records as one row of the table ``objects``.

    Parameters
    ----------
    job : Job
        The object.
    path : Path
        The file, unpacked.
    compression : str
        What it was packed with.
    media_type : str
        What its bytes, or else its uploader, say that it is.

    Returns
    -------
    Conversion
        STORED: nothing was read, and the dataset's own table is as it was.
    """
    detail = f"{media_type}: there are no records in it that the lake can read"
    row = store(job.source, path, job.workdir / "stored.jsonl.gz", media_type, detail)
    return Conversion(
        Status.STORED,
        "opaque",
        compression,
        read=0,
        accepted=0,
        quarantined=0,
        rescued=0,
        schema=job.table or Schema(),
        stored=(row,),
        detail=detail,
    )
