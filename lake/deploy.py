"""The command `lake deploy`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract.loading import load_folder
from lake import health, render, taken
from lake.context import err, out, state_folder
from lake.deployed import Deployed, difference, follow, gone, look
from lake.errors import LakeCommandError
from lake.files import show_lines
from lake.local import deploy as sam
from lake.local import process
from lake.model import say_findings
from lake.project import contracts_folder, models_folder, project_root
from lake.target import asked, choose
from lake.words import unbroken
from model.files import files_of
from store.events import ASKING
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lake.context import Choice
    from lake.target import Target


@click.command()
@click.option("--config-env", default="default", show_default=True, help="Of samconfig.toml.")
@click.option("--guided", is_flag=True, help="Ask for every parameter, as sam does.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the template, beside those of samconfig.toml; several may be given.",
)
@click.option("--yes", is_flag=True, help="Do not ask whether to execute the change set.")
@render.json_option
@click.pass_obj
def deploy(
    choice: Choice,
    config_env: str,
    guided: bool,
    parameters: Sequence[str],
    yes: bool,
    as_json: bool,
) -> None:
    """Check contracts and models, build, and deploy to the local lake that is up, or to an account.

    The local lake comes first where one is up. Contracts and models are in contracts/ and models/.
    Says what has changed.
    """
    root, given = project_root(Path.cwd()), pairs(parameters)
    _check_names(root, given)
    if choice.is_local():
        target, before = _to_local(root, choice, given)
    else:
        sam.check(root)
        plan = sam.plan(root, choice, config_env, given)
        target, before = plan.target, _before(plan.target)
        # Guided, it is SAM that asks for the Prefix.
        if before == Deployed() and not guided:
            taken.check(root, target, plan.parameters)
        if plan.ignored_region:
            err.print(
                f"samconfig.toml says {plan.ignored_region}; your environment says {plan.region}, "
                "and that is taken. --region names another.",
            )
        words = [*(["--guided"] if guided else []), *(["--no-confirm-changeset"] if yes else [])]
        sam.deploy_to_account(root, plan, words, to_stderr=as_json)
    say_findings(target, before.models or {})
    _say(root, target, before, as_json=as_json)


def _to_local(root: Path, choice: Choice, given: Mapping[str, str]) -> tuple[Target, Deployed]:
    folder = state_folder()
    with process.owned(folder):
        running = folder.read()
        if running is None:
            raise LakeCommandError("No local lake is up: `lake up` starts and deploys one.")
        target = choose({}, running.endpoint, local=True, cloud=False, stack_name=choice.stack_name)
        before = _before(target)
        if before == Deployed():
            taken.check(root, target, given)
        sam.deploy(root, folder, running, choice.stack_name, given)
    # What was asked of the stack before is not true any more.
    return choose(
        {}, running.endpoint, local=True, cloud=False, stack_name=choice.stack_name
    ), before


def pairs(told: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=VALUE``.

    Raises
    ------
    LakeCommandError
        When it is something else.
    """
    for one in told:
        if "=" not in one:
            raise LakeCommandError(f"--parameter {one}: a parameter is given as NAME=VALUE.")
    return dict(one.partition("=")[::2] for one in told)


def _check_names(root: Path, given: Mapping[str, str]) -> None:
    """Refuse parameters that the template has not: SAM ignores them without a word.

    Raises
    ------
    LakeCommandError
        With the first one.
    """
    template = (root / "template.yaml").read_text(encoding="utf-8")
    section = re.search(r"^Parameters:\n(.*?)^\w", template, re.MULTILINE | re.DOTALL)
    known = re.findall(r"^  (\w+):", section[1], re.MULTILINE) if section else []
    for name in given:
        if known and name not in known:
            advice = near(name, known, "docs/reference/parameters.md lists them.")
            raise LakeCommandError(f"The template has no parameter {name}: {advice}")


def _before(target: Target) -> Deployed:
    """Look at what is deployed, and refuse what cannot be deployed to.

    Raises
    ------
    LakeCommandError
        When the stack has to be mended first.
    """
    stack = target.stack()
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return Deployed()
    if said := health.of_stack(stack, target.stack_name):
        raise LakeCommandError(f"Nothing was deployed. {said[0]}")
    if stack["StackStatus"].endswith("_IN_PROGRESS"):
        raise LakeCommandError(
            f"Nothing was deployed. The stack {target.stack_name} is in {stack['StackStatus']}: "
            "another deployment is under way. Wait until it has ended."
        )
    return replace(
        look(target), contracts=asked(target, "ProcessorFunctionName", ASKING).get("contracts")
    )


def _say(root: Path, target: Target, before: Deployed, *, as_json: bool) -> None:
    shipped = load_folder(contracts_folder(root))
    after = replace(look(target), contracts={name: one.document for name, one in shipped.items()})
    told: dict[str, Any] = {
        "stack": target.stack_name,
        "region": target.session.region_name,
        "endpoint": target.endpoint,
        "new": not before.code,
        "database": after.database,
        **difference(before, after),
        "contracts": sorted(shipped),
        "models": sorted(one.stem for one in files_of(models_folder(root))),
    }
    commands, lost = follow(before, after), gone(before, after)
    if as_json:
        render.show_json(told | {"gone": lost, "next": list(commands)})
        return
    out.print(f"Deployed {render.plain(target.description)}.")
    nothing = "none" if told["new"] else "unchanged"
    if told["new"]:
        show_lines([f"database: {after.database}"])
    show_lines(
        f"{what}: {', '.join(told[key]) or empty}"
        for what, key, empty in (
            ("code of functions", "functions", nothing),
            ("parameters", "parameters", nothing),
            ("contracts in the functions", "contracts", "none"),
            ("models in the functions", "models", "none"),
        )
    )
    if lost:
        out.print("No longer in the functions:")
        show_lines(lost)
    if commands:
        out.print("Next:")
        show_lines(f"{unbroken(one)} {why}" for one, why in commands.items())
