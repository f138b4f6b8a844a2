"""What would become of an object: all of the work on it, and none of the writes."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.workspace import prefix
from processor.ingest.preparation import Task, Work
from store.errors import ObjectGoneError
from store.model import ObjectEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contract.schema import Contract
    from processor.ingest.ports import Catalog, Engine, OutputStore, RawStore
    from processor.ingest.preparation import Delivery, Prepared
    from store.model import Schema


@dataclass(frozen=True, slots=True)
class _Untouched:
    """A catalog that is read, and takes what it is told without keeping it."""

    catalog: Catalog

    def schema(self, dataset: str) -> Schema | None:
        return self.catalog.schema(dataset)

    def declare(self, dataset: str, schema: Schema) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def add_partitions(
        self,
        dataset: str,  # noqa: ARG002 - the protocol's
        partitions: Iterable[str],  # noqa: ARG002 - likewise
    ) -> None:
        return

    def crawl(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Does what an ingestion does up to its first write.

    Attributes
    ----------
    raw, outputs, catalog, engine, bytes_per_second, work_root
        As of :class:`processor.ingest.protocol.Ingest`.
    """

    raw: RawStore
    outputs: OutputStore
    catalog: Catalog
    engine: Engine
    bytes_per_second: float
    work_root: Path | None = None

    def __call__(
        self, bucket: str, key: str, delivery: Delivery, contract: Contract | None = None
    ) -> Prepared:
        """Read, convert and count the current version of an object.

        Parameters
        ----------
        bucket, key : str
            The raw object.
        delivery : Delivery
            In what time.
        contract : Contract, optional
            What its records must be, in place of the contract that is deployed.

        Returns
        -------
        Prepared
            As an ingestion would publish it; the files are gone.

        Raises
        ------
        KeyOutsideLakeError, ObjectGoneError, ObjectArchivedError
            When there is nothing to read.
        TransientError
            When a retry can help.
        """
        content = self.raw.open(bucket, key)
        if content is None:
            raise ObjectGoneError(f"s3://{bucket}/{key} does not exist")
        engine = self.engine.judging(contract) if contract else self.engine
        work = Work(self.outputs, _Untouched(self.catalog), engine, self.bytes_per_second)
        task = Task(f"{bucket}/{key}", 0, content, ObjectEvent(bucket, key), delivery)
        with (
            closing(content),
            tempfile.TemporaryDirectory(prefix=prefix("job"), dir=self.work_root) as folder,
        ):
            return work.prepare(task, Path(folder))
