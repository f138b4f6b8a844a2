"""Says what is new in a release: `python -m tests.support.release v1.2.3`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def note(tag: str, root: Path = _ROOT) -> str:
    """Give the changelog's part on a version.

    Parameters
    ----------
    tag : str
        ``v`` and the version.
    root : Path
        The project.

    Raises
    ------
    ValueError
        When the version of a package is another, or the changelog has no such part.
    """
    version = tag.removeprefix("v")
    for name in ("pyproject.toml", "localaws/pyproject.toml"):
        told = tomllib.loads((root / name).read_text(encoding="utf-8"))["project"]["version"]
        if told != version:
            raise ValueError(f"{name} says version {told}, the tag {tag}: change one of them")
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n+(.*?)(?=^## \[|\Z)",
        text,
        re.MULTILINE | re.DOTALL,
    )
    if found is None:
        raise ValueError(f"CHANGELOG.md has no part `## [{version}] - <date>`: write it")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(note(sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))
