"""The same expression, of columns instead of literals: DuckDB decides on types differently."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

_TYPED = {exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.DECIMAL}

#: Where a literal stays one: a type, an interval, a lambda, and an index, whose base sqlglot moves.
_WITHIN = (exp.Interval, exp.DataType, exp.Lambda, exp.Bracket)

#: Formats, patterns and units, which the local AWS needs as literals:
#: docs/explanation/differences.md.
_PATTERNS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.ArrayToString: ("expression",),
    exp.DateTrunc: ("unit",),
    exp.Format: ("this",),
    exp.ParseDatetime: ("format",),
    exp.RegexpExtract: ("group", "expression"),
    exp.RegexpReplace: ("expression", "replacement"),
    exp.StrToTime: ("format",),
    exp.TimestampTrunc: ("unit",),
    exp.TimeToStr: ("format",),
}


def _stays(literal: exp.Expr) -> bool:
    if literal.find_ancestor(*_WITHIN) is not None:
        return True
    parent = literal.parent
    if isinstance(parent, exp.Anonymous):
        return parent.name.lower() == "format_datetime"
    names = next((v for kind, v in _PATTERNS.items() if isinstance(parent, kind)), ())
    return any(parent is not None and parent.args.get(name) is literal for name in names)


def of_columns(expression: str, source: str = "") -> str | None:
    """Write a query of an expression whose literals are columns; None where it has none.

    Parameters
    ----------
    expression : str
        In Athena's dialect.
    source : str
        A table whose columns it names besides.
    """
    tree = sqlglot.parse_one(f"SELECT {expression}", read="athena")
    values: list[str] = []
    for literal in [one for one in tree.find_all(exp.Literal) if not _stays(one)]:
        cast = literal.parent
        typed = isinstance(cast, exp.Cast) and cast.this is literal and cast.to.this in _TYPED
        node = cast if typed and cast is not None else literal
        values.append(node.sql("athena"))
        node.replace(exp.column(f"c{len(values)}", table="v"))
    if not values:
        return None
    names, row = ", ".join(f"c{n}" for n in range(1, len(values) + 1)), ", ".join(values)
    other = f"{source} CROSS JOIN " if source else ""
    # Of two rows, so that they are no constants.
    return f"{tree.sql('athena')} FROM {other}(VALUES ({row}), ({row})) AS v({names})"
