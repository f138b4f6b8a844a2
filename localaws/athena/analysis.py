"""What Athena refuses and DuckDB would run: types that do not compare, names that are no columns.

Only what is certain is refused: a comparison is judged where both sides are columns of tables,
literals or casts. Where sqlglot does not understand a query, nothing is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from localaws.athena.errors import QueryError, position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localaws.athena.catalog import Table

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
_SIGNS: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=",
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%",
}  # fmt: skip
_TEXT = 0
_FAMILIES = (
    exp.DataType.TEXT_TYPES,
    exp.DataType.NUMERIC_TYPES,
    {exp.DType.BOOLEAN},
    {exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ},
)


def check(tree: exp.Expr, tables: Mapping[tuple[str, str], Table]) -> None:
    """Refuse what Athena would refuse.

    Parameters
    ----------
    tree : Expr
        A query whose tables are named with their databases.
    tables : mapping
        Those that it reads, by the database and the name that the query calls them.

    Raises
    ------
    QueryError
        ``TYPE_MISMATCH`` for a comparison, ``COLUMN_NOT_FOUND`` for the name of an output column
        used beside it.
    """
    schema: dict[str, Any] = {}
    try:
        for (database, name), table in tables.items():
            schema.setdefault(database, {})[name] = {
                column.name: exp.DataType.build(column.type, dialect="hive")
                for column in [*table.columns, *table.keys]
            }
        known = qualify(
            _without_positions(tree.copy()),
            schema=schema,
            dialect="athena",
            expand_alias_refs=False,
            expand_stars=True,
            quote_identifiers=False,
            validate_qualify_columns=False,
        )
        known = annotate_types(known, schema=schema, dialect="athena")
    except SqlglotError:
        return
    # Behind a star that is left, of a table that is not in the catalog, may be any name.
    stars = any(not isinstance(star.parent, exp.Count) for star in known.find_all(exp.Star))
    for select in known.find_all(exp.Select):
        if not stars:
            _check_names(select)
        _check_order(select)
    for comparison in known.find_all(*_COMPARISONS, *_ARITHMETIC, exp.In, exp.Between):
        _check_types(comparison)
    for joined in known.find_all(exp.DPipe, exp.Concat):
        _check_concat(joined)
    for choice in known.find_all(exp.Coalesce, exp.Case, exp.If):
        _check_choice(choice)


def _without_positions(tree: exp.Expr) -> exp.Expr:
    """Leave out ORDER BY 1 over a star: sqlglot looks for what the text does not list."""
    for select in tree.find_all(exp.Select):
        order = select.args.get("order")
        if order is not None and select.is_star:
            named = [one for one in order.expressions if not isinstance(one.this, exp.Literal)]
            order.set("expressions", named) if named else select.set("order", None)
    return tree


def _check_names(select: exp.Select) -> None:
    aliases = {
        item.alias
        for item in select.expressions
        # Every column is named by itself now.
        if isinstance(item, exp.Alias)
        and not (isinstance(item.this, exp.Column) and item.this.name == item.alias)
    }
    parts = [*select.expressions, *(select.args.get(name) for name in ("where", "group", "having"))]
    for part in parts:
        for column in part.find_all(exp.Column) if part is not None else ():
            if (
                not column.table
                and column.name in aliases
                and column.find_ancestor(exp.Select) is select
                and column.find_ancestor(exp.Lambda) is None
            ):
                raise QueryError(
                    "COLUMN_NOT_FOUND",
                    f"{position(column.name, column)}: Column '{column.name}' cannot be resolved",
                )


def _check_order(select: exp.Select) -> None:
    """Refuse to order distinct rows by what they do not hold."""
    order = select.args.get("order")
    if order is None or select.args.get("distinct") is None or select.is_star:
        return
    held = {item.unalias().name for item in select.expressions}
    held |= {item.alias_or_name for item in select.expressions}
    for ordered in order.expressions:
        by = ordered.this
        # Of expressions the text does not certainly say whether they are the same.
        if isinstance(by, exp.Column) and by.name not in held:
            raise QueryError(
                "EXPRESSION_NOT_IN_DISTINCT",
                f"{position(by.name, by)}: For SELECT DISTINCT, ORDER BY expressions must appear "
                "in select list",
            )


def _check_concat(node: exp.Expr) -> None:
    parts = node.expressions or [node.this, node.args["expression"]]
    kinds = [_family(part) for part in parts]
    if _TEXT in kinds and any(kind not in (None, _TEXT) for kind in kinds):
        types = ", ".join(map(_type, parts))
        raise QueryError(
            "FUNCTION_NOT_FOUND",
            f"{_place(node)}: Unexpected parameters ({types}) for function concat",
        )


def _check_choice(node: exp.Expr) -> None:
    """Refuse a choice between values without a common type."""
    if isinstance(node, exp.If) and isinstance(node.parent, exp.Case):
        return
    name = type(node).__name__.upper()
    values = [node.this, *node.expressions]
    if isinstance(node, exp.Case):
        values = [one.args["true"] for one in node.args["ifs"]] + [node.args.get("default")]
    elif isinstance(node, exp.If):
        values = [node.args["true"], node.args.get("false")]
    certain = [one for one in values if one is not None and _family(one) is not None]
    for one in certain[1:]:
        if _family(one) != _family(certain[0]):
            what = "operands" if name == "COALESCE" else "results"
            raise QueryError(
                "TYPE_MISMATCH",
                f"{_place(node)}: All {name} {what} must be the same type or coercible to a common "
                f"type. Cannot find common type between {_type(certain[0])} and {_type(one)}",
            )


def _place(node: exp.Expr) -> str:
    column = next(iter(node.find_all(exp.Column)), node)
    return position(column.name, column)


def _pairs(comparison: exp.Expr) -> Iterator[tuple[str, exp.Expr, exp.Expr]]:
    if isinstance(comparison, exp.Between):
        yield ">=", comparison.this, comparison.args["low"]
        yield "<=", comparison.this, comparison.args["high"]
    elif isinstance(comparison, exp.In):
        yield from (("=", comparison.this, one) for one in comparison.expressions)
    else:
        yield _SIGNS[type(comparison)], comparison.this, comparison.args["expression"]


def _check_types(comparison: exp.Expr) -> None:
    for sign, left, right in _pairs(comparison):
        families = [_family(one) for one in (left, right)]
        if isinstance(comparison, _ARITHMETIC) and _TEXT not in families:
            # Dates and intervals have an arithmetic of their own.
            continue
        if None not in families and families[0] != families[1]:
            at = next(iter(comparison.find_all(exp.Column)), comparison)
            raise QueryError(
                "TYPE_MISMATCH",
                f"{position(at.name, at)}: Cannot apply operator: "
                f"{_type(left)} {sign} {_type(right)}",
            )


def _family(node: exp.Expr) -> int | None:
    certain = isinstance(node, exp.Literal | exp.Cast | exp.Boolean) or (
        isinstance(node, exp.Column) and _is_of_table(node)
    )
    if not certain or node.type is None:
        return None
    return next((n for n, kinds in enumerate(_FAMILIES) if node.type.this in kinds), None)


def _is_of_table(column: exp.Column) -> bool:
    select = column.find_ancestor(exp.Select)
    while select is not None:
        sources = [
            source.this
            for source in [select.args.get("from_"), *(select.args.get("joins") or [])]
            if source is not None
        ]
        for source in sources:
            if source.alias_or_name == column.table:
                return isinstance(source, exp.Table) and bool(source.db)
        select = select.find_ancestor(exp.Select)
    return False


def _type(node: exp.Expr) -> str:
    if isinstance(node, exp.Literal) and node.is_string:
        return f"varchar({len(node.name)})"
    return str(node.type.sql("athena")).lower() if node.type is not None else "unknown"
