"""The files of the processed bucket, as the command lists and deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake import buckets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lake.target import Target


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
    bucket = target.outputs["ProcessedBucketName"]
    for _ in buckets.delete(target, bucket, ({"Key": key} for key in keys), what):
        continue
