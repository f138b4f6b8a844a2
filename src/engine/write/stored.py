"""Files that are kept and not read: one row of the table ``objects`` each."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING

from store.model import OutputFile, Source
from store.naming import partition_from

if TYPE_CHECKING:
    from pathlib import Path


def store(
    source: Source, path: Path, target: Path, media_type: str, detail: str, first_date: str = ""
) -> OutputFile:
    """Write the row of one file.

    Parameters
    ----------
    source : Source
        The object.
    path : Path
        Its content, unpacked.
    target : Path
        Where the row goes.
    media_type : str
        What the content is.
    detail : str
        The same in words, and why it was not read.
    first_date : str
        ISO date of the first partition that queries of such rows look into.

    Returns
    -------
    OutputFile
        Gzipped JSON Lines of one line, on the day on which the object was created.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    row = {
        "dataset": source.dataset,
        "key": source.key,
        "size": path.stat().st_size,
        "media_type": media_type,
        "sha256": digest,
        "detail": detail,
        "source_bucket": source.bucket,
        "source_version": source.version,
    }
    # Without a time in its header the same file always gives the same bytes.
    with gzip.GzipFile(target, "wb", compresslevel=6, mtime=0) as packed:
        packed.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return OutputFile(target, partition_from(source.created, first_date), 0, 1)
