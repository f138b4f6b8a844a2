"""The engine: one object's bytes become conformed files, every record accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.convert.optimistic import convert
from engine.convert.stored import stored
from engine.database import Database
from engine.job import Options, opened
from engine.open.detect import detect
from engine.open.encoding import as_utf8
from engine.open.unpack import unpacked
from engine.read.avro import AvroReading
from engine.read.delimited import Delimited
from engine.read.document import document
from engine.read.jsonl import JsonLines, WrongLinesError
from engine.read.parquet import ParquetReading
from engine.read.text import TextLines
from engine.write.quarantine import Quarantine
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from contract.schema import Contract
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
        """See :class:`processor.ports.Engine`.

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
            plain, compression = unpacked(source.path, workdir / "plain", room)
            hint = contract.format_hint if contract else ""
            settings = contract.csv if contract else None
            columns = frozenset(column.name for column in table.columns) if table else frozenset()
            if contract:
                columns |= frozenset(map(normalise, contract.root.properties))
            found = detect(plain, source.key, source.content_type, hint, settings, columns)
            job.compression = compression
            match found.name:
                case "parquet":
                    reading = ParquetReading(job, plain)
                    with reading.blamed():
                        return convert(job, reading)
                case "avro":
                    return convert(job, AvroReading(job, plain))
                case "opaque":
                    return stored(job, plain, found.media_type)
            is_json = found.name in ("json", "jsonl")
            text, was = as_utf8(plain, workdir / "text", found.encoding, single_byte=not is_json)
            if was != found.encoding:
                job.guesses.append(f"encoding guessed: {was}")
            if found.dialect:
                job.guesses += found.dialect.guesses
                return convert(job, Delimited(job, text, found.dialect))
            if not is_json:
                return convert(job, TextLines(job, text))
            if found.name == "jsonl":
                return convert(job, JsonLines(job, text))
            try:
                return convert(job, document(job, text))
            except WrongLinesError:
                return convert(job, document(job, text, supposed=False))

    def reject(self, source: Source, code: str, detail: str, workdir: Path) -> OutputFile:
        """See :class:`processor.ports.Engine`."""
        quarantine = Quarantine(source, workdir / "rejected.jsonl.gz")
        quarantine.add(0, code, detail, b"")
        (file,) = quarantine.close()
        return file
