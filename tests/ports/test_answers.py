"""What the real adapters make of what AWS answers, or does not; and that the doubles answer alike.

The clients are real ones. Most answers are written by the test; where it is about connections, a
server on this machine gives them.
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from aws.athena import Athena
from aws.curated import GlueTables, S3Folders
from aws.dynamodb import DynamoLedger, DynamoStates
from aws.glue import GlueCatalog
from aws.s3 import S3Content, S3OutputStore, S3RawStore
from aws.sqs import SqsCuration, SqsQueue
from engine.types.evolve import evolved
from store.entry import Entry
from store.errors import (
    CatalogConflictError,
    ModelFailedError,
    ObjectArchivedError,
    ObjectEncryptedError,
    ServiceError,
)
from store.model import Column, Schema
from store.models import Header, Model, Refresh
from store.refresh import Query, Run
from store.refresh import Refresh as State
from store.touch import Touch
from tests.support.cloud import DATABASE, LEDGER, QUEUE, RAW, Cloud
from tests.support.wire import Answer, connected, refusal, sent, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from botocore.awsrequest import AWSPreparedRequest

ONE = Schema((Column("a", "bigint"),))

MODEL = Model("m", Header("M", Refresh.BY_DATE), "SELECT 1", ())
RUN = Run("r", 1.0, "t", ("2024-01-15",), columns=(("n", "bigint"),))

#: What the functions ask of AWS, each by the adapter that asks it.
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
    "tell": ("sqs", lambda sqs, _: curation(sqs).tell(["t/2024-01-15"])),
    "get state": ("dynamodb", lambda db, _: DynamoStates(db, "l").get("m")),
    "put state": ("dynamodb", lambda db, _: DynamoStates(db, "l").put("m", State(revision=1))),
    "get model's table": ("glue", lambda glue, _: tables(glue).get("m")),
    "drop its view": ("glue", lambda glue, _: tables(glue).forget("m__shape")),
    "get its dates": ("glue", lambda glue, _: tables(glue).dates("m")),
    "get its places": ("glue", lambda glue, _: tables(glue).places("m", ["2024-01-15"])),
    "publish it": ("glue", lambda glue, _: tables(glue).publish(MODEL, RUN, RUN.dates)),
    "get its folders": ("s3", lambda s3, _: S3Folders(s3, "c").dates("s3://c/models/m/r/")),
    "delete its folder": ("s3", lambda s3, _: S3Folders(s3, "c").delete("models/m/r/")),
    "begin query": ("athena", lambda athena, _: queries(athena).start("SELECT 1", "t" * 32)),
    "look at query": ("athena", lambda athena, _: queries(athena).look("q")),
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
    "athena": [
        ("ThrottlingException", 400),
        ("TooManyRequestsException", 400),
        ("ExpiredTokenException", 400),
        ("InternalServerException", 500),
    ],
}

#: What only a person mends. HEAD has no body: its code is the status.
MENDED_BY_A_PERSON = {
    "s3": ("AccessDenied", 403),
    "dynamodb": ("ResourceNotFoundException", 400),
    "glue": ("AccessDeniedException", 400),
    "sqs": ("AWS.SimpleQueueService.NonExistentQueue", 400),
    "athena": ("AccessDeniedException", 400),
}

#: What an error says that was tried.
DOING = "writing|reading|asking|deleting|dropping|handing|start|telling|listing|beginning"


def saved(s3: Any, file: Path) -> bool:
    """Read the object's current version to a file; False where there is none."""
    content = S3RawStore(s3).open("raw", "data/a")
    if content is None:
        return False
    content.save(file)
    return True


def catalog(glue: Any) -> GlueCatalog:
    return GlueCatalog(glue, "d", "p", "c", evolved, sleep=lambda _: None)


def curation(sqs: Any) -> SqsCuration:
    return SqsCuration(sqs, "https://sqs/0/q", ("t",))


def tables(glue: Any) -> GlueTables:
    return GlueTables(glue, "d", "c")


def queries(athena: Any) -> Athena:
    return Athena(athena, "w", "d")


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
        with pytest.raises(ServiceError, match=DOING):
            ask(what, refusal(service, code, status), file)
    code, status = MENDED_BY_A_PERSON[service]
    with pytest.raises(ClientError) as raised:
        ask(what, refusal(service, code, status), file)
    assert raised.value.response["Error"]["Code"] in (code, str(status))


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion", "MethodNotAllowed"])
def test_an_object_that_was_deleted_is_none(code: str, file: Path) -> None:
    assert not ask("read", refusal("s3", code, 405 if "Method" in code else 404), file)
    assert ask("head", Answer(404), file) is None


def head(**headers: str) -> Answer:
    """What S3 says of an object."""
    return Answer(
        200,
        b"",
        {
            "ETag": '"e"',
            "Content-Length": "5",
            "Last-Modified": "Mon, 15 Jan 2024 00:00:00 GMT",
            "x-amz-version-id": "v1",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
    )


def opened(get: Answer, described: Answer, listed: Answer | None = None) -> S3Content | None:
    """What the adapter makes of an object whose bytes S3 does not give."""

    def answer(request: AWSPreparedRequest) -> Answer:
        if request.method == "HEAD":
            return described
        return listed if listed and "list-type=2" in request.url else get

    wired = wire("s3")
    wired.answer = answer
    return S3RawStore(wired.client).open("raw", "data/a")


def test_an_object_in_an_archive_is_described_and_says_what_to_do(file: Path) -> None:
    content = opened(refusal("s3", "InvalidObjectState", 403), head())
    assert content is not None
    assert content.raw.version == "v1"
    with pytest.raises(ObjectArchivedError, match="restore-object"):
        content.save(file)
    content.close()


#: Of the objects' keys, S3 says in HeadObject which they are, also to those who may not use them.
KEY = {
    "x_amz_server_side_encryption": "aws:kms",
    "x_amz_server_side_encryption_aws_kms_key_id": "arn:aws:kms:us-east-1:1:key/theirs",
}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDenied", 403),
        ("KMS.DisabledException", 400),
        ("KMS.KMSInvalidStateException", 400),
        ("KMS.NotFoundException", 400),
    ],
)
def test_an_object_with_a_key_that_may_not_be_used_names_the_key_and_what_to_do(
    code: str, status: int, file: Path
) -> None:
    content = opened(refusal("s3", code, status), head(**KEY))
    assert content is not None
    assert content.raw.version == "v1"
    said = (
        f"data/a is encrypted with the KMS key arn:aws:kms:us-east-1:1:key/theirs.*{code}.*Decrypt"
    )
    with pytest.raises(ObjectEncryptedError, match=said):
        content.save(file)
    content.close()


_LISTED = b"""<ListBucketResult><Contents><Key>data/a</Key><Size>5</Size><ETag>"e"</ETag>
<LastModified>2024-01-15T00:00:00.000Z</LastModified></Contents></ListBucketResult>"""

#: What S3 answers to a GET without the key (boto3's and MinIO's issues quote it).
_FORM = "The object was stored using a form of Server Side Encryption."


def test_an_object_with_a_key_of_its_producer_is_described_by_a_list(file: Path) -> None:
    refused = refusal("s3", "InvalidRequest", 400, _FORM)
    content = opened(refused, Answer(400), Answer(200, _LISTED))
    assert content is not None
    assert (content.raw.version, content.raw.size) == ("e", 5)
    with pytest.raises(ObjectEncryptedError, match=rf"\(SSE-C\).*{_FORM}"):
        content.save(file)
    # Another one that begins with its name is listed where it was deleted just now.
    other = Answer(200, _LISTED.replace(b"data/a", b"data/ab"))
    assert opened(refused, Answer(400), other) is None


@pytest.mark.parametrize(
    ("get", "described"),
    [
        # Nothing may be read at all: the deployment's fault, and the answer is that of the GET.
        (refusal("s3", "AccessDenied", 403), Answer(403)),
        # No key is to blame.
        (refusal("s3", "AccessDenied", 403), head()),
    ],
)
def test_an_object_that_may_not_be_read_is_not_said_to_be_encrypted(
    get: Answer, described: Answer
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        opened(get, described)


def test_a_key_that_is_asked_for_too_often_is_tried_again() -> None:
    with pytest.raises(ServiceError):
        opened(refusal("s3", "KMS.ThrottlingException", 400), head(**KEY))


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


# --- The curated zone -----------------------------------------------------------------------


def told(**content: Any) -> Answer:
    return Answer(200, json.dumps(content).encode())


def asked(request: AWSPreparedRequest) -> str:
    """The call that a client of a JSON service makes."""
    target: Any = request.headers["X-Amz-Target"]
    return str(target.decode().rpartition(".")[2])


def query(state: str, reason: str = "", **error: Any) -> Query:
    """What the adapter makes of a query's status."""
    status = {"State": state, "StateChangeReason": reason, "AthenaError": error}
    found = {"Status": {name: said for name, said in status.items() if said}}
    wired = wire("athena")
    wired.answer = lambda _: told(QueryExecution=found)
    return queries(wired.client).look("q1")


@pytest.mark.parametrize("state", ["QUEUED", "RUNNING"])
def test_a_query_that_waits_or_runs_has_not_ended(state: str) -> None:
    assert query(state) == Query(ended=False)


@pytest.mark.parametrize(
    ("state", "said", "error", "reason", "permanent"),
    [
        ("FAILED", "COLUMN_NOT_FOUND: line 1:8: no x", {"ErrorCategory": 2}, "", True),
        ("FAILED", "COLUMN_NOT_FOUND: x", {"ErrorCategory": 2, "Retryable": True}, "", False),
        ("FAILED", "COLUMN_NOT_FOUND: x", {"ErrorCategory": 1}, "", False),
        ("FAILED", "COLUMN_NOT_FOUND: x", {"ErrorCategory": 3}, "", True),
        ("FAILED", "COLUMN_NOT_FOUND: x", {}, "", True),
        # A file was replaced after the query had planned to read it.
        ("FAILED", "HIVE_CANNOT_OPEN_SPLIT: gone", {"ErrorCategory": 2}, "", False),
        ("FAILED", "GENERIC_INTERNAL_ERROR: no", {"ErrorCategory": 2}, "", False),
        ("FAILED", "Query exhausted resources: x", {"ErrorCategory": 2}, "FAILED", True),
        ("FAILED", "", {}, "FAILED", True),
        ("FAILED", "", {"ErrorCategory": 1}, "FAILED", False),
        # It would be too dear again.
        ("CANCELLED", "Bytes scanned limit was exceeded", {}, "CANCELLED", True),
        ("CANCELLED", "Query was too long", {"ErrorCategory": 1}, "CANCELLED", True),
    ],
)
def test_a_failed_query_is_tried_again_where_that_can_help(
    state: str, said: str, error: dict[str, Any], reason: str, permanent: bool
) -> None:
    found = query(state, said, **error)
    assert (found.ended, found.succeeded) == (True, False)
    assert (found.reason, found.permanent) == (reason or said.partition(":")[0], permanent)
    assert found.detail == f"{said.removeprefix(f'{found.reason}: ')} (query q1)"


def test_a_statement_that_athena_refuses_fails_with_what_it_said(file: Path) -> None:
    answer = refusal("athena", "InvalidRequestException", 400, "line 1:7: mismatched input '1'")
    with pytest.raises(ModelFailedError, match="mismatched input '1'") as raised:
        ask("begin query", answer, file)
    assert (raised.value.code, raised.value.permanent) == ("REFUSED", True)


def test_messages_that_sqs_did_not_take_are_no_success(file: Path) -> None:
    failed = {"Id": "0", "Code": "InternalError", "SenderFault": False, "Message": "no"}
    with pytest.raises(ServiceError, match="InternalError"):
        ask("tell", told(Successful=[], Failed=[failed]), file)


def test_messages_go_ten_at_once_and_the_first_failure_stops_the_rest() -> None:
    bodies: list[int] = []

    def answer(request: AWSPreparedRequest) -> Answer:
        bodies.append(len(json.loads(sent(request))["Entries"]))
        return told(Successful=[]) if len(bodies) < 4 else refusal("sqs", "OverLimit", 403)

    wired = wire("sqs")
    wired.answer = answer
    found = [Touch("t", dates=frozenset({f"2024-01-{day:02}"})) for day in range(1, 24)]
    curation(wired.client).send(found)
    assert bodies == [10, 10, 3]
    with pytest.raises(ServiceError, match="OverLimit"):
        curation(wired.client).send(found)
    assert bodies == [10, 10, 3, 10]


def test_nothing_is_asked_of_sqs_where_nobody_is_concerned() -> None:
    wired = wire("sqs")
    wired.answer = lambda _: refusal("sqs", "OverLimit", 403)
    curation(wired.client).tell(["other/2024-01-15"])


class Catalog:
    """Glue with the table of a model, which answers a call as a test wants."""

    def __init__(self, **said: Answer) -> None:
        self.said, self.asked = said, list[str]()

    def __call__(self, request: AWSPreparedRequest) -> Answer:
        name = asked(request)
        self.asked.append(name)
        storage = {"Location": "s3://c/models/m/", "Columns": []}
        keys = [{"Name": "date_partition", "Type": "string"}]
        table = {"Name": "m", "StorageDescriptor": storage, "PartitionKeys": keys, "VersionId": "1"}
        return self.said.get(name, told(Table=table) if name == "GetTable" else told())

    def tables(self) -> GlueTables:
        wire("glue").answer = self
        return tables(wire("glue").client)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("UpdateTable", "ConcurrentModificationException"),
        ("UpdateTable", "EntityNotFoundException"),
        ("BatchCreatePartition", "EntityNotFoundException"),
        ("BatchUpdatePartition", "EntityNotFoundException"),
        ("BatchDeletePartition", "EntityNotFoundException"),
    ],
)
def test_a_table_that_others_change_meanwhile_is_a_conflict(call: str, code: str) -> None:
    there = {
        "PartitionValues": ["2024-01-15"],
        "ErrorDetail": {"ErrorCode": "AlreadyExistsException"},
    }
    catalog = Catalog(**{"BatchCreatePartition": told(Errors=[there]), call: refusal("glue", code)})
    run = Run("r", 1.0, "t", ("2024-01-15", "2024-01-16"), columns=(("n", "bigint"),))
    with pytest.raises(CatalogConflictError, match="table m was changed meanwhile"):
        catalog.tables().publish(MODEL, run, run.dates[:1])
    assert catalog.asked[-1] == call


def test_a_table_that_another_worker_makes_first_is_a_conflict() -> None:
    catalog = Catalog(
        GetTable=refusal("glue", "EntityNotFoundException"),
        CreateTable=refusal("glue", "AlreadyExistsException"),
    )
    with pytest.raises(CatalogConflictError):
        catalog.tables().publish(MODEL, RUN, RUN.dates)


@pytest.mark.parametrize(
    "call", ["BatchCreatePartition", "BatchUpdatePartition", "BatchDeletePartition"]
)
def test_partitions_that_glue_did_not_change_are_no_success(call: str) -> None:
    def errors(code: str) -> Answer:
        one = {"PartitionValues": ["2024-01-15"], "ErrorDetail": {"ErrorCode": code}}
        return told(Errors=[one])

    catalog = Catalog(
        **{
            "BatchCreatePartition": errors("AlreadyExistsException"),
            call: errors("InternalServiceException"),
        }
    )
    written = () if call == "BatchDeletePartition" else RUN.dates
    with pytest.raises(ServiceError, match=r"partitions of m.*InternalServiceException"):
        catalog.tables().publish(MODEL, RUN, written)


def test_a_table_that_is_as_it_should_be_is_not_written_again() -> None:
    catalog = Catalog()
    catalog.tables().publish(MODEL, RUN, RUN.dates)
    assert catalog.asked == ["GetTable", "UpdateTable", "BatchCreatePartition"]
    wanted: dict[str, Any] = {}

    def keep(request: AWSPreparedRequest) -> Answer:
        if asked(request) == "UpdateTable":
            wanted.update(json.loads(sent(request))["TableInput"], VersionId="2")
        return catalog(request)

    wire("glue").answer = keep
    tables(wire("glue").client).publish(MODEL, RUN, RUN.dates)
    catalog = Catalog(GetTable=told(Table=wanted))
    catalog.tables().publish(MODEL, RUN, RUN.dates)
    assert catalog.asked == ["GetTable", "BatchCreatePartition"]


def test_a_partition_that_glue_did_not_tell_of_is_asked_for_again() -> None:
    place = {"Location": "s3://c/models/m/r/date_partition=2024-01-15/"}
    there = told(Partitions=[{"Values": ["2024-01-15"], "StorageDescriptor": place}])
    left = told(Partitions=[], UnprocessedKeys=[{"Values": ["2024-01-15"]}])
    answers = [left, there]
    wired = wire("glue")
    wired.answer = lambda _: answers.pop(0)
    assert tables(wired.client).places("m", ["2024-01-15"]) == {"2024-01-15": place["Location"]}
    assert not answers


def test_objects_of_a_folder_that_s3_did_not_delete_are_no_success() -> None:
    listed = b"<ListBucketResult><Contents><Key>models/m/r/x</Key></Contents></ListBucketResult>"
    failed = b"<DeleteResult><Error><Key>k</Key><Code>InternalError</Code></Error></DeleteResult>"
    wired = wire("s3")
    wired.answer = lambda request: Answer(200, listed if request.method == "GET" else failed)
    with pytest.raises(ServiceError, match=r"deleting s3://c/models/m/r/.*InternalError"):
        S3Folders(wired.client, "c").delete("models/m/r/")


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
    cloud.client("athena").start_query_execution(**query_of("SELECT 1"))
    return cloud.client(service)


def query_of(sql: str) -> dict[str, Any]:
    """What StartQueryExecution is told, always under one token."""
    told = {"WorkGroup": "w", "QueryExecutionContext": {"Database": "d"}}
    return {"QueryString": sql, "ClientRequestToken": "t" * 32, **told}


#: A table that is not there; what is asked of its partitions.
NO: dict[str, Any] = {"DatabaseName": DATABASE, "TableName": "no"}
BRIEF: dict[str, Any] = {"ExcludeColumnSchema": True}
CHANGED: dict[str, Any] = {"PartitionValueList": ["a"], "PartitionInput": {"Values": ["a"]}}


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
        *(
            ("glue", call, refusal("glue", "EntityNotFoundException"))
            for call in (
                lambda c: [*c.get_paginator("get_partitions").paginate(**NO, **BRIEF)],
                lambda c: c.batch_get_partition(**NO, PartitionsToGet=[{"Values": ["a"]}]),
                lambda c: c.batch_create_partition(**NO, PartitionInputList=[{"Values": ["a"]}]),
                lambda c: c.batch_update_partition(**NO, Entries=[CHANGED]),
                lambda c: c.batch_delete_partition(**NO, PartitionsToDelete=[{"Values": ["a"]}]),
            )
        ),
        (
            "athena",
            lambda c: c.start_query_execution(**query_of("SELEC 1")),
            refusal("athena", "InvalidRequestException"),
        ),
        (
            "athena",
            lambda c: c.start_query_execution(**query_of("SELECT 2")),
            refusal("athena", "InvalidRequestException"),
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


def test_the_clients_of_the_curator_are_patient_enough_for_a_long_statement() -> None:
    from curator import bootstrap

    config: Any = bootstrap._CONFIG
    assert config.connect_timeout + config.read_timeout <= 20
    assert config.retries["total_max_attempts"] > 1
