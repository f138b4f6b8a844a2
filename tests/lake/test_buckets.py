"""What the command asks of buckets with versions."""

from __future__ import annotations

from typing import Any

from lake import buckets


class Bucket:
    """A client that lists these pages, as S3 divides them: also within the versions of a key."""

    def __init__(self, *pages: dict[str, list[dict[str, Any]]]) -> None:
        self.pages = pages

    def client(self, _: str) -> Bucket:
        return self

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, **_: str) -> tuple[dict[str, list[dict[str, Any]]], ...]:
        return self.pages


def version(key: str, name: str, *, newest: bool = False) -> dict[str, Any]:
    return {"Key": key, "VersionId": name, "IsLatest": newest}


def test_versions_are_those_of_deleted_objects_only() -> None:
    lake: Any = Bucket(
        {
            "Versions": [version("a", "1"), version("b", "2", newest=True)],
            "DeleteMarkers": [version("a", "3", newest=True)],
        },
        {"Versions": [version("b", "4"), version("c", "5"), version("other", "6")]},
        {"DeleteMarkers": [version("c", "7", newest=True)]},
    )
    found = list(buckets.deleted(lake, "bucket", "", lambda key: len(key) == 1))
    assert sorted((one["Key"], one["VersionId"]) for one in found) == [
        ("a", "1"),
        ("a", "3"),
        ("c", "5"),
        ("c", "7"),
    ]
    assert [set(one) for one in found] == [{"Key", "VersionId"}] * 4
