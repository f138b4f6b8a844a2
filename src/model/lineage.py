"""Of which columns of the datasets a model's columns are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

from store.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot.lineage import Node

    from model.columns import Known


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A column of a dataset that others are made of.

    Attributes
    ----------
    table : str
        Empty where nobody can tell.
    column : str
        Its name.
    through : tuple of str
        Models between, the nearest to the dataset last.
    """

    table: str
    column: str
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What a column is made of.

    Attributes
    ----------
    sql : str
        The expression that gives it.
    origins : tuple of Origin
        None where it counts rows, or is a constant.
    """

    sql: str
    origins: tuple[Origin, ...]


def trace(
    query: exp.Query, known: Known, models: Mapping[str, Mapping[str, Made]]
) -> dict[str, Made]:
    """Say what each column of a query is made of.

    Parameters
    ----------
    query : Query
        That of a model.
    known : Known
        Columns of tables and models.
    models : mapping
        What the columns are made of of each model that it reads.

    Raises
    ------
    ModelError
        When sqlglot cannot tell, or when it has a ``*`` whose columns nobody knows.
    """
    clear = known.qualified(query)
    if clear is None:
        raise ModelError("only a catalog knows of which source each of its columns is")
    if "*" in clear.named_selects:
        raise ModelError("it selects *, and only a catalog knows which columns that are")
    try:
        found = lineage(
            None,
            query,
            known.schema,
            dialect="athena",
            db=known.database,
            allow_partial_qualification=True,
        )
    except (SqlglotError, ValueError) as error:
        raise ModelError(f"sqlglot cannot tell: {error}") from error
    written = dict(zip(clear.named_selects, clear.selects, strict=False))
    return {
        name: Made(written[name].unalias().sql("athena"), _origins(node, models))
        for name, node in found.items()
    }


def _origins(node: Node, models: Mapping[str, Mapping[str, Made]]) -> tuple[Origin, ...]:
    found = dict[Origin, None]()
    for leaf in node.walk():
        if leaf.downstream or leaf is node:
            continue
        if isinstance(leaf.expression, exp.Table):
            column = exp.to_column(leaf.name).name
            table = leaf.expression.name
            for origin in _through(table, column, models):
                found[origin] = None
        elif isinstance(leaf.expression, exp.Placeholder):
            found[Origin("", exp.to_column(leaf.name).name)] = None
    return tuple(sorted(found))


def _through(
    table: str, column: str, models: Mapping[str, Mapping[str, Made]]
) -> tuple[Origin, ...]:
    made = models.get(table, {}).get(column)
    if made is None:
        return (Origin(table, column),)
    return tuple(Origin(one.table, one.column, (table, *one.through)) for one in made.origins)
