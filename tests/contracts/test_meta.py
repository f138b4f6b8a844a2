"""The description of contracts for editors says what the function says, as far as it can."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.csv import CSV_MEMBERS
from contract.formats import FORMATS
from contract.hints import FORMAT_HINTS
from contract.keywords import KEYWORDS, META
from contract.schema import parse
from store.errors import ContractError
from tests.conftest import CONTRACTS, ROOT
from tests.support.chance import examples

TEXT = (ROOT / "contracts" / META).read_text(encoding="utf-8")
SCHEMA = json.loads(TEXT)
EDITOR = jsonschema.Draft202012Validator(SCHEMA)

#: What JSON Schema cannot say, by what the function says of it.
BEYOND = (
    "are one column",
    "name one of the properties",
    "its type must be string, integer or number",
    "is unknown: use the name of a charset",
    "is no charset",
    "are both",
    "a date is %Y once",
    "does not give back",
    "no more behind the point than in all",
    "is no text of JSON",
    "keyword pattern",
)


def refusals(document: Any) -> list[str]:
    try:
        parse("t", document)
    except ContractError as error:
        return error.detail.splitlines()
    return []


def test_the_description_is_itself_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_description_has_every_keyword_and_every_choice() -> None:
    common = SCHEMA["$defs"]["keywords"]["properties"]
    assert set(common) | set(SCHEMA["properties"]) == KEYWORDS
    assert common["format"]["enum"] == list(FORMATS)
    assert SCHEMA["properties"]["x-format"]["enum"] == list(FORMAT_HINTS)
    assert set(SCHEMA["properties"]["x-csv"]["properties"]) == CSV_MEMBERS


@pytest.mark.parametrize(
    "path",
    [*CONTRACTS.glob("*.json"), ROOT / "benchmarks" / "contract.schema.json"],
    ids=lambda path: path.name,
)
def test_contracts_that_are_honoured_are_right_in_an_editor(path: Any) -> None:
    assert EDITOR.is_valid(json.loads(path.read_text(encoding="utf-8")))


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.5, 2.0, "", "a", "number", [], ["a"], [1], {}, {"a": 1}]
)
CHARACTERS = st.sampled_from([",", ";", "|", '"', "'", "#", "\n", "::", "", "\\"])


def some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Each keyword with an operand of its own or one of another kind."""
    return st.fixed_dictionaries(
        {}, optional={name.replace("_", "-"): values | JUNK for name, values in keywords.items()}
    )


TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
NUMBERS = st.sampled_from([0, 1, -1, 0.1, 10**400, 1e308, -2.5])
COUNTS = st.integers(-1, 3)
NODES: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | some(
        type=TYPES | st.lists(TYPES, max_size=2),
        x_decimal=st.lists(st.integers(-1, 40), max_size=3),
    )
    | some(
        minimum=NUMBERS,
        exclusiveMaximum=NUMBERS,
        multipleOf=NUMBERS,
        minLength=COUNTS,
        maxItems=COUNTS,
        enum=st.lists(JUNK, max_size=2),
        const=JUNK,
    )
    | some(
        pattern=st.sampled_from(["^a", "(?=a)", "("]),
        format=st.sampled_from([*FORMATS, "hostname"]),
        title=JUNK,
        anyOf=JUNK,
        readonly=JUNK,
        x_format=st.just("csv"),
    ),
    lambda inner: some(
        properties=st.dictionaries(st.sampled_from(["a", "A", "b c", "b_c"]), inner, max_size=2),
        required=st.lists(st.sampled_from(["a", "A", "b"]), max_size=2),
        additionalProperties=inner,
        items=inner,
    ),
    max_leaves=4,
)
DATES = st.sampled_from(
    ["%d/%m/%Y", "%Y", "%d.%m.%y", "%Y-%j", "%Y%m%d", "%Y-%m-%d %q", "%Y %d %b", "%%%Y-%m-%d", "%"]
)
CSV = some(
    delimiter=CHARACTERS,
    header=st.booleans(),
    quote=CHARACTERS,
    escape=CHARACTERS,
    null=st.lists(st.sampled_from(["NA", "-"]), max_size=2),
    comment=CHARACTERS,
    skip=st.integers(-1, 2) | st.just(2**31),
    decimal=st.sampled_from([",", ".", ";"]),
    quotes=CHARACTERS,
)
HINTS = some(
    x_format=st.sampled_from([*FORMAT_HINTS, "xml"]),
    x_encoding=st.sampled_from(["utf-8", "latin-1", "hex", "idna", "klingon"]),
    x_csv=CSV,
    x_records=st.sampled_from(
        ["$", "$.a.b", '$["a b"].c', "$.a[0]", "$..a", "a", "$.", '$["\\x"]', "$.a b", "$.*"]
    ),
    x_date_format=DATES | st.lists(DATES, max_size=2),
    x_partition_column=st.sampled_from(["a", "c"]),
    x_owner=JUNK,
)
DOCUMENTS = st.builds(
    lambda node, hints: {**node, **hints} if isinstance(node, dict) else node,
    NODES,
    HINTS | st.just({}),
)


@given(document=DOCUMENTS)
@example(document={"x-decimal": [18, 2], "type": "number"})
@example(document={"properties": {"a": {"type": ["null"], "x-decimal": [18, 2]}}})
@example(document={"properties": {"a": {"type": "integer"}}, "x-partition-column": "A"})
@example(document={"$schema": "./contract.meta.json"})
@example(document={"x-csv": {"quote": False, "escape": "", "null": [], "decimal": ","}})
@example(document=[])
@settings(max_examples=examples(240), deadline=None)
def test_an_editor_and_the_function_agree_about_random_contracts(document: Any) -> None:
    refused = refusals(document)
    if EDITOR.is_valid(document):
        assert all(any(said in line for said in BEYOND) for line in refused), refused
    else:
        assert refused
