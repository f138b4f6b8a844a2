"""What a case's file must become, and how that is told from what it became."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.engine.cases.harness import Outcome

#: The day on which every case's object is created; rows without a usable date are of it.
UPLOADED = "2024-01-20"

#: Each refused record has one of these; how many there are of each.
Reasons = dict[str, int]


@dataclass(frozen=True)
class Expect:
    """One right result; a file may have several, each of them right.

    Attributes
    ----------
    status : str
        Statuses, one of which it must be, divided by ``|``.
    rows : sequence of dict
        Every accepted row by its own columns, nulls left out. ``@`` is its date_partition;
        without it the row is of the day of the upload.
    types : dict
        The columns and their types: all of them, unless ``"..."`` is among the keys. Several
        right types are divided by ``|``.
    dates : sequence of str
        The rows' dates in any order, where the rows themselves are not given.
    reasons : dict
        Refused records by reason; None where any will do.
    read, accepted, quarantined : int
        Counts, where the rows are not given.
    rescued : sequence of dict
        What is rescued, where something is.
    says : str
        A pattern that is found in the detail, the guesses or the details of refused records.
    holds : sequence of str
        Texts that must be found in a row or in quarantine.
    as_text : bool
        Values are compared by their text: whether 1 in quotes is a number is left open.
    """

    status: str = "DONE"
    rows: Sequence[Mapping[str, Any]] | None = None
    types: Mapping[str, str] | None = None
    dates: Sequence[str] | None = None
    reasons: Reasons | None = None
    read: int | None = None
    accepted: int | None = None
    quarantined: int | None = None
    rescued: Sequence[Mapping[str, Any]] | None = None
    says: str = ""
    holds: Sequence[str] = ()
    as_text: bool = False

    def differences(self, found: Outcome, *, loose: bool = False) -> list[str]:
        """Say what is not as expected.

        Parameters
        ----------
        found : Outcome
            What became of the file.
        loose : bool
            The table was there before: its types and columns are not this file's.
        """
        if found.defect:
            return [f"defect: {found.defect}"]
        told = [
            *self._of_status(found),
            *self._of_counts(found),
            *self._of_dates(found),
            *self._of_texts(found),
        ]
        if not loose:
            told += [*self._of_rows(found), *self._of_types(found)]
        return told

    def _of_status(self, found: Outcome) -> list[str]:
        if found.status in self.status.split("|"):
            return []
        return [f"status is {found.status}, not {self.status} {found.said[:60]}".rstrip()]

    def _of_counts(self, found: Outcome) -> list[str]:
        accepted = self.accepted if self.rows is None else len(self.rows)
        if accepted is None and self.dates is not None:
            accepted = len(self.dates)
        reasons, quarantined = self.reasons, self.quarantined
        if self.status == "DONE" and quarantined is None and reasons is None:
            reasons = {}
        pairs = [
            ("read", self.read, found.read),
            ("accepted", accepted, len(found.rows)),
            ("quarantined", quarantined, len(found.reasons)),
            ("reasons", reasons, dict(Counter(found.reasons))),
        ]
        return [
            f"{what}: {got} instead of {wanted}"
            for what, wanted, got in pairs
            if wanted is not None and wanted != got
        ]

    def _of_dates(self, found: Outcome) -> list[str]:
        wanted = self.dates
        if self.rows is not None:
            wanted = [row.get("@", UPLOADED) for row in self.rows]
        got = sorted(row["@"] for row in found.rows)
        if wanted is None or sorted(wanted) == got:
            return []
        return [f"dates: {_few(got)} instead of {_few(sorted(wanted))}"]

    def _of_rows(self, found: Outcome) -> list[str]:
        told = []
        if self.rows is not None:
            wanted = [self._plain({"@": UPLOADED, **row}) for row in self.rows]
            got = [self._plain(row) for row in found.rows]
            told += [f"no row {row}" for row in wanted if row not in got]
            told += [f"a row {row}" for row in got if row not in wanted]
        if self.rescued is not None:
            rescued = [{k: str(v) for k, v in one.items()} for one in found.rescued if one]
            if rescued != [{k: str(v) for k, v in one.items()} for one in self.rescued]:
                told.append(f"rescued: {rescued} instead of {list(self.rescued)}")
        return told

    def _plain(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {k: str(v) if self.as_text else v for k, v in row.items()}

    def _of_types(self, found: Outcome) -> list[str]:
        if self.types is None:
            return []
        wanted = {name: kinds.split("|") for name, kinds in self.types.items() if name != "..."}
        told = [
            f"column {name} is {found.types.get(name, 'missing')}, not {' or '.join(kinds)}"
            for name, kinds in wanted.items()
            if found.types.get(name) not in kinds
        ]
        if "..." not in self.types:
            told += [f"a column {name}" for name in found.types if name not in wanted]
        return told

    def _of_texts(self, found: Outcome) -> list[str]:
        told = [f"{text!r} is nowhere" for text in self.holds if text not in found.everything]
        if self.says and not re.search(self.says, found.said, re.IGNORECASE):
            told.append(f"nothing says {self.says!r}: {found.said[:80]!r}")
        return told


def refused(says: str, status: str = "REJECTED|STORED|PARTIAL") -> Expect:
    """Not DONE, and the reason is said."""
    return Expect(status, says=says)


def text(*lines: str) -> Expect:
    """Rows of lines."""
    rows = [{"line_number": number, "line": line} for number, line in enumerate(lines, 1)]
    return Expect(rows=rows, types={"line_number": "bigint", "line": "string"})


def _few(dates: Sequence[str]) -> str:
    return ", ".join(f"{n}x {date}" if n > 1 else date for date, n in Counter(dates).items())
