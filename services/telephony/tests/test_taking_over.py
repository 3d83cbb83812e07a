"""Whose place a supervisor takes in a call with several agents."""

from __future__ import annotations

import pytest
from merkez.telephony.v1 import call_pb2
from telephony.domain import consults, parties, supervision, transfers
from telephony.domain.conversation import Conversation
from telephony.domain.legs import LegState, Party, SupervisionMode

from .scene import ANN_HZ, BEN_HZ, CUSTOMER_HZ, EVE_HZ, Scene, scene
from .test_parties import ANN, BEN, EVE, NOW, a_leg, agent_leg, asked, ears, outside, refused, watcher

__all__ = ["scene"]
EVES_PLACE = a_leg("eve2", Party.AGENT, agent_id=EVE.user_id, contact_id="con_eve")


def with_both() -> Conversation:
    """Ann, who leads the call, and Ben talk with the customer."""
    return consults.join(asked(agent_leg(BEN)), ANN, NOW).after


def test_a_supervisor_takes_the_place_of_the_agent_they_are_with_and_the_call_stays_its_leaders() -> None:
    watched = supervision.supervise(with_both(), watcher(SupervisionMode.LISTEN, BEN), NOW).after
    outcome = transfers.taken_over(watched, EVES_PLACE, NOW)
    assert [left.leg.agent_id for left in outcome.left] == [BEN.user_id]
    assert ears(outcome.after).keys() == {"customer", "ann", "eve2"}
    assert (outcome.after.call.agent_id, outcome.after.call.contact_id) == (ANN.user_id, "con_ann")


def test_whose_place_is_taken_can_be_named_and_must_be_somebodys_who_talks() -> None:
    talk = with_both()
    assert [left.leg.agent_id for left in transfers.taken_over(talk, EVES_PLACE, NOW, BEN.user_id).left] == [
        BEN.user_id
    ]
    assert [left.leg.agent_id for left in transfers.taken_over(talk, EVES_PLACE, NOW).left] == [ANN.user_id]
    assert refused(lambda: transfers.taken_over(talk, EVES_PLACE, NOW, "usr_cem")) == "NOT_ON_CALL"


def test_who_takes_the_place_of_a_colleague_that_is_only_asked_is_only_asked_too() -> None:
    talk = transfers.taken_over(asked(agent_leg(BEN)), EVES_PLACE, NOW, BEN.user_id).after
    assert ears(talk) == {"customer": set(), "ann": {"eve2"}, "eve2": {"ann"}}
    assert ears(consults.complete(talk, ANN, NOW).after) == {"customer": {"eve2"}, "eve2": {"customer"}}


def test_what_is_said_in_a_consult_stays_between_the_two_when_the_asker_is_taken_over() -> None:
    together = consults.join(asked(outside("zoe")), ANN, NOW).after
    begun = consults.begin_consult(together, ANN, agent_leg(BEN, state=LegState.RINGING), NOW).after
    talk = transfers.taken_over(parties.answered(begun, "ben", NOW).after, EVES_PLACE, NOW).after
    assert ears(talk) == {"customer": set(), "eve2": {"ben"}, "ben": {"eve2"}, "zoe": set()}


@pytest.mark.media
async def test_an_agent_who_is_taken_over_in_a_conference_is_the_one_the_supervisor_chose(scene: Scene) -> None:
    ben, ben_id = await scene.agent(BEN_HZ)
    eve, eve_id = await scene.agent(EVE_HZ)
    await scene.consult(ben_id)
    await scene.do("JoinCall")
    listen = call_pb2.SUPERVISION_MODE_LISTEN
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=listen, agent_id=ben_id)
    call = await scene.do("TakeOverCall", eve_id, role="supervisor")
    assert call.agent_id == scene.ann_id
    await scene.customer.hears_all(ANN_HZ, EVE_HZ)
    await eve.hears_all(ANN_HZ, CUSTOMER_HZ)
    await ben.hears_nothing()
    changed = [fact for fact in await scene.exchange.told() if fact.DESCRIPTOR.name == "SupervisionChanged"]
    assert [fact.agent_id for fact in changed if fact.took_over] == [ben_id]
