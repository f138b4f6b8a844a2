"""The command as a person sees it, in a terminal of 80 columns, and as a pipe does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from tests.conftest import ROOT
from tests.support import terminal

if TYPE_CHECKING:
    from tests.conftest import LocalLake

pytestmark = pytest.mark.local

#: What styles the text, moves the cursor for progress, or hides it.
_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

#: A frame of progress, which the next one replaces.
_FRAME = re.compile(r"[^\n]*\x1b\[2K")

HOSTILE = "a\x1b]0;owned\x07\tb\u202e"


def seen(lake: LocalLake, *words: str, columns: int = 80) -> list[str]:
    """Run a command in a terminal; give the lines that stay on the screen."""
    text, code = terminal.run(words, ROOT, lake.shell, columns=columns, kind="xterm")
    assert code == 0, text
    lines = _SEQUENCES.sub("", _FRAME.sub("", text)).splitlines()
    assert all(cell_len(line) <= columns for line in lines), lines
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", "".join(lines).replace("\r", "")
    )
    return lines


def test_a_table_is_looked_into(local_lake: LocalLake) -> None:
    lake = local_lake
    rows = [
        {
            "id": n,
            "timestamp": f"2024-01-{n:02}",
            "price": None if n == 3 else n / 4,
            "text": HOSTILE,
        }
        for n in range(1, 32)
    ]
    body = "\n".join(map(json.dumps, rows)).encode()
    lake.ingest("data/terminal_days/x.json", body)

    # The lines fit, lineage is not shown, and what did not fit is told.
    lines = seen(lake, "lake", "query", "SELECT * FROM terminal_days ORDER BY id")
    assert lines[1].split() == ["id", "timestamp", "price", "text", "date_partition"]
    assert lines[3].split()[3] == r"a\x1b]0;owned\x07\x09b\u202e"
    assert lines[-2].startswith("31 rows in ")
    assert "--lineage shows" in lines[-2] + lines[-1]
    narrow = seen(lake, "lake", "query", "SELECT * FROM terminal_days", columns=40)
    assert narrow[2].startswith("─ row 1 ─")

    # A pipe gets every column; programs get true values.
    piped = lake.command("lake", "query", "SELECT * FROM terminal_days").stdout.splitlines()
    assert "_source_key" in piped[0]
    assert len(piped) == 33
    told = lake.query("SELECT id, price, text FROM terminal_days WHERE id = 4")
    assert told == [{"id": 4, "price": 1.0, "text": HOSTILE}]

    known = {
        one["table"]: one for one in json.loads(lake.command("lake", "tables", "--json").stdout)
    }
    own = known["terminal_days"]
    assert (own["kind"], own["rows"], own["partitions"]) == ("dataset", 31, 31)
    assert own["bytes"] > 0
    assert known["quarantine"]["kind"] == "lake's own"
    assert "terminal_days" in " ".join(seen(lake, "lake", "tables"))

    said = json.loads(lake.command("lake", "describe", "terminal_days", "--json").stdout)
    assert {"name": "id", "type": "bigint", "comment": "", "partition": False} in said["columns"]
    assert said["date_columns"] == {"timestamp": 1}
    assert "2024-01-01 to 2024-01-31" in "\n".join(seen(lake, "lake", "describe", "terminal_days"))

    later = b'{"id": 32, "timestamp": "2024-01-20", "late": true}\n'
    lake.ingest("data/terminal_days/late.json", later)
    shown = lake.command("lake", "describe", "terminal_days").stdout.partition("─\n")[2]
    data, apart = ([line.split()[0] for line in part.splitlines()] for part in shown.split("\n\n"))
    assert data[-1] == "late"
    assert apart == ["_source_key", "_source_version", "_rescued_data", "date_partition"]
    assert "_source_key" not in data
    vertical = "\n".join(seen(lake, "lake", "describe", "terminal_days", "-x"))
    assert f"row {len(data) + len(apart)} " in vertical

    newest = json.loads(lake.command("lake", "sample", "terminal_days", "-n", "2", "--json").stdout)
    assert [row["id"] for row in newest] == [31, 30]

    words = ["lake", "profile", "terminal_days", "--from", "2024-01-03", "--to", "2024-01-05"]
    profiled = json.loads(lake.command(*words, "--json").stdout)
    assert profiled["profiled"]["rows"] == 3
    columns = {one["name"]: one for one in profiled["columns"]}
    assert (columns["id"]["nulls"], columns["id"]["min"], columns["id"]["max"]) == (0, 3, 5)
    assert columns["price"]["nulls"] == 1
    assert "3 rows profiled" in "\n".join(seen(lake, *words))


def test_what_athena_does_not_understand_is_marked(local_lake: LocalLake) -> None:
    done = local_lake.command("lake", "query", "-- c\nSELECT 1 FORM\n  terminal;", expect=1)
    assert "(line 3, column 3)" in done.stderr
    assert "\n    terminal;\n    ^^^^^^^^\n" in done.stderr
    gone = local_lake.command("lake", "query", "SELECT * FROM quarantin", expect=1)
    assert "Did you mean quarantine?" in gone.stderr


def test_a_stack_that_is_none_and_a_command_line_that_is_none(local_lake: LocalLake) -> None:
    none = local_lake.command("lake", "--stack-name", "None", "tables", expect=1)
    assert "There is no stack None" in none.stderr
    assert "Traceback" not in none.stderr
    local_lake.command("lake", "tables", "--nope", expect=64)


def test_the_variables_lead_to_the_lake(local_lake: LocalLake) -> None:
    script = (
        'eval "$(lake env)" && aws glue get-tables --database-name "$1" --query "length(TableList)"'
    )
    done = local_lake.command("bash", "-c", script, "-", local_lake.outputs["GlueDatabaseName"])
    assert int(done.stdout) >= 2
