"""Where an HTTP step asks, whatever callers are called."""

from __future__ import annotations

from typing import Any

import pytest
from flows.domain.definitions import HttpRequest, Say, Step
from flows.domain.effects import Fetch
from flows.domain.orders import PlayAudio
from flows.domain.runs import Proceed, Started

from .test_domain_runs import Caller, said

URL = "https://crm.example/v1/{brand_name}/customers/{caller_name}/orders?by={caller_name}#{caller_name}"


def asked(url: str, **attributes: str) -> tuple[Caller, Any]:
    caller = Caller(
        Step("ask", "", HttpRequest("GET", url, failed="no", next="no")), Step("no", "", Say(said("Failed."))),
        **attributes,
    )  # fmt: skip
    caller.on(Started())
    return caller, caller.on(Proceed())


@pytest.mark.parametrize("name", [".", ".."])
def test_a_caller_called_by_dots_chooses_no_other_path(name: str) -> None:
    caller, order = asked(URL, caller_name=name)
    assert isinstance(order, PlayAudio) and order.audio[0].text == "Failed."
    assert caller.outcomes[0] == "http not asked: a value would lead to another path"
    _, split = asked("https://crm.example/{a}{b}/x", a=name[:1], b=name[1:])
    assert isinstance(split, PlayAudio), "also where two values make it"


@pytest.mark.parametrize(
    ("name", "part"),
    [("Leyla", "Leyla"), ("...", "..."), ("../x", "..%2Fx"), ("%2e%2e", "%252e%252e"), ("a.b", "a.b"), ("", "")],
)
def test_every_other_value_is_a_part_of_the_path_as_it_was(name: str, part: str) -> None:
    _, effect = asked(URL, caller_name=name)
    assert isinstance(effect, Fetch)
    assert effect.url == f"https://crm.example/v1/Acme/customers/{part}/orders?by={part}#{part}"


def test_dots_that_the_flow_itself_has_stay() -> None:
    _, effect = asked("https://crm.example/v1/../v2/{caller_name}?at=..", caller_name="Leyla")
    assert isinstance(effect, Fetch) and effect.url == "https://crm.example/v1/../v2/Leyla?at=.."
    _, asking = asked("https://crm.example/?name={caller_name}", caller_name="..")
    assert isinstance(asking, Fetch), "only a path is walked"
