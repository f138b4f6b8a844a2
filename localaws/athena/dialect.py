"""Athena's dialect into DuckDB's.

sqlglot does the greater part; here is what it leaves different in meaning. Each rule takes a node
whose children are translated already and gives the node that stands in its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, TokenError, UnsupportedError

from localaws.athena import strict
from localaws.athena.errors import MalformedError, QueryError, position
from localaws.athena.functions import NAMED, PREFIX, SHARED, TYPED, provide

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    Rule = Callable[[exp.Expr], exp.Expr]


def parse(sql: str) -> exp.Expr:
    """Read one query.

    Parameters
    ----------
    sql : str
        SELECT, WITH, VALUES or TABLE in Athena's dialect.

    Returns
    -------
    Expr
        As written; identifiers know their line and column.

    Raises
    ------
    MalformedError
        When it is no statement, or several, or one of another dialect.
    """
    try:
        statements = [one for one in sqlglot.parse(sql, read="athena") if one is not None]
    except ParseError as error:
        raise MalformedError.of(error) from error
    except TokenError as error:
        # A text or a comment that has no end.
        raise MalformedError(f"line 1:1: {error}") from error
    if len(statements) != 1:
        raise MalformedError("line 1:1: Only one sql statement is allowed")
    if not isinstance(statements[0], exp.Query | exp.Values):
        first = sql.split(maxsplit=1)[0] if sql.strip() else "<EOF>"
        raise MalformedError(f"line 1:1: mismatched input '{first}'")
    strict.check(sql, statements[0])
    _unwrap_tables(statements[0])
    return statements[0]


def _unwrap_tables(tree: exp.Expr) -> None:
    """Take the brackets off a table that stands alone in them, which DuckDB has no grammar for."""
    for wrapped in reversed(list(tree.find_all(exp.Subquery))):
        table = wrapped.this
        if isinstance(table, exp.Table) and not table.args.get("joins"):
            if wrapped.args.get("alias") is not None:
                table.set("alias", wrapped.args["alias"])
            wrapped.replace(table)


def prepared(
    connection: duckdb.DuckDBPyConnection, tree: exp.Expr, *, unnest_maps: bool = True
) -> str:
    """Write a query for a connection, which is given the functions that the query calls.

    Parameters
    ----------
    connection : DuckDBPyConnection
        One that :func:`localaws.athena.functions.install` prepared.
    tree, unnest_maps
        As of :func:`to_duckdb`.
    """
    written = to_duckdb(tree, unnest_maps=unnest_maps)
    provide(connection, written)
    return written


def to_duckdb(tree: exp.Expr, *, unnest_maps: bool = True) -> str:
    """Write a query for DuckDB.

    Parameters
    ----------
    tree : Expr
        From :func:`parse`; it is not changed.
    unnest_maps : bool
        What an UNNEST of one argument into several columns takes apart: maps, or arrays of
        rows. The text does not say it; DuckDB refuses the wrong one.

    Returns
    -------
    str
        For a connection that has the functions that it calls (:func:`prepared`).

    Raises
    ------
    QueryError
        ``NOT_SUPPORTED`` for what has no translation, ``FUNCTION_NOT_FOUND`` for a function that
        Athena has not.
    """
    if foreign := tree.meta.get(strict.FOREIGN):
        raise QueryError("FUNCTION_NOT_FOUND", f"{foreign} not registered")
    root = exp.Subquery(this=tree.copy())
    _name_columns(root)
    # Children come before their parents in the reverse of a depth-first walk.
    for node in reversed(list(root.walk(bfs=False))):
        rule = _RULES.get(type(node))
        if isinstance(node, exp.Unnest):
            _replace(node, _unnest(node, maps=unnest_maps))
        elif rule is not None:
            _replace(node, rule(node))
    try:
        return str(root.this.sql("duckdb", unsupported_level=ErrorLevel.RAISE))
    except UnsupportedError as error:
        raise QueryError("NOT_SUPPORTED", f"The local lake cannot translate: {error}") from error


def _replace(node: exp.Expr, by: exp.Expr) -> None:
    if by is not node:
        node.replace(by)


def _call(name: str, *arguments: exp.Expr | None) -> exp.Expr:
    if name in TYPED and any(_has_aggregate(one) for one in arguments if one is not None):
        name += "_any"
    return exp.Anonymous(this=PREFIX + name, expressions=[a for a in arguments if a is not None])


def _has_aggregate(node: exp.Expr) -> bool:
    if node.find(exp.Query) is not None:
        return False
    return node.find(exp.AggFunc, exp.Window) is not None or any(
        one.name == f"{PREFIX}sum" for one in node.find_all(exp.Anonymous)
    )


def _native(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _text(value: str) -> exp.Expr:
    return exp.Literal.string(value)


# --- Names of columns -----------------------------------------------------------------------


def _name_columns(root: exp.Expr) -> None:
    """Name what has no name as Trino does: ``_col`` and its position from 0."""
    for select in root.find_all(exp.Select):
        for index, item in enumerate(select.expressions):
            if isinstance(item, exp.Dot):
                item.replace(exp.alias_(item.copy(), item.expression.name))
            elif not isinstance(item, exp.Column | exp.Alias | exp.Star | exp.Aliases):
                item.replace(exp.alias_(item.copy(), f"_col{index}"))
    if isinstance(root.this, exp.Values):
        width = len(root.this.expressions[0].expressions) or 1
        names = [exp.to_identifier(f"_col{index}") for index in range(width)]
        table = root.this.copy()
        table.set("alias", exp.TableAlias(this=exp.to_identifier("_values"), columns=names))
        root.set("this", exp.select("*").from_(table))


# --- Types -----------------------------------------------------------------------------------

_INTEGERS = {
    exp.DType.TINYINT: "TINYINT",
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
}
_WITHOUT_PRECISION = (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIME)


def _type(node: exp.Expr) -> exp.Expr:
    kind = node.this
    if kind == exp.DType.DECIMAL and not node.expressions:
        written = node.parent.this if isinstance(node.parent, exp.Cast) else None
        if isinstance(written, exp.Literal) and written.is_string:
            # A literal such as DECIMAL '1.50' has the digits that are written.
            whole, _, fraction = written.name.lstrip("+-").partition(".")
            return exp.DataType.build(f"DECIMAL({len(whole) + len(fraction)}, {len(fraction)})")
        return exp.DataType.build("DECIMAL(38, 0)")
    if kind in _WITHOUT_PRECISION and node.expressions:
        return exp.DataType(this=kind)
    if kind in (exp.DType.CHAR, exp.DType.VARCHAR) and not isinstance(node.parent, exp.Cast):
        return exp.DataType(this=exp.DType.VARCHAR)
    return node


def _cast(node: exp.Expr) -> exp.Expr:
    value, target, attempt = node.this, node.args["to"], isinstance(node, exp.TryCast)
    if target.this in (exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR):
        text = _call("varchar", value)
        if not target.expressions:
            return text
        return _native("left", text, exp.Literal.number(target.expressions[0].name))
    if target.this == exp.DType.JSON:
        return _native("to_json", value)
    if target.this == exp.DType.TIMESTAMP:
        moment = _call("timestamp", value)
        return exp.Try(this=moment) if attempt else moment
    if target.this in _INTEGERS:
        whole = _call("integer", value, _text(_INTEGERS[target.this]))
        cast = exp.Cast(this=whole, to=target)
        return exp.Try(this=cast) if attempt else cast
    return node


def _divide(node: exp.Expr) -> exp.Expr:
    sides = (node.this, node.expression)
    if any(map(_has_aggregate, sides)) and any(map(_has_decimal, sides)):
        return _call("divide_decimal", *sides)
    return _call("divide", *sides)


def _has_decimal(node: exp.Expr) -> bool:
    """Tell whether a decimal is written in an expression, as a literal or by a cast."""
    return any(
        not one.is_string and "." in one.name and "e" not in one.name.lower()
        for one in node.find_all(exp.Literal)
    ) or any(one.this == exp.DType.DECIMAL for one in node.find_all(exp.DataType))


def _sum(node: exp.Expr) -> exp.Expr:
    plain = not isinstance(node.this, exp.Distinct | exp.Order)
    if plain and not isinstance(node.parent, exp.Window | exp.Filter | exp.WithinGroup):
        return _call("sum", node.this)
    return node


def _subscript(node: exp.Expr) -> exp.Expr:
    index = node.expressions[0]
    if node.args.get("safe") or not isinstance(index, exp.Literal):
        # What an index is that is computed, of an array or a map, the text does not say.
        return node
    if index.is_string:
        return _call("map_subscript", node.this, index)
    # sqlglot counts from 0.
    return _call("subscript", node.this, exp.Literal.number(int(index.name) + 1))


def _row(node: exp.Expr) -> exp.Expr:
    if any(isinstance(item, exp.PropertyEQ) for item in node.expressions):
        return node
    if node.find_ancestor(exp.Cast):
        # Without names, so that the type of the cast gives them.
        return _native("ROW", *node.expressions)
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(f"field{index}"), expression=item)
            for index, item in enumerate(node.expressions)
        ]
    )


# --- Dates and times -------------------------------------------------------------------------


def _shift(name: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        interval = exp.Interval(this=node.expression, unit=node.args.get("unit"))
        return _call(name, node.this, interval)

    return rule


def _arithmetic(name: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        left, right = node.this, node.expression
        if isinstance(left, exp.Interval) and name == "add":
            left, right = right, left
        if isinstance(right, exp.Interval):
            return _call(name, left, right)
        return _call("minus", left, right) if name == "subtract" else node

    return rule


def _unit(node: exp.Expr, default: str = "day") -> exp.Expr:
    unit = node.args.get("unit")
    return _text(unit.name.lower() if unit is not None else default)


def _difference(node: exp.Expr) -> exp.Expr:
    # Trino counts whole units that have passed; DuckDB's date_diff counts boundaries.
    return _native("date_sub", _unit(node), node.expression, node.this)


_PARTS = {
    "DOW": "ISODOW",
    "DAY_OF_WEEK": "ISODOW",
    "DAY_OF_YEAR": "DOY",
    "DAY_OF_MONTH": "DAY",
    "YEAR_OF_WEEK": "ISOYEAR",
    "YOW": "ISOYEAR",
}


def _extract(node: exp.Expr) -> exp.Expr:
    part = node.this.name.upper()
    if part == "MILLISECOND":
        return _call("millisecond", node.expression)
    # As a function: sqlglot renders its own names of the parts.
    return _native("date_part", _text(_PARTS.get(part, part).lower()), node.expression)


def _at_zone(node: exp.Expr) -> exp.Expr:
    return _moment_in_zone(node.this, node.args["zone"])


def _moment_in_zone(value: exp.Expr, zone: exp.Expr) -> exp.Expr:
    moment = exp.cast(value, "TIMESTAMPTZ")
    if zone.name.upper() in ("UTC", "Z"):
        return moment
    # DuckDB's moments carry no zone: what is left is the local time there.
    return exp.AtTimeZone(this=moment, zone=zone)


#: Letters of Joda-Time's patterns, longest first, and what strftime calls them.
_JODA = (
    ("yyyy", "%Y"), ("YYYY", "%G"), ("yy", "%y"), ("y", "%Y"), ("MMMM", "%B"), ("MMM", "%b"),
    ("MM", "%m"), ("M", "%-m"), ("dd", "%d"), ("d", "%-d"), ("HH", "%H"), ("H", "%-H"),
    ("hh", "%I"), ("h", "%-I"), ("mm", "%M"), ("m", "%-M"), ("ss", "%S"), ("s", "%-S"),
    ("SSSSSS", "%f"), ("SSS", "%g"), ("EEEE", "%A"), ("E", "%a"), ("a", "%p"), ("DDD", "%j"),
    ("ww", "%V"), ("ZZ", "%z"), ("Z", "%z"),
)  # fmt: skip


def joda_to_strftime(pattern: str) -> str:
    """Translate a Joda-Time pattern.

    Raises
    ------
    QueryError
        ``NOT_SUPPORTED`` where it has letters without an equal.
    """
    made, rest = "", pattern
    while rest:
        if rest.startswith("'"):
            quoted, _, rest = rest[1:].partition("'")
            made += quoted.replace("%", "%%") or "'"
            continue
        for letters, code in _JODA:
            if rest.startswith(letters):
                made, rest = made + code, rest[len(letters) :]
                break
        else:
            if rest[0].isalpha():
                raise QueryError(
                    "NOT_SUPPORTED", f"The local lake cannot translate the pattern '{pattern}'"
                )
            made, rest = made + rest[0].replace("%", "%%"), rest[1:]
    return made


def _joda(node: exp.Expr) -> exp.Expr:
    if not isinstance(node, exp.Literal):
        raise QueryError("NOT_SUPPORTED", "The local lake needs a literal date pattern")
    return _text(joda_to_strftime(node.name))


def _sequence(node: exp.Expr) -> exp.Expr:
    return _call("sequence", node.args["start"], node.args["end"], node.args.get("step"))


# --- Functions with functions as arguments ---------------------------------------------------


def _applied(function: exp.Expr, *arguments: exp.Expr) -> exp.Expr:
    """Give the body of a lambda with its parameters replaced."""
    values = {p.name: a for p, a in zip(function.expressions, arguments, strict=True)}
    holder = exp.Paren(this=function.this.copy())
    for node in list(holder.find_all(exp.Identifier, exp.Column)):
        by = values.get(node.name)
        bare = isinstance(node, exp.Column) and not node.table
        free = isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column)
        if by is not None and (bare or free):
            node.replace(by.copy())
    return holder


def _part(name: str) -> exp.Expr:
    return exp.Dot(this=exp.to_identifier("_entry"), expression=exp.to_identifier(name))


def _over_entries(function: exp.Expr) -> exp.Expr:
    return _applied(function, _part("key"), _part("value"))


def _lambda(body: exp.Expr) -> exp.Expr:
    return exp.Lambda(this=body, expressions=[exp.to_identifier("_entry")])


def _entry(key: exp.Expr, value: exp.Expr) -> exp.Expr:
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier("key"), expression=key),
            exp.PropertyEQ(this=exp.to_identifier("value"), expression=value),
        ]
    )


def _mapped(source: exp.Expr, body: exp.Expr) -> exp.Expr:
    entries = _native("map_entries", source)
    return _native("map_from_entries", _native("list_transform", entries, _lambda(body)))


def _reduce(node: exp.Expr) -> exp.Expr:
    reduced = _native("list_reduce", node.this, node.args["merge"], node.args["initial"])
    finish = node.args.get("finish")
    return _applied(finish, reduced) if finish is not None else reduced


def _matching(source: exp.Expr, function: exp.Expr) -> exp.Expr:
    return _native("len", _native("list_filter", source, function))


_WITH_LAMBDA: dict[str, Callable[..., exp.Expr]] = {
    "any_match": lambda a, f: exp.GT(this=_matching(a, f), expression=exp.Literal.number(0)),
    "all_match": lambda a, f: exp.EQ(this=_matching(a, f), expression=_native("len", a.copy())),
    "none_match": lambda a, f: exp.EQ(this=_matching(a, f), expression=exp.Literal.number(0)),
    "transform_values": lambda m, f: _mapped(m, _entry(_part("key"), _over_entries(f))),
    "transform_keys": lambda m, f: _mapped(m, _entry(_over_entries(f), _part("value"))),
    "map_filter": lambda m, f: _native(
        "map_from_entries",
        _native("list_filter", _native("map_entries", m), _lambda(_over_entries(f))),
    ),
    "zip_with": lambda a, b, f: _native(
        "list_transform",
        _native("list_zip", a, b),
        _lambda(
            _applied(
                f,
                *(
                    _native("struct_extract", exp.to_identifier("_entry"), exp.Literal.number(n))
                    for n in (1, 2)
                ),
            )
        ),
    ),
}

# --- The rest --------------------------------------------------------------------------------


def _format(pattern: exp.Expr, values: list[exp.Expr]) -> exp.Expr:
    letters = re.findall(r"%[-+ 0#,]*\d*(?:\.\d+)?([a-z%])", pattern.name)
    letters = [letter for letter in letters if letter != "%"]
    texts = [
        _call("varchar", value) if letter == "s" else value
        for letter, value in zip(letters, values, strict=False)
    ]
    return _native("printf", pattern, *texts)


def _function(node: exp.Expr) -> exp.Expr:
    name, arguments = str(node.this).lower(), list(node.expressions)
    if name in _WITH_LAMBDA:
        return _WITH_LAMBDA[name](*arguments)
    if name == "at_timezone":
        return _moment_in_zone(*arguments)
    if name == "with_timezone":
        return exp.AtTimeZone(this=exp.cast(arguments[0], "TIMESTAMP"), zone=arguments[1])
    if name == "format_datetime":
        return _native("strftime", arguments[0], _joda(arguments[1]))
    if name in NAMED:
        return _call(name, *arguments)
    if name in SHARED:
        return node
    # Not left to DuckDB, which has functions that Athena lacks.
    raise QueryError(
        "FUNCTION_NOT_FOUND", f"{position(name, node)}: Function '{name}' not registered"
    )


def _replacement(node: exp.Expr) -> exp.Expr:
    by = node.args.get("replacement")
    if isinstance(by, exp.Literal):
        # Java's regular expressions refer to a group by $, DuckDB's by a backslash.
        by.replace(_text(re.sub(r"\$(\d)", r"\\\1", by.name.replace("\\", "\\\\"))))
    return node


def _without(argument: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        node.set(argument, None)
        return node

    return rule


def _binary(name: str) -> Rule:
    return lambda node: _call(name, node.this, node.expression)


def _unary(name: str) -> Rule:
    return lambda node: _call(name, node.this)


def _unnest(node: exp.Unnest, *, maps: bool) -> exp.Expr:
    alias, arguments = node.args.get("alias"), list(node.expressions)
    names = list(alias.columns) if alias is not None else []
    ordinality = node.args.get("offset")
    if isinstance(ordinality, exp.Identifier):
        # sqlglot takes the last name of the alias for the position's.
        names.append(ordinality)
    width = len(names) - bool(ordinality)
    if names and width > len(arguments) == 1:
        if maps:
            arguments = [_native("map_entries", arguments[0])]
        depth = exp.PropertyEQ(
            this=exp.to_identifier("max_depth"), expression=exp.Literal.number(2)
        )
        items = [_native("unnest", arguments[0].copy(), depth)]
    else:
        items = [_native("unnest", argument.copy()) for argument in arguments]
    if ordinality:
        lengths = [_native("len", argument.copy()) for argument in arguments]
        last = _native("greatest", *lengths) if len(lengths) > 1 else lengths[0]
        one = exp.Literal.number(1)
        items.append(
            _native("unnest", _native("range", one, exp.Add(this=last, expression=one.copy())))
        )
    return exp.Subquery(
        this=exp.select(*items),
        alias=exp.TableAlias(this=alias.this if alias is not None else None, columns=names),
    )


_RULES: dict[type[exp.Expr], Rule] = {
    exp.Add: _arithmetic("add"),
    exp.Anonymous: _function,
    exp.ApproxDistinct: _without("accuracy"),
    exp.ArraySize: _unary("cardinality"),
    exp.ArraySlice: lambda n: _call("slice", n.this, n.args["start"], n.args["end"]),
    exp.AtTimeZone: _at_zone,
    exp.Cast: _cast,
    exp.DataType: _type,
    exp.DateAdd: _shift("add"),
    exp.DateDiff: _difference,
    exp.DateSub: _shift("subtract"),
    exp.DateTrunc: lambda n: _call("date_trunc", _unit(n), n.this),
    exp.ArrayPosition: _binary("array_position"),
    exp.ArrayRemove: _binary("array_remove"),
    exp.ArraySum: _unary("array_sum"),
    exp.Bracket: _subscript,
    exp.Div: _divide,
    exp.Sum: _sum,
    exp.Extract: _extract,
    exp.Format: lambda n: _format(n.this, n.expressions),
    exp.GenerateSeries: _sequence,
    exp.JSONExtract: _binary("json_extract"),
    exp.JSONExtractScalar: _binary("json_extract_scalar"),
    exp.IsNan: lambda n: _native("isnan", n.this),
    exp.LastDay: _unary("last_day_of_month"),
    exp.Localtimestamp: lambda _: exp.cast(exp.CurrentTimestamp(), "TIMESTAMP"),
    exp.Mod: _binary("modulus"),
    exp.Normalize: lambda n: _native("nfc_normalize", n.this),
    exp.ParseDatetime: lambda n: exp.cast(
        _native("strptime", n.this, _joda(n.args["format"])), "TIMESTAMPTZ"
    ),
    exp.Rand: lambda n: _call("random", n.this, n.args.get("lower")) if n.this else n,
    exp.Reduce: _reduce,
    exp.RegexpExtract: lambda n: _call("regexp_extract", n.this, n.expression, n.args.get("group")),
    exp.RegexpCount: _binary("regexp_count"),
    exp.RegexpReplace: _replacement,
    exp.RegexpSplit: lambda n: _native("regexp_split_to_array", n.this, n.expression),
    # A digest is bytes in Trino and their digits in DuckDB.
    exp.SHA: lambda n: _native("unhex", _native("sha1", n.this)),
    exp.SplitPart: lambda n: _call("split_part", n.this, n.args["delimiter"], n.args["part_index"]),
    exp.Reverse: _unary("reverse"),
    exp.Struct: _row,
    exp.StrToMap: lambda n: _call(
        "split_to_map", n.this, n.args["pair_delim"], n.args["key_value_delim"]
    ),
    exp.Sub: _arithmetic("subtract"),
    exp.TimestampTrunc: lambda n: _call("date_trunc", _unit(n), n.this),
    exp.ToBase64: lambda n: _native("base64", n.this),
    exp.TryCast: _cast,
    exp.Typeof: _unary("typeof"),
    exp.WidthBucket: lambda n: _call(
        "width_bucket", n.this, n.args["min_value"], n.args["max_value"], n.args["num_buckets"]
    ),
}
