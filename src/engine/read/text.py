"""Text: a record a line, with its number."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.read.lines import BLANK, MAX_RECORD, Span, lines_of
from engine.read.reading import NUMBER, Conformed, Record, Relation
from engine.types.kinds import BIGINT, STRING, Kind
from engine.types.sql import literal
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from engine.convert.plan import Plan
    from engine.convert.rules import Rules
    from engine.job import Job

_FIELDS: dict[str, Kind] = {"line_number": BIGINT, "line": STRING}

_CHUNK = 4_000_000

#: DuckDB reads no longer lines as text without longer buffers.
_LONG = 1_000_000

#: Divides no line where it is in none.
_DELIMITER = "\x1e"


@dataclass
class TextLines:
    """See :class:`engine.read.reading.Reading`."""

    job: Job
    path: Path
    name: str = "text"
    nulls: bool = False
    texts: bool = False
    sampled: bool = False

    def guess(self, _rules: Rules) -> dict[str, Kind]:
        """See the protocol."""
        return dict(_FIELDS)

    def learn(self, _rules: Rules) -> dict[str, Kind]:
        """See the protocol."""
        return dict(_FIELDS)

    def blocks(self) -> Iterator[TextBlock]:
        """See the protocol."""
        yield TextBlock(self.job, self.path)

    def conformed(self, value_sql: str, _shape: Kind, kind: Kind, *, fixed: bool) -> Conformed:
        """See the protocol."""
        del fixed
        field_kind = BIGINT if value_sql == '"line_number"' else STRING
        return Conformed("true" if kind == field_kind else "false", value_sql)


@dataclass
class TextBlock:
    """See :class:`engine.read.reading.Block`: the whole file."""

    job: Job
    path: Path
    _odd: str = field(default_factory=lambda: f"lake-{uuid.uuid4().hex}")

    def relation(self, plan: Plan) -> Relation:
        """See the protocol."""
        del plan
        path = self._canonical()
        lines = (
            f"read_csv({literal(str(path))}, auto_detect = false, header = false, "
            f"delim = '{_DELIMITER}', quote = '', escape = '', comment = '', new_line = '\\n', "
            "strict_mode = false, columns = {line: 'VARCHAR'})"
        )
        # The number is counted before blank lines are left out: people look for it in the file.
        # What begins with another character than white space is not blank; that is cheap to see.
        return Relation(
            f"SELECT line_number, line, line_number AS {NUMBER} FROM (SELECT line, "
            f"row_number() OVER () AS line_number FROM {lines}) "
            "WHERE line > '!' OR trim(line, ' \t') <> ''",
            frozenset(_FIELDS),
            f"line = {literal(self._odd)}",
        )

    def _canonical(self) -> Path:
        """Give the lines as DuckDB reads them: a mark stands for each that it would not."""
        if all(_plain(chunk) and b"\r" not in chunk for chunk in _chunks(self.path)):
            return self.path
        target = self.job.workdir / f"block-{uuid.uuid4().hex}"
        mark = self._odd.encode() + b"\n"
        with target.open("wb") as copy:
            for chunk in _chunks(self.path):
                self.job.check_time()
                unix = chunk.replace(b"\r\n", b"\n")
                if _plain(unix) and b"\r" not in unix:
                    copy.write(unix)
                    continue
                for line in unix.removesuffix(b"\n").split(b"\n"):
                    copy.write(line + b"\n" if _plain(line) and b"\r" not in line else mark)
        return target

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """See the protocol."""
        wanted = None if numbers is None else iter(numbers)
        following = next(wanted, 0) if wanted else 0
        with self.path.open("rb") as file:
            for number, line in enumerate(lines_of(file), 1):
                if wanted and number != following:
                    continue
                if line.strip(BLANK):
                    yield _record(number, line)
                if wanted and not (following := next(wanted, 0)):
                    return

    def divided(self, plan: Plan, said: str) -> None:
        """See the protocol: what DuckDB would not read it was not given."""
        del plan, said

    def count(self) -> int:
        """See the protocol."""
        return Span.whole(self.path).count()


def _record(number: int, line: bytes) -> Record:
    raw = line.rstrip(b"\r\n")
    if len(line) > MAX_RECORD:
        detail = f"the line is longer than {MAX_RECORD:,} bytes: split it"
        return Record(number, raw, None, Reason.RECORD_TOO_LARGE, detail)
    try:
        return Record(number, raw, {"line_number": number, "line": raw.decode("utf-8")})
    except UnicodeDecodeError as error:
        return Record(number, raw, None, Reason.INVALID_UTF8, str(error))


def _plain(lines: bytes) -> bool:
    """Tell whether DuckDB reads these lines as they are."""
    if _DELIMITER.encode() in lines:
        return False
    if not lines.isascii():
        try:
            lines.decode("utf-8")
        except UnicodeDecodeError:
            return False
    # A line of that length spans one of these windows, however it lies.
    half = _LONG // 2
    windows = range(0, len(lines) - half + 1, half)
    if all(lines.find(b"\n", at, at + half) >= 0 for at in windows):
        return True
    return max(map(len, lines.split(b"\n"))) <= _LONG


def _chunks(path: Path) -> Iterator[bytes]:
    """Give whole lines, in pieces; of a line longer than a record only its beginning."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if not chunk.endswith(b"\n"):
                chunk += file.readline(MAX_RECORD)
            if not chunk.endswith(b"\n"):
                while (rest := file.readline(MAX_RECORD)) and not rest.endswith(b"\n"):
                    pass
            yield chunk
