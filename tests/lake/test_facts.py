"""What `lake put` and `lake files` say of a file, in words."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lake import facts, ledger, suggest, upload, words
from lake import put as putting
from lake.context import out
from lake.dating import Contracts, noted
from lake.files import files, plain, show_lines
from lake.total import total
from lake.upload import Fate, Uploaded
from store import naming
from store.entry import Attempt, Entry
from store.items import item_of
from store.model import Drift, Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lake.ledger import Item

PRICE = Drift("price", "bigint", 2, "19.99")

#: What is advised of it.
WIDER = (
    "`lake retype orders.price double` gives the column a type that holds numbers such as 19.99; "
    "string holds every value"
)


def item(status: str = "DONE", dates: int = 1, **told: Any) -> Item:
    """An item as the ledger's table holds it."""
    keys = [
        f"processed/orders/date_partition=2024-01-{n + 1:02}/a-0123456789ab-0123456789ab.parquet"
        for n in range(dates)
    ]
    attempt = Attempt(
        1, "w", "m", "v1", 0, 1, Status.FAILED, reason="SERVICE_ERROR", detail="SlowDown"
    )
    entry = Entry(
        revision=2,
        version="v1",
        committed_at=0 if status == "FAILED" else 2,
        verdict=Status(status),
        outputs=tuple(keys),
        attempts=(attempt,) if status == "FAILED" else (),
        facts={"dataset": "orders", **told},
    )
    return ledger.read(item_of("raw/data/orders/a.csv", entry, 1705752000))


def drift(**columns: Any) -> str:
    return json.dumps(columns)


def test_a_value_that_did_not_fit_is_said_with_its_column_type_and_an_example() -> None:
    told = drift(price={"type": "bigint", "count": 2, "example": "19.99"})
    found = item(records_read=2, records_accepted=2, records_rescued=2, drift=told)
    assert found.drift == (PRICE,)
    assert facts.notes(found) == [
        "price: 2 values did not fit bigint, such as 19.99; they are in _rescued_data",
        WIDER,
    ]


def test_one_value_is_not_spoken_of_as_many() -> None:
    told = drift(price={"type": "bigint", "count": 1, "example": "free"})
    assert facts.notes(item(records_read=1, drift=told)) == [
        "price: 1 value did not fit bigint: free; it is in _rescued_data"
    ]
    told = drift(price={"type": "bigint", "count": 1, "example": "1.5"})
    assert facts.notes(item(records_read=1, drift=told))[1:] == [
        "`lake retype orders.price double` gives the column a type that holds it"
    ]


def test_an_entry_of_before_types_were_kept_is_read_all_the_same() -> None:
    assert item(drift='{"price":3}').drift == (Drift("price", "", 3),)
    assert "3 values did not fit its type" in facts.notes(item(drift='{"price":3}'))[0]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"records_undated": 3}, "3 records have no usable date in the columns"),
        ({"records_undated": 1}, "1 record has no usable date in the columns"),
        ({"records_short": 2}, "2 rows are shorter than the header"),
        ({"guesses": '["encoding guessed: cp1251"]'}, "encoding guessed: cp1251"),
        ({"records_rescued": 4}, "4 rows with something in _rescued_data"),
        ({"records_read": 3, "records_quarantined": 1}, "1 of 3 records was refused"),
    ],
)
def test_nobody_learns_by_accident(told: dict[str, Any], said: str) -> None:
    assert facts.notes(item(**told))[0].startswith(said)


def test_the_day_that_undated_records_get_is_said() -> None:
    uploaded = item(records_undated=3, uploaded=1705752000)
    day = "they get 2024-01-20, the day of the upload, since no folder of its key is a date"
    assert facts.notes(uploaded)[0].startswith("3 records have no usable date")
    assert day in facts.notes(uploaded)[0]
    named = replace(uploaded, key="data/orders/dt=2023-05-01/a.csv")
    assert "they get 2023-05-01, the date in the object's key" in facts.notes(named)[0]
    # What an older version wrote does not tell.
    older = facts.notes(item(records_undated=1))[0]
    assert "it gets the day of the upload, since no folder of its key is a date" in older
    assert day in facts.notes(total([uploaded, uploaded]))[0]
    assert "key, else the day of the upload" in facts.notes(total([uploaded, named]))[0]


@pytest.mark.parametrize(
    ("status", "told", "said"),
    [
        ("STORED", {"detail": "ORC inside zip"}, "it was not read: ORC inside zip"),
        ("STORED", {"detail": "not read: encrypted"}, "it was not read: encrypted"),
        ("SKIPPED", {"detail": "its name begins with _"}, "its name begins with _"),
        ("REJECTED", {"reason": "CORRUPT_FILE", "detail": "at 7"}, "CORRUPT_FILE: at 7"),
    ],
)
def test_why_there_are_no_rows_is_said(status: str, told: dict[str, Any], said: str) -> None:
    found = item(status, dates=0, **told)
    assert facts.notes(found)[0] == said
    assert facts.outcome(found) == []


def test_where_the_rows_are_is_said_by_table_and_dates() -> None:
    few = item(dates=2, records_read=3, records_accepted=3, date_column="event_time")
    assert facts.outcome(few) == [
        (
            "table orders: 3 rows in 2 partitions (2024-01-01, 2024-01-02); "
            "dated by the column event_time"
        )
    ]
    many = item(dates=9, records_read=9, records_accepted=9, columns_added=1)
    assert facts.outcome(many) == [
        "table orders: 9 rows in 9 partitions (2024-01-01 to 2024-01-09); 1 new column in the table"
    ]


@pytest.mark.parametrize(
    ("found", "command"),
    [
        (item(), "SELECT * FROM orders LIMIT 10"),
        (item(drift='{"price":3}'), "_rescued_data IS NOT NULL"),
        # No column of it has dates: a contract could name none.
        (item(records_undated=1), "SELECT * FROM orders LIMIT 10"),
        (item(guesses='["the first row is taken for the header"]'), "SELECT * FROM orders"),
        (item(csv='{"delimiter":";"}'), "lake contract infer orders"),
        (item("PARTIAL"), "FROM quarantine WHERE source_key = 'data/orders/a.csv'"),
        (item("REJECTED", reason="FOREIGN_TABLE"), "lake reconcile --fix"),
        (item("REJECTED"), "FROM quarantine WHERE source_key = 'data/orders/a.csv'"),
        (item("STORED"), "FROM objects WHERE key = 'data/orders/a.csv'"),
        (item("TOO_LARGE"), 'lake replay --key "data/orders/a.csv"'),
        (item("SKIPPED"), ""),
        (item("EMPTY"), ""),
    ],
)
def test_a_command_worth_trying_is_named(found: Item, command: str) -> None:
    assert command in suggest.one(found)
    assert bool(command) == bool(suggest.one(found))


def test_a_command_survives_the_shell_whatever_the_key_and_the_width() -> None:
    key = 'data/o\'r ders/$(x) "y" !.csv'
    named = suggest.one(item("PARTIAL")).replace("data/orders/a.csv", "X")
    raw = {**vars(item("PARTIAL"))}
    raw["key"] = key
    command = suggest.one(ledger.Item(**raw))
    for width in (0, 40, 80):
        parts = shlex.split(words.wrapped(command, width))
        assert parts[:2] == ["lake", "query"]
        assert " ".join(parts[2].split("\n")).endswith(key.replace("'", "''") + "'")
    assert "X" in named


@pytest.mark.parametrize("name", ["2024_orders", "order", "group", "values"])
def test_a_table_whose_name_is_no_plain_word_of_sql_is_quoted(name: str) -> None:
    parts = shlex.split(suggest.one(item(dataset=name)))
    assert parts[2] == f'SELECT * FROM "{name}" LIMIT 10'
    assert shlex.split(suggest.rescued_in(name))[2].endswith(
        f'FROM "{name}" WHERE _rescued_data IS NOT NULL'
    )


@pytest.mark.parametrize(
    ("schema", "command"),
    [
        ({"type": "number", "x-decimal": [10, 2]}, "lake retype orders.price 'decimal(10,2)'"),
        ({"type": "string"}, "lake retype orders.price string"),
        ({}, "lake retype orders.price double"),
        # The column is as the contract says.
        ({"type": "integer"}, ""),
    ],
)
def test_a_column_is_to_have_the_type_that_its_contract_names(
    schema: dict[str, Any], command: str
) -> None:
    told = drift(price={"type": "bigint", "count": 2, "example": "19.99"})
    found = noted(item(drift=told), {"properties": {"Price": schema}})
    for one in (found, total([found, found])):
        assert [note.split("`")[1] for note in facts.notes(one) if "`" in note] == [command] * bool(
            command
        )
    assert [one for one in suggest.several([found]) if "retype" in one] == [command] * bool(command)
    assert noted(item(drift=told), {"oneOf": []}).kinds == {}


def test_no_line_is_longer_than_the_terminal() -> None:
    told = drift(
        **{f"a_column_of_some_length_{n}": {"type": "struct<" + "a:int," * 50, "count": 10**6,
           "example": "x y " * 15} for n in range(3)}
    )  # fmt: skip
    found = item("PARTIAL", 9, records_read=10**9, records_accepted=10**9, drift=told)
    lines = [*facts.outcome(found), *facts.notes(found), suggest.one(found)]
    for line in lines:
        broken = words.wrapped(line, 80)
        assert max(map(len, broken.splitlines())) <= 80
        assert " ".join(broken.split()) == " ".join(line.replace("\0", " ").split())


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("data/quarantine/x.json", ["the name quarantine is the lake's own"]),
        ("data/Objects/x.json", ["the name objects is the lake's own"]),
        ("data/quarantine_data/x.json", []),
        ("data/quarantine", []),
        ("data/orders/quarantine/x.json", []),
    ],
)
def test_a_folder_called_like_a_table_of_the_lake_says_where_its_rows_are(
    key: str, said: list[str]
) -> None:
    dataset = naming.dataset_of(key)
    entry = Entry(1, "v1", 1, Status.DONE, facts={"dataset": dataset, "records_read": 1})
    notes = facts.notes(ledger.read(item_of(f"raw/{key}", entry, 1705752000)))
    assert [note.partition(":")[0] for note in notes] == said
    assert all(note.endswith(f"rows are in the table {dataset}") for note in notes)


def test_programs_are_shown_all_of_it() -> None:
    told = drift(price={"type": "bigint", "count": 2, "example": "19.99"})
    shown = plain(item(drift=told, guesses='["header guessed: no header"]', records_short=1))
    assert shown["drift"] == [{"column": "price", "type": "bigint", "count": 2, "example": "19.99"}]
    assert (shown["guesses"], shown["short"]) == (["header guessed: no header"], 1)
    assert shown["partitions"] == ["2024-01-01"]
    json.dumps(shown)


def test_what_is_printed_elsewhere_than_in_a_terminal_is_not_broken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with out.capture() as said:
        show_lines(["word " * 100 + "[b]"])
    assert said.get().count("\n") == 1
    assert "[b]" in said.get()
    assert capsys.readouterr().out == ""


# --- lake put -------------------------------------------------------------------------------


class Lake:
    """What `put` asks of a lake when nothing is uploaded."""

    parameters = {"DateColumns": "timestamp,date"}


def put(found: Sequence[Fate], monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> Any:
    class Choice:
        def target(self) -> Any:
            return Lake()

    path = folder / "a.csv"
    path.write_text("id\n1\n")
    monkeypatch.setattr(upload, "upload", lambda *_: [one.uploaded for one in found])
    monkeypatch.setattr(upload, "fates", lambda *_: found)
    done = CliRunner().invoke(putting.put, [str(path), *words], obj=Choice())
    return done, done.stdout


UPLOADED = Uploaded("data/orders/a.csv", "v1", 0)


@pytest.mark.parametrize(
    ("status", "code"),
    [("DONE", 0), ("STORED", 0), ("SKIPPED", 0), ("PARTIAL", 0), ("REJECTED", 1), ("TOO_LARGE", 1)],
)
def test_put_fails_where_a_file_was_refused_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: str, code: int
) -> None:
    done, said = put([Fate(UPLOADED, 1, item(status))], monkeypatch, tmp_path)
    assert done.exit_code == code
    assert said.startswith(f"data/orders/a.csv\n  {status}:")


def test_put_says_what_was_not_expected_and_what_to_try(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = drift(price={"type": "bigint", "count": 2, "example": "19.99"})
    found = item(records_read=2, records_accepted=2, drift=told)
    replaced = Uploaded("data/orders/a.csv", "v1", 0, replaced=True)
    _, said = put([Fate(replaced, 1.25, found)], monkeypatch, tmp_path)
    assert said.splitlines() == [
        "data/orders/a.csv",
        "  DONE: 2 read, 2 accepted, 0 quarantined, 1.2 s",
        "  table orders: 2 rows in 1 partition (2024-01-01)",
        "  it replaced the file that had this key before, with all of its rows",
        "  price: 2 values did not fit bigint, such as 19.99; they are in _rescued_data",
        f"  {WIDER}",
        "Next:",
        (
            '  lake query "SELECT _rescued_data FROM orders WHERE _source_key = '
            "'data/orders/a.csv' AND date_partition = '2024-01-01' AND _rescued_data IS NOT NULL\""
        ),
        "  lake retype orders.price double",
    ]


def test_put_for_programs_is_one_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done, _ = put([Fate(UPLOADED, 1.25, item(records_read=2))], monkeypatch, tmp_path, "--json")
    (told,) = json.loads(done.stdout)
    assert (told["status"], told["read"], told["seconds"]) == ("DONE", 2, 1.2)


def test_what_has_no_fate_yet_is_waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done, said = put([Fate(UPLOADED, 300)], monkeypatch, tmp_path)
    assert done.exit_code == 1
    assert "WAITING after 300 s: nothing is known of it" in said
    assert 'lake files --key "data/orders/a.csv"' in said


def test_why_there_is_no_fate_yet_is_said_where_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = item("FAILED")
    monkeypatch.setattr(ledger, "get_many", lambda *_: {known.key: known})

    class Target:
        outputs = {"RawBucketName": "raw"}

    target: Any = Target()
    (fate,) = upload.fates(target, [UPLOADED], timeout=-1)
    assert (fate.status, fate.item) == ("WAITING", None)
    assert fate.trouble == ("the last attempt failed and is tried again (SERVICE_ERROR: SlowDown)")


def test_files_explains_what_is_not_as_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    class Choice:
        def target(self) -> None:
            return None

    found = [item(), item("STORED", 0, detail="image/png: no records")]
    monkeypatch.setattr(ledger, "items", lambda *_: found)
    said = CliRunner().invoke(files, [], obj=Choice()).stdout
    assert "it was not read: image/png: no records" in said
    assert said.count("data/orders/a.csv") == 3


# --- Why, and what to do --------------------------------------------------------------------


def refused(**reasons: tuple[int, int, str]) -> str:
    return json.dumps(
        {
            reason: {"count": count, "record": record, "detail": detail}
            for reason, (count, record, detail) in reasons.items()
        }
    )


def test_refused_records_are_told_by_reason_with_the_first_one() -> None:
    why = refused(FIELD_COUNT=(2, 17, "2 fields where the table has 3"))
    found = item("PARTIAL", records_read=9, records_quarantined=2, refused=why)
    assert facts.notes(found) == [
        "2 of 9 records were refused; they are in the table quarantine",
        "FIELD_COUNT: 2 records, first record 17: 2 fields where the table has 3",
    ]


def test_how_many_records_broke_each_rule_is_told_where_they_broke_several() -> None:
    rules = {"minimum at $.a": 4, "type at $.b": 3}
    told = {"count": 6, "record": 17, "detail": "minimum at $.a: -1 is less than 0"}
    one, both = ({"rules": {"minimum at $.a": 6}}, {"rules": rules})
    why = [json.dumps({"CONTRACT_VIOLATION": {**told, **kept}}) for kept in ({}, one, both)]
    older, alone, several = (item("PARTIAL", records_read=9, refused=kept) for kept in why)
    first = "CONTRACT_VIOLATION: 6 records, first record 17: minimum at $.a: -1 is less than 0"
    broken = "several rules are broken: minimum at $.a (4 records), type at $.b (3 records)"
    assert facts.notes(older) == facts.notes(alone) == [first]
    assert facts.notes(several) == [first, broken]
    added = facts.notes(total([several, alone]))[1]
    assert added.endswith("broken: minimum at $.a (10 records), type at $.b (3 records)")


def test_where_no_record_is_accepted_it_is_said_what_to_look_at() -> None:
    def notes(reason: str, quarantined: int = 9) -> list[str]:
        why = refused(**{reason: (quarantined, 1, "what is wrong")})
        told: dict[str, Any] = {"records_read": 9, "records_quarantined": quarantined}
        told["refused"] = why
        return [one for one in facts.notes(item("PARTIAL", **told)) if "no record" in one]

    (broken,) = notes("CONTRACT_VIOLATION")
    tries = "`lake contract check --against orders` tries a contract that you have changed"
    assert words.loose(broken) == (
        f"no record is accepted: is the file wrong, or the contract of orders? {tries}"
    )
    (alike,) = notes("FIELD_COUNT")
    assert alike == "no record is accepted: look at the first one, since all may be wrong as it is"
    assert notes("FIELD_COUNT", 8) == []


def test_a_rehearsal_does_not_say_that_something_was_written() -> None:
    found = item("PARTIAL", records_read=9, records_quarantined=1)
    assert facts.notes(found, rehearsed=True) == ["1 of 9 records would be refused"]


def test_a_column_that_looks_like_a_date_is_named_with_what_mends_it() -> None:
    found = item(records_read=2, records_undated=2, datelike='["picked up"]')
    first, second = facts.notes(found, "timestamp,date")
    assert "in the columns that are looked at (timestamp, date)" in first
    command = "lake contract infer orders --date-column 'picked up' --write"
    assert second == (
        'picked up looks like a date: "x-partition-column": "picked up" in a contract dates '
        f"records by it; `{command}` writes it"
    ).replace(command, command.replace(" ", "\0"))
    assert suggest.one(found) == command


def test_values_that_are_no_dates_are_told() -> None:
    found = item(records_read=9, records_undated=2, no_dates='{"date":["soon","n/a"]}')
    for one in (found, total([item(), found])):
        assert facts.notes(one)[1:] == ["date holds values that are no dates, such as soon, n/a"]


def test_a_command_within_a_sentence_and_a_number_with_its_unit_are_not_broken() -> None:
    found = item(
        "PARTIAL",
        records_read=1101,
        records_accepted=1100,
        records_quarantined=1,
        records_rescued=3,
        records_undated=1100,
        datelike='["tpep_pickup_datetime"]',
    )
    (counts, *more) = words.wrapped(putting.verdict(Fate(UPLOADED, 0.4, found)), 80).splitlines()
    assert (len(counts) <= 80, more) == (True, ["    0.4 s"])
    lines = words.wrapped(facts.notes(found)[-1], 80).splitlines()
    command = "lake contract infer orders --date-column tpep_pickup_datetime --write"
    assert any(f"`{command}`" in line for line in lines)


def test_a_file_of_refused_and_undated_records_has_two_next_commands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = item("PARTIAL", records_read=2, records_quarantined=1, datelike='["picked_up"]')
    _, said = put([Fate(UPLOADED, 1, found)], monkeypatch, tmp_path)
    first, second = said.partition("Next:\n")[2].splitlines()
    assert "FROM quarantine" in first
    assert second == "  lake contract infer orders --date-column picked_up --write"


def test_of_several_files_one_command_dates_the_records_of_a_dataset() -> None:
    one, other = (item(records_undated=2, datelike=f'["{name}"]') for name in ("d", "e"))
    plain_one, guessed = item(records_undated=2), item(csv='{"delimiter":";"}')
    command = "lake contract infer orders --date-column d --write"
    assert suggest.several([plain_one, one, other, guessed]) == [command]
    elsewhere = item(records_undated=2, datelike='["e"]', dataset="others")
    assert suggest.several([one, elsewhere]) == [
        command,
        "lake contract infer others --date-column e --write",
    ]


def test_the_column_that_a_contract_names_is_said_and_none_is_put_in_its_place() -> None:
    found = item(records_undated=2, datelike='["dropped"]')
    under = noted(found, {"x-partition-column": "picked"})
    (said,) = facts.notes(under, "timestamp,date")
    assert said.startswith(
        "2 records have no usable date in picked, which the contract names, nor in those looked "
        "at besides (timestamp, date): they get "
    )
    assert suggest.several([under]) == ['lake query "SELECT * FROM orders LIMIT 10"']
    assert facts.notes(total([under, found]), "timestamp")[0].startswith(
        "4 records have no usable date in picked"
    )
    for document in (None, {}, {"x-partition-column": ""}):
        assert noted(found, document) is found


def test_contracts_are_asked_for_where_records_are_undated_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions: list[Any] = []

    def answer(*words: Any) -> dict[str, Any]:
        questions.append(words)
        return {"contracts": {"orders": {"x-partition-column": "picked"}}}

    monkeypatch.setattr("lake.dating.asked", answer)
    target: Any = None
    contracts = Contracts(target)
    assert contracts.noted(item()).chosen == ""
    assert questions == []
    assert [contracts.noted(item(records_undated=1)).chosen for _ in range(3)] == ["picked"] * 3
    assert len(questions) == 1


def test_contracts_that_are_written_and_not_deployed_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAKE_CONTRACTS", str(tmp_path))
    same: dict[str, Any] = {"properties": {"a": {"type": "string"}}}
    other: dict[str, Any] = {"properties": {}}
    for name, document in {
        "kept": same,
        "new": same,
        "changed": same,
        "broken": {"not": 1},
    }.items():
        (tmp_path / f"{name}.schema.json").write_text(json.dumps(document))
    deployed: dict[str, Any] = {"contracts": {"kept": same, "changed": other, "gone": same}}
    monkeypatch.setattr("lake.dating.asked", lambda *_: deployed)
    target: Any = None

    def said(*datasets: str) -> list[str]:
        return [one.replace(f"{tmp_path}/", "") for one in Contracts(target).undeployed(datasets)]

    without = "is not deployed: records are judged without a contract. `lake deploy` first"
    older = "is not deployed as it is now: records are judged by the older one. `lake deploy` first"
    found = said("kept", "new", "new", "changed", "gone", "none", "broken")
    assert [one.removesuffix(", then repeat this.") for one in found] == [
        f"broken.schema.json {without}",
        f"changed.schema.json {older}",
        f"new.schema.json {without}",
    ]
    # Who may not ask the function is told nothing of it.
    deployed.clear()
    assert said("new") == []


def test_after_a_replay_the_commands_show_what_was_refused_or_rescued() -> None:
    assert suggest.after([item(), item("REJECTED")]) == []
    some = [item("PARTIAL", records_quarantined=1), item("DONE", records_rescued=1)]
    refused, rescued = suggest.after([*some, *some])
    on = "date_partition = '2024-01-01'"
    assert shlex.split(refused)[2].endswith("FROM quarantine WHERE dataset = 'orders'")
    where = f"FROM orders WHERE _rescued_data IS NOT NULL AND {on}"
    assert shlex.split(rescued)[2].endswith(where)


def kept(table: str, *dates: str, **told: Any) -> Item:
    """An item with rows in a table of the lake's own."""
    found = item(dates=0, **told)
    files = tuple(f"{table}/date_partition={date}/{FILE}" for date in dates)
    return replace(found, entry=replace(found.entry, outputs=files))


FILE = "a-0123456789ab-0123456789ab.jsonl.gz"


def test_a_query_that_is_advised_reads_the_partitions_of_the_file_and_no_others() -> None:
    one = kept("quarantine", "2026-01-05", status="PARTIAL", records_quarantined=1)
    two = kept("quarantine", "2026-01-07", "2026-01-06", status="PARTIAL", records_quarantined=1)
    where = "source_key = 'data/orders/a.csv' AND date_partition"
    assert f"{where} = '2026-01-05'" in suggest.one(one)
    assert f"{where} BETWEEN '2026-01-06' AND '2026-01-07'" in suggest.one(two)
    (both,) = suggest.after([one, two])
    assert "AND date_partition BETWEEN '2026-01-05' AND '2026-01-07'" in both
    stored = kept("objects", "2026-01-05", status="STORED")
    assert "date_partition = '2026-01-05'" in suggest.one(stored)


def test_the_next_command_for_programs_can_be_run() -> None:
    found = item("PARTIAL", records_quarantined=1)
    spaced = ledger.read(item_of("raw/data/orders/a b.csv", found.entry, 1705752000))
    told: Any = putting._plain(Fate(UPLOADED, 1, spaced))
    assert "'data/orders/a b.csv'" in told["next"]


def test_the_first_record_is_the_same_in_whatever_order_files_are_known() -> None:
    why = refused(FIELD_COUNT=(1, 7, "3 fields where the table has 2"))
    one = item("PARTIAL", records_read=9, refused=why)
    other = replace(one, key="data/orders/b.csv")
    assert facts.notes(total([one, other])) == facts.notes(total([other, one]))
    assert "in data/orders/a.csv" in facts.notes(total([other, one]))[0]


def test_of_a_file_without_records_it_is_said_that_it_makes_no_table() -> None:
    said = "no record was found: the first file that holds one makes table orders"
    hollow = item("EMPTY", 0)
    assert facts.notes(hollow) == facts.notes(total([hollow, hollow])) == [said]
    assert facts.notes(total([hollow, item(records_accepted=1)])) == []


def test_new_columns_are_named() -> None:
    found = item(records_accepted=1, columns_added=3, added='["a","b"]')
    assert facts.outcome(found)[0].endswith("3 new columns in the table (a, b, …)")


def test_a_column_that_several_files_brought_is_one() -> None:
    same = [item(records_accepted=1, columns_added=2, added='["a","b"]') for _ in range(2)]
    assert facts.outcome(total(same))[0].endswith("2 new columns in the table (a, b)")
    other = item(records_accepted=1, columns_added=1, added='["c"]')
    assert facts.outcome(total([*same, other]))[0].endswith("3 new columns in the table (a, b, c)")


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, 0),
        ({"records_undated": 3}, 0),
        ({"records_rescued": 1}, 2),
        ({"records_quarantined": 1}, 2),
    ],
)
def test_put_tells_scripts_that_something_was_refused_or_rescued(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: dict[str, Any], code: int
) -> None:
    done, _ = put([Fate(UPLOADED, 1, item(**told))], monkeypatch, tmp_path)
    assert done.exit_code == code


def test_what_was_guessed_of_one_of_several_files_is_said_with_its_key() -> None:
    broken, header = "the JSON document is broken at byte 31", "the first row is taken for it"
    found = [
        replace(item(guesses=json.dumps(guesses)), key=f"data/orders/{name}")
        for name, guesses in (("a", [header]), ("b", [broken, header]), ("c", []), ("d", [header]))
    ]
    assert total(found).guesses == (
        f"data/orders/a and 2 more: {header}",
        f"data/orders/b: {broken}",
    )
    assert total(found[:1]).guesses == (header,)


def test_commands_that_are_left_out_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = [Fate(UPLOADED, 1, item(dataset=f"d{number}")) for number in range(7)]
    for many, last in ((7, "  and 2 commands more: --json names them all"), (5, "d4")):
        _, said = put(found[:many], monkeypatch, tmp_path)
        assert last in said.partition("Next:\n")[2].splitlines()[-1]


def test_of_many_files_what_became_of_all_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    price = {"type": "bigint", "count": 2, "example": "19.99"}
    told = {
        "records_read": 10,
        "records_accepted": 9,
        "records_quarantined": 1,
        "drift": drift(price=price),
        "refused": refused(MALFORMED_ROW=(1, 4, "a quote is open")),
        "date_column": "date",
    }
    found = [Fate(UPLOADED, 1, item("PARTIAL", dates=3, **told)) for _ in range(20)]
    done, said = put([*found, Fate(UPLOADED, 300)], monkeypatch, tmp_path)
    assert done.exit_code == 1
    dates = "2024-01-01, 2024-01-02, 2024-01-03"
    assert said.splitlines()[:8] == [
        "data/orders/a.csv",
        "  WAITING after 300 s: nothing is known of it",
        "orders: 20 files (20 PARTIAL)",
        f"  table orders: 180 rows in 3 partitions ({dates}); dated by the column date",
        "  20 of 200 records were refused; they are in the table quarantine",
        "  MALFORMED_ROW: 20 records, first record 4: a quote is open, in data/orders/a.csv",
        "  price: 40 values did not fit bigint, such as 19.99; they are in _rescued_data",
        f"  {WIDER}",
    ]
