"""The engine: one object's bytes become conformed files, every record accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.job import Options, opened
from engine.open.detect import detect
from engine.open.encoding import as_utf8
from engine.open.unpack import unpacked
from engine.read.columnar import convert_avro, convert_parquet
from engine.read.delimited import convert_delimited
from engine.read.document import convert_document
from engine.read.jsonl import convert_jsonl
from engine.read.plain import convert_opaque, convert_text
from engine.write.quarantine import Quarantine

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
        with opened(source, table, self.options, workdir, seconds_left, contract) as job:
            room = max(self.options.disk_bytes - 2 * source.path.stat().st_size, 0)
            plain, compression = unpacked(source.path, workdir / "plain", room)
            hint = contract.format_hint if contract else ""
            found = detect(plain, source.key, source.content_type, hint)
            match found.name:
                case "parquet":
                    return convert_parquet(job, plain, compression)
                case "avro":
                    return convert_avro(job, plain, compression)
                case "opaque":
                    return convert_opaque(job, plain, compression, found.media_type)
            is_json = found.name in ("json", "jsonl")
            text, was = as_utf8(plain, workdir / "text", found.encoding, single_byte=not is_json)
            if was != found.encoding:
                job.guesses.append(f"encoding guessed: {was}")
            if found.dialect:
                if not found.dialect.header:
                    job.guesses.append("header guessed: no header")
                return convert_delimited(job, text, compression, found.dialect)
            if not is_json:
                return convert_text(job, text, compression)
            if found.name == "jsonl":
                return convert_jsonl(job, text, compression)
            return convert_document(job, text, compression)

    def reject(self, source: Source, code: str, detail: str, workdir: Path) -> OutputFile:
        """See :class:`processor.ports.Engine`."""
        quarantine = Quarantine(source, workdir / "rejected.jsonl.gz")
        quarantine.add(0, code, detail, b"")
        (file,) = quarantine.close()
        return file
