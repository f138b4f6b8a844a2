"""The files of the table ``lake_runs``."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.errors import CatalogConflictError
from store.runs import merged

if TYPE_CHECKING:
    from collections.abc import Collection

    from mypy_boto3_s3 import S3Client

    from store.runs import Row

#: Each round follows a write of another worker to the same file.
_ROUNDS = 25

#: Another worker wrote the file since it was read, or is just writing it (Amazon S3 User Guide,
#: "How to prevent object overwrites with conditional writes").
_OVERTAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})

#: Of gzip: the files are small, and written often.
_LEVEL = 4


@dataclass(frozen=True, slots=True)
class S3Runs:
    """Writes each file whole, on the condition that it is still the one that was read."""

    client: S3Client
    bucket: str

    def put(self, file: str, rows: Collection[Row]) -> None:
        """See :class:`recorder.ports.Runs`."""
        for _ in range(_ROUNDS):
            condition, there = self._read(file)
            packed = io.BytesIO()
            # Without a time: the same rows are the same bytes.
            with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=_LEVEL, mtime=0) as out:
                out.writelines(merged(there, rows))
            try:
                with translated(f"writing {file}"):
                    self.client.put_object(
                        Bucket=self.bucket, Key=file, Body=packed.getvalue(), **condition
                    )
            except ClientError as error:
                if code_of(error) not in _OVERTAKEN:
                    raise
                continue
            return
        raise CatalogConflictError(f"{file}: other workers kept writing it")

    def _read(self, file: str) -> tuple[dict[str, Any], Any]:
        """Give the condition that a file is as it is now, and its lines."""
        try:
            with translated(f"reading {file}"):
                answer = self.client.get_object(Bucket=self.bucket, Key=file)
                body = answer["Body"].read()
        except ClientError as error:
            if code_of(error) != "NoSuchKey":
                raise
            return {"IfNoneMatch": "*"}, ()
        return {"IfMatch": answer["ETag"]}, gzip.GzipFile(fileobj=io.BytesIO(body))
