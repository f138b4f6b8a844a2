"""What `make demo` says at its end."""

from __future__ import annotations

from lake.demo import goodbye


def test_a_lake_that_stays_up_is_left_with_what_stops_and_what_removes_it() -> None:
    first, *lines = goodbye("http://127.0.0.1:4566", had_data=False)
    assert first.startswith("The lake is still up at http://127.0.0.1:4566.")
    commands = {" ".join(line.split()[:2]): line for line in lines}
    assert commands["lake stop"].endswith("keeps its data")
    assert commands["lake down"].endswith("removes its data")


def test_a_lake_with_data_of_its_own_is_stopped_and_not_removed() -> None:
    for had_data, said in ((True, "The lake was stopped. "), (False, "stopped and removed. ")):
        first, *lines = goodbye("", had_data=had_data)
        assert said in first
        assert all(len(line) <= 80 for line in lines)
