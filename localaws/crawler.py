"""The crawler of the local lake: it reads what lies in S3 and writes what a Glue crawler writes.

MiniStack keeps crawlers and authorises the calls about them; its StartCrawler, StopCrawler and
GetCrawlerMetrics are replaced by name. A crawl calls S3, Glue and CloudWatch Logs in the name of
the crawler's own role, so what the role may not do fails the crawl.

The judgement is that of a crawler with ``TableLevelConfiguration``, ``MergeNewColumns``,
``InheritFromTable`` and DeleteBehavior LOG, as public reports describe it: it adopts a table of
the folder's name whose ``classification``, ``compressionType`` and ``typeOfData`` are what it would
write, appends columns that are new, and leaves alone what it has nothing to add to.
"""

from __future__ import annotations

import contextvars
import hashlib
import json
import logging
import re
import threading
import time
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from localaws import schemas, sessions
from localaws.athena.catalog import NULL_PARTITION, bucket_and_prefix, slashed
from localaws.internals import error_response_json, json_response
from localaws.internals import glue as ministack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.schemas import Found

Response = tuple[int, dict[str, str], bytes]

#: Where Glue logs what crawlers do; the stream has the crawler's name.
LOG_GROUP = "/aws-glue/crawlers"

#: What a crawler compares before it adopts a table.
_IDENTITY = ("classification", "compressionType", "typeOfData")

_BATCH = 100
_PARALLEL = 8

_log = logging.getLogger("crawler")

#: Tables created and updated by the last crawl, by the crawler's name.
_counted: dict[str, tuple[int, int]] = {}


class StoppedError(Exception):
    """When StopCrawler was called."""


def extend() -> None:
    """Put this module in the place of MiniStack's crawls."""
    ministack.replace("start_crawler", _start)
    ministack.replace("stop_crawler", _stop)
    ministack.replace("get_crawler_metrics", _metrics)


# --- The calls -------------------------------------------------------------------------------


def _refused(code: str, message: str) -> Response:
    answer: Response = error_response_json(code, message, 400)
    return answer


def _start(data: dict[str, Any]) -> Response:
    name = data.get("Name", "")
    crawler = ministack.crawlers.get(name)
    if crawler is None:
        return _refused("EntityNotFoundException", f"Crawler with name {name} does not exist")
    if crawler["State"] != "READY":
        return _refused("CrawlerRunningException", f"Crawler with name {name} has already started")
    crawler["State"] = "RUNNING"
    crawler["CrawlElapsedTime"] = 0
    session = sessions.of_role(crawler["Role"], "AWS-Crawler")
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run, args=(_run, crawler, session), name=f"crawler-{name}", daemon=True
    ).start()
    answer: Response = json_response({})
    return answer


def _stop(data: dict[str, Any]) -> Response:
    name = data.get("Name", "")
    crawler = ministack.crawlers.get(name)
    if crawler is None:
        return _refused("EntityNotFoundException", f"Crawler with name {name} does not exist")
    if crawler["State"] == "STOPPING":
        return _refused("CrawlerStoppingException", f"Crawler with name {name} is stopping")
    if crawler["State"] != "RUNNING":
        return _refused("CrawlerNotRunningException", f"Crawler with name {name} isn't running")
    crawler["State"] = "STOPPING"
    answer: Response = json_response({})
    return answer


def _metrics(data: dict[str, Any]) -> Response:
    wanted = data.get("CrawlerNameList") or list(ministack.crawlers.keys())
    found = []
    for name in wanted:
        crawler = ministack.crawlers.get(name)
        if crawler is None:
            continue
        seconds = crawler.get("CrawlElapsedTime", 0) / 1000
        created, updated = _counted.get(name, (0, 0))
        found.append(
            {
                "CrawlerName": name,
                "TimeLeftSeconds": 0.0,
                "StillEstimating": False,
                "LastRuntimeSeconds": seconds,
                "MedianRuntimeSeconds": seconds,
                "TablesCreated": created,
                "TablesUpdated": updated,
                "TablesDeleted": 0,
            }
        )
    answer: Response = json_response({"CrawlerMetricsList": found})
    return answer


def _run(crawler: dict[str, Any], session: sessions.Session) -> None:
    started, crawl = time.time(), Crawl(crawler, session)
    last: dict[str, Any] = {"Status": "FAILED", "ErrorMessage": "Internal Service Exception"}
    try:
        crawl.run()
        last = {"Status": "SUCCEEDED"}
    except StoppedError:
        last = {"Status": "CANCELLED"}
    except ClientError as error:
        last["ErrorMessage"] = str(error)
        crawl.say(f"ERROR : {error}")
    finally:
        crawler["State"] = "STOPPING"
        crawl.write_log()
        _counted[crawler["Name"]] = crawl.created, crawl.updated
        crawler["CrawlElapsedTime"] = int((time.time() - started) * 1000)
        crawler["LastCrawl"] = {
            **last,
            "LogGroup": LOG_GROUP,
            "LogStream": crawler["Name"],
            "MessagePrefix": crawl.identifier,
            "StartTime": started,
        }
        crawler["State"] = "READY"


# --- A crawl ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """An object below a table's folder.

    Attributes
    ----------
    bucket, key, tag : str
        What it is; the ETag tells its content.
    size : int
        In bytes.
    """

    bucket: str
    key: str
    tag: str
    size: int


@dataclass
class Folder:
    """A folder that is a table.

    Attributes
    ----------
    location : str
        S3 address, ending with a slash.
    items : list of Item
        The objects below it.
    """

    location: str
    items: list[Item] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Give the table's name, as Glue normalises it."""
        return re.sub(r"[^a-z0-9_]", "_", self.location.rstrip("/").rpartition("/")[2].lower())

    def below(self, item: Item) -> list[str]:
        """Give the folders between this one and an object."""
        _, prefix = bucket_and_prefix(self.location)
        return item.key[len(prefix) :].split("/")[:-1]


class Crawl:
    """One run of a crawler.

    Parameters
    ----------
    crawler : dict
        As Glue keeps it.
    session : Session
        In the name of its role.
    """

    def __init__(self, crawler: dict[str, Any], session: sessions.Session) -> None:
        self.crawler = crawler
        self.glue, self.s3 = session.client("glue"), session.client("s3")
        self.logs = session.client("logs")
        self.identifier = str(uuid.uuid4())
        self.created = self.updated = 0
        self._said: list[tuple[int, str]] = []
        self._database = crawler["DatabaseName"]
        told = json.loads(crawler.get("Configuration") or "{}")
        self._level = told.get("Grouping", {}).get("TableLevelConfiguration")
        output = told.get("CrawlerOutput", {})
        self._merge = output.get("Tables", {}).get("AddOrUpdateBehavior") == "MergeNewColumns"
        policy = crawler.get("SchemaChangePolicy") or {}
        self._update = policy.get("UpdateBehavior", "UPDATE_IN_DATABASE") != "LOG"

    def say(self, text: str) -> None:
        """Write a line of the crawl's log."""
        self._said.append((int(time.time() * 1000), f"[{self.identifier}] {text}"))

    def write_log(self) -> None:
        """Send the log to CloudWatch, as far as the role may."""
        stream = {"logGroupName": LOG_GROUP, "logStreamName": self.crawler["Name"]}
        known = self.logs.exceptions
        try:
            with suppress(known.ResourceAlreadyExistsException):
                self.logs.create_log_group(logGroupName=LOG_GROUP)
            with suppress(known.ResourceAlreadyExistsException):
                self.logs.create_log_stream(**stream)
            events = [{"timestamp": at, "message": text} for at, text in self._said]
            self.logs.put_log_events(**stream, logEvents=events)
        except ClientError as error:
            _log.warning("The crawler's role may not write its log: %s", error)

    def run(self) -> None:
        """Crawl every target."""
        self.say("BENCHMARK : Running Start Crawl for Crawler " + self.crawler["Name"])
        self.glue.get_database(Name=self._database)
        for folder in self._folders():
            if self.crawler["State"] == "STOPPING":
                raise StoppedError
            self._table(folder)
        self.say("BENCHMARK : Finished writing to Catalog")

    def _folders(self) -> Iterator[Folder]:
        for target in self.crawler["Targets"].get("S3Targets", []):
            location = slashed(target["Path"])
            bucket, prefix = bucket_and_prefix(location)
            # The bucket is level 1; without a level the folders below the target are tables.
            depth = (self._level - 1) if self._level else prefix.count("/") + 1
            found: dict[str, Folder] = {}
            for item in self._objects(bucket, prefix, target.get("Exclusions") or []):
                parts = item.key.split("/")
                if len(parts) <= depth:
                    self.say(f"INFO : s3://{bucket}/{item.key} is above the level of tables")
                    continue
                at = f"s3://{bucket}/{'/'.join(parts[:depth])}/"
                found.setdefault(at, Folder(at)).items.append(item)
            yield from found.values()

    def _objects(self, bucket: str, prefix: str, exclusions: list[str]) -> Iterator[Item]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        excluding = [re.compile(_pattern(glob), re.DOTALL) for glob in exclusions]
        for one in (one for page in pages for one in page.get("Contents", [])):
            relative = one["Key"][len(prefix) :]
            hidden = any(part.startswith(("_", ".")) for part in relative.split("/"))
            excluded = any(pattern.fullmatch(relative) for pattern in excluding)
            if one["Size"] and not hidden and not excluded:
                yield Item(bucket, one["Key"], one["ETag"], one["Size"])

    def _table(self, folder: Folder) -> None:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            context = [(self.s3, item) for item in folder.items]
            found = list(pool.map(lambda pair: _read(*pair), context))
        known = [one for one in found if one is not None]
        if not known:
            self.say(f"INFO : no classifier knows the objects of {folder.location}")
            return
        kinds = {(one.classification, one.compression) for one in known}
        chosen = max(kinds, key=lambda kind: sum(_kind(one) == kind for one in known))
        of_kind = [
            (item, one)
            for item, one in zip(folder.items, found, strict=True)
            if one is not None and _kind(one) == chosen
        ]
        keys = self._keys(folder, [item for item, _ in of_kind])
        columns = schemas.merged([one for _, one in of_kind], without={key["Name"] for key in keys})
        described = self._describe(folder, of_kind[0][1], columns, keys, of_kind)
        table = self._write_table(folder, described)
        if table is not None and keys:
            self._write_partitions(folder, table, [item for item, _ in of_kind])

    def _keys(self, folder: Folder, items: list[Item]) -> list[dict[str, str]]:
        deepest = max((folder.below(item) for item in items), key=len)
        return [
            {
                "Name": part.partition("=")[0].lower() if "=" in part else f"partition_{index}",
                "Type": "string",
            }
            for index, part in enumerate(deepest)
        ]

    def _describe(
        self,
        folder: Folder,
        first: Found,
        columns: list[dict[str, str]],
        keys: list[dict[str, str]],
        items: list[tuple[Item, Found]],
    ) -> dict[str, Any]:
        rows = sum(one.rows for _, one in items)
        size = sum(item.size for item, _ in items)
        parameters = {
            "CrawlerSchemaDeserializerVersion": "1.0",
            "CrawlerSchemaSerializerVersion": "1.0",
            "UPDATED_BY_CRAWLER": self.crawler["Name"],
            "averageRecordSize": str(max(1, size // max(rows, 1))),
            "classification": first.classification,
            "compressionType": first.compression,
            "objectCount": str(len(items)),
            "recordCount": str(rows),
            "sizeKey": str(size),
            "typeOfData": "file",
            **first.properties,
        }
        return {
            "Name": f"{self.crawler.get('TablePrefix', '')}{folder.name}",
            "Owner": "owner",
            "Retention": 0,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": keys,
            "Parameters": parameters,
            "StorageDescriptor": {
                "Columns": columns,
                "Location": folder.location,
                "InputFormat": first.input_format,
                "OutputFormat": first.output_format,
                "Compressed": first.compression != "none",
                "NumberOfBuckets": -1,
                "SerdeInfo": {
                    "SerializationLibrary": first.serde,
                    "Parameters": schemas.serde_parameters(first, columns),
                },
                "BucketColumns": [],
                "SortColumns": [],
                "Parameters": parameters,
                "StoredAsSubDirectories": False,
            },
        }

    def _write_table(self, folder: Folder, made: dict[str, Any]) -> dict[str, Any] | None:
        present = self._present(made["Name"])
        if present is not None and slashed(_location(present)) != folder.location:
            # A table of that name lies elsewhere: the crawler's own gets a suffix.
            digest = hashlib.md5(folder.location.encode(), usedforsecurity=False).hexdigest()
            made = {**made, "Name": f"{made['Name']}_{digest}"}
            present = self._present(made["Name"])
        name = made["Name"]
        if present is None:
            self.glue.create_table(DatabaseName=self._database, TableInput=made)
            self.created += 1
            self.say(f"INFO : Created table {name} in database {self._database}")
            return made
        parameters = present.get("Parameters") or {}
        if "DEPRECATED_BY_CRAWLER" in parameters:
            return None
        if not self._adopts(name, parameters, made["Parameters"]):
            self._replace(present, {"DEPRECATED_BY_CRAWLER": str(int(time.time() * 1000))}, [])
            return None
        return self._merged(present, made)

    def _present(self, name: str) -> dict[str, Any] | None:
        try:
            answer = self.glue.get_table(DatabaseName=self._database, Name=name)
        except self.glue.exceptions.EntityNotFoundException:
            return None
        table: dict[str, Any] = answer["Table"]
        return table

    def _adopts(self, name: str, present: dict[str, str], crawled: dict[str, str]) -> bool:
        for parameter in _IDENTITY:
            if present.get(parameter) != crawled[parameter]:
                self.say(
                    f"WARN : Cannot merge new columns into table {name}: '{parameter}' has "
                    f"changed. The existing value is '{present.get(parameter, 'null')}', and "
                    f"the crawled value is '{crawled[parameter]}'"
                )
                return False
        return True

    def _merged(self, present: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
        columns = present["StorageDescriptor"].get("Columns") or []
        keys = present.get("PartitionKeys") or []
        known = {column["Name"].lower() for column in [*columns, *keys]}
        new = [c for c in made["StorageDescriptor"]["Columns"] if c["Name"] not in known]
        if not new or not self._merge:
            return present
        if not self._update:
            self.say(f"INFO : Table {present['Name']} has new columns; the policy is to log")
            return present
        self.say(f"INFO : Updated table {present['Name']} in database {self._database}")
        return self._replace(present, {"UPDATED_BY_CRAWLER": self.crawler["Name"]}, new)

    def _replace(
        self, present: dict[str, Any], parameters: dict[str, str], new: list[dict[str, str]]
    ) -> dict[str, Any]:
        kept = (
            "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys",
            "TableType", "Parameters",
        )  # fmt: skip
        # An empty text that GetTable answers is one that UpdateTable refuses.
        made = {key: present[key] for key in kept if present.get(key)}
        made["Parameters"] = {**made.get("Parameters", {}), **parameters}
        storage = dict(present["StorageDescriptor"])
        storage["Columns"] = [*(storage.get("Columns") or []), *new]
        made["StorageDescriptor"] = storage
        self.glue.update_table(DatabaseName=self._database, TableInput=made)
        self.updated += 1
        return made

    def _write_partitions(self, folder: Folder, table: dict[str, Any], items: list[Item]) -> None:
        width = len(table.get("PartitionKeys") or [])
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=self._database, TableName=table["Name"]
        )
        known = {tuple(one["Values"]) for page in pages for one in page["Partitions"]}
        new: dict[tuple[str, ...], str] = {}
        skipped: dict[int, int] = defaultdict(int)
        for item in items:
            parts = folder.below(item)
            if len(parts) != width:
                skipped[len(parts)] += 1
                continue
            values = tuple(unquote(part.partition("=")[2] or part) for part in parts)
            values = tuple(value or NULL_PARTITION for value in values)
            if values not in known:
                new[values] = folder.location + "/".join(parts) + "/"
        for depth, count in skipped.items():
            self.say(
                f"WARN : {count} objects of {folder.location} lie {depth} folders deep, not {width}"
            )
        # Partitions inherit what the table has.
        storage = table["StorageDescriptor"]
        inputs = [
            {"Values": list(values), "StorageDescriptor": {**storage, "Location": location}}
            for values, location in new.items()
        ]
        for start in range(0, len(inputs), _BATCH):
            self.glue.batch_create_partition(
                DatabaseName=self._database,
                TableName=table["Name"],
                PartitionInputList=inputs[start : start + _BATCH],
            )
        if new:
            self.say(f"INFO : Created {len(new)} partitions of table {table['Name']}")


#: Parts of a glob (Glue documentation, "Include and exclude patterns") as a regular expression.
_GLOB = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}


def _pattern(glob: str) -> str:
    made, braces = "", 0
    for part in re.findall(r"\*\*|\[!?[^]]+\]|\\.|.", glob, re.DOTALL):
        braces += (part == "{") - (part == "}")
        if part[0] == "[" and len(part) > 1:
            made += part.replace("\\", "\\\\").replace("[!", "[^", 1)
        elif part in _GLOB and (part != "," or braces):
            made += _GLOB[part]
        else:
            made += re.escape(part[-1])
    return made


def _location(table: dict[str, Any]) -> str:
    return str((table.get("StorageDescriptor") or {}).get("Location") or "")


def _kind(found: Found) -> tuple[str, str]:
    return found.classification, found.compression


def _read(s3: Any, item: Item) -> Found | None:
    """Find an object's schema; what was read once is remembered while its content is the same."""
    if (key := (item.bucket, item.key, item.tag)) not in _seen:
        _seen[key] = schemas.read(s3, item.bucket, item.key, item.size)
    return _seen[key]


_seen: dict[tuple[str, str, str], Found | None] = {}
