"""Draw what each day brought in: CSV of `lake query` in, a picture (SVG) out."""

import csv
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT = 8, 240, 50

days = list(csv.DictReader(sys.stdin))
top = max(float(day["revenue"]) for day in days)
parts = []
for n, day in enumerate(days):
    x, base = LEFT + n * WIDTH, float(HEIGHT)
    surcharges = float(day["surcharges"])
    for dollars, colour in (
        (surcharges, "#e07b39"),
        (float(day["revenue"]) - surcharges, "#3b6ea8"),
    ):
        high = dollars / top * (HEIGHT - 20)
        base -= high
        parts.append(
            f'<rect x="{x}" y="{base:.1f}" width="6" height="{high:.1f}" fill="{colour}"/>'
        )
    if day["date_partition"].endswith(("-01", "-15")):
        parts.append(f'<text x="{x}" y="{HEIGHT + 16}">{day["date_partition"]}</text>')
parts.append(
    f'<text x="{LEFT}" y="14">dollars a day, at most {top:,.0f}; orange: surcharges</text>'
)
size = f"0 0 {2 * LEFT + len(days) * WIDTH} {HEIGHT + 30}"
style = 'font-family="sans-serif" font-size="12" fill="#666"'
svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" {style}>{"".join(parts)}</svg>\n'
Path(sys.argv[1]).write_text(svg, encoding="utf-8")
