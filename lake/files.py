"""The command `lake files`, and how people and programs are shown an object of the ledger."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from lake import facts, layout, ledger, render, words
from lake.completion import DATASET, KEY
from lake.context import err, out
from lake.dating import Contracts
from lake.meant import meant
from lake.total import total
from store.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lake.context import Choice
    from lake.ledger import Item
    from lake.render import Terminal
    from lake.target import Target

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

#: States that an entry may have.
_STATUSES = [one.value for one in Status if one is not Status.SUPERSEDED]

#: States of which the notes of several objects are added up.
USUAL = frozenset({Status.DONE, Status.PARTIAL, Status.EMPTY})

#: What of an item people and programs are shown.
_SHOWN = (
    "key",
    "status",
    "dataset",
    "read",
    "accepted",
    "quarantined",
    "size",
    "milliseconds",
    "format",
    "compression",
    "rescued",
    "undated",
    "short",
    "columns_added",
    "date_column",
    "updated_at",
    "version",
    "reason",
    "detail",
)


class Instant(click.ParamType):
    """An ISO 8601 instant or date, or how long ago: ``90s``, ``15m``, ``2h``, ``7d``."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the instant in UTC, written as the ledger writes it."""
        if found := re.fullmatch(r"(\d+)([smhd])", value):
            moment = datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
        else:
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                self.fail(f"{value!r} is neither like 2024-01-15T12:00 nor like 2h.", param, ctx)
            # A time without a zone is the user's own.
            moment = moment.astimezone(UTC)
        return moment.isoformat(timespec="milliseconds")


class Day(click.ParamType):
    """An ISO date."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is none."""
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            self.fail(f"{value!r} is no date like 2024-01-15.", param, ctx)


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which objects are meant."""
    for option in reversed(
        (
            click.option(
                "--key",
                "keys",
                multiple=True,
                type=KEY,
                help="Raw key; one ending with * means all that begin so.",
            ),
            click.option("--dataset", "datasets", multiple=True, type=DATASET, help="Table."),
            click.option(
                "--status",
                "statuses",
                multiple=True,
                type=click.Choice(_STATUSES, case_sensitive=False),
                help="State in the ledger.",
            ),
            click.option(
                "--since",
                type=Instant(),
                help="Last changed since: 2024-01-15T12:00, 2h, 7d.",
            ),
            click.option("--until", type=Instant(), help="Last changed until."),
            click.option(
                "--from",
                "first_date",
                type=Day(),
                help="With rows of this date_partition or a later one.",
            ),
            click.option(
                "--to",
                "last_date",
                type=Day(),
                help="With rows of this date_partition or an earlier one.",
            ),
        )
    ):
        command = option(command)
    return command


def filter_of(named: dict[str, Any]) -> ledger.Filter:
    """Read what these options say."""
    return ledger.Filter(**{name: value for name, value in named.items() if value})


@click.command()
@filtered
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="Most recent ones only."
)
@render.json_option
@render.listing
@click.pass_obj
def files(choice: Choice, /, limit: int, as_json: bool, **named: Any) -> None:
    """Say what became of each object, the most recent first."""
    target, wanted = choice.target(), filter_of(named)
    found = recent(target, wanted)
    if not found and (said := meant(target, wanted)):
        err.print(said, soft_wrap=True)
    shown = [*map(Contracts(target).noted, found[:limit])]
    if as_json:
        render.show_json([plain(item) for item in shown])
        return
    _show(shown)
    _explain(shown)
    more = f", the most recent {limit} shown; --limit shows more" if len(found) > limit else ""
    err.print(f"{objects(len(found))}{more}", style="dim")


def recent(target: Target, wanted: ledger.Filter) -> list[Item]:
    """Give the objects that are meant, the most recent first."""
    return sorted(ledger.items(target, wanted), key=lambda item: item.updated_at, reverse=True)


def _show(items: Iterable[Item]) -> None:
    rows: list[list[object]] = [
        [
            item.key,
            item.status,
            item.read,
            item.quarantined,
            item.updated_at[:16].replace("T", " "),
        ]
        for item in items
    ]
    headings = ["object", "status", "read", "quarantined", "UTC"]
    render.show_table(out, headings, rows, [False, False, True, True, False])


def _explain(items: Iterable[Item]) -> None:
    """Say of which objects there is more to know, and what."""
    for item in items:
        if said := facts.notes(item):
            out.print()
            show_lines([item.key], first="", others="")
            show_lines(said)


def show_totals(
    items: Iterable[Item], looked_at: str, replaced: Mapping[str, int] | None = None
) -> None:
    """Say of each dataset what became of its objects, taken together.

    Parameters
    ----------
    items : iterable of Item
        Whose status is of :data:`USUAL`.
    looked_at : str
        As of :func:`lake.facts.notes`.
    replaced : mapping of str to int, optional
        How many of a dataset's objects had their key's rows before, where that is to be said.
    """
    datasets: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.dataset:
            datasets[item.dataset].append(item)
    for dataset, some in sorted(datasets.items()):
        counts = Counter(item.status for item in some).most_common()
        statuses = ", ".join(f"{count:,} {status}" for status, count in counts)
        files = f"{len(some):,} file{'s'[: len(some) != 1]}"
        show_lines([f"{dataset}: {files} ({statuses})"], first="", others="")
        whole = total(some)
        many = (replaced or {}).get(dataset)
        also = [f"{many:,} replaced a file that had its key before"] if many else []
        show_lines([*facts.outcome(whole), *also, *facts.notes(whole, looked_at)])


def show_lines(
    lines: Iterable[str],
    first: str = "  ",
    others: str = "    ",
    console: Terminal = out,
    style: str = "",
) -> None:
    """Print sentences, broken at their spaces where a terminal shows them, else whole."""
    width = console.width if console.is_terminal else 0
    for line in lines:
        # A line feed of the data would look like a line of ours.
        said = words.wrapped(layout.visible(line, but=words.FIXED), width, first, others)
        console.print(said, soft_wrap=True, style=style)


def plain(item: Item) -> dict[str, object]:
    """Give what programs are shown of an object."""
    return {name: getattr(item, name) for name in _SHOWN} | {
        "drift": [asdict(one) for one in item.drift],
        "guesses": list(item.guesses),
        "refused": [asdict(one) for one in item.refused],
        "added": list(item.added),
        "datelike": list(item.datelike),
        "no_dates": item.no_dates,
        "partitions": sorted(item.partitions),
        "outputs": list(item.outputs),
    }


def objects(count: int) -> str:
    """Count them in words."""
    return f"{count:,} object{'s'[: count != 1]}"
