"""The tutorial: a reader who runs its commands in order sees what the page shows.

UPDATE=1 writes what was seen, and the picture, into the page.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.support import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "tutorial" / "taxi.md"
PICTURE = ROOT / "docs" / "pictures" / "taxi.svg"

#: A mark, a block, and what the block before it prints.
STEP = re.compile(
    r"(?:<!-- (?P<mark>[^\n]+) -->\n)?```(?P<kind>bash|json|sql)\n(?P<body>.*?)```\n"
    r"(?:\n```text\n(?P<said>.*?)```\n)?",
    re.DOTALL,
)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@dataclass
class Reader:
    """Somebody in the folder of the project, with a terminal of 80 columns."""

    project: Path
    exports: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LAKE_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path}

    def run(self, commands: str) -> str:
        """Give what commands print; they may end with 2, which says that something was refused."""
        script = "\n".join([*self.exports, commands])
        shown, code = terminal.run(["bash", "-c", script], self.project, self.environment)
        assert code in (0, 2), shown
        assert "Error" not in shown
        self.exports += [one for one in commands.splitlines() if one.startswith("export ")]
        return terminal.for_page(shown)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader with a project that is new, but for what takes long to make."""
    (ROOT / ".aws-sam").mkdir(exist_ok=True)
    project = tmp_path / "project"
    project.mkdir()
    # SAM follows links, and builds where they lead to.
    shutil.copytree(ROOT / "src", project / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, project)
    for name in (".aws-sam", "examples", "events", "samples", "requirements", "pyproject.toml"):
        (project / name).symlink_to(ROOT / name)
    made = Reader(project)
    yield made
    if (project / ".lake").exists():
        made.run("lake down --yes")


def test_only_what_a_test_has_already_is_not_run(page: str) -> None:
    steps = list(STEP.finditer(page))
    (left_out,) = [step["body"] for step in steps if step["mark"] == "not run"]
    assert left_out == "make install\nsource .venv/bin/activate\n"
    assert page.count("```bash\n") == sum(step["kind"] == "bash" for step in steps)


@pytest.mark.chaos
def test_each_command_of_the_tutorial_prints_what_the_page_shows(page: str, reader: Reader) -> None:
    update, written, drawn = bool(os.environ.get("UPDATE")), page, b""
    for step in STEP.finditer(page):
        mark, body, shown = step["mark"] or "", step["body"], step["said"] or ""
        if mark.startswith("file: "):
            (reader.project / mark.removeprefix("file: ")).write_text(body, encoding="utf-8")
            continue
        if mark == "not run":
            continue
        said = reader.run(body)
        if mark == "until it is so":
            said = _follow(reader, body, said, "" if update else shown)
        if update:
            written = written.replace(step[0], with_output(step, said))
        elif mark != "not shown":
            assert terminal.same(said) == terminal.same(shown), f"{body}{said}"
        if "chart.py" in body:
            drawn = (reader.project / "taxi" / "days.svg").read_bytes()
    if update:
        PAGE.write_text(written, encoding="utf-8")
        PICTURE.write_bytes(drawn)
    assert drawn == PICTURE.read_bytes()


def _follow(reader: Reader, commands: str, said: str, shown: str) -> str:
    """Run commands again until they print what is shown; where nothing is, for a while."""
    for _ in range(20):
        if terminal.same(said) == terminal.same(shown):
            break
        time.sleep(1)
        said = reader.run(commands)
    return said


def with_output(step: re.Match[str], said: str) -> str:
    """Give a step with what its commands printed."""
    mark = f"<!-- {step['mark']} -->\n" if step["mark"] else ""
    output = f"\n```text\n{said}```\n" if said and step["mark"] != "not shown" else ""
    return f"{mark}```{step['kind']}\n{step['body']}```\n{output}"
