"""The engine: one object's bytes become conformed files, every record accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.convert.optimistic import convert
from engine.database import Database
from engine.job import Options, Quarantine, opened
from engine.open.opened import opened as open_object
from engine.open.stored import Stored
from engine.read.document import document
from engine.read.jsonl import JsonLines
from engine.read.text import TextLines
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from contract.schema import Contract
    from engine.job import Job
    from engine.open.opened import Opened
    from store.model import Conversion, OutputFile, Schema, Source


@dataclass(frozen=True, slots=True)
class DuckEngine:
    """Reads with DuckDB where lines are what they promise, with Python where not.

    Attributes
    ----------
    options : Options
        What the deployment allows.
    contracts : mapping of str to Contract
        What records must be, by dataset.
    """

    options: Options
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        """Open nothing yet: the database is opened by the first object."""
        object.__setattr__(self, "database", Database(self.options))

    def convert(
        self, source: Source, table: Schema | None, workdir: Path, seconds_left: Callable[[], float]
    ) -> Conversion:
        """See :class:`processor.ingest.Engine`.

        Raises
        ------
        RejectedObjectError
            When the object as a whole cannot be opened.
        ObjectTooLargeError
            When disk, memory or the number of dates do not allow it.
        OutOfTimeError
            When the invocation ends first.
        """
        contract = self.contracts.get(source.dataset)
        with opened(
            source, table, self.options, workdir, seconds_left, self.database, contract
        ) as job:
            room = max(self.options.disk_bytes - 2 * source.path.stat().st_size, 0)
            parts = open_object(
                source.path,
                source.key,
                source.content_type,
                contract.format_hint if contract else "",
                # The lead wires the contract's x-encoding here.
                "",
                workdir,
                room,
                job.check_time,
            )
            if isinstance(parts, Stored):
                from engine.read.plain import convert_opaque

                job.compression = parts.compression
                return convert_opaque(job, parts.path, parts.compression, parts.media_type)
            if not parts:
                nothing = workdir / "nothing"
                nothing.touch()
                return convert(job, TextLines(job, nothing))
            if len(parts) > 1:
                raise RejectedObjectError(
                    Reason.UNSUPPORTED_TYPE,
                    f"an archive of {len(parts):,} files: upload them one by one",
                )
            return self._converted(job, parts[0])

    def _converted(self, job: Job, part: Opened) -> Conversion:
        job.compression = part.compression
        if part.format.dialect:
            from engine.read.delimited import convert_delimited

            return convert_delimited(job, part.path, part.compression, part.format.dialect)
        match part.format.name:
            case "parquet":
                from engine.read.columnar import convert_parquet

                return convert_parquet(job, part.path, part.compression)
            case "avro":
                from engine.read.columnar import convert_avro

                return convert_avro(job, part.path, part.compression)
            case "jsonl":
                return convert(job, JsonLines(job, part.path))
            case "json":
                return convert(job, document(job, part.path))
        return convert(job, TextLines(job, part.path))

    def reject(self, source: Source, code: str, detail: str, workdir: Path) -> OutputFile:
        """See :class:`processor.ingest.Engine`."""
        quarantine = Quarantine(source, workdir / "rejected.jsonl.gz")
        quarantine.add(0, code, detail, b"")
        (file,) = quarantine.close()
        return file
