"""Has cdk-nag judge a template: `nag.py TEMPLATE FOLDER` writes its report into the folder.

It runs in the environment of `make check-security`, with the Node that is in there.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import aws_cdk  # type: ignore[import-not-found]  # in the environment of check-security only
import cdk_nag  # type: ignore[import-not-found]  # the same
from aws_cdk.cloudformation_include import CfnInclude  # type: ignore[import-not-found]  # the same


def main() -> None:
    """Judge by the rules for AWS's solutions and for serverless applications."""
    template, folder = sys.argv[1:]
    app = aws_cdk.App(outdir=folder)
    CfnInclude(aws_cdk.Stack(app, "Lake"), "Template", template_file=template)
    packs = [cdk_nag.AwsSolutionsChecks(app), cdk_nag.ServerlessChecks(app)]
    aws_cdk.Validations.of(app).add_plugins(*packs)
    # It fails where there are findings; the report has them.
    with suppress(RuntimeError):
        app.synth()


if __name__ == "__main__":
    main()
