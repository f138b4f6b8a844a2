from __future__ import annotations

import os

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_network() -> None:
    """The core needs no network: a unit test that reaches for one is wrong."""
    disable_socket(allow_unix_socket=True)


# Powertools reads these when it is imported, as it does in the function.
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "processor")
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "data-lake")
os.environ.setdefault("POWERTOOLS_TRACE_DISABLED", "1")
