"""What a validator of flows finds is said in the reader's language, not in the server's English."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = ROOT / "services/flows/src/flows/domain"
MESSAGES = ROOT / "services/web/src/messages"
_REASON_AT = {"error": 1, "warning": 1, "Problem": 3, "refuse": 2}
"""Which argument of what makes a finding is its reason."""
_SHELL = ("common.json", "desktop.json")
"""What every agent loads."""


def findings() -> set[str]:
    """Every reason a problem of a flow, or of its file, may have."""
    found = {"REFERENCE_UNCHECKED"}
    for path in sorted(DOMAIN.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                found |= set(_of_call(node))
            elif isinstance(node, ast.Return) and path.name == "targets.py" and isinstance(node.value, ast.Tuple):
                found |= set(_texts(node.value.elts[0]))
    return {each for each in found if each.isupper() and not each.startswith("_")}


def _of_call(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    place = _REASON_AT.get(name)
    if place is not None and len(node.args) > place:
        yield from _texts(node.args[place])
    if name == "reference" and len(node.args) > 3:
        yield from (f"{noun}_UNKNOWN" for noun in _texts(node.args[3]))


def _texts(node: ast.expr) -> Iterator[str]:
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_every_finding_of_a_flow_has_words_on_the_page() -> None:
    said: dict[str, str] = {}
    for path in MESSAGES.glob("*.json"):
        said |= dict.fromkeys(json.loads(path.read_text()), path.name)
    known = findings()
    assert len(known) > 30, "the findings are looked for where they are not"
    assert [reason for reason in sorted(known) if f"flowProblem.{reason}" not in said] == []
    assert [key for key, file in said.items() if key.startswith("flowProblem.") and file in _SHELL] == []
