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

#: What people type, by command. Tests hold each to the options that there are.
EXAMPLES = {
    "lake adopt": ("lake --cloud adopt", "lake --cloud adopt --prefix orders-lake"),
    "lake completion": ('eval "$(lake completion bash)"',),
    "lake contract check": (
        "lake contract check",
        "lake contract check contracts/orders.schema.json --against orders",
    ),
    "lake contract diff": ("lake contract diff before.schema.json contracts/orders.schema.json",),
    "lake contract infer": (
        "lake contract infer orders --write",
        "lake contract infer orders --date-column ordered_at --write",
    ),
    "lake cost": ("lake cost", "lake cost --days 7 --json"),
    "lake crawl": ("lake crawl --wait",),
    "lake curate": (
        "lake curate daily_sales --full",
        "lake curate daily_sales --from 2024-01-01 --to 2024-01-31",
    ),
    "lake deploy": (
        "lake --cloud deploy --guided",
        "lake --cloud deploy --parameter FunctionMemory=1024",
    ),
    "lake describe": ("lake describe orders",),
    "lake destroy": ("lake --cloud destroy", "lake --cloud destroy --with-data"),
    "lake doctor": ("lake doctor", "lake doctor --no-drift"),
    "lake down": ("lake down", "lake down --yes"),
    "lake env": ('eval "$(lake env)"', 'eval "$(lake env --unset)"'),
    "lake files": (
        "lake files --status PARTIAL --since 24h",
        "lake files --dataset orders --from 2024-01-01 --to 2024-01-31 --json",
    ),
    "lake invoke": ("lake invoke events/s3-put.json --upload samples/test-data.json",),
    "lake logs": ("lake logs -f", "lake logs --key data/orders/a.json --since 2h"),
    "lake model check": ("lake model check", "lake model check models/daily_sales.sql"),
    "lake model lineage": (
        "lake model lineage daily_sales",
        "lake model lineage daily_sales average_price",
    ),
    "lake model show": ("lake model show daily_sales",),
    "lake models": ("lake models", "lake models daily_sales"),
    "lake profile": ("lake profile flights --columns dep_delay,tailnum --from 2013-01-30",),
    "lake put": (
        "lake put orders.csv --dataset orders",
        "lake put 'in/**/*.csv' --dataset orders --json",
        "zcat big.csv.gz | lake put - --name orders.csv --dataset orders",
    ),
    "lake query": (
        'lake query "SELECT category, count(*) FROM processed_table GROUP BY 1"',
        'lake query "SELECT * FROM orders" --format csv > orders.csv',
    ),
    "lake rebuild": ("lake rebuild orders",),
    "lake reconcile": ("lake reconcile", "lake reconcile --fix"),
    "lake redrive": ("lake redrive",),
    "lake replay": (
        "lake replay --dataset orders --dry-run",
        "lake replay --status TOO_LARGE",
    ),
    "lake retype": ("lake retype orders.price double",),
    "lake rm": (
        "lake rm data/orders/2024-01-15.json --raw",
        "lake rm --dataset orders --raw --dry-run",
    ),
    "lake sample": ("lake sample orders", "lake sample orders --date 2024-01-15 --rows 3"),
    "lake status": ("lake status", "lake status --watch"),
    "lake stop": ("lake stop",),
    "lake tables": ("lake tables", "lake tables --json"),
    "lake ui": ("lake ui", "lake ui --no-browser"),
    "lake up": ("lake up", "lake up --bind 172.17.0.1"),
}


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
        yield f"{' '.join(paragraph.split())}\n"
    if name in EXAMPLES:
        yield "```bash\n" + "\n".join(EXAMPLES[name]) + "\n```\n"
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
