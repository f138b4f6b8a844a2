"""Models of the curated zone as the functions know them: read and proved when they are built."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from store.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Refresh(StrEnum):
    """What of a table is made anew when its sources change."""

    #: The dates that changed.
    BY_DATE = "by date"
    #: All of it.
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Header:
    """What a model's comments say.

    Attributes
    ----------
    description : str
        For people: what a row is.
    refresh : Refresh
        What is made anew.
    lookups : frozenset of str
        Sources whose changes touch no dates: nothing is made anew because of them.
    minutes : int
        How often the table is made anew at most; 0 where nothing is said.
    """

    description: str
    refresh: Refresh
    lookups: frozenset[str] = frozenset()
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A table that a model reads.

    Attributes
    ----------
    name : str
        Of the table.
    line, column : int
        Where the model names it first, from 1.
    """

    name: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Model:
    """One table of the curated zone.

    Attributes
    ----------
    name : str
        Of the table, and of the file.
    header : Header
        What its comments say.
    sql : str
        Its query, as it was written.
    sources : tuple of Source
        Tables and other models that it reads, in the order of the text.
    """

    name: str
    header: Header
    sql: str
    sources: tuple[Source, ...]

    @property
    def by_date(self) -> bool:
        """Whether single dates of it are made anew."""
        return self.header.refresh is Refresh.BY_DATE

    @property
    def dated(self) -> tuple[str, ...]:
        """Name the sources whose changes touch it."""
        return tuple(s.name for s in self.sources if s.name not in self.header.lookups)

    @property
    def text_hash(self) -> str:
        """Tell two texts of one model apart; what its comments say for people is no part of it."""
        said = f"{self.header.refresh}\n{','.join(sorted(self.header.lookups))}\n{self.sql}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def readers(models: Iterable[Model]) -> dict[str, tuple[str, ...]]:
    """Say which models are to be made anew where a table changes, by the table's name."""
    found: dict[str, tuple[str, ...]] = {}
    for model in models:
        for source in model.dated:
            found[source] = (*found.get(source, ()), model.name)
    return found


def dumps(models: Iterable[Model]) -> str:
    """Write models as JSON, as they are built into the functions."""
    return json.dumps([_plain(asdict(model)) for model in models], ensure_ascii=False, indent=1)


def loads(text: str) -> tuple[Model, ...]:
    """Read what :func:`dumps` wrote."""
    return tuple(map(_model, json.loads(text)))


def load(path: Path) -> tuple[Model, ...]:
    """Read the models that were built into a function.

    Raises
    ------
    ModelError
        When there are none, not even an empty list.
    """
    try:
        return loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path}: the function was built without its models") from error


def _plain(model: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    header = model["header"]
    lookups: frozenset[str] = header["lookups"]  # type: ignore[assignment]  # asdict's own types
    return model | {"header": header | {"lookups": sorted(lookups)}}


def _model(told: dict[str, dict[str, str]]) -> Model:
    said = told["header"]
    header = Header(
        said["description"],
        Refresh(said["refresh"]),
        frozenset(said["lookups"]),
        int(said["minutes"]),
    )
    sources = tuple(Source(**one) for one in told["sources"])  # type: ignore[arg-type]  # of JSON
    return Model(str(told["name"]), header, str(told["sql"]), sources)
