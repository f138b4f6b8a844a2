"""Tables of models, as an operator sees them: what the ledger, the catalog and the files say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lake import tables
from lake.local.deploy import models_folder, project_root
from model.loading import load_folder
from store import curated
from store.items import key_of
from store.refresh import Refresh
from store.states import name_of, state_of

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
    why_foreign : str
        Why the table of its name is not the model's; empty where it is, or there is none.
    """

    model: Model
    state: Refresh
    partitions: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    why_foreign: str = ""

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
            return "name taken"
        if self.state.failed:
            return self.state.failed.reason
        if self.state.run:
            return "running"
        if self.waiting:
            return "waiting"
        if self.older:
            return "older text"
        return "fresh" if self.partitions or self.state.done else "never made"

    def stale(self, changed: Mapping[str, Mapping[str, float]]) -> list[str]:
        """Name the dates that are older than their sources, and that nobody is about to make.

        Parameters
        ----------
        changed : mapping of str to mapping of str to float
            When each date of each table was changed last, in seconds since 1970
            (:func:`last_changes`).
        """
        coming = {*self.state.waiting, *(self.state.run.dates if self.state.run else ())}
        if self.state.everything or (self.state.run and self.state.run.everything):
            return []
        # Of a date without rows the catalog knows nothing.
        done = self.state.done
        known = self.state.empty if done and done.text == self.model.text_hash else ()
        made = dict(known) | {date: at for date, (_, at) in self.partitions.items()}
        newest: dict[str, float] = {}
        for table in self.model.dated:
            for date, at in changed.get(table, {}).items():
                key = date if self.model.by_date else ""
                newest[key] = max(at, newest.get(key, 0))
        if not self.model.by_date and (self.state.run or self.state.everything):
            return []
        return sorted(
            date for date, at in newest.items() if date not in coming and made.get(date, 0.0) < at
        )


def known() -> list[Model]:
    """Read the models of the project.

    Raises
    ------
    ModelError
        When one cannot be kept up to date as it is written.
    """
    return load_folder(models_folder(project_root(Path.cwd())))


def look(target: Target, models: Iterable[Model]) -> list[Seen]:
    """See how the tables of models are."""
    return [_look(target, model) for model in models]


def state(target: Target, name: str) -> Refresh:
    """Read what the ledger knows of a model's table."""
    answer = target.client("dynamodb").get_item(
        TableName=target.outputs["LedgerTableName"], Key=key_of(name_of(name)), ConsistentRead=True
    )
    return state_of(answer["Item"]) if "Item" in answer else Refresh()


def last_changes(items: Iterable[Item]) -> dict[str, dict[str, float]]:
    """Say when each date of each dataset was changed last, by what was ingested.

    Parameters
    ----------
    items : iterable of Item
        Of the ledger.

    Returns
    -------
    dict of str to dict of str to float
        By table and date; the begin of the attempt that was committed: its rows are not older.
    """
    found: dict[str, dict[str, float]] = {}
    for item in items:
        began = [a.began for a in item.entry.attempts if a.generation < item.entry.committed_at]
        for date in item.partitions if began else ():
            of = found.setdefault(item.dataset, {})
            of[date] = max(of.get(date, 0.0), max(began))
    return found


def removed(target: Target, models: Collection[Model]) -> list[str]:
    """Name the tables of models that have no file any more."""
    names, bucket = {model.name for model in models}, target.outputs["CuratedBucketName"]
    pages = target.client("glue").get_paginator("get_tables")
    return sorted(
        table["Name"]
        for page in pages.paginate(DatabaseName=target.outputs["GlueDatabaseName"])
        for table in page["TableList"]
        if table["Name"] not in names
        and curated.key_in(curated.location_of(table), bucket).startswith(
            curated.home_of(table["Name"])
        )
    )


def dollars(queries: int, scanned: int) -> float:
    """Say about what Athena takes for queries."""
    return max(scanned, queries * LEAST_BYTES) * DOLLARS_PER_TB / 1e12


def _look(target: Target, model: Model) -> Seen:
    # First: what is published after it is in the catalog then.
    now = state(target, model.name)
    table = tables.table_of(target, model.name)
    if table is None:
        return Seen(model, now)
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
