"""A field of a delimited file: a text that may mean a boolean or a number."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from contract.values import exactly
from engine.types.glue import sized
from engine.types.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    WHOLE_DIGITS,
    Kind,
    Scalar,
)

#: JSON's grammar of numbers, and what programs write beside it: ``.5``, ``1.``, ``+3``. RE2 and
#: Python read it alike.
NUMBER = r"[-+]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?"
_NUMBER = re.compile(NUMBER)

#: What a decimal comma makes of it: points may stand between thousands.
COMMA_NUMBER = r"[-+]?(0|[1-9][0-9]{0,2}([.][0-9]{3})+|[1-9][0-9]*)(,[0-9]*)?"
_COMMA_NUMBER = re.compile(COMMA_NUMBER)

_PARTS = re.compile(r"([-+]?)([0-9]*)[.]?([0-9]*)(.*)")


class Field(str):
    """A field as it is written; what it means depends on its column."""

    __slots__ = ()

    @property
    def number(self) -> str:
        """The number that it is, in JSON's grammar; empty for none."""
        if not _NUMBER.fullmatch(self):
            return ""
        parts = _PARTS.fullmatch(self)
        if parts is None:
            return ""
        sign, whole, fraction, exponent = parts.groups()
        fraction = f".{fraction or 0}" if "." in self else ""
        return f"{sign.replace('+', '')}{whole or 0}{fraction}{exponent}"

    @property
    def shape(self) -> Kind:
        """The kind that it shows by itself; see :func:`engine.types.kinds.kind_of`."""
        if not self:
            return NULL
        number = self.number
        if not number:
            return BOOLEAN if self.lower() in ("true", "false") else STRING
        if not re.search("[.eE]", number):
            # No type but text keeps the digits of what 64 bits do not hold.
            short = len(number) <= 20
            return BIGINT if short and -(2**63) <= int(number) < 2**63 else STRING
        value = float(number)
        kept = math.isfinite(value) and Decimal(repr(value)) == exactly(number)
        return DOUBLE if kept else STRING

    def meant(self, kind: Kind) -> Any:
        """Give the value that JSON would have for it in a column of this kind.

        Returns
        -------
        Any
            The text itself where it is none; None where nothing is written and the column
            does not hold text.
        """
        family = sized(kind)[0]
        if kind == STRING or family in ("varchar", "char"):
            return str(self)
        if not self:
            return None
        if kind == BOOLEAN:
            text = self.lower()
            return text == "true" if text in ("true", "false") else str(self)
        if kind in (TIMESTAMP, DATE):
            return str(self)
        number = self.number
        if number and isinstance(kind, Scalar) and kind.name in WHOLE_DIGITS:
            return _whole(number)
        # No column that is left takes a truth value: it is rescued, as it is written.
        return number or False


class CommaField(Field):
    """A field of a file whose contract says that numbers have a decimal comma."""

    __slots__ = ()

    @property
    def number(self) -> str:
        """The number that it is, in JSON's grammar; empty for none."""
        if not _COMMA_NUMBER.fullmatch(self):
            return ""
        return Field(self.replace(".", "").replace(",", ".")).number


def _whole(number: str) -> int | str:
    """Give a whole number, however it is written; else the text."""
    if not re.search("[.eE]", number):
        return int(number) if len(number) <= 40 else number
    value = exactly(number)
    # Beyond these no column holds it, and writing it out is expensive.
    if value and not -1 < value.adjusted() < 40:
        return number
    whole = int(value)
    return whole if whole == value else number
