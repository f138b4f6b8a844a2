"""The command `lake crawl`: run the lake's crawler, and tell what it made of the catalog."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click
from botocore.exceptions import ClientError

from lake import render
from lake.context import out
from lake.errors import LakeCommandError
from lake.trouble import aws_said

if TYPE_CHECKING:
    from lake.context import Choice
    from lake.target import Target

#: How the crawler names a table whose name another one has already.
_SUFFIXED = re.compile(r"(.+)_[0-9a-f]{32}")


@dataclass(frozen=True)
class Crawl:
    """What is known of the crawler and of its tables.

    Attributes
    ----------
    started : bool
        False when it was running already.
    state : str
        Of the crawler; READY when it was waited for.
    status : str
        How the last crawl ended; empty while there is none.
    detail : str
        Why it failed.
    created, updated : int
        Tables that the last crawl created and updated.
    twins : list of str
        Tables that the crawler made beside one of the same name.
    deprecated : list of str
        Tables that the crawler does not maintain any more.
    """

    started: bool
    state: str
    status: str
    detail: str
    created: int
    updated: int
    twins: list[str]
    deprecated: list[str]


@click.command()
@click.option("--wait", is_flag=True, help="Wait until the crawl has ended.")
@render.json_option
@render.listing
@click.pass_obj
def crawl(choice: Choice, wait: bool, as_json: bool) -> None:
    """Run the crawler; it finds what was put into the lake by other means."""
    found = run(choice.target(), wait=wait)
    if as_json:
        render.show_json(asdict(found))
    else:
        rows = [[k, ", ".join(v) if isinstance(v, list) else v] for k, v in asdict(found).items()]
        render.show_table(out, ["what", "value"], rows, [False, False])
    if wait and found.status != "SUCCEEDED":
        sys.exit(1)


def twins(names: list[str]) -> list[str]:
    """Find the tables that a crawler made because it did not adopt another.

    Parameters
    ----------
    names : list of str
        All tables of a database.

    Returns
    -------
    list of str
        Names that are another table's with a hash behind.
    """
    known = set(names)
    matches = ((name, _SUFFIXED.fullmatch(name)) for name in names)
    return [name for name, found in matches if found and found[1] in known]


def run(target: Target, *, wait: bool, timeout: float = 3600) -> Crawl:
    """Start the crawler.

    Parameters
    ----------
    target : Target
        The lake.
    wait : bool
        Wait until the crawl has ended.
    timeout : float
        Seconds to wait.

    Returns
    -------
    Crawl
        Of the last crawl that ended, which without waiting is the one before.

    Raises
    ------
    LakeCommandError
        When Glue refuses, or the crawl does not end in time.
    """
    glue, outputs = target.client("glue"), target.outputs
    name, started = outputs["GlueCrawlerName"], True
    try:
        try:
            glue.start_crawler(Name=name)
        except glue.exceptions.CrawlerRunningException:
            # Also what a repeated request meets, after one whose answer was lost.
            started = False
        deadline, pause = time.monotonic() + timeout, 0.2
        crawler = glue.get_crawler(Name=name)["Crawler"]
        while wait and crawler["State"] != "READY":
            if time.monotonic() > deadline:
                raise LakeCommandError(f"{name} was still {crawler['State']} after {timeout:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 10)
            crawler = glue.get_crawler(Name=name)["Crawler"]
        metrics = glue.get_crawler_metrics(CrawlerNameList=[name])["CrawlerMetricsList"]
        tables = [
            table
            for page in glue.get_paginator("get_tables").paginate(
                DatabaseName=outputs["GlueDatabaseName"]
            )
            for table in page["TableList"]
        ]
    except ClientError as error:
        raise LakeCommandError(aws_said(error)) from error
    last = crawler.get("LastCrawl") or {}
    return Crawl(
        started,
        crawler["State"],
        last.get("Status", ""),
        last.get("ErrorMessage", ""),
        metrics[0].get("TablesCreated", 0) if metrics else 0,
        metrics[0].get("TablesUpdated", 0) if metrics else 0,
        sorted(twins([table["Name"] for table in tables])),
        sorted(
            table["Name"]
            for table in tables
            if "DEPRECATED_BY_CRAWLER" in (table.get("Parameters") or {})
        ),
    )
