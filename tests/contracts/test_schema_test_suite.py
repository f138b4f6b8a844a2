"""The official JSON-Schema-Test-Suite, through the engine: accepted where valid, else refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from contract.schema import parse
from store.errors import ContractError
from tests.conftest import ROOT
from tests.support.engine import convert, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = ROOT.parent / "shared" / "corpora" / "json-schema-test-suite" / "tests" / "draft2020-12"

KEYWORDS = [
    "additionalProperties",
    "boolean_schema",
    "const",
    "default",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "type",
    "optional/bignum",
    "optional/ecmascript-regex",
    "optional/float-overflow",
    "optional/no-schema",
    "optional/non-bmp-regex",
    "optional/unknownKeyword",
    "optional/format/date",
    "optional/format/date-time",
    "optional/format/email",
    "optional/format/ipv4",
    "optional/format/uri",
    "optional/format/uuid",
]

#: Cases whose schema is refused when the contract is loaded, with the keyword that is why.
REFUSED = {
    ("additionalProperties", "additionalProperties being false does not allow other properties"): (
        "patternProperties"
    ),
    ("additionalProperties", "non-ASCII pattern with additionalProperties"): "patternProperties",
    ("additionalProperties", "additionalProperties does not look in applicators"): "allOf",
    ("additionalProperties", "additionalProperties with propertyNames"): "propertyNames",
    ("additionalProperties", "dependentSchemas with additionalProperties"): "dependentSchemas",
    ("enum", "empty enum"): "enum",
    ("items", "items and subitems"): "$defs",
    ("items", "prefixItems with no additional items allowed"): "prefixItems",
    ("items", "items does not look in applicators, valid case"): "allOf",
    ("items", "prefixItems validation adjusts the starting index for items"): "prefixItems",
    ("items", "items with heterogeneous array"): "prefixItems",
    ("pattern", "pattern with Unicode property escape requires unicode mode"): "pattern",
    ("properties", "properties, patternProperties, additionalProperties interaction"): (
        "patternProperties"
    ),
    # Their names are one column.
    ("properties", "properties with escaped characters"): "properties",
    ("required", "required with escaped characters"): "required",
    (
        "optional/ecmascript-regex",
        "patterns always use unicode semantics with pattern",
    ): "pattern",
    ("optional/ecmascript-regex", "pattern with non-ASCII digits"): "pattern",
    (
        "optional/ecmascript-regex",
        "patterns always use unicode semantics with patternProperties",
    ): "patternProperties",
    (
        "optional/ecmascript-regex",
        "\\w in patternProperties matches [A-Za-z0-9_], not unicode letters",
    ): "patternProperties",
    ("optional/ecmascript-regex", "patternProperties with ASCII ranges"): "patternProperties",
    (
        "optional/ecmascript-regex",
        "\\d in patternProperties matches [0-9], not unicode digits",
    ): "patternProperties",
    ("optional/ecmascript-regex", "patternProperties with non-ASCII digits"): "patternProperties",
    (
        "optional/non-bmp-regex",
        "Proper UTF-16 surrogate pair handling: patternProperties",
    ): "patternProperties",
    (
        "optional/unknownKeyword",
        "$id inside an unknown keyword is not a real identifier",
    ): "$defs",
}


def _cases() -> Iterator[Any]:
    if not SUITE.is_dir():
        yield pytest.param(
            "", {}, marks=pytest.mark.skip("the shared corpora are not beside this checkout")
        )
        return
    for name in KEYWORDS:
        for case in json.loads((SUITE / f"{name}.json").read_bytes()):
            yield pytest.param(name, case, id=f"{name}: {case['description']}")


CASES = list(_cases())


def under_v(schema: Any) -> dict[str, Any]:
    """A contract for records of the one property v, which may be anything that JSON is."""
    return {"type": "object", "properties": {"v": schema}, "required": ["v"]}


@pytest.mark.parametrize(("name", "case"), CASES)
def test_an_instance_is_accepted_exactly_where_the_suite_says_valid(
    name: str, case: dict[str, Any]
) -> None:
    if keyword := REFUSED.get((name, case["description"])):
        with pytest.raises(ContractError, match=re.escape(f"keyword {keyword}: ")):
            parse("t", under_v(case["schema"]))
        return
    records = [{"v": test["data"]} for test in case["tests"]]
    expected = [test["valid"] for test in case["tests"]]
    assert verdicts(under_v(case["schema"]), records) == expected
    # Each by itself, so that a file of nothing but valid records is read in one scan.
    alone = [verdicts(under_v(case["schema"]), [record])[0] for record in records]
    assert alone == expected


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(*case.values[1:], id=case.id, marks=case.marks)
        for case in CASES
        if (case.values[0], case.values[1].get("description")) not in REFUSED
        and isinstance(case.values[1].get("schema", {}), dict)
    ],
)
def test_a_record_is_accepted_exactly_where_the_suite_says_valid(case: dict[str, Any]) -> None:
    records = [test["data"] for test in case["tests"]]
    assert verdicts(case["schema"], records) == [test["valid"] for test in case["tests"]]


def verdicts(contract: dict[str, Any], records: list[Any]) -> list[bool]:
    found = convert(lines(*records), "data/t/x.jsonl", contract=contract)
    assert {reason for _, reason in found.reasons} <= {"CONTRACT_VIOLATION"}
    refused = {number for number, _ in found.reasons}
    assert len(found.rows) == len(records) - len(refused)
    return [number not in refused for number in range(1, len(records) + 1)]
