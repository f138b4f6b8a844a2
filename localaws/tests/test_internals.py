"""What this package uses of MiniStack is there, and is used from one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from localaws import internals

PACKAGE = Path(internals.__file__).parent
NAMES = [(part, name) for part in internals.PARTS for name in part.names]


@pytest.mark.parametrize(("part", "name"), NAMES, ids=lambda one: getattr(one, "place", one))
def test_ministack_still_has_what_is_used_of_it(part: internals.Part, name: str) -> None:
    assert getattr(part, name) is not None


def test_a_worker_of_ministacks_still_has_its_process() -> None:
    assert internals.process_of(internals.lambda_worker.target("f", {}, b"")) is None


def test_what_is_not_named_is_neither_given_nor_replaced() -> None:
    with pytest.raises(AttributeError, match=r"does not name tables of services\.sqs"):
        _ = internals.sqs.tables
    with pytest.raises(AttributeError, match="no_such"):
        internals.Part("services.sqs", "no_such").replace("no_such", None)


def test_no_other_module_touches_ministack() -> None:
    for path in [*PACKAGE.glob("*.py"), *PACKAGE.glob("athena/*.py")]:
        if path.name == "internals.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            modules = [str(getattr(node, "module", "")), *map(str, named)]
            assert not any(one.startswith("ministack.") for one in modules), (path.name, modules)
