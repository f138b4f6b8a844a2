"""The commands with which an operator mends a lake: replay, redrive, reconcile."""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lake import facts, messages, models, reconcile, rehearse, render, replaying, suggest, words
from lake.context import agree, counting, err, out
from lake.dating import Contracts
from lake.errors import LakeCommandError
from lake.files import USUAL, filter_of, filtered, objects, show_lines, show_totals
from store import naming

if TYPE_CHECKING:
    from lake.context import Choice
    from lake.ledger import Item
    from lake.replaying import Chosen
    from lake.target import Target

#: So many objects are replayed or mended without asking.
_FEW = 10


@click.command()
@filtered
@click.option("--all", "everything", is_flag=True, help="Every object of the ledger.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until all are ingested."
)
@click.option("--timeout", default=900.0, show_default=True, help="Seconds to wait.")
@render.json_option
@render.listing
@click.pass_obj
def replay(
    choice: Choice,
    /,
    everything: bool,
    dry_run: bool,
    yes: bool,
    wait: bool,
    timeout: float,
    as_json: bool,
    **named: Any,
) -> None:
    """Ingest objects again, though they were ingested before: after a contract or the code changed.

    Their rows stay readable until the new ones replace them.

    With --dry-run the function reads each object as it would, and writes nothing.

    Exit codes are those of `lake put`.
    """
    if not everything and not any(named.values()):
        raise LakeCommandError("Say which objects: --key, --dataset, --status, …, or --all.")
    target = choice.target()
    found = replaying.choose(target, filter_of(named))
    if found.gone:
        err.print(
            f"{objects(len(found.gone))} not in the raw bucket, and left out, such as "
            f"{found.gone[0]}. Rows of deleted objects stay.",
        )
    chosen = found.keys
    if not (chosen or found.gone) and named["statuses"]:
        # Advice says so where there may be some.
        err.print("There is none with such a status: nothing is to be ingested again.")
        if as_json:
            render.show_json(_counts(found, []))
        return
    if not chosen:
        raise LakeCommandError("No object is left to ingest again.")
    for why in Contracts(target).undeployed(naming.dataset_of(key) for key in chosen):
        err.print(why, style="yellow")
    if dry_run:
        _agree(f"Read {objects(len(chosen))}?", len(chosen), yes)
        sys.exit(0 if rehearse.compare(target, found.items, as_json=as_json) else 2)
    _agree(f"Ingest {objects(len(chosen))} again?", len(chosen), yes)
    with counting() as progress:
        task = progress.add_task("sending", total=len(chosen))
        replaying.send(target, found, lambda count: progress.advance(task, count))
    done = _await(target, found, timeout) if wait else []
    counts = _counts(found, done)
    if as_json:
        render.show_json(counts)
    else:
        _show_replayed(target, done, counts, "not yet" if wait else "sent")
    if wait and (counts["waiting"] or not all(item.status.is_accepted for item in done)):
        sys.exit(1)
    if any(item.quarantined or item.rescued for item in done):
        sys.exit(2)


def _show_replayed(target: Target, done: list[Item], counts: dict[str, Any], waits: str) -> None:
    unusual = [one for one in done if one.status not in USUAL]
    if counts["waiting"] or unusual:
        rows: list[list[object]] = [[*one] for one in counts["statuses"].items()]
        if counts["waiting"]:
            rows.append([waits, counts["waiting"]])
        render.show_table(out, ["status", "objects"], rows, [False, True])
    for item in unusual[:_FEW]:
        show_lines([f"{item.key}: {item.status}"], first="", others="")
        show_lines(facts.notes(item))
    looked_at = target.parameters.get("DateColumns", "")
    show_totals([item for item in done if item.status in USUAL], looked_at)
    if commands := suggest.after(done):
        out.print("Next:")
        show_lines(commands)


def _counts(found: Chosen, done: list[Item]) -> dict[str, Any]:
    return {
        "replay": found.name,
        "objects": len(found.keys),
        "statuses": dict(sorted(Counter(item.status for item in done).items())),
        "waiting": len(found.keys) - len(done),
        "deleted": len(found.gone),
    }


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to watch.")
@render.json_option
@click.pass_obj
def redrive(choice: Choice, yes: bool, timeout: float, as_json: bool) -> None:
    """Send dead letters back to the queues that they came from, once what killed them is mended."""
    target = choice.target()
    found = {queue: messages.dead_letters(target, queue) for queue in messages.DEAD_LETTERS}
    count, moved = sum(found.values()), 0
    if count:
        _agree(f"Send {words.count(count, 'dead letter')} back?", count, yes)
        with counting() as progress:
            task = progress.add_task("moving", total=count)
            for queue in (queue for queue, many in found.items() if many):
                before = moved
                for more in messages.redrive(target, queue, timeout):
                    moved = before + more
                    progress.update(task, completed=moved)
    if as_json:
        render.show_json({"dead_letters": count, "moved": moved})
    else:
        sent = f"Sent back: {words.count(moved, 'dead letter')}."
        out.print(sent if count else "There are no dead letters.")


@click.command(name="reconcile")
@click.option("--fix", is_flag=True, help="Mend what can be mended.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--grace",
    default=900.0,
    show_default=True,
    help="Seconds; objects younger than this may still be on their way.",
)
@render.json_option
@render.listing
@click.pass_obj
def reconcile_lake(choice: Choice, fix: bool, yes: bool, grace: float, as_json: bool) -> None:
    """Compare raw bucket, ledger, processed bucket, tables and models.

    Exits with 1 where something is to be mended. Rows of deleted objects, and files that are not
    the lake's, are named and left alone.
    """
    target = choice.target()
    with err.status("Comparing…"):
        found = reconcile.compare(target, grace, known=models.known())
    if as_json:
        render.show_json(asdict(found))
    else:
        _show_differences(target, found)
    if found.repairable and not fix:
        err.print("`lake reconcile --fix` mends this.")
    elif found.repairable:
        done, begun = _mended(found)
        said = ", ".join([*done, *begun])
        # What is deleted is never few.
        _agree(f"Have {said}?", found.repairable + _FEW * len(found.orphans), yes)
        reconcile.fix(target, found, f"repair-{uuid.uuid4().hex[:12]}")
        if done:
            err.print(f"Done: {', '.join(done)}.")
        if begun:
            err.print(
                f"Begun: {', '.join(begun)}. The functions are at it: `lake status` says what "
                "waits, and `lake reconcile` afterwards what is left."
            )
    if found.hidden or (found.repairable and not fix):
        sys.exit(1)


def _mended(found: reconcile.Differences) -> tuple[list[str], list[str]]:
    """Say what mends the differences: what is done at once, and what the functions do."""
    done = (
        (len(found.partitions), "partition", "registered"),
        (len(found.orphans), "orphan", "deleted, and kept as old versions"),
    )
    begun = (
        (len(found.to_send), "object", "sent again"),
        (len(found.stale), "partition", "of models made anew"),
    )
    at_once, later = (
        [f"{words.count(many, noun)} {what}" for many, noun, what in counted if many]
        for counted in (done, begun)
    )
    return at_once, later


def _show_differences(target: Target, found: reconcile.Differences) -> None:
    explained = (
        ("never delivered", found.undelivered, "send it to the queue"),
        ("rows missing", found.missing, "ingest it again"),
        ("left over", found.leftovers, "have the function clean up"),
        ("table dropped", found.dropped, "ingest its objects again"),
        ("rows unread", found.unread, "ingest it again"),
        ("partition missing", found.partitions, "register it"),
        ("orphan", found.orphans, "delete it"),
        ("older than its sources", found.stale, "make it anew"),
        ("model removed", found.removed, "nothing: see below"),
        ("deleted in raw", found.deleted, "nothing: its rows stay"),
        ("not of the lake", found.foreign, "nothing: it is left alone"),
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
        render.show_table(out, ["difference", "key", "--fix does"], rows, [False] * 3)
    show_lines([*found.retyped, *found.hidden], first="")
    if found.removed:
        out.print("What is left of models that were removed goes by:")
        show_lines(_removing(target, found.removed[:_FEW]))
    agree = ": raw bucket, ledger, processed bucket and tables agree"
    agree = "" if found.repairable or found.hidden or found.removed else agree
    gone = f"; {objects(len(found.deleted))} deleted in raw, with rows" if found.deleted else ""
    err.print(f"{objects(found.objects)} of the raw bucket compared{agree}{gone}", style="dim")


def _removing(target: Target, left: list[str]) -> list[str]:
    """Give the commands that remove tables and folders of models that have no file any more."""
    bucket = target.outputs["CuratedBucketName"]
    # Only the lake's own commands know the lake on this machine by themselves.
    commands = ['eval "$(lake env)"'] if target.endpoint else []
    for one in left:
        folder = one if one.endswith("/") else naming.home_of(one)
        commands += [] if one == folder else [f'lake query "DROP TABLE {one}"']
        commands.append(f"aws s3 rm --recursive s3://{bucket}/{folder}")
    return commands


def _await(target: Target, found: Chosen, timeout: float) -> list[Item]:
    """Wait with a progress bar."""
    done: list[Item] = []
    with counting() as progress:
        task = progress.add_task("ingesting", total=len(found.keys))
        for item in replaying.outcomes(
            target, found, timeout, lambda trouble: err.print(trouble, style="yellow")
        ):
            done.append(item)
            progress.update(task, completed=len(done))
    return done


def _agree(question: str, count: int, yes: bool) -> None:
    if count > _FEW:
        agree(question, yes=yes, else_say="--yes does not ask.")
