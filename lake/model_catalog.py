"""What the catalog of a lake says of models: whether there is what they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lake import tables
from lake.errors import LakeCommandError
from lake.trouble import aws_said
from model.columns import Finding
from model.model import place_of, tables_of
from store.curated import columns_of, key_in, location_of, why_not_ours
from store.naming import MODELS, PARTITION_KEY, is_reserved
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sqlglot import exp

    from lake.target import Target
    from store.models import Model, Source

    Table = Mapping[str, Any]


@dataclass(frozen=True)
class Catalog:
    """The tables of a lake.

    Attributes
    ----------
    database : str
        Of Glue.
    bucket : str
        Where models have their files; empty where the lake has no curated zone yet.
    tables : mapping
        As GetTables answers, by their names.
    """

    database: str
    bucket: str
    tables: Mapping[str, Table]

    @property
    def columns(self) -> dict[str, dict[str, str]]:
        """Names and types of each table's columns, partition keys included."""
        return {
            name: dict(columns_of(table)) | {key["Name"]: key["Type"] for key in _keys(table)}
            for name, table in self.tables.items()
        }

    @property
    def is_empty(self) -> bool:
        """Whether no dataset has a table yet."""
        return all(
            is_reserved(name) or key_in(location_of(table), self.bucket).startswith(f"{MODELS}/")
            for name, table in self.tables.items()
        )

    def why_not(self, model: Model) -> str:
        """Say why a model may not make its table; empty where it may."""
        table = self.tables.get(model.name)
        if table is None or not self.bucket:
            return ""
        return why_not_ours(table, self.bucket, model.name, by_date=model.by_date)

    def findings(
        self, model: Model, text: str, query: exp.Query, models: Collection[str]
    ) -> Iterator[Finding]:
        """Judge what a model reads.

        Parameters
        ----------
        model : Model
            Which.
        text : str
            Of its file.
        query : Query
            Parsed from that text as a whole.
        models : collection of str
            Names of all models.
        """
        own = {
            table.name.lower()
            for table in tables_of(query)
            if (table.db or self.database).lower() == self.database.lower()
        }
        places = {table.name.lower(): place_of(text, table) for table in reversed(tables_of(query))}
        for source in model.sources:
            if source.name not in own:
                why = (
                    f"{source.name} is a table of another database: the function may not read it "
                    "by itself, and changes in it are not seen"
                )
                yield Finding(*places[source.name], why, grave=False)
            elif source.name not in models:
                yield from self._of_source(model, source, models)

    def _of_source(
        self, model: Model, source: Source, models: Collection[str]
    ) -> Iterator[Finding]:
        name, place = source.name, (source.line, source.column)
        table = self.tables.get(name)
        if table is None:
            others = {*models, *self.tables} - {model.name}
            known = [one for one in others if not one.startswith("_")]
            meant = near(name, known, "")
            if meant and not self.is_empty:
                yield Finding(*place, f"there is no table and no model {name}: {meant}")
            else:
                waits = f"the model waits until `lake put FILE --dataset {name}` makes one"
                why = f"there is no table {name} yet: {meant or waits}"
                yield Finding(*place, why, grave=False)
        elif table.get("TableType") == "VIRTUAL_VIEW" and name in model.dated:
            why = (
                f"{name} is a view: nobody tells when what it reads changes. Read its tables, or "
                "name it in `-- lookup:`"
            )
            yield Finding(*place, why)
        elif key_in(location_of(table), self.bucket).startswith(f"{MODELS}/"):
            why = (
                f"{name} is the table of a model that has no file any more: nobody makes it anew, "
                "nor this one because of it"
            )
            yield Finding(*place, why)
        elif (
            model.by_date
            and name in model.dated
            and PARTITION_KEY not in {key["Name"] for key in _keys(table)}
        ):
            why = (
                f"table {name} has no partition key {PARTITION_KEY}, so that nobody sees which "
                "dates of it changed: name it in `-- lookup:`, or write `-- refresh: whole`"
            )
            yield Finding(*place, why)


def _keys(table: Table) -> list[dict[str, str]]:
    return table.get("PartitionKeys") or []


def read(target: Target) -> Catalog:
    """Read the tables of a lake.

    Raises
    ------
    LakeCommandError
        When nobody answers, or Glue does not list them.
    """
    outputs = target.outputs
    database = outputs["GlueDatabaseName"]
    try:
        found = tables.tables_of(target)
    except (ClientError, BotoCoreError) as error:
        raise LakeCommandError(
            f"The tables of {database} were not listed: {aws_said(error)}"
        ) from error
    return Catalog(database, outputs.get("CuratedBucketName", ""), found)
