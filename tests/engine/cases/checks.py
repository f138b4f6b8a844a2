"""What is asked of cases that is more than what each file becomes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from store import events
from store.errors import UnknownEventError
from tests.conftest import ROOT
from tests.engine.cases.expect import UPLOADED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.cases.harness import Case, Outcome


def same_names(*names: str, small: int) -> Callable[[Case], list[str]]:
    """Each file is one row: ID is 1, id is another number, in the same two columns."""
    wanted = sorted([1, small, UPLOADED], key=str)

    def check(case: Case) -> list[str]:
        alone = [case.alone(name) for name in names]
        together = [case.together()[name] for name in names]
        found = [outcome.rows for outcome in (*alone, *together)]
        told = [f"{one} but {found[0]}" for one in found if one != found[0]]
        told += [
            f"{row}" for one in found for row in one if sorted(row.values(), key=str) != wanted
        ]
        told += [f"id in {row}" for one in found for row in one if row.get("id") != small]
        return told or [f"{o.status} {o.defect or o.said}" for o in alone if o.status != "DONE"]

    return check


def variant(name: str, wanted: Any) -> Callable[[Case], list[str]]:
    def check(case: Case) -> list[str]:
        found = case.alone(name)
        if found.types != {"id": "bigint", "var": "string"}:
            return [found.defect or f"types: {found.types} {found.said}"]
        value = found.rows[0]["var"]
        try:
            return [] if json.loads(value) == wanted else [f"var is {value}"]
        except ValueError:
            return [f"var cannot be read back: {value}"]

    return check


def peak(name: str) -> Callable[[Case], list[str]]:
    """Measure a fresh process that converts the file."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.support.engine import convert\n"
        "from tests.support.peak import peak_mb\n"
        "from tests.engine.cases.harness import OPTIONS\n"
        "found = convert(Path(sys.argv[1]).read_bytes(), 'data/t/x.csv', options=OPTIONS)\n"
        "rows = [','.join(map(str, row.values())) for row in found.values]\n"
        "lines = Path(sys.argv[1]).read_text().splitlines()[1:]\n"
        "print(found.status, len(found.rows), len(found.types), set(found.types.values()),"
        " sorted(rows) == sorted(lines))\n"
        "print(peak_mb())\n"
    )

    def check(case: Case) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", program, str(case.folder / name)],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return [done.stderr.strip().splitlines()[-1]]
        found, peak = done.stdout.splitlines()
        number = name.partition("-")[0]
        told = [] if int(peak) < 450 else [f"{peak} MB"]
        return told + ([] if found == f"DONE 3 {number} {{'bigint'}} True" else [found])

    return check


def a_pair(name: str, other: str, lost: int = 0) -> Callable[[Case], list[str]]:
    """The second file is the first with one wrong row: the others are the same."""

    def check(case: Case) -> list[str]:
        told = []
        both = (case.alone(name), case.alone(other)), tuple(map(case.together().get, (name, other)))
        for one, two in both:
            assert one is not None
            assert two is not None
            if one.defect or two.defect:
                told.append(one.defect or two.defect)
            missing = [row for row in one.rows if row not in two.rows]
            if len(missing) != lost or any(row not in one.rows for row in two.rows):
                told.append(f"{one.rows} but {two.rows}")
            if one.types != two.types:
                told.append(f"{one.types} but {two.types}")
            if (len(one.reasons), len(two.reasons)) != (0, 1):
                told.append(f"refused {one.reasons} and {two.reasons}")
        return told

    return check


def creation(case: Case) -> list[str]:
    body = (case.folder / "removed-and-created.json").read_text()
    found = [(one.bucket, one.key) for one in events.parse_message(body)]
    return [] if found == [("b", "data/x.csv")] else [str(found)]


def unknown(name: str) -> Callable[[Case], list[str]]:
    def check(case: Case) -> list[str]:
        try:
            return [str(events.parse_message((case.folder / name).read_text()))]
        except UnknownEventError:
            return []
        except (RecursionError, OverflowError) as error:
            return [repr(error)[:100]]

    return check


def leaves(case: Case) -> list[str]:
    found = case.alone("600-leaves.jsonl")
    written = [
        json.loads(line) for line in (case.folder / "600-leaves.jsonl").read_text().splitlines()
    ]
    values = [set(re.findall(r"v\d+", json.dumps(one))) for one in written]
    told = [set(re.findall(r"v\d+", json.dumps(one, default=str))) for one in found.rows]
    return [] if values == told else [found.defect or f"{found.status} {found.said}"]


def spaces(case: Case) -> list[str]:
    found: list[Outcome] = [case.alone(name) for name in ("alone.csv", "with-odd-row.csv")]
    both = [[row.get("b") for row in one.rows] for one in found]
    return [] if both[0] == both[1] else [str(both)]
