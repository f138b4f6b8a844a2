"""The server of the page."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from nicegui import app, ui

from lake.ui import files, live, models, put, query, refused, tables
from lake.ui.console import Console, shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from lake.target import Target
    from lake.ui.guard import Guard

_STATIC = Path(__file__).with_name("static")


def serve(target: Target, guard: Guard, tell: Callable[[], None], *, browser: bool) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    target : Target
        The lake.
    guard : Guard
        Who may see the page, and on which port.
    tell : callable
        Called once the page can be opened.
    browser : bool
        Whether the browser is to open it.
    """
    console = Console(shared(target))

    def started() -> None:
        tell()
        if browser:
            webbrowser.open(guard.address)

    app.on_startup(started)
    app.on_shutdown(console.close)
    app.add_middleware(guard.around)
    app.add_static_files("/static", _STATIC)
    for part in (live, tables, put, files, refused, query, models):
        part.register(console)
    try:
        ui.run(
            host="127.0.0.1",
            port=guard.port,
            title="Data lake",
            favicon=_STATIC / "lake.svg",
            dark=None,
            language="en-US",
            tailwind=False,
            reload=False,
            show=False,
            show_welcome_message=False,
            # A browser that leaves a page before it has it all is no error.
            uvicorn_logging_level="critical",
            timeout_graceful_shutdown=1,
        )
    except KeyboardInterrupt:
        # The server has ended by then, and gives the signal on.
        return
