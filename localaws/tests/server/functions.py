"""A function for the tests: it does what its event says."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localaws.tests.server.conftest import Server

CODE = """
import json, os, tempfile, pathlib, time, uuid

def handler(event, context):
    if "Records" in event:
        # A batch: it is written to where its messages say.
        texts = [one["body"] if "body" in one else one["dynamodb"]["NewImage"]["body"]["S"]
                 for one in event["Records"]]
        began, bodies = time.time(), [json.loads(one) for one in texts]
        time.sleep(max(one.get("takes", 0) for one in bodies))
        counts = [int(one["attributes"]["ApproximateReceiveCount"])
                  for one in event["Records"] if "attributes" in one]
        told = {"began": began, "ended": time.time(), "numbers": [one["n"] for one in bodies],
                "received": counts}
        file = pathlib.Path(bodies[0]["folder"], str(uuid.uuid4()))
        file.write_text(json.dumps(told))
        file.rename(file.with_suffix(".json"))
        return {}
    folder = pathlib.Path(tempfile.gettempdir())
    if "note" in event:
        (folder / "note").write_text(event["note"])
    while "until" in event and not pathlib.Path(event["until"]).exists():
        time.sleep(0.02)
    if "take" in event:
        held = bytearray(os.urandom(1)) * (event["take"] << 20)
    found = folder / "note"
    return {"note": found.read_text() if found.exists() else None, "folder": str(folder)}
"""


def deploy(server: Server, name: str, memory: int) -> None:
    """Create the function, with a role that may do nothing."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    service = {"Service": "lambda.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}
    role = server.client("iam").create_role(
        RoleName=f"role-of-{name}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    server.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": packed.getvalue()},
        MemorySize=memory,
        Timeout=30,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = server.client("lambda").get_function_configuration(FunctionName=name)
        if found["State"] == "Active":
            return
        time.sleep(0.05)
