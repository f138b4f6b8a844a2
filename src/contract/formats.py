"""The formats that contracts assert: one expression each, and what no expression can say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING

from contract.pattern import Pattern, compiled

if TYPE_CHECKING:
    from collections.abc import Callable

_YEAR = "[0-9]{4}"
_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP}-02-29)"
)
_OFFSET = "(?:[Zz]|[+\\-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT = f"{_DATE}[Tt]{_TIME}:[0-5][0-9](?:\\.[0-9]+)?{_OFFSET}"

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = f"{_BYTE}(?:\\.{_BYTE}){{3}}"

_HEX = "[0-9A-Fa-f]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"

#: RFC 5321, 4.1.2: Mailbox.
_ATEXT = "[A-Za-z0-9!#$%&'*+\\-\\/=?\\^_`\\{\\|\\}~]"
_QUOTED = '"(?:[ !#-\\[\\]-~]|\\\\[ -~])*"'
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9\\-]*[A-Za-z0-9])?"
_LOCAL = f"(?:{_ATEXT}+(?:\\.{_ATEXT}+)*|{_QUOTED})"
_EMAIL = f"{_LOCAL}@(?:{_LABEL}(?:\\.{_LABEL})*|\\[{_IPV4}\\])"

#: RFC 3986, appendix A; an IP literal in brackets is looked at by itself.
_PERCENT = "%[0-9A-Fa-f][0-9A-Fa-f]"
_UNRESERVED = "A-Za-z0-9\\-._~!$&'()*+,;="
_PCHAR = f"(?:[{_UNRESERVED}:@]|{_PERCENT})"
_USER = f"(?:(?:[{_UNRESERVED}:]|{_PERCENT})*@)?"
_PLACE = f"(?:[{_UNRESERVED}]|{_PERCENT})*"
_PATH = f"(?:\\/{_PCHAR}*)*"
_TAIL = f"(?:\\?(?:{_PCHAR}|[\\/?])*)?(?:#(?:{_PCHAR}|[\\/?])*)?"
_SCHEME = "[A-Za-z][A-Za-z0-9+\\-.]*:"
_URI = (
    f"{_SCHEME}(?:\\/\\/{_USER}{_PLACE}(?::[0-9]*)?{_PATH}"
    f"|\\/(?:{_PCHAR}+{_PATH})?|{_PCHAR}+{_PATH}|){_TAIL}"
)


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    expression : str
        What it matches whole is certainly of the format.
    otherwise : callable
        Decides on a text that the expression does not match.
    """

    expression: str
    otherwise: Callable[[str], bool] = lambda text: False  # noqa: ARG005  # the expression says it all

    @cached_property
    def pattern(self) -> Pattern:
        """The expression, for the vectorised way."""
        return compiled(f"^(?:{self.expression})$")

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.expression)

    def holds(self, text: str) -> bool:
        """Tell whether a text is of the format."""
        return bool(self._expression.fullmatch(text)) or self.otherwise(text)


def _is_leap_second(text: str) -> bool:
    """Tell whether a moment is the 61st second of a minute that ends a UTC day.

    RFC 3339, 5.7.
    """
    match = re.fullmatch(f"({_DATE}[Tt])({_TIME}):60(\\.[0-9]+)?({_OFFSET})", text)
    if not match:
        return False
    minutes = int(match[2][:2]) * 60 + int(match[2][3:])
    if len(offset := match[4]) > 1:
        away = int(offset[1:3]) * 60 + int(offset[4:])
        minutes += away if offset[0] == "-" else -away
    return minutes % 1440 == 1439


def _is_ipv6(text: str) -> bool:
    try:
        return IPv6Address(text).scope_id is None
    except AddressValueError:
        return False


def _is_mail_to_ipv6(text: str) -> bool:
    match = re.fullmatch(f"{_LOCAL}@\\[IPv6:([0-9A-Fa-f:.]+)\\]", text)
    return match is not None and _is_ipv6(match[1])


def _is_uri_of_ip(text: str) -> bool:
    match = re.fullmatch(
        f"{_SCHEME}//{_USER}\\[(?:([0-9A-Fa-f:.]+)|v[0-9A-Fa-f]+\\.[{_UNRESERVED}:]+)\\]"
        f"(?::[0-9]*)?{_PATH}{_TAIL}",
        text,
    )
    return match is not None and (match[1] is None or _is_ipv6(match[1]))


FORMATS = {
    "date": Format(_DATE),
    "date-time": Format(_MOMENT, _is_leap_second),
    "email": Format(_EMAIL, _is_mail_to_ipv6),
    "uuid": Format(_UUID),
    "ipv4": Format(_IPV4),
    "uri": Format(_URI, _is_uri_of_ip),
}
