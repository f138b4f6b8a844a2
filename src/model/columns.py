"""Which columns tables and models have, and which of those that a query names there are not.

Whatever cannot be told is left alone: Athena knows, and it says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.resolver import Resolver
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from model.model import place_of, tables_of
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Sources = dict[str, tuple[str, ...] | None]

#: Athena's own columns of every table, and its names of those that a query leaves without one.
_HIDDEN = re.compile(r"\$.*|_col\d+")

#: What sqlglot calls a source that the query gives no name.
_NAMELESS = re.compile(r"_\d+|_q_\d+|")

#: How many names an error lists.
_LISTED = 8

#: Parts of a query that give columns in ways of their own.
_STRANGE = (exp.MatchRecognize, exp.Pivot)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a model says and that is not so.

    Attributes
    ----------
    line, column : int
        Where in its file, from 1.
    text : str
        What it is, why, and what to do.
    grave : bool
        Whether the model cannot be made so; else it may only have to wait.
    """

    line: int
    column: int
    text: str
    grave: bool = True


class Known:
    """What is known of columns.

    Parameters
    ----------
    tables : mapping
        Of each table of the catalog names and Glue's types of its columns, partition keys
        included.
    database : str
        The lake's database.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, str]], database: str = "lake") -> None:
        self.database = database.lower()
        # It must not be empty, and no query reads a table of this name.
        self.schema = MappingSchema({self.database: {" ": {" ": "int"}}}, dialect="athena")
        for name, columns in tables.items():
            self._add(name, columns)

    def add(self, name: str, query: exp.Query) -> None:
        """Take a model's columns from its query, where it says which they are."""
        columns = self.names(query)
        if columns is not None:
            self._add(name, dict.fromkeys(columns, ""))

    def _add(self, name: str, columns: Mapping[str, str]) -> None:
        table = exp.table_(name, db=self.database, quoted=True)
        self.schema.add_table(table, {c.lower(): _type(kind) for c, kind in columns.items()})

    def names(self, query: exp.Query) -> tuple[str, ...] | None:
        """Give the columns that a query has; None where only the catalog knows them."""
        columns = tuple((self.qualified(query) or query).named_selects)
        return None if "*" in columns or query.find(*_STRANGE) else columns

    def qualified(self, query: exp.Query) -> exp.Query | None:
        """Give a query that says of each column which source it is of; None where that fails."""
        try:
            return self._qualified(query)
        except SqlglotError:
            return None

    def _qualified(self, query: exp.Query) -> exp.Query:
        return qualify(
            query.copy(),
            dialect="athena",
            db=self.database,
            schema=self.schema,
            expand_alias_refs=False,
            allow_partial_qualification=True,
            validate_qualify_columns=False,
            quote_identifiers=False,
        )

    def wrong(self, text: str, query: exp.Query) -> list[Finding]:
        """Find columns that no source has, and those that a table cannot have.

        Parameters
        ----------
        text : str
            Of the model's file.
        query : Query
            Parsed from that text as a whole.
        """
        found = list(_nameless(text, query))
        try:
            clear = self._qualified(query)
        except SqlglotError as error:
            found += self._unclear(text, query, str(error).rpartition(": ")[2])
        else:
            if not query.find(*_STRANGE):
                found += found or _twice(text, query, clear)
                found += _Columns(text, self.schema).wrong(clear)
        return sorted({(one.line, one.column): one for one in reversed(found)}.values(), key=_at)

    def _unclear(self, text: str, query: exp.Query, name: str) -> Iterator[Finding]:
        """Say what it is that sqlglot cannot make clear, by the name that it mentions."""
        tables = tables_of(query)
        for table in tables:
            table.set("db", exp.to_identifier(table.db.lower() or self.database))
        if query.find(exp.UDTF) or not all(map(self.schema.column_names, tables)):
            return
        for join in query.find_all(exp.Join):
            for one in join.args.get("using") or []:
                if one.name.lower() == name:
                    why = (
                        f"USING ({one.name}) needs a column of that name on both sides: write ON …"
                    )
                    yield Finding(*place_of(text, one), why)
        for star in query.find_all(exp.Column):
            if star.is_star and star.table.lower() == name:
                aliases = {table.alias_or_name for table in tables}
                other = f"its sources are {_list(sorted(aliases))}"
                why = f"no source is called {star.table}: {near(name, aliases, other)}"
                yield Finding(*place_of(text, star), why)


def _at(finding: Finding) -> tuple[int, int]:
    return finding.line, finding.column


def _type(kind: str) -> exp.DataType:
    try:
        return exp.DataType.build(kind or "unknown", dialect="hive")
    except SqlglotError:
        return exp.DataType.build("unknown")


def _nameless(text: str, query: exp.Query) -> Iterator[Finding]:
    for number, one in enumerate(query.selects, 1):
        inner = one.unnest()
        if not isinstance(inner, (exp.Alias, exp.Column, exp.Dot)) and not inner.is_star:
            said = f"column {number} has no name, and a table's columns need one: add AS …"
            yield Finding(*place_of(text, one), said)


def _twice(text: str, query: exp.Query, clear: exp.Query) -> list[Finding]:
    names = clear.named_selects
    for name in names:
        if name != "*" and names.count(name) > 1:
            said = [one for one in query.selects if one.alias_or_name.lower() == name]
            stars = [one for one in query.selects if one.is_star]
            where = (said[1:] or stars or said or [query])[0]
            meant = "name them one by one, in place of *" if stars else "give one another name"
            why = f"two of its columns are called {name}, and a table has one: {meant}"
            return [Finding(*place_of(text, where), why)]
    return []


class _Columns:
    """Looks up the columns of a query."""

    def __init__(self, text: str, schema: MappingSchema) -> None:
        self.text, self.schema = text, schema
        self._known: dict[int, Sources] = {}

    def wrong(self, query: exp.Query) -> Iterator[Finding]:
        seen = set[int]()
        try:
            scopes = traverse_scope(query)
        except SqlglotError:
            return
        for scope in scopes:
            if not isinstance(scope.expression, (exp.Select, exp.UDTF)):
                continue
            for node in scope.walk():
                if type(node) is exp.Column and id(node) not in seen and not node.is_star:
                    seen.add(id(node))
                    if why := self._why(node, scope):
                        yield Finding(*place_of(self.text, node), why)

    def _why(self, column: exp.Column, scope: Scope) -> str:
        """Say why there is no such column; empty where there is, or where nobody can tell."""
        # What sqlglot wrote itself has no place.
        parts = [part.name for part in column.parts if "start" in part.meta]
        if not parts or any(map(_HIDDEN.fullmatch, parts)) or _is_other(column, scope):
            return ""
        chain = [self._sources(one) for one in _around(scope)]
        if any(columns and parts[0] in columns for one in chain for columns in one.values()):
            return ""
        # A table may be named with its database before it.
        for alias, name in pairwise(parts):
            for sources in chain:
                if alias in sources:
                    columns = sources[alias]
                    if columns is None or name in columns:
                        return ""
                    return _missing(_called(alias, scope), name, columns)
        if any(columns is None for one in chain for columns in one.values()):
            return ""
        every = [column for one in chain for columns in one.values() for column in columns or ()]
        if len(parts) > 1:
            aliases = [alias for one in chain for alias in one if not _NAMELESS.fullmatch(alias)]
            other = f"its sources are {_list(aliases)}" if aliases else "it has no source"
            meant = near(parts[0], [*aliases, *every], other)
            return f"no source and no column is called {parts[0]}: {meant}"
        return self._of_none(column, scope, chain, every)

    def _of_none(
        self, column: exp.Column, scope: Scope, chain: list[Sources], every: list[str]
    ) -> str:
        name = column.name
        for one in scope.expression.selects if isinstance(scope.expression, exp.Select) else ():
            # A name that stands for itself is as wrong there as it is here.
            itself = isinstance(one.unalias(), exp.Column) and one.unalias().name == name
            if one.alias == name and not itself and one is not column.find_ancestor(exp.Alias):
                return (
                    f"{name} is a name that this SELECT gives, and only ORDER BY knows it: write "
                    "here what it stands for"
                )
        if len(chain) == len(chain[0]) == 1:
            ((alias, columns),) = chain[0].items()
            return _missing(_called(alias, scope), name, columns or ())
        return _missing("no source", name, tuple(dict.fromkeys(every)))

    def _sources(self, scope: Scope) -> Sources:
        """Give the columns of what a SELECT reads, by its alias; None where nobody can tell."""
        if id(scope) not in self._known:
            found: Sources = {}
            resolver = Resolver(scope, self.schema)
            try:
                for alias in [*scope.selected_sources, *scope.lateral_sources]:
                    found[alias] = _columns_of(scope, alias, resolver)
            except SqlglotError:
                found = {"": None}
            self._known[id(scope)] = found
        return self._known[id(scope)]


def _columns_of(scope: Scope, alias: str, resolver: Resolver) -> tuple[str, ...] | None:
    source = scope.sources[alias]
    if isinstance(source, exp.Table) and not isinstance(source.this, exp.Identifier):
        return None
    columns = tuple(resolver.get_source_columns(alias))
    return None if not columns or "*" in columns else columns


def _around(scope: Scope) -> Iterator[Scope]:
    """Give a SELECT and those around it whose columns it may name."""
    one: Scope | None = scope
    while one is not None:
        yield one
        one = one.parent if one.can_be_correlated else None


def _is_other(column: exp.Column, scope: Scope) -> bool:
    """Tell whether a name may be something else than a column of a source."""
    name = column.parts[0].name
    # Names of values in functions that a query writes.
    around: exp.Expr | None = column
    while around := around.find_ancestor(exp.Lambda) if around else None:
        if any(one.name.lower() == name for one in around.expressions):
            return True
    if not column.find_ancestor(exp.Order):
        return False
    query = scope.expression
    return isinstance(query, exp.Query) and name in query.named_selects


def _called(alias: str, scope: Scope) -> str:
    for one in _around(scope):
        source = one.sources.get(alias)
        if isinstance(source, exp.Table):
            return source.name if source.name == alias else f"{alias} ({source.name})"
        if source is not None:
            break
    return "the subquery" if _NAMELESS.fullmatch(alias) else alias


def _missing(table: str, name: str, columns: tuple[str, ...]) -> str:
    verb = "there are" if table == "no source" else "it has"
    other = f"{verb} {_list(columns)}" if columns else "name a source in FROM"
    return f"{table} has {'a' if table == 'no source' else 'no'} column {name}: " + near(
        name, columns, other
    )


def _list(names: Iterable[str]) -> str:
    found = list(names)
    more = len(found) - _LISTED
    return ", ".join(found[:_LISTED]) + (f" and {more} more" if more > 0 else "")
