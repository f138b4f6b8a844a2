"""What the documentation names exists, and what it tells to run runs."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import click
import pytest
from samcli.yamlhelper import parse_yaml_file

from contract.formats import FORMATS
from contract.hints import FORMAT_HINTS
from contract.keywords import KEYWORDS
from engine.convert.layout import RESCUED, SOURCE_KEY, SOURCE_VERSION
from lake import manual
from lake.cli import main
from store.entry import Entry
from store.errors import DefectError, TransientError
from store.items import item_of
from store.model import Status
from store.naming import PARTITION_KEY
from store.reasons import Reason
from tests.support import reference

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake


@pytest.fixture(scope="module")
def pages(root: Path) -> dict[str, str]:
    found = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("samples/*.md")]
    assert len(found) >= 40
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in found}


@pytest.fixture(scope="module")
def text(pages: dict[str, str]) -> str:
    return "\n".join(pages.values())


def blocks(page: str, mark: str) -> list[str]:
    return re.findall(rf"<!-- {re.escape(mark)} -->\n```bash\n(.*?)```", page, re.DOTALL)


def test_every_lake_command_and_option_exists(text: str) -> None:
    named = re.findall(r"(?:`|\n|\$ |/)lake ([a-z]+)((?: [^`\n|]*)?)", text)
    every = manual.commands_of(main)
    assert {command for command, _ in named} >= {"up", "down", "status", "put", "query", "crawl"}
    for command, rest in named:
        assert command in every, command
        known = every[command]
        if isinstance(known, click.Group):
            (word,) = re.findall(r"^ ([a-z]+)", rest)
            assert word in known.commands, (command, word)
            known = known.commands[word]
        options = {name for p in known.params for name in (*p.opts, *p.secondary_opts)}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, (command, rest)


def test_every_lake_command_is_named(text: str) -> None:
    for name, command in manual.commands_of(main).items():
        words = command.commands if isinstance(command, click.Group) else [""]
        for word in words:
            assert f"lake {name} {word}".strip() in text


def test_the_reference_is_that_of_code_and_template(pages: dict[str, str]) -> None:
    assert "## Every command" in pages["docs/reference/command.md"]
    for place in sorted(reference.FOLDER.glob("*.md")):
        said = place.read_text(encoding="utf-8")
        assert said == reference.page(place), f"`make reference` writes {place.name} anew"


def test_every_command_has_an_example() -> None:
    named = set()
    for name, command in manual.commands_of(main).items():
        words = command.commands if isinstance(command, click.Group) else [""]
        named |= {f"lake {name} {word}".strip() for word in words}
    assert named == manual.EXAMPLES.keys()


def test_every_part_that_can_be_written_is_on_a_page(pages: dict[str, str]) -> None:
    found = re.findall(r"<!-- written: ([\w ]+) -->", "".join(pages.values()))
    assert sorted(found) == sorted(reference.WRITTEN)


def test_every_reason_for_which_a_model_fails_is_explained(
    pages: dict[str, str], root: Path
) -> None:
    table = pages["docs/reference/reasons.md"].partition("<!-- model failures -->")[2]
    sources = "".join(p.read_text() for p in root.glob("src/**/*.py"))
    raised = set(re.findall(r"ModelFailedError\(\s*\"([A-Z_]+)\"", sources))
    assert "TABLE_UNLIKE" in raised
    assert raised | {"TABLE_NOT_FOUND"} <= set(
        re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)
    )


def test_every_make_target_that_is_named_exists_and_make_help_tells_it(
    text: str, root: Path
) -> None:
    done = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True)
    told = dict(re.findall(r"^  make ([a-z-]+) +(\S.*)$", done.stdout, re.MULTILINE))
    phony = re.findall(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(), re.MULTILINE)
    # What only other targets need has no line.
    assert {*told, "collected", "kept"} == {name for line in phony for name in line.split()}
    named = set(re.findall(r"(?:`|\$ |^)make ([a-z-]+)", text, re.MULTILINE))
    assert named >= {"demo", "test", "pr", "test-fast"}
    assert named <= set(told)


def test_every_parameter_and_output_exists(text: str, root: Path) -> None:
    template = parse_yaml_file(str(root / "template.yaml"))
    assert set(re.findall(r"\$\(output (\w+)\)", text)) <= set(template["Outputs"])
    assert set(re.findall(r"\b([A-Z][a-z]+[A-Za-z]*)=[^=]", text)) - {"Database"} <= set(
        template["Parameters"]
    )
    assert set(re.findall(r"[Pp]arameter `(\w+)`", text)) <= set(template["Parameters"])


def test_every_environment_variable_is_read_somewhere(text: str, root: Path) -> None:
    sources = [*root.glob("src/**/*.py"), *root.glob("lake/**/*.py")]
    sources += [root / "Makefile", root / "src" / "Makefile", root / "template.yaml"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    for name in set(re.findall(r"\b(?:LAKE|AWS|KEEP|EXAMPLES)_?[A-Z_]*\b", text)) - {"AWS"}:
        assert name in code, name


def test_every_file_in_backticks_exists(pages: dict[str, str], root: Path) -> None:
    named = re.findall(r"`((?:events|samples|src|tests)/[\w./-]*)`", "".join(pages.values()))
    for name in set(named):
        assert (root / name).exists(), name
    listed = re.findall(r"^\| `([\w-]+\.json)` \|", pages["docs/how-to/invoke.md"], re.MULTILINE)
    assert {place.name for place in (root / "events").glob("*.json")} == {*listed}


def test_every_module_and_test_that_is_named_exists(pages: dict[str, str], root: Path) -> None:
    parts = "benchmarks|contract|engine|lake|processor|store|tests"
    for page, content in pages.items():
        for name in set(re.findall(rf"`((?:src/)?(?:{parts})/[\w/.-]+)`", content)):
            assert (root / name).exists() or (root / "src" / name).exists(), (page, name)
    # Modules of one row share the folder that the row's last path names.
    table = pages["docs/explanation/reading.md"].split("| question | module |")[1].split("\n\n")[0]
    for row in table.splitlines()[2:]:
        folder = ""
        for name in re.findall(r"`([\w/]+\.py)`", row):
            folder = name.rpartition("/")[0] or folder
            assert (root / "src" / folder / name.rpartition("/")[2]).exists(), (row, name)


def test_reasons_and_statuses_are_those_of_the_code(root: Path) -> None:
    statuses = (root / "docs" / "reference" / "ledger.md").read_text(encoding="utf-8")
    page = (root / "docs" / "reference" / "reasons.md").read_text(encoding="utf-8")
    refused, rest = page.split("<!-- /reasons -->")
    failures = rest.split("<!-- /failures -->")[0]
    rows = r"^\| `([A-Z_0-9]+)` \|"
    assert set(re.findall(rows, statuses, re.MULTILINE)) == {s.value for s in Status}
    transient = {error.code for error in TransientError.__subclasses__()}
    transient |= {error.code for error in DefectError.__subclasses__()}
    terminal = {"OBJECT_GONE", "OBJECT_ARCHIVED", "OBJECT_ENCRYPTED", "WORKER_LOST", "DEFECT"}
    assert set(re.findall(rows, failures, re.MULTILINE)) == transient | terminal
    assert set(re.findall(rows, refused, re.MULTILINE)) == {r.value for r in Reason}


def test_every_attribute_of_the_ledger_is_explained(root: Path) -> None:
    page = (root / "docs" / "reference" / "ledger.md").read_text(encoding="utf-8")
    table = page.split("<!-- attributes -->")[1].split("<!-- /attributes -->")[0]
    named = {
        name
        for cell in re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cell)
    }
    # What is only written where it has something to say.
    entry = Entry(untold=("a/2024-01-15",), unheard=True, verdict=Status.PARTIAL)
    code = (root / "src/processor/ingest/preparation.py").read_text(encoding="utf-8")
    literals = "".join(re.findall(r"facts: Facts = (\{.+?\n    +\})", code, re.DOTALL))
    facts = set(re.findall(r'facts\["(\w+)"\]|"(reason|detail)": error', code))
    written = {name for names in facts for name in names if name}
    written |= set(re.findall(r'"(\w+)":', literals)) | item_of("b/k", entry, 0).keys()
    assert {"bytes", "records_read", "drift", "sequencer", "attention"} <= written
    assert named == written


def test_the_columns_that_every_dataset_has_are_named(root: Path) -> None:
    page = (root / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
    table = page.split("<!-- lineage -->")[1].split("<!-- /lineage -->")[0]
    named = re.findall(r"^\| `(\w+)` \| `string` \|", table, re.MULTILINE)
    assert named == [SOURCE_KEY, SOURCE_VERSION, RESCUED, PARTITION_KEY]


def test_every_variable_that_the_command_reads_is_named(root: Path) -> None:
    page = (root / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
    places = [*root.glob("lake/**/*.py"), *root.glob("localaws/*.py"), root / "src" / "Makefile"]
    code = "".join(place.read_text(encoding="utf-8") for place in places)
    spelled = r'environ(?:\.get\(|\[)"(\w+)"|envvar="(\w+)"|\$\((?:call folder,\$\()?(LAKE_\w+)'
    read = {name for names in re.findall(spelled, code) for name in names if name}
    assert {"LAKE_STATE_DIR", "LAKE_STACK_NAME", "LAKE_CONTRACTS", "LAKE_ARCHITECTURE"} <= read
    # The server's own, by which the command starts it, and what every shell sets.
    assert set(re.findall(r"`(\w+)(?:=\w+)?`", page)) >= read - {
        "GATEWAY_PORT",
        "STATE_DIR",
        "HOME",
        "PATH",
    }


def test_keywords_formats_and_hints_of_contracts_are_those_of_the_code(root: Path) -> None:
    page = (root / "docs" / "reference" / "contracts.md").read_text(encoding="utf-8")
    table = page.split("| keyword | notes |")[1].split("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row[1])}
    assert named == KEYWORDS
    notes = {row[1].strip(): row[2] for row in rows}
    assert set(re.findall(r"`([\w-]+)`", notes["`format`"])) == set(FORMATS)
    assert set(re.findall(r"`([\w-]+)`", notes["`x-format`"])) == set(FORMAT_HINTS)


def run(script: str, lake: LocalLake) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=lake.project,
        env=lake.shell,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.local
def test_the_commands_of_the_aws_cli_run(pages: dict[str, str], local_lake: LocalLake) -> None:
    found = blocks(pages["docs/how-to/aws-cli.md"], "run")
    assert len(found) >= 7
    said = run("\n".join(found), local_lake)
    assert "Product A | Electronics | 29.99" in said
    assert "DONE\t3\t3\t0" in said
    assert "object ingested" in said


@pytest.mark.local
def test_logs_tail_runs_where_the_cli_has_it(pages: dict[str, str], local_lake: LocalLake) -> None:
    version = subprocess.run(["aws", "--version"], capture_output=True, text=True, check=True)
    if not version.stdout.startswith("aws-cli/2"):
        pytest.skip("AWS CLI 1 has no `logs tail`; filter-log-events is run instead")
    preamble = blocks(pages["docs/how-to/aws-cli.md"], "run")[0]
    said = run(
        "\n".join([preamble, *blocks(pages["docs/how-to/aws-cli.md"], "run with aws-cli/2")]),
        local_lake,
    )
    assert "object" in said
