"""What every command is given: where it prints, and which lake is meant."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from lake.errors import LakeCommandError
from lake.local.state import StateFolder
from lake.project import project_root
from lake.render import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import ProgressColumn

    from lake.target import Target

out = Terminal()
err = Terminal(stderr=True)


def progress(*columns: ProgressColumn) -> Progress:
    """Give a bar of such columns, on standard error, that is gone when it ends.

    Elsewhere than on a terminal there is none: each would leave an empty line.
    """
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def counting(*more: ProgressColumn) -> Progress:
    """Give a bar that counts what is done.

    Parameters
    ----------
    more : ProgressColumn
        What stands behind the count.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return progress(*columns, *more)


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Say on standard error what is being done, and after it how long that took."""
    began = time.monotonic()
    with err.status(f"{doing}…"):
        yield
    err.print(f"{doing}: {time.monotonic() - began:.0f} s", style="dim")


def state_folder() -> StateFolder:
    """Find where the local lake keeps its state."""
    named = os.environ.get("LAKE_STATE_DIR")
    path = Path(named) if named else project_root(Path.cwd()) / ".lake"
    # The server and SAM run in other folders than the caller's.
    return StateFolder(path.absolute())


@dataclass(frozen=True)
class Choice:
    """The flags that say which lake is meant."""

    local: bool
    cloud: bool
    stack_name: str
    region: str | None
    profile: str | None

    def is_local(self) -> bool:
        """Tell whether the lake that `lake up` started is meant, without asking any."""
        if self.local or self.cloud or self.profile:
            return self.local
        running, named = state_folder().read(), os.environ.get("AWS_ENDPOINT_URL")
        # `eval "$(lake env)"` names the local lake, too.
        return running is not None and (not named or named.rstrip("/") == running.endpoint)

    def target(self) -> Target:
        """Decide, and say what was decided."""
        # Commands that ask no lake do without boto3.
        from lake.target import choose

        try:
            running = state_folder().read()
        except LakeCommandError:
            running = None
        target = choose(
            os.environ,
            running.endpoint if running else None,
            local=self.local,
            cloud=self.cloud,
            stack_name=self.stack_name,
            region=self.region,
            profile=self.profile,
        )
        err.print(f"Using {target.description}.", style="dim")
        return target


def agree(question: str, *, yes: bool, else_say: str, else_so: str = "Nothing was done.") -> None:
    """Ask before something is done that cannot be taken back; end with 1 where that is denied.

    Parameters
    ----------
    question : str
        What would be done.
    yes : bool
        Whether the user said so already.
    else_say : str
        What to do where nobody can be asked.
    else_so : str
        What was not done, as one says where the answer is no.

    Raises
    ------
    LakeCommandError
        When nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise LakeCommandError(
            f'Nothing was done: this asks "{question}", and standard input is no terminal. '
            f"{else_say}"
        )
    if not click.confirm(question, err=True):
        err.print(else_so)
        sys.exit(1)
