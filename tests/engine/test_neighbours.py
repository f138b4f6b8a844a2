"""No record changes what becomes of another one (READING, law 2)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.convert.rows import conformed
from engine.types.evolve import evolved
from tests.engine.neighbours import FORMATS, RECORDS, TABLE, Format, Record, Told, put, told
from tests.support.chance import WANTED, examples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from store.model import Schema
    from tests.support.engine import Result

#: ``EXAMPLES`` says how many files each test makes; then what fails is made small, too.
EXAMPLES = settings(
    max_examples=examples(1),
    deadline=None,
    phases=tuple(Phase) if WANTED else (Phase.explicit, Phase.reuse, Phase.generate),
)

KINDS = [
    pytest.param(form, record, keeps, id=f"{name}: {kind}")
    for name, form in FORMATS.items()
    for kinds, keeps in ((form.wrong, True), (form.misfits, False))
    for kind, record in kinds.items()
]

#: Thousands of records take a while: without ``EXAMPLES``, the first two kinds of each format.
AMONG_MANY = [
    pytest.param(form, record, id=f"{name}: {kind}")
    for name, form in FORMATS.items()
    for kinds in (form.wrong, form.misfits)
    for kind, record in list(kinds.items())[: None if WANTED else 2]
]

each_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


def table_of(form: Format) -> Schema | None:
    """The table that a file meets; text has but one."""
    return None if "text" in form.write.__name__ else TABLE


def columns(found: Result, *of: Result) -> dict[str, str]:
    """The types of those columns that other results have."""
    names = {name for one in of for name in one.types}
    return {name: kind for name, kind in found.types.items() if name in names}


@pytest.mark.parametrize(("form", "record", "keeps"), KINDS)
@given(records=RECORDS, data=st.data())
@EXAMPLES
def test_a_wrong_record_costs_itself(
    form: Format, record: Record, keeps: bool, records: list[dict[str, Any]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(records)), label="place")
    many: list[Record] = [*records[:at], record, *records[at:]]
    # In a new table types come from all records, so a value of another kind may change them.
    for schema in (table_of(form), None) if keeps else (table_of(form),):
        without, among = put(form, records, schema), put(form, many, schema)
        assert told(without, records) == told(among, records)
        assert without.types == columns(among, without)
        assert len(told(without, records)) == len(records)


@each_format
@given(records=RECORDS, data=st.data())
@EXAMPLES
def test_the_order_of_records_is_their_number_only(
    form: Format, records: list[dict[str, Any]], data: st.DataObject
) -> None:
    kinds = [*form.wrong.values(), *form.misfits.values()]
    wrong = data.draw(st.lists(st.sampled_from(kinds), max_size=2), label="wrong")
    many: list[Record] = [*records, *wrong]
    moved = data.draw(st.permutations(many), label="order")
    for schema in (table_of(form), None):
        before, after = put(form, many, schema), put(form, moved, schema)
        assert told(before, records) == told(after, records)
        assert before.types == after.types
        assert before.status == after.status
        assert sorted(reason for _, reason in before.reasons) == sorted(
            reason for _, reason in after.reasons
        )


@each_format
@given(records=RECORDS, data=st.data())
@EXAMPLES
def test_a_file_is_what_its_parts_are(
    form: Format, records: list[dict[str, Any]], data: st.DataObject
) -> None:
    # Whether bytes are text, and in which encoding, only all of them say: a part may say another.
    kinds = [*form.wrong.values(), *form.misfits.values()]
    strange = re.compile(rb"[\xff\x00]")
    kinds = [kind for kind in kinds if not (isinstance(kind, bytes) and strange.search(kind))]
    wrong = data.draw(st.lists(st.sampled_from(kinds), max_size=2), label="wrong")
    # Most records of each part are right: what most rows of a file do is no fault of one of them.
    if len(records) < 2 * (len(wrong) + 1):
        wrong = []
    least = min(len(wrong) + 1, len(records))
    cut = data.draw(st.integers(least, max(least, len(records) - least)), label="cut")
    many: list[Record] = [*records, *wrong]
    whole = put(form, many, table_of(form))
    first = put(form, many[:cut], table_of(form))
    assert first.conversion is not None
    schema = first.conversion.schema
    if (known := table_of(form)) is not None:
        schema = evolved(known, schema)
    second = put(form, many[cut:], schema) if many[cut:] else None
    parts = told(first, records) | (told(second, records) if second else {})
    assert told(whole, records) == parts
    assert len(whole.rows) == len(first.rows) + (len(second.rows) if second else 0)


@each_format
@given(records=RECORDS, data=st.data())
@EXAMPLES
def test_a_record_that_is_not_there_is_missed_by_nobody(
    form: Format, records: list[dict[str, Any]], data: st.DataObject
) -> None:
    gone = data.draw(st.integers(0, len(records) - 1), label="gone")
    rest = records[:gone] + records[gone + 1 :]
    whole, less = put(form, records, table_of(form)), put(form, rest, table_of(form))
    assert told(whole, rest) == told(less, rest)
    assert whole.types == less.types


@pytest.mark.parametrize("form", [FORMATS[name] for name in ("CSV", "TSV")], ids=["CSV", "TSV"])
@given(records=RECORDS, data=st.data())
@EXAMPLES
def test_an_open_quote_costs_no_row_before_it_and_hides_none(
    form: Format, records: list[dict[str, Any]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(records)), label="place")
    many: list[Record] = [*records[:at], b'90000,"wrong,1,0.25,', *records[at:]]
    without, among = put(form, records, TABLE), put(form, many, TABLE)
    before = records[:at]
    assert told(without, before) == told(among, before)
    kept = "\n".join([entry["raw"] for entry in among.quarantine] + [str(among.values)])
    assert [one["id"] for one in records if one["name"] not in kept] == []


#: So many that the place of the wrong one is in no sample.
MANY: list[Record] = [
    {"id": n, "name": f"w{n}", "n": n % 7, "price": 0.25, "timestamp": "2024-01-15T10:00:00Z"}
    for n in range(1, 3001)
]


@cache
def thousands(write: Callable[[Sequence[Record]], bytes]) -> Told:
    """What becomes of them without a wrong one."""
    form = next(one for one in FORMATS.values() if one.write is write)
    return told(put(form, MANY, table_of(form)), MANY)


@pytest.mark.parametrize(("form", "record"), AMONG_MANY)
def test_a_wrong_record_among_thousands_costs_itself(
    form: Format, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly = 0

    def counted(*given: Any) -> dict[str, Any]:
        nonlocal slowly
        slowly += 1
        return conformed(*given)

    monkeypatch.setattr("engine.convert.optimistic.conformed", counted)
    among = told(put(form, [*MANY[:2000], record, *MANY[2000:]], table_of(form)), MANY)
    without = thousands(form.write)
    assert [key for key, row in without.items() if among.get(key) != row][:3] == []
    assert len(among) == len(MANY)
    assert slowly < len(MANY) / 10, "the others are read as slowly as the wrong one"
