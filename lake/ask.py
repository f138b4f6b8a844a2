"""The command `lake query`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from lake import query as athena
from lake import render
from lake.result import Shown, bounded, print_result

if TYPE_CHECKING:
    from lake.context import Choice


class SqlCommand(click.Command):
    """A command of which an argument may begin with a comment of SQL, which is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the command line."""
        return super().parse_args(ctx, [f" {a}" if re.match(r"--.*\s", a) else a for a in args])


def _one_word(_: click.Context, __: click.Parameter, words: tuple[str, ...]) -> str:
    """Give the one word that a statement is.

    Raises
    ------
    click.BadParameter
        When it was written without quotes, so that the shell made several words of it.
    """
    if len(words) > 1:
        raise click.BadParameter('write the SQL in quotes: lake query "SELECT …"')
    return words[0]


@click.command(cls=SqlCommand)
@click.argument("sql", callback=_one_word, nargs=-1, required=True, metavar="SQL")
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
