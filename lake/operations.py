"""The commands with which an operator looks after a lake: files, replay, redrive, reconcile."""

from __future__ import annotations

import json
import re
import sys
import time
import uuid
from collections import Counter
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import ClientError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from lake import ledger, messages, reconcile, render
from lake.context import err, out
from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lake.context import Choice
    from lake.ledger import Item
    from lake.target import Target

#: So many objects are replayed or mended without asking.
_FEW = 10

#: From so many objects on the whole ledger is read rather than each one's entry.
_SCAN_FROM = 100

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

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


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which objects are meant."""
    for option in reversed(
        (
            click.option(
                "--key",
                "keys",
                multiple=True,
                help="Raw key; one ending with * means all that begin so.",
            ),
            click.option("--dataset", "datasets", multiple=True, help="Table."),
            click.option(
                "--status",
                "statuses",
                multiple=True,
                type=click.Choice(ledger.STATUSES, case_sensitive=False),
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


def _filter(named: dict[str, Any]) -> ledger.Filter:
    return ledger.Filter(**{name: value for name, value in named.items() if value})


@click.command()
@_filtered
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="Most recent ones only."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def files(choice: Choice, /, limit: int, as_json: bool, **named: Any) -> None:
    """Say what became of each object, the most recent first."""
    found = sorted(
        ledger.items(choice.target(), _filter(named)),
        key=lambda item: item.updated_at,
        reverse=True,
    )
    shown = found[:limit]
    if as_json:
        click.echo(json.dumps([_plain(item) for item in shown], indent=2, ensure_ascii=False))
        return
    _show(shown)
    more = f", the most recent {limit} shown; --limit shows more" if len(found) > limit else ""
    err.print(f"[dim]{_objects(len(found))}{more}[/]")


@click.command()
@_filtered
@click.option("--all", "everything", is_flag=True, help="Every object of the ledger.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until all are ingested."
)
@click.option("--timeout", default=900.0, show_default=True, help="Seconds to wait.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def replay(
    choice: Choice,
    /,
    everything: bool,
    yes: bool,
    wait: bool,
    timeout: float,
    as_json: bool,
    **named: Any,
) -> None:
    """Ingest objects again, though they were ingested before: after a contract or the code changed.

    Their rows stay readable until the new ones replace them.
    """
    if not everything and not any(named.values()):
        raise LakeCommandError("Say which objects: --key, --dataset, --status, …, or --all.")
    target = choice.target()
    keys = {item.key for item in ledger.items(target, _filter(named))}
    keys |= {key for key in named["keys"] if not key.endswith("*") and _is_there(target, key)}
    chosen, name = sorted(keys), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}-{uuid.uuid4().hex[:6]}"
    if not chosen:
        raise LakeCommandError("No object matches; `lake files` shows what is in the ledger.")
    _agree(f"Ingest {_objects(len(chosen))} again?", len(chosen), yes)
    with _progress() as progress:
        task = progress.add_task("sending", total=len(chosen))
        messages.announce(target, chosen, name, lambda count: progress.advance(task, count))
    done = _await(target, chosen, name, timeout) if wait else []
    counts = dict(sorted(Counter(item.status for item in done).items()))
    waiting = len(chosen) - len(done)
    if as_json:
        said = {"replay": name, "objects": len(chosen), "statuses": counts, "waiting": waiting}
        click.echo(json.dumps(said, indent=2))
    else:
        rows: list[list[object]] = [[status, count] for status, count in counts.items()]
        if waiting:
            rows.append(["sent" if not wait else "not yet", waiting])
        render.show_table(out, ["status", "objects"], rows, [False, True])
    if wait and (waiting or set(counts) - ledger.ACCEPTED):
        sys.exit(1)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to watch.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def redrive(choice: Choice, yes: bool, timeout: float, as_json: bool) -> None:
    """Send dead letters back to the ingest queue, once what killed them is mended."""
    target = choice.target()
    count, moved = messages.dead_letters(target), 0
    if count:
        _agree(f"Send {count} dead letters back?", count, yes)
        with _progress() as progress:
            task = progress.add_task("moving", total=count)
            for moved in messages.redrive(target, timeout):
                progress.update(task, completed=moved)
    if as_json:
        click.echo(json.dumps({"dead_letters": count, "moved": moved}))
    else:
        out.print(
            f"{moved} dead letters were sent back." if count else "There are no dead letters."
        )


@click.command(name="reconcile")
@click.option("--fix", is_flag=True, help="Mend what can be mended.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--grace",
    default=900.0,
    show_default=True,
    help="Seconds; objects younger than this may still be on their way.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def reconcile_lake(choice: Choice, fix: bool, yes: bool, grace: float, as_json: bool) -> None:
    """Compare raw bucket, ledger and processed bucket; exit with 1 where they differ."""
    target = choice.target()
    with err.status("Comparing…"):
        found = reconcile.compare(target, grace)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        _show_differences(found)
    if not found.repairable:
        return
    if not fix:
        err.print("`lake reconcile --fix` mends this.")
        sys.exit(1)
    many = _objects(found.repairable - len(found.orphans))
    _agree(
        f"Send {many} again and delete {len(found.orphans)} orphans (they stay as old versions)?",
        # What is deleted is never few.
        found.repairable + _FEW * len(found.orphans),
        yes,
    )
    reconcile.fix(target, found, f"repair-{uuid.uuid4().hex[:12]}")
    err.print(f"{many} sent again, {len(found.orphans)} orphans deleted.")


def _show_differences(found: reconcile.Differences) -> None:
    explained = (
        ("never delivered", found.undelivered, "sent to the queue"),
        ("rows missing", found.missing, "ingested again"),
        ("left over", found.leftovers, "cleaned up by the function"),
        ("orphan", found.orphans, "deleted"),
        ("deleted in raw", found.deleted, "nothing: the rows stay"),
        ("not of the lake", found.foreign, "nothing: left alone"),
    )
    rows: list[list[object]] = [
        [what, key, mended] for what, keys, mended in explained for key in keys[:_FEW]
    ]
    rows += [
        [what, f"… and {len(keys) - _FEW} more", mended]
        for what, keys, mended in explained
        if len(keys) > _FEW
    ]
    if rows:
        render.show_table(out, ["difference", "key", "--fix: it is"], rows, [False] * 3)
    agree = "" if found.repairable else ": raw bucket, ledger and processed bucket agree"
    err.print(f"[dim]{_objects(found.objects)} compared{agree}[/]")


def _show(items: Iterable[Item]) -> None:
    rows: list[list[object]] = [
        [
            item.key,
            item.status,
            item.dataset,
            item.read,
            item.accepted,
            item.quarantined,
            f"{item.milliseconds / 1000:.1f}",
            item.updated_at[:19].replace("T", " "),
            " ".join(part for part in (item.reason, item.detail) if part),
        ]
        for item in items
    ]
    render.show_table(
        out,
        ["object", "status", "dataset", "read", "accepted", "quarantined", "seconds", "UTC", "why"],
        rows,
        [False, False, False, True, True, True, True, False, False],
    )


def _plain(item: Item) -> dict[str, object]:
    return {name: getattr(item, name) for name in _SHOWN} | {"outputs": list(item.outputs)}


def _await(target: Target, keys: list[str], name: str, timeout: float) -> list[Item]:
    """Wait until every object is ingested for a replay; give those that are."""
    done: dict[str, Item] = {}
    bucket, deadline = target.outputs["RawBucketName"], time.monotonic() + timeout
    with _progress() as progress:
        task = progress.add_task("ingesting", total=len(keys))
        while len(done) < len(keys) and time.monotonic() < deadline:
            rest = [key for key in keys if key not in done]
            # One page of the table holds more items than so many questions are worth.
            asked = (
                ledger.items(target)
                if len(rest) > _SCAN_FROM
                else (ledger.get(target, bucket, key) for key in rest)
            )
            done |= {
                item.key: item
                for item in asked
                if item and item.replay == name and item.status in ledger.FINAL
            }
            progress.update(task, completed=len(done))
            if len(done) < len(keys):
                time.sleep(0.5)
    return list(done.values())


def _is_there(target: Target, key: str) -> bool:
    """Tell whether a key that the ledger may not know is in the raw bucket."""
    try:
        target.client("s3").head_object(Bucket=target.outputs["RawBucketName"], Key=key)
    except ClientError as error:
        raise LakeCommandError(f"{key} is not in the raw bucket: {error}") from error
    return True


def _agree(question: str, count: int, yes: bool) -> None:
    if yes or count <= _FEW:
        return
    if not sys.stdin.isatty():
        raise LakeCommandError(f"{question} Nobody is here to ask: --yes says so.")
    click.confirm(question, abort=True, err=True)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=err, transient=True)


def _objects(count: int) -> str:
    return f"{count:,} object{'s'[: count != 1]}"
