from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.template import translate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def template(root: Path) -> dict[str, Any]:
    """The template as it is written."""
    return translate.written(root)


@pytest.fixture(scope="session")
def translated(template: dict[str, Any]) -> dict[str, Any]:
    """The template as CloudFormation sees it."""
    return translate.translated(template)
