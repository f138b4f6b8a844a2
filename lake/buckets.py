"""What the command asks of any bucket."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lake.target import Target

#: The most that DeleteObjects takes (Amazon S3 API Reference).
_BATCH = 1000


def contents(target: Target, bucket: str, prefix: str) -> Iterator[Any]:
    """Give what S3 lists of each current object whose key begins so."""
    pages = target.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def folders(target: Target, bucket: str, prefix: str) -> Iterator[str]:
    """Give the folders right below a folder, as prefixes with a slash at their end."""
    pages = target.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
        yield from (one["Prefix"] for one in page.get("CommonPrefixes", []))


def exists(target: Target, bucket: str, key: str) -> bool:
    """Tell whether an object is in a bucket."""
    try:
        target.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def versions(target: Target, bucket: str, prefix: str = "") -> Iterator[dict[str, str]]:
    """Give key and id of each version and each delete marker whose key begins so."""
    for page in _pages_of_versions(target, bucket, prefix):
        yield from _named(page)


def deleted(
    target: Target, bucket: str, prefix: str, wanted: Callable[[str], object]
) -> Iterator[dict[str, str]]:
    """Give the versions of objects that are deleted, as :func:`versions` does.

    Parameters
    ----------
    target : Target
        The lake.
    bucket, prefix : str
        Where.
    wanted : callable
        Tells of a key whether it is meant.
    """
    found: list[dict[str, str]] = []
    there = set()
    for page in _pages_of_versions(target, bucket, prefix):
        found += (one for one in _named(page) if wanted(one["Key"]))
        there |= {one["Key"] for one in page.get("Versions", []) if one["IsLatest"]}
    yield from (one for one in found if one["Key"] not in there)


def _pages_of_versions(target: Target, bucket: str, prefix: str) -> Iterator[Any]:
    pages = target.client("s3").get_paginator("list_object_versions")
    yield from pages.paginate(Bucket=bucket, Prefix=prefix)


def _named(page: Any) -> Iterator[dict[str, str]]:
    for one in chain(page.get("Versions", []), page.get("DeleteMarkers", [])):
        yield {"Key": one["Key"], "VersionId": one["VersionId"]}


def delete(
    target: Target, bucket: str, named: Iterable[Mapping[str, str]], what: str = "objects"
) -> Iterator[int]:
    """Delete objects, or versions of them where their ids are named too.

    Parameters
    ----------
    target : Target
        The lake.
    bucket : str
        Where.
    named : iterable of mapping
        As DeleteObjects takes them: ``Key``, and perhaps ``VersionId``.
    what : str
        What they are, in the plural.

    Yields
    ------
    int
        How many were deleted since the last one.

    Raises
    ------
    LakeCommandError
        When S3 did only part of it; the same command does the rest.
    """
    s3, rest = target.client("s3"), iter(named)
    while batch := list(islice(rest, _BATCH)):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        if errors := answer.get("Errors"):
            first = errors[0]
            raise LakeCommandError(
                f"S3 did not delete {len(errors)} {what} of {bucket}, such as {first['Key']}: "
                f"{first.get('Message', first.get('Code'))}. The same command goes on."
            )
        yield len(batch)
