"""How the files of an object are written: several at once, in time, all or an error."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from aws.s3 import S3OutputStore
from store.errors import OutOfTimeError, ServiceError
from tests.support.wire import Answer, refusal, sent, wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from botocore.awsrequest import AWSPreparedRequest

PLENTY = 300.0


def plenty() -> float:
    return PLENTY


def store(answer: Callable[[AWSPreparedRequest], Answer], **named: int) -> S3OutputStore:
    wire("s3").answer = answer
    return S3OutputStore(wire("s3").client, "p", **named)


def key_of(request: AWSPreparedRequest) -> str:
    return request.url.partition("?")[0].rpartition("/")[2]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {}
    for number in range(40):
        path = tmp_path / f"{number:02}"
        path.write_bytes(b"%d" % number)
        made[path.name] = path
    return made


def test_eight_files_are_on_their_way_at_once(files: dict[str, Path]) -> None:
    # Nobody is answered until eight have asked.
    together, bodies = threading.Barrier(8), {}

    def answer(request: AWSPreparedRequest) -> Answer:
        together.wait(10)
        bodies[key_of(request)] = sent(request)
        return Answer(headers={"ETag": '"e"'})

    store(answer).upload_all(files, plenty)
    assert sorted(bodies) == sorted(files)
    assert all(b"%d" % int(key) in body for key, body in bodies.items())


@pytest.mark.parametrize("threads", [1, 8])
def test_the_first_failure_stops_the_rest_and_is_raised(
    files: dict[str, Path], threads: int
) -> None:
    asked: list[str] = []
    all_ask = threading.Barrier(threads)

    def answer(request: AWSPreparedRequest) -> Answer:
        asked.append(key_of(request))
        if len(asked) <= threads:
            all_ask.wait(10)
        else:
            # Who stops the rest may have to wait for a processor.
            time.sleep(0.2)
        return refusal("s3", "SlowDown", 503)

    # Of several at once it is that of the first key, whoever was faster.
    with pytest.raises(ServiceError, match="writing s3://p/00: "):
        store(answer, threads=threads).upload_all(files, plenty)
    assert len(asked) < len(files)


@pytest.mark.parametrize("threads", [1, 8])
def test_an_invocation_that_ends_in_seconds_hands_the_object_back(
    files: dict[str, Path], threads: int
) -> None:
    asked: list[str] = []

    def answer(request: AWSPreparedRequest) -> Answer:
        asked.append(key_of(request))
        return Answer(headers={"ETag": '"e"'})

    with pytest.raises(OutOfTimeError, match="is not written yet") as raised:
        store(answer, threads=threads).upload_all(files, lambda: 20.0 - len(asked))
    assert raised.value.retry_after == 0
    assert 10 <= len(asked) < 20


class Parts:
    """S3, as far as a file in parts is concerned."""

    def __init__(self, *, fails_at: str = "", complete: bytes = b"<X><ETag>e</ETag></X>") -> None:
        self.asked: list[str] = []
        self.sent = b""
        self.fails_at, self.complete = fails_at, complete

    def __call__(self, request: AWSPreparedRequest) -> Answer:
        query = request.url.partition("?")[2]
        by_method = {"PUT": "part", "DELETE": "abort", "POST": "complete"}
        what = "begin" if query == "uploads" else by_method[request.method]
        self.asked.append(what)
        if what == self.fails_at:
            return refusal("s3", "SlowDown", 503)
        if what == "begin":
            return Answer(200, b"<X><UploadId>u</UploadId></X>")
        if what == "part":
            self.sent += sent(request)
            return Answer(headers={"ETag": '"e"', "x-amz-checksum-crc32": "AAAAAA=="})
        if what == "complete":
            told = sent(request)
            assert told.count(b"AAAAAA==") == told.count(b"<PartNumber>") > 0
            return Answer(200, self.complete)
        return Answer(204)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    (tmp_path / "long").write_bytes(b"12345678901")
    return tmp_path / "long"


def test_a_long_file_is_sent_in_parts_and_arrives_whole(long: Path) -> None:
    parts = Parts()
    store(parts, part_bytes=4).upload_all({"k": long}, plenty)
    assert parts.asked == ["begin", "part", "part", "part", "complete"]
    for piece in (b"1234", b"5678", b"901"):
        assert piece in parts.sent


@pytest.mark.parametrize("moment", ["part", "complete"])
def test_the_parts_of_a_file_that_could_not_be_written_are_removed(long: Path, moment: str) -> None:
    parts = Parts(fails_at=moment)
    with pytest.raises(ServiceError, match="SlowDown"):
        store(parts, part_bytes=4).upload_all({"k": long}, plenty)
    assert parts.asked[-1] == "abort"


def test_parts_that_s3_did_not_put_together_are_no_file_though_it_said_200(long: Path) -> None:
    parts = Parts(complete=b"<Error><Code>InternalError</Code><Message>no</Message></Error>")
    with pytest.raises(ServiceError, match="InternalError"):
        store(parts, part_bytes=4).upload_all({"k": long}, plenty)


def test_time_is_watched_between_the_parts_of_a_long_file_too(long: Path) -> None:
    parts = Parts()
    with pytest.raises(OutOfTimeError):
        store(parts, part_bytes=4).upload_all({"k": long}, lambda: 12.0 - len(parts.asked))
    assert parts.asked == ["begin", "part", "part", "abort"]
