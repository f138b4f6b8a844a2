"""One statement of SQL: what of a user's text goes to Athena, and where Athena finds fault."""

from __future__ import annotations

import re

from lake.errors import LakeCommandError

#: Strings, names in quotes and comments, in which a semicolon ends nothing; then one that does.
_TOKEN = re.compile(
    r"""(?P<text>'(?:''|[^'])*'|"(?:""|[^"])*"|`[^`]*`)"""
    r"""|(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<end>;)|(?P<open>['"`]|/\*)""",
    re.DOTALL,
)

#: How Athena says where a statement is wrong, and what could stand there.
_PLACE = re.compile(
    r"(?:(?P<code>[A-Z_]+): )?line (?P<line>\d+):(?P<column>\d+): (?P<why>.*)", re.DOTALL
)
_EXPECTING = re.compile(r"\.?\s*Expecting: .{60,}", re.DOTALL)

_CODES = {
    "TABLE_NOT_FOUND": "Athena knows no such table",
    "SCHEMA_NOT_FOUND": "Athena knows no such database",
    "COLUMN_NOT_FOUND": "Athena knows no such column",
    "FUNCTION_NOT_FOUND": "Athena knows no such function",
    "TYPE_MISMATCH": "types do not fit",
    "AMBIGUOUS_NAME": "a name means several things",
}

#: Words that Athena takes for no name (Trino documentation, "Reserved keywords"; Amazon Athena
#: User Guide, "Escape reserved keywords").
_WORDS = """
    alter and as auto between by case cast constraint create cross cube current_catalog current_date
    current_path current_role current_schema current_time current_timestamp current_user deallocate
    delete describe distinct drop else end escape except execute exists extract false first for from
    full group grouping having in inner insert intersect into is join json_array json_exists
    json_object json_query json_table json_value last left like listagg localtime localtimestamp
    natural normalize not null on or order outer prepare recursive right rollup select skip table
    then trim true uescape union unnest using values when where with
"""
_RESERVED = frozenset(_WORDS.split())


def named(name: str) -> str:
    """Write the name of a table or column for people: in quotes only where a query needs them."""
    plain = re.fullmatch("[a-z_][a-z0-9_]*", name) and name not in _RESERVED
    return name if plain else quoted(name)


def quoted(name: str) -> str:
    """Write the name of a table or column so that a query may hold it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text so that a query may hold it, whatever is in it."""
    return "'" + text.replace("'", "''") + "'"


def prepared(sql: str) -> str:
    """Give what Athena runs: one statement, without what stands before and behind it.

    DDL with a comment before it may fail in Athena (github.com/Tomme/dbt-athena, pull request 64).

    Raises
    ------
    LakeCommandError
        When there is no statement, or more than one, or a quote that nothing closes.
    """
    code, ends = sql, list[int]()
    for found in _TOKEN.finditer(sql):
        start, end = found.span()
        if found["open"]:
            line = sql.count("\n", 0, start) + 1
            place = marked(sql, line, start - sql.rfind("\n", 0, start))
            raise LakeCommandError(f"Nothing closes the {found[0]} of line {line}:\n{place}")
        if found["comment"]:
            code = code[:start] + _blank(found[0]) + code[end:]
        elif found["end"]:
            ends.append(start)
    begins = [0, *(end + 1 for end in ends)]
    between = zip(begins, [*ends, len(sql)], strict=True)
    spans = [(start, end) for start, end in between if code[start:end].strip()]
    if not spans:
        what = "has only comments" if sql.strip() else "is empty"
        raise LakeCommandError(f'The query {what}: try `lake query "SHOW TABLES"`.')
    if len(spans) > 1:
        raise LakeCommandError(
            f"These are {len(spans)} statements, and Athena runs one at a time: give each of them "
            "a `lake query` of its own. Nothing was run."
        )
    start, end = spans[0]
    end = start + len(code[start:end].rstrip())
    return sql[end - len(code[start:end].lstrip()) : end]


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def explained(sql: str, statement: str, reason: str) -> str:
    """Say in plain words what Athena says of a statement, and mark the place.

    Parameters
    ----------
    sql : str
        The user's text.
    statement : str
        What of it Athena was given.
    reason : str
        Of Athena, such as ``SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved``.
    """
    found = _PLACE.fullmatch(reason.strip())
    if not found:
        return f"Athena could not run the query: {reason}"
    line, column, before = int(found["line"]), int(found["column"]), sql[: sql.index(statement)]
    if line == 1:
        column += len(before) - before.rfind("\n") - 1
    line += before.count("\n")
    what = _CODES.get(found["code"] or "", "Athena does not understand the SQL")
    why = _EXPECTING.sub("", found["why"]).strip()
    place = marked(sql, line, column)
    return f"{what} (line {line}, column {column}): {why}" + (f"\n{place}" if place else "")


def marked(sql: str, line: int, column: int) -> str:
    """Give a line of a text with a mark below a place in it; empty where there is none."""
    lines = sql.split("\n")
    if not (0 < line <= len(lines)) or not (0 < column <= len(lines[line - 1]) + 1):
        return ""
    shown = lines[line - 1].replace("\t", " ")
    word = re.match(r"\w+", shown[column - 1 :])
    start = max(0, column - 40)
    before = "…" if start else ""
    part = shown[start : column + 35]
    after = "…" if len(shown) > column + 35 else ""
    space = " " * (len(before) + column - 1 - start)
    mark = "^" * min(len(word[0]) if word else 1, 36)
    return f"  {before}{part}{after}\n  {space}{mark}"
