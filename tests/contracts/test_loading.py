"""A contract is honoured whole or refused, with the place and what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contract.check import violation
from contract.grammar import PatternError
from contract.loading import load, load_folder
from contract.pattern import compiled
from contract.schema import parse
from processor import bootstrap
from processor.settings import Settings
from store.errors import ContractError, TerminalError, TransientError

if TYPE_CHECKING:
    from pathlib import Path

UNSUPPORTED = [
    *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"),
    *("dependentRequired", "$ref", "$defs", "$anchor", "$dynamicRef", "$dynamicAnchor"),
    *("$vocabulary", "definitions", "patternProperties", "propertyNames", "minProperties"),
    *("maxProperties", "prefixItems", "contains", "minContains", "maxContains", "uniqueItems"),
    *("unevaluatedItems", "unevaluatedProperties", "contentEncoding", "contentMediaType"),
    *("contentSchema", "nullable", "x-owner", "Type"),
]


@pytest.mark.parametrize("keyword", UNSUPPORTED)
def test_a_keyword_that_is_not_honoured_is_refused_wherever_it_is(keyword: str) -> None:
    inner: dict[str, Any] = {"type": "array", "items": {keyword: {}}}
    with pytest.raises(ContractError) as refused:
        parse("orders", {"properties": {"a/b": inner}})
    assert refused.value.detail.startswith(
        f"orders.schema.json #/properties/a~1b/items/{keyword}: keyword {keyword}: not supported"
    )


WRONG = [
    ({"type": "int"}, "#/type: keyword type: 'int' is no type: did you mean integer?"),
    ({"type": "BIGINT"}, "'BIGINT' is no type: did you mean integer?"),
    ({"type": ["null", "decimal(10,2)"]}, "is no type: did you mean number?"),
    ({"type": "date"}, '\'date\' is no type: did you mean string, with "format": "date"?'),
    ({"type": "strng"}, "'strng' is no type: did you mean string?"),
    ({"type": "money"}, "'money' is no type: use one or several of null, boolean"),
    ({"type": []}, "#/type: keyword type: use one"),
    ({"type": 1}, "#/type: keyword type: use one"),
    ({"format": "datetime"}, "'datetime' is not asserted: did you mean date-time"),
    ({"x-format": "jsonlines"}, "keyword x-format: did you mean jsonl?"),
    ({"x-csv": {"delimeter": ";"}}, "delimeter is unknown: did you mean delimiter?"),
    ({"properties": {"sold_at": {}}, "x-partition-column": "soldat"}, "did you mean sold_at?"),
    ({"enum": []}, "#/enum: keyword enum: it is a list of at least one value"),
    ({"minimum": "3"}, "#/minimum: keyword minimum: it is a number"),
    ({"maximum": True}, "#/maximum: keyword maximum: it is a number"),
    ({"multipleOf": 0}, "#/multipleOf: keyword multipleOf: it is a number greater than 0"),
    ({"minLength": -1}, "#/minLength: keyword minLength: it is a whole number"),
    ({"maxItems": 1.5}, "#/maxItems: keyword maxItems: it is a whole number"),
    ({"format": "hostname"}, "'hostname' is not asserted: use one of date, date-time"),
    ({"pattern": "(?=a)"}, "'(?=a)': RE2 has no look-ahead or look-behind"),
    ({"required": "a"}, "#/required: keyword required: it is a list"),
    ({"properties": []}, "#/properties: keyword properties: it is an object of schemas"),
    ({"items": [{}]}, "#/items: a schema is a JSON object, true or false"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "contracts are written in https"),
    ({"x-partition-column": "at"}, "keyword x-partition-column: name one of the properties"),
    ({"x-format": "xml"}, "keyword x-format: use one of jsonl, json, csv"),
    (
        {"properties": {"a": {"x-format": "csv"}}},
        "#/properties/a/x-format: keyword x-format: it belongs to the contract as a whole",
    ),
    (
        {"properties": {"at": {"type": "array"}}, "x-partition-column": "at"},
        "its type must be string, integer or number",
    ),
    ([], "#: a schema is a JSON object"),
    (True, "#: a contract is a JSON object"),
]


@pytest.mark.parametrize(("document", "told"), WRONG, ids=lambda v: str(v)[:40])
def test_a_keyword_of_the_wrong_form_is_refused(document: Any, told: str) -> None:
    with pytest.raises(ContractError) as refused:
        parse("orders", document)
    assert told in refused.value.detail


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ContractError) as refused:
        parse("t", {"allOf": [], "properties": {"a": {"not": {}, "minimum": "x"}}})
    assert len(refused.value.detail.splitlines()) == 3


def test_what_is_wrong_in_all_files_of_a_folder_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.schema.json").write_text('{"type": ["int", "nul"], "minmum": 1}')
    (tmp_path / "b.schema.json").write_text("{")
    (tmp_path / "c.json").write_text("{}")
    (tmp_path / "d.schema.json").write_text('{"properties": {"a": {"type": "bool"}}}')
    with pytest.raises(ContractError) as refused:
        load_folder(tmp_path)
    files = [line.partition(":")[0] for line in refused.value.detail.splitlines()]
    assert files == [
        *("a.schema.json #/type", "a.schema.json #/type", "a.schema.json #/minmum"),
        *("b.schema.json", "c.json", "d.schema.json #/properties/a/type"),
    ]


def test_annotations_have_no_effect() -> None:
    plain = parse("t", {"properties": {"a": {"type": "integer"}}})
    words = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/t",
        "$comment": "c",
        "title": "t",
        "description": "d",
        "default": {},
        "examples": [1],
        "deprecated": True,
        "readOnly": True,
        "writeOnly": True,
    }
    assert parse("t", words | {"properties": {"a": {"type": "integer"}}}).root == plain.root


@pytest.mark.parametrize("name", ["orders.json", "Orders.schema.json", ".schema.json"])
def test_a_file_that_names_no_dataset_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(ContractError, match="a contract is called <dataset>"):
        load_folder(tmp_path)


@pytest.mark.parametrize("text", ["{", '{"type": "object", "type": "array"}', ""])
def test_a_file_that_is_not_one_json_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "orders.schema.json"
    path.write_text(text)
    with pytest.raises(ContractError, match=r"orders\.schema\.json: not readable as JSON"):
        load(path)


def test_a_folder_that_is_not_there_is_no_folder_without_contracts(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no such folder of contracts"):
        load_folder(tmp_path / "none")
    (tmp_path / "contract.meta.json").write_text("{}")
    assert load_folder(tmp_path) == {}


def test_the_function_refuses_to_start_with_a_broken_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orders.schema.json").write_text('{"anyOf": []}')
    monkeypatch.setattr(bootstrap, "_CONTRACTS", tmp_path)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    settings = Settings(
        processed_bucket="bucket",
        database="database",
        crawler="crawler",
        ledger_table="ledger",
        queue_url="https://sqs.us-east-1.amazonaws.com/000000000000/queue",
        curate_queue_url="https://sqs.us-east-1.amazonaws.com/000000000000/curate",
        date_columns=(),
        output_format="parquet",
        max_partitions=1,
        max_columns=1,
        crawl_minutes=60,
        first_date="2024-01-01",
        memory_mb=512,
        disk_mb=512,
    )
    with pytest.raises(ContractError, match="anyOf") as refused:
        bootstrap.build(settings)
    # Neither kind: the message goes back to the queue, and is a dead letter at last.
    assert not isinstance(refused.value, TerminalError | TransientError)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (r"(?=a)", "look-ahead"),
        (r"(?<!a)b", "look-behind"),
        (r"(a)\1", "back-references"),
        (r"\p{L}", "Unicode version"),
        (r"\bword", "word boundaries"),
        (r"\Aa", r"\\A is no escape"),
        (r"a\Z", r"\\Z is no escape"),
        (r"\_", r"\\_ is no escape"),
        (r"a{1001}", "RE2 repeats 1,000 times at most"),
        (r"(a{100}){11}", "RE2 repeats 1,000 times at most"),
        (r"a{2,1}", "out of order"),
        (r"[b-a]", "has no order"),
        (r"(a", "not closed"),
        (r"a)", "closes nothing"),
        (r"[a", "too early"),
        (r"*a", "nothing to repeat"),
        (r"a{", "a repetition is"),
        (r"a}", "stands alone"),
        (r"^*", "cannot be repeated"),
        (r"(?i:a)", "a group begins with"),
        ("(" * 5000 + ")" * 5000, "nests too deep"),
    ],
)
def test_a_pattern_that_cannot_be_matched_alike_everywhere_is_refused(
    pattern: str, told: str
) -> None:
    with pytest.raises(PatternError, match=told):
        compiled(pattern)


def test_multiples_are_whole_in_decimal() -> None:
    root = parse("t", {"multipleOf": 0.1}).root
    for value in (1.1, 0.3, 4.35e1, 7, 0, -0.7):
        assert violation(root, value) is None, value
    assert violation(root, 0.35) is not None


def test_the_contract_of_the_benchmark_is_honoured(root: Path) -> None:
    text = (root / "benchmarks" / "contract.schema.json").read_text(encoding="utf-8")
    assert parse("bench", json.loads(text)).partition_column == "timestamp"
