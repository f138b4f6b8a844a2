"""The commands `lake retype` and `lake rebuild`."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from lake import facts, render, suggest
from lake.completion import COLUMN, DATASET
from lake.context import agree, counting, err, out
from lake.dating import Contracts
from lake.errors import LakeCommandError
from lake.files import objects, show_lines
from lake.rebuild import SETTLE, Rebuild
from lake.trouble import aws_said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lake.context import Choice
    from lake.rebuild import Progress as Seen

#: Seconds after which objects that are still left are announced again.
_AGAIN = 600.0

#: A worker takes a table for ten seconds to be as it was; one that has not seen a step yet would
#: write to where nobody reads.
_LEAST = 11.0

_SAID = {
    "ingesting": "ingesting",
    "settling": "waiting until every worker knows of it",
    "switched": "switched; waiting until every worker knows of it",
    "giving up": "switched; removing the rows that are given up",
}


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--timeout", default=3600.0, show_default=True, help="Seconds to wait."),
        click.option(
            "--settle",
            type=click.FloatRange(min=_LEAST),
            default=SETTLE,
            show_default=True,
            help="Seconds, waited twice, until every worker knows of a step.",
        ),
        render.json_option,
        click.option("--yes", is_flag=True, help="Do not ask, as --without-deleted does."),
        click.option(
            "--without-deleted",
            is_flag=True,
            help="Give up the rows of objects that were deleted, once the new ones are complete.",
        ),
        click.option(
            "--from-processed",
            is_flag=True,
            help="Make all rows of those of the table, and read no raw object: some are gone.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("column", metavar="DATASET.COLUMN", type=COLUMN)
@click.argument("kind", metavar="TYPE")
@_options
@click.pass_obj
def retype(choice: Choice, /, column: str, kind: str, **options: Any) -> None:
    """Give a column another type, such as double or decimal(10,2), and ingest its objects anew.

    The rows stay readable as they are until the new ones are complete. A run that was
    interrupted goes on when it is repeated.

    Exits with 2 where values did not fit: they are in _rescued_data.
    """
    dataset, _, name = column.partition(".")
    if not name:
        raise LakeCommandError(f"{column!r} is not like orders.price.")
    _run(choice, dataset, {name: kind.lower().replace(" ", "")}, **options)


@click.command()
@click.argument("dataset", type=DATASET)
@_options
@click.pass_obj
def rebuild(choice: Choice, /, dataset: str, **options: Any) -> None:
    """Ingest all objects of a dataset anew into files of their own, or go on with that.

    The rows stay readable as they are until the new ones are complete.

    Exits with 2 where values did not fit: they are in _rescued_data.
    """
    _run(choice, dataset, {}, **options)


def _run(
    choice: Choice,
    dataset: str,
    types: Mapping[str, str],
    *,
    without_deleted: bool,
    from_processed: bool,
    yes: bool,
    settle: float,
    timeout: float,
    as_json: bool,
) -> None:
    if without_deleted and from_processed:
        raise LakeCommandError(
            "--without-deleted gives up rows that --from-processed keeps: choose one."
        )
    if without_deleted:
        agree(
            f"Give up the rows of {dataset} whose raw objects were deleted?",
            yes=yes,
            else_say="--yes does not ask.",
            else_so="Nothing was given up.",
        )
    target = choice.target()
    for why in Contracts(target).undeployed([dataset]):
        err.print(why, style="yellow")
    work = Rebuild(
        target,
        dataset,
        settle,
        from_processed=from_processed,
        without_deleted=without_deleted,
    )
    try:
        work.start(types)
        seen = _rebuild(work, timeout)
    except (BotoCoreError, ClientError) as error:
        raise LakeCommandError(f"{aws_said(error)} The same command goes on.") from error
    _tell(dataset, types, seen, as_json=as_json)
    if seen.rescued:
        sys.exit(2)


def _tell(dataset: str, types: Mapping[str, str], seen: Seen, *, as_json: bool) -> None:
    if as_json:
        told = {"table": dataset, "objects": seen.objects, "rows": seen.rows}
        told |= {"rescued": seen.rescued, "drift": [asdict(one) for one in seen.drift]}
        render.show_json(told | {"types": dict(types)})
        return
    new = "".join(f"; {name} is {kind}" for name, kind in types.items())
    out.print(f"Table {dataset} was rebuilt: {_what(seen)}{new}.")
    show_lines(map(facts.drifted, seen.drift))
    if seen.rescued:
        out.print("Next:")
        show_lines([suggest.rescued_in(dataset)])


def _rebuild(work: Rebuild, timeout: float) -> Seen:
    err.print(
        f"Ingesting all objects of {work.dataset} again; its rows can be read meanwhile. That "
        f"takes {2 * work.settle:.0f} s longer than the ingestion.",
        style="dim",
    )
    began, announced = time.monotonic(), dict[str, float]()
    with counting() as bar:
        task = bar.add_task("starting", total=None)
        while (seen := work.advance()).step != "done":
            now = time.monotonic()
            if now - began > timeout:
                some = f", such as {seen.left[0]}" if seen.left else ""
                raise LakeCommandError(
                    f"{objects(len(seen.left))} left after {timeout:.0f} s{some}; `lake files "
                    f"--dataset {work.dataset}` says what became of them. "
                    f"`lake rebuild {work.dataset}` goes on."
                )
            if (
                seen.step in ("ingesting", "giving up")
                and now - announced.get(seen.step, float("-inf")) > _AGAIN
            ):
                work.announce()
                announced[seen.step] = now
            done = seen.objects - len(seen.left)
            bar.update(task, description=_SAID[seen.step], total=seen.objects, completed=done)
            time.sleep(1)
    return seen


def _what(seen: Seen) -> str:
    rows = f"{seen.rows:,} row{'s'[: seen.rows != 1]}"
    rescued = f", {seen.rescued:,} of them with values that did not fit" if seen.rescued else ""
    return f"{objects(seen.objects)}, {rows}{rescued}"
