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


def present(target: Target, keys: Collection[str]) -> set[str]:
    """Tell which of some objects are in the bucket."""
    if len(keys) <= _FEW:
        bucket = target.outputs["RawBucketName"]
        return {key for key in keys if buckets.exists(target, bucket, key)}
    return {key for key, _ in listed(target, _common(keys))}.intersection(keys)


def kept(target: Target, prefix: str) -> set[str]:
    """Give each key that begins so and has a version in the bucket, also if it is deleted."""
    bucket = target.outputs["RawBucketName"]
    return {one["Key"] for one in buckets.versions(target, bucket, prefix)}


def kept_of(target: Target, keys: Collection[str]) -> set[str]:
    """Tell which of some objects have a version in the bucket, also if they are deleted."""
    if len(keys) <= _FEW:
        return {key for key in keys if key in kept(target, key)}
    return kept(target, _common(keys)).intersection(keys)


def _common(keys: Collection[str]) -> str:
    return commonprefix([*keys])  # noqa: RUF071 - S3's prefixes end anywhere
