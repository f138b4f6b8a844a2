from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def template(root: Path) -> dict[str, Any]:
    """The template as it is written."""
    return dict(yaml_parse((root / "template.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def translated(template: dict[str, Any]) -> dict[str, Any]:
    """The template as CloudFormation sees it, SAM resources expanded."""
    source = copy.deepcopy(template)
    source["Resources"]["ProcessorFunction"]["Properties"]["CodeUri"] = "s3://bucket/key"
    defaults = {name: p.get("Default") for name, p in source["Parameters"].items()}
    session = boto3.Session(region_name="us-east-1")
    # No managed policy is known: every role must be written out.
    return dict(Translator({}, Parser(), boto_session=session).translate(source, defaults))
