"""Tables for people, one JSON document for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from merkez_ops.doctor import Finding, Verdict

_UNBOUNDED = 1000
"""Columns of a file or pipe: whoever reads an id there wants all of it."""
_COLOURS = {Verdict.FINE: "green", Verdict.SKIPPED: "dim", Verdict.DOUBTFUL: "yellow", Verdict.WRONG: "bold red"}


def paper() -> Console:
    """Where tables are written: as wide as the terminal, and in a file as wide as they are."""
    console = Console()
    if not console.is_terminal:
        console.width = _UNBOUNDED
    return console


def rows(console: Console, found: Sequence[Any], *, as_json: bool, empty: str) -> None:
    """Rows of one dataclass: a table, what `empty` says, or a JSON list."""
    if as_json:
        document(found)
    elif not found:
        console.print(empty)
    else:
        names = [field.name for field in fields(found[0])]
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in names:
            table.add_column(name.replace("_", " "), overflow="fold")
        for row in found:
            table.add_row(*(_cell(getattr(row, name)) for name in names))
        console.print(table)


def findings(console: Console, found: Sequence[Finding], *, as_json: bool) -> None:
    """What the doctor found, and how much of it is bad."""
    if as_json:
        document(found)
        return
    for finding in found:
        colour = _COLOURS[finding.verdict]
        console.print(f"[{colour}]{finding.verdict.value:>11}[/]  {finding.what}: ", end="", highlight=False)
        console.print(finding.said, markup=False, highlight=False)
        if finding.advice and finding.verdict is not Verdict.FINE:
            console.print(f"{'':13}-> {finding.advice}", markup=False, highlight=False)
    count = Counter(finding.verdict for finding in found)
    console.print(", ".join(f"{count[verdict]} {verdict.value}" for verdict in Verdict if count[verdict]))


def document(found: Any) -> None:
    """JSON on the standard output, and nothing else there."""
    print(json.dumps([asdict(each) for each in found] if isinstance(found, Sequence) else asdict(found), indent=2))


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
