"""Deploy the unchanged template to the local AWS with the real SAM CLI."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeCommandError

if TYPE_CHECKING:
    from lake.local.state import Running, StateFolder

#: Each is a process here, and starts at once with the others when a burst comes.
_WORKERS = 2 * (os.cpu_count() or 1)

#: How this machine's processor is called in the template.
_ARCHITECTURE = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def project_root(start: Path) -> Path:
    """Find the folder of the template, upward from here, else beside this package.

    Raises
    ------
    LakeCommandError
        When there is none.
    """
    for folder in (start, *start.parents, Path(__file__).resolve().parents[2]):
        if (folder / "template.yaml").is_file() and (folder / "samconfig.toml").is_file():
            return folder
    raise LakeCommandError("No template.yaml here or above: run this inside the project.")


def contracts_folder(root: Path) -> Path:
    """Give the folder whose contracts a build ships: ``LAKE_CONTRACTS``, else ``contracts``."""
    return root / os.environ.get("LAKE_CONTRACTS", "contracts")


def fingerprint(root: Path) -> str:
    """Hash everything that a deployment depends on."""
    digest = hashlib.sha256()
    sources = sorted(p for p in (root / "src").rglob("*") if p.is_file())
    contracts = sorted(contracts_folder(root).glob("*.schema.json"))
    for path in [root / "template.yaml", root / "samconfig.toml", *sources, *contracts]:
        if "__pycache__" not in path.parts:
            named = path.relative_to(root) if path.is_relative_to(root) else path
            digest.update(str(named).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def deploy(root: Path, folder: StateFolder, running: Running) -> Running:
    """Build and deploy.

    Parameters
    ----------
    root : Path
        The project.
    folder : StateFolder
        Where the build goes.
    running : Running
        The local AWS.

    Returns
    -------
    Running
        The same, with what is deployed now.

    Raises
    ------
    LakeCommandError
        With SAM's own reason.
    """
    architecture = _ARCHITECTURE.get(platform.machine().lower())
    if architecture is None:
        raise LakeCommandError(f"Lambda knows no machine like this one ({platform.machine()}).")
    build = folder.build
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        **running.environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "SAM_CLI_TELEMETRY": "0",
        "LAKE_ARCHITECTURE": architecture,
    }
    sam = [sys.executable, "-m", "samcli"]
    _run([*sam, "build", "--build-dir", str(build)], "build", root, environment)
    _run(
        [
            *sam,
            "deploy",
            *("--template-file", str(build / "template.yaml")),
            *("--config-file", str(root / "samconfig.toml"), "--config-env", "local"),
            "--parameter-overrides",
            f"Architecture={architecture}",
            f"MaximumConcurrency={_WORKERS}",
        ],
        "deploy",
        root,
        environment,
    )
    deployed = replace(running, deployed=fingerprint(root))
    folder.write(deployed)
    return deployed


def _run(command: list[str], what: str, root: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        told = [line for line in done.stdout.splitlines() if line.strip()]
        raise LakeCommandError(f"`sam {what}` failed:\n" + "\n".join(told[-25:]))
