"""What the command makes of a crawl and of the catalog after it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from lake import cli, crawl
from lake.context import Choice
from lake.crawl import Crawl, twins


def test_a_table_named_like_another_with_a_hash_is_its_twin() -> None:
    digest = "0123456789abcdef" * 2
    names = ["orders", f"orders_{digest}", f"lonely_{digest}", "orders_2024", "orders_copy"]
    assert twins(names) == [f"orders_{digest}"]


@pytest.fixture
def last(monkeypatch: pytest.MonkeyPatch) -> list[Crawl]:
    """The answer that the command gets in the place of a lake's."""
    answers: list[Crawl] = []

    def run(_target: Any, *, wait: bool) -> Crawl:
        assert wait
        return answers[0]

    monkeypatch.setattr(crawl, "run", run)
    monkeypatch.setattr(Choice, "target", lambda _self: None)
    return answers


@pytest.mark.parametrize(("status", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELLED", 1)])
def test_the_command_fails_when_the_crawl_did(last: list[Crawl], status: str, code: int) -> None:
    last.append(Crawl(True, "READY", status, "why", 1, 2, ["t_twin"], ["old"]))
    done = CliRunner().invoke(cli.main, ["crawl", "--wait", "--json"])
    assert done.exit_code == code
    said = json.loads(done.stdout)
    assert (said["status"], said["detail"]) == (status, "why")
    assert (said["created"], said["updated"]) == (1, 2)
    assert (said["twins"], said["deprecated"]) == (["t_twin"], ["old"])


def test_the_command_tells_people_what_the_crawl_did(last: list[Crawl]) -> None:
    last.append(Crawl(True, "READY", "SUCCEEDED", "", 1, 0, ["t_twin"], []))
    done = CliRunner().invoke(cli.main, ["crawl", "--wait"])
    assert "t_twin" in done.output
    assert "SUCCEEDED" in done.output
