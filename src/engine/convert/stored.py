"""Files that are kept and not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.write.stored import store
from store.model import Conversion, Schema, Status

if TYPE_CHECKING:
    from pathlib import Path

    from engine.job import Job


def stored(job: Job, path: Path, media_type: str, detail: str = "") -> Conversion:
    """Keep a file that holds no records as one row of the table ``objects``.

    Parameters
    ----------
    job : Job
        The object.
    path : Path
        The file, unpacked.
    media_type : str
        What its bytes, or else its uploader, say that it is.
    detail : str
        The same in words, and why it was not read.

    Returns
    -------
    Conversion
        STORED: nothing was read, and the dataset's own table is as it was.
    """
    detail = detail or f"{media_type}: there are no records in it that the lake can read"
    target = job.workdir / "stored.jsonl.gz"
    row = store(job.source, path, target, media_type, detail, job.options.first_date)
    return Conversion(
        Status.STORED,
        "opaque",
        job.compression,
        read=0,
        accepted=0,
        quarantined=0,
        rescued=0,
        schema=job.table or Schema(),
        stored=(row,),
        detail=detail,
    )
