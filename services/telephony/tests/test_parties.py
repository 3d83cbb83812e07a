"""Rules of who is in a call, who hears whom, and who may do what. Names of legs say whose they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import DomainError
from telephony.domain import consults, conversation, legs, parties, supervision, transfers
from telephony.domain.calls import Actor, Call, CallState, Trigger
from telephony.domain.conversation import Conversation, LeftReason, Outcome
from telephony.domain.hearing import Ear, Sound, hearing, recorded
from telephony.domain.legs import Leg, LegState, Party, SupervisionMode

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ANN, BEN, EVE = Actor("agent", "usr_ann"), Actor("agent", "usr_ben"), Actor("supervisor", "usr_eve")


def a_leg(leg_id: str, party: str, **fields: Any) -> Leg:
    return Leg(leg_id, "call_1", party, fields.pop("state", LegState.CONNECTED), **fields)


def agent_leg(actor: Actor, **fields: Any) -> Leg:
    name = actor.user_id.removeprefix("usr_")
    return a_leg(name, Party.AGENT, agent_id=actor.user_id, contact_id=f"con_{name}", **fields)


def outside(name: str, **fields: Any) -> Leg:
    return a_leg(name, Party.PARTICIPANT, address="+15550199", **fields)


def watcher(mode: SupervisionMode, agent: Actor = ANN) -> Leg:
    return a_leg("eve", Party.SUPERVISOR, agent_id=EVE.user_id, mode=mode, supervised_agent_id=agent.user_id)


def talking(*more: Leg, state: CallState = CallState.TALKING) -> Conversation:
    """Ann talks with the customer, and these."""
    call = Call(
        call_id="call_1", state=state, brand_id="brd_1", brand_name="Nova", language="en", flow_id="flw_1",
        dialed_number="+15550100", node_id="n", start_time=NOW, state_time=NOW, answer_time=NOW,
        agent_id=ANN.user_id, contact_id="con_ann",
    )  # fmt: skip
    return Conversation(call, (a_leg("customer", Party.CUSTOMER), agent_leg(ANN), *more))


def ears(talk: Conversation) -> dict[str, set[str]]:
    """Leg -> whom it hears."""
    return {leg_id: set(ear.hears) for leg_id, ear in hearing(talk.call, talk.legs).items()}


def sound(talk: Conversation, leg_id: str) -> Sound:
    return hearing(talk.call, talk.legs)[leg_id].sound


def asked(leg: Leg) -> Conversation:
    """Ann consults this leg, which has answered."""
    ringing = dataclasses.replace(leg, state=LegState.RINGING)
    begun = consults.begin_consult(talking(), ANN, ringing, NOW).after
    return parties.answered(begun, leg.leg_id, NOW).after


# -- who hears whom --------------------------------------------------------------------------------------------


def test_customer_and_agent_hear_each_other() -> None:
    assert ears(talking()) == {"customer": {"ann"}, "ann": {"customer"}}


def test_a_customer_on_hold_hears_music_and_the_agent_silence() -> None:
    held = parties.hold(talking(), "", NOW).after
    assert held.call.state is CallState.HELD
    assert ears(held) == {"customer": set(), "ann": set()}
    assert (sound(held, "customer"), sound(held, "ann")) == (Sound.MUSIC, Sound.SILENCE)


def test_a_consult_is_between_the_agent_and_the_party_asked_while_the_customer_hears_music() -> None:
    talk = asked(agent_leg(BEN))
    assert ears(talk) == {"customer": set(), "ann": {"ben"}, "ben": {"ann"}}
    assert sound(talk, "customer") is Sound.MUSIC


def test_what_is_said_in_a_consult_is_not_heard_by_a_number_that_is_in_the_call_already() -> None:
    together = consults.join(asked(outside("zoe")), ANN, NOW).after
    begun = consults.begin_consult(together, ANN, agent_leg(BEN, state=LegState.RINGING), NOW).after
    talk = parties.answered(begun, "ben", NOW).after
    assert ears(talk) == {"customer": set(), "ann": {"ben"}, "ben": {"ann"}, "zoe": set()}
    assert sound(talk, "zoe") is Sound.MUSIC
    swapped = consults.swap(talk, ANN, NOW).after
    assert ears(swapped) == {
        "customer": {"ann", "zoe"},
        "ann": {"customer", "zoe"},
        "zoe": {"customer", "ann"},
        "ben": set(),
    }
    everybody = ears(consults.join(talk, ANN, NOW).after)
    assert all(everybody[leg] == everybody.keys() - {leg} for leg in everybody)


def test_whoever_consults_a_number_hears_how_it_is_rung_and_the_customer_does_not() -> None:
    ringing = consults.begin_consult(talking(), ANN, outside("zoe", state=LegState.RINGING), NOW).after
    assert ears(ringing) == {"customer": set(), "ann": {"zoe"}}
    assert (sound(ringing, "ann"), sound(ringing, "customer")) == (Sound.RINGBACK, Sound.MUSIC)


def test_swap_brings_the_customer_back_and_puts_the_party_asked_on_hold_and_again_exchanges_them() -> None:
    swapped = consults.swap(asked(agent_leg(BEN)), ANN, NOW).after
    assert ears(swapped) == {"customer": {"ann"}, "ann": {"customer"}, "ben": set()}
    assert swapped.call.state is CallState.TALKING and sound(swapped, "ben") is Sound.MUSIC
    assert ears(consults.swap(swapped, ANN, NOW).after) == ears(asked(agent_leg(BEN)))


def test_whoever_is_taken_back_in_a_consult_takes_the_others_place_and_only_joining_brings_all_together() -> None:
    consulting = asked(agent_leg(BEN))
    swapped = parties.resume(consulting, "", NOW).after
    assert ears(swapped) == ears(consults.swap(consulting, ANN, NOW).after)
    assert ears(parties.resume(swapped, "ben", NOW).after) == ears(consulting)
    nobody = parties.hold(consulting, "ben", NOW).after
    assert ears(parties.resume(nobody, "", NOW).after) == ears(swapped)
    joined = parties.hold(consults.join(consulting, ANN, NOW).after, "", NOW).after
    assert ears(parties.resume(joined, "", NOW).after)["customer"] == {"ann", "ben"}


def test_whoever_is_asked_and_answers_while_the_agent_has_the_customer_back_waits_and_hears_nothing_of_them() -> None:
    ringing = consults.begin_consult(talking(), ANN, outside("zoe", state=LegState.RINGING), NOW).after
    back = parties.resume(ringing, "", NOW).after
    assert ears(back)["customer"] == {"ann"}
    answered = parties.answered(back, "zoe", NOW).after
    assert ears(answered) == {"customer": {"ann"}, "ann": {"customer"}, "zoe": set()}
    assert sound(answered, "zoe") is Sound.MUSIC
    assert ears(consults.swap(answered, ANN, NOW).after) == ears(asked(outside("zoe")))


def test_joined_everybody_hears_everybody_else() -> None:
    talk = consults.join(asked(outside("zoe")), ANN, NOW).after
    assert ears(talk) == {"customer": {"ann", "zoe"}, "ann": {"customer", "zoe"}, "zoe": {"customer", "ann"}}


def test_eight_parties_confer_and_one_of_them_can_be_put_on_hold_alone() -> None:
    others = [outside(f"guest{n}") for n in range(6)]
    talk = talking(*others)
    assert all(len(heard) == 7 for heard in ears(talk).values()) and len(ears(talk)) == 8
    held = parties.hold(talk, "guest3", NOW).after
    assert held.call.state is CallState.TALKING
    assert ears(held)["guest3"] == set() and sound(held, "guest3") is Sound.MUSIC
    assert all("guest3" not in heard for heard in ears(held).values())


@pytest.mark.parametrize(
    ("mode", "customer", "agent"),
    [
        (SupervisionMode.LISTEN, {"ann"}, {"customer"}),
        (SupervisionMode.WHISPER, {"ann"}, {"customer", "eve"}),
        (SupervisionMode.BARGE, {"ann", "eve"}, {"customer", "eve"}),
    ],
)
def test_a_supervisor_hears_all_and_is_heard_as_their_mode_says(mode, customer, agent) -> None:
    assert ears(talking(watcher(mode))) == {"customer": customer, "ann": agent, "eve": {"customer", "ann"}}


def test_a_whisper_is_for_the_agent_it_is_meant_for_and_for_no_colleague() -> None:
    talk = talking(agent_leg(BEN), watcher(SupervisionMode.WHISPER, ANN))
    assert "eve" in ears(talk)["ann"] and "eve" not in ears(talk)["ben"]


def test_a_parked_customer_hears_music_and_nobody_else_is_there() -> None:
    outcome = transfers.parked(talking(watcher(SupervisionMode.LISTEN)), "701", NOW)
    assert hearing(outcome.after.call, outcome.after.legs) == {"customer": Ear(sound=Sound.MUSIC)}
    assert [(left.leg.agent_id, left.reason) for left in outcome.left] == [("usr_ann", LeftReason.PARKED)]


def test_what_flows_plays_is_not_for_the_conversation_to_arrange() -> None:
    sent = transfers.sent_on(talking(), ANN, Trigger.SEND_ON, NOW).after
    assert hearing(sent.call, sent.legs) == {} and sent.call.state is CallState.IN_FLOW


def test_recorded_is_what_the_customer_says_and_hears() -> None:
    consulting = asked(agent_leg(BEN))
    swapped, joined = consults.swap(consulting, ANN, NOW).after, consults.join(consulting, ANN, NOW).after
    ringing = talking(outside("zoe", state=LegState.RINGING))
    alone = Conversation(ringing.call, tuple(leg for leg in ringing.legs if leg.leg_id != "ann"))
    for talk, wanted in (
        (talking(), {"customer", "ann"}),
        (parties.hold(talking(), "", NOW).after, set()),
        (consulting, set()),
        (swapped, {"customer", "ann"}),
        (joined, {"customer", "ann", "ben"}),
        (parties.hold(joined, "ben", NOW).after, {"customer", "ann"}),
        (ringing, {"customer", "ann"}),
        (alone, {"customer"}),
        (talking(watcher(SupervisionMode.LISTEN)), {"customer", "ann"}),
        (talking(watcher(SupervisionMode.WHISPER)), {"customer", "ann"}),
        (talking(watcher(SupervisionMode.BARGE)), {"customer", "ann", "eve"}),
        (transfers.sent_on(talking(), ANN, Trigger.SEND_ON, NOW).after, set()),
    ):
        assert recorded(talk.call, talk.legs) == wanted


# -- who may do what -------------------------------------------------------------------------------------------


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(DomainError) as caught:
        act()
    return caught.value.reason


def test_each_verb_in_a_wrong_state_says_what_is_wrong() -> None:
    plain, consulting = talking(), asked(agent_leg(BEN))
    ringing = consults.begin_consult(plain, ANN, agent_leg(BEN, state=LegState.RINGING), NOW).after
    over = dataclasses.replace(plain, call=dataclasses.replace(plain.call, state=CallState.ENDED))
    queued = talking(state=CallState.QUEUED)
    leg = outside("zoe")
    assert refused(lambda: parties.hold(parties.hold(plain, "", NOW).after, "", NOW)) == "LEG_ON_HOLD"
    assert refused(lambda: parties.hold(plain, "nobody", NOW)) == "LEG_NOT_FOUND"
    assert refused(lambda: parties.hold(parties.hold(talking(leg), "zoe", NOW).after, "zoe", NOW)) == "LEG_ON_HOLD"
    assert refused(lambda: parties.resume(plain, "", NOW)) == "CALL_NOT_HELD"
    assert refused(lambda: parties.drop(plain, "customer", NOW)) == "LEG_IS_CUSTOMER"
    assert refused(lambda: parties.drop(plain, "ann", NOW)) == "NOBODY_LEFT"
    assert refused(lambda: parties.leave(plain, ANN, NOW)) == "NOBODY_LEFT"
    assert refused(lambda: parties.leave(plain, BEN, NOW)) == "NOT_ON_CALL"
    assert refused(lambda: parties.leave(consulting, ANN, NOW)) == "CONSULT_UNDER_WAY"
    assert refused(lambda: consults.begin_consult(consulting, ANN, leg, NOW)) == "CONSULT_UNDER_WAY"
    assert refused(lambda: consults.begin_consult(plain, BEN, leg, NOW)) == "NOT_ON_CALL"
    assert refused(lambda: consults.begin_consult(plain, ANN, agent_leg(ANN), NOW)) == "ON_CALL_ALREADY"
    for verb in (consults.swap, consults.join, consults.complete):
        assert refused(lambda verb=verb: verb(plain, ANN, NOW)) == "NO_CONSULT"
        assert refused(lambda verb=verb: verb(ringing, ANN, NOW)) == "CONSULT_NOT_ANSWERED"
        assert refused(lambda verb=verb: verb(consulting, BEN, NOW)) == "NO_CONSULT"
        assert refused(lambda verb=verb: verb(over, ANN, NOW)) == "CALL_ENDED"
    assert refused(lambda: consults.cancel_consult(plain, ANN, NOW)) == "NO_CONSULT"
    assert refused(lambda: transfers.sent_on(consulting, ANN, Trigger.SEND_ON, NOW)) == "CONSULT_UNDER_WAY"
    assert refused(lambda: transfers.parked(queued, "701", NOW)) == "CALL_NOT_TALKING"
    assert refused(lambda: supervision.supervise(queued, watcher(SupervisionMode.LISTEN), NOW)) == "CALL_NOT_TALKING"
    assert refused(lambda: supervision.supervise(plain, watcher(SupervisionMode.LISTEN, BEN), NOW)) == "NOT_ON_CALL"
    assert refused(lambda: conversation.may_control(plain, BEN)) == "CALL_OF_OTHER_AGENT"
    assert refused(lambda: conversation.may_control(ringing, BEN)) == "CALL_OF_OTHER_AGENT"
    for verb in (parties.hold, parties.resume):
        assert refused(lambda verb=verb: verb(over, "", NOW)) == "CALL_ENDED"


def test_agents_control_the_calls_they_take_part_in_and_supervisors_any() -> None:
    for actor in (ANN, EVE, Actor("owner", "usr_owner")):
        conversation.may_control(talking(), actor)
    joined = consults.join(asked(agent_leg(BEN)), ANN, NOW).after
    conversation.may_control(joined, BEN)


def test_an_agent_hears_that_a_call_they_were_in_is_over_or_waits_for_nobody_in_particular() -> None:
    together = consults.join(asked(agent_leg(BEN)), ANN, NOW).after
    call = dataclasses.replace(together.call, state=CallState.ENDED)
    over = Conversation(call, tuple(legs.ended(leg, NOW) for leg in together.legs))
    conversation.may_control(over, BEN)
    assert refused(lambda: conversation.may_control(over, Actor("agent", "usr_zed"))) == "CALL_OF_OTHER_AGENT"
    parked = transfers.parked(talking(), "701", NOW).after
    assert refused(lambda: conversation.may_control(parked, ANN)) == "NOT_ON_CALL"


def test_who_is_only_asked_decides_on_their_own_part_and_not_on_the_customers_call() -> None:
    consulting = asked(agent_leg(BEN))
    ben, customer = consulting.of_agent(BEN.user_id), consulting.customer
    assert ben is not None
    assert refused(lambda: conversation.may_control(consulting, BEN)) == "CALL_OF_OTHER_AGENT"
    assert refused(lambda: parties.mute(consulting, customer.leg_id, BEN, True)) == "CALL_OF_OTHER_AGENT"
    for leg_id in ("", ben.leg_id):
        muted = parties.mute(consulting, leg_id, BEN, True).after.of_agent(BEN.user_id)
        assert muted is not None and muted.muted
    conversation.may_control(consulting, BEN, own_part=True)
    left = parties.leave(consulting, BEN, NOW)
    assert left.after.call.agent_id == ANN.user_id and left.after.customer.live


def test_a_call_takes_sixteen_parties_and_no_more() -> None:
    full = talking(*(outside(f"guest{n}") for n in range(14)))
    assert refused(lambda: parties.add(full, outside("late"))) == "PARTY_LIMIT_REACHED"


# -- handing on ------------------------------------------------------------------------------------------------


def test_a_completed_transfer_leaves_the_customer_with_the_colleague_who_leads_the_call_from_then_on() -> None:
    outcome = consults.complete(asked(agent_leg(BEN)), ANN, NOW)
    assert ears(outcome.after) == {"customer": {"ben"}, "ben": {"customer"}}
    assert (outcome.after.call.agent_id, outcome.after.call.contact_id) == ("usr_ben", "con_ben")
    assert [(left.leg.contact_id, left.reason) for left in outcome.left] == [("con_ann", LeftReason.TRANSFERRED)]


def test_a_cancelled_consult_brings_the_customer_back_and_the_colleague_into_wrap_up() -> None:
    outcome = consults.cancel_consult(asked(agent_leg(BEN)), ANN, NOW)
    assert ears(outcome.after) == {"customer": {"ann"}, "ann": {"customer"}}
    assert [(left.leg.agent_id, left.reason) for left in outcome.left] == [("usr_ben", LeftReason.CONSULT_OVER)]
    ringing = consults.begin_consult(talking(), ANN, agent_leg(BEN, state=LegState.RINGING), NOW).after
    assert consults.cancel_consult(ringing, ANN, NOW).left == ()


def test_whoever_leaves_a_conference_leaves_the_others_talking_and_a_customer_on_hold_is_taken_back() -> None:
    talk = parties.hold(consults.join(asked(outside("zoe")), ANN, NOW).after, "", NOW).after
    outcome = parties.leave(talk, ANN, NOW)
    assert ears(outcome.after) == {"customer": {"zoe"}, "zoe": {"customer"}}
    assert outcome.after.call.agent_id == "" and outcome.after.call.state is CallState.TALKING


def test_a_supervisor_who_takes_over_has_the_agents_place_and_the_agent_is_out() -> None:
    talk = talking(watcher(SupervisionMode.WHISPER))
    outcome = transfers.taken_over(talk, a_leg("eve2", Party.AGENT, agent_id=EVE.user_id, contact_id="con_eve"), NOW)
    assert ears(outcome.after) == {"customer": {"eve2"}, "eve2": {"customer"}}
    assert outcome.after.call.agent_id == EVE.user_id and outcome.after.call.contact_id == "con_eve"
    assert [left.reason for left in outcome.left] == [LeftReason.TAKEN_OVER]


def test_supervisors_do_not_stay_with_a_customer_whose_agents_have_left() -> None:
    talk = talking(outside("zoe"), watcher(SupervisionMode.BARGE))
    assert ears(parties.leave(talk, ANN, NOW).after) == {"customer": {"zoe"}, "zoe": {"customer"}}


def test_a_colleague_who_was_asked_leads_the_call_when_whoever_asked_is_gone() -> None:
    outcome = parties.gone(asked(agent_leg(BEN)), "ann", NOW)
    assert ears(outcome.after) == {"customer": {"ben"}, "ben": {"customer"}}
    assert (outcome.after.call.agent_id, outcome.after.call.state) == ("usr_ben", CallState.TALKING)
    assert outcome.after.consulted is None
    assert refused(lambda: parties.leave(outcome.after, BEN, NOW)) == "NOBODY_LEFT"
    assert transfers.sent_on(outcome.after, BEN, Trigger.SEND_ON, NOW).after.call.state is CallState.IN_FLOW


def test_a_number_that_was_asked_talks_with_the_customer_when_whoever_asked_is_gone() -> None:
    for talk in (asked(outside("zoe")), consults.swap(asked(outside("zoe")), ANN, NOW).after):
        outcome = parties.drop(talk, "ann", NOW)
        assert ears(outcome.after) == {"customer": {"zoe"}, "zoe": {"customer"}}
        assert outcome.after.call.state is CallState.TALKING


def test_a_colleague_who_is_still_rung_for_somebody_who_is_gone_gets_the_customer_with_the_answer() -> None:
    ringing = consults.begin_consult(talking(), ANN, agent_leg(BEN, state=LegState.RINGING), NOW).after
    alone = parties.gone(ringing, "ann", NOW).after
    assert ears(alone) == {"customer": set()} and sound(alone, "customer") is Sound.MUSIC
    answered = parties.answered(alone, "ben", NOW).after
    assert ears(answered) == {"customer": {"ben"}, "ben": {"customer"}}
    assert (answered.call.agent_id, answered.call.contact_id) == ("usr_ben", "con_ben")


def test_whoever_takes_a_call_over_in_the_middle_of_a_consult_has_the_consult_too() -> None:
    supervisor = a_leg("eve2", Party.AGENT, agent_id=EVE.user_id, contact_id="con_eve")
    talk = transfers.taken_over(asked(agent_leg(BEN)), supervisor, NOW).after
    assert ears(talk) == {"customer": set(), "eve2": {"ben"}, "ben": {"eve2"}}
    completed = consults.complete(talk, Actor("supervisor", EVE.user_id), NOW).after
    assert ears(completed) == {"customer": {"ben"}, "ben": {"customer"}}


def test_talk_and_hold_add_up_over_holds_and_a_second_wait() -> None:
    talk = talking()
    talk = parties.hold(talk, "", NOW + 10 * SECOND).after
    talk = parties.resume(talk, "", NOW + 15 * SECOND).after
    talk = transfers.sent_on(talk, ANN, Trigger.SEND_ON, NOW + 20 * SECOND).after
    assert (talk.call.talk, talk.call.hold) == (20 * SECOND, 5 * SECOND)


# -- whatever is done ------------------------------------------------------------------------------------------


VERBS: dict[str, Callable[[Conversation, datetime, int], Outcome]] = {
    "hold": lambda talk, now, n: parties.hold(talk, _some(talk, n), now),
    "resume": lambda talk, now, n: parties.resume(talk, _some(talk, n), now),
    "mute": lambda talk, now, n: parties.mute(talk, _some(talk, n), ANN, n % 2 == 0),
    "drop": lambda talk, now, n: parties.drop(talk, _some(talk, n), now),
    "leave": lambda talk, now, n: parties.leave(talk, (ANN, BEN)[n % 2], now),
    "consult": lambda talk, now, n: consults.begin_consult(
        talk, (ANN, BEN)[n % 2],
        _asked_for(n, len(talk.legs)),
        now,
    ),
    "answer": lambda talk, now, n: parties.answered(talk, _some(talk, n), now),
    "swap": lambda talk, now, n: consults.swap(talk, ANN, now),
    "join": lambda talk, now, n: consults.join(talk, ANN, now),
    "complete": lambda talk, now, n: consults.complete(talk, ANN, now),
    "cancel": lambda talk, now, n: consults.cancel_consult(talk, ANN, now),
    "supervise": lambda talk, now, n: supervision.supervise(talk, watcher(list(SupervisionMode)[n % 3]), now),
    "send on": lambda talk, now, n: transfers.sent_on(talk, ANN, Trigger.SEND_ON, now),
    "gone": lambda talk, now, n: parties.gone(talk, _some_other(talk, n), now),
    "take over": lambda talk, now, n: transfers.taken_over(
        talk, a_leg(f"eve{len(talk.legs)}", Party.AGENT, agent_id=EVE.user_id, contact_id="con_eve"), now
    ),
}  # fmt: skip


def _asked_for(n: int, count: int) -> Leg:
    ringing = LegState.RINGING
    return agent_leg(BEN, state=ringing) if n % 3 else outside(f"guest{count}", state=ringing)


def _some(talk: Conversation, n: int) -> str:
    live = talk.live_legs
    return live[n % len(live)].leg_id


def _some_other(talk: Conversation, n: int) -> str:
    """Anyone but the customer."""
    others = [leg.leg_id for leg in talk.live_legs if leg.party != Party.CUSTOMER]
    return others[n % len(others)] if others else "nobody"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(VERBS)), st.integers(0, 40)), max_size=25))
def test_whatever_is_done_nobody_hears_whom_they_should_not(acts) -> None:
    talk, now = talking(), NOW
    for name, number in acts:
        now += SECOND
        try:
            outcome = VERBS[name](talk, now, number)
        except DomainError:
            continue
        assert outcome.after.call.version > talk.call.version or outcome.after == talk
        talk = outcome.after
        _check(talk)
        for left in outcome.left:
            assert left.leg.contact_id and not left.leg.live
    assert talk.call.talk + talk.call.hold >= timedelta(0)


def _check(talk: Conversation) -> None:
    by_id = {leg.leg_id: leg for leg in talk.legs}
    for listener, ear in hearing(talk.call, talk.legs).items():
        assert by_id[listener].live and listener not in ear.hears
        for speaker in ear.hears:
            leg = by_id[speaker]
            assert leg.live and not leg.held
            if leg.party == Party.SUPERVISOR and by_id[listener].party != Party.SUPERVISOR:
                agent = by_id[listener].agent_id == leg.supervised_agent_id and by_id[listener].party == Party.AGENT
                assert leg.mode is SupervisionMode.BARGE or (leg.mode is SupervisionMode.WHISPER and agent)
    customers = [leg for leg in talk.live_legs if leg.party == Party.CUSTOMER]
    assert len(customers) == 1
    if talk.consulted is not None and talk.consulted.answered:
        askers = [leg for leg in talk.live_legs if leg.party == Party.AGENT and leg.answered and not leg.consulted]
        assert askers, "nobody is left to join or cancel the consult"
        heard = hearing(talk.call, talk.legs)[customers[0].leg_id].hears
        assert talk.consulted.leg_id not in heard, "what is asked isn't for the customer until they are joined"
    if talk.call.state in (CallState.TALKING, CallState.HELD):
        assert customers[0].held == (talk.call.state is CallState.HELD)
        if customers[0].held:
            assert hearing(talk.call, talk.legs)[customers[0].leg_id] == Ear(sound=Sound.MUSIC)
