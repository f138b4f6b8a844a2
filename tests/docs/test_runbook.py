"""The runbook: each command of it runs, and says what the page has one look for."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

#: What the page has its reader look for, by the begin of the command.
SAYS = {
    "lake doctor": ["ok"],
    "lake status": ["dead letters", "waiting"],
    "lake files --status FAILED": [],
    "lake files --since 24h --status FAILED": [],
    "lake files --status PARTIAL": ["refused"],
    "lake files --limit": ["data/"],
    'lake files --key "data/test-data.json"': ["DONE"],
    "lake files --json": ['"date_column"', '"undated"'],
    "lake logs": ["object ingested"],
    "lake logs --function curator": [],
    "lake logs --function recorder": [],
    'lake query "SELECT dataset, reason': ["MALFORMED_JSON", "example"],
    'lake query "SELECT _source_key': ["data/test-data.json"],
    "lake models": ["refreshed"],
    "lake crawl": ["SUCCEEDED", "twins"],
    "lake tables": ["processed_table", "quarantine"],
    "lake describe": ["date_partition", "timestamp"],
    "lake reconcile": [],
    "lake cost": ["month"],
}

#: These exit with 1 where they find something; other tests leave things to find.
FINDS = ("lake reconcile", "lake doctor")


@pytest.fixture(scope="module")
def commands(root: Path) -> list[str]:
    page = (root / "docs" / "how-to" / "runbook.md").read_text(encoding="utf-8")
    found = re.findall(r"<!-- run -->\n```bash\n(.*?)```", page, re.DOTALL)
    return list(dict.fromkeys(line for block in found for line in block.splitlines()))


def test_every_command_of_the_runbook_is_among_those_that_are_run(root: Path) -> None:
    page = (root / "docs" / "how-to" / "runbook.md").read_text(encoding="utf-8")
    assert page.count("```bash") == page.count("<!-- run -->\n```bash")
    parts = re.split(r"^### ", page, flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in parts if "```bash" not in part] == []


@pytest.mark.chaos
def test_the_commands_of_the_runbook_run(
    commands: list[str], local_lake: LocalLake, root: Path
) -> None:
    sample = (root / "samples" / "test-data.json").read_bytes()
    local_lake.ingest("data/test-data.json", sample)
    local_lake.ingest("data/half/a.json", b'{"n": 1}\n{"n": \n')
    for command in commands:
        begin = max((one for one in SAYS if command.startswith(one)), key=len, default="")
        assert begin, f"what does {command!r} say?"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=local_lake.project,
            env=local_lake.shell,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0 or (done.returncode == 1 and command.startswith(FINDS)), said
        assert "Error:" not in said
        for words in SAYS[begin]:
            assert words in said, (command, said)
