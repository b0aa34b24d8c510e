"""Writes a sheet as SVG: text that any browser shows and that vector programs edit."""

from __future__ import annotations

from typing import assert_never
from xml.sax.saxutils import escape, quoteattr

from control.views.palette import FONT, PAPER
from control.views.sheet import Box, Curve, Item, Sheet, Text


def svg(sheet: Sheet) -> str:
    """Return a sheet as an SVG document; the same sheet is the same text."""
    size = f"{_short(sheet.width)} {_short(sheet.height)}"
    width, height = size.split()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {size}" '
        f'font-family={quoteattr(FONT)} role="img">'
    )
    return "\n".join(
        [head, f"<title>{escape(sheet.title)}</title>", *map(_element, sheet.items), "</svg>", ""]
    )


def _element(item: Item) -> str:
    match item:
        case Box():
            return _box(item)
        case Curve():
            return _curve(item)
        case Text():
            return _text(item)
        case _:
            assert_never(item)


def _box(box: Box) -> str:
    stroke = f' stroke="{box.stroke}" stroke-width="0.8"' if box.stroke else ""
    x, y, width, height = map(_short, (box.x, box.y, box.width, box.height))
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{box.fill}" '
        f'fill-opacity="{box.opacity:g}"{stroke}/>'
    )


def _curve(curve: Curve) -> str:
    points = " ".join(
        f"{_short(x)},{_short(y)}" for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True)
    )
    fill = f'fill="{curve.fill}" fill-opacity="{curve.opacity:g}"' if curve.fill else 'fill="none"'
    dashes = ' stroke-dasharray="3 3"' if curve.dashed else ""
    line = f'stroke="{curve.stroke or "none"}" stroke-width="{curve.width:g}" stroke-linejoin="round"'
    return f'<polyline points="{points}" {fill} {line}{dashes}/>'


def _text(text: Text) -> str:
    weight = ' font-weight="600"' if text.bold else ""
    halo = f' stroke="{PAPER}" stroke-width="3" paint-order="stroke"' if text.halo else ""
    return (
        f'<text x="{_short(text.x)}" y="{_short(text.y)}" font-size="{text.size:g}" fill="{text.colour}" '
        f'text-anchor="{text.anchor}"{weight}{halo}>{escape(text.text)}</text>'
    )


def _short(pixels: float) -> str:
    """Return a coordinate to a fiftieth of what a screen shows."""
    return f"{pixels:.2f}".rstrip("0").rstrip(".")
