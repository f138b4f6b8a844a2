"""What each command takes, as `docs/reference/command.md` says it: `make reference` writes that."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from lake.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Below this line the page is written by this module.
MARK = "<!-- written by make reference -->\n"


def reference() -> str:
    """Describe every command as Markdown."""
    return "\n".join(["", *_of("lake", main)])


def commands_of(group: click.Group) -> dict[str, click.Command]:
    """Give the commands of a group by name, also those that are imported when they run."""
    context = click.Context(group)
    found = {word: group.get_command(context, word) for word in group.list_commands(context)}
    return {word: command for word, command in found.items() if command is not None}


def _of(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    is_group = isinstance(command, click.Group) and command is not main
    # Groups are called by their commands.
    yield f"### {name}\n" if is_group else f"### `{name}`\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        kept = paragraph.startswith("\b")
        yield f"```text\n{paragraph[2:]}\n```\n" if kept else f"{' '.join(paragraph.split())}\n"
    if not is_group:
        yield f"```text\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```\n"
    rows = [record for one in command.params if (record := one.get_help_record(context))]
    if rows:
        yield "| option | |\n|---|---|"
        for option, said in rows:
            yield f"| `{option}` | {said.replace('|', chr(92) + '|').replace('  [', ' [')} |"
        yield ""
    if isinstance(command, click.Group):
        for word, one in commands_of(command).items():
            yield from _of(f"{name} {word}", one)
