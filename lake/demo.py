"""`make demo`: the lake from nothing to answers, on this machine."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lake import models, query, render
from lake.cli import run
from lake.context import out, state_folder
from lake.curate import await_published
from lake.errors import LakeCommandError
from lake.local import process
from lake.local.up import bring_up
from lake.project import DEFAULT_STACK, project_root
from lake.put import put_files
from lake.result import print_result
from lake.target import Target, choose

if TYPE_CHECKING:
    from store.models import Model

_FLIGHTS_QUERY = """
SELECT carrier, count(*) AS flights, round(avg(dep_delay), 1) AS mean_delay_minutes
FROM flights WHERE date_partition BETWEEN '2013-01-01' AND '2013-01-07'
GROUP BY carrier ORDER BY flights DESC LIMIT 5
"""

_DELAYS_QUERY = """
SELECT airline, flights, late_departures, mean_departure_delay FROM flight_delays
WHERE date_partition = '2013-01-15' ORDER BY flights DESC LIMIT 3
"""

#: The model of which the demo shows that it keeps itself up to date.
_MODEL = "flight_delays"


def named_queries(target: Target) -> list[tuple[str, str]]:
    """Give the example queries that the template put into the workgroup.

    Parameters
    ----------
    target : Target
        The lake.

    Returns
    -------
    list of (str, str)
        Name and SQL, in the order of their names.
    """
    athena = target.client("athena")
    identifiers = athena.list_named_queries(WorkGroup=target.outputs["AthenaWorkGroupName"])
    found = athena.batch_get_named_query(NamedQueryIds=identifiers["NamedQueryIds"])
    return sorted((one["Name"], one["QueryString"]) for one in found["NamedQueries"])


def show(*, keep: bool) -> None:
    """Bring the lake up, fill it, ask it, and stop it.

    Parameters
    ----------
    keep : bool
        Leave it up; one that was up before is always left so.

    Raises
    ------
    LakeCommandError
        When a file was not accepted or a query failed.
    """
    folder, samples = state_folder(), project_root(Path.cwd()) / "samples"
    was_up, had_data = folder.read() is not None, folder.holds_data()
    out.rule("Starting a lake on this machine", align="left")
    running = bring_up(None, quiet=True)
    out.print(f"The lake is up at {running.endpoint}, IAM enforced.")
    try:
        target = choose({}, running.endpoint, local=True, cloud=False, stack_name=DEFAULT_STACK)
        out.print()
        out.rule("Uploading", align="left")
        started = time.monotonic()
        _put(target, samples / "test-data.json", None)
        first, *others = named_queries(target)
        _ask(target, *first)
        seconds = time.monotonic() - started
        for name, sql in others:
            _ask(target, name, sql)
        out.print()
        out.rule("A month of real flights", align="left")
        _put(target, samples / "airlines.csv", "airlines")
        began = time.time()
        _put(target, samples / "flights-2013-01.jsonl.gz", "flights")
        _ask(target, "the first week of January 2013", _FLIGHTS_QUERY)
        if delays := [one for one in models.known() if one.name == _MODEL]:
            _show_model(target, delays, began, samples / "late-flight.json")
        out.print(f"\nFrom upload to first answer: {seconds:.1f} s.", style="bold")
    finally:
        if not (keep or was_up):
            process.stop(folder) if had_data else process.remove(folder)
    for line in goodbye(running.endpoint if keep or was_up else "", had_data=had_data):
        out.print(line)


def goodbye(endpoint: str, *, had_data: bool) -> list[str]:
    """Say what one can do now, with a lake that is up at an endpoint, or without one."""
    activate = "  source .venv/bin/activate      so that the shell finds `lake`"
    if endpoint:
        return [
            f"The lake is still up at {endpoint}. Go on with",
            activate,
            "  lake put FILE --dataset NAME   your own data",
            '  lake query "SELECT * FROM NAME LIMIT 10"',
            "  lake stop                      stops the lake, and keeps its data",
            "  lake down                      stops the lake, and removes its data",
        ]
    return [
        f"The lake was stopped{'' if had_data else ' and removed'}. Go on with",
        activate,
        "  lake up                        a lake of your own; see lake --help",
        "  docs/tutorial/taxi.md          what to do with it, in twenty minutes",
        "  make demo KEEP=1               the same again, and the lake stays up",
        "  lake --cloud deploy --guided   a lake in your AWS account",
    ]


def _put(target: Target, file: Path, dataset: str | None) -> None:
    # The reader need not do anything next: the demonstration goes on.
    (fate,) = put_files(target, [str(file)], dataset, timeout=120, advise=False)
    if not fate.is_accepted:
        raise LakeCommandError(f"{file.name} was not ingested: {fate.status} {fate.detail}")


def _show_model(target: Target, delays: list[Model], began: float, late: Path) -> None:
    """Show how a table follows its source, date by date."""
    out.print()
    out.rule("A table that keeps itself up to date: models/flight_delays.sql", align="left")
    await_published(target, delays, began, timeout=120)
    _ask(target, "delays of 15 January 2013", _DELAYS_QUERY)
    out.print("\nA flight of that day comes late:")
    began = time.time()
    _put(target, late, "flights")
    await_published(target, delays, began, timeout=120)
    _ask(target, "delays of 15 January 2013", _DELAYS_QUERY)


def _ask(target: Target, name: str, sql: str) -> None:
    out.print()
    out.print(render.bold(f"{name}:"), " ".join(sql.split()))
    print_result(query.run(target, sql))


def main() -> None:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the lake up")
    keep = parser.parse_args().keep
    run(lambda **_: show(keep=keep))


if __name__ == "__main__":
    main()
