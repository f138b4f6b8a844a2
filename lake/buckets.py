"""What the command asks of any bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.target import Target


def contents(target: Target, bucket: str, prefix: str) -> Iterator[Any]:
    """Give what S3 lists of each current object whose key begins so."""
    pages = target.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def exists(target: Target, bucket: str, key: str) -> bool:
    """Tell whether an object is in a bucket."""
    try:
        target.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True
