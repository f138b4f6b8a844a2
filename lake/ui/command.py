"""The command `lake ui`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from lake.context import err, out
from lake.errors import LakeCommandError
from lake.local.process import free_port
from lake.ui.guard import Guard

if TYPE_CHECKING:
    from lake.context import Choice

#: The first port that is tried. A local lake has those from 4566 on.
_FIRST_PORT = 4700


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"Else the first free one from {_FIRST_PORT} on.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.pass_obj
def ui(choice: Choice, port: int | None, no_browser: bool) -> None:
    """Show the lake in your browser: tables, files, refused records, queries, models.

    The page does what the commands do, with your credentials. It listens on 127.0.0.1 only, and
    only the printed address, which has a token, opens it. Ctrl-C ends it.
    """
    if find_spec("nicegui") is None:
        raise LakeCommandError(
            "`lake ui` needs NiceGUI, and it is not installed: in the project's folder "
            "`uv tool install '.[ui]'` or `pip install '.[ui]'` brings it."
        )
    target = choice.target()
    # What is wrong with the lake is said before a browser opens.
    _ = target.outputs
    guard = Guard(free_port(port, first=_FIRST_PORT))
    # It takes a second, which other commands need not wait.
    from lake.ui import server

    def tell() -> None:
        out.print(f"The page is at {guard.address}", soft_wrap=True)
        err.print("Ctrl-C ends it.", style="dim")

    server.serve(target, guard, tell, browser=not no_browser)
    err.print("The page is closed.")
