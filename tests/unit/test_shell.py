"""What every command offers: JSON, completion, the variables of a lake, its version."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from lake import completion, shell
from lake.cli import main
from lake.local.state import LOCAL_CREDENTIALS
from lake.manual import commands_of
from lake.target import choose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: They print something for programs without being asked: a script, and a contract. `ui` is a page.
WITHOUT_JSON = {"completion", "contract infer", "ui"}


def commands(group: click.Group = main, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in commands_of(group).items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_has_json(name: str, command: click.Command) -> None:
    options = {option for one in command.params for option in one.opts}
    assert ("--json" in options) != (name in WITHOUT_JSON)


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_option_says_what_it_is(name: str, command: click.Command) -> None:
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert [one.opts for one in options if not one.help] == [], name
    assert (command.help or "").split("\n")[0].endswith((".", '"`.')), name


def groups(group: click.Group = main, *words: str) -> Iterator[tuple[tuple[str, ...], click.Group]]:
    yield words, group
    for name, command in commands_of(group).items():
        if isinstance(command, click.Group):
            yield from groups(command, *words, name)


@pytest.mark.parametrize(("words", "group"), list(groups()))
def test_a_groups_help_says_the_whole_first_sentence_of_each_command(
    words: tuple[str, ...], group: click.Group
) -> None:
    done = CliRunner().invoke(main, [*words, "--help"], terminal_width=80)
    assert "..." not in done.output.partition("Commands:")[2]
    said = " ".join(done.output.split())
    for command in commands_of(group).values():
        assert " ".join((command.help or "").partition("\n\n")[0].split()) in said
    assert max(map(len, done.output.splitlines())) <= 80


def test_the_version_is_that_of_the_project(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert CliRunner().invoke(main, ["--version"]).output == f"lake {project['version']}\n"


class Glue:
    def get_tables(self, **_: Any) -> dict[str, Any]:
        names = ["flights", "flight_delays", "orders", "orders__next"]
        storage = {"Columns": [{"Name": "id"}, {"Name": "price"}]}
        tables = [{"Name": name, "StorageDescriptor": storage} for name in names]
        own = {"Name": "quarantine", "Parameters": {"projection.enabled": "true"}}
        return {"TableList": [*tables, own]}


class S3:
    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        assert asked["Prefix"].startswith("data/")
        assert asked["Delimiter"] == "/"
        prefixes = [{"Prefix": "data/flights/"}]
        return {"CommonPrefixes": prefixes, "Contents": [{"Key": "data/a.csv"}]}


class Lake:
    outputs = {"GlueDatabaseName": "d", "RawBucketName": "raw"}
    endpoint = None

    @property
    def session(self) -> Lake:
        return self

    def client(self, service: str, **_: Any) -> Any:
        return {"glue": Glue, "s3": S3}[service]()


def completed(*words: str, of: str) -> list[str]:
    found = ShellComplete(main, {}, "lake", "_LAKE_COMPLETE").get_completions(list(words), of)
    return [one.value for one in found]


@pytest.mark.parametrize(
    ("words", "of", "wanted"),
    [
        ((), "tab", ["tables"]),
        (("describe",), "fl", ["flight_delays", "flights"]),
        (("files", "--dataset"), "o", ["orders"]),
        (("rebuild",), "q", ["quarantine"]),
        (("retype",), "orders.", ["orders.id", "orders.price"]),
        (("files", "--key"), "", ["data/flights/", "data/a.csv"]),
        (("replay", "--key"), "data/f", ["data/flights/"]),
        (("files", "--status"), "DO", ["DONE"]),
        (("query",), "--li", ["--limit", "--lineage"]),
        (("completion",), "", ["bash", "zsh", "fish"]),
    ],
)
def test_names_are_completed(
    words: tuple[str, ...], of: str, wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "_target", lambda _: Lake())
    assert completed(*words, of=of) == wanted


def test_models_are_completed_without_a_lake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("daily_sales", "delays"):
        (tmp_path / f"{name}.sql").write_text("SELECT 1")
    monkeypatch.setenv("LAKE_MODELS", str(tmp_path))
    assert completed("model", "show", of="da") == ["daily_sales"]


def test_where_nobody_answers_nothing_is_completed_and_nothing_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert completed("--stack-name", "X", "describe", of="fl") == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(name: str) -> None:
    done = CliRunner().invoke(main, ["completion", name])
    assert done.exit_code == 0
    assert f"_LAKE_COMPLETE={name}_complete" in done.output


def test_the_variables_of_a_lake_lead_to_it_and_a_shell_reads_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAKE_STATE_DIR", str(tmp_path))
    environment = {"AWS_ENDPOINT_URL": "http://x:1/it's here; rm"}
    target = choose(
        environment, None, local=False, cloud=False, stack_name="Other", region="eu-west-1"
    )
    found = shell.variables(target)
    assert found["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL"]
    assert (found["AWS_REGION"], found["LAKE_STACK_NAME"]) == ("eu-west-1", "Other")
    lines = "\n".join(f"export {n}={shlex.quote(str(v))}" for n, v in found.items())
    script = f'{lines}\nprintf %s "$AWS_ENDPOINT_URL"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == environment["AWS_ENDPOINT_URL"]


def test_a_lake_in_aws_has_no_endpoint_and_no_secret_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAKE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    words = ["--cloud", "--region", "eu-west-1", "env"]
    done = CliRunner(mix_stderr=False).invoke(main, words)
    assert done.stdout.splitlines()[0] == "unset AWS_ENDPOINT_URL"
    assert "export AWS_REGION=eu-west-1" in done.stdout
    assert "hidden" not in done.stdout
    assert CliRunner(mix_stderr=False).invoke(main, [*words, "--unset"]).stdout.count("unset") == 3


def test_what_lake_env_set_is_removed_also_when_the_lake_is_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAKE_STATE_DIR", str(tmp_path))
    set_before = LOCAL_CREDENTIALS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    for name, value in set_before.items():
        monkeypatch.setenv(name, value)
    done = CliRunner(mix_stderr=False).invoke(main, ["env", "--unset"])
    assert {line.removeprefix("unset ") for line in done.stdout.splitlines()} == set(set_before)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "my own")
    assert "SECRET" not in CliRunner().invoke(main, ["env", "--unset"]).stdout


def test_sql_without_quotes_is_said_to_need_them() -> None:
    done = CliRunner().invoke(main, ["query", "SELECT", "README.md", "FROM", "orders"])
    assert 'write the SQL in quotes: lake query "SELECT …"' in str(done.output)
