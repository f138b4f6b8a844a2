"""Faults of the lake's own are noticed, and are never the file's (READING, laws 1 and 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from engine.convert import optimistic
from engine.convert.scan import scan_query
from engine.database import Database
from engine.duck import DuckEngine
from engine.options import Options
from store.errors import EngineFailedError, MiscountedError
from tests.support.engine import convert, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODY = lines(*({"n": n} for n in range(100)))


def test_a_scan_that_loses_rows_is_noticed_and_its_block_read_exactly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        optimistic, "scan_query", lambda *args: f"SELECT * FROM ({scan_query(*args)}) WHERE n <> 7"
    )
    found = convert(BODY)
    assert (found.status, sorted(row["n"] for row in found.values)) == ("DONE", [*range(100)])


def test_an_exact_reading_that_loses_records_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = optimistic._rows

    def half(*args: Any) -> Iterator[dict[str, Any]]:
        return (row for number, row in enumerate(whole(*args)) if number % 2)

    monkeypatch.setattr(optimistic, "_rows", half)
    with pytest.raises(MiscountedError, match=r"101 records .* 50 in the files"):
        convert(BODY + b'{"n": 1, "ID": 2, "id": 3}\n')


@pytest.mark.parametrize("error", [duckdb.FatalException, duckdb.InternalException])
def test_a_database_that_failed_is_thrown_away(error: type[duckdb.Error], tmp_path: Path) -> None:
    database = Database(Options(), tmp_path)
    cursor = database.cursor()
    with pytest.raises(EngineFailedError), database.guarded(tmp_path):
        raise error("INTERNAL Error")
    with pytest.raises(duckdb.ConnectionException):
        cursor.execute("SELECT 1").fetchall()
    assert database.cursor().execute("SELECT 1").fetchall() == [(1,)]


def test_the_next_object_gets_a_new_database(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = DuckEngine(Options())
    with monkeypatch.context() as patch:
        patch.setattr(optimistic, "publish", _fatal)
        with pytest.raises(EngineFailedError):
            convert(BODY, engine=engine)
    assert len(convert(BODY, engine=engine).rows) == 100


def _fatal(*_: object, **__: object) -> None:
    raise duckdb.FatalException("database has been invalidated")
