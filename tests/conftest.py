"""What every test may use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Real data that nobody here wrote; it lies beside the checkout, not in it."""
    path = ROOT.parent / "shared" / "corpora"
    if not path.is_dir():
        pytest.skip("the shared corpora are not beside this checkout")
    return path


def load_event(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
