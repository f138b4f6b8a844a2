"""The commands `lake contract …`, as their user runs them."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from contract.check import violation
from contract.schema import parse
from lake import suggest
from lake.cli import main
from lake.context import Choice
from lake.contract_diff import Effect, differences
from tests.conftest import CONTRACTS, ROOT
from tests.support.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake


def run(*words: str) -> Any:
    return CliRunner().invoke(main, ["contract", *words])


def write(folder: Path, name: str, document: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(document))
    return str(path)


def test_check_tells_what_the_function_would_refuse(tmp_path: Path) -> None:
    good = write(tmp_path, "orders.schema.json", {"properties": {"a": {"type": "integer"}}})
    bad = write(tmp_path, "items.schema.json", {"properties": {"a": {"oneOf": []}}, "not": {}})
    assert run("check", good).exit_code == 0
    done = run("check", good, bad)
    assert done.exit_code == 1
    assert "orders.schema.json: sound; it names 1 property" in done.output
    assert "items.schema.json #/properties/a/oneOf: keyword oneOf: not supported" in done.output
    assert "items.schema.json #/not: keyword not: not supported" in done.output


def test_a_contract_may_be_named_by_its_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_CONTRACTS", str(tmp_path))
    write(tmp_path, "orders.schema.json", {"properties": {"a": {"type": "integer"}}})
    new = write(tmp_path, "new.json", {"properties": {"a": {"type": "string"}}})
    assert "orders.schema.json: sound" in run("check", "orders").output
    assert run("diff", "orders", new).exit_code == Effect.NARROWS
    for words in (("check", "order"), ("diff", "order", new)):
        done = run(*words)
        assert done.exit_code != 0
        said = str(done.exception) + done.output
        assert f"neither a file order nor a contract {tmp_path / 'order.schema.json'}" in said
        assert "did you mean orders?" in said


def test_a_misspelt_dataset_is_told_what_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_CONTRACTS", str(tmp_path))
    file = write(tmp_path, "orders.schema.json", {})
    said = str(run("check", "--against", "order").exception)
    assert said.endswith("order.schema.json does not exist: did you mean orders?")
    world = World(tmp_path)
    world.upload("data/orders/a.json", b'{"id": "1", "d": "2024-01-01"}')
    world.drain()
    monkeypatch.setattr(Choice, "target", lambda _: world.target)
    said = str(run("check", file, "--against", "order").exception)
    assert said.endswith("is in the raw bucket. order: did you mean orders?")
    assert "no table order: did you mean orders?" in str(run("infer", "order").exception)
    said = str(run("infer", "xyz").exception)
    assert "no table xyz: `lake put FILE --dataset xyz` makes one" in said
    world.close()


def test_a_contract_that_is_only_tried_is_named_by_its_own_file(tmp_path: Path) -> None:
    file = write(tmp_path, "trial.json", {"oneOf": []})
    for words in (("check", file, "--against", "orders"), ("diff", file, file)):
        said = str(run(*words).exception)
        assert said.startswith("trial.json #/oneOf: keyword oneOf: not supported")


def test_a_variable_that_names_no_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_CONTRACTS", str(tmp_path / "gone"))
    said = str(run("check").exception)
    assert "LAKE_CONTRACTS names" in said
    assert "`unset LAKE_CONTRACTS`" in said


def test_check_without_files_checks_those_of_the_project() -> None:
    assert run("check").exit_code == 0


ONE: dict[str, Any] = {"type": "integer", "minimum": 1}

CHANGES = [
    ({"title": "new"}, {}, Effect.COMPATIBLE, ""),
    (ONE, ONE | {"minimum": 1.0}, Effect.COMPATIBLE, ""),
    ({"enum": [1, 2]}, {"enum": [2, 1.0]}, Effect.COMPATIBLE, ""),
    (ONE, {"type": "integer"}, Effect.REPLAY, "minimum: 1 is gone"),
    (ONE, ONE | {"minimum": 0}, Effect.REPLAY, "minimum: 1 → 0"),
    (ONE, ONE | {"type": ["integer", "null"]}, Effect.REPLAY, "type: also null"),
    (ONE, ONE | {"type": "number"}, Effect.REPLAY, "column type: bigint → double"),
    ({"enum": [1]}, {"enum": [1, 2]}, Effect.REPLAY, "enum"),
    ({"multipleOf": 0.1}, {"multipleOf": 0.01}, Effect.REPLAY, "multipleOf"),
    ({"maxLength": 1}, {"maxLength": 2}, Effect.REPLAY, "maxLength"),
    ({"items": False}, {}, Effect.REPLAY, "allowed again"),
    ({}, {"type": "string"}, Effect.NARROWS, "no more array, boolean, integer, null"),
    (ONE, ONE | {"minimum": 2}, Effect.NARROWS, "minimum: 1 → 2"),
    (ONE, ONE | {"maximum": 9}, Effect.NARROWS, "maximum: 9 is new"),
    ({"enum": [1, 2]}, {"enum": [1]}, Effect.NARROWS, "enum"),
    ({"pattern": "a"}, {"pattern": "b"}, Effect.NARROWS, "pattern: a → b"),
    ({"const": 1}, {"const": True}, Effect.NARROWS, "const"),
    ({"properties": {"b": {}}}, {"required": ["b"]}, Effect.NARROWS, "required from now on"),
    ({"required": ["b"]}, {}, Effect.REPLAY, "not required any more"),
    ({}, {"additionalProperties": False}, Effect.NARROWS, "not allowed any more"),
    ({}, {"properties": {"b": {}}}, Effect.COMPATIBLE, "named"),
    ({"items": ONE}, {"items": ONE | {"minimum": 3}}, Effect.NARROWS, "minimum"),
    (
        {"type": "number"},
        {"type": "number", "x-decimal": [18, 2]},
        Effect.REPLAY,
        "column type: double → decimal(18,2)",
    ),
    ({"properties": {"Bc": ONE}}, {"properties": {"bC": ONE}}, Effect.COMPATIBLE, ""),
    ({"required": ["Bc"]}, {"required": ["bC"]}, Effect.COMPATIBLE, ""),
    ({"properties": {"Bc": {}}}, {"properties": {"bc": ONE}}, Effect.NARROWS, "minimum"),
]


@pytest.mark.parametrize(("old", "new", "effect", "told"), CHANGES, ids=lambda v: str(v)[:30])
def test_a_change_is_called_by_its_effect(
    old: dict[str, Any], new: dict[str, Any], effect: Effect, told: str
) -> None:
    before, after = (parse("t", {"properties": {"a": schema}}) for schema in (old, new))
    found = differences(before, after)
    assert max((change.effect for change in found), default=Effect.COMPATIBLE) == effect
    assert told in "; ".join(change.what for change in found)
    assert all(change.path.startswith("$.a") for change in found)


OF_FILES = [
    ("x-format", "csv", "x-format: none → csv"),
    ("x-encoding", "latin-1", "x-encoding: none → iso8859-1"),
    ("x-csv", {"delimiter": ";"}, 'x-csv: none → {"delimiter": ";"}'),
    ("x-records", '$.data["a b"]', 'x-records: none → $.data["a b"]'),
    ("x-date-format", "%d/%m/%Y", 'x-date-format: none → ["%d/%m/%Y"]'),
]


@pytest.mark.parametrize(("keyword", "value", "told"), OF_FILES)
def test_what_is_said_of_files_needs_a_replay(keyword: str, value: Any, told: str) -> None:
    (change,) = differences(parse("t", {}), parse("t", {keyword: value}))
    assert (change.path, change.effect) == ("$", Effect.REPLAY)
    assert change.what.startswith(told)
    assert differences(parse("t", {keyword: value}), parse("t", {keyword: value})) == []


def test_diff_prints_each_path_and_exits_with_the_gravest(tmp_path: Path) -> None:
    old = write(tmp_path, "old.json", {"properties": {"a": ONE, "b": {"type": "string"}}})
    new = write(tmp_path, "new.json", {"properties": {"a": {"type": "integer"}, "b": {}}})
    worse = write(tmp_path, "worse.json", {"properties": {"a": ONE}, "required": ["a"]})
    done = run("diff", old, new)
    assert done.exit_code == 3
    assert "$.a" in done.output
    assert "needs replay" in done.output
    done = run("diff", old, worse)
    assert done.exit_code == 4
    assert "narrows" in done.output
    assert run("diff", old, old).exit_code == 0
    bad = write(tmp_path, "bad.json", {"allOf": []})
    assert run("diff", old, bad).exception is not None


def test_a_change_of_types_names_what_changes_the_columns(tmp_path: Path) -> None:
    kinds = ("integer", "string", "object", "integer")
    columns = dict(zip(("Price", "note", "at", "same"), kinds, strict=True))
    properties: dict[str, Any] = {name: {"type": kind} for name, kind in columns.items()}
    properties["at"]["properties"] = {"x": {"type": "integer"}}
    (tmp_path / "new").mkdir()
    old = write(tmp_path, "orders.schema.json", {"properties": properties})

    def changed(**others: Any) -> str:
        document = {"properties": {**properties, **others}}
        new = write(tmp_path / "new", "orders.schema.json", document)
        said = run("diff", old, new).output
        assert ("Next:" in said) == bool(others)
        return str(said)

    decimal = changed(Price={"type": "number", "x-decimal": [18, 2]}, note={"maxLength": 9})
    assert "keeps its type: `lake retype` changes it" in decimal
    wanted = [
        "  lake deploy",
        "  lake retype orders.price 'decimal(18,2)'",
        (
            "  lake replay --dataset orders --status PARTIAL --status REJECTED: "
            "for files without any row"
        ),
    ]
    assert decimal.partition("Next:\n")[2].splitlines() == wanted
    replayed = ["  lake deploy", "  lake replay --dataset orders"]
    inner = {"type": "object", "properties": {"x": {"type": "string"}}}
    for others in ({"same": {"type": "integer", "minimum": 0}}, {"at": inner}):
        said = changed(**others)
        assert said.partition("Next:\n")[2].splitlines() == replayed
        assert "lake retype" not in said
    union = changed(note={"type": ["string", "null", "integer"]})
    assert union.partition("Next:\n")[2].splitlines() == replayed
    new = str(tmp_path / "new" / "orders.schema.json")
    back = run("diff", new, old).output.partition("Next:\n")[2].splitlines()
    assert back == [
        "  lake deploy",
        "  lake retype orders.note string: if `lake describe orders` shows another type",
        "  lake replay --dataset orders: else",
    ]
    assert changed() == "Every record is judged and stored as before.\n"
    done = run("diff", old, str(tmp_path / "new" / "orders.schema.json"), "--json")
    assert json.loads(done.output) == []


@pytest.mark.local
def test_a_proposed_contract_accepts_every_row_of_the_table(local_lake: LocalLake) -> None:
    records: list[dict[str, Any]] = [
        {"id": 1, "Name": "x", "size": 1.5, "ok": True, "at": {"x": 1}, "tags": ["a"], "zip": "1"},
        {"id": 2, "Name": "y", "size": 3, "at": {"x": None}, "tags": [], "zip": "02"},
        {"id": 3, "Name": "z", "ok": False, "mixed": 1},
    ]
    body = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    local_lake.ingest("data/inferred/one.jsonl", body)
    local_lake.ingest("data/inferred/two.jsonl", b'{"id": 4, "Name": "w", "mixed": "text"}\n')
    done = local_lake.command("lake", "contract", "infer", "inferred")
    proposed = json.loads(done.stdout)
    contract = parse("inferred", proposed)
    for record in [*records, {"id": 4, "Name": "w", "mixed": "text"}]:
        assert violation(contract.root, record) is None, record
    properties = proposed["properties"]
    assert proposed["required"] == ["id", "Name"]
    assert properties["id"] == {"type": "integer", "$comment": "Seen: 1 to 4."}
    # What people are called is copied into no file that is deployed.
    assert properties["Name"] == {"type": "string"}
    assert properties["size"]["type"] == ["number", "null"]
    assert properties["tags"] == {
        "type": ["array", "null"],
        "items": {"type": ["string", "null"]},
    }
    assert properties["at"]["properties"] == {"x": {"type": ["integer", "null"]}}
    assert "type" not in properties["zip"]
    assert properties["mixed"] == {
        "type": ["integer", "string", "null"],
        "$comment": "1 value did not fit the column, which is bigint.",
    }


@pytest.mark.local
def test_columns_may_be_called_as_the_commands_own_names(local_lake: LocalLake) -> None:
    names = ("k", "v", "t", "u", "n", "kind", "rows_", "filled_0", "order")
    for price in ("1", "1.5"):
        record = dict.fromkeys(names, 1) | {"v": float(price) if "." in price else 1}
        body = json.dumps(record).encode() + b"\n"
        local_lake.ingest(f"data/order/{price}.jsonl", body)
    proposed = json.loads(local_lake.command("lake", "contract", "infer", "order").stdout)
    assert [*proposed["properties"]] == [*names]
    assert "1 value did not fit" in proposed["properties"]["v"]["$comment"]
    command = suggest.rescued_in("order")
    assert 'FROM "order" WHERE' in command
    assert "1.5" in local_lake.command(*shlex.split(command)).stdout


@pytest.mark.local
def test_decimals_and_dates_are_proposed_as_they_were_seen(
    local_lake: LocalLake, tmp_path: Path
) -> None:
    body = b"id,paid,due\n1,2024-01-15,15/02/2024\n2,2024-01-16,03/03/2024\n"
    assert local_lake.ingest("data/inferred_due/one.csv", body)["status"] == "DONE"
    words = ("lake", "contract", "infer", "inferred_due")
    assert json.loads(local_lake.command(*words).stdout)["x-partition-column"] == "paid"
    known = tmp_path / "inferred_due.schema.json"
    known.write_text('{"type": "object", "required": ["id"], "x-date-format": "%d.%m.%Y"}')
    shell = {**local_lake.shell, "LAKE_CONTRACTS": str(tmp_path)}
    written = [*words, "--date-column", "due", "--write"]
    subprocess.run(written, cwd=ROOT, env=shell, capture_output=True, check=True)
    assert json.loads(known.read_text()) == {
        "type": "object",
        "required": ["id"],
        "properties": {"due": {"type": ["string", "null"]}},
        "x-partition-column": "due",
        "x-date-format": "%d/%m/%Y",
    }
    done = local_lake.command(*words, "--date-column", "due")
    proposed = json.loads(done.stdout)
    assert (proposed.get("x-partition-column"), proposed["x-date-format"]) == ("due", "%d/%m/%Y")
    file = io.BytesIO()
    price = pa.array([Decimal("0.10")], pa.decimal128(18, 2))
    pq.write_table(pa.table({"price": price, "date": ["2024-01-15"]}), file)
    local_lake.ingest("data/inferred_price/one.parquet", file.getvalue())
    done = local_lake.command("lake", "contract", "infer", "inferred_price")
    proposed = json.loads(done.stdout)
    assert proposed["properties"]["price"] == {"type": "number", "x-decimal": [18, 2]}
    assert proposed["x-partition-column"] == "date"
    assert "x-date-format" not in proposed


@pytest.mark.local
def test_what_is_proposed_of_rescued_fields_of_csv_refuses_none(
    local_lake: LocalLake, tmp_path: Path
) -> None:
    for name, price in (("january", "20"), ("february", "19.99")):
        local_lake.ingest(f"data/inferred_csv/{name}.csv", f"id,price\n1,{price}\n".encode())
    proposed = local_lake.command("lake", "contract", "infer", "inferred_csv").stdout
    price = json.loads(proposed)["properties"]["price"]
    assert set(price["type"]) == {"number", "string", "null"}
    assert "`lake retype inferred_csv.price double`" in price["$comment"]
    file = tmp_path / "inferred_csv.schema.json"
    file.write_text(proposed)
    words = ("lake", "contract", "check", str(file), "--against", "inferred_csv")
    told = local_lake.command(*words, expect=None)
    assert "would be refused" not in told.stdout


@pytest.mark.local
def test_a_column_that_holds_no_dates_cannot_date_records(local_lake: LocalLake) -> None:
    record = {"id": 12345678, "size": 1.5, "kind": "May I?", "ok": True} | {
        "text": "2 Mar 2024",
        "ms": 1705312800000,
        "digits": "20240115",
        "week": "2024-W03-1",
        "iso": "2024-01-15T10:00:00Z",
    }
    local_lake.ingest("data/inferred_dates/one.jsonl", json.dumps(record).encode() + b"\n")
    words = ("lake", "contract", "infer", "inferred_dates", "--date-column")
    for name in ("text", "ms", "digits", "week", "iso"):
        proposed = json.loads(local_lake.command(*words, name).stdout)
        assert proposed["x-partition-column"] == name
    why = {
        "id": "its values are such as 12345678",
        "size": "its values are such as 1.5",
        "kind": "its values are such as May I?",
        "ok": "its type is boolean",
    }
    for name, said in why.items():
        done = local_lake.command(*words, name, "--write", expect=64)
        wrong = f"The column {name} of the table inferred_dates holds no dates: {said}."
        assert f"--date-column: {wrong} Columns that hold dates: iso." in done.stderr
    done = local_lake.command(*words, "isso", expect=64)
    assert "The table inferred_dates has no column isso: did you mean iso?" in done.stderr
    done = local_lake.command(*words, "elsewhere", expect=64)
    assert "`lake describe inferred_dates` lists its columns." in done.stderr
    assert not list(CONTRACTS.glob("inferred_dates*"))
