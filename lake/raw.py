"""The raw bucket, as the command lists it."""

from __future__ import annotations

from os.path import commonprefix
from typing import TYPE_CHECKING

from lake import buckets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lake.target import Target

#: So many objects are asked for one by one; of more a listing takes fewer calls.
_FEW = 100


def listed(target: Target, prefix: str) -> Iterator[tuple[str, str]]:
    """Give each current object whose key begins so, and its storage class."""
    for found in buckets.contents(target, target.outputs["RawBucketName"], prefix):
        yield found["Key"], found.get("StorageClass", "STANDARD")


def keys(target: Target, prefix: str, *, deleted: bool = False) -> set[str]:
    """Give the keys that begin so; where asked, also of deleted objects that have versions."""
    if not deleted:
        return {key for key, _ in listed(target, prefix)}
    bucket = target.outputs["RawBucketName"]
    return {one["Key"] for one in buckets.versions(target, bucket, prefix)}


def present(target: Target, some: Collection[str], *, deleted: bool = False) -> set[str]:
    """Tell which of some objects are in the bucket; where asked, also as old versions."""
    if len(some) > _FEW:
        prefix = commonprefix([*some])  # noqa: RUF071 - S3's prefixes end anywhere
        return keys(target, prefix, deleted=deleted).intersection(some)
    if deleted:
        return {key for key in some if key in keys(target, key, deleted=True)}
    bucket = target.outputs["RawBucketName"]
    return {key for key in some if buckets.exists(target, bucket, key)}
