"""What a shell may complete of a command line, beside commands and options.

Nothing is printed, and what cannot be asked quickly is not offered.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from botocore.config import Config
from click.shell_completion import CompletionItem

from lake.context import state_folder
from lake.overview import is_shown
from lake.target import choose
from model.files import files_of, name_of
from store.naming import OWN_TABLES, RAW_PREFIX, is_reserved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lake.target import Target

#: Seconds, and questions, that a completion is worth.
_QUICK = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})

#: So many keys are offered.
_KEYS = 100


class Asked(click.ParamType):
    """A name that is looked up while a command line is completed."""

    name = "text"

    def names(self, target: Target, incomplete: str) -> Iterable[str]:
        """Give names that may be meant."""
        raise NotImplementedError

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the names that begin so; none where nobody answers."""
        del param
        # A shell shows nothing of what goes wrong here, and goes on.
        with suppress(Exception):
            names = self.names(_target(ctx), incomplete)
            return [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return []


class Dataset(Asked):
    """A table of the lake."""

    def names(self, target: Target, incomplete: str) -> Iterable[str]:
        """Ask the catalog."""
        del incomplete
        found = (table["Name"] for table in _tables(target))
        return sorted(name for name in found if not is_reserved(name) or name in OWN_TABLES)


class Column(Asked):
    """A column of a table, as ``orders.price``."""

    def names(self, target: Target, incomplete: str) -> Iterable[str]:
        """Ask the catalog."""
        del incomplete
        return sorted(
            f"{table['Name']}.{column['Name']}"
            for table in _tables(target)
            if is_shown(table["Name"], table)
            for column in table.get("StorageDescriptor", {}).get("Columns", [])
        )


class Key(Asked):
    """A key of the raw bucket."""

    def names(self, target: Target, incomplete: str) -> Iterable[str]:
        """Ask the bucket, one folder at a time."""
        s3: Any = target.session.client("s3", endpoint_url=target.endpoint, config=_QUICK)
        begins = incomplete if incomplete.startswith(RAW_PREFIX) else RAW_PREFIX
        answer = s3.list_objects_v2(
            Bucket=target.outputs["RawBucketName"], Prefix=begins, Delimiter="/", MaxKeys=_KEYS
        )
        folders = [one["Prefix"] for one in answer.get("CommonPrefixes", [])]
        return [*folders, *(one["Key"] for one in answer.get("Contents", []))]


class ModelName(click.ParamType):
    """A model of the project."""

    name = "text"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the models that have a file."""
        del ctx, param
        from lake.models import folder

        with suppress(Exception):
            names = map(name_of, files_of(folder()))
            return [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return []


DATASET, COLUMN, KEY, MODEL = Dataset(), Column(), Key(), ModelName()


def _tables(target: Target) -> list[Any]:
    glue: Any = target.session.client("glue", endpoint_url=target.endpoint, config=_QUICK)
    answer = glue.get_tables(DatabaseName=target.outputs["GlueDatabaseName"])
    return list(answer["TableList"])


def _target(context: click.Context) -> Target:
    """Decide which lake is meant by the options before the command, without a word."""
    given = context.find_root().params
    running = state_folder().read()
    return choose(
        os.environ,
        running.endpoint if running else None,
        local=bool(given.get("local")),
        cloud=bool(given.get("cloud")),
        stack_name=str(given["stack_name"]),
        region=given.get("region"),
        profile=given.get("profile"),
    )
