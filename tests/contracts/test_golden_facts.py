"""What was told once is understood for ever."""

from __future__ import annotations

from typing import Any

import pytest
from chassis.facts import CATALOGUE, message_class
from google.protobuf.json_format import MessageToDict

from tests.contracts.golden import Golden, kept


def test_every_fact_has_been_kept_as_it_was_first_told() -> None:
    missing = sorted(set(CATALOGUE) - {line.fact for line in kept()})
    assert missing == [], "run python -m tests.contracts.golden"


@pytest.mark.parametrize("golden", kept(), ids=lambda golden: golden.fact)
def test_fact_of_an_older_version_still_says_what_it_said(golden: Golden) -> None:
    fact = message_class(golden.fact)()
    fact.ParseFromString(golden.wire)
    assert holds(MessageToDict(fact, preserving_proto_field_name=True), golden.reads)


def holds(now: Any, then: Any) -> bool:
    """Whether everything said then is there now; what was added since doesn't matter."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(key in now and holds(now[key], value) for key, value in then.items())
    if isinstance(then, list):
        return len(now) == len(then) and all(map(holds, now, then))
    return now == then
