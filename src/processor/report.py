"""What is said of an object: one line of the log, and metrics. No value of a record is in it."""

from __future__ import annotations

import json
import time
import traceback
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from processor.observability import logger, metrics, tracer
from store.errors import EngineFailedError, LakeError, MiscountedError, TransientError
from store.model import Status
from store.reasons import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processor.ingest.preparation import Delivery
    from processor.ingest.protocol import Outcome
    from store.entry import Entry
    from store.model import ObjectEvent

#: Facts that are in the log as they are. Others may quote a record: they are in the ledger only.
_SAYABLE = (
    *("dataset", "bytes", "uploaded", "sequencer", "format", "compression", "reason"),
    *("records_read", "records_accepted", "records_quarantined"),
    *("records_rescued", "records_undated", "records_short"),
    *("columns_added", "date_column", "milliseconds"),
)

#: Packages that read records.
_READING = frozenset({"contract", "engine"})

#: What the metrics of all objects count, and by which fact.
_COUNTED = (
    ("RecordsRead", "records_read", MetricUnit.Count),
    ("RecordsAccepted", "records_accepted", MetricUnit.Count),
    ("RecordsQuarantined", "records_quarantined", MetricUnit.Count),
    ("RecordsRescued", "records_rescued", MetricUnit.Count),
    ("RecordsUndated", "records_undated", MetricUnit.Count),
    ("RecordsShort", "records_short", MetricUnit.Count),
    ("ColumnsAdded", "columns_added", MetricUnit.Count),
    ("BytesRead", "bytes", MetricUnit.Bytes),
    ("Duration", "milliseconds", MetricUnit.Milliseconds),
)

#: Those that a dataset has of its own. Each costs $0.30 a month and dataset
#: (docs/reference/metrics.md), so they are few.
_BY_DATASET = ("RecordsAccepted", "RecordsRescued", "RecordsUndated", "RefusedPercent", "Freshness")

#: Datasets that have metrics of their own, of those that one worker sees.
MOST_DATASETS = 50

#: Stands for all datasets in the parameter ``MetricDatasets``.
_ALL = "*"


class Datasets:
    """Decides which datasets have metrics of their own.

    Parameters
    ----------
    named : iterable of str
        Their names; ``*`` for the first that the worker sees.
    """

    def __init__(self, named: Iterable[str]) -> None:
        self._named = {*named}
        self._seen: set[str] = set()

    def __contains__(self, dataset: str) -> bool:
        if dataset in self._named:
            return True
        if _ALL in self._named and len(self._seen) < MOST_DATASETS:
            self._seen.add(dataset)
        return dataset in self._seen


def report(
    outcome: Outcome, event: ObjectEvent, delivery: Delivery, datasets: Datasets
) -> dict[str, Any]:
    """Log what became of an object, and count it.

    Parameters
    ----------
    outcome : Outcome
        What the lake did.
    event : ObjectEvent
        What told of the object.
    delivery : Delivery
        Of that event.
    datasets : Datasets
        Those with metrics of their own.

    Returns
    -------
    dict
        The answer to who invoked the function. It has all facts.
    """
    entry = outcome.entry
    about = {
        "bucket": outcome.bucket,
        "key": outcome.key,
        "version": entry.version,
        "status": entry.verdict.value,
        "outputs": len(entry.outputs),
    }
    if outcome.superseded and entry.verdict is not Status.DELETED and not outcome.ingested:
        about["status"] = Status.SUPERSEDED.value
    answer = {**about, **entry.facts}
    line = {**about, "deliveries": delivery.count, **_sayable(entry)}
    count_lost(entry, delivery.id)
    for name in ("dataset", "status"):
        tracer.put_annotation(name, str(line.get(name, "")))
    if not outcome.ingested:
        deleted = entry.verdict is Status.DELETED
        said = "rows removed with their object" if deleted else "object was ingested before"
        logger.info(said, extra=line)
        counted = "ObjectsDeleted" if deleted else "ObjectsUnchanged"
        metrics.add_metric(counted, MetricUnit.Count, 1)
        return answer
    answer["crawler_started"] = line["crawler_started"] = outcome.crawling
    late = _lateness(event)
    if late is not None:
        line["freshness"] = late
    logger.info("object ingested", extra=line)
    logger.debug("object in detail", extra={**about, **entry.facts})
    _count(entry, late, datasets)
    return answer


def count_lost(entry: Entry, delivery: str) -> None:
    """Count the workers that died at a message."""
    lost = [a for a in entry.attempts if (a.delivery, a.reason) == (delivery, Failure.WORKER_LOST)]
    if lost:
        metrics.add_metric("WorkersLost", MetricUnit.Count, len(lost))


def report_failure(error: Exception, about: dict[str, Any]) -> None:
    """Log why a message is handed back.

    What comes from where records are read may quote one: of that the log has the places in the
    code, and the ledger the text.

    Parameters
    ----------
    error : Exception
        The failure.
    about : dict
        Which object, and what is done about it.
    """
    reason = error.code if isinstance(error, LakeError) else Failure.DEFECT
    told = {**about, "reason": reason}
    ours = not isinstance(error, TransientError) or isinstance(error, EngineFailedError)
    if _may_quote(error):
        told |= {"error": type(error).__name__, "stack": _places(error)}
    elif isinstance(error, LakeError):
        told["detail"] = error.detail
    if not ours:
        logger.warning("message handed back", extra=told)
    elif "stack" in told:
        logger.error("message handed back", extra=told)
    else:
        logger.error("message handed back", extra=told, exc_info=error)
    if ours:
        metrics.add_metric("Defects", MetricUnit.Count, 1)
    if isinstance(error, MiscountedError):
        metrics.add_metric("RecordsLost", MetricUnit.Count, error.records)
    metrics.add_metric("MessagesHandedBack", MetricUnit.Count, 1)


def _may_quote(error: BaseException) -> bool:
    """Tell whether an error's text may be DuckDB's, or Python's, about a value that it read."""
    if isinstance(error, LakeError):
        return isinstance(error, EngineFailedError)
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(f.f_globals.get("__name__")).partition(".")[0] in _READING for f in frames)


def _places(error: BaseException) -> list[str]:
    return [
        f"{Path(one.filename).name}:{one.lineno} {one.name}"
        for one in traceback.extract_tb(error.__traceback__)
    ]


def _count(entry: Entry, late: float | None, datasets: Datasets) -> None:
    facts = entry.facts
    verdict = entry.verdict.value.title().replace("_", "")
    metrics.add_metric(f"Objects{verdict}", MetricUnit.Count, 1)
    told: dict[str, tuple[MetricUnit, float]] = {
        name: (unit, float(facts.get(fact, 0))) for name, fact, unit in _COUNTED
    }
    told["RefusedPercent"] = (MetricUnit.Percent, refused_percent(entry))
    read, accepted, refused = (
        int(facts.get(f"records_{name}", 0)) for name in ("read", "accepted", "quarantined")
    )
    told["RecordsLost"] = (MetricUnit.Count, abs(read - accepted - refused))
    if late is not None:
        told["Freshness"] = (MetricUnit.Seconds, late)
    for name, (unit, value) in told.items():
        metrics.add_metric(name, unit, value)
    dataset = str(facts.get("dataset", ""))
    if dataset in datasets:
        own = EphemeralMetrics()
        own.add_dimension("dataset", dataset)
        for name in _BY_DATASET:
            if name in told:
                own.add_metric(name, *told[name])
        own.flush_metrics()


def refused_percent(entry: Entry) -> float:
    """Say how much of an object was refused; all of one that was refused as a whole."""
    if entry.verdict in (Status.REJECTED, Status.TOO_LARGE):
        return 100.0
    read = int(entry.facts.get("records_read", 0))
    return 100.0 * int(entry.facts.get("records_quarantined", 0)) / read if read else 0.0


def _lateness(event: ObjectEvent) -> float | None:
    """Give the seconds since the object was uploaded; None where it is only ingested again."""
    if not event.time or event.replay:
        return None
    try:
        uploaded = datetime.fromisoformat(event.time).timestamp()
    except ValueError:
        return None
    return round(max(0.0, time.time() - uploaded), 3)


def _sayable(entry: Entry) -> dict[str, Any]:
    """Say of the facts what quotes no record."""
    facts = entry.facts
    said: dict[str, Any] = {name: facts[name] for name in _SAYABLE if name in facts}
    parsed = {
        name: json.loads(str(facts.get(name, "{}"))) for name in ("drift", "guesses", "refused")
    }
    said["columns_drifted"], said["guesses"] = len(parsed["drift"]), len(parsed["guesses"])
    said["refused"] = {reason: told["count"] for reason, told in parsed["refused"].items()}
    if entry.verdict is Status.TOO_LARGE:
        # It is about the function, and says which parameter to raise.
        said["detail"] = facts.get("detail", "")
    return said
