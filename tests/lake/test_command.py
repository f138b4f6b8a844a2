"""What needs no lake: which lake is meant, and how results look."""

from __future__ import annotations

import io
import json
import re
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from lake import destroy, render
from lake.cli import main
from lake.context import agree
from lake.errors import LakeCommandError
from lake.local import process, state
from lake.local.deploy import fingerprint
from lake.project import project_root
from lake.query import Result
from lake.target import choose

if TYPE_CHECKING:
    from pathlib import Path

AWS = {"AWS_ENDPOINT_URL": "http://elsewhere:1"}
RUNNING = "http://127.0.0.1:4566"


def test_no_table_of_the_lakes_own_is_removed() -> None:
    said = str(CliRunner().invoke(main, ["rm", "--dataset", "quarantine", "--raw"]).exception)
    assert "The table quarantine is the lake's own" in said
    assert "are in the table quarantine_data: name that one" in said


def test_keys_and_a_dataset_are_not_removed_at_once() -> None:
    said = str(CliRunner().invoke(main, ["rm", "--dataset", "drift", "people.csv"]).exception)
    assert "Give keys or --dataset, not both" in said
    assert "Say what to remove" in str(CliRunner().invoke(main, ["rm"]).exception)


def test_who_says_no_is_told_what_was_not_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: True)
    agree("Remove this?", yes=False, else_say="")
    # As click answers, not as it aborts.
    monkeypatch.setattr(click, "confirm", lambda *_, abort=False, **__: abort)
    with pytest.raises(SystemExit) as ended:
        agree("Remove this?", yes=False, else_say="", else_so="Nothing was removed.")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Nothing was removed.\n"


def test_one_version_is_not_spoken_of_as_many() -> None:
    there = SimpleNamespace(stack_name="S", endpoint=RUNNING)
    held = destroy.Held("CREATE_COMPLETE", [], {"one": 1, "two": 2})
    said = [*destroy._told(there, held)]  # type: ignore[arg-type]  # nothing is asked of it
    assert said[1:] == ["the bucket one: 1 object version", "the bucket two: 2 object versions"]


def test_a_misspelt_command_is_told_what_it_may_be() -> None:
    said = CliRunner().invoke(main, ["retpye"]).output
    assert "No such command 'retpye': did you mean retype?" in said
    assert "did you mean" not in CliRunner().invoke(main, ["xyzzy"]).output


def test_a_profile_that_there_is_not_is_said_and_no_traceback() -> None:
    with pytest.raises(LakeCommandError, match="nobody"):
        choose({}, None, local=False, cloud=True, stack_name="S", profile="nobody-has-this")


@pytest.mark.parametrize(
    ("environment", "running", "local", "cloud", "endpoint"),
    [
        ({}, RUNNING, False, False, RUNNING),
        (AWS, RUNNING, False, False, "http://elsewhere:1"),
        (AWS, RUNNING, True, False, RUNNING),
        (AWS, RUNNING, False, True, None),
        ({}, None, False, False, None),
    ],
)
def test_flag_then_variable_then_running_lake_then_cloud(
    environment: dict[str, str],
    running: str | None,
    local: bool,
    cloud: bool,
    endpoint: str | None,
) -> None:
    target = choose(
        environment, running, local=local, cloud=cloud, stack_name="S", region="eu-west-1"
    )
    assert target.endpoint == endpoint


def test_no_description_of_a_command_is_cut_off() -> None:
    said = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    commands = said.partition("Commands:")[2]
    assert "..." not in commands
    assert max(map(len, said.splitlines())) <= 80


def test_contradictions_and_a_missing_lake_are_named() -> None:
    with pytest.raises(LakeCommandError, match="two different lakes"):
        choose({}, RUNNING, local=True, cloud=True, stack_name="S")
    with pytest.raises(LakeCommandError, match="`lake up` starts one"):
        choose({}, None, local=True, cloud=False, stack_name="S")


def test_without_a_region_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(LakeCommandError, match=r"No local lake is up .* --region"):
        choose({}, None, local=False, cloud=False, stack_name="S")
    # A lake on this machine may be up: it was not asked for.
    for environment, cloud in (({}, True), (AWS, False)):
        with pytest.raises(LakeCommandError, match=r"^No AWS region is set: --region"):
            choose(environment, RUNNING, local=False, cloud=cloud, stack_name="S")


def printed(columns: list[str], rows: list[list[object]], numeric: list[bool]) -> list[str]:
    file = io.StringIO()
    render.show_table(Console(file=file, width=40), columns, rows, numeric)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_table_is_aligned_and_never_cut() -> None:
    long = "arn:" + "x" * 100
    lines = printed(["name", "n"], [[long, 1], ["[b]", 22], [None, None]], [False, True])
    assert long in lines[2]
    assert lines[3].startswith("[b]")
    assert lines[4].startswith("null")
    assert len({len(line) for line in lines[2:]}) == 1


RESULT = Result(
    ["a", "b", "c"], ["varchar", "bigint", "double"], [["x,y", "1", None], ["é", "2", "NaN"]], 0.1
)


def test_csv_quotes_and_json_keeps_numbers() -> None:
    assert render.as_csv(RESULT) == 'a,b,c\n"x,y",1,\né,2,NaN\n'
    assert json.loads(render.as_json(RESULT)) == [
        {"a": "x,y", "b": 1, "c": None},
        {"a": "é", "b": 2, "c": "NaN"},
    ]


def test_a_recycled_process_id_is_not_taken_for_the_lake(tmp_path: Path) -> None:
    folder = state.StateFolder(tmp_path)
    folder.write(state.Running(pid=1, started="long ago", port=4566))
    assert folder.read() is None
    assert not process.stop(folder)


def test_a_damaged_state_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    assert state.StateFolder(tmp_path).read() is None


def test_the_fingerprint_changes_with_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAKE_CONTRACTS", raising=False)
    (tmp_path / "src").mkdir()
    for name in ("template.yaml", "samconfig.toml", "src/a.py"):
        (tmp_path / name).write_text("1")
    before = fingerprint(tmp_path)
    (tmp_path / "src" / "a.py").write_text("2")
    assert re.fullmatch("[0-9a-f]{64}", before)
    assert (changed := fingerprint(tmp_path)) != before
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "orders.schema.json").write_text("{}")
    assert fingerprint(tmp_path) != changed
    monkeypatch.setenv("LAKE_CONTRACTS", "others")
    assert fingerprint(tmp_path) == changed
    assert project_root(tmp_path / "src") == tmp_path
