"""The raw bucket, as the command lists it."""

from __future__ import annotations

from os.path import commonprefix
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lake.target import Target


def listed(target: Target, prefix: str) -> Iterator[tuple[str, str]]:
    """Give each current object whose key begins so, and its storage class."""
    pages = target.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=target.outputs["RawBucketName"], Prefix=prefix):
        for found in page.get("Contents", []):
            yield found["Key"], found.get("StorageClass", "STANDARD")


def present(target: Target, keys: Collection[str]) -> set[str]:
    """Tell which of some objects are in the bucket."""
    prefix = commonprefix([*keys])  # noqa: RUF071 - S3's prefixes end anywhere
    return {key for key, _ in listed(target, prefix)}.intersection(keys)
