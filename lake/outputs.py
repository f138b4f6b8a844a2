"""The files of the processed bucket, as the command lists and deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake import buckets
from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lake.target import Target

#: The most that DeleteObjects takes (Amazon S3 API Reference).
_BATCH = 1000


def listed(target: Target, prefix: str) -> Iterator[str]:
    """Give the keys below a folder; marks of folders are no files."""
    for found in buckets.contents(target, target.outputs["ProcessedBucketName"], prefix):
        if not found["Key"].endswith("/"):
            yield found["Key"]


def delete(target: Target, keys: Sequence[str], what: str) -> None:
    """Delete files; the bucket keeps them as old versions.

    Parameters
    ----------
    target : Target
        The lake.
    keys : sequence of str
        Which.
    what : str
        What they are, in the plural.

    Raises
    ------
    LakeCommandError
        When S3 did only part of it; the same command does the rest.
    """
    s3, bucket = target.client("s3"), target.outputs["ProcessedBucketName"]
    for start in range(0, len(keys), _BATCH):
        batch = [{"Key": key} for key in keys[start : start + _BATCH]]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        if errors := answer.get("Errors"):
            first = errors[0]
            raise LakeCommandError(
                f"S3 did not delete {len(errors)} {what}, such as {first['Key']}: "
                f"{first.get('Message', first.get('Code'))}"
            )
