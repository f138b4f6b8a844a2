"""What a user of a deployed lake sees, through the real template with IAM enforced."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import load_event, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

pytestmark = pytest.mark.local


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture
def dataset() -> str:
    """A table that no other test has."""
    return f"t_{uuid.uuid4().hex[:12]}"


def test_three_products_are_rows_a_moment_later(local_lake: LocalLake, root: Path) -> None:
    entry = local_lake.ingest("data/test-data.json", (root / "samples/test-data.json").read_bytes())
    assert (entry["status"], entry["records_read"], entry["records_accepted"]) == ("DONE", 3, 3)
    rows = local_lake.query(
        "SELECT category, count(*) AS products, round(avg(price), 2) AS price FROM processed_table "
        "WHERE _source_key = 'data/test-data.json' AND date_partition = '2024-01-15' "
        "GROUP BY category ORDER BY category DESC"
    )
    assert rows == [
        {"category": "Electronics", "products": 2, "price": 24.99},
        {"category": "Clothing", "products": 1, "price": 49.99},
    ]


@pytest.mark.parametrize("name", ["a b", "a+b", "100%", "a%20b", "ü-日本", "a&b=c;d", "'quoted'"])
def test_any_key_is_read_as_it_was_written(local_lake: LocalLake, dataset: str, name: str) -> None:
    key = f"data/{dataset}/{name}.json"
    local_lake.ingest(key, lines({"n": 1}))
    assert [r["_source_key"] for r in local_lake.query(f"SELECT * FROM {dataset}")] == [key]


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2], "text": ["x", "y"]}), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("x.json", json.dumps([{"n": 1, "text": "x"}, {"n": 2, "text": "y"}]).encode()),
        ("x.csv.bz2", bz2.compress(b"n,text\n1,x\n2,y\n")),
        ("x.parquet", parquet()),
    ],
)
def test_each_format_is_the_same_table(
    local_lake: LocalLake, dataset: str, name: str, body: bytes
) -> None:
    assert local_lake.ingest(f"data/{dataset}/{name}", body)["status"] == "DONE"
    assert local_lake.query(f"SELECT n, text FROM {dataset} ORDER BY n") == [
        {"n": 1, "text": "x"},
        {"n": 2, "text": "y"},
    ]


def test_a_struct_grows_and_drift_is_told(local_lake: LocalLake, dataset: str) -> None:
    first = local_lake.ingest(f"data/{dataset}/1.json", lines({"price": 1, "user": {"id": 1}}))
    assert first["columns_added"] == 2
    later = lines({"price": "free", "user": {"id": 2, "city": "Ulm"}}, {"price": 2})
    second = local_lake.ingest(f"data/{dataset}/2.json", later)
    assert (second["columns_added"], second["records_rescued"]) == (1, 1)
    drift = json.loads(second["drift"])["price"]
    assert (drift["type"], drift["count"]) == ("bigint", 1)
    table = local_lake.client("glue").get_table(
        DatabaseName=local_lake.outputs["GlueDatabaseName"], Name=dataset
    )["Table"]
    types = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
    assert types["user"] == "struct<id:bigint,city:string>"
    assert types["price"] == "bigint"


def test_the_quarantine_counts_by_reason(local_lake: LocalLake, dataset: str) -> None:
    body = 'a,b\n1,é\n2,2\n3,3\n2,3,4\n5,6,7\n"4,5\n'.encode() + b"6,\xff\n"
    entry = local_lake.ingest(f"data/{dataset}/x.csv", body)
    assert (entry["records_read"], entry["records_quarantined"]) == (7, 4)
    assert local_lake.query(
        "SELECT reason, count(*) AS records FROM quarantine "
        f"WHERE dataset = '{dataset}' GROUP BY reason ORDER BY reason"
    ) == [
        {"reason": "FIELD_COUNT", "records": 2},
        {"reason": "INVALID_UTF8", "records": 1},
        {"reason": "MALFORMED_ROW", "records": 1},
    ]


def test_a_file_that_was_not_read_is_a_row_of_objects(local_lake: LocalLake, dataset: str) -> None:
    body = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    entry = local_lake.ingest(f"data/{dataset}/scan.png", body)
    assert (entry["status"], entry["records_read"]) == ("STORED", 0)
    assert "PNG image" in entry["detail"]
    found = f"SELECT key, size, media_type FROM objects WHERE dataset = '{dataset}'"
    assert local_lake.query(found) == [
        {"key": f"data/{dataset}/scan.png", "size": len(body), "media_type": "image/png"}
    ]
    local_lake.ingest(f"data/{dataset}/scan.png", lines({"n": 1}))
    assert local_lake.query(found) == []
    assert local_lake.query(f"SELECT n FROM {dataset}") == [{"n": 1}]


def test_what_programs_put_beside_their_files_is_no_data(
    local_lake: LocalLake, dataset: str
) -> None:
    """Case b18."""
    for name in ("_SUCCESS", ".part-0.json.crc", "_delta_log/0.json", ""):
        assert local_lake.ingest(f"data/{dataset}/{name}", b"x")["status"] == "SKIPPED", name
    commit = b'{"commitInfo":{"timestamp":1}}\n{"protocol":{"minReaderVersion":1}}\n'
    key = f"data/{dataset}/00000000000000000000.json"
    assert local_lake.ingest(key, commit)["status"] == "SKIPPED"
    local_lake.ingest(f"data/{dataset}/part-0.json", lines({"n": 1}, {"n": 2}))
    assert local_lake.query(f"SELECT count(*) AS c FROM {dataset}") == [{"c": 2}]


def test_put_and_files_say_where_a_value_went(
    local_lake: LocalLake, dataset: str, tmp_path: Path
) -> None:
    """Case b24."""
    for name, text, code in (
        ("1", "sku,price\nA,10\nB,20\n", 0),
        ("2", "sku,price\nC,19.99\nD,5.50\n", 2),
    ):
        file = tmp_path / f"{name}.csv"
        file.write_text(text)
        words = ("lake", "put", str(file), "--dataset", dataset)
        put = local_lake.command(*words, expect=code)
    said = "price: 2 values did not fit bigint, such as 19.99; they are in _rescued_data"
    assert said in put.stdout
    assert said in local_lake.command("lake", "files", "--dataset", dataset).stdout


def test_gzip_is_unpacked(local_lake: LocalLake, dataset: str) -> None:
    body = gzip.compress(lines({"n": 1})) + gzip.compress(lines({"n": 2}))
    local_lake.ingest(f"data/{dataset}/x.gz", body)
    assert local_lake.query(f"SELECT sum(n) AS s FROM {dataset}") == [{"s": 3}]


def test_an_empty_object_is_empty_and_nothing_else(local_lake: LocalLake, dataset: str) -> None:
    entry = local_lake.ingest(f"data/{dataset}/x.json", b"")
    assert (entry["status"], entry["records_read"]) == ("EMPTY", 0)
    objects = local_lake.client("s3").list_objects_v2(
        Bucket=local_lake.outputs["ProcessedBucketName"], Prefix=f"processed/{dataset}/"
    )
    assert objects["KeyCount"] == 0


def test_a_refused_record_is_a_row_of_the_quarantine(local_lake: LocalLake, dataset: str) -> None:
    body = b'{"n": 1}\n{"n": 2, oh no}\n{"n": 3}\n'
    entry = local_lake.ingest(f"data/{dataset}/x.json", body)
    assert entry["status"] == "PARTIAL"
    assert (entry["records_read"], entry["records_accepted"]) == (3, 2)
    assert local_lake.query(f"SELECT n FROM {dataset} ORDER BY n") == [{"n": 1}, {"n": 3}]
    refused = local_lake.query(
        "SELECT record_number, reason, raw FROM quarantine "
        f"WHERE source_key = 'data/{dataset}/x.json'"
    )
    assert refused == [{"record_number": 2, "reason": "MALFORMED_JSON", "raw": '{"n": 2, oh no}'}]


def test_a_truncated_file_publishes_nothing_and_says_why(
    local_lake: LocalLake, dataset: str
) -> None:
    body = gzip.compress(lines(*({"n": n, "text": uuid.uuid4().hex} for n in range(1000))))
    entry = local_lake.ingest(f"data/{dataset}/x.json.gz", body[:-100])
    assert entry["status"] == "REJECTED"
    assert entry["detail"]
    tables = local_lake.client("glue").get_tables(DatabaseName="data_lake_db")["TableList"]
    assert dataset not in [table["Name"] for table in tables]


def test_the_newest_version_replaces_the_rows_of_the_older(
    local_lake: LocalLake, dataset: str
) -> None:
    key = f"data/{dataset}/x.json"
    old = [{"n": n, "date": f"2024-01-0{n}"} for n in (1, 2, 3)]
    local_lake.ingest(key, lines(*old))
    entry = local_lake.ingest(key, lines({"n": 9, "date": "2024-02-01"}))
    assert local_lake.query(f"SELECT n, date_partition FROM {dataset}") == [
        {"n": 9, "date_partition": "2024-02-01"}
    ]
    assert entry["status"] == "DONE"


def test_an_event_delivered_again_changes_nothing(local_lake: LocalLake, dataset: str) -> None:
    key = f"data/{dataset}/x.json"
    entry = local_lake.ingest(key, lines({"n": 1}, {"n": 2}))
    event = load_event("s3-put")
    event["Records"][0]["s3"]["object"]["key"] = key
    sqs, queue = local_lake.client("sqs"), local_lake.outputs["IngestQueueUrl"]
    for _ in range(5):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    until("the queue is empty", lambda: _drained(local_lake))
    assert local_lake.query(f"SELECT sum(n) AS s, count(*) AS c FROM {dataset}") == [
        {"s": 3, "c": 2}
    ]
    assert local_lake.entry(key)["revision"] == entry["revision"]


def _drained(lake: LocalLake) -> bool:
    return lake.messages() == 0


@pytest.mark.parametrize("event", ["s3-test-event", "deleted"])
def test_what_no_retry_can_mend_is_not_retried(local_lake: LocalLake, event: str) -> None:
    if event == "deleted":
        body = load_event("s3-put")
        body["Records"][0]["s3"]["object"]["key"] = f"data/{uuid.uuid4().hex}.json"
    else:
        body = load_event(event)
    local_lake.client("sqs").send_message(
        QueueUrl=local_lake.outputs["IngestQueueUrl"], MessageBody=json.dumps(body)
    )
    until("the queue is empty", lambda: _drained(local_lake))
    assert local_lake.messages("DeadLetterQueueUrl") == 0


def test_what_is_no_event_is_a_dead_letter_at_once(local_lake: LocalLake) -> None:
    sqs, dead = local_lake.client("sqs"), local_lake.outputs["DeadLetterQueueUrl"]
    newer = load_event("s3-put")
    newer["Records"][0]["eventVersion"] = "3.0"
    for body in ({"hello": "world"}, newer):
        text = json.dumps(body)
        sqs.send_message(QueueUrl=local_lake.outputs["IngestQueueUrl"], MessageBody=text)
        until("it is a dead letter", lambda: local_lake.messages("DeadLetterQueueUrl") == 1, 30)
        (message,) = sqs.receive_message(QueueUrl=dead)["Messages"]
        assert message["Body"] == text
        sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])


def test_a_builder_makes_a_table_in_the_curated_bucket(local_lake: LocalLake, dataset: str) -> None:
    local_lake.ingest(f"data/{dataset}/a.json", b'{"n": 1}\n{"n": 2}\n')
    athena, outputs = local_lake.client("athena"), local_lake.outputs
    place = f"s3://{outputs['CuratedBucketName']}/tables/{dataset}/"
    started = athena.start_query_execution(
        QueryString=f"CREATE TABLE built_{dataset} WITH (format = 'PARQUET', "
        f"external_location = '{place}') AS SELECT n FROM {dataset}",
        WorkGroup=outputs["BuildersWorkGroupName"],
        QueryExecutionContext={"Database": outputs["GlueDatabaseName"]},
    )["QueryExecutionId"]

    def ended() -> str:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        assert status["State"] not in ("FAILED", "CANCELLED"), status
        return status["State"] if status["State"] == "SUCCEEDED" else ""

    until("the table is made", ended)
    assert local_lake.query(f"SELECT sum(n) AS s FROM built_{dataset}") == [{"s": 3}]


def test_one_structured_line_tells_what_became_of_an_object(
    local_lake: LocalLake, dataset: str
) -> None:
    key = f"data/{dataset}/x.json"
    local_lake.ingest(key, lines({"n": 1}))
    told = [
        json.loads(line)
        for line in until(
            "the line is logged", lambda: [x for x in local_lake.log().splitlines() if key in x]
        )
        if line.startswith("{")
    ]
    (line,) = [one for one in told if one.get("message") == "object ingested"]
    assert (line["records_read"], line["records_accepted"], line["status"]) == (1, 1, "DONE")
    assert line["bytes"] == len(lines({"n": 1}))
    assert line["milliseconds"] >= 0


@pytest.mark.parametrize("name", ["s3-put", "s3-multipart", "s3-awkward-key", "eventbridge"])
def test_each_sample_event_is_taken_by_the_deployed_function(
    local_lake: LocalLake, name: str
) -> None:
    event = load_event(name)
    answer = local_lake.client("lambda").invoke(
        FunctionName=local_lake.outputs["ProcessorFunctionName"], Payload=json.dumps(event)
    )
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    assert all(one["status"] in {"DONE", "OBJECT_GONE"} for one in payload["objects"])
