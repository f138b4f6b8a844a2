"""The command `lake put`."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn

from lake import facts, render, sources, suggest, upload, words
from lake.completion import DATASET
from lake.context import counting, err, out, progress
from lake.files import USUAL, plain, show_lines, show_totals
from lake.layout import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.context import Choice
    from lake.sources import Found
    from lake.target import Target
    from lake.upload import Fate, Uploaded

#: So many commands are worth reading.
_ADVICE = 5

#: So many files are listed; of more those that were not ingested.
_FEW = 10

#: Exit codes: some records were refused or rescued; a file was not ingested.
_PARTLY, _FAILED = 2, 1


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--dataset",
    type=DATASET,
    help="Folder below data/; without it the table is processed_table.",
)
@click.option("--name", default="", help="What standard input is called, such as orders.csv.")
@click.option(
    "--timeout", default=300.0, show_default=True, help="Seconds to wait without any news."
)
@render.json_option
@click.pass_obj
def put(
    choice: Choice,
    files: tuple[str, ...],
    dataset: str | None,
    name: str,
    timeout: float,
    as_json: bool,
) -> None:
    """Upload FILES and wait until the fate of each is known.

    FILES are files, folders, patterns such as 'in/**/*.csv', objects such as s3://bucket/folder/,
    or - for standard input. A folder's files keep their paths below it; without --dataset its
    folders are the datasets. Hidden files are left out.

    Exit codes: 0 each record is a row, and each value is in its column, 1 a file was not ingested,
    or its fate is not known, 2 some records were refused, or some values rescued.
    """
    # Before any lake is asked: what is wrong with the names is wrong everywhere.
    sources.find(None, files, dataset, name)
    target = choice.target()
    found = put_files(target, files, dataset, timeout, name=name, as_json=as_json)
    if not all(fate.is_accepted for fate in found):
        sys.exit(_FAILED)
    if not all(fate.is_whole for fate in found):
        sys.exit(_PARTLY)


def put_files(
    target: Target,
    named: Sequence[str],
    dataset: str | None,
    timeout: float,
    *,
    name: str = "",
    as_json: bool = False,
    advise: bool = True,
) -> list[Fate]:
    """Upload with a progress bar, wait, and say of each file what became of it, and what next."""
    chosen = sources.find(target, named, dataset, name)
    if chosen.hidden:
        err.print(f"{chosen.hidden:,} hidden files were left out.", style="dim")
    found = _awaited(target, _uploaded(target, chosen), timeout)
    if as_json:
        render.show_json([_plain(fate) for fate in found])
    else:
        _show(found, target.parameters.get("DateColumns", ""), advise=advise)
    return found


def _uploaded(target: Target, chosen: Found) -> list[Uploaded]:
    size = sum(source.size for source in chosen.sources.values())
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    with progress(*columns) as bar:
        count = len(chosen.sources)
        task = bar.add_task("uploading", total=size or None)
        uploads = []
        for one in upload.upload(target, chosen.sources, lambda n: bar.advance(task, n)):
            uploads.append(one)
            bar.update(task, description=f"uploaded {len(uploads):,} of {count:,}")
    return uploads


def _awaited(target: Target, uploads: list[Uploaded], timeout: float) -> list[Fate]:
    with counting(TimeElapsedColumn()) as bar:
        task = bar.add_task("ingesting", total=len(uploads))

        def uneasy(trouble: str) -> None:
            # A line of its own stays when the bar is gone.
            bar.console.print(trouble, style="yellow")

        found = []
        waiting = {one.key for one in uploads}
        for fate in upload.fates(target, uploads, timeout, uneasy):
            found.append(fate)
            waiting.discard(fate.uploaded.key)
            last = f"ingesting {next(iter(waiting)).rpartition('/')[2]}" if waiting else "ingested"
            bar.update(task, advance=1, description=visible(last))
    return found


def _plain(fate: Fate) -> dict[str, object]:
    known = plain(fate.item) if fate.item else {"key": fate.uploaded.key}
    told = {"status": fate.status, "seconds": round(fate.seconds, 1), "trouble": fate.trouble}
    return known | told | {"replaced": fate.uploaded.replaced, "next": words.loose(advice(fate))}


def _show(found: list[Fate], looked_at: str, *, advise: bool = True) -> None:
    if len(found) == 1:
        (only,) = found
        show_lines([only.uploaded.key], first="", others="")
        show_lines([verdict(only), *notes(only, looked_at)])
    else:
        _show_several(found, looked_at)
    commands = suggest.several([fate.item for fate in found if fate.item])
    commands += [advice(fate) for fate in found if not fate.item]
    if commands and advise:
        out.print("Next:")
        show_lines(commands[:_ADVICE])
        if more := commands[_ADVICE:]:
            show_lines([f"and {words.count(len(more), 'command')} more: --json names them all"])


def _show_several(found: list[Fate], looked_at: str) -> None:
    listed = found if len(found) <= _FEW else [one for one in found if not one.is_accepted][:_FEW]
    for fate in listed:
        show_lines([fate.uploaded.key], first="", others="")
        show_lines([verdict(fate)])
        if fate.status not in USUAL:
            show_lines(notes(fate, looked_at))
    left = sum(not one.is_accepted for one in found) - sum(not one.is_accepted for one in listed)
    if left:
        out.print(f"and {left:,} more that were not ingested: `lake files` lists them")
    usual = [one for one in found if one.status in USUAL]
    replaced = Counter(one.item.dataset for one in usual if one.item and one.uploaded.replaced)
    show_totals([one.item for one in usual if one.item], looked_at, replaced)


def advice(fate: Fate) -> str:
    """Give the command that is worth trying next; empty where there is nothing to do."""
    return suggest.one(fate.item) if fate.item else suggest.look_up(fate.uploaded.key)


def verdict(fate: Fate) -> str:
    """Say in a line what became of a file."""
    item = fate.item
    if item is None:
        why = fate.trouble or "nothing is known of it"
        return f"{fate.status} after {fate.seconds:.0f}{words.FIXED}s: {why}"
    counts = ""
    if item.read or item.status in USUAL:
        counts = (
            f" {item.read:,} read, {item.accepted:,} accepted, {item.quarantined:,} quarantined,"
        )
        counts += f" {item.rescued:,} with rescued values," if item.rescued else ""
    return f"{item.status}:{counts} {fate.seconds:.1f}{words.FIXED}s"


def notes(fate: Fate, looked_at: str) -> list[str]:
    """Say where its rows are, and what one might not have expected."""
    if fate.item is None:
        return []
    lines = facts.outcome(fate.item)
    if fate.uploaded.replaced:
        lines.append("it replaced the file that had this key before, with all of its rows")
    return lines + facts.notes(fate.item, looked_at)
