"""The button that ingests objects again, as `lake replay` does."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from lake import replaying
from lake.errors import LakeCommandError
from lake.files import objects
from lake.ledger import Filter
from lake.ui import page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nicegui.element import Element

    from lake.ledger import Item
    from lake.replaying import Chosen
    from lake.ui.console import Console

#: Seconds to wait, as the command does.
_PATIENCE = 900.0


def button(
    console: Console,
    keys: Sequence[str],
    place: Element,
    done: Callable[[], Awaitable[None]],
    text: str,
) -> None:
    """Make the button.

    Parameters
    ----------
    console : Console
        What all pages share.
    keys : sequence of str
        Of the objects.
    place : Element
        Where it is said what becomes of them. It is not within what ``done`` makes anew.
    done : callable
        Shows the part of the page anew that tells of them, and has the button.
    text : str
        Of the button.
    """

    async def ask() -> None:
        page.fill(place, partial(page.waiting, "Looking into the raw bucket…"))
        try:
            wanted = Filter(keys=keys)
            found = await page.in_thread(partial(replaying.choose, console.target, wanted))
            if not found.items:
                raise LakeCommandError(
                    "No object is left to ingest again: the raw bucket has none of them any more."
                )
        except Exception as error:
            page.fill(place, partial(page.problem, error))
            return
        lines = page.some(found.keys)
        if found.gone:
            lines.append(f"{objects(len(found.gone))} not in the raw bucket, and left out")
        lines.append("Their rows stay readable until the new ones replace them")
        question = f"Ingest {objects(len(found.items))} again?"
        page.fill(place, lambda: None)
        if await page.agreed(question, lines, "Ingest again"):
            await go(found)

    async def go(found: Chosen) -> None:
        page.usable(made, yes=False)
        ingesting = f"Ingesting {objects(len(found.items))}…"
        page.fill(place, partial(page.waiting, ingesting))
        items: list[Item] = []

        def show_trouble(why: str) -> None:
            page.waiting(ingesting)
            page.uneasy(why)

        try:
            async for one in page.told(partial(_replay, console, found)):
                if isinstance(one, str):
                    page.fill(place, partial(show_trouble, one))
                else:
                    items.append(one)
        except Exception as error:
            page.fill(place, partial(page.problem, error))
            return
        finally:
            page.usable(made, yes=True)
        counts = Counter(one.status for one in items)
        said = ", ".join(f"{count:,} {status}" for status, count in counts.items())
        left = len(found.items) - len(items)
        late = f"; {left:,} not yet: `lake files` says what becomes of them" if left else ""
        page.fill(place, partial(page.done, f"Ingested again: {said or 'none'}{late}."))
        await done()

    made = page.action(text, ask)


def _replay(console: Console, found: Chosen, tell: Callable[[Item | str], None]) -> None:
    replaying.send(console.target, found)
    for item in replaying.outcomes(console.target, found, _PATIENCE, tell):
        tell(item)
