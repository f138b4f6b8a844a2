"""Put a case's files through the engine, each alone and all of them into one table."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from engine.duck import DuckEngine
from engine.options import Options
from engine.types.evolve import evolved
from tests.conftest import ROOT
from tests.support.engine import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from store.model import Schema
    from tests.engine.cases.expect import Expect

FOLDER = ROOT.parent / "shared" / "cases"

#: As the template has it.
OPTIONS = Options(
    date_columns=(
        "timestamp",
        "event_time",
        "event_timestamp",
        "datetime",
        "date",
        "created_at",
        "time",
    )
)


@dataclass(frozen=True)
class Outcome:
    """What became of a file, as plain values."""

    status: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    read: int = 0
    rescued: list[dict[str, Any]] = field(default_factory=list)
    drift: dict[str, int] = field(default_factory=dict)
    said: str = ""
    everything: str = ""
    short: int = 0
    schema: Schema | None = None
    defect: str = ""


@dataclass(frozen=True)
class File:
    """A file of a case and its right results, any of which will do.

    Attributes
    ----------
    name : str
        Its path in the case's folder.
    expect : tuple of Expect
        What it may become.
    key : str
        Its path below the dataset, where that is another.
    content_type : str
        What its uploader says.
    table : dict or None
        Columns that the table has before.
    contract : dict or None
        The dataset's contract.
    also : str
        Tells it from the same file under other circumstances.
    """

    name: str
    expect: tuple[Expect, ...]
    key: str = ""
    content_type: str = ""
    table: Mapping[str, str] | None = None
    contract: Any = None
    also: str = ""

    @property
    def label(self) -> str:
        return f"{self.name} {self.also}".strip()

    @property
    def plain(self) -> bool:
        """Whether it is put as any file is, and so into one table with its neighbours."""
        return self.table is None and self.contract is None and not self.also


@dataclass(eq=False)
class Case:
    """A folder of cases.

    Attributes
    ----------
    name : str
        Of the folder.
    files : tuple of File
        What is put.
    checks : dict of str to callable
        What is asked of several results, or of something else than the engine; each gives
        what differs.
    elsewhere : str
        Where it is tested, if not here.
    """

    name: str
    files: tuple[File, ...] = ()
    checks: dict[str, Callable[[Case], list[str]]] = field(default_factory=dict)
    elsewhere: str = ""

    @cached_property
    def engine(self) -> DuckEngine:
        """The one engine of the case: what one file does to it, the next ones meet."""
        return DuckEngine(OPTIONS)

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def named(self, name: str) -> File:
        """Give the first file of a name, also of one that has no right result of its own."""
        return next((one for one in self.files if one.name == name), File(name, ()))

    def alone(self, file: File | str) -> Outcome:
        """Put a file into a table of its own."""
        if isinstance(file, str):
            file = self.named(file)
        return put(self, file, None)

    @cache  # noqa: B019  # cases live as long as the process
    def together(self) -> dict[str, Outcome]:
        """Put the plain files into one table, in the order of their names."""
        schema, found = None, {}
        for file in sorted((one for one in self.files if one.plain), key=lambda one: one.name):
            found[file.name] = outcome = put(self, file, schema)
            if outcome.schema is not None and outcome.rows:
                schema = evolved(schema, outcome.schema) if schema else outcome.schema
        return found

    def tests(self) -> dict[str, Callable[[], list[str]]]:
        """Give everything that is asked, each with what answers what differs."""
        asked: dict[str, Callable[[], list[str]]] = {}
        for file in self.files:
            asked[file.label] = partial(self._alone_differs, file)
        plain = [file for file in self.files if file.plain]
        if len(plain) > 1:
            for file in plain:
                asked[f"{file.name} in one table"] = partial(self._together_differs, file)
        for label, check in self.checks.items():
            asked[label] = partial(check, self)
        return asked

    def _alone_differs(self, file: File) -> list[str]:
        return _compare(file, self.alone(file), loose=False)

    def _together_differs(self, file: File) -> list[str]:
        return _compare(file, self.together()[file.name], loose=True)


def _compare(file: File, found: Outcome, *, loose: bool) -> list[str]:
    each = [one.differences(found, loose=loose) for one in file.expect]
    return [] if any(not told for told in each) else min(each, key=len)


def put(case: Case, file: File, schema: Schema | None) -> Outcome:
    """Put one file; a fault of the engine is an outcome, too."""
    path, key = case.folder / file.name, f"data/{case.name}/{file.key or file.name}"
    if _skipped(key, path):
        return Outcome("SKIPPED")
    try:
        found = convert(
            path.read_bytes(),
            key,
            None if file.table is None else dict(file.table),
            OPTIONS,
            file.content_type,
            contract=file.contract,
            schema=schema,
            engine=case.engine if file.contract is None else None,
        )
    except Exception as error:  # whatever it is, it is shown
        return Outcome("DEFECT", defect=f"{type(error).__name__}: {error}"[:200])
    done = found.conversion
    details = [str(found.error or ""), getattr(done, "detail", "")]
    details += [*getattr(done, "guesses", ()), *(entry["detail"] for entry in found.quarantine)]
    rows = [
        {k: v for k, v in row.items() if v is not None} | {"@": date}
        for row, date in zip(found.values, (r["date_partition"] for r in found.rows), strict=True)
    ]
    return Outcome(
        found.status,
        rows,
        {} if done is None else found.types,
        [entry["reason"] for entry in found.quarantine],
        0 if done is None else done.read,
        [one for one in found.rescued if one],
        {} if done is None else _drift(done.drift),
        "; ".join(filter(None, details)),
        json.dumps([found.values, [e["raw"] for e in found.quarantine]], default=str),
        getattr(done, "short", 0),
        None if done is None else done.schema,
    )


def _drift(drift: Any) -> dict[str, int]:
    return dict(one if isinstance(one, tuple) else (one.column, one.count) for one in drift)


def _skipped(key: str, path: Path) -> bool:
    """Whether the function skips the object before the engine sees it (READING, law 11)."""
    try:
        sidecars = importlib.import_module("store.sidecars")
    except ModuleNotFoundError:
        return False
    return bool(
        sidecars.why_skipped(key) or (sidecars.may_be_commit(key) and sidecars.is_commit(path))
    )


def columns(names: str, kinds: str) -> dict[str, str]:
    """Give columns by their names and types."""
    return dict(zip(names.split(), kinds.split(), strict=True))


def rows(names: str, *values: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Give rows by the names of their columns; None is null."""
    return [
        {name: value for name, value in zip(names.split(), one, strict=True) if value is not None}
        for one in values
    ]


def file(name: str, *expect: Expect, **more: Any) -> File:
    """Give a file and its right results."""
    return File(name, expect, **more)
