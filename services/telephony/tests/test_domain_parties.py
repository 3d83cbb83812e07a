"""Rules of who is asked and held, where one person could be two parties."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from kernel.errors import DomainError
from telephony.domain import consults, parties, transfers
from telephony.domain.calls import CallState, Trigger
from telephony.domain.conversation import Conversation, LeftReason, Outcome
from telephony.domain.legs import LegState, SupervisionMode

from .test_parties import ANN, BEN, EVE, agent_leg, asked, ears, outside, talking, watcher

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("mode", list(SupervisionMode))
def test_who_listens_in_secret_is_asked_as_anybody_else_and_listens_no_more_once_they_answer(mode) -> None:
    ringing = agent_leg(EVE, state=LegState.RINGING)
    eve = dataclasses.replace(ringing, leg_id="eve asked")
    begun = consults.begin_consult(talking(watcher(mode)), ANN, eve, NOW).after
    assert begun.consulted == dataclasses.replace(eve, consulted=True, invited_by="ann")
    assert begun.leg("eve").mode is mode, "until they answer"
    answered = parties.answered(begun, "eve asked", NOW).after
    assert [leg.leg_id for leg in answered.live_legs if leg.agent_id == EVE.user_id] == ["eve asked"]
    assert ears(answered) == {"customer": set(), "ann": {"eve asked"}, "eve asked": {"ann"}}
    with pytest.raises(DomainError) as caught:
        consults.begin_consult(talking(agent_leg(BEN)), ANN, agent_leg(BEN, state=LegState.RINGING), NOW)
    assert caught.value.reason == "ON_CALL_ALREADY"


def test_an_agent_who_holds_their_own_leg_in_a_call_of_two_holds_the_customer_and_takes_them_back_by_it() -> None:
    held = parties.hold(talking(), "ann", NOW).after
    assert held.call.state is CallState.HELD
    assert [leg.leg_id for leg in held.live_legs if leg.held] == ["customer"]
    later = NOW + 9 * SECOND
    back = parties.resume(held, "ann", later).after
    assert (back.call.state, back.call.hold) == (CallState.TALKING, 9 * SECOND)
    assert ears(back) == {"customer": {"ann"}, "ann": {"customer"}}
    with pytest.raises(DomainError) as caught:
        parties.hold(held, "", NOW)
    assert caught.value.reason == "LEG_ON_HOLD"


def test_in_a_conference_an_agents_own_leg_is_held_until_the_customer_would_hear_nobody() -> None:
    one = parties.hold(talking(agent_leg(BEN)), "ann", NOW).after
    assert (one.call.state, ears(one)["customer"]) == (CallState.TALKING, {"ben"})
    both = parties.hold(one, "ben", NOW).after
    assert both.call.state is CallState.HELD and both.customer.held and not both.leg("ben").held


def test_an_agent_who_holds_their_phone_in_a_conference_is_out_of_it_and_the_others_talk_on() -> None:
    both = talking(agent_leg(BEN))
    held = parties.phone_hold(both, both.leg("ben"), True, NOW).after
    assert (held.call.state, ears(held)) == (
        CallState.TALKING,
        {"customer": {"ann"}, "ann": {"customer"}, "ben": set()},
    )
    back = parties.phone_hold(held, held.leg("ben"), False, NOW).after
    assert ears(back) == ears(both) and not any(leg.held for leg in back.live_legs)
    gone = parties.gone(held, "ben", NOW).after
    assert not any(leg.held for leg in gone.live_legs)
    asking = consults.begin_consult(held, BEN, agent_leg(EVE, state=LegState.RINGING), NOW).after
    assert not asking.leg("ben").held, "who asks is back, to ask"


def test_a_phones_key_takes_back_whom_the_desk_held_and_holds_nobody_twice() -> None:
    held = parties.hold(talking(), "", NOW).after
    with pytest.raises(DomainError) as caught:
        parties.phone_hold(held, held.leg("ann"), True, NOW)
    assert caught.value.reason == "LEG_ON_HOLD"
    assert parties.phone_hold(held, held.leg("ann"), False, NOW).after.call.state is CallState.TALKING


@pytest.mark.parametrize("way", ["sent on", "parked", "transferred", "to a number", "left"])
def test_a_customer_whom_an_agent_muted_is_heard_by_whoever_has_them_next(way: str) -> None:
    def muted(talk: Conversation) -> Conversation:
        return parties.mute(talk, "customer", ANN, True).after

    goes: dict[str, Callable[[], Outcome]] = {
        "sent on": lambda: transfers.sent_on(muted(talking()), ANN, Trigger.SEND_ON, NOW),
        "parked": lambda: transfers.parked(muted(talking()), "701", NOW),
        "transferred": lambda: consults.complete(muted(asked(agent_leg(BEN))), ANN, NOW),
        "to a number": lambda: consults.complete(muted(asked(outside("guest"))), ANN, NOW),
        "left": lambda: parties.leave(muted(talking(outside("guest", muted=True))), ANN, NOW),
    }
    after = goes[way]().after
    assert not any(leg.muted for leg in after.live_legs), "nobody is there who knows that they are"


def test_who_muted_themselves_stays_so_and_a_colleague_who_stays_may_unmute_a_customer() -> None:
    silent = parties.mute(asked(agent_leg(BEN)), "ben", BEN, True).after
    after = parties.gone(silent, "ann", NOW).after
    assert after.leg("ben").muted and not after.leg("ben").consulted
    stays = parties.leave(parties.mute(talking(agent_leg(BEN)), "customer", ANN, True).after, ANN, NOW).after
    assert stays.customer.muted
    assert not parties.mute(stays, "customer", BEN, False).after.customer.muted


@pytest.mark.parametrize(("mode", "since"), [("LISTEN", "LISTEN"), ("WHISPER", "LISTEN"), ("BARGE", "BARGE")])
def test_who_supervises_an_agent_who_has_left_is_with_who_leads_the_call_next(mode: str, since: str) -> None:
    def eve(talk: Conversation) -> tuple[str, SupervisionMode | None]:
        return talk.leg("eve").supervised_agent_id, talk.leg("eve").mode

    both = talking(agent_leg(BEN), watcher(SupervisionMode(mode)))
    with_ben = BEN.user_id, SupervisionMode(since)
    assert eve(parties.leave(both, ANN, NOW).after) == with_ben
    assert eve(parties.leave(both, BEN, NOW).after) == (ANN.user_id, SupervisionMode(mode))
    ringing = consults.begin_consult(
        talking(watcher(SupervisionMode(mode))), ANN, agent_leg(BEN, state=LegState.RINGING), NOW
    ).after
    gone = parties.gone(ringing, "ann", NOW).after
    assert eve(parties.answered(gone, "ben", NOW).after) == with_ben


def test_an_agent_of_a_conference_leaves_while_a_colleague_consults_and_the_one_who_consults_does_not() -> None:
    both = talking(agent_leg(BEN))
    asking = consults.begin_consult(both, ANN, outside("zoe", state=LegState.RINGING), NOW).after
    for talk in (asking, parties.answered(asking, "zoe", NOW).after):
        outcome = parties.leave(talk, BEN, NOW)
        assert [(left.leg.leg_id, left.reason) for left in outcome.left] == [("ben", LeftReason.LEFT)]
        assert outcome.after.consulted == talk.consulted and outcome.after.customer.held
        assert (outcome.after.call.agent_id, outcome.after.call.state) == (ANN.user_id, CallState.HELD)
        with pytest.raises(DomainError) as caught:
            parties.leave(talk, ANN, NOW)
        assert caught.value.reason == "CONSULT_UNDER_WAY"
    with pytest.raises(DomainError) as caught:
        parties.leave(parties.gone(asking, "ann", NOW).after, BEN, NOW)
    assert caught.value.reason == "CONSULT_UNDER_WAY", "nobody would be with who is asked"
