"""The commands `lake models` and `lake curate`."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lake import curation, models, query, render
from lake.completion import MODEL
from lake.context import err, out
from lake.errors import LakeCommandError
from lake.files import Day, show_lines
from store.near import near

if TYPE_CHECKING:
    from lake.context import Choice
    from lake.curation import Published
    from lake.models import Seen
    from lake.target import Target
    from store.models import Model


@click.command(name="models")
@click.argument("names", nargs=-1, type=MODEL)
@render.json_option
@render.listing
@click.pass_obj
def models_of(choice: Choice, names: tuple[str, ...], as_json: bool) -> None:
    """Say how fresh the tables of models are, what waits, and why one fails.

    With NAMES everything that is known of how they are kept up to date. `lake describe NAME` says
    what is in a model's table, and `lake model show NAME` what its file says. Exits with 1 where
    one fails.
    """
    wanted = _chosen(names)
    target = choice.target()
    seen = models.look(target, wanted)
    rows = {one.model.name: count(target, one) for one in seen} if names else {}
    if as_json:
        told = [_plain(one) | _rows_of(one, rows) for one in seen]
        render.show_json(told)
    elif names:
        for one in seen:
            _show(one, rows[one.model.name])
    elif seen:
        head = ["model", "refreshed", "partitions", "waiting", "older text", "is"]
        lines: list[list[object]] = [
            [
                one.model.name,
                age(one.state.done.at) if one.state.done else "never",
                len(one.partitions),
                one.waiting,
                len(one.older),
                one.said,
            ]
            for one in seen
        ]
        render.show_table(out, head, lines, [False, True, True, True, True, False])
        show_lines(filter(None, map(advice, seen)), first="")
    else:
        out.print(_none(target), soft_wrap=True)
    if any(one.fails for one in seen):
        sys.exit(1)


@click.command()
@click.argument("name", required=False, type=MODEL)
@click.option("--from", "first", type=Day(), metavar="DATE", help="Dates from this one on.")
@click.option("--to", "last", type=Day(), metavar="DATE", help="Dates up to this one.")
@click.option("--full", is_flag=True, help="All dates, such as after its text was changed.")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until it is published."
)
@click.option("--timeout", default=900.0, show_default=True, help="Seconds to wait.")
@render.json_option
@click.pass_obj
def curate(
    choice: Choice,
    name: str | None,
    first: str | None,
    last: str | None,
    full: bool,
    wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Make the table of the model NAME anew, or of all models.

    Without options what is not as it should be: dates that are older than their sources, were
    made by an older text of the model, or wait since it failed.
    """
    if full and (first or last):
        raise LakeCommandError("--full means all dates: leave --from and --to out.")
    if first and last and first > last:
        raise LakeCommandError(f"--from {first} is after --to {last}: no date is between them.")
    wanted, target = _chosen((name,) if name else ()), choice.target()
    started = time.time()
    with err.status("Comparing tables of models with their sources…"):
        seen = models.look(target, wanted)
        _refuse_undeployed([one for one in seen if one.deployed == ""], name)
        seen = [one for one in seen if one.deployed != ""]
        if name is None and (first or last):
            seen = [one for one in seen if one.model.by_date]
        touches = curation.wanted(target, seen, first, last, full=full)
    curation.send(target, touches)
    names = list(dict.fromkeys(touch.model for touch in touches))
    say = err.print if as_json else out.print
    if names:
        say(f"The curator was told to refresh: {', '.join(names)}.")
    else:
        say("Nothing was refreshed: every table is fresh already.")
    published: list[Published] = []
    if wait and names:
        wanted = [one.model for one in seen if one.model.name in names]
        published = await_published(target, wanted, started, timeout, quiet=as_json)
    if as_json:
        render.show_json({"told": names, "published": [asdict(one) for one in published]})


def _chosen(names: tuple[str, ...]) -> list[Model]:
    known = {model.name: model for model in models.known()}
    for name in names:
        if name not in known:
            there = f"there is {', '.join(known)}." if known else "its folder has no model."
            meant = near(name, known, there)
            raise LakeCommandError(f"There is no model {models.place(name)}: {meant}")
    return [model for name, model in known.items() if not names or name in names]


def _none(target: Target) -> str:
    """Say that the folder has no model, and which a lake has all the same."""
    said = f"{models.place('NAME')} makes one (docs/how-to/curated.md)."
    if there := sorted(models.deployed(target) or ()):
        return f"There is no model in {models.folder()}; deployed are {', '.join(there)}. {said}"
    return f"There is no model: {said}"


def _refuse_undeployed(seen: list[Seen], asked: str | None) -> None:
    for one in seen:
        name = one.model.name
        why = f"{name} is not deployed: `lake deploy` deploys {models.place(name)}."
        if asked:
            raise LakeCommandError(why)
        err.print(why)


def await_published(
    target: Target, wanted: list[Model], started: float, timeout: float, *, quiet: bool = False
) -> list[Published]:
    """Wait until each model is published or fails, and say which.

    Raises
    ------
    LakeCommandError
        When one failed, or time ran out; it goes on without this command.
    """
    published: list[Published] = []
    waiting = [model.name for model in wanted]
    with err.status(f"Waiting for the curator: {', '.join(waiting)}…") as status:
        for one in curation.published(target, waiting, started, timeout):
            published.append(one)
            waiting.remove(one.model)
            if waiting:
                status.update(f"Waiting for the curator: {', '.join(waiting)}…")
            if not quiet:
                out.print(one.said)
    return published


def count(target: Target, one: Seen) -> int | None:
    """Count the rows of a table, which Parquet's footers tell."""
    if not one.partitions:
        return None
    return int(query.run(target, f'SELECT count(*) FROM "{one.model.name}"').rows[0][0] or 0)  # noqa: S608  # a model's name is a-z, 0-9 and _


def _rows_of(one: Seen, rows: dict[str, int | None]) -> dict[str, Any]:
    return {"rows": rows[one.model.name]} if rows else {}


def _plain(one: Seen) -> dict[str, Any]:
    done, failed = one.state.done, one.state.failed
    return {
        "model": one.model.name,
        "description": one.model.header.description,
        "refresh": one.model.header.refresh.value,
        "sources": [source.name for source in one.model.sources],
        "is": one.said,
        "partitions": len(one.partitions),
        "waiting": one.waiting,
        "older_text": len(one.older),
        "last": {
            "at": _instant(done.at),
            "seconds": round(done.at - done.began, 3),
            "freshness_seconds": round(done.late, 3),
            "partitions": done.partitions,
            "bytes_scanned": done.scanned,
            "dollars": models.dollars(done.queries, done.scanned),
        }
        if done
        else None,
        "failed": {"at": _instant(failed.at), "reason": failed.reason, "detail": failed.detail}
        if failed
        else None,
    }


def _show(one: Seen, rows: int | None) -> None:
    out.print(render.bold(f"{one.model.name}:"), one.model.header.description)
    show_lines(about(one, rows))


def about(one: Seen, rows: int | None) -> list[str]:
    """Say everything that is known of a model, in sentences without a full stop."""
    done, failed, model = one.state.done, one.state.failed, one.model
    lookups = model.header.lookups
    sources = (f"{s.name} (lookup)" if s.name in lookups else s.name for s in model.sources)
    lines = [
        f"refreshed {model.header.refresh.value}, of {', '.join(sources)}",
        ("no table any more" if one.dropped else "no table yet")
        if rows is None
        else f"{rows:,} row{'s'[: rows != 1]} in {_many(one)}",
        f"state: {one.said}",
    ]
    if done:
        seconds, price = done.at - done.began, models.dollars(done.queries, done.scanned)
        queries = f"{done.queries} quer{'ies' if done.queries != 1 else 'y'}"
        late = f"{done.late:.0f} s after the first of its changes"
        made = f"{done.partitions:,} partition{'s'[: done.partitions != 1]}"
        lines.append(f"last made {age(done.at)} ago, {made} in {seconds:.1f} s, {late}")
        lines.append(f"that read {done.scanned:,} bytes in {queries}: about ${price:.5f} in AWS")
    if one.waiting:
        lines.append(_waiting(one))
    if one.older:
        lines.append(f"{_counted(len(one.older))} made by an older text")
    if one.why_foreign:
        lines.append(one.why_foreign)
    if failed:
        lines.append(f"failed {age(failed.at)} ago: {failed.reason}: {failed.detail}")
    return lines


def _waiting(one: Seen) -> str:
    if not one.model.by_date:
        return "the table waits to be refreshed"
    waits = "dates wait" if one.waiting != 1 else "date waits"
    return f"{one.waiting:,} {waits} to be refreshed"


def _many(one: Seen) -> str:
    if not one.model.by_date:
        return "one piece"
    return f"{len(one.partitions):,} partition{'s'[: len(one.partitions) != 1]}"


def advice(one: Seen) -> str:
    """Say what is to be done about a model; empty where it is as it should be."""
    name, failed = one.model.name, one.state.failed
    if one.why_foreign:
        return one.why_foreign
    if not one.is_deployed:
        what = "as it is now is" if one.deployed else "is"
        return f"{name}: {models.place(name)} {what} not deployed: `lake deploy` does it."
    if one.missing:
        lacking, make = ("are no tables", "make") if one.missing[1:] else ("is no table", "makes")
        commands = " and ".join(f"`lake put FILE --dataset {table}`" for table in one.missing)
        return (
            f"{name}: there {lacking} {' and '.join(one.missing)} yet: {commands} {make} what is "
            f"missing. The table of the model follows within five minutes; `lake curate {name}` "
            "makes it at once."
        )
    if failed:
        return f"{name}: {failed.detail}"
    if one.dropped:
        return (
            f"{name}: its table was dropped: `lake curate {name} --full` makes it again. Until "
            "then queries do not find it."
        )
    if one.older and not one.waiting:
        return (
            f"{name}: {_counted(len(one.older))} made by an older text: "
            f"`lake curate {name} --full` makes all anew."
        )
    if one.said == "never made":
        return f"{name}: `lake curate {name} --full` makes it of what is there already."
    return ""


def _counted(count: int) -> str:
    return f"{count:,} partition{'s were' if count != 1 else ' was'}"


def age(at: float) -> str:
    """Say how long ago something was, in its largest unit."""
    seconds = max(0.0, time.time() - at)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _instant(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
