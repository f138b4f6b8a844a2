"""S3, DynamoDB and Glue in memory, with the promises that the lake relies on.

Versions are kept, reads are strongly consistent, conditional writes compare and swap. The
contract suite (tests/ports) runs over these and over the real adapters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.types.evolve import evolved
from store.entry import UNSWEPT, Entry
from store.errors import RowsGoneError
from store.model import RawObject, Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

CREATED = datetime(2024, 1, 20, 12, tzinfo=UTC)


@dataclass
class MemoryContent:
    raw: RawObject
    body: bytes

    def save(self, path: Path) -> None:
        path.write_bytes(self.body)

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class MemoryRawStore:
    """A versioned bucket; a version whose body is None is a delete marker."""

    versions: dict[tuple[str, str], list[tuple[str, bytes | None]]] = field(default_factory=dict)
    count: int = 0

    def write(self, bucket: str, key: str, body: bytes | None) -> str:
        self.count += 1
        version = f"v{self.count}"
        self.versions.setdefault((bucket, key), []).append((version, body))
        return version

    def head(self, bucket: str, key: str) -> RawObject | None:
        version, body = self.versions.get((bucket, key), [("", None)])[-1]
        if body is None:
            return None
        created = CREATED + timedelta(seconds=int(version[1:]))
        return RawObject(bucket, key, version, len(body), created)

    def open(self, bucket: str, key: str) -> MemoryContent | None:
        raw = self.head(bucket, key)
        if raw is None:
            return None
        return MemoryContent(raw, self.versions[bucket, key][-1][1] or b"")


@dataclass
class MemoryOutputStore:
    """A bucket of finished files."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def download(self, key: str, path: Path) -> None:
        if key not in self.objects:
            raise RowsGoneError(key)
        path.write_bytes(self.objects[key])

    def upload_all(self, files: Mapping[str, Path], seconds_left: Callable[[], float]) -> None:
        for key, path in sorted(files.items()):
            self.objects[key] = path.read_bytes()

    def delete(self, keys: Collection[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)


@dataclass
class MemoryCatalog:
    """Tables that only ever gain columns, and fields in their structs."""

    tables: dict[str, Schema] = field(default_factory=dict)
    partitions: set[tuple[str, str]] = field(default_factory=set)
    crawls: int = 0

    def schema(self, dataset: str) -> Schema | None:
        return self.tables.get(dataset)

    def declare(self, dataset: str, schema: Schema) -> bool:
        present = self.tables.get(dataset)
        self.tables[dataset] = evolved(present or Schema((), schema.format), schema)
        return present is None

    def add_partitions(self, dataset: str, partitions: Iterable[str]) -> None:
        self.partitions |= {(dataset, partition) for partition in partitions}

    def crawl(self) -> bool:
        self.crawls += 1
        return True


@dataclass
class MemoryLedger:
    """Entries, each changed by compare and swap on its revision."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, raw_object: str) -> Entry:
        return self.entries.get(raw_object, Entry())

    def put(self, raw_object: str, entry: Entry) -> Entry | None:
        there = self.get(raw_object)
        if there.revision != entry.revision - 1:
            return there
        self.entries[raw_object] = entry
        return None

    def unswept(self) -> list[str]:
        return [name for name, entry in self.entries.items() if entry.attention == UNSWEPT]


@dataclass
class MemoryCuration:
    """Who makes tables of one dataset's rows."""

    table: str = "processed_table"
    told: list[str] = field(default_factory=list)

    def concerns(self, partition: str) -> bool:
        return partition.startswith(f"{self.table}/")

    def tell(self, partitions: Iterable[str]) -> None:
        self.told += partitions
