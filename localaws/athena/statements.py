"""Which statement a text is, for those that are no plain query.

The tokens are MiniStack's, as are CREATE EXTERNAL TABLE and DROP TABLE, which it parses well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localaws.athena.errors import MalformedError
from localaws.internals import athena as ministack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Name = tuple[str | None, str]


@dataclass(frozen=True)
class Query:
    """SELECT, WITH or VALUES."""

    sql: str


@dataclass(frozen=True)
class Explain:
    """EXPLAIN query, or EXPLAIN ANALYZE, which runs it."""

    sql: str
    analyze: bool
    validate: bool
    json: bool


@dataclass(frozen=True)
class Rewrite:
    """DELETE, UPDATE, MERGE, OPTIMIZE or VACUUM: what only Iceberg tables know."""

    what: str


@dataclass(frozen=True)
class Unload:
    """UNLOAD (query) TO 's3://…' WITH (…)."""

    sql: str
    to: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CreateTableAs:
    """CREATE TABLE name WITH (…) AS query."""

    name: Name
    sql: str
    properties: Mapping[str, Any]
    if_not_exists: bool
    with_data: bool


@dataclass(frozen=True)
class Insert:
    """INSERT INTO name (columns) query."""

    name: Name
    columns: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Show:
    """SHOW something, and DESCRIBE."""

    what: str
    name: Name | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class CreateView:
    """CREATE OR REPLACE VIEW name AS query."""

    name: Name
    sql: str
    replace: bool


@dataclass(frozen=True)
class DropView:
    """DROP VIEW name."""

    name: Name
    if_exists: bool


@dataclass(frozen=True)
class Repair:
    """MSCK REPAIR TABLE name."""

    name: Name


@dataclass(frozen=True)
class AddPartitions:
    """ALTER TABLE name ADD PARTITION (…) LOCATION '…' …."""

    name: Name
    partitions: tuple[tuple[Mapping[str, str], str | None], ...]
    if_not_exists: bool


@dataclass(frozen=True)
class DropPartitions:
    """ALTER TABLE name DROP PARTITION (…), …."""

    name: Name
    partitions: tuple[Mapping[str, str], ...]
    if_exists: bool


@dataclass(frozen=True)
class AlterTable:
    """ALTER TABLE name ADD COLUMNS (…), REPLACE COLUMNS (…) or SET TBLPROPERTIES (…)."""

    name: Name
    columns: tuple[Mapping[str, str], ...] = ()
    replace: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Database:
    """CREATE or DROP of a database."""

    name: str
    create: bool
    tolerant: bool
    cascade: bool = False


@dataclass(frozen=True)
class External:
    """CREATE EXTERNAL TABLE or DROP TABLE, as MiniStack parsed it."""

    ddl: Any


Statement = (
    Query
    | Explain
    | Rewrite
    | Unload
    | CreateTableAs
    | Insert
    | Show
    | CreateView
    | DropView
    | Repair
    | AddPartitions
    | DropPartitions
    | AlterTable
    | Database
    | External
)


class _Reader:
    """MiniStack's cursor, which raises where something is missing."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.cursor = ministack.Cursor(sql)

    def has(self, *words: str) -> bool:
        return bool(self.cursor.keywords(*words))

    def needs(self, *words: str) -> None:
        if not self.has(*words):
            raise self.unexpected()

    def punct(self, letter: str) -> bool:
        return bool(self.cursor.punct(letter))

    def unexpected(self) -> MalformedError:
        _, text, start, _ = self.cursor.peek()
        start = len(self.sql) if start is None else start
        line = self.sql.count("\n", 0, start) + 1
        column = start - (self.sql.rfind("\n", 0, start) + 1) + 1
        return MalformedError(f"line {line}:{column}: mismatched input '{text or '<EOF>'}'")

    def name(self) -> Name:
        found = self.cursor.dotted_name(3)
        if found is None:
            raise self.unexpected()
        _, database, table = found
        return database.lower() if database else None, table.lower()

    def text(self) -> str:
        found = self.cursor.string()
        if found is None:
            raise self.unexpected()
        return str(found)

    def group(self) -> str:
        """Give what stands in the brackets that come next."""
        _, _, _, start = self.cursor.peek()
        if not self.punct("("):
            raise self.unexpected()
        self.cursor.skip_group()
        return self.sql[start : self.cursor.tokens[self.cursor.i - 1][2]]

    def rest(self) -> str:
        start = self.cursor.peek()[2]
        if start is None:
            raise self.unexpected()
        self.cursor.i = len(self.cursor.tokens)
        return self.sql[start:]

    def end(self) -> None:
        self.punct(";")
        if not self.cursor.at_end():
            raise self.unexpected()

    def value(self) -> Any:
        """Read a value of WITH: text, number, or an array of texts."""
        if self.has("array"):
            values = []
            if not self.punct("["):
                raise self.unexpected()
            while not self.punct("]"):
                values.append(self.text())
                self.punct(",")
            return values
        kind, text = self.cursor.peek()[:2]
        if kind in ("name", "number"):
            self.cursor.advance()
            return text
        return self.text()

    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if not self.punct("("):
            raise self.unexpected()
        while not self.punct(")"):
            key = self.cursor.identifier()
            if key is None or not self.punct("="):
                raise self.unexpected()
            found[key.lower()] = self.value()
            self.punct(",")
        return found

    def partition(self) -> dict[str, str]:
        self.needs("partition")
        found: dict[str, str] = {}
        if not self.punct("("):
            raise self.unexpected()
        while not self.punct(")"):
            key = self.cursor.identifier()
            if key is None or not self.punct("="):
                raise self.unexpected()
            found[key.lower()] = str(self.value())
            self.punct(",")
        return found


def read(sql: str) -> Statement:
    """Say which statement a text is.

    Parameters
    ----------
    sql : str
        One statement; a semicolon may end it.

    Returns
    -------
    Statement
        :class:`Query` for everything that is not recognised, which its parser then refuses.

    Raises
    ------
    MalformedError
        When a recognised statement is incomplete.
    """
    text = sql.strip().removesuffix(";")
    reader = _Reader(text)
    for words, make in _STATEMENTS:
        if reader.has(*words):
            return make(reader)
    return Query(text)


def _explain(reader: _Reader) -> Statement:
    analyze = reader.has("analyze")
    _ = analyze and reader.has("verbose")
    words = reader.group().lower().split() if reader.cursor.peek()[1] == "(" else []
    words = [word.strip(",") for word in words]
    return Explain(reader.rest(), analyze, "validate" in words, "json" in words)


def _rewrite(what: str) -> Callable[[_Reader], Statement]:
    return lambda _: Rewrite(what)


def _unload(reader: _Reader) -> Statement:
    inner = reader.group()
    reader.needs("to")
    to = reader.text()
    properties = reader.properties() if reader.has("with") else {}
    reader.end()
    return Unload(inner, to, properties)


def _create_table(reader: _Reader) -> Statement:
    tolerant = reader.has("if", "not", "exists")
    name = reader.name()
    properties = reader.properties() if reader.has("with") else {}
    if not reader.has("as"):
        return _external(reader)
    sql = reader.rest()
    without = re.search(r"\s+with\s+no\s+data\s*$", sql, re.IGNORECASE)
    if without:
        sql = sql[: without.start()]
    return CreateTableAs(name, sql, properties, tolerant, not without)


def _external(reader: _Reader) -> Statement:
    ddl = ministack.parse_ddl(reader.sql)
    if ddl is None:
        raise reader.unexpected()
    if isinstance(ddl, ministack.CreateTable) and not ddl.external and not ddl.iceberg:
        raise MalformedError("External keyword required for table type HIVE")
    return External(ddl)


def _insert(reader: _Reader) -> Statement:
    name = reader.name()
    columns: tuple[str, ...] = ()
    at = reader.cursor.i
    if reader.punct("(") and reader.cursor.peek()[:2] not in (("name", "select"), ("name", "with")):
        reader.cursor.i = at
        columns = tuple(one.strip().strip('"').lower() for one in reader.group().split(","))
    else:
        reader.cursor.i = at
    return Insert(name, columns, reader.rest())


def _view(*, replace: bool) -> Callable[[_Reader], Statement]:
    def make(reader: _Reader) -> Statement:
        name = reader.name()
        reader.needs("as")
        return CreateView(name, reader.rest(), replace)

    return make


def _drop_view(reader: _Reader) -> Statement:
    tolerant = reader.has("if", "exists")
    name = reader.name()
    reader.end()
    return DropView(name, tolerant)


def _show_of(what: str, *, named: bool = False) -> Callable[[_Reader], Statement]:
    def make(reader: _Reader) -> Statement:
        name: Name | None = None
        pattern = None
        if named:
            name = reader.name()
        elif reader.has("in") or reader.has("from"):
            name = (None, reader.name()[1])
        if not named and (reader.has("like") or reader.cursor.peek()[0] == "str"):
            # A pattern without quotes is no pattern, but something that does not belong there.
            pattern = reader.text()
        if what == "tblproperties" and reader.punct("("):
            pattern = reader.text()
            if not reader.punct(")"):
                raise reader.unexpected()
        reader.end()
        return Show(what, name, pattern)

    return make


def _columns(reader: _Reader) -> Statement:
    if not reader.has("in"):
        reader.needs("from")
    name = reader.name()
    if name[0] is None and (reader.has("in") or reader.has("from")):
        name = (reader.name()[1], name[1])
    reader.end()
    return Show("columns", name)


def _describe(reader: _Reader) -> Statement:
    _ = reader.has("extended") or reader.has("formatted")
    name = reader.name()
    reader.end()
    return Show("describe", name)


def _repair(reader: _Reader) -> Statement:
    name = reader.name()
    reader.end()
    return Repair(name)


def _alter(reader: _Reader) -> Statement:
    name = reader.name()
    replace = reader.has("replace", "columns")
    if replace or reader.has("add", "columns"):
        columns = ministack.column_list(reader.cursor)
        if not columns:
            raise reader.unexpected()
        return AlterTable(name, tuple(columns), replace)
    if reader.has("set", "tblproperties"):
        properties = ministack.property_list(reader.cursor)
        if properties is None:
            raise reader.unexpected()
        return AlterTable(name, properties=properties)
    if reader.has("drop"):
        tolerant = reader.has("if", "exists")
        dropped = [reader.partition()]
        while reader.punct(","):
            dropped.append(reader.partition())
        reader.end()
        return DropPartitions(name, tuple(dropped), tolerant)
    reader.needs("add")
    tolerant = reader.has("if", "not", "exists")
    added: list[tuple[Mapping[str, str], str | None]] = []
    while not reader.cursor.at_end() and not reader.punct(";"):
        values = reader.partition()
        added.append((values, reader.text() if reader.has("location") else None))
    if not added:
        raise reader.unexpected()
    return AddPartitions(name, tuple(added), tolerant)


def _create_database(reader: _Reader) -> Statement:
    tolerant = reader.has("if", "not", "exists")
    return Database(reader.name()[1], create=True, tolerant=tolerant)


def _drop_database(reader: _Reader) -> Statement:
    tolerant = reader.has("if", "exists")
    name = reader.name()[1]
    cascade = reader.has("cascade")
    reader.end()
    return Database(name, create=False, tolerant=tolerant, cascade=cascade)


_STATEMENTS: tuple[tuple[tuple[str, ...], Callable[[_Reader], Statement]], ...] = (
    (("explain",), _explain),
    (("delete", "from"), _rewrite("DELETE")),
    (("update",), _rewrite("UPDATE")),
    (("merge", "into"), _rewrite("MERGE")),
    (("optimize",), _rewrite("OPTIMIZE")),
    (("vacuum",), _rewrite("VACUUM")),
    (("unload",), _unload),
    (("create", "table"), _create_table),
    (("create", "external", "table"), _external),
    (("drop", "table"), _external),
    (("insert", "into"), _insert),
    (("create", "view"), _view(replace=False)),
    (("create", "or", "replace", "view"), _view(replace=True)),
    (("drop", "view"), _drop_view),
    (("show", "tables"), _show_of("tables")),
    (("show", "views"), _show_of("views")),
    (("show", "databases"), _show_of("databases")),
    (("show", "schemas"), _show_of("databases")),
    (("show", "partitions"), _show_of("partitions", named=True)),
    (("show", "columns"), _columns),
    (("show", "create", "table"), _show_of("create table", named=True)),
    (("show", "create", "view"), _show_of("create view", named=True)),
    (("show", "tblproperties"), _show_of("tblproperties", named=True)),
    (("describe",), _describe),
    (("desc",), _describe),
    (("msck", "repair", "table"), _repair),
    (("alter", "table"), _alter),
    (("create", "database"), _create_database),
    (("create", "schema"), _create_database),
    (("drop", "database"), _drop_database),
    (("drop", "schema"), _drop_database),
)


def with_parameters(sql: str, values: list[str]) -> str:
    """Put execution parameters in the place of question marks, as Athena does: as SQL text."""
    marks = [
        start
        for kind, text, start, _ in ministack.sql_tokens(sql)
        if kind == "punct" and text == "?"
    ]
    if len(marks) != len(values):
        raise MalformedError(
            f"Incorrect number of parameters: expected {len(marks)} but found {len(values)}"
        )
    for mark, value in sorted(zip(marks, values, strict=True), reverse=True):
        sql = sql[:mark] + value + sql[mark + 1 :]
    return sql
