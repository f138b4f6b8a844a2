"""What the real adapters make of what AWS answers, or does not; and that the doubles answer alike.

The clients are real ones. Most answers are written by the test; where it is about connections, a
server on this machine gives them.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from aws.dynamodb import DynamoLedger
from aws.glue import GlueCatalog
from aws.s3 import S3OutputStore, S3RawStore
from aws.sqs import SqsQueue
from engine.types.evolve import evolved
from store.entry import Entry
from store.errors import ObjectArchivedError, ServiceError
from store.model import Column, Schema
from tests.support.cloud import DATABASE, LEDGER, QUEUE, RAW, Cloud
from tests.support.wire import Answer, connected, refusal, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ONE = Schema((Column("a", "bigint"),))

#: What the function asks of AWS, each by the adapter that asks it.
ASKED: dict[str, tuple[str, Callable[[Any, Path], Any]]] = {
    "head": ("s3", lambda s3, _: S3RawStore(s3).head("raw", "data/a")),
    "read": ("s3", lambda s3, file: saved(s3, file)),
    "write": ("s3", lambda s3, file: S3OutputStore(s3, "p").upload_all({"k": file}, lambda: 99.0)),
    "delete": ("s3", lambda s3, _: S3OutputStore(s3, "p").delete(["k"])),
    "get entry": ("dynamodb", lambda db, _: DynamoLedger(db, "l").get("o")),
    "put entry": ("dynamodb", lambda db, _: DynamoLedger(db, "l").put("o", Entry(revision=1))),
    "read table": ("glue", lambda glue, _: catalog(glue).schema("t")),
    "make table": ("glue", lambda glue, _: catalog(glue).declare("t", ONE)),
    "crawl": ("glue", lambda glue, _: catalog(glue).crawl()),
    "hand back": ("sqs", lambda sqs, _: SqsQueue(sqs, "https://sqs/0/q").hand_back("r", 30)),
}

#: Throttles and faults with a status that does not say so, by the services' API references.
MENDED_BY_TIME = {
    "s3": [
        ("RequestTimeout", 400),
        ("ExpiredToken", 400),
        ("BadDigest", 400),
        ("OperationAborted", 409),
        ("ConditionalRequestConflict", 409),
        ("SlowDown", 503),
        ("InternalError", 500),
        ("TooManyRequests", 429),
    ],
    "dynamodb": [
        ("ProvisionedThroughputExceededException", 400),
        ("ThrottlingException", 400),
        ("RequestLimitExceeded", 400),
        ("TransactionConflictException", 400),
        ("ExpiredTokenException", 400),
        ("InternalServerError", 500),
    ],
    "glue": [
        ("ThrottlingException", 400),
        ("ResourceNumberLimitExceededException", 400),
        ("OperationTimeoutException", 400),
        ("ResourceNotReadyException", 400),
        ("InternalServiceException", 500),
    ],
    "sqs": [
        ("RequestThrottled", 403),
        ("OverLimit", 403),
        ("KMS.ThrottlingException", 400),
        ("ServiceUnavailable", 503),
    ],
}

#: What only a person mends. HEAD has no body: its code is the status.
MENDED_BY_A_PERSON = {
    "s3": ("AccessDenied", 403),
    "dynamodb": ("ResourceNotFoundException", 400),
    "glue": ("AccessDeniedException", 400),
    "sqs": ("AWS.SimpleQueueService.NonExistentQueue", 400),
}


def saved(s3: Any, file: Path) -> bool:
    """Read the object's current version to a file; False where there is none."""
    content = S3RawStore(s3).open("raw", "data/a")
    if content is None:
        return False
    content.save(file)
    return True


def catalog(glue: Any) -> GlueCatalog:
    return GlueCatalog(glue, "d", "p", "c", evolved, sleep=lambda _: None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"12345")
    return tmp_path / "file"


def ask(what: str, answer: Answer, file: Path) -> Any:
    service, call = ASKED[what]
    wire(service).answer = lambda _: answer
    return call(wire(service).client, file)


@pytest.mark.parametrize("what", ASKED)
def test_what_time_mends_is_tried_again_and_what_a_person_mends_is_not_hidden(
    what: str, file: Path
) -> None:
    service = ASKED[what][0]
    for code, status in MENDED_BY_TIME[service]:
        if (what == "head" and status == 409) or (what, status) == ("head", 400):
            continue  # without a body nobody knows what a 400 is
        with pytest.raises(ServiceError, match=r"writing|reading|asking|deleting|handing|start"):
            ask(what, refusal(service, code, status), file)
    code, status = MENDED_BY_A_PERSON[service]
    with pytest.raises(ClientError) as raised:
        ask(what, refusal(service, code, status), file)
    assert raised.value.response["Error"]["Code"] in (code, str(status))


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion", "MethodNotAllowed"])
def test_an_object_that_was_deleted_is_none(code: str, file: Path) -> None:
    assert not ask("read", refusal("s3", code, 405 if "Method" in code else 404), file)
    assert ask("head", Answer(404), file) is None


def test_an_object_in_an_archive_is_described_and_says_what_to_do(file: Path) -> None:
    described = Answer(
        200,
        b"",
        {
            "ETag": '"e"',
            "Content-Length": "5",
            "Last-Modified": "Mon, 15 Jan 2024 00:00:00 GMT",
            "x-amz-version-id": "v1",
        },
    )
    wired = wire("s3")
    wired.answer = lambda request: (
        described if request.method == "HEAD" else refusal("s3", "InvalidObjectState", 403)
    )
    content = S3RawStore(wired.client).open("raw", "data/a")
    assert content is not None
    assert content.raw.version == "v1"
    with pytest.raises(ObjectArchivedError, match="restore-object"):
        content.save(file)
    content.close()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ReceiptHandleIsInvalid", 'The input receipt handle "r" is not a valid receipt handle.'),
        (
            "InvalidParameterValue",
            "Value r for parameter ReceiptHandle is invalid. Reason: The receipt handle has …",
        ),
        ("AWS.SimpleQueueService.MessageNotInflight", "Message is not in flight."),
    ],
)
def test_a_message_that_is_somebody_elses_by_now_is_left_to_him(
    code: str, message: str, file: Path
) -> None:
    ask("hand back", refusal("sqs", code, 400, message), file)


def test_objects_that_s3_did_not_delete_are_no_success(file: Path) -> None:
    said = b"<DeleteResult><Error><Key>k</Key><Code>InternalError</Code></Error></DeleteResult>"
    with pytest.raises(ServiceError, match="InternalError"):
        ask("delete", Answer(200, said), file)


@pytest.mark.parametrize("body", [b"<html>gateway", b"<ListB", b"\xff\xfe"])
def test_an_answer_that_is_no_answer_is_tried_again(body: bytes, file: Path) -> None:
    with pytest.raises(ServiceError):
        ask("delete", Answer(200, body), file)
    with pytest.raises(ServiceError):
        ask("write", Answer(502, body), file)


# --- Connections ----------------------------------------------------------------------------

HEAD = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "e"\r\n'
    b"Last-Modified: Mon, 15 Jan 2024 00:00:00 GMT\r\n"
)


@contextmanager
def server(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accepts connections, reads a request of each, and says what the test wants."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    one, _ = listening.accept()
                except OSError:  # the test is over
                    return
                with one:
                    one.recv(65536)
                    say(one)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def reset(one: socket.socket) -> None:
    one.sendall(HEAD + b"\r\n12345")
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def silent(one: socket.socket) -> None:
    one.sendall(HEAD + b"\r\n12345")
    threading.Event().wait(0.4)


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(lambda one: one.sendall(HEAD + b"\r\n12345"), id="cut"),
        pytest.param(reset, id="reset"),
        pytest.param(silent, id="silent"),
        pytest.param(
            lambda one: one.sendall(
                HEAD.replace(b"100", b"5") + b"x-amz-checksum-crc32: AAAAAA==\r\n\r\n12345"
            ),
            id="other bytes than were stored",
        ),
        pytest.param(lambda _: None, id="closed without a word"),
        pytest.param(lambda _: threading.Event().wait(0.4), id="never answered"),
    ],
)
def test_a_body_that_does_not_arrive_whole_is_read_again(
    say: Callable[[socket.socket], None], tmp_path: Path
) -> None:
    with server(say) as url, pytest.raises(ServiceError, match="reading s3://raw/data/a"):
        saved(connected("s3", url, read_timeout=0.2), tmp_path / "file")


def test_a_service_that_nobody_answers_for_is_tried_again(file: Path) -> None:
    with socket.socket() as taken:  # bound, and never listening
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ServiceError, match="Could not connect"):
            ASKED["put entry"][1](connected("dynamodb", url), file)


# --- The doubles ----------------------------------------------------------------------------


def _double(service: str) -> Any:
    cloud = Cloud()
    cloud.tables["there"] = {"Name": "there", "VersionId": "1"}
    cloud.items["there"] = {"object": {"S": "there"}, "revision": {"N": "1"}}
    cloud.write(RAW, "there", b"x")
    cloud.crawls.append(cloud.now)
    return cloud.client(service)


@pytest.mark.parametrize(
    ("service", "call", "answer"),
    [
        ("s3", lambda c: c.head_object(Bucket=RAW, Key="no"), Answer(404)),
        (
            "s3",
            lambda c: c.get_object(Bucket=RAW, Key="no"),
            refusal("s3", "NoSuchKey", 404),
        ),
        (
            "dynamodb",
            lambda c: c.put_item(
                TableName=LEDGER,
                Item={"object": {"S": "there"}},
                ConditionExpression="attribute_not_exists(revision)",
            ),
            refusal("dynamodb", "ConditionalCheckFailedException"),
        ),
        (
            "glue",
            lambda c: c.get_table(DatabaseName=DATABASE, Name="no"),
            refusal("glue", "EntityNotFoundException"),
        ),
        (
            "glue",
            lambda c: c.create_table(DatabaseName=DATABASE, TableInput={"Name": "there"}),
            refusal("glue", "AlreadyExistsException"),
        ),
        (
            "glue",
            lambda c: c.update_table(
                DatabaseName=DATABASE,
                TableInput={"Name": "there"},
                VersionId="0",
                SkipArchive=True,
            ),
            refusal("glue", "ConcurrentModificationException"),
        ),
        (
            "glue",
            lambda c: c.start_crawler(Name="c"),
            refusal("glue", "CrawlerRunningException"),
        ),
        (
            "sqs",
            lambda c: c.change_message_visibility(
                QueueUrl=QUEUE, ReceiptHandle="no", VisibilityTimeout=0
            ),
            refusal("sqs", "InvalidParameterValue"),
        ),
    ],
)
def test_a_double_raises_what_the_real_client_raises(
    service: str, call: Callable[[Any], Any], answer: Answer
) -> None:
    wire(service).answer = lambda _: answer
    told = []
    for one in (wire(service).client, _double(service)):
        with pytest.raises(ClientError) as raised:
            call(one)
        said = raised.value.response
        told.append((said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"]))
    assert told[0] == told[1]


def test_the_clients_of_the_function_do_not_wait_for_minutes() -> None:
    from processor import bootstrap

    quick: Any = bootstrap._QUICK
    assert quick.connect_timeout + quick.read_timeout <= 10
    assert quick.retries["total_max_attempts"] > 1
    s3: Any = bootstrap._S3
    assert quick.read_timeout < s3.read_timeout <= 60
