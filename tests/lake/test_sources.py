"""What `lake put` takes for files, and which keys they get."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lake import sources
from lake.errors import LakeCommandError
from lake.put import put
from lake.sources import find
from tests.support.cloud import Cloud, client_error

if TYPE_CHECKING:
    from pathlib import Path


class Lake:
    def __init__(self, cloud: Cloud) -> None:
        self.client, self.outputs = cloud.client, {"RawBucketName": "raw"}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def lake(cloud: Cloud) -> Any:
    return Lake(cloud)


def keys(lake: Any, *named: str, dataset: str | None = None, name: str = "") -> list[str]:
    return list(find(lake, named, dataset, name).sources)


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"id\n{name}\n")


def test_a_file_keeps_its_name(lake: Any, tmp_path: Path) -> None:
    make(tmp_path, "b c.json")
    assert keys(lake, str(tmp_path / "b c.json")) == ["data/b c.json"]
    assert keys(lake, str(tmp_path / "b c.json"), dataset="orders") == ["data/orders/b c.json"]


@pytest.mark.parametrize(
    "dataset",
    ["data/orders", "../orders", "orders/..", "", " ", "/x/", "/x", "x/", "a//b", "Kunden ", " a"],
)
def test_what_is_no_dataset_is_refused(lake: Any, tmp_path: Path, dataset: str) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    with pytest.raises(LakeCommandError, match=f"--dataset '?{dataset}'?: "):
        find(lake, [str(tmp_path / "a.csv")], dataset, "")


def test_a_folders_files_keep_their_paths_below_it(lake: Any, tmp_path: Path) -> None:
    make(
        tmp_path, "2024/01/a.csv", "2024/a.csv", "b.csv", ".hidden", ".git/config", "2024/.DS_Store"
    )
    found = find(lake, [str(tmp_path)], "orders", "")
    assert sorted(found.sources) == [
        "data/orders/2024/01/a.csv",
        "data/orders/2024/a.csv",
        "data/orders/b.csv",
    ]
    assert found.hidden == 2


def test_without_a_dataset_a_folders_folders_are_the_datasets(lake: Any, tmp_path: Path) -> None:
    make(tmp_path, "orders/a.csv", "users/2024/b.csv")
    assert keys(lake, f"{tmp_path}/") == ["data/orders/a.csv", "data/users/2024/b.csv"]


def test_a_pattern_keeps_the_paths_below_where_it_begins(lake: Any, tmp_path: Path) -> None:
    make(tmp_path, "in/1/a.csv", "in/2/a.csv", "in/2/a.txt", "in/a.csv")
    assert sorted(keys(lake, f"{tmp_path}/in/**/*.csv", dataset="x")) == [
        "data/x/1/a.csv",
        "data/x/2/a.csv",
        "data/x/a.csv",
    ]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(lake: Any, tmp_path: Path) -> None:
    make(tmp_path, "a[1].csv", "a1.csv")
    assert keys(lake, str(tmp_path / "a[1].csv")) == ["data/a[1].csv"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("s3://other/in/orders", ["data/x/1.csv", "data/x/2024/2.csv"]),
        ("s3://other/in/orders/", ["data/x/1.csv", "data/x/2024/2.csv"]),
        ("s3://other/in/orders/1.csv", ["data/x/1.csv"]),
        ("s3://other/in/*.csv", ["data/x/orders/1.csv", "data/x/orders/2024/2.csv"]),
        (
            "s3://other",
            ["data/x/in/orders.csv.bak", "data/x/in/orders/1.csv", "data/x/in/orders/2024/2.csv"],
        ),
    ],
)
def test_objects_of_another_bucket_are_sources(
    lake: Any, cloud: Cloud, named: str, expected: list[str]
) -> None:
    for key in ("in/orders/1.csv", "in/orders/2024/2.csv", "in/orders/", "in/orders.csv.bak"):
        cloud.write("other", key, b"x")
    assert sorted(keys(lake, named, dataset="x")) == expected


def test_standard_input_needs_a_name(lake: Any) -> None:
    assert keys(lake, "-", dataset="orders", name="a.csv") == ["data/orders/a.csv"]
    with pytest.raises(LakeCommandError, match="--name"):
        find(lake, ["-"], "orders", "")


def test_a_name_is_for_standard_input_only(lake: Any, tmp_path: Path) -> None:
    make(tmp_path, "a.csv")
    with pytest.raises(LakeCommandError, match=r"--name b\.csv names standard input"):
        find(lake, [str(tmp_path / "a.csv")], "orders", "b.csv")


def two_of_one_name(folder: Path) -> list[str]:
    make(folder, "d1/part-0.csv", "d2/part-0.csv")
    return [str(folder / name / "part-0.csv") for name in ("d1", "d2")]


def test_two_files_of_one_key_are_refused_before_anything_is_uploaded(
    lake: Any, tmp_path: Path
) -> None:
    one, other = two_of_one_name(tmp_path)
    with pytest.raises(LakeCommandError) as refused:
        find(lake, [one, other], "c51", "")
    said = str(refused.value)
    assert "data/c51/part-0.csv" in said
    assert one in said
    assert f"lake put {other} --dataset c51/d2" in said
    assert keys(lake, other, dataset="c51/d2") == ["data/c51/d2/part-0.csv"]


def test_the_command_refuses_them_without_asking_which_lake(tmp_path: Path) -> None:
    done = CliRunner().invoke(put, [*two_of_one_name(tmp_path), "--dataset", "c51"], obj=None)
    assert isinstance(done.exception, LakeCommandError)


def test_one_file_named_twice_is_uploaded_once(lake: Any, tmp_path: Path) -> None:
    one, _ = two_of_one_name(tmp_path)
    other = str(tmp_path / "d2" / ".." / "d1" / "part-0.csv")
    assert keys(lake, one, other) == ["data/part-0.csv"]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nothing.csv", "nothing.csv is not a file"),
        ("*.none", "holds no file"),
        ("s3://other/nothing/", "holds no file"),
        ("s3:///x", "names no bucket"),
    ],
)
def test_what_is_no_file_is_named(
    lake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LakeCommandError, match=said):
        find(lake, [named], None, "")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NoSuchBucket", "There is no bucket other. .* uploads it to the lake's bucket raw; --dat"),
        ("AccessDenied", "Your user or role may not do that"),
    ],
)
def test_a_bucket_that_cannot_be_read_is_named_with_what_to_do(
    lake: Any, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    def refused(*_: Any) -> Any:
        raise client_error(code)

    monkeypatch.setattr("lake.buckets.contents", refused)
    with pytest.raises(LakeCommandError, match=rf"s3://other/x cannot be read\. .*{said}"):
        find(lake, ["s3://other/x"], None, "")


def test_an_empty_folder_says_what_it_left_out(lake: Any, tmp_path: Path) -> None:
    make(tmp_path, ".hidden")
    with pytest.raises(LakeCommandError, match=r"holds no file\. 1 hidden ones are left out"):
        find(lake, [str(tmp_path)], None, "")


def test_a_pipe_is_no_file_and_standard_input_reads_it(lake: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LakeCommandError, match="lake put - --name NAME <"):
        find(lake, [str(tmp_path / "pipe")], None, "")


def test_a_key_that_s3_would_refuse_is_refused_before(lake: Any, tmp_path: Path) -> None:
    make(tmp_path, "a.csv")
    with pytest.raises(LakeCommandError, match="S3 takes 1,024"):
        find(lake, [str(tmp_path / "a.csv")], "é" * 600, "")
    assert sources.key_of(sources.Source("x", "y"), None) == "data/y"
