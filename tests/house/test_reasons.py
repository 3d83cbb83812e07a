"""Clients match on an error's reason, so a reason once published stays: reasons.txt pins them all.

A new reason goes into the file by hand: `python tests/house/test_reasons.py` writes it anew for you to look at.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINNED = Path(__file__).parent / "reasons.txt"


def reasons() -> dict[str, set[str]]:
    """Every `reason = "..."` of a class in our sources -> the packages that say it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted([*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("libs/*/src/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    value = _reason(statement)
                    if value:
                        found[value].add(path.relative_to(ROOT).parts[1])
    return found


def _reason(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign):
        names, value = [target.id for target in statement.targets if isinstance(target, ast.Name)], statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        names, value = [statement.target.id], statement.value
    else:
        return None
    if "reason" in names and isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    return None


def test_every_reason_is_pinned() -> None:
    pinned = set(PINNED.read_text().split())
    found = set(reasons())
    assert sorted(found - pinned) == [], "new reasons: add them to tests/house/reasons.txt"
    assert sorted(pinned - found) == [], "published reasons that the code no longer knows"


def test_a_reason_reads_like_a_reason() -> None:
    assert [reason for reason in reasons() if not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", reason)] == []


if __name__ == "__main__":
    PINNED.write_text("\n".join(sorted(reasons())) + "\n")
