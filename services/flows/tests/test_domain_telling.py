"""What an agent is told of a call, and that nobody is turned away for there being much of it."""

from __future__ import annotations

from typing import Any

import pytest
from flows.domain.deeds import CallbackChecked, RequestCallback
from flows.domain.definitions import CallbackOffer, Queue, Step
from flows.domain.effects import Enqueue
from flows.domain.runs import Digits, Started
from flows.domain.telling import MOST_TOLD

from .test_domain_runs import Caller

PRESSED = {f"menu.m{number}": "1" for number in range(10)}
FETCHED = {f"field_{number}": str(number) for number in range(60)}


def queued(**attributes: str) -> tuple[Caller, Enqueue]:
    caller = Caller(Step("line", "", Queue("que_1")), **attributes)
    effect: Any = caller.on(Started())
    assert isinstance(effect, Enqueue)
    return caller, effect


def test_of_more_than_a_contact_holds_the_agent_is_told_what_was_given_a_name() -> None:
    caller, effect = queued(**PRESSED, **FETCHED)
    assert len(effect.attributes) == MOST_TOLD and FETCHED.items() <= effect.attributes.items()
    assert caller.outcomes == ["6 attributes are not told: a contact holds 64"]


def test_of_too_many_that_were_given_a_name_the_same_are_told_in_whatever_order_they_are_kept() -> None:
    many = {f"field_{number:03}": str(number) for number in range(100)}
    _, effect = queued(**PRESSED, **many)
    _, again = queued(**dict(reversed(many.items())), **PRESSED)
    assert effect.attributes == again.attributes == dict(list(many.items())[:MOST_TOLD])


def test_as_many_as_a_contact_holds_are_all_told() -> None:
    exactly = {f"field_{number}": str(number) for number in range(MOST_TOLD)}
    caller, effect = queued(**exactly)
    assert effect.attributes == exactly and caller.outcomes == []


@pytest.mark.parametrize("more", [PRESSED, {}])
def test_a_callback_is_told_no_more_than_a_contact_holds(more: dict[str, str]) -> None:
    many = {f"field_{number:03}": str(number) for number in range(70)}
    caller = Caller(
        Step("offer", "", CallbackOffer("que_1")), caller_number="+994501234567", **more, **many
    )  # fmt: skip
    caller.on(Started())
    caller.on(CallbackChecked(True))
    request = caller.on(Digits("1"))
    assert isinstance(request, RequestCallback) and list(request.attributes) == list(many)[:MOST_TOLD]
