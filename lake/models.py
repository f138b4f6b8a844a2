"""Tables of models, as an operator sees them: what the ledger, the catalog and the files say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lake import buckets, tables
from lake.context import err
from lake.errors import LakeCommandError
from lake.project import models_folder, project_root, shown
from lake.target import asked
from model.files import SUFFIX, files_of, name_of, text_of
from store import curated, naming
from store.errors import ModelError
from store.items import key_of
from store.near import near
from store.refresh import Refresh
from store.states import name_of as item_name
from store.states import state_of
from store.touch import ASKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from lake.ledger import Item
    from lake.target import Target
    from store.models import Model

#: What Athena takes for 1 TB that a query reads, in dollars, and the least that it counts a query
#: for, in bytes (Amazon Athena pricing, on-demand, us-east-1).
DOLLARS_PER_TB, LEAST_BYTES = 5.0, 10_000_000


@dataclass(frozen=True)
class Seen:
    """One model.

    Attributes
    ----------
    model : Model
        What its file says.
    state : Refresh
        What the ledger knows of its table.
    partitions : dict of str to tuple of (str, float)
        By date: the hash of the text that it was made by, and when that was begun. A table without
        dates has one, under an empty name.
    missing : tuple of str
        Sources that have no table, where the table of the model was never made.
    dropped : bool
        Whether its table was made, and is gone.
    why_foreign : str
        Why the table of its name is not the model's; empty where it is, or there is none.
    deployed : str or None
        Hash of the text that is deployed, empty where none is; None where that is not known.
    """

    model: Model
    state: Refresh
    partitions: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    dropped: bool = False
    why_foreign: str = ""
    deployed: str | None = None

    @property
    def is_deployed(self) -> bool:
        """Whether the curator has this very text, as far as one knows."""
        return self.deployed in (None, self.model.text_hash)

    @property
    def older(self) -> list[str]:
        """Name the dates that were made by another text than the file's."""
        wanted = self.model.text_hash
        return sorted(date for date, (text, _) in self.partitions.items() if text != wanted)

    @property
    def waiting(self) -> int:
        """Count the dates that wait or are just being made."""
        run = self.state.run
        waits = len(self.state.waiting) or int(self.state.everything)
        return waits + (len(run.dates) or 1 if run else 0)

    @property
    def said(self) -> str:
        """Say how it is, in one word."""
        if self.why_foreign:
            return "not its table"
        if not self.is_deployed:
            return "not deployed"
        if self.missing:
            return "no source yet"
        if self.state.failed:
            return self.state.failed.reason
        if self.state.run:
            return "running"
        if self.dropped:
            return "table missing"
        if self.waiting:
            return "waiting"
        if self.older:
            return "older text"
        return "fresh" if self.partitions or self.state.done else "never made"

    @property
    def fails(self) -> bool:
        """Whether somebody has to mend something; a source that is not there yet may come."""
        return bool(self.why_foreign or self.dropped or (self.state.failed and not self.missing))

    def stale(self, changed: Mapping[str, Mapping[str, float]]) -> list[str]:
        """Name the dates that are older than their sources, and that nobody is about to make.

        Parameters
        ----------
        changed : mapping of str to mapping of str to float
            When each date of each table was changed last, in seconds since 1970
            (:func:`last_changes`).
        """
        run = self.state.run
        if self.state.everything or (run and (run.everything or not self.model.by_date)):
            return []
        coming = {*self.state.waiting, *(run.dates if run else ())}
        # Of a date without rows the catalog knows nothing.
        done = self.state.done
        known = self.state.empty if done and done.text == self.model.text_hash else ()
        made = dict(known) | {date: at for date, (_, at) in self.partitions.items()}
        newest: dict[str, float] = {}
        for table in self.model.dated:
            for date, at in changed.get(table, {}).items():
                key = date if self.model.by_date else ""
                newest[key] = max(at, newest.get(key, 0))
        return sorted(
            date for date, at in newest.items() if date not in coming and made.get(date, 0.0) < at
        )


@dataclass
class Files:
    """Models as they were read from their files.

    Attributes
    ----------
    texts : dict of str
        Of each file that is read, by the model's name.
    models : list of Model
        Those that can be kept up to date, each behind those that it reads.
    wrong : dict of str
        Why the others cannot, by their names.
    blamed : dict of str
        The models because of which others cannot, by the names of these.
    """

    texts: dict[str, str] = field(default_factory=dict)
    models: list[Model] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    blamed: dict[str, str] = field(default_factory=dict)

    def named(self, name: str) -> Model:
        """Find a model.

        Raises
        ------
        LakeCommandError
            When there is none, or when it is broken.
        """
        for one in self.models:
            if one.name == name:
                return one
        if name in self.wrong:
            raise LakeCommandError(self.wrong[name])
        names = [one.name for one in self.models]
        other = f"there are {', '.join(sorted(names))}." if names else "there is none at all."
        raise LakeCommandError(f"No model is called {name}: {near(name, names, other)}")


def read(files: Iterable[Path]) -> Files:
    """Read models from files, the sound ones beside broken ones."""
    found = Files()
    if not (paths := list(files)):
        return found
    # sqlglot takes longer to import than most commands take.
    from model.model import ordered, parse

    sound: dict[str, Model] = {}
    for path in paths:
        name = name_of(path)
        try:
            found.texts[name] = text_of(path)
            sound[name] = parse(name, found.texts[name])
        except ModelError as error:
            found.wrong[name] = error.detail
    while True:
        try:
            found.models = ordered(sound.values())
        except ModelError as error:
            name = error.detail.partition(SUFFIX)[0]
            found.wrong[name] = error.detail
            del sound[name]
            for reader in _readers(name, sound):
                found.blamed[reader] = name
                found.wrong[reader] = f"{reader}{SUFFIX}: it reads {name}, which is to be mended"
                del sound[reader]
        else:
            return found


def _readers(name: str, models: Mapping[str, Model]) -> list[str]:
    """Name the models that read one, or one that does."""
    found, news = dict[str, None](), [name]
    while news:
        read = news.pop()
        for one in models.values():
            if read in {source.name for source in one.sources} and one.name not in found:
                found[one.name] = None
                news.append(one.name)
    return list(found)


def folder() -> Path:
    """Give the project's folder of models."""
    return models_folder(project_root(Path.cwd()))


def place(name: str) -> str:
    """Name the file of a model, as a user does."""
    return shown(folder() / f"{name}{SUFFIX}")


def known() -> list[Model]:
    """Read the models of the project; what is broken is named, and left out."""
    found = read(files_of(folder()))
    for why in found.wrong.values():
        err.print("Left out:", why, style="yellow")
    return found.models


def deployed(target: Target) -> dict[str, str] | None:
    """Ask the curator which models it has: the hash of each one's text, by its name.

    Returns
    -------
    dict of str, or None
        None where one may not ask it.
    """
    return asked(target, "CuratorFunctionName", ASKING).get("models")


def look(target: Target, models: Iterable[Model]) -> list[Seen]:
    """See how the tables of models are."""
    there = deployed(target)
    return [
        replace(_look(target, model), deployed=None if there is None else there.get(model.name, ""))
        for model in models
    ]


def state(target: Target, name: str) -> Refresh:
    """Read what the ledger knows of a model's table."""
    answer = target.client("dynamodb").get_item(
        TableName=target.outputs["LedgerTableName"],
        Key=key_of(item_name(name)),
        ConsistentRead=True,
    )
    return state_of(answer["Item"]) if "Item" in answer else Refresh()


def last_changes(items: Iterable[Item], seen: Iterable[Seen]) -> dict[str, dict[str, float]]:
    """Say when each date of each dataset and model was changed last.

    Parameters
    ----------
    items : iterable of Item
        Of the ledger.
    seen : iterable of Seen
        The models, since others may read them.

    Returns
    -------
    dict of str to dict of str to float
        By table and date; when the ledger last said something of its rows, or when the run began
        that made them.
    """
    found = {
        one.model.name: {date: began for date, (_, began) in one.partitions.items()} for one in seen
    }
    for item in items:
        if any(attempt.is_open for attempt in item.entry.attempts):
            # It will tell itself, once it has ended.
            continue
        at = datetime.fromisoformat(item.updated_at).timestamp()
        for date in item.partitions:
            of = found.setdefault(item.dataset, {})
            of[date] = max(of.get(date, 0.0), at)
    return found


def removed(target: Target, models: Collection[Model]) -> list[str]:
    """Name the tables of models that have no file any more, and the folders without a table."""
    names, bucket = {model.name for model in models}, target.outputs["CuratedBucketName"]
    there = tables.tables_of(target)
    places = {one: curated.key_in(curated.location_of(there[one]), bucket) for one in there}
    known = {*map(naming.home_of, {*names, *there})}
    return sorted(
        [
            *(o for o, at in places.items() if o not in names and at.startswith(naming.home_of(o))),
            *(o for o in buckets.folders(target, bucket, f"{naming.MODELS}/") if o not in known),
        ]
    )


def dollars(queries: int, scanned: int) -> float:
    """Say about what Athena takes for queries."""
    return max(scanned, queries * LEAST_BYTES) * DOLLARS_PER_TB / 1e12


def _look(target: Target, model: Model) -> Seen:
    # First: what is published after it is in the catalog then.
    now = state(target, model.name)
    table = tables.table_of(target, model.name)
    if table is None:
        # What a model makes is not uploaded.
        made = {name_of(path) for path in files_of(folder())}
        names = [source.name for source in model.sources if source.name not in made]
        missing = tuple(name for name in names if tables.table_of(target, name) is None)
        return Seen(model, now, missing=missing, dropped=now.done is not None)
    why = curated.why_not_ours(
        table, target.outputs["CuratedBucketName"], model.name, by_date=model.by_date
    )
    if why:
        return Seen(model, now, why_foreign=why)
    there = tables.partitions_of(target, model.name) if model.by_date else {"": table}
    told = {date: one.get("Parameters") or {} for date, one in (there or {}).items()}
    return Seen(
        model,
        now,
        {
            date: (said.get(curated.TEXT, ""), float(said.get(curated.BEGAN, 0)))
            for date, said in told.items()
        },
    )
