"""The commands `lake up`, `lake stop` and `lake down`: the lake on this machine."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lake import render
from lake.context import agree, err, out, state_folder, step
from lake.errors import LakeCommandError
from lake.local import deploy as sam
from lake.local import process
from lake.local.python import of_functions
from lake.local.state import LOOPBACK
from lake.project import DEFAULT_STACK, project_root
from lake.target import choose

if TYPE_CHECKING:
    from lake.local.state import Running, StateFolder
    from lake.target import Target


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Else the last one, or from 4566.")
@click.option(
    "--bind", metavar="ADDRESS", help="An address to listen on besides 127.0.0.1; 0.0.0.0: all."
)
@render.json_option
@render.listing
def up(port: int | None, bind: str | None, as_json: bool) -> None:
    """Start a lake on this machine, with the data that it had, and deploy what changed."""
    running = bring_up(port, bind, quiet=as_json)
    if as_json:
        told = {"endpoint": running.endpoint, "environment": running.environment}
        render.show_json(told | {"outputs": _local(running).outputs})


def bring_up(port: int | None, bind: str | None = None, *, quiet: bool = False) -> Running:
    """Start what is not up, deploy what changed, say where everything is."""
    folder, root = state_folder(), project_root(Path.cwd())
    with process.owned(folder):
        running = folder.read()
        if running is None:
            running = _start(folder, root, port, bind)
            if not quiet:
                _say_where(running, folder)
            return running
        if port not in (None, running.port) or bind not in (None, running.bind):
            raise LakeCommandError(
                f"A local lake is up at {running.endpoint}: `lake stop` stops it first, and keeps "
                "its data."
            )
        if sam.is_deployed(root, running):
            err.print(f"Already up at {running.endpoint}.")
            named = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
            if named not in ("", running.endpoint):
                err.print(
                    f"AWS_ENDPOINT_URL of this shell is {named}: "
                    '`eval "$(lake --local env)"` names this lake.',
                    style="yellow",
                )
            return running
        running = _deploy(folder, root, running)
    if not quiet:
        _say_where(running, folder)
    return running


def _start(folder: StateFolder, root: Path, port: int | None, bind: str | None) -> Running:
    old = folder.holds_data()
    last, saved = folder.last(), folder.saved()
    if last is not None and not old:
        # Its first deployment was not finished.
        process.remove(folder)
        last = None
    bind, python = bind or LOOPBACK, of_functions(root)
    try:
        with step("Starting the local AWS, IAM enforced"), process.alone():
            chosen = process.free_port(port, last.port if last else None, bind)
            running = process.start(folder, chosen, bind, python)
        if old and saved is not None:
            err.print(
                f"The local AWS was killed. It had saved its state at "
                f"{datetime.fromtimestamp(saved).astimezone():%H:%M:%S on %d %B}: what happened in "
                "the seconds after is lost. `lake reconcile` finds objects that this concerns."
            )
        return running if sam.is_deployed(root, running) else _deploy(folder, root, running)
    except BaseException:
        # Also on Ctrl-C: what was not finished leaves nothing behind, and what was there stays.
        process.stop(folder) if old else process.remove(folder)
        raise


def _deploy(folder: StateFolder, root: Path, running: Running) -> Running:
    return sam.deploy(root, folder, running)


def _local(running: Running) -> Target:
    return choose({}, running.endpoint, local=True, cloud=False, stack_name=DEFAULT_STACK)


def _say_where(running: Running, folder: StateFolder) -> None:
    rows = list(_local(running).outputs.items())
    out.print(render.bold(f"The lake is up at {running.endpoint}"), "IAM enforced.", sep=", ")
    render.show_table(out, ["output", "value"], rows, [False, False])
    out.print('For other AWS clients (`eval "$(lake env)"` does it):')
    for name, value in running.environment.items():
        out.print(f"  export {name}={value}")
    out.print(f"Logs: {folder.log}")
    out.print("Next:")
    out.print("  lake put FILE --dataset NAME")
    if running.bind != LOOPBACK:
        out.print(
            f"It also listens on {running.bind}: whoever reaches that address can do everything "
            "in it with the key above."
        )


@click.command()
@render.json_option
def stop(as_json: bool) -> None:
    """Stop the lake that `lake up` started; `lake up` starts it again with its data."""
    folder = state_folder()
    with process.owned(folder):
        stopped = process.stop(folder)
    if as_json:
        render.show_json({"stopped": stopped})
    else:
        err.print(
            "Stopped; `lake up` starts it again with its data."
            if stopped
            else "No local lake is up."
        )


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@render.json_option
def down(yes: bool, as_json: bool) -> None:
    """Stop the lake that `lake up` started, and remove its data."""
    folder = state_folder()
    with process.owned(folder):
        if folder.holds_data():
            question = f"Remove the lake in {folder.path} with all its data?"
            agree(
                question,
                yes=yes,
                else_say="`lake down --yes` does; `lake stop` keeps it.",
                else_so="Nothing was removed.",
            )
        removed = process.remove(folder)
    if as_json:
        render.show_json({"removed": removed})
    else:
        err.print("Stopped and removed." if removed else "No local lake is up.")
