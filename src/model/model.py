"""A model: its text, what the text reads, and whether it can be kept up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.scope import traverse_scope

from model import dates, header
from model.files import SUFFIX
from store.errors import ModelError
from store.models import Model, Refresh, Source
from store.naming import OBJECTS, QUARANTINE, RUNS, is_reserved, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Bytes of a query: Athena takes a statement of 262,144 (Athena API, StartQueryExecution), which
#: also names columns and dates.
_LONGEST = 240_000


def parse(name: str, text: str) -> Model:
    """Read a model.

    Parameters
    ----------
    name : str
        Of its file, without the suffix.
    text : str
        Of the file.

    Raises
    ------
    ModelError
        With file, line and column of what is to be mended.
    """
    file = f"{name}{SUFFIX}"
    if not name or name != normalise(name) or is_reserved(name):
        raise ModelError(
            f"{file}: a model is called as its table: a-z, 0-9 and _, and none of "
            f"{OBJECTS}, {QUARANTINE}, {RUNS}"
        )
    head = header.parse(file, text)
    query = query_of(file, text)
    sources = _sources(text, query)
    names = {source.name for source in sources}
    if name in names:
        place = next(s for s in sources if s.name == name)
        raise ModelError(f"{file}:{place.line}:{place.column}: it reads itself")
    if unread := head.lookups - names:
        raise ModelError(f"{file}:1: lookup {min(unread)} is no source of it")
    if head.refresh is Refresh.BY_DATE:
        try:
            dates.prove(query, head.lookups)
        except dates.UnprovenError as error:
            line, column = place_of(text, error.node)
            raise ModelError(f"{file}:{line}:{column}: {error}") from error
    sql = _without_head(text)
    if len(sql.encode()) > _LONGEST:
        raise ModelError(f"{file}: its query is longer than the {_LONGEST:,} bytes that fit")
    return Model(name, head, sql, sources)


def ordered(models: Iterable[Model]) -> list[Model]:
    """Put models behind those that they read.

    Raises
    ------
    ModelError
        When some read each other, or one reads the dates of a model that has none.
    """
    known = {model.name: model for model in models}
    done: dict[str, Model] = {}
    path: list[str] = []

    def visit(model: Model) -> None:
        if model.name in done:
            return
        if model.name in path:
            circle = " → ".join([*path[path.index(model.name) :], model.name])
            raise ModelError(f"{model.name}{SUFFIX}: models read each other: {circle}")
        path.append(model.name)
        for source in model.sources:
            other = known.get(source.name)
            if other is None:
                continue
            if model.by_date and not other.by_date and other.name not in model.header.lookups:
                raise ModelError(
                    f"{model.name}{SUFFIX}:{source.line}:{source.column}: {other.name} is made "
                    f"anew as a whole, so that its dates do not tell what changed: name it in "
                    "`-- lookup:`, or write `-- refresh: whole`"
                )
            visit(other)
        path.pop()
        done[model.name] = model

    for name in sorted(known):
        visit(known[name])
    return list(done.values())


def query_of(file: str, text: str) -> exp.Query:
    """Read the one query of a text.

    Parameters
    ----------
    file : str
        For errors.
    text : str
        Of the file, its comments included, so that places are the file's.

    Raises
    ------
    ModelError
        When it is not one SELECT.
    """
    try:
        parsed = sqlglot.parse(text, read="athena")
        found = [one for one in parsed if one and not isinstance(one, exp.Semicolon)]
    except ParseError as error:
        first = error.errors[0]
        said = str(first["description"]).split(" for <class")[0]
        near = first["highlight"]
        raise ModelError(f"{file}:{first['line']}:{first['col']}: {said}, near {near!r}") from error
    except TokenError as error:
        raise ModelError(f"{file}: a quote or a comment in it never ends") from error
    if len(found) != 1 or not isinstance(found[0], exp.Query):
        raise ModelError(f"{file}: a model is one SELECT, and nothing else")
    return found[0]


def _without_head(text: str) -> str:
    """Give the query as it was written, without the comments before it and the semicolon."""
    # Behind the first semicolon are only others, and comments: Athena takes none in brackets.
    tokens = sqlglot.tokenize(text, read="athena")
    ends = [one.start for one in tokens if one.token_type.name == "SEMICOLON"]
    lines = text[: min(ends, default=len(text))].splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith("--")):
        lines.pop(0)
    return "\n".join(lines).strip()


def _sources(text: str, query: exp.Query) -> tuple[Source, ...]:
    """Say which tables are read, and where first."""
    tables = tables_of(query)
    found: dict[str, Source] = {}
    for place, name in sorted((place_of(text, table), table.name.lower()) for table in tables):
        found.setdefault(name, Source(name, *place))
    return tuple(found.values())


def tables_of(query: exp.Query) -> list[exp.Table]:
    """Find the tables that are read, and are no names of subqueries, nor functions."""
    # Names of subqueries are the same in capitals.
    spelled = normalize_identifiers(query.copy(), dialect="athena")
    found = {
        id(source): source
        for scope in traverse_scope(spelled)
        for source in scope.sources.values()
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)
    }
    return list(found.values())


def place_of(text: str, node: exp.Expr) -> tuple[int, int]:
    """Give line and column, from 1, of the first thing of a node that has a place in a text."""
    # Some nodes have no place, nor has anything in them.
    starts: list[int] = []
    around: exp.Expr | None = node
    while around is not None and not starts:
        starts = [one.meta["start"] for one in around.walk() if "start" in one.meta]
        around = around.parent
    start = min(starts, default=0)
    line = text.count("\n", 0, start) + 1
    return line, start - (text.rfind("\n", 0, start) + 1) + 1
