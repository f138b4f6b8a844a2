"""The raw bucket, as the command lists it."""

from __future__ import annotations

from os.path import commonprefix
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lake.target import Target

#: So many objects are asked for one by one; of more a listing takes fewer calls.
_FEW = 100


def listed(target: Target, prefix: str) -> Iterator[tuple[str, str]]:
    """Give each current object whose key begins so, and its storage class."""
    pages = target.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=target.outputs["RawBucketName"], Prefix=prefix):
        for found in page.get("Contents", []):
            yield found["Key"], found.get("StorageClass", "STANDARD")


def exists(s3: Any, bucket: str, key: str) -> bool:
    """Tell whether an object is in a bucket."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def present(target: Target, keys: Collection[str]) -> set[str]:
    """Tell which of some objects are in the bucket."""
    if len(keys) <= _FEW:
        s3, bucket = target.client("s3"), target.outputs["RawBucketName"]
        return {key for key in keys if exists(s3, bucket, key)}
    prefix = commonprefix([*keys])  # noqa: RUF071 - S3's prefixes end anywhere
    return {key for key, _ in listed(target, prefix)}.intersection(keys)
