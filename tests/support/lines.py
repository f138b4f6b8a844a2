"""The smallest engine that does what the protocol needs of one: rows, dates, types, refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from store.errors import RejectedObjectError
from store.model import Column, Conversion, OutputFile, Schema, Source, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from contract.schema import Contract
    from processor.ingest.ports import Engine

DAMAGED = b"!"


def records(body: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    """What an object says: its records, and its lines that are none."""
    good, bad = [], []
    for line in body.decode().splitlines():
        if line.startswith("{"):
            good.append(json.loads(line))
        else:
            bad.append(line)
    return good, bad


class LineEngine:
    """Each line is a JSON object with its date ``d``, or is refused."""

    #: Of new tables, as the parameter says.
    output_format = "parquet"

    def format_for(self, table: Schema | None) -> str:
        return table.format if table else self.output_format

    def convert(
        self, source: Source, table: Schema | None, workdir: Path, seconds_left: Callable[[], float]
    ) -> Conversion:
        body = source.path.read_bytes()
        if body == DAMAGED:
            raise RejectedObjectError("CORRUPT_FILE", "it says so")
        good, bad = records(body)
        return self._written(source, table, workdir, [(r["d"], r) for r in good], bad)

    def rewrite(
        self,
        source: Source,
        files: Iterable[tuple[Path, str]],
        table: Schema,
        workdir: Path,
        seconds_left: Callable[[], float],
    ) -> Conversion:
        rows = []
        for path, date in files:
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                row |= row.pop("_rescued_data", {})
                rows.append((date, {k: v for k, v in row.items() if not k.startswith("_")}))
            path.unlink()
        return self._written(source, table, workdir, rows, [])

    def _written(
        self,
        source: Source,
        table: Schema | None,
        workdir: Path,
        good: list[tuple[str, dict[str, Any]]],
        bad: list[str],
    ) -> Conversion:
        columns = {c.name: c.type for c in table.columns} if table else {}
        for _, record in good:
            for name, value in record.items():
                columns.setdefault(name, "bigint" if isinstance(value, int) else "string")
        files: dict[str, list[str]] = {}
        form = self.format_for(table)
        suffix = "parquet" if form == "parquet" else "json.gz"
        rescued = 0
        for date, record in good:
            row: dict[str, Any] = {"_source_key": source.key, "_source_version": source.version}
            for name, value in record.items():
                if columns[name] == "string" or isinstance(value, int):
                    row[name] = str(value) if columns[name] == "string" else value
                else:
                    row["_rescued_data"] = {name: value}
            rescued += "_rescued_data" in row
            files.setdefault(date, []).append(json.dumps(row))
        status = Status.PARTIAL if bad else Status.DONE if good else Status.EMPTY
        return Conversion(
            status,
            "jsonl",
            "none",
            len(good) + len(bad),
            len(good),
            len(bad),
            rescued,
            Schema(tuple(Column(name, kind) for name, kind in columns.items()), form),
            tuple(
                OutputFile(_file(workdir / f"{date}.{suffix}", rows), date, 0, len(rows))
                for date, rows in sorted(files.items())
            ),
            (self._refused(source, bad, workdir),) if bad else (),
        )

    def judging(self, contract: Contract) -> Engine:
        return self

    def reject(self, source: Source, code: str, detail: str, workdir: Path) -> OutputFile:
        return self._refused(source, [code], workdir)

    def _refused(self, source: Source, lines: list[str], workdir: Path) -> OutputFile:
        rows = [json.dumps({"source_key": source.key, "raw": line}) for line in lines]
        path = _file(workdir / "refused.jsonl.gz", rows)
        return OutputFile(path, source.created.date().isoformat(), 0, len(rows))


def _file(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows), encoding="utf-8")
    return path
