"""The commands `lake env` and `lake completion`: what a shell is told by `eval`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from lake import render
from lake.context import state_folder
from lake.errors import LakeCommandError
from lake.local.state import LOCAL_CREDENTIALS
from lake.project import DEFAULT_STACK

if TYPE_CHECKING:
    from lake.context import Choice
    from lake.target import Target

#: Shells that click writes completions for.
_SHELLS = ("bash", "zsh", "fish")

_COMPLETE = "_LAKE_COMPLETE"


@click.command()
@click.option("--unset", is_flag=True, help="Print what removes the variables again.")
@render.json_option
@click.pass_obj
def env(choice: Choice, unset: bool, as_json: bool) -> None:
    """Print the variables by which other AWS clients find the lake: `eval "$(lake env)"`.

    For a lake in AWS these are region, profile and stack; no secret is printed.
    """
    found = variables(choice.target())
    if unset:
        # `lake env` set them, and the lake that it set them for may be down by now.
        found |= {n: None for n, v in LOCAL_CREDENTIALS.items() if os.environ.get(n) == v}
    if as_json:
        render.show_json({name: None if unset else value for name, value in found.items()})
        return
    for name, value in found.items():
        gone = unset or value is None
        click.echo(f"unset {name}" if gone else f"export {name}={shlex.quote(str(value))}")


def variables(target: Target) -> dict[str, str | None]:
    """Give the variables that lead to a lake; None for one that leads elsewhere.

    Parameters
    ----------
    target : Target
        The lake.
    """
    running = state_folder().read()
    region = target.session.region_name
    found: dict[str, str | None] = {"AWS_ENDPOINT_URL": target.endpoint}
    if running and target.endpoint == running.endpoint:
        found |= LOCAL_CREDENTIALS
    else:
        found |= {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}
        # A session without a profile is called default.
        if (profile := target.session.profile_name) != "default":
            found["AWS_PROFILE"] = profile
    if target.stack_name != DEFAULT_STACK:
        found["LAKE_STACK_NAME"] = target.stack_name
    return found


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.pass_context
def completion(context: click.Context, shell: str | None) -> None:
    """Print what makes SHELL complete command lines: `eval "$(lake completion bash)"`.

    Commands, options and their values are completed, and the names of tables, columns, models and
    raw keys. Without SHELL it is that of SHELL in the environment.
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    written = get_completion_class(name)
    if written is None:
        raise LakeCommandError(f"There is no completion for {name or 'this shell'}: name one.")
    click.echo(written(context.find_root().command, {}, "lake", _COMPLETE).source())
