"""What `lake deploy` decides before SAM is asked, and what it says afterwards."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lake import deploy
from lake.context import Choice
from lake.deploy import pairs
from lake.deployed import Deployed, difference, follow, gone
from lake.errors import LakeCommandError
from lake.local import deploy as sam
from lake.local.state import Running, StateFolder

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
version = 0.1
[default.deploy.parameters]
stack_name = "DataLakeStack"
parameter_overrides = "FunctionMemory=1024 LogRetentionDays=7"
[fixed.deploy.parameters]
region = "us-east-1"
[prod.global.parameters]
stack_name = "ProdStack"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "samconfig.toml").write_text(SETTINGS)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "config"
    config.write_text("[profile far]\nregion = ap-south-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return tmp_path


def choice(
    region: str | None = None, profile: str | None = None, stack: str = "DataLakeStack"
) -> Choice:
    return Choice(False, True, stack, region, profile)


def test_parameters_of_the_user_are_put_over_those_of_the_settings(project: Path) -> None:
    plan = sam.plan(project, choice(), "default", {"FunctionMemory": "2048", "Prefix": "a-lake"})
    assert plan.parameters == {
        "FunctionMemory": "2048",
        "LogRetentionDays": "7",
        "Prefix": "a-lake",
    }
    assert pairs(["DateColumns=a,b", "Prefix=x=y"]) == {"DateColumns": "a,b", "Prefix": "x=y"}
    with pytest.raises(LakeCommandError, match="NAME=VALUE"):
        pairs(["Prefix"])


def test_the_users_region_comes_before_that_of_the_settings(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(environment_name: str, **named: str) -> tuple[str | None, str]:
        plan = sam.plan(project, choice(**named), environment_name, {})
        return plan.region, plan.ignored_region

    assert told("default") == (None, "")
    assert told("fixed") == ("us-east-1", "")
    assert told("fixed", profile="far") == ("ap-south-1", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert told("fixed") == ("eu-west-1", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert told("fixed") == ("eu-west-2", "us-east-1")
    assert told("fixed", region="us-east-1") == ("us-east-1", "")


def test_the_stack_is_that_of_the_settings_unless_another_is_named(project: Path) -> None:
    assert sam.plan(project, choice(), "prod", {}).stack_name == "ProdStack"
    assert sam.plan(project, choice(stack="Mine"), "prod", {}).stack_name == "Mine"
    with pytest.raises(LakeCommandError, match="has no environment nothing: it has default"):
        sam.plan(project, choice(), "nothing", {})


def test_no_settings_of_this_project_fix_the_region_and_prod_is_a_lake_of_its_own(
    root: Path,
) -> None:
    told = tomllib.loads((root / "samconfig.toml").read_text())
    for name in ("default", "prod"):
        assert "region" not in told[name]["deploy"]["parameters"]
        assert "region" not in told[name]["global"]["parameters"]
    names = [told[name]["global"]["parameters"]["stack_name"] for name in ("default", "prod")]
    assert names == ["DataLakeStack", "DataLakeProdStack"]
    assert "Prefix=data-lake-prod " in told["prod"]["deploy"]["parameters"]["parameter_overrides"]


@pytest.mark.parametrize(
    ("endpoint", "cloud", "is_local"),
    [
        ("", False, True),
        ("http://127.0.0.1:4566", False, True),
        ("http://127.0.0.1:4566/", False, True),
        ("http://elsewhere:1", False, False),
        ("http://127.0.0.1:4566", True, False),
    ],
)
def test_the_local_lake_is_meant_also_where_lake_env_names_it(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, cloud: bool, is_local: bool
) -> None:
    monkeypatch.setattr(StateFolder, "read", lambda _: Running(1, "", 4566))
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert Choice(False, cloud, "DataLakeStack", None, None).is_local() is is_local


def test_a_parameter_that_the_template_has_not_is_refused(root: Path) -> None:
    deploy._check_names(root, {"LogRetentionDays": "3", "Prefix": "x"})
    with pytest.raises(LakeCommandError, match="LogRetention: did you mean LogRetentionDays"):
        deploy._check_names(root, {"LogRetention": "3"})
    with pytest.raises(LakeCommandError, match=r"Nothing: docs/reference/parameters.md lists"):
        deploy._check_names(root, {"Nothing": "3"})


def test_a_deployment_that_changes_nothing_is_no_failure(root: Path) -> None:
    told = tomllib.loads((root / "samconfig.toml").read_text())
    for name, settings in told.items():
        if name != "version":
            assert settings["deploy"]["parameters"]["fail_on_empty_changeset"] is False, name


def test_a_lake_of_before_keeps_its_database() -> None:
    assert sam.keeping_database({}) == {}
    assert sam.keeping_database({"Prefix": "x"}) == {"DatabaseFollowsPrefix": "false"}
    assert sam.keeping_database({"Prefix": "x", "DatabaseFollowsPrefix": "x"}) == {}


def test_what_a_deployment_changed_is_said() -> None:
    before = Deployed({"Prefix": "p", "LogLevel": "INFO"}, {"p-processor": "1", "p-curator": "2"})
    after = Deployed({"Prefix": "p", "LogLevel": "DEBUG"}, {"p-processor": "3", "p-curator": "2"})
    assert difference(before, after) == {
        "functions": ["p-processor"],
        "parameters": ["LogLevel=DEBUG (was INFO)"],
    }
    assert difference(after, after) == {"functions": [], "parameters": []}
    # The default of DatabaseName stands for a name that follows the Prefix.
    new = replace(before, parameters={**before.parameters, "DatabaseName": "data_lake_db"})
    assert difference(Deployed(), new) == {
        "functions": ["p-curator", "p-processor"],
        "parameters": ["Prefix=p"],
    }


def test_what_a_deployment_does_not_do_by_itself_is_said_with_the_command_that_does() -> None:
    code = {"p-processor": "1", "p-curator": "1"}
    before = Deployed({}, code, {"kept": "a", "changed": "a", "gone": "a"})
    after = Deployed({}, {**code, "p-processor": "2"}, {"kept": "a", "changed": "b", "new": "a"})
    assert [*follow(before, after)] == ["lake curate new", "lake curate changed --full"]
    assert follow(before, before) == {}
    assert follow(Deployed(), after) == {}
    # Who may not ask the curator is told nothing of models.
    assert follow(before, Deployed({}, after.code)) == {}
    assert follow(Deployed({}, code), after) == {}


def test_only_contracts_that_changed_are_to_be_applied_to_the_past() -> None:
    code = {"p-processor": "1"}

    def follows(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, str]:
        return follow(Deployed({}, code, None, old), Deployed({}, code, None, new))

    whole, text = {"type": "integer"}, {"type": "string"}
    orders = {"orders": {"properties": {"price": whole}}}
    replay = "lake replay --dataset orders"
    assert follows(orders, orders) == {}
    told = {"orders": {**orders["orders"], "description": "What was ordered."}}
    assert follows(orders, told) == {}
    assert [*follows({}, orders)] == [replay]
    # No contract is left that a replay could apply.
    assert follows(orders, {}) == {}
    assert [*follows(orders, {"orders": {**orders["orders"], "required": ["price"]}})] == [replay]
    retyped = {"orders": {"properties": {"price": text}}}
    refused = f"{replay} --status PARTIAL --status REJECTED"
    assert [*follows(orders, retyped)] == ["lake retype orders.price string", refused]
    # A union leaves the type to the values: the table may have the new one already.
    either = {"orders": {"properties": {"price": {"type": ["integer", "string"]}}}}
    found = follows(either, orders)
    assert [*found] == ["lake retype orders.price bigint", replay]
    assert found["lake retype orders.price bigint"].startswith("if `lake describe orders` shows")
    assert found[replay].startswith("else: ")
    # Of a function that cannot be asked, or that honoured what is no contract any more.
    assert [*follows(None, orders)] == ["lake replay --dataset NAME"]
    assert follows(None, {}) == {}
    assert [*follows({"orders": {"oneOf": []}}, orders)] == [replay]


def test_contracts_and_models_that_a_deployment_takes_away_are_named() -> None:
    code = {"p-processor": "1"}
    before = Deployed({}, code, {"kept": "a", "days": "a"}, {"kept": {}, "orders": {}})
    after = Deployed({}, code, {"kept": "a"}, {"kept": {}})
    assert gone(before, after) == [
        "contract orders: its records are not checked any more",
        "model days: its table stays and is not refreshed",
    ]
    assert gone(after, before) == gone(before, before) == []
    # Who may not ask the functions is told nothing of them.
    assert gone(Deployed({}, code), after) == gone(before, Deployed({}, code)) == []


def test_every_fault_of_contracts_and_models_is_told_before_anything_is_built(
    tmp_path: Path,
) -> None:
    files = {
        "contracts/a.schema.json": '{"type": "int"}',
        "contracts/b.schema.json": '{"properties": {"x": {"minmum": 1, "format": "dat"}}}',
        "models/m.sql": "SELECT",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(LakeCommandError) as refused:
        sam.check(tmp_path)
    first, *lines = str(refused.value).splitlines()
    assert first == "Nothing was deployed."
    assert [line.partition(" ")[0].rstrip(":") for line in lines[:3]] == [
        *("a.schema.json", "b.schema.json", "b.schema.json")
    ]
    assert lines[3].startswith("m.sql")


@pytest.mark.parametrize("name", ["LAKE_CONTRACTS", "LAKE_MODELS"])
def test_a_variable_that_names_no_folder_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("contracts", "models"):
        (tmp_path / folder).mkdir()
    sam.check(tmp_path)
    monkeypatch.setenv(name, str(tmp_path / "gone"))
    with pytest.raises(LakeCommandError, match=f"{name} names .*gone.*`unset {name}`"):
        sam.check(tmp_path)
