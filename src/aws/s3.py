"""The raw and the processed bucket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.errors import ObjectArchivedError, ObjectGoneError, ServiceError
from store.model import RawObject

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

#: Two parts of 8 MB in flight: bounded memory, and no core to feed more of them.
_TRANSFER = TransferConfig(max_concurrency=2, multipart_chunksize=8 * 1024 * 1024)

#: The most that DeleteObjects takes (Amazon S3 API Reference).
_DELETE_BATCH = 1000

_GONE = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed", "405"})


@dataclass(frozen=True, slots=True)
class S3RawStore:
    """Reads raw objects, each version exactly."""

    client: S3Client

    def head(self, bucket: str, key: str) -> RawObject | None:
        """See :class:`processor.ingest.ports.RawStore`."""
        try:
            with translated(f"asking for s3://{bucket}/{key}"):
                answer = self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in _GONE:
                return None
            raise
        version_id = answer.get("VersionId", "")
        # "null" is what a bucket without versioning calls every version of an object.
        version_id = "" if version_id == "null" else version_id
        return RawObject(
            bucket=bucket,
            key=key,
            version=version_id or answer["ETag"].strip('"'),
            versioned=bool(version_id),
            size=answer["ContentLength"],
            created=answer["LastModified"].astimezone(UTC),
            content_type=answer.get("ContentType", ""),
        )

    def download(self, raw: RawObject, path: Path) -> None:
        """See :class:`processor.ingest.ports.RawStore`."""
        where = f"s3://{raw.bucket}/{raw.key}"
        # Without version ids the ETag pins the bytes: a change in between is a 412.
        pin: dict[str, Any] = (
            {"VersionId": raw.version} if raw.versioned else {"IfMatch": raw.version}
        )
        try:
            with translated(f"reading {where}"):
                answer = self.client.get_object(Bucket=raw.bucket, Key=raw.key, **pin)
                with path.open("wb") as file:
                    for block in answer["Body"].iter_chunks(1024 * 1024):
                        file.write(block)
        except ClientError as error:
            if code_of(error) in _GONE | {"PreconditionFailed", "412"}:
                raise ObjectGoneError(f"{where} changed while it was read") from error
            if code_of(error) == "InvalidObjectState":
                raise ObjectArchivedError(
                    f"{where} is in Glacier: restore it (aws s3api restore-object), then replay it"
                ) from error
            raise


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
