"""When flows goes on with a customer after an agent, and what becomes of everybody else. Rules alone."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telephony.domain import after_agent, calls, cdrs, parties, transfers
from telephony.domain.call_rules import CallRules, ParkEnd
from telephony.domain.calls import Actor, Call, CallState, Contact, Direction, EndCause, EndParty, Served, Trigger
from telephony.domain.cdrs import Ending
from telephony.domain.conversation import Conversation, Left, LeftReason, Outcome
from telephony.domain.legs import Q850, Leg, LegState, Party, SupervisionMode

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ANN, BEN = Actor("agent", "usr_ann"), Actor("agent", "usr_ben")


def a_call(**fields) -> Call:
    given = {
        "call_id": "call_1", "state": CallState.TALKING, "brand_id": "brd_1", "brand_name": "Nova", "language": "en",
        "flow_id": "flw_1", "dialed_number": "+15550100", "node_id": "n", "start_time": NOW, "state_time": NOW,
        "agent_id": "usr_ann", "contact_id": "con_ann", "queue_id": "que_1", "answer_time": NOW, "run_id": "run_1",
        "kept_run_id": "run_1",
    }  # fmt: skip
    return Call(**(given | fields))


def a_leg(party: str, name: str = "", **fields) -> Leg:
    contact = f"con_{name}" if name and party == Party.AGENT else ""
    given: dict[str, Any] = {"state": LegState.CONNECTED, "join_time": NOW, "contact_id": contact, **fields}
    agent_id = f"usr_{name}" if name else ""
    return Leg(f"leg_{name or party}", "call_1", party, agent_id=agent_id, **given)


CUSTOMER = a_leg(Party.CUSTOMER)


def talk(*others: Leg, customer: Leg = CUSTOMER, **fields) -> Conversation:
    return Conversation(a_call(**fields), (customer, *(others or (a_leg(Party.AGENT, "ann"),))))


def handed_back(found: Conversation) -> Outcome:
    return after_agent.handed_back(Outcome(found), NOW + 60 * SECOND)


def test_the_customer_stays_and_the_agents_part_is_over() -> None:
    outcome = handed_back(talk())
    call, (customer, ann) = outcome.after.call, outcome.after.legs
    assert (call.state, call.agent_id, call.contact_id) == (CallState.IN_FLOW, "", "con_ann")
    assert (call.run_id, call.kept_run_id, call.resumed) == ("run_1", "", True)
    assert call.served == Served("run_1", "con_ann", "usr_ann") and call.talk == 60 * SECOND
    assert customer.live and not ann.live
    assert outcome.left == (Left(ann, LeftReason.HUNG_UP),)


def test_a_customer_whom_the_agent_muted_is_heard_by_the_flow() -> None:
    found = talk(customer=dataclasses.replace(CUSTOMER, muted=True, held=True), state=CallState.HELD)
    customer = handed_back(found).after.customer
    assert not customer.muted and not customer.held


@pytest.mark.parametrize(
    ("found", "goes_on"),
    [
        (talk(), True),
        (talk(state=CallState.HELD, customer=dataclasses.replace(CUSTOMER, held=True)), True),
        (talk(kept_run_id=""), False),
        (talk(customer=dataclasses.replace(CUSTOMER, state=LegState.MEDIA_LOST)), False),
        (talk(customer=dataclasses.replace(CUSTOMER, state=LegState.CONNECTING)), True),
        (talk(customer=dataclasses.replace(CUSTOMER, state=LegState.ENDED)), False),
        (talk(a_leg(Party.AGENT, "ann", state=LegState.RINGING, join_time=None)), False),
        *((talk(state=state), False) for state in CallState if state not in calls.TALK_STATES),
    ],
)
def test_a_flow_goes_on_with_a_customer_who_is_on_the_line_and_has_talked_with_an_agent(found, goes_on) -> None:
    assert after_agent.goes_on(found) is goes_on


@pytest.mark.parametrize(
    ("actor", "hands_back"),
    [(ANN, True), (BEN, True), (Actor("agent", "usr_asked"), False), (Actor("supervisor", "usr_sue"), False),
     (Actor("admin", "usr_boss"), False), (Actor("service"), False), (Actor("customer"), False)],
)  # fmt: skip
def test_who_talks_hands_the_customer_back_and_who_ends_anothers_call_ends_it(actor, hands_back) -> None:
    found = talk(
        a_leg(Party.AGENT, "ann"), a_leg(Party.AGENT, "ben"), a_leg(Party.AGENT, "asked", consulted=True),
        a_leg(Party.SUPERVISOR, "sue", mode=SupervisionMode.BARGE),
    )  # fmt: skip
    assert after_agent.hands_back(found, actor) is hands_back


def test_a_supervisor_who_took_over_is_the_agent_the_customer_is_asked_about() -> None:
    sue = a_leg(Party.AGENT, "sue")
    after = transfers.taken_over(talk(), sue, NOW + SECOND).after
    assert after_agent.hands_back(after, Actor("supervisor", "usr_sue"))
    assert handed_back(after).after.call.served == Served("run_1", "con_sue", "usr_sue")


def test_everybody_of_a_conference_leaves_and_nobody_listens_to_what_is_answered() -> None:
    found = talk(
        a_leg(Party.AGENT, "ann"), a_leg(Party.AGENT, "ben"), a_leg(Party.PARTICIPANT),
        a_leg(Party.SUPERVISOR, "sue", mode=SupervisionMode.LISTEN),
        a_leg(Party.AGENT, "cem", state=LegState.RINGING, join_time=None, consulted=True),
    )  # fmt: skip
    outcome = handed_back(found)
    assert [leg.party for leg in outcome.after.live_legs] == [Party.CUSTOMER]
    assert [(each.leg.agent_id, each.reason) for each in outcome.left] == [
        ("usr_ann", LeftReason.HUNG_UP), ("usr_ben", LeftReason.HUNG_UP),
    ], "who was only rung has no part in it"  # fmt: skip
    assert outcome.after.call.served == Served("run_1", "con_ann", "usr_ann")


def test_after_a_number_that_was_left_with_the_customer_the_last_agent_counts() -> None:
    number = a_leg(Party.PARTICIPANT)
    both = talk(a_leg(Party.AGENT, "ann"), a_leg(Party.AGENT, "ben"), number)
    one = parties.gone(both, "leg_ann", NOW + SECOND).after
    none = parties.gone(one, "leg_ben", NOW + 2 * SECOND).after
    assert none.call.agent_id == "" and after_agent.goes_on(none)
    alone = parties.gone(none, number.leg_id, NOW + 9 * SECOND)
    assert after_agent.handed_back(alone, NOW + 9 * SECOND).after.call.served == Served("run_1", "con_ben", "usr_ben")


@pytest.mark.parametrize(
    ("leg", "q850", "hung_up"),
    [
        (a_leg(Party.AGENT, "ann"), Q850.NORMAL, True),
        (a_leg(Party.AGENT, "ann"), Q850.TEMPORARY_FAILURE, False),
        (a_leg(Party.AGENT, "ben", state=LegState.RINGING), Q850.NO_ANSWER, True),
        (a_leg(Party.PARTICIPANT), Q850.TEMPORARY_FAILURE, True),
    ],
)
def test_a_telephone_that_failed_has_not_hung_up(leg, q850, hung_up) -> None:
    assert after_agent.hung_up(leg, q850) is hung_up


def test_a_call_that_waits_again_is_anothers_to_go_on_after() -> None:
    call = handed_back(talk()).after.call
    again = calls.queued(0, "con_2", "run_1", goes_on=True)(call, NOW + 90 * SECOND)
    assert again is not None and (again.kept_run_id, again.after_agent) == ("run_1", 30 * SECOND)
    talking = calls.answered(again, "usr_ben", Contact("con_2"), NOW + 100 * SECOND)
    found = Conversation(talking, (CUSTOMER, a_leg(Party.AGENT, "ben", contact_id="con_2")))
    after = handed_back(found).after.call
    assert after.served == Served("run_1", "con_2", "usr_ben") and after.after_agent == 30 * SECOND


def test_a_queue_step_without_that_exit_ends_what_an_earlier_one_of_the_same_run_had_said() -> None:
    call = a_call(state=CallState.IN_FLOW, agent_id="")
    without = calls.queued(0, "con_2", "run_1")(call, NOW)
    assert without is not None and without.kept_run_id == ""
    other = calls.queued(0, "con_2", "run_2")(call, NOW)
    assert other is not None and other.kept_run_id == "run_1", "the run of a queue or a colleague it was sent on to"
    replaced = calls.queued(0, "con_2", "run_2", goes_on=True)(call, NOW)
    assert replaced is not None and replaced.kept_run_id == "run_2"


def test_an_agent_who_was_faster_than_the_news_of_the_wait_hands_back_all_the_same() -> None:
    talking = a_call(kept_run_id="")
    known = calls.queued(0, "con_ann", "run_1", goes_on=True)(talking, NOW)
    assert known is not None and known.kept_run_id == "run_1" and known.state is CallState.TALKING
    assert calls.queued(0, "con_other", "run_1", goes_on=True)(talking, NOW) is None
    assert calls.queued(1, "con_ann", "run_1", goes_on=True)(talking, NOW) is None


def test_a_run_that_is_past_its_queue_goes_on_after_nobody() -> None:
    waiting = a_call(state=CallState.QUEUED, agent_id="")
    after = calls.went_on("run_1")(waiting, NOW)
    assert after is not None and (after.state, after.kept_run_id) == (CallState.IN_FLOW, "")
    other = calls.went_on("run_2")(waiting, NOW)
    assert other is not None and other.kept_run_id == "run_1"
    assert calls.went_on("run_1")(a_call(), NOW) is None, "an agent has them"


def test_hanging_up_again_is_not_meant_for_the_customer_unless_it_comes_later() -> None:
    after = handed_back(talk()).after
    at = NOW + 60 * SECOND
    assert after_agent.handed_back_just_now(after, ANN, at + SECOND)
    assert not after_agent.handed_back_just_now(after, ANN, at + 6 * SECOND)
    assert not after_agent.handed_back_just_now(after, Actor("supervisor", "usr_sue"), at + SECOND)
    assert not after_agent.handed_back_just_now(talk(), ANN, at)


@pytest.mark.parametrize(("kind", "kept"), [("agent", "run_1"), ("queue", ""), ("flow", "")])
def test_a_colleague_takes_the_flow_along_and_a_queue_or_another_flow_has_its_own(kind, kept) -> None:
    assert after_agent.kept_by(a_call(), kind) == kept


def test_a_call_that_comes_back_by_itself_keeps_what_follows_the_agent() -> None:
    back = transfers.sent_back(talk(state=CallState.DIALING, sent_by="usr_ann"), NOW)
    assert (back.call.turn, back.call.run_id, back.call.kept_run_id) == (1, "", "run_1")
    recalled = transfers.park_over(talk(state=CallState.PARKED), "usr_ann", NOW)
    assert recalled is not None and recalled.after.call.kept_run_id == "run_1"
    again = transfers.never_came(talk(), a_leg(Party.AGENT, "ann", state=LegState.ENDED), NOW)
    assert again is not None and again.after.call.sent_to == "queue:que_1"
    assert again.after.call.kept_run_id == "run_1"


@pytest.mark.parametrize(
    ("fields", "resort", "sent_to"),
    [({}, "queue:que_9", "queue:que_1"), ({"queue_id": ""}, "", "voicemail:usr_ann"),
     ({"queue_id": ""}, "agent:usr_ben", "agent:usr_ben"),
     ({"sent_to": "agent:usr_ann", "sent_by": "usr_ben"}, "", "agent:usr_ben"),
     ({"sent_to": "agent:usr_ann", "sent_by": "usr_ben"}, "voicemail:usr_ann", "voicemail:usr_ann"),
     ({"queue_id": "", "direction": Direction.OUTBOUND}, "voicemail:usr_ann", None),
     ({"queue_id": "", "direction": Direction.OUTBOUND, "sent_to": "agent:usr_ann"}, "", "voicemail:usr_ann"),
     ({"queue_id": "", "sent_to": "recall:usr_ann"}, "queue:que_9", "voicemail:usr_ann"),
     ({"queue_id": "", "sent_to": "recall:usr_ann", "rules": CallRules(park_end=ParkEnd.HANG_UP)}, "", None)],
)  # fmt: skip
def test_who_wanted_an_agent_whose_phone_is_not_picked_up_goes_on_as_if_nobody_took_it(fields, resort, sent_to) -> None:
    gone_on = transfers.never_came(talk(**fields), a_leg(Party.AGENT, "ann", state=LegState.ENDED), NOW, resort)
    assert (gone_on.after.call.sent_to if gone_on is not None else None) == sent_to


def test_agents_who_accept_and_do_not_pick_up_are_remembered_so_that_none_has_the_call_twice() -> None:
    passed_on = talk(queue_id="", forwarded_by=("usr_ben",))
    gone_on = transfers.never_came(passed_on, a_leg(Party.AGENT, "ann", state=LegState.ENDED), NOW, "agent:usr_cem")
    assert gone_on is not None and gone_on.after.call.forwarded_by == ("usr_ben", "usr_ann")
    rings = dataclasses.replace(gone_on.after.call, state=CallState.QUEUED)
    assert calls.answered(rings, "usr_cem", calls.Contact(), NOW).forwarded_by == ("usr_ben", "usr_ann")


@pytest.mark.parametrize(
    ("fields", "may"),
    [({}, True), ({"sent_to": "flow:flw_2"}, True), ({"sent_to": "queue:que_1"}, False),
     ({"sent_to": "callback:con_1"}, False), ({"state": CallState.PARKED}, False), ({"kept_run_id": "run_1"}, False)],
)  # fmt: skip
def test_only_what_a_company_drew_may_go_on_after_an_agent(fields, may) -> None:
    assert after_agent.may_go_on(a_call(**{"kept_run_id": ""} | fields)) is may


def test_the_record_tells_the_talk_from_what_followed_and_names_the_agent() -> None:
    call = handed_back(talk()).after.call
    ending = Ending(EndParty.FLOW, "FLOW_ENDED", NOW + 85 * SECOND)
    cdr = cdrs.detail_record(call, ending, "cdr_1")
    assert (cdr.talk, cdr.after_agent, cdr.duration) == (60 * SECOND, 25 * SECOND, 85 * SECOND)
    assert (cdr.agent_id, cdr.contact_id, cdr.end_cause) == ("usr_ann", "con_ann", "FLOW_ENDED")
    moved = calls.moved(call, "m", NOW + 70 * SECOND, NOW + 80 * SECOND)
    cdr = cdrs.detail_record(moved, Ending(EndParty.SYSTEM, EndCause.NODE_LOST, NOW + 85 * SECOND), "cdr_1")
    assert (cdr.after_agent, cdr.unheard) == (15 * SECOND, 10 * SECOND)


def test_a_call_that_is_led_on_by_another_turn_is_not_with_the_flow_after_the_agent() -> None:
    call = handed_back(talk()).after.call
    later = dataclasses.replace(calls.change(call, Trigger.SEND_ON, NOW + 70 * SECOND), turn=1, run_id="")
    assert not later.resumed and later.after_agent == 10 * SECOND
