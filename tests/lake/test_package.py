"""What `sam deploy` is given for the local AWS."""

from __future__ import annotations

import json
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from lake.local.package import packed

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: Function
      Environment: {Variables: {QUEUE: !GetAtt Queue.Arn, SINCE: 2012-10-17}}
  Other:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Other, Handler: !Sub "${Queue}.handler"}
  Queue: {Type: AWS::SQS::Queue}
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "build"
    for name in ("Function", "Other"):
        (folder / name / "package").mkdir(parents=True)
        (folder / name / "app.py").write_text("x = 1\n" * 1000)
        (folder / name / "package" / "data").write_bytes(b"\0\1")
    (folder / "Function" / "app.py").chmod(0o700)
    (folder / "template.yaml").write_text(TEMPLATE)
    return folder


def code(template: Path, function: str = "Function") -> zipfile.ZipFile:
    told = json.loads(template.read_text())
    return zipfile.ZipFile(told["Resources"][function]["Properties"]["CodeUri"])


def test_the_archive_holds_what_was_built_and_all_may_read_it(build: Path, tmp_path: Path) -> None:
    with code(packed(build, tmp_path / "packed")) as archive:
        assert archive.namelist() == ["app.py", "package/data"]
        assert archive.read("app.py") == b"x = 1\n" * 1000
        assert archive.read("package/data") == b"\0\1"
        modes = [stat.filemode(one.external_attr >> 16) for one in archive.infolist()]
    assert modes == ["-rwxr--r--", "-rw-r--r--"]


def test_the_template_says_the_same_but_for_the_code(build: Path, tmp_path: Path) -> None:
    told = json.loads(packed(build, tmp_path / "packed").read_text())["Resources"]
    assert told["Queue"] == {"Type": "AWS::SQS::Queue"}
    variables = told["Function"]["Properties"]["Environment"]["Variables"]
    assert variables == {"QUEUE": {"Fn::GetAtt": ["Queue", "Arn"]}, "SINCE": "2012-10-17"}
    assert told["Other"]["Properties"]["Handler"] == {"Fn::Sub": "${Queue}.handler"}


def test_only_what_changed_is_packed_anew_and_nothing_else_is_kept(
    build: Path, tmp_path: Path
) -> None:
    archives = tmp_path / "packed"
    packed(build, archives)
    before = {path.name: path.stat().st_ino for path in archives.glob("*.zip")}
    # A build that made the same again, at another time.
    (build / "Other" / "app.py").write_text("x = 1\n" * 1000)
    (build / "Function" / "package" / "data").write_bytes(b"\0\2")
    with code(packed(build, archives)) as archive:
        assert archive.read("package/data") == b"\0\2"
    after = {path.name: path.stat().st_ino for path in archives.glob("*.zip")}
    assert {name.partition("-")[0] for name in before.keys() & after} == {"Other"}
    assert len(after) == 2
    assert all(before[name] == number for name, number in after.items() if name in before)


def test_equal_code_is_packed_into_equal_bytes(build: Path, tmp_path: Path) -> None:
    first, second = (
        code(packed(build, tmp_path / name)).filename for name in ("packed", "elsewhere")
    )
    assert first != second
    assert (tmp_path / "packed" / str(first)).read_bytes() == (tmp_path / str(second)).read_bytes()
