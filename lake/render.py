"""Results as people and machines read them."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from lake import layout
from lake.layout import is_numeric, visible
from lake.pager import page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lake.query import Result

#: A number as JSON writes it (RFC 8259, section 6); NaN and Infinity are none.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")

_VIEW = "lake.view"

#: No first sentence of a docstring is longer.
_SENTENCE = 400


class Terminal(Console):
    """A console that shows data and never obeys it.

    No text is read as markup: what is to be bold or dim says so by ``style``. Control characters
    are spelled (:func:`lake.layout.visible`). Into a pipe no line is broken.
    """

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Spell what a terminal would obey; line feeds are the command's own."""
        return super().render_str(plain(text), **options)

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        """Print; only a terminal gets lines that fit."""
        whole = not self.is_terminal if soft_wrap is None else soft_wrap
        super().print(*objects, soft_wrap=whole, **options)


class Group(click.Group):
    """Several commands, of which the help says the whole first sentence; click cuts long ones."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, one.get_short_help_str(_SENTENCE)) for name, one in found if one]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@dataclass
class View:
    """How the user wants tables to be shown."""

    vertical: bool = False
    pager: bool = True


def listing(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how a command shows its tables."""

    def vertically(context: click.Context, _: click.Parameter, value: bool) -> None:
        _view_of(context).vertical = value

    def unpaged(context: click.Context, _: click.Parameter, value: bool) -> None:
        _view_of(context).pager = not value

    for option in (
        click.option(
            "--no-pager",
            is_flag=True,
            expose_value=False,
            callback=unpaged,
            help="Print what does not fit on the screen, too.",
        ),
        click.option(
            "-x",
            "--vertical",
            is_flag=True,
            expose_value=False,
            callback=vertically,
            help="One column a line.",
        ),
    ):
        command = option(command)
    return command


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="For programs.")(command)


def _view_of(context: click.Context | None) -> View:
    if context is None:
        return View()
    view: View = context.meta.setdefault(_VIEW, View())
    return view


def show_table(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    numeric: Sequence[bool],
    footer: str = "",
) -> None:
    r"""Print rows aligned under their columns, numbers to the right, null as a dim word.

    On a terminal the lines fit: long values are folded, and what would be hard to read so is
    shown with one column a line, as psql does (its ``\x auto``). What is longer than the screen
    goes through a pager. Into a pipe goes everything, and each row is one line.

    Parameters
    ----------
    console : rich.console.Console
        Where to.
    columns : sequence of str
        Headings.
    rows : sequence of sequences
        Values; None is null. An empty one is a blank line.
    numeric : sequence of bool
        Which columns hold numbers.
    footer : str
        A line for people below it; it goes to standard error where the rows go into a pipe.
    """
    view = _view_of(click.get_current_context(silent=True))
    width = console.width if console.is_terminal else None
    styled = console.is_terminal and console.color_system is not None
    lines = None
    if not view.vertical:
        lines = layout.aligned(columns, rows, numeric, width, styled=styled)
    if lines is None:
        lines = layout.vertical(columns, rows, width, styled=styled)
    if not console.is_terminal:
        console.file.writelines(f"{line}\n" for line in lines)
        if footer:
            click.echo(visible(footer), err=True)
        return
    text = "".join(f"{line}\n" for line in lines)
    below = textwrap.wrap(visible(footer), console.width, break_on_hyphens=False)
    fits = len(lines) + len(below) < console.height
    shown = "".join(f"\x1b[2m{one}\x1b[0m\n" if styled else f"{one}\n" for one in below)
    if fits or not view.pager or console.is_dumb_terminal or not page(text + shown):
        console.file.write(text + shown)


def paragraph(console: Console, label: str, text: str) -> None:
    """Print a text beside its label; on a terminal its lines stay to the right of the label."""
    lines = [plain(text)]
    if console.is_terminal:
        lines = textwrap.wrap(
            lines[0],
            max(console.width - len(label) - 1, 20),
            break_on_hyphens=False,
        )
    for number, line in enumerate(lines):
        console.print(bold(" " * len(label) if number else label), line, soft_wrap=True)


def size(count: int) -> str:
    """Give bytes in the unit that says them in three digits, as ``1.2 MB``."""
    number, units = float(count), ["B", "kB", "MB", "GB", "TB", "PB"]
    while number >= 999.5 and len(units) > 1:
        number /= 1000
        units.pop(0)
    return f"{number:.0f} B" if units[0] == "B" else f"{number:.3g} {units[0]}"


def bold(text: str) -> Text:
    """Give a label."""
    return Text(plain(text), "bold")


def plain(text: str) -> str:
    """Spell what a terminal would obey in a text of several lines."""
    return visible(text, but="\n")


def as_csv(result: Result) -> str:
    """Write a header line and one line a row; null is empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(result.rows)
    return buffer.getvalue()


def as_json(result: Result) -> str:
    """Write a list of objects, with the types that JSON has.

    Numbers keep all digits that Athena gave, booleans and nulls are JSON's; everything else is
    the text that Athena gives, also of arrays, maps and rows. NaN and Infinity are no numbers in
    JSON, so they are texts. Where columns share a name, the second is called ``name_2``.
    """
    names = [json.dumps(name, ensure_ascii=False) for name in _distinct(result.columns)]
    if not result.rows:
        return "[]"
    written = (
        ",\n".join(
            f"    {name}: {_value(text, kind)}"
            for name, text, kind in zip(names, row, result.types, strict=True)
        )
        for row in result.rows
    )
    return layout.escaped("[\n" + ",\n".join(f"  {{\n{row}\n  }}" for row in written) + "\n]")


def _value(text: str | None, kind: str) -> str:
    if text is None:
        return "null"
    if kind.lower() == "boolean" and text in ("true", "false"):
        return text
    if is_numeric(kind) and _NUMBER.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)


def _distinct(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        other, number = name, 1
        while other in found:
            number += 1
            other = f"{name}_{number}"
        found.append(other)
    return found


def to_json(value: object) -> str:
    """Write what a command found for programs."""
    return layout.escaped(json.dumps(value, indent=2, ensure_ascii=False))


def show_json(value: object) -> None:
    """Print what a command found for programs."""
    sys.stdout.write(to_json(value) + "\n")
