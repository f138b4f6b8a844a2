from __future__ import annotations

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_network() -> None:
    """The core needs no network: a unit test that reaches for one is wrong."""
    disable_socket(allow_unix_socket=True)
