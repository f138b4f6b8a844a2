"""The raw and the processed bucket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.errors import ObjectArchivedError, ServiceError
from store.model import RawObject

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

#: Two parts of 8 MB in flight: bounded memory, and no core to feed more of them.
_TRANSFER = TransferConfig(max_concurrency=2, multipart_chunksize=8 * 1024 * 1024)

#: The most that DeleteObjects takes (Amazon S3 API Reference).
_DELETE_BATCH = 1000

_GONE = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed", "405"})


@dataclass(frozen=True, slots=True)
class S3Content:
    """One version of a raw object, as GetObject gives it.

    Attributes
    ----------
    raw : RawObject
        Which version.
    body : StreamingBody or None
        Its bytes; None for one in an archive.
    """

    raw: RawObject
    body: StreamingBody | None

    def save(self, path: Path) -> None:
        """See :class:`processor.ingest.ports.Content`."""
        where = f"s3://{self.raw.bucket}/{self.raw.key}"
        if self.body is None:
            raise ObjectArchivedError(
                f"{where} is in Glacier: restore it (aws s3api restore-object), then replay it"
            )
        with translated(f"reading {where}"), path.open("wb") as file:
            for block in self.body.iter_chunks(1024 * 1024):
                file.write(block)

    def close(self) -> None:
        """See :class:`processor.ingest.ports.Content`."""
        if self.body is not None:
            self.body.close()


@dataclass(frozen=True, slots=True)
class S3RawStore:
    """Reads raw objects, each version exactly."""

    client: S3Client

    def open(self, bucket: str, key: str) -> S3Content | None:
        """See :class:`processor.ingest.ports.RawStore`."""
        try:
            with translated(f"reading s3://{bucket}/{key}"):
                # One call tells the version and gives its bytes: the stream is that version's,
                # whatever is uploaded meanwhile.
                answer = self.client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in _GONE:
                return None
            if code_of(error) == "InvalidObjectState":
                raw = self.head(bucket, key)
                return S3Content(raw, None) if raw else None
            raise
        return S3Content(_described(bucket, key, answer), answer["Body"])

    def head(self, bucket: str, key: str) -> RawObject | None:
        """See :class:`processor.ingest.ports.RawStore`."""
        try:
            with translated(f"asking for s3://{bucket}/{key}"):
                answer = self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in _GONE:
                return None
            raise
        return _described(bucket, key, answer)


def _described(bucket: str, key: str, answer: Mapping[str, Any]) -> RawObject:
    version_id = answer.get("VersionId", "")
    # "null" is what a bucket without versioning calls every version of an object.
    version_id = "" if version_id == "null" else version_id
    return RawObject(
        bucket=bucket,
        key=key,
        version=version_id or answer["ETag"].strip('"'),
        size=answer["ContentLength"],
        created=answer["LastModified"].astimezone(UTC),
        content_type=answer.get("ContentType", ""),
    )


@dataclass(frozen=True, slots=True)
class S3OutputStore:
    """Writes and deletes below ``processed/``, ``quarantine/`` and ``objects/``."""

    client: S3Client
    bucket: str

    def upload(self, path: Path, key: str) -> None:
        """See :class:`processor.ingest.ports.OutputStore`."""
        with translated(f"writing s3://{self.bucket}/{key}"):
            self.client.upload_file(str(path), self.bucket, key, Config=_TRANSFER)

    def delete(self, keys: Collection[str]) -> None:
        """See :class:`processor.ingest.ports.OutputStore`."""
        doomed = list(keys)
        for start in range(0, len(doomed), _DELETE_BATCH):
            batch = doomed[start : start + _DELETE_BATCH]
            with translated(f"deleting {len(batch)} objects of s3://{self.bucket}"):
                answer = self.client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
                )
            if errors := answer.get("Errors"):
                raise ServiceError(f"deleting from s3://{self.bucket}: {errors[0]}")
