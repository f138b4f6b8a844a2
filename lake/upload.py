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

    from lake.ledger import Item
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
    replaced : bool
        Whether another file had this key before, and was ingested.
    """

    key: str
    version: str
    at: float
    replaced: bool = False


@dataclass(frozen=True)
class Fate:
    """What became of an uploaded file.

    Attributes
    ----------
    uploaded : Uploaded
        The file.
    seconds : float
        From the upload until its fate was known, or nobody waited any longer.
    item : Item or None
        What the ledger says of it; None when nothing final yet.
    trouble : str
        Why it may take so long.
    """

    uploaded: Uploaded
    seconds: float
    item: Item | None = None
    trouble: str = ""

    @property
    def status(self) -> str:
        """Give the ledger's status; ``WAITING`` when there is none yet."""
        return self.item.status if self.item else "WAITING"

    @property
    def is_accepted(self) -> bool:
        """Tell whether it was ingested, and not refused as a whole."""
        return self.item is not None and self.item.status.is_accepted

    @property
    def detail(self) -> str:
        """Give the ledger's detail."""
        return self.item.detail if self.item else ""


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
    before = ledger.get(target, bucket, key)
    s3.upload_file(str(path), bucket, key, Callback=progress)
    head = s3.head_object(Bucket=bucket, Key=key)
    version = head.get("VersionId")
    if version in (None, "null"):
        version = head["ETag"].strip('"')
    replaced = bool(before and before.version not in ("", version))
    return Uploaded(key, version, time.monotonic(), replaced)


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
            if item and item.version == one.version and item.status.is_final:
                waiting.remove(one)
                yield Fate(one, time.monotonic() - one.at, item)
        if waiting and time.monotonic() > deadline:
            for one in waiting:
                yield Fate(one, timeout, trouble=_trouble(ledger.get(target, bucket, one.key)))
            return
        if waiting:
            time.sleep(0.1)


def _trouble(item: Item | None) -> str:
    if item is None or item.status != "FAILED":
        return ""
    return f"the last attempt failed and is tried again ({item.reason}: {item.detail})"


def keyed(paths: Sequence[Path], dataset: str | None) -> dict[str, Path]:
    """Name the key of each file, before anything is uploaded.

    Parameters
    ----------
    paths : sequence of Path
        The files; one that is named twice is uploaded once.
    dataset : str or None
        As of :func:`raw_key`.

    Returns
    -------
    dict of str to Path
        Files by their keys, in the order in which they were named.

    Raises
    ------
    LakeCommandError
        Naming what is no file, or two files that would get one key.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
            raise LakeCommandError(f"{path} is not a file.")
        key = raw_key(path, dataset)
        other = found.setdefault(key, path)
        if other.resolve() != path.resolve():
            raise LakeCommandError(
                f"{other} and {path} would both get the key {key}, and the second would replace "
                "the first. Nothing was uploaded. Rename one of them, or put them apart: "
                f"`lake put {path} --dataset {dataset or 'NAME'}/{path.resolve().parent.name}` "
                "puts it into a folder of the same dataset."
            )
    return found
