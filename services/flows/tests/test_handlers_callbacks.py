"""A callback offer over the wire: what routing is asked, and what the caller hears."""

from __future__ import annotations

from typing import Any

import pytest
from flows.domain.callback_words import words
from kernel.errors import Unavailable
from merkez.flows.v1 import flow_pb2 as pb
from merkez.routing.v1 import contact_pb2

from .conftest import flow_of, said

OWN = "+994125551234"


@pytest.fixture
def offering(house: Any) -> pb.Definition:
    offer = pb.CallbackOffer(queue_id=house.routing.queue_id, priority=3, declined="bye")
    offer.skills[house.routing.skill_id] = 2
    return flow_of(
        pb.Step(step_id="offer", callback_offer=offer),
        pb.Step(step_id="bye", hang_up=pb.HangUpStep(utterance=said("Goodbye."))),
    )


async def begun(house: Any, offering: pb.Definition, **call: Any) -> Any:
    flow = await house.publish(offering)
    return await house.start(flow.flow_id, house.fresh("call"), caller_number=OWN, caller_name="Aygün", **call)


async def test_caller_agrees_and_routing_has_the_callback_once(house: Any, offering: pb.Definition) -> None:
    gather = await begun(house, offering, dialed_number="+994120000000")
    assert gather.gather.audio[0].text == words("offer", "en")[0]
    end = await house.advance(gather, "DIGITS", "1")
    assert end.hang_up.audio[0].text == words("made", "en")[0]
    assert await house.advance(gather, "DIGITS", "1") == end
    ((request_id, made),) = house.routing.callbacks.items()
    assert request_id.startswith(f"{gather.run_id}:offer:")
    assert (made.queue_id, made.number, made.caller_name) == (house.routing.queue_id, OWN, "Aygün")
    assert (made.priority, made.dialed_number, len(made.required_skills)) == (3, "+994120000000", 1)


async def test_who_chose_a_language_is_greeted_in_it_when_they_are_called_back(
    house: Any, offering: pb.Definition
) -> None:
    words_of = pb.Utterance(text={"en": "For your language.", "az": "Azərbaycan dili üçün 1.", "fa": "برای فارسی ۲."})
    choices = [pb.LanguageChoice(digit="1", language="az"), pb.LanguageChoice(digit="2", language="fa")]
    ask = pb.ChooseLanguage(utterance=words_of, choices=choices, next="offer")
    offering.steps.add(step_id="ask", choose_language=ask)
    offering.start = "ask"
    asked = await begun(house, offering)
    await house.advance(await house.advance(asked, "DIGITS", "2"), "DIGITS", "1")
    (made,) = house.routing.callbacks.values()
    house.routing.told = dict(made.attributes)
    waits = {"queue_id": house.routing.queue_id, "waiting_contact_id": house.fresh("con")}
    greeted = await house.hand_on(house.fresh("call"), **waits)
    assert greeted.play.audio[0].language == "fa", "the brand speaks Turkish"
    house.routing.told = {"language": "Klingon"}
    assert (await house.hand_on(house.fresh("call"), **waits)).play.audio[0].language == "tr"


async def test_caller_who_asked_before_hears_so(house: Any, offering: pb.Definition) -> None:
    house.routing.called_before = True
    end = await house.advance(await begun(house, offering), "DIGITS", "1")
    assert end.hang_up.audio[0].text == words("known", "en")[0]


@pytest.mark.parametrize("why", ["not offered", "away"])
async def test_caller_goes_on_when_nothing_is_offered(house: Any, offering: pb.Definition, why: str) -> None:
    flow = await house.publish(offering)
    house.routing.offered, house.routing.away = why != "not offered", why == "away"
    end = await house.start(flow.flow_id, house.fresh("call"), caller_number=OWN)
    assert end.hang_up.audio[0].text == "Goodbye."


async def test_callback_is_asked_for_again_once_routing_is_back(house: Any, offering: pb.Definition) -> None:
    gather = await begun(house, offering)
    house.routing.away = True
    with pytest.raises(Unavailable):
        await house.advance(gather, "DIGITS", "1")
    house.routing.away = False
    assert (await house.advance(gather, "DIGITS", "1")).hang_up.audio[0].text == words("made", "en")[0]
    assert len(house.routing.callbacks) == 1


async def test_step_comes_back_as_it_was_saved(house: Any, offering: pb.Definition) -> None:
    flow = await house.publish(offering)
    assert flow.draft.steps[0] == offering.steps[0]


async def test_who_waited_and_declines_is_led_back_as_the_one_who_waited(house: Any) -> None:
    queue_id = house.routing.queue_id
    flow = await house.publish(
        flow_of(
            pb.Step(step_id="line", queue=pb.Queue(queue_id=queue_id, timed_out="offer")),
            pb.Step(
                step_id="offer", callback_offer=pb.CallbackOffer(queue_id=queue_id, always=True, declined="line")
            ),
        )
    )  # fmt: skip
    waits = await house.start(flow.flow_id, house.fresh("call"), caller_number=OWN)
    house.routing.state = contact_pb2.CONTACT_STATE_ENDED
    asked = await house.advance(waits, "QUEUE_TICK")
    await house.advance(asked, "DIGITS", "9")
    first, again = house.routing.contacts.values()
    assert (first.previous_contact_id, again.previous_contact_id) == ("", first.contact_id)
