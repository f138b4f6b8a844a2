"""The command `lake`."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click
from click.utils import PacifyFlushWrapper
from rich.text import Text

from lake.context import Choice, err
from lake.errors import LakeCommandError
from lake.project import DEFAULT_STACK
from lake.render import Group
from store.near import near

#: Each command, where it is, and how it is called there.
_COMMANDS = {
    "adopt": "lake.adopt:adopt",
    "completion": "lake.shell:completion",
    "contract": "lake.contract:contract",
    "cost": "lake.cost:cost",
    "crawl": "lake.crawl:crawl",
    "curate": "lake.curate:curate",
    "deploy": "lake.deploy:deploy",
    "describe": "lake.browse:describe",
    "destroy": "lake.destroy:destroy",
    "doctor": "lake.doctor:doctor",
    "down": "lake.local.up:down",
    "env": "lake.shell:env",
    "files": "lake.files:files",
    "invoke": "lake.invoke:invoke",
    "logs": "lake.logs:logs",
    "model": "lake.model:model",
    "models": "lake.curate:models_of",
    "profile": "lake.browse:profile",
    "put": "lake.put:put",
    "query": "lake.ask:query",
    "rebuild": "lake.retype:rebuild",
    "reconcile": "lake.operations:reconcile_lake",
    "redrive": "lake.operations:redrive",
    "replay": "lake.operations:replay",
    "retype": "lake.retype:retype",
    "rm": "lake.rm:rm",
    "sample": "lake.browse:sample",
    "status": "lake.status:status",
    "stop": "lake.local.up:stop",
    "tables": "lake.browse:tables",
    "ui": "lake.ui.command:ui",
    "up": "lake.local.up:up",
}  # fmt: skip


class Commands(Group):
    """The commands, of which only the one that runs is imported: all of them take a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command."""
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which command a misspelt one may be."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if asked := near(args[0], self.list_commands(ctx), ""):
                error.message = f"{error.message.rstrip('.')}: {asked}"
            raise

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command by its name."""
        if cmd_name in _COMMANDS and cmd_name not in self.commands:
            module, _, name = _COMMANDS[cmd_name].partition(":")
            self.add_command(getattr(import_module(module), name), cmd_name)
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
        # It knows boto3's exceptions, and so imports it.
        from lake.trouble import explain

        said = explain(error)
        if said is None:
            raise
        _fail(said)


def _fail(said: str, code: int = 1) -> NoReturn:
    err.print(Text("Error:", "bold red"), said)
    sys.exit(code)


if __name__ == "__main__":
    run()
