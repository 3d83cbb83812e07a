"""What the web app says of an expression of skills before it is saved is what routing makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from kernel.errors import InvalidInput
from routing.domain.requirements import Requirement, parsed

EXAMPLES = Path(__file__).resolve().parents[2] / "services/web/tests/expressions.json"
SKILLS = ("French", "Sales", "Card disputes", "Trainee", 'Level "gold"')


def skill_of(name: str) -> str | None:
    return {each.casefold(): each for each in SKILLS}.get(name.casefold())


def read(text: str) -> Requirement:
    return parsed(text, skill_of, "it")


@pytest.mark.parametrize("example", json.loads(EXAMPLES.read_text()), ids=lambda example: example["text"] or "nothing")
def test_an_example_of_the_web_app_means_the_same_to_routing(example: dict[str, Any]) -> None:
    if "means" in example:
        assert [[list(term) for term in alternative] for alternative in read(example["text"])] == example["means"]
        return
    with pytest.raises(InvalidInput) as caught:
        read(example["text"])
    place = re.search(r"at character (\d+)", str(caught.value))
    assert (int(place[1]) if place else None) == example["wrong"]
