"""Lists what the project depends on, with its licences: ``make licences`` writes the page.

Versions are those of the lock files, licences those of the installed packages' own metadata.
"""

from __future__ import annotations

import re
from importlib import metadata

from packaging.requirements import Requirement

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "reference" / "licences.md"

#: Licences of what the functions ship: they ask for their text to be kept, and for nothing else.
ALLOWED = frozenset(
    {"Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "PSF-2.0"}
)

#: What the command and the local lake begin with; everything that these need belongs to them.
COMMAND = (
    "boto3",
    "click",
    "rich",
    "sqlglot",
    "aws-sam-cli",
    "ministack[full]",
    "duckdb",
    "nicegui",
)

#: How metadata calls a licence, and how SPDX does. Classifiers of BSD do not say which of them.
_NAMES = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

#: What has no licence in its metadata; the file LICENSE of each says it.
_SILENT = {
    "axe-playwright-python": "MIT AND MPL-2.0",
    "cookiecutter": "BSD-3-Clause",
    "cramjam": "MIT",
}

_HEAD = """\
# Licences

What the project depends on, in the versions that are locked, with the licence that each package
states. `make licences` writes this page, and a test compares it with the lock files.

The functions ship only packages under {allowed}.
Other licences may be used by the command, by the local lake and in development: these packages are
installed from the registry, and not passed on.
"""


def locked(*files: str) -> dict[str, str]:
    """Give the versions of lock files by package."""
    found = {}
    for file in files:
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
            if match := re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", line):
                found[_spelled(match[1])] = match[2]
    return found


def licence_of(package: str) -> str:
    """Give a package's licence as SPDX spells it, as far as its metadata says it."""
    told = metadata.metadata(package).json
    if expression := told.get("license_expression"):
        return str(expression)
    classifiers = (each.rpartition(" :: ")[2] for each in told.get("classifier", []))
    named = [_NAMES[one] for one in classifiers if one in _NAMES]
    text = str(told.get("license", "")).strip().partition("\n")[0]
    if text in ALLOWED or (text and not named):
        return text
    return " OR ".join(named) or _SILENT[package]


def is_allowed(licence: str) -> bool:
    """Tell whether the functions may ship what has a licence."""
    alternatives = [one.split(" AND ") for one in licence.strip("()").split(" OR ")]
    return any(all(name.strip("() ") in ALLOWED for name in one) for one in alternatives)


def closure(roots: tuple[str, ...], within: dict[str, str]) -> set[str]:
    """Name the packages that some need, themselves among them."""
    found: set[str] = set()
    open_ = [Requirement(root) for root in roots]
    while open_:
        needed = open_.pop()
        name = _spelled(needed.name)
        if name in found or name not in within:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            one = Requirement(line)
            extras = needed.extras or {""}
            if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras):
                open_.append(one)
    return found


def page() -> str:
    """Write the page."""
    functions = locked("src/requirements.txt", "src/requirements-curator.txt")
    everything = locked("requirements/dev.txt")
    command = closure(COMMAND, everything) - functions.keys()
    development = everything.keys() - command - functions.keys()
    allowed = [name for name in sorted(ALLOWED) if name != "BSD"]
    parts = [_HEAD.format(allowed=f"{', '.join(allowed[:-1])} or {allowed[-1]}")]
    for title, names in (
        ("The functions", functions.keys()),
        ("The command and the local lake", command),
        ("Development", development),
    ):
        rows = (f"| {one} | {everything[one]} | {licence_of(one)} |" for one in sorted(names))
        parts.append(
            "\n".join([f"## {title}\n", "| package | version | licence |", "|---|---|---|"])
        )
        parts[-1] += "\n" + "\n".join(rows) + "\n"
    return "\n".join(parts)


def _spelled(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
