"""Deploy the template with the real SAM CLI, to the local AWS or to an account."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from contract.loading import load_folder as load_contracts
from lake.context import step
from lake.errors import LakeCommandError
from lake.local.package import packed
from lake.local.python import of_functions
from lake.project import DEFAULT_STACK, contracts_folder, models_folder, why_no_folder
from lake.target import Target, choose, session_of
from model.files import files_of
from store.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lake.context import Choice
    from lake.local.state import Running, StateFolder

#: Each is a process here, and starts at once with the others when a burst comes.
_WORKERS = 2 * (os.cpu_count() or 1)

#: Seconds in which changes are collected there: nobody pays for a refresh.
_WINDOW = 2

#: How this machine's processor is called in the template.
_ARCHITECTURE = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def fingerprint(root: Path) -> str:
    """Hash everything that a deployment depends on."""
    digest = hashlib.sha256()
    sources = sorted(p for p in (root / "src").rglob("*") if p.is_file())
    contracts = sorted(contracts_folder(root).glob("*.schema.json"))
    models = files_of(models_folder(root))
    settings = [root / "template.yaml", root / "samconfig.toml"]
    for path in [*settings, *sources, *contracts, *models]:
        if "__pycache__" not in path.parts:
            named = path.relative_to(root) if path.is_relative_to(root) else path
            digest.update(str(named).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def architecture() -> str:
    """Say what Lambda calls this machine's processor.

    Raises
    ------
    LakeCommandError
        When it knows none like it.
    """
    try:
        return _ARCHITECTURE[platform.machine().lower()]
    except KeyError:
        raise LakeCommandError(
            f"Lambda knows no machine like this one ({platform.machine()})."
        ) from None


def is_deployed(root: Path, running: Running) -> bool:
    """Ask whether the function that runs is the one that a deployment from here would make.

    What was noted of the last deployment is not enough: anyone may have deployed since.
    """
    function = _function(running)
    fits = function.startswith(f"{architecture()} ") and function == running.function
    return fits and running.deployed == fingerprint(root)


def _function(running: Running) -> str:
    """Give the deployed function's architecture and the hash of its code."""
    target = choose({}, running.endpoint, local=True, cloud=False, stack_name=DEFAULT_STACK)
    try:
        found = target.client("lambda").get_function_configuration(
            FunctionName=target.outputs["ProcessorFunctionName"]
        )
    except (LakeCommandError, ClientError, BotoCoreError):
        return ""
    return f"{found['Architectures'][0]} {found['CodeSha256']}"


def deploy(
    root: Path,
    folder: StateFolder,
    running: Running,
    stack_name: str = DEFAULT_STACK,
    given: Mapping[str, str] | None = None,
) -> Running:
    """Build and deploy to the local AWS.

    Parameters
    ----------
    root : Path
        The project.
    folder : StateFolder
        Where the build goes.
    running : Running
        The local AWS.
    stack_name : str
        The stack; beside the default one there may be others.
    given : mapping, optional
        Parameters that the user chose.

    Returns
    -------
    Running
        The same, with what is deployed now.

    Raises
    ------
    LakeCommandError
        With SAM's own reason, or the contract's or the model's that will not be honoured.
    """
    machine, wanted = architecture(), fingerprint(root)
    parameters = {
        "Architecture": machine,
        "MaximumConcurrency": str(_WORKERS),
        "CurateWindowSeconds": str(_WINDOW),
        **(given or {}),
    }
    check(root)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        **running.environment,
        **_for_sam(machine),
        "PYTHON": of_functions(root),
        # SAM asks every 5 s how far a stack is, lest AWS throttle it; nobody throttles here.
        "SAM_CLI_POLL_DELAY": "0.2",
    }
    with step("Building the functions: sam build"):
        _run(["build", "--build-dir", str(folder.build)], root, environment)
    words = [
        "deploy",
        *("--template-file", str(packed(folder.build, folder.packed))),
        *("--config-file", str(root / "samconfig.toml"), "--config-env", "local"),
        *("--stack-name", stack_name, "--s3-prefix", stack_name, "--parameter-overrides"),
        *_words(parameters),
    ]
    with step("Deploying them: sam deploy"):
        _run(words, root, environment)
    if stack_name != DEFAULT_STACK:
        return running
    deployed = replace(running, deployed=wanted, function=_function(running))
    folder.write(deployed)
    return deployed


@dataclass(frozen=True)
class Plan:
    """What is to be deployed to an account, and where.

    Attributes
    ----------
    environment_name : str
        Whose settings in ``samconfig.toml`` are used.
    stack_name, region, profile : str
        Where; no region and no profile are those that AWS clients find by themselves.
    parameters : dict of str to str
        Those of the settings, and over them those of the user.
    ignored_region : str
        What the settings say, where the user's environment says another.
    """

    environment_name: str
    stack_name: str
    region: str | None
    profile: str | None
    parameters: dict[str, str]
    ignored_region: str = ""

    @property
    def target(self) -> Target:
        """Give the stack, there or not."""
        endpoint = None if self.profile else os.environ.get("AWS_ENDPOINT_URL")
        return Target(session_of(self.region, self.profile), endpoint, self.stack_name)


def plan(root: Path, choice: Choice, environment_name: str, given: Mapping[str, str]) -> Plan:
    """Decide what is to be deployed to an account.

    The user's region comes first: ``--region``, then the environment, then the profile, and only
    then what ``samconfig.toml`` says.

    Parameters
    ----------
    root : Path
        The project.
    choice : Choice
        Which stack, where.
    environment_name : str
        Whose settings in ``samconfig.toml``.
    given : mapping
        Parameters that the user chose.

    Raises
    ------
    LakeCommandError
        When there are no such settings, or no such profile.
    """
    settings = _settings(root, environment_name)
    stack = choice.stack_name if choice.stack_name != DEFAULT_STACK else None
    profile = choice.profile or settings.get("profile")
    own, written = choice.region or session_of(None, profile).region_name, settings.get("region")
    told = settings.get("parameter_overrides", [])
    overrides = shlex.split(told) if isinstance(told, str) else list(told)
    return Plan(
        environment_name,
        stack or settings.get("stack_name", DEFAULT_STACK),
        own or written,
        profile,
        {**dict(one.partition("=")[::2] for one in overrides), **given},
        written if written and own and own != written else "",
    )


def deploy_to_account(
    root: Path, chosen: Plan, words: list[str], *, to_stderr: bool = False
) -> None:
    """Build and deploy to an AWS account; SAM talks to the terminal.

    Parameters
    ----------
    root : Path
        The project.
    chosen : Plan
        What, and where.
    words : list of str
        Further options of ``sam deploy``.
    to_stderr : bool
        Whether what SAM says goes to standard error.

    Raises
    ------
    LakeCommandError
        When SAM failed.
    """
    deployed = chosen.target.parameters
    # What was built for one architecture and declared as the other fails at its first event.
    machine = (
        os.environ.get("LAKE_ARCHITECTURE")
        or chosen.parameters.get("Architecture")
        or deployed.get("Architecture")
        or "arm64"
    )
    parameters = {
        **keeping_database(deployed),
        **chosen.parameters,
        "Architecture": machine,
    }
    environment = {**os.environ, **_for_sam(machine), "PYTHON": of_functions(root)}
    for name in ("stack_name", "region", "profile"):
        if value := getattr(chosen, name):
            words = [*words, f"--{name.replace('_', '-')}", value]
    _run(["build"], root, environment)
    _run(
        [
            *("deploy", "--config-env", chosen.environment_name, *words),
            *("--parameter-overrides", *_words(parameters)),
        ],
        root,
        environment,
        quiet=False,
        to=sys.stderr if to_stderr else None,
    )


def _words(parameters: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in parameters.items()]


def _settings(root: Path, environment_name: str) -> dict[str, Any]:
    """Give what ``samconfig.toml`` says of deployments."""
    told = tomllib.loads((root / "samconfig.toml").read_text(encoding="utf-8"))
    if environment_name not in told:
        raise LakeCommandError(
            f"samconfig.toml has no environment {environment_name}: it has "
            f"{', '.join(one for one in told if one != 'version')}."
        )
    found = told[environment_name]
    return {
        **found.get("global", {}).get("parameters", {}),
        **found.get("deploy", {}).get("parameters", {}),
    }


def keeping_database(deployed: Mapping[str, str]) -> dict[str, str]:
    """Keep the database of a lake that was deployed before databases followed the prefix.

    Parameters
    ----------
    deployed : mapping
        Parameters of the deployed stack; none where there is none yet.

    Returns
    -------
    dict of str to str
        Parameters of the deployment.
    """
    earlier = deployed and "DatabaseFollowsPrefix" not in deployed
    return {"DatabaseFollowsPrefix": "false"} if earlier else {}


def check(root: Path) -> None:
    """Refuse contracts and models that will not be honoured.

    Raises
    ------
    LakeCommandError
        With everything that is to be mended in contracts, and in models as far as `lake model
        check` knows without a lake, a line each.
    """
    # It imports sqlglot, which takes a second: only a deployment needs it.
    from lake.model import refused

    if why := why_no_folder(root):
        raise LakeCommandError(f"Nothing was deployed. {why}")
    lines = refused(files_of(models_folder(root)))
    try:
        load_contracts(contracts_folder(root))
    except ContractError as error:
        lines = [*error.detail.splitlines(), *lines]
    if lines:
        between = "\n" if len(lines) > 1 else " "
        raise LakeCommandError(f"Nothing was deployed.{between}" + "\n".join(lines))


def _for_sam(machine: str) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "SAM_CLI_TELEMETRY": "0",
        "LAKE_ARCHITECTURE": machine,
    }


def _run(
    words: list[str],
    root: Path,
    environment: Mapping[str, str],
    *,
    quiet: bool = True,
    to: IO[str] | None = None,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "samcli", *words],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL if quiet else None,
        stdout=subprocess.PIPE if quiet else to,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        told = [line for line in (done.stdout or "").splitlines() if line.strip()]
        if not told:
            raise LakeCommandError(f"`sam {words[0]}` ended with an error; it says above why.")
        raise LakeCommandError(f"`sam {words[0]}` failed:\n" + "\n".join(told[-25:]))
