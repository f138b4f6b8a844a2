"""An object as the plain files that it is made of: every layer undone, every archive opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.open.room import MAX_DEPTH, Room, too_deep
from engine.open.tars import is_tar, tar_members
from engine.open.unpack import codec_of, plain_name, undo
from engine.open.zips import is_zip, packaged, zip_members
from store.errors import RejectedObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Part:
    """One plain file of an object.

    Attributes
    ----------
    path : Path
        Its bytes. The object itself where nothing was undone.
    name : str
        A member's name, or the key without what only says how it was packed. A hint at what is
        in it, never a path.
    compression : str
        What was undone, the innermost first, such as ``gzip+tar+gzip``; ``none`` for nothing.
    """

    path: Path
    name: str
    compression: str


def parts(
    path: Path, key: str, workdir: Path, room: int, check_time: Callable[[], None]
) -> list[Part]:
    """Undo every layer of an object, and open every archive in it.

    Parameters
    ----------
    path : Path
        The object's bytes; they stay.
    key : str
        Its raw key.
    workdir : Path
        Gets the plain files. What is left of them goes with the folder.
    room : int
        Bytes that may be written, as far as the disk has them.
    check_time : callable
        Raises when the invocation ends soon.

    Returns
    -------
    list of Part
        One for an object that is no archive; none for an archive of nothing.

    Raises
    ------
    RejectedObjectError
        When a layer or an archive is truncated, corrupt or followed by junk.
    ObjectTooLargeError
        When it needs more disk or memory, or has too many members or layers.
    NotReadError
        When a packing is known and not read.
    """
    return parts_of(path, key, Room.of(path, workdir, room, check_time))


def parts_of(path: Path, key: str, budget: Room) -> list[Part]:
    """Do as :func:`parts`, in a room that others use, too."""
    found = list(_parts(path, key, (), budget, owned=False))
    if len(found) == 1 and "." not in found[0].name.rpartition("/")[2]:
        found = [replace(found[0], name=plain_name(key))]
    return found


def _parts(
    path: Path, name: str, undone: tuple[str, ...], room: Room, *, owned: bool
) -> Iterator[Part]:
    codec = codec_of(path, name)
    packing = codec or _container(path)
    if not packing:
        yield Part(path, plain_name(name), "+".join(undone) or "none")
        return
    if len(undone) == MAX_DEPTH:
        raise too_deep()
    undone = (packing, *undone)
    if codec:
        plain = undo(codec, path, room)
        if owned:
            room.give_back(path)
        yield from _parts(plain, name, undone, room, owned=True)
        return
    members = zip_members if packing == "zip" else tar_members
    for member, file in members(path, room):
        try:
            yield from _parts(file, member, undone, room, owned=True)
        except RejectedObjectError as error:
            raise RejectedObjectError(error.code, f"{member!r}: {error.detail}") from error
    if owned:
        room.give_back(path)


def _container(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(512)
    if is_zip(head):
        # A workbook and a Java archive are ZIP files, too, and no archives of data.
        return "" if packaged(path) else "zip"
    return "tar" if is_tar(head) else ""
