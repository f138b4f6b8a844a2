"""What every page is made of: its frame, texts, tables, and how it waits and asks.

Whatever comes from the lake is shown as text: :class:`Text` gives it to the browser as such, and
spells what would not be seen. No element that interprets HTML is given data.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlencode

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from lake.layout import visible
from lake.trouble import explain
from lake.words import loose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

    from nicegui.element import Element

    from lake.ui.console import Console

T = TypeVar("T")

#: Name and address of each page, in the order in which they are listed.
PAGES = {
    "Live": "/",
    "Tables": "/tables",
    "Upload": "/upload",
    "Files": "/files",
    "Refused": "/refused",
    "Query": "/query",
    "Models": "/models",
}

#: How the page looks, and what comes next: as the browser, light, dark.
_LOOKS = {None: "auto", False: "light", True: "dark"}
_NEXT = {None: False, False: True, True: None}


class Text(TextElement):
    """An element with a text, in which nothing is interpreted.

    Parameters
    ----------
    tag : str
        Of HTML.
    value : object
        The text; None is null.
    classes : str
        Of the style sheet.
    """

    def __init__(self, tag: str, value: object, classes: str = "") -> None:
        text = "null" if value is None else visible(str(value), but="\n\t")
        super().__init__(tag=tag, text=text)
        self.classes(f"{classes} null" if value is None else classes)


def prose(tag: str, said: str, classes: str = "") -> None:
    """Show a sentence of the command's, in which what stands between backticks is code."""
    with group(tag, classes):
        for number, part in enumerate(said.split("`")):
            if part:
                Text("code" if number % 2 else "span", part)


def group(tag: str = "div", classes: str = "", **props: str) -> Element:
    """Make an element that holds others; underscores of names of attributes are hyphens."""
    element = ui.element(tag).classes(classes)
    for name, value in props.items():
        element.props[name.replace("_", "-")] = value
    return element


def address(path: str, **query: str) -> str:
    """Give the address of a page; what is empty is left out."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{asked}" if asked else path


def link(text: str, path: str, classes: str = "", **query: str) -> Element:
    """Make a link to another page."""
    return ui.link(visible(text), address(path, **query)).classes(classes)


@contextmanager
def frame(console: Console, section: str, title: str = "") -> Iterator[None]:
    """Make the frame of a page: header, navigation, heading.

    Parameters
    ----------
    console : Console
        What all pages share.
    section : str
        One of :data:`PAGES`.
    title : str
        The heading; else the section.
    """
    heading = visible(title or section)
    ui.page_title(f"{heading} · Data lake")
    ui.add_head_html('<link rel="stylesheet" href="/static/console.css">')
    dark = ui.dark_mode(console.is_dark)
    with ui.header(elevated=False).classes("bar"):
        with group("div", "brand"):
            Text("span", "Data lake", "name")
            Text("span", console.target.description, "which").props["title"] = visible(
                console.target.description
            )
        with group("nav", "sections", aria_label="Sections"):
            for name, path in PAGES.items():
                one = link(name, path)
                if name == section:
                    one.props["aria-current"] = "page"
        button = ui.button(color=None).props("flat no-caps dense").classes("looks")

        def show_looks() -> None:
            button.set_text(f"Colours: {_LOOKS[console.is_dark]}")

        def next_looks() -> None:
            console.is_dark = _NEXT[console.is_dark]
            dark.set_value(console.is_dark)
            show_looks()

        show_looks()
        button.on_click(next_looks)
    with group("div", "content") as content:
        Text("h1", heading)
        yield
    ui.skip_link("Skip to the content", target=content)


def problem(error: BaseException) -> None:
    """Say what went wrong, as the command says it; a fault of our own goes to the terminal."""
    said = explain(error)
    if said is None:
        traceback.print_exception(error, file=sys.stderr)
        said = (
            f"This is a fault of `lake ui` itself ({type(error).__name__}). The terminal in which "
            "it runs shows more; please report it."
        )
    with group("div", "problem", role="alert"):
        # More than a line marks a place in a query.
        if "\n" in said:
            Text("pre", said)
        else:
            prose("p", said)


def fill(place: Element, draw: Callable[[], object]) -> None:
    """Show something in a place instead of what is there; nothing once its page was left."""
    if place.is_deleted:
        return
    place.clear()
    with place:
        draw()


def usable(button: ui.button, *, yes: bool) -> None:
    """Let a button be pressed, or not; nothing once its page was left."""
    if not button.is_deleted:
        button.set_enabled(yes)


def uneasy(trouble: str) -> None:
    """Say why something may take so long."""
    with group("div", "problem", role="alert"):
        prose("p", trouble)


def done(said: str) -> None:
    """Say what was done."""
    with group("div", "said", role="status"):
        Text("p", said)


def waiting(what: str) -> None:
    """Say that something takes its time."""
    with group("div", "waiting", role="status"):
        ui.spinner(size="1.2em").props("aria-hidden=true")
        Text("span", what)


def nothing(what: str) -> Element:
    """Say that there is nothing, and give room for what to do."""
    with group("div", "nothing") as place:
        Text("p", what)
    return place


async def in_thread(work: Callable[[], T]) -> T:
    """Run a function that waits, such as for AWS, so that the page does not.

    Its thread does not keep the process: Ctrl-C ends that whatever it waits for.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(act: Callable[[Any], None], what: object) -> None:
        if not future.done():
            act(what)

    def run() -> None:
        act: Callable[[Any], None]
        try:
            act, what = future.set_result, cast("object", work())
        except Exception as error:
            act, what = future.set_exception, error
        with suppress(RuntimeError):
            # The loop is closed once the server has ended.
            loop.call_soon_threadsafe(settle, act, what)

    threading.Thread(target=run, daemon=True).start()
    return await future


async def shown(
    place: Element, what: str, work: Callable[[], T], draw: Callable[[T], None]
) -> None:
    """Show what a function finds, which runs in a thread, and until then that one waits.

    Parameters
    ----------
    place : Element
        What is in it is replaced.
    what : str
        What is done, such as ``Counting…``.
    work : callable
        Asks the lake.
    draw : callable
        Given what was found.
    """
    fill(place, partial(waiting, what))
    try:
        found = await in_thread(work)
    except Exception as error:
        fill(place, partial(problem, error))
    else:
        fill(place, partial(draw, found))


async def told(work: Callable[[Callable[[T], None]], None]) -> AsyncIterator[T]:
    """Run a function in a thread, and give what it tells as soon as it does.

    Parameters
    ----------
    work : callable
        Given what it calls to tell something; what it raises is raised here.

    Yields
    ------
    object
        What it told.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[T] | None] = asyncio.Queue()

    def tell(one: T) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, (one,))

    def run() -> None:
        try:
            work(tell)
        finally:
            loop.call_soon_threadsafe(queue.put_nowait, None)

    task = asyncio.create_task(in_thread(run))
    while (one := await queue.get()) is not None:
        yield one[0]
    await task


def load(
    what: str, work: Callable[[], T], draw: Callable[[T], None]
) -> Callable[[], Awaitable[None]]:
    """Make a part that shows what a function finds; give what shows it anew.

    Parameters are those of :func:`shown`.
    """
    place = group("div", "part")
    # Also before the browser has connected.
    fill(place, partial(waiting, what))

    async def again() -> None:
        await shown(place, what, work, draw)

    ui.timer(0, again, once=True)
    return again


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    numeric: Sequence[bool] = (),
) -> None:
    """Make a table of a few rows.

    Parameters
    ----------
    caption : str
        What it shows, for people who do not see it.
    heads : sequence of str
        Names of the columns.
    rows : iterable of sequences
        Values; a function makes an element in the cell.
    numeric : sequence of bool
        Which columns are written to the right.
    """
    right = [*numeric, *[False] * (len(heads) - len(numeric))]
    # What is wider than the page is reached by the keyboard, too.
    outer = group("div", "wide-box", tabindex="0", role="region", aria_label=caption)
    with outer, group("table"):
        Text("caption", caption, "unseen")
        with group("thead"), group("tr"):
            for head, is_right in zip(heads, right, strict=True):
                Text("th", head, "right" if is_right else "").props["scope"] = "col"
        with group("tbody"):
            for row in rows:
                with group("tr"):
                    for value, is_right in zip(row, right, strict=True):
                        _cell(value, "right" if is_right else "")


def _cell(value: object, classes: str) -> None:
    if not callable(value):
        Text("td", value, classes)
        return
    with group("td", classes):
        value()


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Make a list of names and values."""
    with group("dl", "facts"):
        for name, value in pairs:
            with group("div"):
                Text("dt", name)
                if callable(value):
                    with group("dd"):
                        value()
                else:
                    Text("dd", value)


def some(lines: Sequence[str], most: int = 8) -> list[str]:
    """Give lines; of more than so many the first, and how many more there are."""
    more = [f"… and {len(lines) - most:,} more"] if len(lines) > most else []
    return [*lines[:most], *more]


def sentences(lines: Iterable[str]) -> None:
    """Make a list of sentences."""
    said = list(lines)
    if said:
        with group("ul", "sentences"):
            for line in said:
                prose("li", loose(line))


def status(value: str) -> None:
    """Show a status of the ledger; its word says it, and its colour, too."""
    Text("span", value, f"status {value.lower()}")


def action(
    text: str, act: Callable[[], Awaitable[Any] | Any], *, primary: bool = False
) -> ui.button:
    """Make a button."""
    look = "unelevated color=primary" if primary else "outline"
    return ui.button(text, on_click=act, color=None).props(f"no-caps {look}").classes("action")


async def agreed(question: str, lines: Iterable[str], yes: str) -> bool:
    """Ask before something is written; give whether the user agrees."""
    with ui.dialog() as dialog, ui.card().classes("question"):
        dialog.props["aria-label"] = question
        Text("h2", question)
        sentences(lines)
        with group("div", "actions"):
            action("Cancel", lambda: dialog.submit(False))
            action(yes, lambda: dialog.submit(True), primary=True)
    answer = await dialog
    if not dialog.is_deleted:
        dialog.delete()
    return bool(answer)
