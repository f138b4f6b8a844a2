"""How dates are spelled: regular expressions that Python and DuckDB read alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

#: What may follow a date, as groups of an expression; ``h`` may end with a colon.
TAIL_PARTS = ("h", "i", "s", "f", "p", "z", "g", "oh", "om", "os", "b")

#: A longer text is no date: it costs no more than its length.
LONGEST = 100

#: White space that may surround a value.
BLANK = " \t\r\n"

MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"

#: Hours that the zones of RFC 2822 and three of Europe and Japan are ahead of UTC. Other
#: abbreviations mean several zones.
ZONES = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7,
    "MDT": -6, "PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "JST": 9,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """One way to spell a date.

    Attributes
    ----------
    pattern : str
        An expression of the whole text, in the language that Python and RE2 share.
    parts : tuple of str
        What each group of it is: ``y`` year, ``m`` month, ``d`` day, ``j`` day of the year,
        ``w`` week, ``u`` its day, ``r`` all that follows, and ``TAIL_PARTS``.
    """

    pattern: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, pattern: str) -> Form:
        """Read a pattern in which each group begins with ``<name>``."""
        # RE2 of DuckDB and Python agree on numbered groups; names are kept beside them.
        parts = tuple(re.findall(r"\(<([a-z]+)>", pattern))
        return cls(re.sub(r"\(<[a-z]+>", "(", pattern), parts)


def _any_case(word: str) -> str:
    # A flag for this would let RE2 alone take two letters that are not ASCII.
    return "".join(f"[{c.upper()}{c}]" for c in word)


def _words(stems: dict[str, str]) -> str:
    return "|".join(f"{_any_case(s)}(?:{_any_case(rest)})?" for s, rest in stems.items())


_MONTH = _words(
    {
        "jan": "uary", "feb": "ruary", "mar": "ch", "apr": "il", "may": "x", "jun": "e",
        "jul": "y", "aug": "ust", "sept": "ember", "sep": "x", "oct": "ober", "nov": "ember",
        "dec": "ember",
    }
).replace("(?:[Xx])?", "")  # fmt: skip
_WEEKDAY = "(?:{})".format(
    _words(
        {"mon": "day", "tue": "sday", "wed": "nesday", "thu": "rsday", "fri": "day",
         "sat": "urday", "sun": "day"}
    )
)  # fmt: skip
_ABBREVIATIONS = "|".join(_any_case(name.lower()) for name in sorted(ZONES, key=len, reverse=True))

_CLOCK = (
    "(<h>[0-9]{2}|[0-9]:)(?::?(<i>[0-9]{2})(?::?(<s>[0-9]{2}))?)?(?:[.,](<f>[0-9]*))?"
    "(?: *(<p>[AaPp])[.]?[Mm][.]?)?"
)
_OFFSET = (
    f"(?: *(<z>{_ABBREVIATIONS}))?"
    "(?: *(<g>[+-])(<oh>[0-9]{2})(?::?(<om>[0-9]{2})(?::?(<os>[0-9]{2}))?)?)?"
)
#: A zone by its name, which counts where there is no offset, and what mail adds in brackets.
_NAMED = r"(?: *[\[ ](<b>[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+|UTC|GMT|Z)\]?)?(?: *\([^()]*\))?"
_ZONE = _OFFSET + _NAMED

_DAY = f"(?:{_WEEKDAY}[.]?,? *)?"
_YEAR, _NTH = "(<y>[0-9]{4})", "(<d>[0-9]{1,2})(?:st|nd|rd|th)?"

#: How a text begins. The first of these that it is decides, and none of them is ambiguous.
HEADS = tuple(
    Form.of(pattern)
    for pattern in (
        f"{_YEAR}[-/.](<m>[0-9]{{1,2}})[-/.](<d>[0-9]{{1,2}})(<r>.*)",
        f"{_YEAR}(<m>[0-9]{{2}})(<d>[0-9]{{2}})(<r>.*)",
        f"{_YEAR}-?(<j>[0-9]{{3}})(<r>.*)",
        f"{_YEAR}-?[Ww](<w>[0-9]{{2}})-?(<u>[1-7])(<r>.*)",
        f"{_DAY}(<d>[0-9]{{1,2}})[.]?[ /-]*(<m>{_MONTH})[.]?,?[ /-]*{_YEAR}(<r>.*)",
        f"{_DAY}(<m>{_MONTH})[.]?[ /-]*{_NTH}(?:, *|[ /-]+){_YEAR}(<r>.*)",
        f"{_DAY}(<m>{_MONTH}) +(<d>[0-9]{{1,2}})(<r> +.*) +{_YEAR}",
    )
)

_TAIL = f"(?:(?:[Tt:]|,? +){_CLOCK})?{_ZONE}"

#: How it goes on.
TAIL = Form.of(_TAIL)

#: A text whose head was rewritten, as ``REWRITTEN`` says by the groups that the head has.
WHOLE_TEXT = Form.of(
    f"={_YEAR}-(?:W(<w>[0-9]{{2}})-(<u>[1-7])|(<j>[0-9]{{3}})|(<m>[A-Za-z]+|[0-9]{{1,2}})"
    f"-(<d>[0-9]{{1,2}}))[|]{_TAIL}"
)
REWRITTEN = {"w": "={y}-W{w}-{u}|{r}", "j": "={y}-{j}|{r}", "m": "={y}-{m}-{d}|{r}"}

WHOLE = "[+]?[1-9][0-9]{0,18}"
FRACTION = "[+]?(?:(?:0|[1-9][0-9]*)(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?"

#: How most files spell a moment or a day.
USUAL = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}.*)?)?|{WHOLE}"

#: A value in quotes, and what MongoDB's extended JSON makes of a date.
WRAPPED = (
    r'^(?:"([^"]*)"|\{ *"[$]date" *: *"([^"]*)" *\}|\{ *"[$]date" *: *([-+0-9.eE]+) *\}'
    r'|\{ *"[$]date" *: *\{ *"[$]number[Ll]ong" *: *"([0-9]+)" *\} *\}'
    r'|\{ *"[$_]number[Ll]ong" *: *"([0-9]+)" *\})$'
)
UNWRAPPED = r"\1\2\3\4\5"

_DIRECTIVES = {
    "Y": "(<y>[0-9]{4})",
    "m": "(<m>[0-9]{1,2})",
    "d": "(<d> ?[0-9]{1,2})",
    "e": "(<d> ?[0-9]{1,2})",
    "j": "(<j>[0-9]{1,3})",
    "b": f"(<m>{_MONTH})",
    "h": f"(<m>{_MONTH})",
    "B": f"(<m>{_MONTH})",
    "a": _WEEKDAY,
    "A": _WEEKDAY,
    "H": "(<h>[0-9]{1,2})",
    "I": "(<h>[0-9]{1,2})",
    "M": "(<i>[0-9]{1,2})",
    "S": "(<s>[0-9]{1,2})",
    "f": "(<f>[0-9]{1,9})",
    "p": "(<p>[AaPp])[.]?[Mm][.]?",
    "z": _OFFSET,
    "Z": _ZONE,
    "%": "%",
}
_SHORT = {"T": "%H:%M:%S", "R": "%H:%M", "F": "%Y-%m-%d"}


@lru_cache(maxsize=64)
def form_of(text: str) -> Form:
    """Read a date format as ``strptime`` has it.

    Parameters
    ----------
    text : str
        Such as ``%d/%m/%Y %H:%M``.

    Returns
    -------
    Form
        Which matches exactly the texts of that format, whatever the locale.

    Raises
    ------
    ValueError
        When a directive is unknown or repeated, or year, month and day are not all there. A
        year of two digits (``%y``) is unknown: no year is taken from them.
    """
    for short, long in _SHORT.items():
        text = text.replace(f"%{short}", long)
    found = re.sub(
        r"%-?(.)|(\s+)|(.)", lambda match: _directive(text, match), text, flags=re.DOTALL
    )
    form = Form.of(found)
    known = set(form.parts)
    if len(known) < len(form.parts):
        raise ValueError(f"date format {text!r} says something twice")
    if "y" not in known or not ({"m", "d"} <= known or "j" in known):
        raise ValueError(f"date format {text!r} needs %Y, and %m and %d or %j")
    return form


def _directive(text: str, match: re.Match[str]) -> str:
    letter, space, other = match.groups()
    if space:
        return "[ \t]+"
    if other:
        if other == "%":
            raise ValueError(f"date format {text!r} ends within a directive")
        return re.escape(other)
    if letter not in _DIRECTIVES:
        raise ValueError(f"date format {text!r} has an unknown directive %{letter}")
    return _DIRECTIVES[letter]
