"""Delimited files: fields are text, and become numbers only where every one reads as one.

The file is read strictly in one scan, with types guessed from its beginning and proved for every
value; where that raises, types are inferred over the whole file; where rows are not as the header
says, rows are read one by one; where only some values do not fit their columns or the
dataset's contract, only those rows are.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from typing import TYPE_CHECKING, Any

import duckdb

from engine.convert.exact import MisfitError, read_text
from engine.convert.layout import RESCUED, lay_out
from engine.convert.proofs import text_as
from engine.convert.rows import conversion, publish_rows
from engine.convert.rules import QUOTED, Rules, checked, in_file, read_field
from engine.job import DUCKDB_ERRORS
from engine.types.kinds import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    NULL,
    STRING,
    WHOLE_DIGITS,
    Kind,
    Scalar,
    duckdb_type,
    literal,
    quoted,
)
from engine.write.publish import WIDE, dated, lineage, publish
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from engine.convert.layout import Layout, Target
    from engine.job import Job
    from engine.open.detect import Dialect
    from store.model import Conversion, OutputFile

#: A field that goes on for longer than this has lost its closing quote.
_MAX_LINES, _MAX_BYTES = 1000, 4 * 1024 * 1024

_SAMPLE_ROWS = 5000

#: With more rows that stand out, reading all of them one by one takes hardly longer.
_MAX_ODD = 100_000

csv.field_size_limit(_MAX_BYTES)


def convert_delimited(job: Job, path: Path, compression: str, dialect: Dialect) -> Conversion:
    """Convert a delimited file in UTF-8.

    Parameters
    ----------
    job : Job
        Table, limits and quarantine.
    path : Path
        The file.
    compression : str
        What it was packed with.
    dialect : Dialect
        How it is written.

    Returns
    -------
    Conversion
        Every row that is not blank is counted once; the header is no row.
    """
    rules = Rules.of(job.contract, nulls=True)
    whole: dict[str, Kind] = {}
    wide = len(dialect.columns) > WIDE
    for sample in () if wide else (f"LIMIT {_SAMPLE_ROWS}", ""):
        try:
            kinds = _infer(job, path, dialect, sample)
            whole = {} if sample else kinds
            shapes = rules.fields(kinds)
            layout = lay_out(job.table, shapes)
            outputs = publish(job, _proving(job, path, dialect, rules, shapes, layout))
        except duckdb.OutOfMemoryException:
            raise
        except DUCKDB_ERRORS:
            # A row or a value that is not as promised: the next way finds it.
            continue
        return conversion(job, "csv", compression, layout, outputs)
    if whole and (done := _without_odd(job, path, dialect, rules, whole)):
        return conversion(job, "csv", compression, *done)
    return _exactly(job, path, compression, dialect, rules)


_ERROR = "error('not as promised')"


def _proved(rules: Rules, shapes: dict[str, Kind], dialect: Dialect) -> dict[str, Kind]:
    """Say which fields are proved to be what the contract takes them for.

    A text is a string where it may be nothing else; else it may be a number in its eyes.
    """
    return {
        name: QUOTED if rules.root.property(name).types in _STRINGS else shape
        for name, shape in shapes.items()
        if name in dialect.columns
    }


_STRINGS = (frozenset({"string"}), frozenset({"string", "null"}))


def _relation(path: Path, dialect: Dialect) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in dialect.columns)
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, header = {dialect.header}, "
        f"delim = {literal(dialect.delimiter)}, quote = '\"', escape = '\"', nullstr = '', "
        f"allow_quoted_nulls = false, strict_mode = true, columns = {{{columns}}})"
    )


def _infer(job: Job, path: Path, dialect: Dialect, sample: str) -> dict[str, Kind]:
    tests = ", ".join(
        f"count({quoted(name)}), " + ", ".join(_holds(name, kind) for kind in _ORDER)
        for name in dialect.columns
    )
    (found,) = job.db.execute(
        f"SELECT {tests} FROM (SELECT * FROM {_relation(path, dialect)} {sample})"
    ).fetchall()
    width = 1 + len(_ORDER)
    return {
        name: _first_that_holds(found[width * n], found[width * n + 1 : width * (n + 1)])
        for n, name in enumerate(dialect.columns)
    }


def _holds(name: str, kind: Kind) -> str:
    # A failed cast is null, which bool_and would pass over.
    return (
        f"bool_and(coalesce({_fits(name, kind)}, false)) FILTER (WHERE {quoted(name)} IS NOT NULL)"
    )


#: From narrow to wide; what is none of these is a string.
_ORDER = (BOOLEAN, BIGINT, DOUBLE)


def _first_that_holds(count: int, holds: tuple[bool | None, ...]) -> Kind:
    if not count:
        return NULL
    return next((kind for kind, held in zip(_ORDER, holds, strict=True) if held), STRING)


def _fits(name: str, kind: Kind) -> str:
    """Give the SQL that is true where a text reads as a kind and nothing of it is lost."""
    text = quoted(name)
    if kind == BOOLEAN:
        return f"lower({text}) IN ('true', 'false')"
    if kind == DOUBLE:
        # JSON's grammar of numbers, so that neither 007 nor 1e400 is one; digits as in
        # jsonl.py.
        return (
            f"regexp_full_match({text}, '-?(0|[1-9][0-9]*)(\\.[0-9]+)?') AND "
            f"(strlen({text}) <= 15 OR CAST(TRY_CAST({text} AS DOUBLE) AS VARCHAR) = {text})"
        )
    if kind == STRING:
        return "true"
    if isinstance(kind, Scalar) and kind.name in WHOLE_DIGITS:
        return f"CAST(TRY_CAST({text} AS {duckdb_type(kind)}) AS VARCHAR) = {text}"
    found = text_as(text, kind)
    return found[0] if found else "false"


def _proving(
    job: Job,
    path: Path,
    dialect: Dialect,
    rules: Rules,
    shapes: dict[str, Kind],
    layout: Layout,
) -> str:
    """Give a query that raises at the first row unlike its columns or its contract."""
    select = _strict(job, path, dialect, in_file(layout, dialect.columns))
    certain = rules.certain(_proved(rules, shapes, dialect), layout)
    return checked(select, certain, _ERROR, RESCUED)


def _read(target: Target, otherwise: str) -> str:
    """Give the SQL that reads a text as its column; what it does where that cannot be."""
    text = quoted(target.field)
    if target.kind == STRING:
        return text
    if target.kind == BOOLEAN:
        read = f"lower({text}) = 'true'"
    else:
        proved = text_as(text, target.kind)
        read = proved[1] if proved else f"CAST({text} AS {duckdb_type(target.kind)})"
    return (
        f"CASE WHEN {_fits(target.field, target.kind)} THEN {read} "
        f"WHEN {text} IS NOT NULL THEN {otherwise} END"
    )


def _unseen(dialect: Dialect, layout: Layout) -> str:
    known = {target.field for target in layout.targets if target.written}
    return " OR ".join(f"{quoted(n)} IS NOT NULL" for n in dialect.columns if n not in known)


def _strict(job: Job, path: Path, dialect: Dialect, layout: Layout) -> str:
    """Give a query over the file that raises at the first value unlike its column."""
    columns = [f"{_read(t, _ERROR)} AS {quoted(t.column)}" for t in layout.targets if t.written]
    unseen = _unseen(dialect, layout)
    rescued = "CAST(NULL AS VARCHAR)"
    if unseen:
        rescued = f"CASE WHEN {unseen} THEN {_ERROR} ELSE {rescued} END"
    reference = {target.field: quoted(target.field) for target in layout.targets}
    columns += [
        lineage(job, rescued),
        f"{dated(job, layout.targets, reference)} AS date_partition",
    ]
    return f"SELECT {', '.join(columns)} FROM {_relation(path, dialect)}"


# --- Rows set aside --------------------------------------------------------------------


def _without_odd(
    job: Job, path: Path, dialect: Dialect, rules: Rules, kinds: dict[str, Kind]
) -> tuple[Layout, tuple[OutputFile, ...], int] | None:
    """Read one by one only the rows that do not fit their columns or their contract."""
    job.restart()
    shapes = rules.fields(kinds)
    layout = lay_out(job.table, shapes)
    usual, good = job.workdir / "usual.csv", job.workdir / "odd.jsonl"
    try:
        odd = _odd(job, path, dialect, rules, shapes, layout)
        if len(odd) > _MAX_ODD:
            return None
        with good.open("w", encoding="utf-8") as file:
            for _, row in _good_rows(job, _divided(job, path, usual, dialect, odd), dialect, rules):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        outputs = publish(job, _proving(job, usual, dialect, rules, shapes, layout))
    except duckdb.OutOfMemoryException:
        raise
    except DUCKDB_ERRORS:
        return None
    part = 1 + max((file.part for file in outputs), default=-1)
    more, rescued = publish_rows(job, _conformed(job, good, dialect, layout), layout, part)
    return layout, outputs + more, rescued


def _odd(
    job: Job,
    path: Path,
    dialect: Dialect,
    rules: Rules,
    shapes: dict[str, Kind],
    layout: Layout,
) -> set[int]:
    """Give the numbers of the rows at which the strict query would raise, up to one too many."""
    present = [t for t in in_file(layout, dialect.columns).targets if t.written]
    fits = [f"({quoted(t.field)} IS NULL OR {_fits(t.field, t.kind)})" for t in present]
    if unseen := _unseen(dialect, layout):
        fits.append(f"NOT ({unseen})")
    columns = ['row_number() OVER () AS "#"']
    columns += [f"{_read(t, 'NULL')} AS {quoted(t.column)}" for t in present]
    certain = rules.certain(_proved(rules, shapes, dialect), layout)
    # No column is called so: their names have neither.
    found = job.db.execute(
        f'SELECT "#" FROM (SELECT {", ".join(columns)}, {" AND ".join(fits)} AS "fits?" '
        f'FROM {_relation(path, dialect)}) WHERE ("fits?" AND {certain}) IS NOT TRUE '
        f"LIMIT {_MAX_ODD + 1}"
    )
    return {number for (number,) in found.fetchall()}


def _divided(job: Job, path: Path, usual: Path, dialect: Dialect, odd: set[int]) -> Iterator[Row]:
    """Copy the header and all rows but some; give these."""
    with usual.open("wb") as kept:
        for number, row, raw, wrong in _numbered(path, dialect):
            if number % 10_000 == 0:
                job.check_time()
            if number in odd or wrong:
                yield number, row, raw, wrong
            else:
                kept.write(raw + b"\n")


# --- Row by row ------------------------------------------------------------------------


def _exactly(job: Job, path: Path, compression: str, dialect: Dialect, rules: Rules) -> Conversion:
    job.restart()
    good = job.workdir / "rows.jsonl"
    holding = {name: [False, *(True for _ in _ORDER)] for name in dialect.columns}
    with good.open("w", encoding="utf-8") as file:
        for number, row in _good_rows(job, _numbered(path, dialect), dialect, rules):
            if number % 1_000 == 0:
                job.check_time()
            for name, text in zip(dialect.columns, row, strict=True):
                if text is not None:
                    _observe(holding[name], text)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    kinds = {
        name: _first_that_holds(int(held[0]), tuple(held[1:])) for name, held in holding.items()
    }
    layout = lay_out(job.table, rules.fields(kinds))
    outputs, rescued = publish_rows(job, _conformed(job, good, dialect, layout), layout)
    return conversion(job, "csv", compression, layout, outputs, rescued)


def _observe(held: list[bool], text: str) -> None:
    held[0] = True
    for position, kind in enumerate(_ORDER, 1):
        if held[position]:
            try:
                read_text(text, kind)
            except MisfitError:
                held[position] = False


def _conformed(job: Job, rows: Path, dialect: Dialect, layout: Layout) -> Iterator[dict[str, Any]]:
    targets = {target.field: target for target in layout.targets}
    with rows.open(encoding="utf-8") as file:
        for line in file:
            row: dict[str, Any] = {}
            lost: dict[str, str] = {}
            for name, text in zip(dialect.columns, json.loads(line), strict=True):
                if text is None or name not in targets:
                    continue
                try:
                    kind = targets[name].kind
                    row[targets[name].column] = read_text(text, kind, lenient=True)
                except MisfitError:
                    lost[name] = text
                    job.drift.note(targets[name].column, text)
            if lost:
                row[RESCUED] = json.dumps(lost, ensure_ascii=False)
            yield row


#: Number from 1, fields, raw bytes, and what is wrong with it; the header is number 0.
Row = tuple[int, list[str], bytes, str]


def _numbered(path: Path, dialect: Dialect) -> Iterator[Row]:
    for number, row in enumerate(_rows(path, dialect), 0 if dialect.header else 1):
        yield (number, *row)


def _good_rows(
    job: Job, rows: Iterable[Row], dialect: Dialect, rules: Rules
) -> Iterator[tuple[int, list[str | None]]]:
    """Give the rows with as many fields as there are columns; refuse the others."""
    width = len(dialect.columns)
    for number, row, raw, wrong in rows:
        if number == 0:
            continue
        if wrong:
            job.quarantine.add(number, Reason.MALFORMED_ROW, wrong, raw)
        elif not _is_utf8(raw):
            job.quarantine.add(number, Reason.INVALID_UTF8, "not all of it is UTF-8", raw)
        elif len(row) != width:
            detail = f"{len(row)} fields where the header has {width}"
            job.quarantine.add(number, Reason.FIELD_COUNT, detail, raw)
        else:
            fields = _with_nulls(row, raw, dialect)
            if broken := rules.violation(_record(dialect, fields, rules)):
                job.quarantine.add(number, Reason.CONTRACT_VIOLATION, str(broken), raw)
            else:
                yield number, fields


def _record(dialect: Dialect, fields: list[str | None], rules: Rules) -> dict[str, Any]:
    """Give a row as the contract sees it."""
    named = zip(dialect.columns, fields, strict=True)
    return {name: read_field(text, rules.root.property(name)) for name, text in named}


def _with_nulls(row: list[str], raw: bytes, dialect: Dialect) -> list[str | None]:
    """Tell an empty field, which is null, from an empty string in quotes."""
    if "" not in row or b'""' not in raw:
        return [text or None for text in row]
    quoted_empty = _quoted_empties(raw.decode("utf-8"), dialect.delimiter)
    return [text if text or n in quoted_empty else None for n, text in enumerate(row)]


def _quoted_empties(raw: str, delimiter: str) -> set[int]:
    """Give the numbers of the fields that are just two quotes."""
    found = set()
    field = start = 0
    inside = False
    for position, character in enumerate(raw.rstrip("\r\n") + delimiter):
        if character == '"':
            inside = not inside
        elif character == delimiter and not inside:
            if raw[start:position] == '""':
                found.add(field)
            field, start = field + 1, position + 1
    return found


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _rows(path: Path, dialect: Dialect) -> Iterator[tuple[list[str], bytes, str]]:
    """Give each row, its raw bytes, and what is wrong with it.

    A row that cannot be read is refused up to its first line's end, and reading goes on
    there: a quote that never closes costs one row, not the rest of the file.
    """
    with path.open("rb") as file:
        pending: deque[bytes] = deque()
        taken: list[bytes] = []

        def lines() -> Iterator[str]:
            size = 0
            while line := pending.popleft() if pending else file.readline(_MAX_BYTES):
                taken.append(line)
                size += len(line)
                if len(taken) > _MAX_LINES or size > _MAX_BYTES:
                    raise csv.Error("a quoted field does not end")
                yield line.decode("utf-8", "surrogateescape")

        while True:
            taken.clear()
            reader = csv.reader(lines(), delimiter=dialect.delimiter, strict=True)
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raw = taken[0]
                pending.extendleft(reversed(taken[1:]))
                if raw.strip():
                    yield [], raw.rstrip(b"\r\n"), str(error)
                continue
            if row:
                yield row, b"".join(taken).rstrip(b"\r\n"), ""
