"""A lake that is to be deployed beside another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import LocalLake

pytestmark = pytest.mark.local


def test_a_stack_whose_prefix_is_taken_is_refused_before_sam_is_asked(
    local_lake: LocalLake,
) -> None:
    words = ("lake", "--local", "--stack-name", "Beside", "deploy")
    for more in ((), ("--parameter", "Prefix=data-lake")):
        said = local_lake.command(*words, *more, expect=1).stderr
        raw = local_lake.outputs["RawBucketName"]
        assert f"Nothing was deployed. {raw} belongs to the stack DataLakeStack" in said
        assert "`lake --stack-name Beside deploy --parameter Prefix=OTHER`" in said
        assert "`lake deploy` deploys the one that is there" in said
    stacks = local_lake.client("cloudformation").describe_stacks()["Stacks"]
    assert "Beside" not in {one["StackName"] for one in stacks}
