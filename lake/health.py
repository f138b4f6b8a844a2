"""Say why the lake does not work, from what AWS tells of its parts, within seconds.

A function that cannot start says so in its log only: SQS delivers the message again when its
visibility timeout has passed, which is half an hour. What a line of the log means is told by pure
functions; only :func:`troubles` asks.

Sources: AWS Lambda Developer Guide, "Troubleshoot execution issues in Lambda" and "Creating and
managing event source mappings"; Amazon CloudWatch Logs User Guide, "Filter pattern syntax".
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lake.errors import LakeCommandError
from lake.project import stack_option

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from lake.target import Target

#: Outputs that name a function; that which ingests comes first.
_OUTPUTS = ("ProcessorFunctionName", "CuratorFunctionName", "RecorderFunctionName")

#: Seconds without news after which somebody who waits asks, and between two questions.
_FIRST_LOOK, _NEXT_LOOK = 3.0, 5.0

#: Pages of the log that one question reads: a page may be empty and not be the last.
_PAGES = 3

#: Any of these words makes a line worth reading.
_PATTERN = '?ERROR ?"Error Type: " ?"Runtime." ?"Task timed out" ?"signal: killed"'

_REPAIR = "`lake deploy` builds and deploys it again"

_OTHER_MACHINE = "built for another machine than the function's ({architecture})"

#: What a line of the platform means; the last resort comes last.
_LINES = (
    (
        r"Runtime\.ImportModuleError: (?P<why>[^\n]*)",
        f"cannot start: {{why}}. A module is missing, or was {_OTHER_MACHINE}: {_REPAIR}",
    ),
    (
        r"Runtime\.(HandlerNotFound|MalformedHandlerName|UserCodeSyntaxError)(: (?P<why>[^\n]*))?",
        f"cannot start: {{why}}: {_REPAIR}",
    ),
    (r"Runtime\.InvalidEntrypoint", f"cannot start: its code was {_OTHER_MACHINE}: {_REPAIR}"),
    (
        r"Task timed out after (?P<why>[\d.]+ seconds)",
        (
            "was stopped after {why}, which are all that it has: raise FunctionTimeout or "
            "FunctionMemory, or split the object"
        ),
    ),
    (
        r"Runtime\.OutOfMemory|signal: killed",
        (
            "was killed because it needed more than its {memory} MB of memory: raise "
            "FunctionMemory, or split the object"
        ),
    ),
    (r"Runtime\.ExitError", "ended before it answered: its log says more"),
    (
        r"\[ERROR\] KeyError: '(?P<why>[A-Z_]+)'",
        f"lacks the environment variable {{why}}: {_REPAIR}",
    ),
    (r"\[ERROR\] (?P<why>[^\n]*)", "failed: {why}: `lake logs` says more"),
)

#: Statuses that begin so are of stacks that serve nobody.
_UNUSABLE = ("ROLLBACK", "CREATE_FAILED", "DELETE", "UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK")


@dataclass(frozen=True)
class Function:
    """What a sentence about a function needs to know of it.

    Attributes
    ----------
    name : str
        The function's.
    architecture : str
        For which it is declared.
    memory : int
        In MB.
    """

    name: str
    architecture: str = "arm64"
    memory: int = 512


def meaning(line: str, function: Function, keys: Collection[str] = ()) -> str:
    """Say what a line of a function's log means for somebody who waits for it.

    Parameters
    ----------
    line : str
        One event of the log.
    function : Function
        Whose log it is.
    keys : collection of str
        Raw keys that are waited for; lines about other objects mean nothing. None: all do.

    Returns
    -------
    str
        A sentence with what to do; empty where the line tells of no trouble.
    """
    if line.startswith("{"):
        return _of_record(line, function, keys)
    for pattern, sentence in _LINES:
        if found := re.search(pattern, line):
            why = (found.groupdict().get("why") or "").strip().rstrip(".") or "see its log"
            said = sentence.format(
                why=why, architecture=function.architecture, memory=function.memory
            )
            return f"The function {function.name} {said}."
    return ""


def _of_record(line: str, function: Function, keys: Collection[str]) -> str:
    """Read a line that the function itself wrote, as JSON."""
    try:
        told = json.loads(line)
    except ValueError:
        return ""
    if told.get("level") != "ERROR":
        return ""
    key = str(told.get("key", ""))
    if keys and key and key not in keys:
        return ""
    why = told.get("detail") or str(told.get("exception", "")).strip().rpartition("\n")[2]
    about = f" {key or told.get('model', '')}".rstrip()
    said = f"The function {function.name} failed{' on' if about else ''}{about}: {why}."
    if "AccessDenied" in said or "not authorized" in said:
        said += " Its role lacks a permission: `lake deploy` gives it what the template says."
    return said.replace("..", ".")


def of_configuration(told: dict[str, Any], concurrency: int | None) -> list[str]:
    """Say what a function's configuration tells of trouble.

    Parameters
    ----------
    told : dict
        As GetFunctionConfiguration answers.
    concurrency : int or None
        Its reserved concurrency; None where none is reserved.
    """
    name, said = told["FunctionName"], []
    if told.get("State") in ("Failed", "Inactive"):
        why = told.get("StateReason") or told.get("StateReasonCode") or "Lambda says no reason"
        said.append(f"The function {name} is {told['State']}: {why}. {_REPAIR}.")
    if told.get("LastUpdateStatus") == "Failed":
        why = told.get("LastUpdateStatusReason") or "Lambda says no reason"
        said.append(f"The last deployment of the function {name} failed: {why}. {_REPAIR}.")
    if concurrency == 0:
        said.append(
            f"The function {name} is stopped: 0 concurrent invocations are reserved for it. "
            f"`aws lambda delete-function-concurrency --function-name {name}` lets it run again."
        )
    return said


def of_mappings(mappings: list[dict[str, Any]], name: str) -> list[str]:
    """Say what is wrong between a queue and its function, by ListEventSourceMappings."""
    if not mappings:
        return [f"Nothing is read by the function {name}. `lake deploy` connects it."]
    said = []
    for one in mappings:
        # Of a stream the rest of the ARN has colons, too.
        queue = str(one["EventSourceArn"]).split(":", 5)[-1]
        result = str(one.get("LastProcessingResult", ""))
        if one["State"] in ("Disabled", "Disabling"):
            said.append(
                f"The function {name} does not read {queue}: its event source mapping "
                f"is disabled. `aws lambda update-event-source-mapping --uuid {one['UUID']} "
                "--enabled` lets it read again."
            )
        elif result.startswith("PROBLEM"):
            said.append(f"The function {name} cannot read {queue}: {result}.")
    return said


def of_stack(stack: dict[str, Any] | None, name: str) -> list[str]:
    """Say what is wrong with a stack, by DescribeStacks."""
    if stack is None:
        return [f"There is no stack {name}. `lake deploy` makes it."]
    status = str(stack["StackStatus"])
    if not status.startswith(_UNUSABLE):
        return []
    why = f" ({stack['StackStatusReason']})" if stack.get("StackStatusReason") else ""
    destroy = f"`lake {stack_option(name)}destroy`"
    what = {
        "ROLLBACK_COMPLETE": "Its first deployment failed, and it holds nothing. "
        f"{destroy} removes it; then deploy again",
        "UPDATE_ROLLBACK_FAILED": "A deployment failed, and could not be taken back. "
        f"`aws cloudformation continue-update-rollback --stack-name {name}` does that",
    }.get(
        status,
        "Wait until it has ended"
        if status.endswith("IN_PROGRESS")
        else f"{destroy} removes what is left of it",
    )
    return [f"The stack {name} is in {status}{why}. {what}."]


def troubles(target: Target, since: float, keys: Collection[str] = ()) -> list[str]:
    """Say everything that is known to keep the lake from working.

    What the user may not ask is left out: it is no trouble of the lake's.

    Parameters
    ----------
    target : Target
        The lake.
    since : float
        Seconds since 1970 from which on logs are read.
    keys : collection of str
        As of :func:`meaning`.

    Returns
    -------
    list of str
        Sentences with what to do; the ingest function's come first.
    """
    with suppress(LakeCommandError):
        if said := of_stack(target.stack(), target.stack_name):
            return said
    found: list[str] = []
    for name in functions_of(target.outputs).values():
        found += of_function(target, name, since, keys)
    return found


def functions_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """Name the functions by what they do: ``processor``, ``curator`` and so on.

    One that an older template did not have is left out.
    """
    return {
        one.removesuffix("FunctionName").lower(): outputs[one] for one in _OUTPUTS if one in outputs
    }


def of_function(target: Target, name: str, since: float, keys: Collection[str] = ()) -> list[str]:
    """Say what keeps one function from working; parameters are those of :func:`troubles`."""
    client, said = target.client("lambda"), []
    function, group = Function(name), f"/aws/lambda/{name}"
    with suppress(ClientError, BotoCoreError):
        told = client.get_function_configuration(FunctionName=name)
        reserved = client.get_function_concurrency(FunctionName=name)
        said += of_configuration(told, reserved.get("ReservedConcurrentExecutions"))
        (machine,) = told.get("Architectures", ["x86_64"])
        function = Function(name, machine, int(told.get("MemorySize", 0)))
        group = log_group(told)
        # What was logged before the function was changed may be mended.
        since = max(since, datetime.fromisoformat(told["LastModified"]).timestamp())
    with suppress(ClientError, BotoCoreError):
        mappings = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        said += of_mappings(mappings, name)
    with suppress(ClientError, BotoCoreError):
        told_once = {meaning(line, function, keys): None for line in _lines(target, group, since)}
        # The newest of them: older ones may be over.
        said += [one for one in told_once if one][-1:]
    return said


def log_group(function: dict[str, Any]) -> str:
    """Name where a function logs, by GetFunctionConfiguration."""
    usual = f"/aws/lambda/{function['FunctionName']}"
    return str(function.get("LoggingConfig", {}).get("LogGroup", usual))


def trouble(target: Target, since: float, keys: Collection[str] = ()) -> str:
    """Give the first of :func:`troubles`; empty where there is none."""
    return next(iter(troubles(target, since, keys)), "")


def _lines(target: Target, group: str, since: float) -> Iterator[str]:
    client = target.client("logs")
    more: dict[str, str] = {}
    for _ in range(_PAGES):
        page = client.filter_log_events(
            logGroupName=group, startTime=int(since * 1000), filterPattern=_PATTERN, **more
        )
        yield from (event["message"] for event in page["events"])
        if "nextToken" not in page:
            return
        more = {"nextToken": page["nextToken"]}


class Watch:
    """Asks for somebody who waits, so seldom that it costs nothing.

    Parameters
    ----------
    target : Target
        The lake.
    keys : collection of str
        Raw keys that are waited for.
    """

    def __init__(self, target: Target, keys: Collection[str] = ()) -> None:
        self._target, self._keys = target, keys
        self._since, self._at = time.time(), time.monotonic() + _FIRST_LOOK
        self._said = self._given = ""

    def look(self) -> str:
        """Give what keeps the lake from working; empty where nothing is known."""
        if time.monotonic() >= self._at:
            self._said = trouble(self._target, self._since, self._keys)
            self._at = time.monotonic() + _NEXT_LOOK
        return self._said

    def unsaid(self) -> str:
        """Give what :meth:`look` gives, where that was not what was given last."""
        found = self.look()
        if not found or found == self._given:
            return ""
        self._given = found
        return found

    def news(self) -> None:
        """Say that something has come: what was said before may be over."""
        self._said, self._at = "", time.monotonic() + _FIRST_LOOK
