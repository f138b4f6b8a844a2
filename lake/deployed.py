"""What is deployed: asked before and after a deployment, to say what it has changed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contract.schema import parse
from lake import health, models
from lake.contract_diff import Change, Effect, again, differences
from lake.target import parameters_of
from store.errors import ContractError

if TYPE_CHECKING:
    from lake.target import Target

#: What a replay is for, where a contract changed.
_PAST = "applies the contract also to the files that were ingested before"


@dataclass(frozen=True)
class Deployed:
    """What a stack is like.

    Attributes
    ----------
    parameters : dict of str to str
        Their values.
    code : dict of str to str
        Hashes of the functions' code, by their names.
    models : dict of str to str, or None
        Hashes of the models' texts, by their names; None where that is not known.
    contracts : dict, or None
        Documents of the contracts, by their datasets; None where that is not known.
    database : str
        Of Glue: the parameter DatabaseName does not say it where it follows the Prefix.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] | None = None
    contracts: dict[str, Any] | None = None
    database: str = ""


def look(target: Target) -> Deployed:
    """Ask what is deployed, but for contracts; nothing where there is no stack."""
    stack = target.stack() or {}
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    client: Any = target.client("lambda")
    return Deployed(
        parameters_of(stack),
        {
            name: client.get_function_configuration(FunctionName=name)["CodeSha256"]
            for name in health.functions_of(outputs).values()
        },
        models.deployed(target),
        database=outputs.get("GlueDatabaseName", ""),
    )


def difference(before: Deployed, after: Deployed) -> dict[str, list[str]]:
    """Say what is another than before, by what it is.

    Parameters
    ----------
    before, after : Deployed
        The stack, before and after a deployment.

    Returns
    -------
    dict of str to list of str
        Functions whose code changed, and parameters with their values before and now.
    """
    changed = {
        name: (before.parameters.get(name), value)
        for name, value in sorted(after.parameters.items())
        if before.parameters.get(name) != value
    }
    return {
        "functions": [n for n, code in sorted(after.code.items()) if before.code.get(n) != code],
        "parameters": [
            f"{name}={value}" + ("" if was is None else f" (was {was})")
            for name, (was, value) in changed.items()
            # Of a new stack only the chosen names tell something: the rest is the template's.
            if before.parameters or name in ("Architecture", "Prefix")
        ],
    }


def follow(before: Deployed, after: Deployed) -> dict[str, str]:
    """Say what a deployment does not do by itself.

    Parameters
    ----------
    before, after : Deployed
        The stack, before and after it.

    Returns
    -------
    dict of str to str
        Commands, and what each is for.
    """
    if not before.code:
        return {}
    return {**_judge_again(before, after), **_fill(before, after)}


def _judge_again(before: Deployed, after: Deployed) -> dict[str, str]:
    """Give what applies contracts that changed to what was ingested before."""
    old, new = before.contracts, after.contracts or {}
    if old is None:
        return {"lake replay --dataset NAME": f"where its contract changed: {_PAST}"} if new else {}
    found: dict[str, str] = {}
    for dataset in sorted(new):
        commands = _of_contract(dataset, old, new)
        found |= {one: f"{when}: {_PAST}" if when else _PAST for one, when in commands.items()}
    return found


def _of_contract(dataset: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    changes = [Change("$", "the whole contract", Effect.REPLAY)]
    if dataset in old:
        # What another version of the function honoured may be none for this one.
        with suppress(ContractError):
            changes = differences(parse(dataset, old[dataset]), parse(dataset, new[dataset]))
    return again(dataset, changes)


def gone(before: Deployed, after: Deployed) -> list[str]:
    """Say which contracts and models a deployment took away, and what that means."""
    # Of functions that may not be asked nobody knows what they had.
    contracts = before.contracts or {} if after.contracts is not None else {}
    models_ = before.models or {} if after.models is not None else {}
    return [
        f"contract {one}: its records are not checked any more"
        for one in sorted(contracts.keys() - (after.contracts or {}))
    ] + [
        f"model {one}: its table stays and is not refreshed"
        for one in sorted(models_.keys() - (after.models or {}))
    ]


def _fill(before: Deployed, after: Deployed) -> dict[str, str]:
    """Give what makes the tables of models that are new or changed."""
    if before.models is None or after.models is None:
        return {}
    return {
        f"lake curate {name}": "fills the table of the new model from all data that is "
        "there; without it, only from what changes later"
        for name in sorted(after.models.keys() - before.models)
    } | {
        f"lake curate {name} --full": "makes the whole table by the changed model; without it, "
        "only the dates that change later"
        for name, text in sorted(after.models.items())
        if before.models.get(name, text) != text
    }
