"""The commands `lake retype` and `lake rebuild`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import ClientError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from lake.context import err, out
from lake.errors import LakeCommandError
from lake.rebuild import SETTLE, Rebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lake.context import Choice

#: Seconds after which objects that are still left are announced again.
_AGAIN = 600.0

_SAID = {
    "ingesting": "ingesting",
    "settling": "waiting for workers that began before",
    "switched": "switched; waiting for workers that began before",
}


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--timeout", default=3600.0, show_default=True, help="Seconds to wait."),
        click.option(
            "--settle",
            default=SETTLE,
            show_default=True,
            help="Seconds that workers may remember a table.",
        ),
        click.option(
            "--without-deleted",
            is_flag=True,
            help="Give up the rows of objects that were deleted from the raw bucket.",
        ),
        click.option(
            "--from-processed",
            is_flag=True,
            help="Read the rows of the table, not the raw objects: where these are gone.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("column", metavar="DATASET.COLUMN")
@click.argument("kind", metavar="TYPE")
@_options
@click.pass_obj
def retype(choice: Choice, /, column: str, kind: str, **options: Any) -> None:
    """Give a column another type, such as double or decimal(10,2), and ingest its objects anew.

    The rows stay readable as they are until the new ones are complete. A run that was
    interrupted goes on when it is repeated.
    """
    dataset, _, name = column.partition(".")
    if not name:
        raise LakeCommandError(f"{column!r} is not like orders.price.")
    _run(choice, dataset, {name: kind.lower().replace(" ", "")}, **options)


@click.command()
@click.argument("dataset")
@_options
@click.pass_obj
def rebuild(choice: Choice, /, dataset: str, **options: Any) -> None:
    """Ingest all objects of a dataset anew into files of their own, or go on with that.

    The rows stay readable as they are until the new ones are complete.
    """
    _run(choice, dataset, {}, **options)


def _run(
    choice: Choice,
    dataset: str,
    types: Mapping[str, str],
    *,
    without_deleted: bool,
    from_processed: bool,
    settle: float,
    timeout: float,
) -> None:
    if without_deleted and from_processed:
        raise LakeCommandError(
            "--without-deleted gives up rows that --from-processed keeps: choose one."
        )
    work = Rebuild(choice.target(), dataset, settle, from_processed=from_processed)
    try:
        _rebuild(work, types, timeout, without_deleted)
    except ClientError as error:
        raise LakeCommandError(f"AWS refused: {error}. The same command goes on.") from error


def _rebuild(
    work: Rebuild, types: Mapping[str, str], timeout: float, without_deleted: bool
) -> None:
    work.start(types, without_deleted=without_deleted)
    began, announced = time.monotonic(), float("-inf")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        while (seen := work.advance()).step != "done":
            now = time.monotonic()
            if now - began > timeout:
                some = f", such as {seen.left[0]}" if seen.left else ""
                raise LakeCommandError(
                    f"{len(seen.left):,} objects are left after {timeout:.0f} s{some}; `lake files "
                    f"--dataset {work.dataset}` says what became of them. "
                    f"`lake rebuild {work.dataset}` goes on."
                )
            if seen.step == "ingesting" and now - announced > _AGAIN:
                work.announce(without_deleted=without_deleted)
                announced = now
            done = seen.objects - len(seen.left)
            bar.update(task, description=_SAID[seen.step], total=seen.objects, completed=done)
            time.sleep(1)
    out.print(f"Table {work.dataset} was rebuilt: {seen.objects:,} objects.")
