"""What `lake retype` and `lake rebuild` say once they are done, and what they refuse."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lake.rebuild import Progress, Rebuild
from lake.retype import rebuild, retype
from store.model import Drift

if TYPE_CHECKING:
    from click.testing import Result


def run(
    monkeypatch: pytest.MonkeyPatch, command: Any, *words: str, drift: tuple[Drift, ...]
) -> Result:
    rescued = sum(one.count for one in drift)
    monkeypatch.setattr(Rebuild, "start", lambda *_: None)
    monkeypatch.setattr(Rebuild, "advance", lambda _: Progress("done", 1, (), 3, rescued, drift))
    lake = SimpleNamespace(target=lambda: None)
    return CliRunner(mix_stderr=False).invoke(command, words, obj=lake)


@pytest.mark.parametrize(
    ("command", "words"), [(retype, ("orders.price", "date")), (rebuild, ("orders",))]
)
def test_values_that_do_not_fit_are_said_and_end_with_2(
    monkeypatch: pytest.MonkeyPatch, command: Any, words: tuple[str, ...]
) -> None:
    drift = (Drift("price", "date", 3, "20"),)
    done = run(monkeypatch, command, *words, drift=drift)
    assert done.exit_code == 2
    lines = done.stdout.splitlines()
    assert "3 of them with values that did not fit" in lines[0]
    assert lines[1] == ("  price: 3 values did not fit date, such as 20; they are in _rescued_data")
    done = run(monkeypatch, command, *words, "--json", drift=drift)
    assert done.exit_code == 2
    assert json.loads(done.stdout)["drift"][0]["count"] == 3


def test_values_that_all_fit_end_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, retype, "orders.price", "double", drift=())
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1)
