"""The command `lake destroy`: stop a lake, empty it, delete its stack and what the stack keeps.

The order makes it safe to run again: as long as there is something to empty, the stack is there and
names it. What a stack keeps is found by the template, as :mod:`lake.adopt` finds it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import ClientError, WaiterError
from rich.progress import TextColumn, TimeElapsedColumn

from lake import adopt, buckets, render, taken
from lake.context import agree, err, out, progress
from lake.errors import LakeCommandError
from lake.files import show_lines
from lake.health import functions_of
from lake.project import project_root, stack_option
from lake.target import parameters_of
from lake.words import count as counted
from store import naming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lake.adopt import Kept
    from lake.context import Choice
    from lake.target import Target

#: The most that BatchDeleteTable takes (AWS Glue API).
_TABLES = 100

#: So many versions are counted before it is asked; more are "at least".
_COUNTED = 10_000

#: Seconds until a crawl has stopped, and how often a bucket is emptied again that somebody fills.
_CRAWL, _AGAIN = 300, 5

_GONE = frozenset({"ResourceNotFoundException", "EntityNotFoundException", "NoSuchBucket", "404"})


@dataclass(frozen=True)
class Held:
    """What would be deleted.

    Attributes
    ----------
    stack : str
        Its status; empty where there is none any more.
    kept : list of Kept
        What a deleted stack would keep, as far as it exists.
    versions : dict of str to int
        By bucket: object versions and delete markers, counted up to a limit.
    entries : int
        Entries of the ledger: 1 stands for any.
    tables : list of str
        Tables of the database that are not the template's.
    """

    stack: str
    kept: list[Kept]
    versions: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    tables: list[str] = field(default_factory=list)

    @property
    def has_data(self) -> bool:
        """Tell whether anything would be lost."""
        return bool(any(self.versions.values()) or self.entries or self.tables)

    def named(self, kind: str) -> list[str]:
        """Give the names of the kept resources of a type."""
        return [one.name for one in self.kept if one.type == kind]


@click.command()
@click.option("--with-data", is_flag=True, help="Also where the lake has data, which is lost.")
@click.option("--prefix", help="Where the stack is gone already: its Prefix; else the template's.")
@click.option("--database", help="Likewise its DatabaseName; else derived from the prefix.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def destroy(
    choice: Choice,
    with_data: bool,
    prefix: str | None,
    database: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete a lake: its stack, and the buckets, ledger, tables and logs that a stack keeps.

    Refuses a lake with data unless --with-data says so. What was interrupted is finished by
    running it again.
    """
    target = choice.target()
    named = {"Prefix": prefix, "DatabaseName": database}
    held = find(target, {name: value for name, value in named.items() if value})
    if not held.stack and not held.kept:
        raise LakeCommandError(
            f"There is no {target.description}, and nothing that such a lake would have kept. "
            "Where it had another Prefix, name it: --prefix."
        )
    lines = list(_told(target, held))
    if held.has_data and not with_data and held.stack == "ROLLBACK_COMPLETE":
        _remove_failed(target, held, yes=yes, as_json=as_json)
        return
    if held.has_data and not with_data:
        command = f"lake {stack_option(target.stack_name)}destroy --with-data"
        # SAM knows nothing of a lake on this machine but what the environment says.
        shell = 'eval "$(lake env)"; ' if target.endpoint else ""
        raise LakeCommandError(
            "\n".join(["The lake has data, and nothing was deleted:", *lines])
            + f"\n`{command}` deletes it, too; `{shell}sam delete` deletes the stack and keeps the "
            "data."
        )
    err.print("This deletes:")
    for line in lines:
        err.print(f"  {line}")
    agree(
        "Delete all of this? It cannot be taken back.",
        yes=yes,
        else_say="`lake destroy --yes` does not ask.",
        else_so="Nothing was deleted.",
    )
    deleted = run(target, held)
    if as_json:
        render.show_json({"stack": target.stack_name, **deleted})
        return
    out.print(f"Deleted {target.description}:")
    for what, value in deleted.items():
        shown = ", ".join(value) or "none" if isinstance(value, list) else f"{value:,}"
        show_lines([f"{what.replace('_', ' ')}: {shown}"])


def _remove_failed(target: Target, held: Held, *, yes: bool, as_json: bool) -> None:
    """Delete a stack that holds nothing; the data there is an earlier lake's."""
    kept = ", ".join(one.name for one in held.kept)
    question = (
        f"Delete the stack {target.stack_name}, which holds nothing? The data of an earlier lake "
        f"is kept ({kept})."
    )
    agree(
        question,
        yes=yes,
        else_say="`lake destroy --yes` does not ask.",
        else_so="Nothing was deleted.",
    )
    _delete_stack(target)
    if as_json:
        render.show_json({"stack": target.stack_name, "kept": [one.name for one in held.kept]})
        return
    out.print(f"Deleted {target.description}. It held nothing.", soft_wrap=True)
    show_lines([f"kept: {kept}", "`lake adopt` gives this to a new stack; then deploy again."])


def find(target: Target, given: dict[str, str]) -> Held:
    """Look at what there is to delete.

    Raises
    ------
    LakeCommandError
        When a deployment is under way, or the resources are those of another stack.
    """
    stack = target.stack()
    status = str(stack["StackStatus"]) if stack else ""
    if status.endswith("_IN_PROGRESS") and status not in (
        "DELETE_IN_PROGRESS",
        "REVIEW_IN_PROGRESS",
    ):
        raise LakeCommandError(
            f"The stack {target.stack_name} is in {status}: wait until that has ended."
        )
    told = {
        name: value
        for name, value in parameters_of(stack).items()
        if name in ("Prefix", "DatabaseName", "DatabaseFollowsPrefix")
    }
    template = project_root(Path.cwd()) / "template.yaml"
    every = adopt.kept(template, adopt.values(target), {**told, **given})
    there = [one for one in every if adopt.exists(target, one)]
    for one in there:
        owner = taken.owner(target, one.name)
        if owner not in ("", target.stack_name):
            if status == "ROLLBACK_COMPLETE":
                # Its first deployment failed because they are there; it holds nothing.
                return Held(status, [])
            raise LakeCommandError(
                f"{one.name} belongs to the stack {owner}, not to {target.stack_name}. Nothing "
                f"was deleted. `lake --stack-name {owner} destroy` deletes that lake."
            )
    held = Held(status, there)
    for bucket in held.named(adopt.BUCKET):
        held.versions[bucket] = sum(1 for _ in islice(buckets.versions(target, bucket), _COUNTED))
    entries = 0
    for table in held.named(adopt.TABLE):
        page = target.client("dynamodb").scan(TableName=table, Limit=1)
        entries += len(page["Items"])
    tables = [one for name in held.named(adopt.DATABASE) for one in _tables(target, name)]
    tables = [one for one in tables if one not in naming.OWN_TABLES]
    return Held(status, there, held.versions, entries, tables)


def run(target: Target, held: Held) -> dict[str, Any]:
    """Delete it.

    Returns
    -------
    dict
        What was deleted, by what it is.
    """
    if held.stack and not held.stack.startswith("DELETE"):
        _stop(target)
    names = held.named(adopt.BUCKET)
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with progress(*columns) as bar:
        task, deleted = bar.add_task("emptying buckets"), 0

        def advance(count: int) -> None:
            nonlocal deleted
            deleted += count
            bar.update(task, description=f"emptying buckets: {deleted:,} versions deleted")

        for bucket in names:
            _empty(target, bucket, advance)
        if held.stack:
            bar.update(task, description=f"deleting the stack {target.stack_name}")
            _delete_stack(target)
        bar.update(task, description="deleting what the stack kept")
        for bucket in names:
            _delete_bucket(target, bucket, advance)
        for table in held.named(adopt.TABLE):
            dynamodb = target.client("dynamodb")
            _unless_gone(partial(dynamodb.delete_table, TableName=table))
            dynamodb.get_waiter("table_not_exists").wait(
                TableName=table, WaiterConfig={"Delay": 2, "MaxAttempts": 150}
            )
        tables = sum(_delete_database(target, database) for database in held.named(adopt.DATABASE))
        groups = _delete_logs(target, names, held)
    return {
        "versions": deleted,
        "buckets": names,
        "ledger": held.named(adopt.TABLE),
        "database": held.named(adopt.DATABASE),
        "tables": tables,
        "log_groups": groups,
    }


def _told(target: Target, held: Held) -> Iterator[str]:
    if held.stack:
        yield f"the stack {target.stack_name} ({held.stack}), with functions, queues and alarms"
    for bucket, count in held.versions.items():
        least = "at least " if count >= _COUNTED else ""
        what = "empty" if not count else f"{least}{counted(count, 'object version')}"
        yield f"the bucket {bucket}: {what}"
    for table in held.named(adopt.TABLE):
        yield f"the ledger {table}: {'has entries' if held.entries else 'empty'}"
    for database in held.named(adopt.DATABASE):
        few = ", ".join(held.tables[:5]) + (", …" if len(held.tables) > 5 else "")
        tables = f"tables {few}" if few else "no tables of datasets"
        yield f"the database {database}: {tables}"


def _stop(target: Target) -> None:
    """Let no function begin any more, and no crawl run."""
    stack: Any = target.stack() or {}
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    reserve = target.client("lambda").put_function_concurrency
    for name in functions_of(outputs).values():
        _unless_gone(partial(reserve, FunctionName=name, ReservedConcurrentExecutions=0))
    if crawler := outputs.get("GlueCrawlerName"):
        _stop_crawler(target, crawler)


def _stop_crawler(target: Target, name: str) -> None:
    glue, deadline = target.client("glue"), time.monotonic() + _CRAWL
    with suppress(
        glue.exceptions.CrawlerNotRunningException, glue.exceptions.CrawlerStoppingException
    ):
        _unless_gone(partial(glue.stop_crawler, Name=name))
    while time.monotonic() < deadline:
        try:
            if glue.get_crawler(Name=name)["Crawler"]["State"] == "READY":
                return
        except glue.exceptions.EntityNotFoundException:
            return
        time.sleep(2)
    raise LakeCommandError(f"The crawler {name} does not stop. Run `lake destroy` again later.")


def _empty(target: Target, bucket: str, deleted: Callable[[int], None]) -> None:
    found = buckets.versions(target, bucket)
    for count in buckets.delete(target, bucket, found, "versions"):
        deleted(count)


def _delete_bucket(target: Target, bucket: str, deleted: Callable[[int], None]) -> None:
    s3 = target.client("s3")
    for _ in range(_AGAIN):
        # Somebody may have uploaded meanwhile.
        _empty(target, bucket, deleted)
        try:
            s3.delete_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketNotEmpty":
                raise
        else:
            return
    raise LakeCommandError(
        f"Somebody still uploads to {bucket}. Stop them, and run `lake destroy` again."
    )


def _delete_stack(target: Target) -> None:
    client: Any = target.client("cloudformation")
    # A name may belong to a later stack; an id does not.
    identifier = (target.stack() or {}).get("StackId", target.stack_name)
    client.delete_stack(StackName=identifier)
    try:
        client.get_waiter("stack_delete_complete").wait(
            StackName=identifier, WaiterConfig={"Delay": 2, "MaxAttempts": 900}
        )
    except WaiterError as error:
        events = client.describe_stack_events(StackName=identifier)["StackEvents"]
        why = [
            f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', 'no reason')}"
            for one in events
            if one["ResourceStatus"] == "DELETE_FAILED"
        ]
        raise LakeCommandError(
            "\n".join([f"The stack {target.stack_name} could not be deleted.", *why[:5]])
            + "\nRun `lake destroy` again once that is mended."
        ) from error


def _tables(target: Target, database: str) -> list[str]:
    pages = target.client("glue").get_paginator("get_tables").paginate(DatabaseName=database)
    return [one["Name"] for page in pages for one in page["TableList"]]


def _delete_database(target: Target, database: str) -> int:
    """Delete a database and its tables; count these."""
    glue, names = target.client("glue"), _tables(target, database)
    for start in range(0, len(names), _TABLES):
        batch = names[start : start + _TABLES]
        glue.batch_delete_table(DatabaseName=database, TablesToDelete=batch)
    _unless_gone(partial(glue.delete_database, Name=database))
    return len(names)


def _delete_logs(target: Target, names: list[str], held: Held) -> list[str]:
    """Delete log groups of the functions; the stack deletes them, unless it had failed before."""
    prefixes = {name.partition("-raw-")[0] for name in names if "-raw-" in name}
    prefixes |= {name.removesuffix("-ledger") for name in held.named(adopt.TABLE)}
    logs, found = target.client("logs"), []
    for prefix in sorted(prefixes):
        for function in ("processor", "curator", "recorder"):
            group = f"/aws/lambda/{prefix}-{function}"
            if _unless_gone(partial(logs.delete_log_group, logGroupName=group)):
                found.append(group)
    return found


def _unless_gone(call: Callable[[], object]) -> bool:
    """Make a call; tell whether what it names was there."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
        return False
    return True
