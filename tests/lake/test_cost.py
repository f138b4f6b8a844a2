"""Dollars follow from what was used, and what nobody knows is said to be unknown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from lake.cost import cost
from lake.prices import PRICES, QUERY_MINIMUM, Period
from lake.render import Terminal
from lake.usage import asked, period_of, scanned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lake.target import Target
    from tests.conftest import LocalLake

NOW = datetime(2026, 11, 26, tzinfo=UTC)
WEEK = Period(NOW - timedelta(days=7.5), NOW)


@dataclass
class Athena:
    """A workgroup with queries, the newest first."""

    queries: list[dict[str, Any]] = field(default_factory=list)

    def client(self, _service: str) -> Athena:
        return self

    def get_paginator(self, _name: str) -> Athena:
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        yield {"QueryExecutionIds": [one["QueryExecutionId"] for one in self.queries]}

    def batch_get_query_execution(self, **asked: list[str]) -> dict[str, Any]:
        # In no order.
        names = asked["QueryExecutionIds"]
        found = [one for one in self.queries if one["QueryExecutionId"] in names]
        return {"QueryExecutions": found[::-1]}


def query(name: str, read: int, state: str = "SUCCEEDED", kind: str = "DML", days: int = 1) -> Any:
    return {
        "QueryExecutionId": name,
        "StatementType": kind,
        "Status": {"State": state, "SubmissionDateTime": NOW - timedelta(days=days)},
        "Statistics": {"DataScannedInBytes": read},
    }


def test_a_month_is_thirty_days_of_the_same() -> None:
    line = WEEK.used("SQS", 1_000_000, "requests", "sqs request", "measured")
    assert line.dollars == pytest.approx(0.4)
    assert line.month == pytest.approx(1.6)
    held = WEEK.held("S3", 100.0, "GB", "s3 GB-month")
    assert held.dollars == pytest.approx(0.575)
    assert held.month == pytest.approx(2.3)
    unknown = WEEK.used("Glue", None, "", "glue DPU-hour", "measured")
    assert (unknown.source, unknown.dollars, unknown.month) == ("unknown", None, None)


def test_one_of_something_is_not_spoken_of_as_many() -> None:
    def amount(quantity: float | None, unit: str) -> str:
        return WEEK.used("S3", quantity, unit, "sqs request", "measured").amount

    assert (amount(1, "objects"), amount(2, "objects")) == ("1 object", "2 objects")
    assert (amount(1, "GB-s"), amount(1.5, "GB"), amount(None, "TB")) == (
        *("1 GB-s", "1.61 GB"),
        "unknown",
    )
    assert (amount(8.9407e-06, "GB"), amount(2**-30, "GB")) == ("9.6 kB", "1 B")
    assert amount(1_204_331, "objects") == "1,204,331 objects"
    assert (amount(96_102.4, "GB-s"), amount(0.0130197, "GB-s")) == ("96,102 GB-s", "0.01302 GB-s")
    assert amount(2, "") == "2"


def test_a_line_of_cost_is_a_line_of_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lake:
        endpoint = None

        def target(self) -> Lake:
            return self

        def stack(self) -> None:
            return None

    names = ("Athena, queries of people", "Athena, models and others", "Lambda, processor, calls")
    lines = [
        WEEK.used(name, 1_204_331, "objects", "sqs request", source)
        for name, source in zip(names, ("measured", "ledger", "unknown"), strict=True)
    ]
    monkeypatch.setattr("lake.cost.measure", lambda *_: lines)
    file = StringIO()
    terminal = Terminal(file=file, width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr("lake.cost.out", terminal)
    assert CliRunner().invoke(cost, ["--no-pager"], obj=Lake()).exit_code == 0
    shown = file.getvalue().splitlines()
    assert len(shown) == 2 + len(names) + 1
    assert max(map(len, shown)) <= 80


@pytest.mark.parametrize(
    ("made", "said"), [(100, "$ in 30 days"), (12, "$ in 12 days"), (0, "$ in 1 h")]
)
def test_the_time_that_was_looked_at_is_said_in_days_or_hours(
    monkeypatch: pytest.MonkeyPatch, made: float, said: str
) -> None:
    class Lake:
        endpoint = None

        def target(self) -> Lake:
            return self

        def stack(self) -> dict[str, Any]:
            return {"CreationTime": datetime.now(UTC) - timedelta(days=made)}

    monkeypatch.setattr("lake.cost.measure", lambda *_: [])
    shown = CliRunner().invoke(cost, [], obj=Lake()).output
    assert said in " ".join(shown.split())


def test_a_lake_that_is_younger_than_the_days_is_looked_at_since_it_was_made() -> None:
    @dataclass
    class Made:
        days: float

        def stack(self) -> dict[str, Any]:
            return {"CreationTime": NOW - timedelta(days=self.days)}

    def days(made: float) -> float:
        return period_of(cast("Target", Made(made)), 30, NOW).days

    assert [days(one) for one in (100, 12, 0)] == [30, 12, pytest.approx(1 / 24)]


def test_athena_counts_ten_megabytes_for_each_query_that_reads_and_none_that_failed() -> None:
    found = Athena(
        [
            query("a", 50_000_000),
            query("b", 1),
            query("c", 0),
            query("d", 50_000_000, "FAILED"),
            query("e", 20_000_000, "CANCELLED"),
            query("f", 90_000_000, kind="DDL"),
            query("old", 90_000_000, days=40),
        ]
    )
    since = NOW - timedelta(days=30)
    assert scanned(cast("Target", found), "g", since) == 70_000_000 + QUERY_MINIMUM
    many = Athena([query(str(n), 1) for n in range(5_001)])
    assert scanned(cast("Target", many), "g", since) is None


def test_what_one_may_not_ask_is_unknown_and_other_failures_are_said() -> None:
    def fails(code: str) -> Any:
        def part() -> list[Any]:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeTable")

        return part

    (line,) = asked("DynamoDB", fails("AccessDeniedException"))
    assert (line.what, line.quantity, line.month) == ("DynamoDB", None, None)
    assert line.source == "unknown: you may not DescribeTable"
    with pytest.raises(ClientError):
        asked("DynamoDB", fails("InternalServerError"))


def test_the_page_prices_what_it_says(root: Path) -> None:
    page = (root / "docs" / "explanation" / "costs.md").read_text(encoding="utf-8")
    table = page.split("## A million objects")[1].split("## A terabyte")[0]
    *parts, together = [
        float(one) for one in re.findall(r"\| \**([\d.]+)\** \|$", table, re.MULTILINE)
    ]
    assert sum(parts) == pytest.approx(together)
    assert parts[0] == pytest.approx(1e6 * PRICES["s3 put"])
    assert parts[1] == pytest.approx(4e6 * PRICES["sqs request"])
    assert parts[3] == pytest.approx(3e6 * PRICES["dynamodb write"], abs=0.01)
    assert f"{1024 * PRICES['s3 GB-month']:.2f}" in page
    assert f"{1024 * PRICES['s3 GB-month glacier']:.2f}" in page


@pytest.mark.local
def test_the_cost_of_a_lake_is_the_sum_of_what_is_known(local_lake: LocalLake) -> None:
    local_lake.ingest("data/costly/a.json", b'{"n": 1}\n')
    local_lake.query("SELECT count(*) AS n FROM costly")
    told = json.loads(local_lake.command("lake", "cost", "--json").stdout)
    lines = {one["what"]: one for one in told["lines"]}
    assert sum(one["month"] or 0 for one in lines.values()) == told["dollars_a_month"]
    assert lines["S3, uploads"]["quantity"] >= 1
    assert lines["Athena, queries of people"]["quantity"] >= QUERY_MINIMUM / (1 << 40)
    assert lines["S3, raw bucket"]["source"] == "measured"
    # The local AWS keeps no list of crawls: that is said, and not made up.
    assert lines["Glue, crawls"] == {
        "what": "Glue, crawls",
        "quantity": None,
        "unit": "DPU-hours",
        "dollars": None,
        "month": None,
        "source": "unknown",
    }
