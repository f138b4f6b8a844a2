"""JSON Lines: vectorised where a line is what the file promised, exact where it is not.

1. *Strict.* A sample of the file and the table say what every line should look like. The
   whole file is read as just that and written as Parquet in the same scan; the query raises
   at the first line that is anything else: an unknown key, a fraction among integers, a
   number in quotes, a line that is no JSON.
2. When it raised, one thing after the other is mended and the strict reading tried again:
   lines that are no JSON go to quarantine; fields and types are inferred over the whole file;
   lines whose values do not fit, or may break the dataset's contract, are set aside.
3. *Exact.* What was set aside, or the whole file where even that did not help, is parsed line
   by line by :mod:`engine.convert.exact`, judged by the contract, and each value conformed or
   rescued.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import duckdb

from engine.convert.exact import NotJsonError, loads
from engine.convert.layout import RESCUED, Layout, lay_out
from engine.convert.proofs import number_as, text_as
from engine.convert.rows import (
    MAX_RECORD,
    conformed,
    conversion,
    fields_of,
    lines_of,
    publish_rows,
)
from engine.convert.rules import QUOTED, Rules, checked, mentions_null
from engine.job import DUCKDB_ERRORS
from engine.types.kinds import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    NULL,
    STRING,
    Array,
    Kind,
    Struct,
    duckdb_type,
    kind_of,
    leaves,
    literal,
    merge,
    quoted,
    sized,
)
from engine.write.publish import WIDE, dated, lineage, publish
from store.errors import RejectedObjectError
from store.naming import normalise
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

    from engine.job import Job
    from store.model import Conversion, OutputFile

#: Read from the beginning and from three places further on, to guess what lines look like.
_HEAD, _PROBE, _PROBES = 256 * 1024, 64 * 1024, 3

_BLOCK = 256 * 1024

_SMALLEST = 64 * 1024

#: JSON's own white space; a line of nothing else is no record.
_BLANK = b" \t\r\n"


def convert_jsonl(job: Job, path: Path, compression: str, name: str = "jsonl") -> Conversion:
    """Convert a file of JSON Lines.

    Parameters
    ----------
    job : Job
        Table, limits and quarantine.
    path : Path
        The plain bytes.
    compression : str
        What they were packed with.
    name : str
        Of the format that they were made of, if they were.

    Returns
    -------
    Conversion
        Every line that is not blank is counted once.

    Raises
    ------
    RejectedObjectError
        When nothing in the file is JSON.
    """
    rules = Rules.of(job.contract, nulls=False)
    shapes, sampled = _sample(path)
    if not sampled:
        if all(not line.strip(_BLANK) for _, line in numbered_lines(path)):
            layout = lay_out(job.table, rules.fields({}))
            return conversion(job, name, compression, layout, ())
        if all(_value(line) is _NOT_JSON for _, line in numbered_lines(path)):
            raise RejectedObjectError(Reason.UNKNOWN_FORMAT, "no line of it is JSON")
    done = _vectorised(job, path, shapes, rules) or _exactly(job, path, rules)
    layout, outputs, rescued = done
    return conversion(job, name, compression, layout, outputs, rescued)


# --- Lines -----------------------------------------------------------------------------


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give the lines that are not blank, numbered from 1."""
    number = 0
    with path.open("rb") as file:
        for line in lines_of(file):
            if line.strip(_BLANK):
                number += 1
                yield number, line


def has_records(path: Path) -> bool:
    """Tell whether any line by itself is a JSON object or array."""
    return any(isinstance(_value(line), (dict, list)) for _, line in numbered_lines(path))


def _observe(shapes: dict[str, Kind], value: Any) -> None:
    for key, item in fields_of(value).items():
        shape = kind_of(item)
        shapes[key] = merge(shapes[key], shape) if key in shapes else shape


def _sample(path: Path) -> tuple[dict[str, Kind], int]:
    """Guess the shape of each field; tell how many records said so."""
    shapes: dict[str, Kind] = {}
    count = 0
    size = path.stat().st_size
    places = [(0, _HEAD)]
    if size > 2 * _HEAD:
        places += [(size * n // (_PROBES + 1), _PROBE) for n in range(1, _PROBES + 1)]
    with path.open("rb") as file:
        for start, length in places:
            file.seek(start)
            block = file.read(length)
            lines = block.split(b"\n")
            # The first and the last line of a piece are whole only at the file's ends.
            whole = lines[start > 0 : None if start + length >= size else -1]
            for line in whole:
                if line.strip(_BLANK) and (value := _value(line)) is not _NOT_JSON:
                    _observe(shapes, value)
                    count += 1
    return shapes, count


# --- The vectorised way ----------------------------------------------------------------


def _vectorisable(shapes: dict[str, Kind]) -> bool:
    """Tell whether DuckDB can keep the keys apart: its names ignore case, its memory is small."""

    def distinct(shape: Kind) -> bool:
        match shape:
            case Array(item):
                return distinct(item)
            case Struct(fields):
                names = {normalise(name) for name, _ in fields}
                return len(names) == len(fields) and all(distinct(k) for _, k in fields)
            case _:
                return True

    lowered = {key.lower() for key in shapes}
    return (
        bool(shapes)
        and sum(leaves(shape) for shape in shapes.values()) <= WIDE
        and len(lowered) == len(shapes)
        and "" not in shapes
        and all(distinct(shape) for shape in shapes.values())
    )


Done = tuple[Layout, tuple["OutputFile", ...], int]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a file is going to be read.

    Attributes
    ----------
    rules : Rules
        The dataset's contract.
    shapes : dict
        What each field is read as.
    layout : Layout
        The columns.
    settled : bool
        Whether inference over the whole file could not change any of it.
    """

    rules: Rules
    shapes: dict[str, Kind]
    layout: Layout
    settled: bool


def _planned(job: Job, rules: Rules, shapes: dict[str, Kind]) -> _Plan:
    fields = rules.fields(shapes)
    layout = lay_out(job.table, fields)
    known = {column.name for column in job.table.columns} if job.table else set()
    known -= {path.partition(".")[0] for path in layout.added}
    in_table = frozenset(t.field for t in layout.targets if t.column in known)
    promised = rules.promised(fields, layout)
    return _Plan(rules, promised, layout, rules.settle(shapes, in_table))


def _vectorised(job: Job, path: Path, shapes: dict[str, Kind], rules: Rules) -> Done | None:
    """Read with DuckDB, mending what stands against it; None where it cannot be done."""
    job.restart()
    refused: list[int] = []
    rest = path
    try:
        for mend in (_as_it_is, _without_malformed, _inferred_whole):
            rest, shapes = mend(job, rest, shapes, refused)
            plan = _planned(job, rules, shapes)
            if not _vectorisable(plan.shapes):
                return None
            if not _suspected(job, rest, plan):
                outputs = _attempt(job, rest, plan)
                if outputs is not None:
                    return plan.layout, outputs, 0
            last = plan.settled and mend is _without_malformed
            if (last or mend is _inferred_whole) and (
                parts := _divided(job, rest, plan, refused, shapes)
            ):
                break
        else:
            return None
        usual, unusual = parts
        seen = shapes
        if not plan.settled and _breaks(rules, unusual):
            # What is refused says nothing about types.
            _, found = _inferred_whole(job, usual, {}, refused)
            # Of a file without any field DuckDB makes one.
            shapes = {name: shape for name, shape in found.items() if name in seen}
        _learn(job, rules, _numbered(unusual), shapes)
        widened = _planned(job, rules, shapes)
        if widened.layout != plan.layout:
            # DuckDB infers a double where a number is beyond 64 bits, and the like.
            plan = widened
            if not _vectorisable(plan.shapes) or not (
                parts := _divided(job, rest, plan, refused, seen | shapes)
            ):
                return None
            usual, unusual = parts
        if (outputs := _attempt(job, usual, plan)) is None:
            return None
    except duckdb.OutOfMemoryException:
        raise
    except (*DUCKDB_ERRORS, _MiscountedError):
        return None
    part = 1 + max((file.part for file in outputs), default=-1)
    more, rescued = conform_lines(job, rules, _numbered(unusual), plan.layout, part)
    return plan.layout, outputs + more, rescued


def _breaks(rules: Rules, lines: Path) -> bool:
    return any(rules.violation(_value(line)) for _, line in _numbered(lines))


class _MiscountedError(Exception):
    """When two ways of counting lines disagree: the exact way decides."""


def _attempt(job: Job, path: Path, plan: _Plan) -> tuple[OutputFile, ...] | None:
    try:
        return publish(job, _strict(job, path, plan))
    except duckdb.OutOfMemoryException:
        raise
    except DUCKDB_ERRORS:
        # Whatever it was that the file did not promise: the next mend finds it.
        return None


def _as_it_is(
    _job: Job, path: Path, shapes: dict[str, Kind], _refused: list[int]
) -> tuple[Path, dict[str, Kind]]:
    return path, shapes


def _without_malformed(
    job: Job, path: Path, shapes: dict[str, Kind], refused: list[int]
) -> tuple[Path, dict[str, Kind]]:
    """Put the lines that are no JSON into quarantine; go on with a file of the others."""
    # The JSON reader itself, told to ignore errors, also drops good lines that follow bad
    # ones (DuckDB 1.5.6); this one takes a line for a line.
    refused += _where(job, path, "NOT json_valid(line)")
    if not refused:
        return path, shapes
    rest = job.workdir / "well-formed"
    for number, line in _split(path, rest, refused):
        if not _refused(job, number, line):
            raise _MiscountedError
    return rest, shapes


def _where(job: Job, path: Path, test: str) -> list[int]:
    """Give the numbers of the lines that are not blank and for which a test in SQL is true."""
    found = job.db.execute(
        "SELECT number FROM (SELECT row_number() OVER () AS number, line FROM read_csv("
        f"{literal(str(path))}, auto_detect = false, header = false, delim = '\x1e', quote = '', "
        "escape = '', new_line = '\\n', strict_mode = false, columns = {line: 'VARCHAR'}) "
        "WHERE CASE WHEN starts_with(line, '{') THEN true ELSE trim(line, ' \t\r') <> '' END) "
        f"WHERE {test}"
    ).fetchall()
    return [number for (number,) in found]


def _suspected(job: Job, path: Path, plan: _Plan) -> list[int]:
    """Give the numbers of the lines in which null and absent must be told apart."""
    test = plan.rules.suspicious(
        plan.shapes, "line", null_free=not mentions_null(path), layout=plan.layout
    )
    return _where(job, path, test) if test else []


def _inferred_whole(
    job: Job, path: Path, shapes: dict[str, Kind], _refused: list[int]
) -> tuple[Path, dict[str, Kind]]:
    """Learn the fields and their types from every line, not from a sample."""
    relation = (
        f"read_json({literal(str(path))}, format = 'newline_delimited', sample_size = -1, "
        "map_inference_threshold = -1, field_appearance_threshold = 0)"
    )
    found = job.db.sql(f"SELECT * FROM {relation}")
    # JSON is what DuckDB says of values of several types, and of nothing but nulls.
    unclear = [n for n, t in zip(found.columns, found.types, strict=True) if str(t) == "JSON"]
    filled: tuple[int, ...] = ()
    if unclear:
        counts = ", ".join(f"count({quoted(name)})" for name in unclear)
        filled = job.db.execute(f"SELECT {counts} FROM {relation}").fetchall()[0]
    empty = {name for name, count in zip(unclear, filled, strict=True) if not count}
    whole = dict(shapes)
    for name, kind in zip(found.columns, found.types, strict=True):
        shape = NULL if name in empty else _shape_of(kind)
        whole[name] = merge(whole[name], shape) if name in whole else shape
    return path, whole


def _shape_of(kind: DuckDBPyType) -> Kind:
    match kind.id:
        case "struct":
            parts = cast("list[tuple[str, DuckDBPyType]]", kind.children)
            return Struct(tuple((name, _shape_of(inner)) for name, inner in parts))
        case "list":
            return Array(_shape_of(cast("DuckDBPyType", kind.children[0][1])))
        case "bigint":
            return BIGINT
        case "double":
            return DOUBLE
        case "boolean":
            return BOOLEAN
    # Also dates, times and UUIDs, which are strings in JSON, and integers beyond 64 bits.
    return STRING


def _divided(
    job: Job, path: Path, plan: _Plan, refused: list[int], seen: dict[str, Kind]
) -> tuple[Path, Path] | None:
    """Divide into lines whose values fit their columns and a file of the others.

    None where a line has a field that nothing promised.
    """
    try:
        found = job.db.execute(_odd(job, path, plan, seen)).fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except DUCKDB_ERRORS:
        return None
    odd = sorted({number for (number,) in found}.union(_suspected(job, path, plan)))
    usual, unusual = job.workdir / "usual", job.workdir / "unusual"
    skipped = 0
    with unusual.open("wb") as aside:
        for number, line in _split(path, usual, odd):
            # The lines refused before this one are missing from this file's numbers.
            while skipped < len(refused) and refused[skipped] <= number + skipped:
                skipped += 1
            aside.write(b"%d\t%b\n" % (number + skipped, line))
    return usual, unusual


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for line in file:
            number, _, rest = line.partition(b"\t")
            yield int(number), rest


def _split(path: Path, rest: Path, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """Copy the lines that are not blank, except those numbered; give these.

    Raises
    ------
    _MiscountedError
        When there are fewer lines than numbers say, or one is too long for this.
    """
    wanted = iter(numbers)
    following = next(wanted, 0)
    passed = 0
    with path.open("rb") as file, rest.open("wb") as kept:
        block, tail = b"", b""
        while block or tail or not passed:
            block = file.read(_BLOCK)
            lines = (tail + block).split(b"\n")
            tail = lines.pop() if block else b""
            if len(tail) > MAX_RECORD:
                raise _MiscountedError
            # None is blank where even the least of them begins with more than a space.
            if lines and min(lines)[:1] <= b" ":
                lines = [line for line in lines if line.strip(_BLANK)]
            first, passed = passed + 1, passed + len(lines)
            removed = []
            while following and following <= passed:
                removed.append(following - first)
                yield following, lines[following - first]
                following = next(wanted, 0)
            for index in reversed(removed):
                del lines[index]
            if lines:
                kept.write(b"\n".join(lines) + b"\n")
            if not block:
                break
    if following:
        raise _MiscountedError


def _refused(job: Job, number: int, line: bytes) -> bool:
    """Put a line that is no JSON into quarantine; False when it is JSON."""
    raw = line.rstrip(b"\r\n")
    if len(line) > MAX_RECORD:
        job.quarantine.add(
            number, Reason.RECORD_TOO_LARGE, f"the line is longer than {MAX_RECORD:,} bytes", raw
        )
        return True
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        job.quarantine.add(number, Reason.INVALID_UTF8, str(error), raw)
        return True
    try:
        loads(text)
    except NotJsonError as error:
        job.quarantine.add(number, Reason.MALFORMED_JSON, str(error), raw)
        return True
    return False


def _strict(job: Job, path: Path, plan: _Plan) -> str:
    """Give a query over the file that raises at the first line unlike its promise."""
    shapes, layout = plan.shapes, plan.layout
    raw = {target.field: quoted(target.field) for target in layout.targets}
    reference = {f: _decoded(sql) if shapes[f] == QUOTED else sql for f, sql in raw.items()}
    columns = [
        f"{_checked(raw[t.field], shapes[t.field], t.kind)} AS {quoted(t.column)}"
        for t in layout.targets
        if t.written
    ]
    rescued = "CAST(NULL AS VARCHAR)"
    if unseen := _unseen(shapes, layout):
        rescued = f"CASE WHEN {unseen} THEN {_ERROR} ELSE {rescued} END"
    columns += [
        lineage(job, rescued),
        f"{dated(job, layout.targets, reference)} AS date_partition",
    ]
    select = f"SELECT {', '.join(columns)} FROM {_relation(job, path, shapes, layout)}"
    return checked(select, plan.rules.certain(shapes, layout), _ERROR, RESCUED)


def _odd(job: Job, path: Path, plan: _Plan, seen: dict[str, Kind]) -> str:
    """Give a query for the numbers of the lines at which the strict one would raise."""
    layout = plan.layout
    # What the contract does not allow may be there, and is found.
    shapes = seen | plan.shapes
    written = [target for target in layout.targets if target.written]
    fits = [_fits(quoted(t.field), shapes[t.field], t.kind) for t in written]
    columns = ['row_number() OVER () AS "#"']
    columns += [
        f"CASE WHEN {test} THEN {_checked(quoted(t.field), shapes[t.field], t.kind)} END "
        f"AS {quoted(t.column)}"
        for t, test in zip(written, fits, strict=True)
    ]
    if unseen := _unseen(shapes, layout):
        fits.append(f"NOT ({unseen})")
    certain = plan.rules.certain(plan.shapes, layout)
    # No column is called so: their names have neither.
    return (
        f'SELECT "#" FROM (SELECT {", ".join(columns)}, {" AND ".join(fits) or "true"} AS "fits?" '
        f"FROM {_relation(job, path, shapes, layout)}) "
        f'WHERE ("fits?" AND {certain}) IS NOT TRUE'
    )


def _decoded(quoted_text: str) -> str:
    return f"({quoted_text} ->> '$')"


def _unseen(shapes: dict[str, Kind], layout: Layout) -> str:
    """Say in SQL that a field has a value that had none where types were inferred."""
    known = {target.field for target in layout.targets if target.written}
    return " OR ".join(f"{quoted(k)} IS NOT NULL" for k in shapes if k not in known)


def _relation(job: Job, path: Path, shapes: dict[str, Kind], layout: Layout) -> str:
    """Give the file as a table of raw values; reading an unknown key raises."""
    kinds = {target.field: target.kind for target in layout.targets}
    # DuckDB infers the columns from the first file alone, and then refuses keys that it
    # does not know. The first file is ours: one record that shows exactly what to expect.
    marker = f"lake_{uuid.uuid4().hex}"
    example: dict[str, Any] = {marker: True}
    example |= {k: _example(shape, kinds.get(k, NULL)) for k, shape in shapes.items()}
    first = job.workdir / "example"
    first.write_text(json.dumps(example), encoding="utf-8")
    return (
        f"read_json([{literal(str(first))}, {literal(str(path))}], "
        # DuckDB's buffers are twice as long as this, whatever the file's size.
        f"format = 'newline_delimited', records = true, "
        f"maximum_object_size = {min(MAX_RECORD, max(path.stat().st_size, _SMALLEST))}, "
        "sample_size = 1, maximum_sample_files = 1, "
        f"map_inference_threshold = -1) WHERE {marker} IS NULL"
    )


_ERROR = "error('not as the sample promised')"


def _example(shape: Kind, kind: Kind) -> Any:
    """Give a value from which DuckDB infers a type that keeps what is read.

    Text for strings; null, which makes the type JSON, for all else: it keeps the digits of
    a number and the quotes of a string, so that the two can be told apart.
    """
    match shape, kind:
        case Struct(shapes), Struct():
            return {
                name: _example(inner, kind.get(normalise(name)) or NULL) for name, inner in shapes
            } or None
        case Array(item), Array(target):
            return [_example(item, target)]
    text = kind == STRING or (text_as("", kind) and not number_as("", kind))
    return "x" if text and shape != QUOTED else None


def _checked(value: str, shape: Kind, kind: Kind) -> str:
    """Give the SQL that reads a raw value as a kind, or raises."""
    match shape, kind:
        case Struct(shapes), Struct(fields):
            if not shapes:
                null = f"CAST(NULL AS {duckdb_type(kind)})"
                return f"CASE WHEN {value} IS NOT NULL THEN {_ERROR} ELSE {null} END"
            by_name = {normalise(name): (name, inner) for name, inner in shapes}
            packed = ", ".join(
                f"{quoted(name)} := "
                + (
                    _checked(f"{value}.{quoted(by_name[name][0])}", by_name[name][1], target)
                    if name in by_name
                    else f"CAST(NULL AS {duckdb_type(target)})"
                )
                for name, target in fields
            )
            refusal = (
                f"WHEN {unseen} THEN {_ERROR} " if (unseen := _strange(value, shape, kind)) else ""
            )
            return f"CASE {refusal}WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"
        case Array(item), Array(target):
            if target == STRING and item != QUOTED:
                return value
            name = _variable(value)
            return f"list_transform({value}, lambda {name}: {_checked(name, item, target)})"
    test, result = _leaf(value, shape, kind)
    return f"CASE WHEN {test} THEN {result} WHEN {value} IS NOT NULL THEN {_ERROR} END"


def _fits(value: str, shape: Kind, kind: Kind) -> str:
    """Give the SQL that is true where reading a raw value as a kind would not raise."""
    match shape, kind:
        case Struct(shapes), Struct():
            tests = [
                _fits(f"{value}.{quoted(name)}", inner, target)
                for name, inner in shapes
                if (target := kind.get(normalise(name))) is not None
            ]
            if unseen := _strange(value, shape, kind):
                tests.append(f"NOT ({unseen})")
            inside = " AND ".join(tests)
            return f"({value} IS NULL OR ({inside}))" if inside else f"{value} IS NULL"
        case Array(item), Array(target):
            if target == STRING and item != QUOTED:
                return "true"
            name = _variable(value)
            test = _fits(name, item, target)
            return (
                f"({value} IS NULL OR "
                f"len(list_filter({value}, lambda {name}: ({test}) IS NOT TRUE)) = 0)"
            )
    return f"({value} IS NULL OR {_leaf(value, shape, kind)[0]})"


def _strange(value: str, shape: Struct, kind: Struct) -> str:
    """Say in SQL that a struct has a value in a field that the table does not know."""
    return " OR ".join(
        f"{value}.{quoted(name)} IS NOT NULL"
        for name, _ in shape.fields
        if kind.get(normalise(name)) is None
    )


def _variable(value: str) -> str:
    return f"e{hashlib.sha256(value.encode()).hexdigest()[:8]}"


def _leaf(value: str, shape: Kind, kind: Kind) -> tuple[str, str]:
    """Give the SQL that tests a raw scalar, and the one that reads it."""
    if shape == QUOTED:
        if sized(kind)[0] == "decimal" and (proved := text_as(_decoded(value), kind)):
            return f"starts_with(CAST({value} AS VARCHAR), '\"') AND {proved[0]}", proved[1]
        return f"starts_with(CAST({value} AS VARCHAR), '\"')", _decoded(value)
    if kind == STRING:
        # So DuckDB spells what it takes for numbers and JSON does not.
        return f"{value} NOT IN ('NaN', 'Infinity', '-Infinity')", value
    text = f"CAST({value} AS VARCHAR)"
    if kind == BOOLEAN:
        return f"{text} IN ('true', 'false')", f"{text} = 'true'"
    return (
        number_as(text, kind)
        or text_as(value, kind)
        or ("false", f"CAST(NULL AS {duckdb_type(kind)})")
    )


# --- The exact way ---------------------------------------------------------------------


def _exactly(job: Job, path: Path, rules: Rules) -> Done:
    """Read line by line, inferring over the whole file before a value is conformed."""
    shapes: dict[str, Kind] = {}
    _learn(job, rules, numbered_lines(path), shapes)
    layout = lay_out(job.table, rules.fields(shapes))
    job.restart()
    outputs, rescued = conform_lines(job, rules, numbered_lines(path), layout)
    return layout, outputs, rescued


def _learn(
    job: Job, rules: Rules, lines: Iterable[tuple[int, bytes]], shapes: dict[str, Kind]
) -> None:
    """Add to shapes what the records show that the contract allows."""
    for number, line in lines:
        if number % 1_000 == 0:
            job.check_time()
        if (value := _value(line)) is not _NOT_JSON and not rules.violation(value):
            _observe(shapes, value)


def conform_lines(
    job: Job, rules: Rules, lines: Iterable[tuple[int, bytes]], layout: Layout, part: int = 0
) -> tuple[tuple[OutputFile, ...], int]:
    """Read each line exactly.

    Parameters
    ----------
    job : Job
        Takes what is refused and what drifts.
    rules : Rules
        What a record must be.
    lines : iterable of (int, bytes)
        Numbered records; what is no JSON, or breaks the rules, goes to quarantine.
    layout : Layout
        The columns to read them as.
    part : int
        Number of the files among those of their dates.

    Returns
    -------
    tuple of (tuple of OutputFile, int)
        The files, and how many rows have something rescued.
    """
    return publish_rows(job, _rows(job, rules, lines, layout), layout, part)


def _rows(
    job: Job, rules: Rules, lines: Iterable[tuple[int, bytes]], layout: Layout
) -> Iterator[dict[str, Any]]:
    for number, line in lines:
        if _refused(job, number, line):
            continue
        value = _value(line)
        if broken := rules.violation(value):
            raw = line.rstrip(b"\r\n")
            job.quarantine.add(number, Reason.CONTRACT_VIOLATION, str(broken), raw)
        else:
            yield conformed(value, layout.targets, job.drift)


_NOT_JSON = object()


def _value(line: bytes) -> Any:
    if len(line) > MAX_RECORD:
        return _NOT_JSON
    try:
        return loads(line.decode("utf-8"))
    except (NotJsonError, UnicodeDecodeError):
        return _NOT_JSON
