"""Lines of JSON as queries: as records, as lines that fail a test, as lines that would raise."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from engine.read import jsonvalues
from engine.read.lines import MAX_RECORD
from engine.read.reading import NUMBER
from engine.types.kinds import NULL, Array, Kind, Struct
from engine.types.sql import literal
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine.convert.plan import Plan
    from engine.job import Job

#: DuckDB's buffers are twice as long as the longest line that it is told of.
_SMALLEST = 64 * 1024

#: The test of a line that is no JSON.
NO_JSON = "line IS NULL"


def _can_be_named(name: str) -> bool:
    """Tell whether SQL and DuckDB's JSON paths take a name; in these ``"*"`` is every key."""
    return bool(name) and "\0" not in name and "*" not in name


def told_apart(shapes: Mapping[str, Kind]) -> dict[str, Kind]:
    """Keep the fields that DuckDB can tell apart: its names ignore case.

    A record with another field of the same letters is read exactly.
    """

    def distinct(shape: Kind) -> bool:
        match shape:
            case Array(item):
                return distinct(item)
            case Struct(fields):
                names = {normalise(name) for name, _ in fields}
                spelled = all(_can_be_named(name) for name, _ in fields)
                different = spelled and len(names) == len(fields)
                return different and all(distinct(k) for _, k in fields)
            case _:
                return True

    found: dict[str, Kind] = {}
    taken: set[str] = set()
    for name, shape in shapes.items():
        if _can_be_named(name) and name.lower() not in taken and distinct(shape):
            taken.add(name.lower())
            found[name] = shape
    return found


def records_query(job: Job, path: Path, shapes: dict[str, Kind], plan: Plan) -> str:
    """Give the file as a table of raw values; reading an unknown key raises."""
    kinds = {target.field: target.kind for target in plan.layout.targets}
    # DuckDB infers the columns from the first file alone, and then refuses keys that it
    # does not know. The first file is ours: one record that shows exactly what to expect.
    marker = f"lake_{uuid.uuid4().hex}"
    example: dict[str, Any] = {marker: True}
    example |= {k: jsonvalues.example(s, kinds.get(k, NULL)) for k, s in shapes.items()}
    first = job.workdir / "example"
    first.write_text(json.dumps(example), encoding="utf-8")
    return (
        f"SELECT * EXCLUDE {marker}, row_number() OVER () AS {NUMBER} FROM "
        f"read_json([{literal(str(first))}, {literal(str(path))}], "
        f"format = 'newline_delimited', records = true, maximum_object_size = {longest(path)}, "
        "sample_size = 1, maximum_sample_files = 1, "
        f"map_inference_threshold = -1) WHERE {marker} IS NULL"
    )


def suspected_sql(path: Path, plan: Plan) -> str:
    """Say in SQL in which lines null and absent must be told apart, which columns cannot do."""
    test = plan.rules.suspicious(plan.shapes, "line", path=path, layout=plan.layout)
    return f"{NUMBER} IN ({numbers_query(path, test)})" if test else "false"


def odd_sql(shapes: Mapping[str, Kind]) -> str:
    """Give the test of a line at which reading the file would raise."""
    tests = ["json_type(line) IS DISTINCT FROM 'OBJECT'"]
    tests += _strange("line", "$", Struct(tuple(told_apart(shapes).items())))
    found = " OR ".join(f"({test})" for test in tests)
    # Where one raises, TRY tests every line by itself, which takes many times as long.
    return f"CASE WHEN {NO_JSON} THEN true ELSE coalesce(TRY({found}), true) END"


def numbers_query(path: Path, test_sql: str) -> str:
    """Give a query for the numbers of the lines that pass a test; they are numbered as read."""
    return (
        "SELECT number FROM (SELECT row_number() OVER () AS number, json AS line FROM "
        f"read_json_objects({literal(str(path))}, format = 'newline_delimited', "
        f"maximum_object_size = {longest(path)}, ignore_errors = true)) WHERE {test_sql}"
    )


def longest(path: Path) -> int:
    """Give how long DuckDB may take a line of a file to be, for the sake of its buffers."""
    return min(MAX_RECORD, max(path.stat().st_size, _SMALLEST))


def _strange(line: str, path: str, shape: Kind) -> Iterator[str]:
    """Give tests for keys that are not those of an object, or not once, at any depth."""
    match shape:
        case Array(item):
            yield from _strange(line, f"{path}[*]", item)
        case Struct(fields):
            known = ", ".join(literal(name) for name, _ in fields)
            many = "[*]" in path
            keys = f"json_keys({line}, {literal(path)})"
            if many:
                yield f"len(list_filter({keys}, lambda k: {_others('k', known)})) > 0"
            else:
                yield _others(keys, known)
            types = f"json_type({line}, {literal(path)})"
            if many:
                yield f"len(list_filter({types}, lambda t: t NOT IN ('OBJECT', 'NULL'))) > 0"
            elif path != "$":
                yield f"{types} NOT IN ('OBJECT', 'NULL')"
            for name, inner in fields:
                yield from _strange(line, f"{path}.{_step(name)}", inner)


def _others(keys: str, known: str) -> str:
    """Test a list of keys for one that is not known, or is there twice."""
    return (
        f"len(list_distinct({keys})) < len({keys}) OR "
        f"NOT list_has_all([{known}]::VARCHAR[], {keys})"
    )


def _step(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
