"""Put files into the raw bucket and wait until the ledger says what became of them."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from lake import health, ledger, tables
from lake.dating import Contracts
from lake.errors import LakeCommandError
from lake.parallel import in_order
from lake.sources import STDIN
from lake.trouble import explain
from store import curated, naming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lake.ledger import Item
    from lake.sources import Source
    from lake.target import Target

#: Files that are uploaded at once.
_THREADS = 8

#: Larger files go in parts, several at once. S3 takes 10,000 parts: boto3 makes them larger where
#: a file needs it, which it cannot know of standard input.
_PARTS = TransferConfig(multipart_threshold=16 * 2**20, max_concurrency=4)
_STREAM = TransferConfig(multipart_chunksize=64 * 2**20, max_concurrency=2)

#: One request copies at most 5 GB (Amazon S3 API Reference, CopyObject).
_COPY = TransferConfig(multipart_threshold=5 * 10**9, multipart_chunksize=2**29, max_concurrency=4)


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
    def is_whole(self) -> bool:
        """Tell whether each of its records is a row, and each value in its column."""
        item = self.item
        return self.is_accepted and item is not None and not (item.quarantined or item.rescued)

    @property
    def detail(self) -> str:
        """Give the ledger's detail."""
        return self.item.detail if self.item else ""


def upload(
    target: Target, sources: Mapping[str, Source], sent: Callable[[int], None]
) -> Iterator[Uploaded]:
    """Upload files, several at once.

    Parameters
    ----------
    target : Target
        The lake.
    sources : mapping of str to Source
        By their keys.
    sent : callable
        Told the bytes sent since it was last called, by any thread.

    Yields
    ------
    Uploaded
        Each file as the version that S3 made of it, in the order of the keys.

    Raises
    ------
    LakeCommandError
        When the table that a file would go to is a model's, before anything is uploaded. Else
        naming the file that could not be uploaded; what was uploaded before stays.
    """
    s3, bucket, keys = target.client("s3"), target.outputs["RawBucketName"], list(sources)
    _refuse_models(target, {naming.dataset_of(key) for key in keys})
    before = ledger.get_many(target, bucket, keys)

    def one(key: str) -> Uploaded:
        try:
            version = _send(s3, bucket, key, sources[key], sent)
        except (ClientError, BotoCoreError, S3UploadFailedError, OSError) as error:
            why = explain(error) or error
            raise LakeCommandError(f"{sources[key].name} was not uploaded. {why}") from error
        known = before[key].version if key in before else ""
        return Uploaded(key, version, time.monotonic(), known not in ("", version))

    return in_order(one, keys, _THREADS)


def _refuse_models(target: Target, datasets: Iterable[str]) -> None:
    for name in sorted(datasets):
        # Who may upload, and not look at the catalog, is told by the ledger.
        with suppress(ClientError):
            place = curated.location_of(tables.table_of(target, name) or {})
            home = naming.home_of(name)
            if curated.key_in(place, target.outputs["CuratedBucketName"]).startswith(home):
                raise LakeCommandError(
                    f"Nothing was uploaded. {name} is the table of a model: use another dataset."
                )


def _send(s3: Any, bucket: str, key: str, source: Source, sent: Callable[[int], None]) -> str:
    """Make one object; give its version."""
    if source.name == STDIN:
        s3.upload_fileobj(sys.stdin.buffer, bucket, key, Callback=sent, Config=_STREAM)
    elif place := source.place:
        other = {"Bucket": place[0], "Key": place[1]}
        s3.copy(other, bucket, key, Callback=sent, Config=_COPY)
    else:
        s3.upload_file(source.name, bucket, key, Callback=sent, Config=_PARTS)
    head = s3.head_object(Bucket=bucket, Key=key)
    version = head.get("VersionId")
    return str(head["ETag"]).strip('"') if version in (None, "null") else str(version)


def fates(
    target: Target,
    uploads: Sequence[Uploaded],
    timeout: float,
    uneasy: Callable[[str], None] = lambda _: None,
) -> Iterator[Fate]:
    """Give each upload's fate as soon as it is known.

    Parameters
    ----------
    target : Target
        The lake.
    uploads : sequence of Uploaded
        What to wait for.
    timeout : float
        Seconds without any news; what has no fate by then is given with status ``WAITING``.
    uneasy : callable
        Told why nothing happens, where that is known and was not told before.

    Yields
    ------
    Fate
        One for each upload, in the order in which they are decided.
    """
    bucket, heard = target.outputs["RawBucketName"], time.monotonic()
    waiting = {one.key: one for one in uploads}
    watch, contracts = health.Watch(target, list(waiting)), Contracts(target)
    while waiting:
        known = ledger.get_many(target, bucket, list(waiting))
        for key, item in known.items():
            if item.version == waiting[key].version and item.status.is_final:
                one = waiting.pop(key)
                heard = time.monotonic()
                watch.news()
                yield Fate(one, heard - one.at, contracts.noted(item))
        now = time.monotonic()
        if waiting and now - heard > timeout:
            for key, one in waiting.items():
                why = _trouble(known.get(key)) or watch.look()
                yield Fate(one, now - one.at, trouble=why)
            return
        if waiting:
            if trouble := watch.unsaid():
                uneasy(trouble)
            # A question costs money where many are waited for.
            time.sleep(max(0.1, len(waiting) / 500))


def _trouble(item: Item | None) -> str:
    if item is None or item.status != "FAILED":
        return ""
    return f"the last attempt failed and is tried again ({item.reason}: {item.detail})"
