"""What is uploaded to the lake of an older version."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq


def _parquet() -> bytes:
    held = io.BytesIO()
    table = pa.table({"id": [1, 2], "day": ["a", "b"], "date": ["2024-03-01", "2024-03-02"]})
    pq.write_table(table, held)
    return held.getvalue()


#: Raw objects by key, in the order in which they are uploaded.
FILES = {
    "data/orders/2024-01-15.json": b'{"id": 1, "price": 2, "date": "2024-01-15"}\n'
    b'{"id": 2, "price": 3, "date": "2024-01-16", "lines": [{"sku": "a", "n": 1}]}\n'
    b'{"id": 3, "price": \n',
    # 2.5 is no bigint: it goes to _rescued_data.
    "data/orders/drift.json": b'{"id": 4, "price": 2.5, "date": "2024-01-16"}\n',
    "data/events/month.csv.gz": gzip.compress(
        b"id,kind,created_at\n1,open,2024-02-01T10:00:00Z\n2,shut,2024-02-02T11:00:00Z\n"
    ),
    "data/sales/part-0.parquet": _parquet(),
    "data/logs/app.log": b"first line\nsecond line\n",
    "data/array.json": b'[{"sku": "x", "date": "2024-04-01"}, {"sku": "y", "date": "2024-04-01"}]',
    "data/orders/broken.json.gz": gzip.compress(b'{"id": 9}\n' * 50)[:-9],
    "data/orders/again.json": b'{"id": 5, "price": 1, "date": "2024-01-17"}\n',
}

#: The last of them is uploaded once more.
AGAIN = b'{"id": 5, "price": 7, "date": "2024-01-18"}\n'

#: What is in the raw bucket then.
NEWEST = FILES | {"data/orders/again.json": AGAIN}

#: The worker that is at this one is killed.
UNFINISHED = "data/unfinished/x.json"
