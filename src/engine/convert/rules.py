"""A contract as types and as SQL.

What a record must be is said once, by :func:`contract.check.violations`. The SQL of
:mod:`engine.convert.certain` is the same for whole files: it is true only where a record certainly
satisfies the contract, so that what passes needs no second look; a record for which it is not true
is set aside and judged by that function. So a rule that SQL cannot decide costs time, never
correctness.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from contract.check import Violation, violations
from contract.node import ANY, Node, same
from engine.convert.certain import members_test, object_test
from engine.convert.decimals import QUOTED as QUOTED  # the formats read it here
from engine.convert.decimals import TRUE, all_of, holds_decimals, long_fraction
from engine.convert.given import fields_given, given_alone
from engine.convert.jsontext import loads
from engine.convert.written import Field
from engine.read.lines import Span
from engine.types.kinds import NULL, STRING, Array, Kind, Struct
from engine.types.sql import literal, quoted
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from contract.schema import Contract
    from engine.convert.layout import Layout


#: The schemas whose values are certainly strings; of another a text may be a number.
TEXTS = (frozenset({"string"}), frozenset({"string", "null"}))

#: So many rules that one record breaks are looked at.
_BROKEN = 1000


@dataclass(frozen=True, slots=True)
class Rules:
    """A dataset's contract, for files of one kind.

    Attributes
    ----------
    root : Node
        The schema of a record; ``ANY`` where there is no contract.
    nulls : bool
        Whether the files know nulls but not absence; see
        :func:`contract.check.violations`.
    texts : bool
        Whether the files know nothing but texts, which may be numbers to the contract.
    """

    root: Node = ANY
    nulls: bool = False
    texts: bool = False

    @classmethod
    def of(cls, contract: Contract | None, *, nulls: bool, texts: bool = False) -> Rules:
        """Give the rules of a contract, or none."""
        return cls(contract.root if contract else ANY, nulls, texts)

    def violation(self, value: Any) -> Violation | None:
        """Find the first rule that a record breaks."""
        return next(self._violations(value), None)

    def broken(self, value: Any) -> list[Violation]:
        """Find the rules that a record breaks: of very many the first."""
        return list(islice(self._violations(value), _BROKEN))

    def _violations(self, value: Any) -> Iterator[Violation]:
        if self.root.trivial:
            return iter(())
        if self.texts and isinstance(value, dict):
            value = {name: read_field(t, self.root.property(name)) for name, t in value.items()}
        return violations(self.root, value, nulls=self.nulls)

    def fields(self, shapes: Mapping[str, Kind]) -> dict[str, Kind]:
        """Give the fields of a file with the types that the contract gives."""
        return fields_given(self.root, shapes)

    def judges(self, field: str) -> bool:
        """Tell whether the contract says anything of a field's values."""
        return not self.root.property(field).trivial

    def written(self, fields: Iterable[str]) -> dict[str, str]:
        """Say how the contract writes the names of those fields that it names."""
        return {name: self.root.written(name) for name in fields if self.root.names(name)}

    def alone(self, field: str) -> Kind | None:
        """Give the type that the contract gives a field whatever its values are, if any."""
        return given_alone(self.root, field)

    def promised(self, shapes: Mapping[str, Kind], layout: Layout) -> dict[str, Kind]:
        """Say how each field is to be read so that its type is proved."""
        kinds = {target.field: target.kind for target in layout.targets}
        return {
            name: shape
            if self.texts and self.root.property(name).types not in TEXTS
            else _proved(self.root.property(name), shape, kinds.get(name, NULL))
            for name, shape in shapes.items()
        }

    def certain(self, shapes: Mapping[str, Kind], layout: Layout) -> str:
        """Give SQL over a table's columns that is true only where a row satisfies the contract.

        Parameters
        ----------
        shapes : mapping of str to Kind
            How the fields were read.
        layout : Layout
            Which columns they are.

        Returns
        -------
        str
            ``true`` where there is nothing to check.
        """
        if self.root.trivial:
            return TRUE
        targets = {target.field: target for target in layout.targets if target.written}
        members = {
            name: (shapes[name], target.kind, quoted(target.column))
            for name, target in targets.items()
            if name in shapes
        }
        return all_of(
            object_test(self.root),
            # In lines of JSON, null was told from absent before: see `suspicious`.
            members_test(self.root, members, self.nulls, told=True, scanned=not self.nulls),
        )

    def suspicious(
        self,
        shapes: Mapping[str, Kind],
        line: str,
        *,
        path: Path,
        layout: Layout | None = None,
    ) -> str:
        """Give SQL over a line of JSON that is true where its columns do not tell all of it.

        Columns hold null for null and for absent. The contract minds where a property may be
        absent and not null, or null and not absent. And DuckDB reads a fraction as a double,
        which a decimal must not be.

        Parameters
        ----------
        shapes : mapping of str to Kind
            The fields.
        line : str
            SQL of the line.
        path : Path
            The lines; where there is no null in them, none is lost.
        layout : Layout or None
            The columns, of which the table may have made some decimals.

        Returns
        -------
        str
            Empty where nothing is lost.
        """
        targets = layout.targets if layout else ()
        decimals = self.root.has_decimals or any(holds_decimals(t.kind) for t in targets)
        tests = [long_fraction(line)] if decimals else []
        if (names := _not_null(self.root, shapes)) and _mentions_null(path):
            keys = "|".join(sorted(_plain_key(name) for name in names))
            # Also any key that is spelled with an escape.
            expression = rf'("({keys})"|\\.[^"]*")[ \t\r]*:[ \t\r]*null'
            tests.append(f"regexp_matches({line}, {literal(expression)})")
        for name in self.root.required:
            if self.root.property(name).allows_null():
                fields = [field for field in shapes if same(field, name)] or [name]
                absent = (
                    f"NOT coalesce(TRY(json_exists({line}, {literal(_pointer(field))})), false)"
                    for field in fields
                )
                tests.append(f"({' AND '.join(absent)})")
        return " OR ".join(tests)


def _mentions_null(path: Path) -> bool:
    """Tell whether the word is anywhere in a file."""
    end = b""
    for chunk in Span.whole(path).chunks():
        if b"null" in end + chunk:
            return True
        end = chunk[-3:]
    return False


def read_field(text: str | None, node: Node) -> Any:
    """Read a field of a delimited file as what its contract says that it is.

    Parameters
    ----------
    text : str or None
        The field.
    node : Node
        Its schema.

    Returns
    -------
    Any
        A boolean or a number where the contract allows one and the text is one, else the
        text itself.
    """
    if text is None:
        return None
    if node.allows("boolean") and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if not node.allows("integer"):
        return str(text)
    if not text and not node.allows("string"):
        return None
    number = (text if isinstance(text, Field) else Field(text)).number
    return loads(number) if number else str(text)


def checked(select: str, certain: str, error: str, column: str) -> str:
    """Wrap a query so that it raises at the first row that is not certainly right.

    Parameters
    ----------
    select : str
        The query.
    certain : str
        As of :meth:`Rules.certain`.
    error : str
        SQL that raises.
    column : str
        A column that is read for each row.
    """
    if certain == TRUE:
        return select
    return (
        f"SELECT * REPLACE (CASE WHEN {certain} THEN {column} ELSE {error} END AS {column}) "
        f"FROM ({select})"
    )


def _plain_key(name: str) -> str:
    spelled = json.dumps(name, ensure_ascii=False)[1:-1]
    return "".join(f"\\x{{{ord(character):x}}}" for character in spelled)


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _not_null(node: Node, shapes: Mapping[str, Kind]) -> set[str]:
    """Name the properties, however deep, that may be absent and may not be null."""
    found = set()
    for name, shape in shapes.items():
        inner = node.property(name)
        if not node.requires(name) and not inner.allows_null():
            found.add(name)
        while isinstance(shape, Array):
            shape, inner = shape.item, inner.items or ANY
        if isinstance(shape, Struct):
            found |= _not_null(inner, dict(shape.fields))
    return found


def _proved(node: Node, shape: Kind, kind: Kind) -> Kind:
    if node.trivial:
        return shape
    match shape, kind:
        case Struct(fields), Struct():
            return Struct(
                tuple(
                    (name, _proved(node.property(name), inner, kind.get(normalise(name)) or NULL))
                    for name, inner in fields
                )
            )
        case Array(item), Array(target):
            return Array(_proved(node.items or ANY, item, target))
    # A contract of texts alone may have them kept as decimals.
    texts = node.decimal is not None and node.types in TEXTS
    return QUOTED if kind == STRING or texts else shape
