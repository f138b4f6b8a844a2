"""The command `lake put`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from lake import facts, upload
from lake.context import err, out
from lake.files import plain, show_lines

if TYPE_CHECKING:
    from lake.context import Choice
    from lake.target import Target
    from lake.upload import Fate

#: So many commands are worth reading.
_ADVICE = 5


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dataset", help="Folder below data/; without it the table is processed_table.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def put(
    choice: Choice, files: tuple[Path, ...], dataset: str | None, timeout: float, as_json: bool
) -> None:
    """Upload FILES and wait until the fate of each is known."""
    upload.keyed(files, dataset)
    found = put_files(choice.target(), files, dataset, timeout, as_json=as_json)
    if not all(fate.is_accepted for fate in found):
        sys.exit(1)


def put_files(
    target: Target,
    files: tuple[Path, ...],
    dataset: str | None,
    timeout: float,
    *,
    as_json: bool = False,
) -> list[Fate]:
    """Upload with a progress bar, wait, and say of each file what became of it."""
    chosen = upload.keyed(files, dataset)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("uploading", total=sum(f.stat().st_size for f in chosen.values()))

        def sent(count: int) -> None:
            progress.advance(task, count)

        uploads = [upload.upload(target, file, key, sent) for key, file in chosen.items()]
        progress.update(task, description="ingesting")
        found = list(upload.fates(target, uploads, timeout))
    if as_json:
        click.echo(json.dumps([_plain(fate) for fate in found], indent=2, ensure_ascii=False))
    else:
        _show(found)
    return found


def _plain(fate: Fate) -> dict[str, object]:
    known = plain(fate.item) if fate.item else {"key": fate.uploaded.key}
    told = {"status": fate.status, "seconds": round(fate.seconds, 1)}
    return known | told | {"replaced": fate.uploaded.replaced}


def _show(found: list[Fate]) -> None:
    commands: list[str] = []
    for fate in found:
        show_lines([fate.uploaded.key], first="", others="")
        show_lines(_lines(fate))
        command = (
            facts.advice(fate.item) if fate.item else f'lake files --key "{fate.uploaded.key}"'
        )
        if command and command not in commands:
            commands.append(command)
    if commands:
        out.print("Next:")
        show_lines(commands[:_ADVICE])


def _lines(fate: Fate) -> list[str]:
    item = fate.item
    if item is None:
        why = fate.trouble or "nothing is known of it"
        return [f"{fate.status}: {why} after {fate.seconds:.0f} s"]
    counts = ""
    if item.read or item.status in ("DONE", "PARTIAL", "EMPTY"):
        counts = (
            f" {item.read:,} read, {item.accepted:,} accepted, {item.quarantined:,} quarantined,"
        )
    lines = [f"{item.status}:{counts} {fate.seconds:.1f} s", *facts.outcome(item)]
    if fate.uploaded.replaced:
        lines.append("it replaced the file that had this key before, with all of its rows")
    return lines + facts.notes(item)
