"""What every picture is made of: text, boxes, arrows and small signs, in light and in dark."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Literal

Kind = Literal["box", "blue", "green", "amber", "red", "band"]
Style = Literal["", "head", "step", "soft", "mono", "label"]
Anchor = Literal["start", "middle", "end"]

#: How wide a letter is, in parts of the size of its text. Fonts of readers differ: these are those
#: of Arial and a twelfth more.
_WIDTHS = {**dict.fromkeys(" ijl|.,:;'!fIt()[]/-r", 0.33), **dict.fromkeys("mwMW@%…—→", 0.92)}
_SIZES: dict[Style, float] = {"": 14, "head": 15, "step": 14, "soft": 12.5, "mono": 12.5}
_SIZES["label"] = 12.5

_STYLE = """
    :root { --ink: #1f2328; --soft: #59636e; --line: #8c959f; --paper: #ffffff; --band: #f6f8fa;
            --blue: #0969da; --bluefill: #ddf4ff; --green: #1a7f37; --greenfill: #dafbe1;
            --amber: #9a6700; --amberfill: #fff8c5; --red: #cf222e; --redfill: #ffebe9; }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #f0f6fc; --soft: #9198a1; --line: #656c76; --paper: #0d1117; --band: #151b23;
              --blue: #4493f8; --bluefill: #121d2f; --green: #3fb950; --greenfill: #12261e;
              --amber: #d29922; --amberfill: #272115; --red: #f85149; --redfill: #25171c; }
    }
    text { fill: var(--ink); }
    .paper { fill: var(--paper); }
    .band { fill: var(--band); stroke: var(--line); stroke-opacity: .35; }
    .head { font-weight: 600; font-size: 15px; }
    .step { font-weight: 600; }
    .soft { fill: var(--soft); font-size: 12.5px; }
    .label { fill: var(--soft); font-size: 12.5px; paint-order: stroke; stroke: var(--paper);
             stroke-width: 5px; stroke-linejoin: round; }
    .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
            font-size: 12.5px; }
    .box { fill: var(--paper); stroke: var(--line); }
    .blue { fill: var(--bluefill); stroke: var(--blue); }
    .green { fill: var(--greenfill); stroke: var(--green); }
    .amber { fill: var(--amberfill); stroke: var(--amber); }
    .red { fill: var(--redfill); stroke: var(--red); }
    .arrow { fill: none; stroke: var(--soft); stroke-width: 1.6; marker-end: url(#tip); }
    .both { marker-start: url(#tip); }
    .dashed { stroke-dasharray: 5 4; }
    .line { fill: none; stroke: var(--line); stroke-width: 1.2; }
    .tip { fill: var(--soft); }
    .sign { fill: none; stroke: #ffffff; stroke-width: 2.2; stroke-linecap: round;
            stroke-linejoin: round; }
"""

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def width_of(said: str, style: Style = "") -> float:
    """Say how many pixels a text takes at most, in the fonts that readers have."""
    if style == "mono":
        return len(said) * 0.61 * _SIZES[style]
    heavy = 1.06 if style in ("head", "step") else 1
    return sum(_WIDTHS.get(c, 0.72 if c.isupper() else 0.6) for c in said) * heavy * _SIZES[style]


@dataclass
class Picture:
    """A picture that grows by each call.

    Attributes
    ----------
    title, description : str
        What it is, and what it shows, for those who do not see it.
    width, height : int
        In pixels.
    """

    title: str
    description: str
    width: int
    height: int
    _parts: list[str] = field(default_factory=list)

    def text(
        self, x: float, y: float, said: str, style: Style = "", anchor: Anchor = "start"
    ) -> None:
        """Write one line; ``y`` is where its letters stand."""
        left = x - width_of(said, style) * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        if left < 0 or left + width_of(said, style) > self.width:
            raise ValueError(f"{self.title}: {said!r} leaves the picture")
        named = f' class="{style}"' if style else ""
        placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(f'<text{named} x="{x:g}" y="{y:g}"{placed}>{escape(said, False)}</text>')

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *lines: str,
        kind: Kind = "box",
        styles: tuple[Style, ...] = ("step", "soft"),
    ) -> None:
        """Draw a box with lines in its middle; the last style is that of all that follow."""
        self._parts.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            'rx="6"/>'
        )
        first = y + height / 2 - (len(lines) - 1) * 9 + 4.5
        for number, said in enumerate(lines):
            style = styles[min(number, len(styles) - 1)]
            if width_of(said, style) > width - 8:
                raise ValueError(f"{self.title}: {said!r} is wider than its box")
            self.text(x + width / 2, first + number * 18, said, style, "middle")

    def arrow(self, path: str, *, both: bool = False, dashed: bool = False) -> None:
        """Draw an arrow along a path of SVG."""
        classes = " ".join(["arrow", *["both"] * both, *["dashed"] * dashed])
        self._parts.append(f'<path class="{classes}" d="{path}"/>')

    def line(self, path: str, *, dashed: bool = False) -> None:
        """Draw a thin line along a path of SVG."""
        self._parts.append(f'<path class="line{" dashed" * dashed}" d="{path}"/>')

    def raw(self, markup: str) -> None:
        """Add what nothing else can draw."""
        self._parts.append(markup)

    def svg(self) -> str:
        """Give the picture as a file."""
        lines = "\n".join(f"  {part}" for part in self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'role="img" aria-labelledby="title desc" font-family="{_FONT}" font-size="14">\n'
            f'  <title id="title">{escape(self.title, False)}</title>\n'
            f'  <desc id="desc">{escape(self.description, False)}</desc>\n'
            f"  <style>{_STYLE}  </style>\n"
            '  <defs>\n    <marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            'markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 0 10 5 0 10z"/>'
            "</marker>\n  </defs>\n"
            f'  <rect class="paper" width="{self.width}" height="{self.height}"/>\n'
            f"{lines}\n</svg>\n"
        )
