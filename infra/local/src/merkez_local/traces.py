"""Prints one call's trace from the local span files: who did what, when, for how long, as a tree."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

Span = dict[str, Any]


def read_spans(folder: Path) -> Iterator[Span]:
    """Every span of every service's file; a line half-written by a crash is passed over."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue


def trace_of(spans: list[Span], wanted: str) -> list[Span]:
    """The spans of the trace `wanted` names: a trace id, or an id of a call, contact or offer seen in attributes; and
    those of other traces that are linked to it, such as the line of an invoice that charges the call.

    An id that several traces mention means the one that began first, which is the call's own.
    """
    ids = {span["trace_id"] for span in spans}
    if wanted not in ids:
        mentions = [span for span in spans if wanted in span["attributes"].values()]
        if not mentions:
            return []
        wanted = min(mentions, key=lambda span: span["start"])["trace_id"]
    own = [span for span in spans if span["trace_id"] == wanted or _linked(span, wanted)]
    return sorted(own, key=lambda span: span["start"])


def _linked(span: Span, trace_id: str) -> bool:
    return any(link.startswith(f"{trace_id}:") for link in span.get("links", ()))


def render(spans: list[Span]) -> list[str]:
    """The tree as lines, times relative to the first span."""
    began = datetime.fromisoformat(spans[0]["start"])
    known = {span["span_id"] for span in spans}
    below: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        below[span["parent_id"] if span["parent_id"] in known else ""].append(span)
    lines: list[str] = []

    def walk(parent: str, depth: int) -> None:
        for span in below[parent]:
            after = (datetime.fromisoformat(span["start"]) - began).total_seconds()
            mark = "  !" if span["status"] == "ERROR" else ""
            linked = "" if span["trace_id"] == spans[0]["trace_id"] else "  (linked)"
            name = f"{'  ' * depth}{span['name']}{linked}"
            lines.append(f"{after:9.3f} s  {span['duration_ms']:9.1f} ms  {span['service']:<11} {name}{mark}")
            walk(span["span_id"], depth + 1)

    walk("", 0)
    return lines


def print_trace(folder: Path, arguments: list[str]) -> int:
    """The `trace` verb: prints the trace of the id given; returns the exit status."""
    if len(arguments) != 1:
        print("Name a call, contact or trace: make trace CALL=call_...")
        return 2
    spans = trace_of(list(read_spans(folder)), arguments[0])
    if not spans:
        print(f"No span in {folder.name}/ mentions {arguments[0]}: is it the id of a call of this installation?")
        return 1
    print(f"trace {spans[0]['trace_id']}, {len(spans)} spans")
    print("\n".join(render(spans)))
    return 0
