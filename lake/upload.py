"""Put files into the raw bucket and wait until the ledger says what became of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake import ledger
from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lake.target import Target


@dataclass(frozen=True)
class Uploaded:
    """A file in the raw bucket.

    Attributes
    ----------
    key : str
        Raw key.
    version : str
        Version id, else ETag: what the ledger calls the version.
    at : float
        ``time.monotonic()`` when the upload was finished.
    """

    key: str
    version: str
    at: float


@dataclass(frozen=True)
class Fate:
    """What the ledger says of an uploaded file; status ``WAITING`` when nothing yet."""

    uploaded: Uploaded
    status: str
    read: int
    accepted: int
    quarantined: int
    seconds: float
    detail: str


def raw_key(path: Path, dataset: str | None) -> str:
    """Name the raw key of a file: ``data/<dataset>/<file>`` or ``data/<file>``."""
    return f"data/{dataset}/{path.name}" if dataset else f"data/{path.name}"


def upload(target: Target, path: Path, key: str, progress: Callable[[int], None]) -> Uploaded:
    """Upload one file.

    Parameters
    ----------
    target : Target
        The lake.
    path : Path
        The file.
    key : str
        The raw key.
    progress : callable
        Told the bytes sent since it was last called.

    Returns
    -------
    Uploaded
        The version that S3 made of it.
    """
    s3, bucket = target.client("s3"), target.outputs["RawBucketName"]
    s3.upload_file(str(path), bucket, key, Callback=progress)
    head = s3.head_object(Bucket=bucket, Key=key)
    version = head.get("VersionId")
    if version in (None, "null"):
        version = head["ETag"].strip('"')
    return Uploaded(key, version, time.monotonic())


def fates(target: Target, uploads: Sequence[Uploaded], timeout: float) -> Iterator[Fate]:
    """Give each upload's fate as soon as it is known.

    Parameters
    ----------
    target : Target
        The lake.
    uploads : sequence of Uploaded
        What to wait for.
    timeout : float
        Seconds; what has no fate by then is given with status ``WAITING``.

    Yields
    ------
    Fate
        One for each upload, in the order in which they are decided.
    """
    bucket = target.outputs["RawBucketName"]
    waiting, deadline = list(uploads), time.monotonic() + timeout
    while waiting:
        for one in list(waiting):
            item = ledger.get(target, bucket, one.key)
            if item and item.version == one.version and item.status in ledger.FINAL:
                waiting.remove(one)
                seconds = time.monotonic() - one.at
                counts = item.read, item.accepted, item.quarantined
                yield Fate(one, item.status, *counts, seconds, item.detail)
        if waiting and time.monotonic() > deadline:
            yield from (Fate(one, "WAITING", 0, 0, 0, timeout, "") for one in waiting)
            return
        if waiting:
            time.sleep(0.1)


def check(paths: Sequence[Path]) -> None:
    """Refuse what is no file before anything is uploaded.

    Raises
    ------
    LakeCommandError
        Naming what is not there.
    """
    for path in paths:
        if not path.is_file():
            raise LakeCommandError(f"{path} is not a file.")
