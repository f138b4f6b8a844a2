"""Files with types, converted with what their readings promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from engine.convert.layout import RESCUED
from engine.convert.plan import Plan, planned
from engine.convert.rows import conformed, conversion, publish_rows
from engine.convert.rules import checked, in_file, typed
from engine.job import DUCKDB_ERRORS
from engine.read.avro import AvroReading
from engine.read.parquet import ParquetReading, damaged, is_damage
from engine.read.reading import NUMBER
from engine.types.kinds import literal, quoted
from engine.write.publish import dated, lineage, publish
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path
    from typing import Any

    from engine.job import Job
    from engine.read.typed import TypedBlock, TypedReading
    from store.model import Conversion, OutputFile


def convert_parquet(job: Job, path: Path, compression: str) -> Conversion:
    """Convert a Parquet file."""
    reading = ParquetReading(job, path)
    try:
        return _convert(job, reading, compression)
    except Exception as error:
        if is_damage(error):
            raise damaged(error) from error
        raise


def convert_avro(job: Job, path: Path, compression: str) -> Conversion:
    """Convert an Avro object container file."""
    return _convert(job, AvroReading(job, path), compression)


def _convert(job: Job, reading: TypedReading, compression: str) -> Conversion:
    reading.learn(reading.rules)
    plan = planned(job.table, reading.rules, reading.guess(), whole=True)
    layout = in_file(plan.layout, tuple(reading.guess()))
    plan = Plan(plan.rules, plan.shapes, layout, plan.fixed)
    outputs: tuple[OutputFile, ...] = ()
    rescued = 0
    for block in reading.blocks():
        done, odd = _block(job, reading, block, plan, len(outputs))
        outputs += done
        found, few = _exact(job, block, plan, odd, len(outputs))
        outputs, rescued = outputs + found, rescued + few
    return conversion(job, reading.name, compression, plan.layout, outputs, rescued)


def _block(
    job: Job, reading: TypedReading, block: TypedBlock, plan: Plan, part: int
) -> tuple[tuple[OutputFile, ...], Collection[int] | None]:
    relation = block.relation(plan)
    shapes = {f.name: f.source for f in reading.fields}
    found = {
        t.field: reading.conformed(quoted(t.field), shapes[t.field], t.kind)
        for t in plan.layout.targets
    }
    unfit = [f"NOT ({c.fits_sql})" for c in found.values() if c.fits_sql != "true"]
    unfit += [f"NOT ({block_null(reading, t.field)})" for t in plan.layout.targets if not t.written]
    missing = set(shapes) - set(found)
    unfit += [f"NOT ({block_null(reading, name)})" for name in missing]
    if relation.odd_sql != "false":
        unfit.append(relation.odd_sql)
    odd: set[int] = set()
    if unfit:
        rows = job.db.execute(
            f"SELECT {NUMBER} FROM ({relation.query}) WHERE {' OR '.join(unfit)}"
        ).fetchall()
        odd = {number for (number,) in rows}
    select = [
        f"{found[t.field].value_sql} AS {quoted(t.column)}" for t in plan.layout.targets if t.written
    ]
    dates = {f.name: f"CAST({quoted(f.column)} AS VARCHAR)" for f in reading.fields}
    select += [
        lineage(job, "CAST(NULL AS VARCHAR)"),
        f"{dated(job, plan.layout.targets, dates)} AS date_partition",
    ]
    rest = f" WHERE NOT ({' OR '.join(unfit)})" if odd else ""
    query = f"SELECT {', '.join(select)} FROM ({relation.query}){rest}"
    certain = plan.rules.certain({name: typed(kind) for name, kind in shapes.items()}, plan.layout)
    try:
        error = f"error({literal('not certainly as the contract says')})"
        done = publish(
            job, checked(query, certain, error, RESCUED), part, width=plan.layout.width
        )
    except duckdb.OutOfMemoryException:
        raise
    except DUCKDB_ERRORS:
        if plan.rules.root.trivial:
            raise
        return (), None
    return done, odd


def block_null(reading: TypedReading, field: str) -> str:
    """Give SQL that is true where a field is null."""
    column = next(f.column for f in reading.fields if f.name == field)
    return f"{quoted(column)} IS NULL"


def _exact(
    job: Job, block: TypedBlock, plan: Plan, odd: Collection[int] | None, part: int
) -> tuple[tuple[OutputFile, ...], int]:
    if odd is not None and not odd:
        return (), 0

    def rows() -> Iterator[dict[str, Any]]:
        for record in block.records(odd):
            if record.reason:
                number = block.before + record.number
                job.quarantine.add(number, record.reason, record.detail, record.raw)
            elif broken := plan.rules.violation(record.value):
                number = block.before + record.number
                job.quarantine.add(number, Reason.CONTRACT_VIOLATION, str(broken), record.raw)
            else:
                yield conformed(record.value, plan.layout.targets, job.drift)

    return publish_rows(job, rows(), plan.layout, part)
