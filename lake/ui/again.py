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

#: So many keys are listed before it is asked.
_LISTED = 8


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
        place.clear()
        with place:
            page.waiting("Looking into the raw bucket…")
        try:
            wanted = Filter(keys=keys)
            found = await page.in_thread(partial(replaying.choose, console.target, wanted))
            if not found.items:
                raise LakeCommandError(
                    "No object is left to ingest again: the raw bucket has none of them any more."
                )
        except Exception as error:
            _show_problem(error)
            return
        place.clear()
        lines = found.keys[:_LISTED]
        lines += [f"… and {len(found.items) - _LISTED:,} more"][: len(found.items) > _LISTED]
        if found.gone:
            lines.append(f"{objects(len(found.gone))} not in the raw bucket, and left out")
        lines.append("Their rows stay readable until the new ones replace them")
        with place:
            question = f"Ingest {objects(len(found.items))} again?"
            if not await page.agreed(question, lines, "Ingest again"):
                return
        await go(found)

    async def go(found: Chosen) -> None:
        made.disable()
        with place:
            page.waiting(f"Ingesting {objects(len(found.items))}…")
        items: list[Item] = []
        try:
            async for one in page.told(partial(_replay, console, found)):
                if isinstance(one, str):
                    place.clear()
                    with place:
                        page.waiting(f"Ingesting {objects(len(found.items))}…")
                        page.uneasy(one)
                else:
                    items.append(one)
        except Exception as error:
            _show_problem(error)
            return
        finally:
            made.enable()
        counts = Counter(one.status for one in items)
        said = ", ".join(f"{count:,} {status}" for status, count in counts.items())
        left = len(found.items) - len(items)
        late = f"; {left:,} not yet: `lake files` says what becomes of them" if left else ""
        place.clear()
        with place:
            page.done(f"Ingested again: {said or 'none'}{late}.")
        await done()

    def _show_problem(error: BaseException) -> None:
        place.clear()
        with place:
            page.problem(error)

    made = page.action(text, ask)


def _replay(console: Console, found: Chosen, tell: Callable[[Item | str], None]) -> None:
    replaying.send(console.target, found)
    for item in replaying.outcomes(console.target, found, _PATIENCE, tell):
        tell(item)
