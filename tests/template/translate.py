"""The template as CloudFormation sees it, the resources of SAM expanded.

    PYTHONPATH=src:. python -m tests.template.translate > translated.json

gives it to other judges, such as the newest cfn-lint, which does not translate SAM any more.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import boto3
import click
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def written(root: Path) -> dict[str, Any]:
    """The template as it is written."""
    return dict(yaml_parse((root / "template.yaml").read_text(encoding="utf-8")))


def translated(template: dict[str, Any]) -> dict[str, Any]:
    source = copy.deepcopy(template)
    for function in ("ProcessorFunction", "CuratorFunction", "RecorderFunction"):
        source["Resources"][function]["Properties"]["CodeUri"] = "s3://bucket/key"
    defaults = {name: p.get("Default") for name, p in source["Parameters"].items()}
    session = boto3.Session(region_name="us-east-1")
    # No managed policy is known: every role must be written out.
    return dict(Translator({}, Parser(), boto_session=session).translate(source, defaults))


if __name__ == "__main__":
    click.echo(json.dumps(translated(written(Path.cwd())), indent=2))
