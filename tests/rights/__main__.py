"""Takes each right from the roles of a local lake, one at a time, and writes down what breaks.

    python -m tests.rights            (make test-rights; ten minutes)
    python -m tests.rights --actions  (half an hour; each action of a statement, too)

First all rights go at once that are said to be needed in AWS only: nothing may break. Then each
statement goes, and each of its actions: something must break. The policies are changed by IAM's own
API; IAM decides each request anew, so no worker has to be started again. The result is the table
in `docs/reference/rights.md`.
"""

from __future__ import annotations

import argparse
import copy
import json
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tests.conftest import ROOT, LocalLake, lake_up
from tests.rights.reasons import Right, reason
from tests.rights.scenario import Run, first_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "reference" / "rights.md"
BEGIN, END = "<!-- rights -->\n", "<!-- /rights -->\n"

Document = dict[str, Any]


@dataclass(frozen=True)
class Role:
    """A role of the deployed stack."""

    logical: str
    name: str
    policy: str
    document: Document


def roles(lake: LocalLake) -> Iterator[Role]:
    """Give the roles of the stack's functions and crawler, with what they may do."""
    iam, stack = lake.client("iam"), lake.client("cloudformation")
    for one in stack.list_stack_resources(StackName="DataLakeStack")["StackResourceSummaries"]:
        if one["ResourceType"] != "AWS::IAM::Role":
            continue
        name = one["PhysicalResourceId"]
        (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        yield Role(one["LogicalResourceId"], name, policy, document)


def rights(role: Role) -> list[Right]:
    """Give every statement of a role, and then every action where it has several."""
    found = []
    for statement in role.document["Statement"]:
        found.append(Right(role.logical, statement["Sid"]))
        actions = _listed(statement["Action"])
        if len(actions) > 1:
            found += [Right(role.logical, statement["Sid"], action) for action in actions]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def without(document: Document, taken: set[Right]) -> Document:
    """Give a policy that lacks some rights."""
    left = []
    for statement in copy.deepcopy(document["Statement"]):
        mine = [right for right in taken if right.sid == statement["Sid"]]
        gone = {right.action for right in mine}
        if "" in gone:
            continue
        if gone:
            statement["Action"] = [a for a in _listed(statement["Action"]) if a not in gone]
        left.append(statement)
    return {**document, "Statement": [one for one in left if one["Action"]]}


class Bench:
    """A lake whose roles lose rights and get them back."""

    def __init__(self, lake: LocalLake) -> None:
        self.lake = lake
        self.roles = {role.logical: role for role in roles(lake)}
        self._hasten()

    def _hasten(self) -> None:
        """Have the lake do at once what it else does after minutes."""
        functions = self.lake.client("lambda")
        for output, name in (
            ("ProcessorFunctionName", "CRAWL_MINUTES"),
            ("CuratorFunctionName", "KEEP_MINUTES"),
        ):
            function = self.lake.outputs[output]
            variables = functions.get_function_configuration(FunctionName=function)["Environment"]
            functions.update_function_configuration(
                FunctionName=function,
                Environment={"Variables": variables["Variables"] | {name: "0"}},
            )
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            if mapping.get("MaximumBatchingWindowInSeconds"):
                functions.update_event_source_mapping(
                    UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=1
                )

    def _forget(self) -> None:
        """Make tables of models new again, and remove what a run before left in the queues."""
        glue, states = self.lake.client("glue"), self.lake.client("dynamodb")
        for name in ("orders_by_day", "orders_in_all", "orders_of_days"):
            with suppress(glue.exceptions.EntityNotFoundException):
                glue.delete_table(DatabaseName=self.lake.outputs["GlueDatabaseName"], Name=name)
            states.delete_item(
                TableName=self.lake.outputs["LedgerTableName"],
                Key={"object": {"S": f"model:{name}"}},
            )
        for name, url in self.lake.outputs.items():
            if name.endswith("QueueUrl"):
                self.lake.client("sqs").purge_queue(QueueUrl=url)

    def breaks(self, role: str | None, taken: set[Right]) -> str:
        """Say what a user misses first without some rights; nothing where all goes well."""
        self._forget()
        try:
            for one in self.roles.values():
                mine = {right for right in taken if right.role == one.logical}
                self._put(one, without(one.document, mine))
            return first_failure(Run(self.lake, self._actions(taken)), role)
        finally:
            for one in self.roles.values():
                self._put(one, one.document)

    def _actions(self, taken: set[Right]) -> frozenset[str]:
        """Name all actions of some rights."""
        return frozenset(
            action
            for right in taken
            for statement in self.roles[right.role].document["Statement"]
            if statement["Sid"] == right.sid
            for action in _listed(statement["Action"])
            if right.action in ("", action)
        )

    def _put(self, role: Role, document: Document) -> None:
        self.lake.client("iam").put_role_policy(
            RoleName=role.name, PolicyName=role.policy, PolicyDocument=json.dumps(document)
        )


def measured(bench: Bench, only: str, actions: bool) -> Iterator[tuple[Right, str]]:
    """Take every right away, each in a run of its own; give what breaks, or why nothing does."""
    every = [right for role in bench.roles.values() for right in rights(role)]
    in_aws_only = {right for right in every if reason(right)}
    if not only:
        click.echo(f"without {len(in_aws_only)} rights that are needed in AWS only", err=True)
        if broken := bench.breaks(None, in_aws_only):
            raise SystemExit(f"Without what is said to be needed in AWS only, {broken}.")
    for right in every:
        if only not in str(right):
            continue
        if why := reason(right):
            yield right, why
            continue
        if right.action and not actions:
            continue
        click.echo(f"without {right}", err=True, nl=False)
        broken = bench.breaks(right.role, {right})
        click.echo(f": {broken or 'NOTHING BREAKS'}", err=True)
        yield right, broken


def table(found: list[tuple[Right, str]]) -> str:
    """Write the result as the page has it."""
    lines = ["| role | statement | action | without it |", "|---|---|---|---|"]
    for right, broken in found:
        action = f"`{right.action}`" if right.action else "all"
        lines.append(f"| `{right.role}` | `{right.sid}` | {action} | {broken} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Take rights away, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--state", type=Path, help="folder of a lake that is up; else one is made")
    parser.add_argument("--actions", action="store_true", help="each action of a statement, too")
    parser.add_argument("--only", default="", help="part of the name of a right; writes no page")
    chosen = parser.parse_args()
    # So that rights that were taken are given back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        if chosen.state:
            port = json.loads((chosen.state / "state.json").read_text(encoding="utf-8"))["port"]
            lake = LocalLake(chosen.state, f"http://127.0.0.1:{port}")
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            lake = stack.enter_context(lake_up(Path(folder) / "state"))
        found = list(measured(Bench(lake), chosen.only, chosen.actions))
    needless = [str(right) for right, broken in found if not broken]
    if needless:
        click.echo(f"Nothing needs: {', '.join(needless)}", err=True)
    elif not chosen.only:
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}", encoding="utf-8")
    return 1 if needless else 0


if __name__ == "__main__":
    sys.exit(main())
