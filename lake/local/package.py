"""Pack the functions for `sam deploy`, which takes half of its time to make them small."""

from __future__ import annotations

import hashlib
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: The least that makes an archive small: what it saves is not sent over any network.
_LEVEL = 1

#: The first day that an archive can name. When files were built says nothing.
_DAY = (1980, 1, 1, 0, 0, 0)

#: Lambda's own user must be able to read what is deployed (AWS Lambda Developer Guide, "Working
#: with .zip file archives for Python").
_READABLE = 0o444


def packed(build: Path, archives: Path) -> Path:
    """Pack what `sam build` made: only functions that changed since the last time.

    Parameters
    ----------
    build : Path
        With the folders of the functions, and their template.
    archives : Path
        A folder for the packed ones, which stay for the next time.

    Returns
    -------
    Path
        A template that says the same of the packed functions. It is JSON, which SAM reads at once;
        YAML takes it a second each time that it looks.
    """
    # It takes long to import, and most commands do without.
    from samcli.yamlhelper import yaml_parse

    template = yaml_parse((build / "template.yaml").read_text(encoding="utf-8"))
    functions = [
        one["Properties"]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::Serverless::Function"
    ]
    archives.mkdir(exist_ok=True)
    with ThreadPoolExecutor() as pool:
        folders = [build / one["CodeUri"] for one in functions]
        made = list(pool.map(partial(_archive, archives), folders))
    for function, archive in zip(functions, made, strict=True):
        function["CodeUri"] = str(archive)
    for old in set(archives.glob("*.zip")) - {*made}:
        old.unlink()
    path = archives / "template.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    return path


def _archive(archives: Path, folder: Path) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        about = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{about.st_size} {about.st_mode}\0".encode())
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    archive = archives / f"{folder.name}-{digest.hexdigest()}.zip"
    if archive.exists():
        return archive
    # Renamed when it is whole: it may be interrupted.
    unfinished = archive.with_suffix(".new")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as target:
        for path in files:
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), _DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (path.stat().st_mode | _READABLE) << 16
            with path.open("rb") as source, target.open(entry, "w") as written:
                while block := source.read(1 << 20):
                    written.write(block)
    return unfinished.replace(archive)
