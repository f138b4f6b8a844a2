"""The raw and the processed bucket."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.errors import (
    ObjectArchivedError,
    ObjectEncryptedError,
    OutOfTimeError,
    RowsGoneError,
    ServiceError,
)
from store.model import RawObject

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

    from store.errors import TerminalError

#: What is longer is sent in parts, so that one that is lost costs little to send again. S3 takes
#: 10,000 parts, each but the last of 5 MiB or more (Amazon S3 User Guide, "multipart upload
#: limits"): far more than the function's disk can hold.
_PART = 64 * 1024 * 1024

#: Seconds that are kept for what follows the uploads: partitions and commit, or to say that time
#: ran out and delete what was written.
_RESERVE = 10.0

#: The most that DeleteObjects takes (Amazon S3 API Reference).
_DELETE_BATCH = 1000

#: Bytes that are read at once.
_BLOCK = 1024 * 1024

_GONE = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed", "405"})


@dataclass(frozen=True, slots=True)
class S3Content:
    """One version of a raw object, as GetObject gives it.

    Attributes
    ----------
    raw : RawObject
        Which version.
    body : StreamingBody or TerminalError
        Its bytes, or why S3 does not give them.
    """

    raw: RawObject
    body: StreamingBody | TerminalError

    def save(self, path: Path) -> None:
        """See :class:`processor.ingest.ports.Content`."""
        if isinstance(self.body, Exception):
            raise self.body
        with translated(f"reading s3://{self.raw.bucket}/{self.raw.key}"):
            _save(self.body, path)

    def close(self) -> None:
        """See :class:`processor.ingest.ports.Content`."""
        if not isinstance(self.body, Exception):
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
            return self._withheld(bucket, key, error)
        return S3Content(_described(bucket, key, answer), answer["Body"])

    def head(self, bucket: str, key: str) -> RawObject | None:
        """See :class:`processor.ingest.ports.RawStore`."""
        answer = self._head(bucket, key)
        return _described(bucket, key, answer) if answer else None

    def _head(self, bucket: str, key: str) -> Mapping[str, Any] | None:
        try:
            with translated(f"asking for s3://{bucket}/{key}"):
                return self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in _GONE:
                return None
            # So S3 answers for an object whose key its producer holds, without a word. A list says
            # all but the version of it.
            if code_of(error) != "400":
                raise
        with translated(f"listing s3://{bucket}/{key}"):
            found = self.client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        one: Any = next((one for one in found.get("Contents", []) if one["Key"] == key), None)
        return one and {**one, "ContentLength": one["Size"]}

    def _withheld(self, bucket: str, key: str, error: ClientError) -> S3Content | None:
        """Describe an object whose bytes S3 does not give, or raise what it answered."""
        try:
            answer = self._head(bucket, key)
        except ClientError:
            raise error from None
        if answer is None:
            return None
        if (why := _why_withheld(f"s3://{bucket}/{key}", error, answer)) is None:
            raise error
        return S3Content(_described(bucket, key, answer), why)


def _why_withheld(
    where: str, error: ClientError, answer: Mapping[str, Any]
) -> TerminalError | None:
    """Say why GetObject fails where HeadObject does not.

    HeadObject needs the same right as GetObject, and no key of KMS (Amazon S3 API Reference,
    "HeadObject"): where it alone answers, the key is what is missing.
    """
    code = code_of(error)
    if code == "InvalidObjectState":
        return ObjectArchivedError(
            f"{where} is in Glacier: restore it (aws s3api restore-object), then replay it"
        )
    if code == "InvalidRequest":
        return ObjectEncryptedError(
            f"{where} is encrypted with a key that only its producer has (SSE-C), and S3 answers: "
            f"{error.response['Error'].get('Message', code)} Upload it again without that key"
        )
    if (key := answer.get("SSEKMSKeyId")) and (code == "AccessDenied" or code.startswith("KMS.")):
        return ObjectEncryptedError(
            f"{where} is encrypted with the KMS key {key}, which the function cannot use ({code}): "
            "enable the key where it is disabled, and allow the function's role kms:Decrypt in its "
            "policy, then replay the object; or upload it again without a key of your own"
        )
    return None


def _save(body: StreamingBody, path: Path) -> None:
    with path.open("wb") as file:
        for block in body.iter_chunks(_BLOCK):
            file.write(block)


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
    """The files of the lake's own tables in the processed bucket.

    Attributes
    ----------
    client : S3Client
        With botocore's retries configured; its threads share it.
    bucket : str
        The processed bucket.
    threads : int
        How many files are on their way at once; 1 uploads in the caller's own thread. Each is
        read as it is sent, so memory does not grow with the files.
    part_bytes : int
        Length of what is sent by one request.
    """

    client: S3Client
    bucket: str
    threads: int = 8
    part_bytes: int = _PART

    def download(self, key: str, path: Path) -> None:
        """See :class:`processor.ingest.ports.OutputStore`."""
        where = f"s3://{self.bucket}/{key}"
        try:
            with (
                translated(f"reading {where}"),
                closing(self.client.get_object(Bucket=self.bucket, Key=key)["Body"]) as body,
            ):
                _save(body, path)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            raise RowsGoneError(
                f"{where} holds rows and is gone: was it deleted, `lake replay` makes it anew "
                "from the raw object"
            ) from error

    def upload_all(self, files: Mapping[str, Path], seconds_left: Callable[[], float]) -> None:
        """See :class:`processor.ingest.ports.OutputStore`."""
        jobs = sorted(files.items())
        if self.threads == 1 or len(jobs) <= 1:
            for key, path in jobs:
                self._upload(key, path, seconds_left)
            return
        with ThreadPoolExecutor(min(self.threads, len(jobs))) as pool:
            sent = [pool.submit(self._upload, key, path, seconds_left) for key, path in jobs]
            try:
                wait(sent, return_when=FIRST_EXCEPTION)
            finally:
                pool.shutdown(cancel_futures=True)
        for one in sent:
            if not one.cancelled():
                one.result()

    def _upload(self, key: str, path: Path, seconds_left: Callable[[], float]) -> None:
        self._check_time(key, seconds_left)
        length = path.stat().st_size
        with translated(f"writing s3://{self.bucket}/{key}"):
            if length > self.part_bytes:
                self._upload_parts(key, path, length, seconds_left)
                return
            with path.open("rb") as body:
                self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def _upload_parts(
        self, key: str, path: Path, length: int, seconds_left: Callable[[], float]
    ) -> None:
        """Send a long file in parts, one after the other; remove them where that fails."""
        # Few objects need it, and a cold start would have to wait for it.
        from s3transfer.utils import ReadFileChunk

        where: Any = {"Bucket": self.bucket, "Key": key}
        where["UploadId"] = self.client.create_multipart_upload(**where)["UploadId"]
        parts: list[Any] = []
        try:
            for number, start in enumerate(range(0, length, self.part_bytes), start=1):
                self._check_time(key, seconds_left)
                chunk: Any = ReadFileChunk.from_filename(str(path), start, self.part_bytes)
                with chunk as body:
                    sent = self.client.upload_part(**where, PartNumber=number, Body=body)
                # botocore gives each part a CRC32, and S3 wants them all again at the end.
                told = {name: sent[name] for name in ("ETag", "ChecksumCRC32") if name in sent}
                parts.append({"PartNumber": number, **told})
            self.client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        except BaseException:
            # The bucket's lifecycle removes what this leaves.
            with suppress(Exception):
                self.client.abort_multipart_upload(**where)
            raise

    def _check_time(self, key: str, seconds_left: Callable[[], float]) -> None:
        if (left := seconds_left()) < _RESERVE:
            raise OutOfTimeError(
                f"{max(left, 0):.0f} s of the invocation are left, and s3://{self.bucket}/{key} "
                "is not written yet: another invocation begins anew"
            )

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
