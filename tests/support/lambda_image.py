"""An image that stands for that of AWS Lambda's Python 3.11, made of files of this machine.

It has what `sam local invoke` needs of it: a Python with its libraries, Lambda's runtime client as
``/var/runtime/bootstrap``, and the shell that SAM adds its runtime interface emulator with.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from importlib import metadata
from pathlib import Path

import _duckdb

NAME = "localhost/lake-lambda-python:3.11"

#: Where the image has its Python: where this machine has it.
PYTHON = str(Path(sys._base_executable).resolve())  # type: ignore[attr-defined]  # of venv, too

#: The distributions of the runtime client.
RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py")

_BOOTSTRAP = """#!/bin/sh
export PYTHONPATH=/var/task:/var/runtime/lib
exec {python} -m awslambdaric "$_HANDLER"
"""

#: Parts of the standard library that no function uses.
_LEFT_OUT = re.compile(r"(^|/)(__pycache__|site-packages|dist-packages|test|idlelib|config-[^/]*)$")


def import_image(docker: str) -> None:
    """Have the engine import the image."""
    with subprocess.Popen([docker, "import", "-", NAME], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        with tarfile.open(fileobj=process.stdin, mode="w|") as tar:
            _fill(tar)
        process.stdin.close()
    assert process.returncode == 0


def _fill(tar: tarfile.TarFile) -> None:
    stdlib = Path(sysconfig.get_path("stdlib"))
    tools = {f"/bin/{name}": Path(shutil.which(name) or "") for name in ("sh", "mv", "chmod")}
    tar.add(stdlib, filter=lambda one: None if _LEFT_OUT.search(one.name) else one)
    modules = stdlib.glob("lib-dynload/*.so")
    for library in _libraries([Path(PYTHON), *tools.values(), *modules, Path(_duckdb.__file__)]):
        tar.add(library.resolve(), arcname=str(library))
    tar.add(PYTHON)
    for place, file in tools.items():
        tar.add(file.resolve(), arcname=place)
    for name in RUNTIME_CLIENT:
        for part in metadata.files(name) or ():
            if ".." not in part.parts:
                tar.add(str(part.locate()), arcname=f"/var/runtime/lib/{part}")
    _write(tar, "/var/runtime/bootstrap", _BOOTSTRAP.format(python=PYTHON), 0o755)
    _write(tar, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644)
    temporary = tarfile.TarInfo("/tmp")  # noqa: S108  # the container's
    temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
    tar.addfile(temporary)


def _libraries(files: list[Path]) -> set[Path]:
    told = subprocess.run(
        ["ldd", *map(str, files)], capture_output=True, text=True, check=True
    ).stdout
    # `libz.so.1 => /lib/libz.so.1 (0x…)`, and the loader: `/lib64/ld-linux-x86-64.so.2 (0x…)`.
    return {Path(found) for found in re.findall(r"(/\S+) \(0x", told)}


def _write(tar: tarfile.TarFile, place: str, text: str, mode: int) -> None:
    body = text.encode()
    file = tarfile.TarInfo(place)
    file.size, file.mode = len(body), mode
    tar.addfile(file, io.BytesIO(body))
