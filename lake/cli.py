"""The command `lake`."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.utils import PacifyFlushWrapper
from rich.text import Text

from lake import crawl as crawling
from lake import operations, render
from lake import query as athena
from lake.adopt import adopt
from lake.browse import describe, profile, sample, tables
from lake.context import Choice, agree, err, out, state_folder
from lake.contract import contract
from lake.cost import cost
from lake.curate import curate, models_of
from lake.deploy import deploy
from lake.destroy import destroy
from lake.doctor import doctor
from lake.errors import LakeCommandError
from lake.files import files
from lake.local import deploy as sam
from lake.local import process
from lake.local.state import LOOPBACK
from lake.logs import logs
from lake.model import model
from lake.put import put
from lake.result import Shown, bounded, print_result
from lake.retype import rebuild, retype
from lake.rm import rm
from lake.shell import completion, env
from lake.status import status
from lake.target import DEFAULT_STACK, choose
from lake.trouble import explain

if TYPE_CHECKING:
    from lake.local.state import Running, StateFolder
    from lake.target import Target


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--local", is_flag=True, help="The lake on this machine.")
@click.option("--cloud", is_flag=True, help="The lake in the AWS account of your credentials.")
@click.option(
    "--stack-name",
    default=DEFAULT_STACK,
    envvar="LAKE_STACK_NAME",
    show_default=True,
    help="The deployed stack.",
)
@click.option("--region", help="AWS region; else that of your configuration.")
@click.option("--profile", help="Profile of your AWS configuration.")
@click.version_option(package_name="data-lake", message="lake %(version)s")
@click.pass_context
def main(
    context: click.Context,
    local: bool,  # click passes every option so
    cloud: bool,  # likewise
    stack_name: str,
    region: str | None,
    profile: str | None,
) -> None:
    """Work with a data lake, on this machine or in AWS.

    Without --local or --cloud: AWS_ENDPOINT_URL where it is set, else the local lake
    where one is up, else AWS.

    Exit codes: 0 all is well, 1 it failed, 2 something was refused or rescued, 64 the command
    line is wrong, 130 Ctrl-C.
    """
    context.obj = Choice(local, cloud, stack_name, region, profile)


@main.command()
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
    folder, root = state_folder(), sam.project_root(Path.cwd())
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
    bind = bind or LOOPBACK
    try:
        with err.status("Starting the local AWS, IAM enforced…"), process.alone():
            chosen = process.free_port(port, last.port if last else None, bind)
            running = process.start(folder, chosen, bind)
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
    with err.status("sam build, sam deploy…"):
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
    if running.bind != LOOPBACK:
        out.print(
            f"It also listens on {running.bind}: whoever reaches that address can do everything "
            "in it with the key above."
        )


@main.command()
@render.json_option
def stop(as_json: bool) -> None:
    """Stop the lake that `lake up` started; `lake up` starts it again with its data."""
    folder = state_folder()
    with process.owned(folder):
        stopped = process.stop(folder)
    if as_json:
        render.show_json({"stopped": stopped})
    else:
        err.print("Stopped." if stopped else "No local lake is up.")


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@render.json_option
def down(yes: bool, as_json: bool) -> None:
    """Stop the lake that `lake up` started, and remove its data."""
    folder = state_folder()
    with process.owned(folder):
        if folder.holds_data():
            question = f"Remove the lake in {folder.path} with all its data?"
            agree(question, yes=yes, else_say="`lake down --yes` does; `lake stop` keeps it.")
        removed = process.remove(folder)
    if as_json:
        render.show_json({"removed": removed})
    else:
        err.print("Stopped and removed." if removed else "No local lake is up.")


class SqlCommand(click.Command):
    """A command of which an argument may begin with a comment of SQL, which is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the command line."""
        return super().parse_args(ctx, [f" {a}" if re.match(r"--.*\s", a) else a for a in args])


@main.command(cls=SqlCommand)
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print the rows.",
)
@render.json_option
@render.listing
@bounded
@click.pass_obj
def query(
    choice: Choice, sql: str, form: str, as_json: bool, limit: int | None, lineage: bool
) -> None:
    """Run SQL through Athena and print its rows; - reads the SQL from standard input.

    --json is short for --format json.
    """
    text = sys.stdin.read() if sql == "-" else sql
    # A column that the text names is asked for.
    shown = Shown("json" if as_json else form, limit, lineage=lineage, named=text)
    print_result(athena.run(choice.target(), text, most=shown.most), shown)


@main.command()
@click.option("--wait", is_flag=True, help="Wait until the crawl has ended.")
@render.json_option
@render.listing
@click.pass_obj
def crawl(choice: Choice, wait: bool, as_json: bool) -> None:
    """Run the crawler; it finds what was put into the lake by other means."""
    found = crawling.run(choice.target(), wait=wait)
    if as_json:
        render.show_json(asdict(found))
    else:
        rows = [[k, ", ".join(v) if isinstance(v, list) else v] for k, v in asdict(found).items()]
        render.show_table(out, ["what", "value"], rows, [False, False])
    if wait and found.status != "SUCCEEDED":
        sys.exit(1)


for command in (
    tables,
    describe,
    sample,
    profile,
    put,
    files,
    operations.replay,
    operations.redrive,
    operations.reconcile_lake,
    retype,
    rebuild,
    adopt,
    deploy,
    destroy,
    cost,
    doctor,
    status,
    logs,
    rm,
    contract,
    models_of,
    curate,
    model,
    env,
    completion,
):
    main.add_command(command)


#: What a shell says of a program that ended since nobody read what it wrote: 128 and SIGPIPE.
_UNREAD = 141


def run(command: Any = main) -> None:
    """Run the command; say a failure as one clear message.

    Exits with 1 for a failure, with 64 for a command line that is not understood (``EX_USAGE`` of
    sysexits.h), with 130 after Ctrl-C and with 141 where nobody reads what is printed, as a shell
    says of a program that a signal ended.
    """
    try:
        # Completion looks for a variable of this name.
        command(prog_name="lake", standalone_mode=False)
        # Not when Python ends: it could only complain then.
        sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        err.print("Interrupted.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_UNREAD)
    except SystemExit:
        # Click has noticed the same, and ends with 1.
        if isinstance(sys.stdout, PacifyFlushWrapper):
            sys.exit(_UNREAD)
        raise
    except click.UsageError as error:
        if error.ctx:
            err.print(error.ctx.get_usage(), soft_wrap=True)
        _fail(error.format_message(), os.EX_USAGE)
    except click.ClickException as error:
        _fail(error.format_message())
    except LakeCommandError as error:
        _fail(str(error))
    except Exception as error:
        said = explain(error)
        if said is None:
            raise
        _fail(said)


def _fail(said: str, code: int = 1) -> NoReturn:
    err.print(Text("Error:", "bold red"), said)
    sys.exit(code)


if __name__ == "__main__":
    run()
