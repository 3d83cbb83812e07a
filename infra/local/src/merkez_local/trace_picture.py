"""`python -m merkez_local picture trace.json picture.svg`: one call's recorded trace, drawn over time.

`trace.json` is a list of `[service, name, start in ms, duration in ms]`, as `shorten` makes it of span files: no
attributes, so nothing personal. Time is folded: pauses in which nothing begins or ends are cut short and said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from merkez_local.traces import Span

Row = tuple[str, str, float, float]

_COLOURS = {
    "gateway": "#4c6fff", "telephony": "#0f9d76", "flows": "#b7791f", "routing": "#c2417c", "tenancy": "#7c5cd6",
    "billing": "#d1495b", "recording": "#3a86a8", "engagement": "#6b8e23", "analytics": "#64748b",
}  # fmt: skip
_LEFT, _WIDTH, _ROW, _TOP = 350, 740, 17, 46
_PAUSE, _FOLDED = 400.0, 60.0
"""Milliseconds without a beginning or an end that are folded, and how wide they stay."""


def shorten(spans: Sequence[Span]) -> list[Row]:
    """A trace's spans as rows, by their beginning; a span of another trace that is linked to it says so."""
    own = spans[0]["trace_id"]
    began = min(datetime.fromisoformat(span["start"]) for span in spans)

    def row(span: Span) -> Row:
        after = (datetime.fromisoformat(span["start"]) - began).total_seconds() * 1000
        name = span["name"] if span["trace_id"] == own else f"{span['name']} (linked)"
        return span["service"], name, round(after, 1), round(span["duration_ms"], 1)

    return sorted(map(row, spans), key=lambda each: each[2])


def picture(rows: Sequence[Row]) -> str:
    """The SVG."""
    place = _folded(sorted({moment for _, _, start, took in rows for moment in (start, start + took)}))
    widest = max(place.values()) or 1.0
    height = _TOP + _ROW * len(rows) + 14
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 120}" height="{height}" '
        'font-family="ui-sans-serif, system-ui, sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="14" font-weight="600" fill="#111827">One call, one trace: {len(rows)} spans, '
        f"{len({row[0] for row in rows})} services (recorded; pauses folded)</text>",
    ]
    for number, (service, name, start, took) in enumerate(rows):
        y = _TOP + number * _ROW
        left = _LEFT + place[start] / widest * _WIDTH
        wide = max(2.0, (place[start + took] - place[start]) / widest * _WIDTH)
        colour = _COLOURS.get(service, "#64748b")
        lines += [
            f'<text x="12" y="{y + 11}" fill="{colour}" font-weight="600">{escape(service)}</text>',
            f'<text x="100" y="{y + 11}" fill="#374151">{escape(_plain(name))}</text>',
            f'<rect x="{left:.1f}" y="{y + 3}" width="{wide:.1f}" height="10" rx="2" fill="{colour}"/>',
            f'<text x="{_LEFT + _WIDTH + 10}" y="{y + 11}" fill="#6b7280">{start / 1000:.2f} s, {took:.0f} ms</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def draw(arguments: Sequence[str]) -> int:
    """The `picture` verb."""
    if len(arguments) != 2:
        print("Name the recorded trace and the picture: picture trace.json picture.svg")
        return 2
    rows: list[Row] = [
        (str(a), str(b), float(c), float(d)) for a, b, c, d in json.loads(Path(arguments[0]).read_text())
    ]
    Path(arguments[1]).write_text(picture(rows))
    return 0


def _folded(moments: Sequence[float]) -> dict[float, float]:
    place, at, before = dict[float, float](), 0.0, moments[0]
    for moment in moments:
        gap = moment - before
        at += _FOLDED if gap > _PAUSE else gap
        place[moment], before = at, moment
    return place


def _plain(name: str) -> str:
    short = name.rsplit(".", 1)[-1]
    return short if len(short) <= 40 else f"{short[:39]}…"
