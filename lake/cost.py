"""The command `lake cost`: dollars of this lake; each line says where its figure is from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lake import prices, render
from lake.context import err, out
from lake.usage import measure, period_of

if TYPE_CHECKING:
    from lake.context import Choice

#: Days; a shorter time is said in hours.
_HOURS = 2


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 90), default=30, show_default=True, help="How far back."
)
@render.json_option
@render.listing
@click.pass_obj
def cost(choice: Choice, days: int, as_json: bool) -> None:
    """Say what the lake costs, from what it used.

    List prices of us-east-1; free tiers and discounts are not taken off.
    """
    target = choice.target()
    with err.status("Adding up…"):
        period = period_of(target, days)
        lines = measure(target, period)
    month = sum(one.month or 0 for one in lines)
    dollars = sum(one.dollars or 0 for one in lines)
    if as_json:
        told = {
            "days": period.days,
            "dollars": dollars,
            "dollars_a_month": month,
            "prices": {"region": prices.REGION, "date": prices.DATE},
            "lines": [asdict(one) for one in lines],
        }
        render.show_json(told)
        return
    rows: list[list[object]] = [
        [
            one.what,
            one.amount,
            "" if one.dollars is None else f"{one.dollars:,.4f}",
            "" if one.month is None else f"{one.month:,.2f}",
            one.source,
        ]
        for one in lines
    ]
    rows.append(["together", "", f"{dollars:,.4f}", f"{month:,.2f}", ""])
    length = f"{period.days:.0f} days" if period.days >= _HOURS else f"{period.days * 24:.0f} h"
    headings = ["what", "how much", f"$ in {length}", "$ a month", "source"]
    render.show_table(out, headings, rows, [False, True, True, True, False])
    err.print(
        f"List prices of {prices.REGION} of {prices.DATE}, free tiers and discounts not taken off. "
        "Not counted: traces, data that leaves the region, requests of others to the buckets.",
        style="dim",
    )
    if target.endpoint:
        err.print("This lake is on a machine: these are the dollars that AWS would ask.")
