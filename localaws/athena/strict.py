"""What Athena refuses and sqlglot reads: words and functions of other dialects.

What runs here shall run in Athena. sqlglot takes ``ifnull`` for ``coalesce`` and ``x::int`` for a
cast, which is kind, and wrong here: the same query fails in AWS.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sqlglot import TokenType as T
from sqlglot import exp
from sqlglot.dialects.athena import Athena
from sqlglot.errors import TokenError

from localaws.athena.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot import Token

#: Functions of MySQL, Postgres, Hive, SQL Server, Snowflake or DuckDB that Trino has not, and
#: sqlglot translates (Trino documentation, "List of functions").
_FOREIGN = frozenset(
    {
        "add_months", "array_length", "array_size", "array_to_string", "charindex", "collect_list",
        "collect_set", "curdate", "datediff", "dateadd", "date_sub", "date_part", "datetrunc",
        "datepart", "decode", "editdist", "explode", "first", "generate_series", "getdate",
        "get_json_object", "group_concat", "ifnull", "iff", "iif", "initcap", "instr", "isnull",
        "json_extract_string", "lcase", "left", "len", "list", "locate", "median", "mode",
        "months_between", "nvl", "nvl2", "percentile", "percentile_cont", "percentile_disc",
        "quantile", "regexp_substr", "right", "rlike", "safe_cast", "size", "str_to_date",
        "strftime", "string_agg", "string_split", "string_to_array", "strptime", "stuff",
        "substring_index", "sysdate", "to_number", "to_varchar", "try_to_number", "ucase",
        "unix_timestamp", "uuid_string",
    }
)  # fmt: skip

#: Under this a tree's ``meta`` says which function of another dialect it calls, and where.
FOREIGN = "foreign"

#: Keywords that are no part of Trino's grammar where sqlglot takes them.
_WORDS = frozenset({T.DCOLON, T.ILIKE, T.RLIKE, T.DIV, T.QUALIFY, T.GLOB, T.SIMILAR_TO})

#: Words that nothing can be called without quotes, and that begin no expression (Athena User Guide,
#: "Reserved keywords in SQL SELECT statements").
_RESERVED = frozenset(
    {
        "alter", "and", "as", "between", "by", "constraint", "create", "cross", "cube",
        "deallocate", "delete", "describe", "distinct", "drop", "else", "end", "escape", "except",
        "execute", "for", "from", "full", "group", "having", "in", "inner", "insert", "intersect",
        "into", "is", "join", "like", "natural", "on", "or", "order", "outer", "prepare",
        "recursive", "rollup", "skip", "then", "uescape", "union", "using", "when", "where", "with",
    }
)  # fmt: skip

#: After these a bracket would begin a list, which Trino writes ``ARRAY[…]``.
_BEFORE_LISTS = frozenset({T.SELECT, T.COMMA, T.L_PAREN, T.L_BRACKET, T.EQ})


def check(sql: str, tree: exp.Expr) -> None:
    """Refuse what is no part of Athena's dialect.

    Parameters
    ----------
    sql : str
        One query, as it was written.
    tree : Expr
        The same, as sqlglot read it.

    Raises
    ------
    MalformedError
        For a word or sign, at its place. A function is noted in the tree, as :data:`FOREIGN`.
    """
    try:
        tokens = list(Athena().tokenize(sql))
    except TokenError:
        return
    for wrong in _misplaced(tokens):
        raise MalformedError(f"line {wrong.line}:{_column(wrong)}: mismatched input '{wrong.text}'")
    for number, word in pairwise(tokens):
        if number.token_type == T.NUMBER and word.start == number.end + 1 and _is_word(word):
            place = f"line {number.line}:{_column(number)}"
            raise MalformedError(
                f"{place}: identifiers must not start with a digit; surround the identifier with "
                "double quotes"
            )
    for star in tree.find_all(exp.Star):
        if any(star.args.values()):
            raise MalformedError("line 1:1: mismatched input '('")
    for group in tree.find_all(exp.Group):
        if group.args.get("all") and not group.expressions:
            raise MalformedError("line 1:1: mismatched input '<EOF>'")
    for before, name, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        called = after.token_type == T.L_PAREN and name.token_type not in (T.IDENTIFIER, T.STRING)
        is_alias = before is not None and before.token_type in (T.ALIAS, T.DOT, T.WITH)
        if called and not is_alias and name.text.lower() in _FOREIGN:
            # StartQueryExecution accepts it; the query fails then.
            tree.meta[FOREIGN] = f"line {name.line}:{_column(name)}: Function '{name.text.lower()}'"
            return


def _misplaced(tokens: list[Token]) -> Iterator[Token]:
    limits: list[bool] = [False]
    before: Token | None = None
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        kind, follows = token.token_type, after.token_type if after else None
        if kind in (T.L_PAREN, T.R_PAREN):
            limits = [*limits, False] if kind == T.L_PAREN else limits[:-1] or [False]
        elif kind == T.LIMIT:
            limits[-1] = True
        wrong = (
            kind in _WORDS
            or (kind == T.EQ and token.text == "==")
            or (kind == T.FROM and (before is None or before.token_type == T.COMMA))
            or (kind == T.OFFSET and limits[-1] and follows in (T.NUMBER, T.PLACEHOLDER))
            or (kind == T.L_BRACKET and before and before.token_type in _BEFORE_LISTS)
            or (kind in (T.ANY, T.ALL) and before and before.token_type == T.LIKE)
            or (before and before.token_type in (T.FROM, T.JOIN) and _is_reserved(token))
            or (kind == T.ON and before and before.token_type == T.DISTINCT)
        )
        if wrong:
            yield token
        before = token


def _is_word(token: Token) -> bool:
    return token.token_type not in (T.IDENTIFIER, T.STRING) and token.text[:1].isidentifier()


def _is_reserved(token: Token) -> bool:
    return token.token_type != T.IDENTIFIER and token.text.lower() in _RESERVED


def _column(token: Token) -> int:
    return token.col - len(token.text) + 1
