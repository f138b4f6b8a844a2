"""All the cases."""

from __future__ import annotations

from tests.engine.cases import containers, corpora, dates, delimited, headers, values

CASES = sorted(
    (
        case
        for module in (containers, corpora, dates, delimited, headers, values)
        for case in module.CASES
    ),
    key=lambda case: case.name,
)
