"""A callback's rules: when it is due, what an attempt comes to, and that nobody is called for whom no agent is free."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from kernel.hours import OpenInterval
from kernel.ids import new_id
from routing.domain import callbacks
from routing.domain.callback_outcomes import Outcome, outcome_of
from routing.domain.callback_rules import CallbackRules, CallOrder, OnMachine, check_callback_rules
from routing.domain.callbacks import Callback, CallbackMoved, CallbackState, CallbackTrigger, When
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.courses import Line
from routing.domain.hours import BusinessHours
from routing.domain.ranking import LAST
from routing.domain.rules import Strategy

from .boards import agent, board_with, contact, listed, pairs

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday, noon in Istanbul."""
RULES = CallbackRules()
WEEKDAYS = BusinessHours(
    "hrs_1", "Office", "Europe/Istanbul", tuple(OpenInterval(day, 9 * 60, 18 * 60) for day in range(1, 6)), (), NOW
)


def draft(**changes: object) -> Callback:
    plain = Callback("cbk_1", CallbackState.SCHEDULED, "que_1", "+994501234567", NOW, NOW, NOW, NOW)
    return replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def asked(due: datetime = NOW, caller: Contact | None = None, rules: CallbackRules = RULES) -> Callback:
    return callbacks.asked_for(draft(), caller, rules, due, NOW, later=due > NOW)


def calling(**changes: object) -> Callback:
    return replace(
        callbacks.released(callbacks.queued(asked(), "con_1", None, NOW), "usr_1", NOW), call_id="call_1", **changes
    )  # pyright: ignore[reportArgumentType]


def test_caller_who_waited_keeps_place_priority_and_requirements() -> None:
    caller = Contact(
        "con_0", Channel.VOICE, ContactState.QUEUED, "que_1", NOW - timedelta(minutes=7), NOW, priority=4,
        attributes={"menu.1": "loans"}, dialed_number="+994120000000", caller_name="Leyla",
    )  # fmt: skip
    made = asked(caller=caller)
    assert (made.place_time, made.priority, made.attributes) == (caller.queue_time, 4, {"menu.1": "loans"})
    waits = callbacks.waits_for(made, "con_1", NOW)
    assert (waits.queue_time, waits.points, waits.caller_name) == (caller.queue_time, 4, "Leyla")


@given(st.integers(-3600, 3600), st.integers(-3600, 3600), st.integers(-3600, 3600), st.integers(-3600, 3600))
def test_who_asks_again_never_loses_a_place_or_time_by_it(place: int, due: int, place_2: int, due_2: int) -> None:
    def at(seconds: int) -> datetime:
        return NOW + timedelta(seconds=seconds)

    before = draft(place_time=at(place), due_time=at(due), expire_time=at(due + 7200))
    again = draft(place_time=at(place_2), due_time=at(due_2), expire_time=at(due_2 + 7200))
    after = callbacks.hastened(before, again)
    assert after.place_time == min(before.place_time, again.place_time)
    assert after.due_time == min(before.due_time, again.due_time)
    assert after.expire_time - after.due_time == timedelta(seconds=7200)
    assert (after == before) == (place <= place_2 and due <= due_2)


def test_one_for_later_has_the_place_of_its_due_time() -> None:
    due = NOW + timedelta(days=2)
    caller = Contact("con_0", Channel.VOICE, ContactState.QUEUED, "que_1", NOW - timedelta(minutes=7), NOW)
    assert asked(due, caller).place_time == due
    assert asked(due, caller).expire_time == due + RULES.time_to_live


def test_nobody_is_called_back_more_than_thirty_days_ahead() -> None:
    assert callbacks.due_at(NOW + timedelta(days=30), None, NOW, "due_time") == NOW + timedelta(days=30)
    with pytest.raises(InvalidInput, match="30 days") as error:
        callbacks.due_at(NOW + timedelta(days=30, seconds=1), None, NOW, "due_time")
    assert error.value.fields[0].field == "due_time"


def test_time_outside_of_the_hours_is_refused_and_at_once_waits_for_the_opening() -> None:
    sunday = NOW - timedelta(days=1)
    with pytest.raises(InvalidInput, match="outside of the hours Office"):
        callbacks.due_at(NOW + timedelta(hours=9), WEEKDAYS, NOW, "due_time")
    assert callbacks.due_at(None, WEEKDAYS, sunday, "due_time") == datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert callbacks.due_at(None, WEEKDAYS, NOW, "due_time") == NOW


@pytest.mark.parametrize(
    ("local", "zone", "instant"),
    [
        ("2026-03-03T14:30", "Asia/Baku", datetime(2026, 3, 3, 10, 30, tzinfo=UTC)),
        ("2026-03-03T14:30", "", datetime(2026, 3, 3, 11, 30, tzinfo=UTC)),
        ("2026-03-29T02:30", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-10-25T02:30", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_slot_is_read_on_the_customers_clock_or_the_queues(local: str, zone: str, instant: datetime) -> None:
    assert callbacks.wanted_at(When(local=local), zone, WEEKDAYS) == instant


@pytest.mark.parametrize("local", ["tomorrow", "2026-03-03T14:30+04:00", "9999-12-31T23:00"])
def test_slot_that_is_no_time_on_a_clock_is_refused(local: str) -> None:
    with pytest.raises(InvalidInput) as error:
        callbacks.wanted_at(When(local=local), "Asia/Baku", None)
    assert error.value.fields[0].field == "local_due_time"


@pytest.mark.parametrize("number", ["+112", "+994112", "+1911", "+9945"])
def test_nobody_is_called_back_at_an_emergency_number_or_half_a_number(number: str) -> None:
    with pytest.raises(InvalidInput) as error:
        callbacks.check_callback(draft(queue_id=new_id("que", NOW), number=number))
    assert error.value.fields[0].field == "callback.number"


def test_slot_without_any_time_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="needs a time zone"):
        callbacks.wanted_at(When(local="2026-03-03T14:30"), "", None)


def test_our_own_trunk_that_is_down_uses_up_none_of_the_customers_attempts_but_not_for_ever() -> None:
    tried = calling()
    for _ in range(callbacks.MOST_NOT_DIALLED - 1):
        after = callbacks.attempted(tried, Outcome.NOT_DIALLED, RULES, None, NOW)
        assert (after.state, after.tried, after.place_time) == (CallbackState.SCHEDULED, 0, tried.place_time)
        tried = replace(calling(), attempts=after.attempts)
    assert callbacks.attempted(tried, Outcome.NOT_DIALLED, RULES, None, NOW).state is CallbackState.FAILED
    for number in range(1, RULES.attempts):
        after = callbacks.attempted(tried, Outcome.BUSY, RULES, None, NOW)
        assert (after.state, after.tried) == (CallbackState.SCHEDULED, number)
        tried = replace(calling(), attempts=after.attempts)
    assert callbacks.attempted(tried, Outcome.BUSY, RULES, None, NOW).state is CallbackState.FAILED


@pytest.mark.parametrize("outcome", [Outcome.BUSY, Outcome.NO_ANSWER, Outcome.MACHINE])
def test_attempt_in_vain_is_repeated_with_its_place_until_none_is_left(outcome: Outcome) -> None:
    before = calling()
    after = callbacks.attempted(before, outcome, RULES, None, NOW)
    assert (after.state, after.due_time) == (CallbackState.SCHEDULED, NOW + RULES.retry_after)
    assert (after.place_time, after.contact_id, after.call_id) == (before.place_time, "", "")
    assert [each.outcome for each in after.attempts] == [outcome]
    last = replace(before, attempts=after.attempts * 2)
    assert callbacks.attempted(last, outcome, RULES, None, NOW).state is CallbackState.FAILED


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.MESSAGE_LEFT])
def test_customer_who_was_reached_is_not_called_again(outcome: Outcome) -> None:
    after = callbacks.attempted(calling(), outcome, RULES, None, NOW)
    assert (after.state, after.end_time, after.next_time) == (CallbackState.COMPLETED, NOW, None)


def test_next_attempt_waits_for_the_queue_to_open() -> None:
    evening = datetime(2026, 3, 2, 14, 50, tzinfo=UTC)
    after = callbacks.attempted(calling(), Outcome.BUSY, RULES, WEEKDAYS, evening)
    assert after.due_time == datetime(2026, 3, 3, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cause", "answered", "outcome"),
    [
        ("NORMAL", True, Outcome.ANSWERED), ("MEDIA_LOST", True, Outcome.ANSWERED), ("BUSY", False, Outcome.BUSY),
        ("NO_ANSWER", False, Outcome.NO_ANSWER), ("CANCELLED", False, Outcome.NO_ANSWER),
        ("ANSWERING_MACHINE", True, Outcome.MACHINE), ("FAX", True, Outcome.MACHINE),
        ("MESSAGE_LEFT", True, Outcome.MESSAGE_LEFT), ("REJECTED", False, Outcome.REJECTED),
        ("UNREACHABLE", True, Outcome.UNREACHABLE), ("NO_TRUNK", False, Outcome.NOT_DIALLED),
    ],
)  # fmt: skip
def test_what_an_attempt_came_to_follows_from_how_its_call_ended(cause: str, answered: bool, outcome: Outcome) -> None:
    assert outcome_of(cause, answered=answered) is outcome


@pytest.mark.parametrize(
    ("answered", "waited", "outcome"),
    [(False, True, Outcome.HUNG_UP), (True, True, Outcome.ANSWERED), (False, False, Outcome.NO_ANSWER)],
)
def test_customer_who_answered_first_was_reached_only_when_an_agent_talked_with_them(
    answered: bool, waited: bool, outcome: Outcome
) -> None:
    assert outcome_of("NORMAL", answered=answered, waited=waited) is outcome


def test_customer_who_hung_up_before_an_agent_came_is_called_again() -> None:
    before = callbacks.answered(calling(customer_first=True), NOW)
    after = callbacks.attempted(before, Outcome.HUNG_UP, RULES, None, NOW)
    assert (after.state, after.place_time) == (CallbackState.SCHEDULED, before.place_time)
    assert (after.customer_first, after.answer_time) == (False, None)


def test_agent_is_kept_from_the_release_until_the_customer_answers_and_no_longer_than_it_may_ring() -> None:
    rules = CallbackRules(order=CallOrder.CUSTOMER_FIRST, ring_timeout=timedelta(seconds=20))
    line = callbacks.queued(asked(rules=rules), "con_1", None, NOW)
    released = callbacks.released(line, "usr_1", NOW, customer_first=True)
    assert released.keeps_agent and released.next_time == NOW + callbacks.DIAL_WITHIN
    rung = callbacks.dialled(released, "call_1", rules, NOW)
    assert rung.keeps_agent and rung.next_time == NOW + timedelta(seconds=20) + callbacks.ANSWER_WITHIN
    talks = callbacks.answered(rung, NOW)
    assert not talks.keeps_agent and talks.next_time is None
    back = callbacks.returned(released, NOW)
    assert (back.state, back.place_time, back.customer_first) == (CallbackState.WAITING, line.place_time, False)


def test_message_is_left_by_the_last_attempt_alone() -> None:
    rules = CallbackRules(on_machine=OnMachine.LEAVE_MESSAGE, message_prompt_id="prm_1")
    told = [rules.on_machine_at(number) for number in range(3)]
    assert told == [OnMachine.HANG_UP, OnMachine.HANG_UP, OnMachine.LEAVE_MESSAGE]


def test_offered_by_expected_wait_and_when_nobody_can_tell_it() -> None:
    assert RULES.offers(timedelta(minutes=2)) and not RULES.offers(timedelta(seconds=119))
    assert RULES.offers(None) and CallbackRules(offer_over=timedelta(0)).offers(timedelta(0))


def test_rules_that_can_not_work_are_refused_with_every_place() -> None:
    wrong = CallbackRules(
        timedelta(days=2), 11, timedelta(seconds=1), timedelta(days=31), OnMachine.LEAVE_MESSAGE,
        ring_timeout=timedelta(seconds=61), greeting_prompt_id="prm_1",
    )  # fmt: skip
    with pytest.raises(InvalidInput) as error:
        check_callback_rules(wrong, "queue.callbacks")
    assert {each.field.removeprefix("queue.callbacks.") for each in error.value.fields} == {
        "offer_over", "attempts", "retry_after", "time_to_live", "message_prompt_id", "ring_timeout",
        "greeting_prompt_id",
    }  # fmt: skip


@given(st.sampled_from(list(CallbackState)), st.lists(st.sampled_from(list(CallbackTrigger)), max_size=12))
def test_callback_that_came_to_its_end_is_moved_by_nothing(
    state: CallbackState, triggers: list[CallbackTrigger]
) -> None:
    callback = draft(state=state)
    for trigger in triggers:
        ended = not callback.open
        try:
            callback = callbacks.moved(callback, trigger)
        except CallbackMoved:
            continue
        assert not ended


_NAMES = [f"a{number}" for number in range(5)]
_AGENTS = st.lists(
    st.tuples(st.sampled_from(_NAMES), st.integers(0, 50), st.booleans(), st.booleans()), unique_by=lambda each: each[0]
)
_CONTACTS = st.lists(
    st.tuples(st.booleans(), st.integers(-900, 0), st.integers(0, 9), st.booleans(), st.sampled_from(["", *_NAMES])),
    max_size=12,
)
_STRATEGIES = [Line("q", True, ()), Line("q", False, ()), Line("q", True, (), listed((0, "a0 a1"), (60, "a2 a3")))]


@given(_AGENTS, _CONTACTS, st.sampled_from(_STRATEGIES))
def test_never_more_callbacks_are_released_than_agents_are_free(
    agents: list[tuple[str, int, bool, bool]], waiting: list[tuple[bool, int, int, bool, str]], line: Line
) -> None:
    board = board_with(line)
    at_desk: set[str] = set()
    for name, idle, away, skilled in agents:
        ready = agent(name, idle, {"s": 3} if skilled else {}, ["q"])
        board.put_agent(ready._replace(idle_since=LAST) if away else ready)
        at_desk |= set() if away else {name}
    kinds = {f"c{number}": each[0] for number, each in enumerate(waiting)}
    for number, (callback, since, priority, asks, preferred) in enumerate(waiting):
        made = contact(
            f"c{number}", "q", since, priority, asked={"s": 2} if asks else None,
            preferred=preferred, preferred_wait=1200 if preferred else 0,
        )  # fmt: skip
        board.put_contact(made._replace(callback=callback), 0.0)
    found = pairs(board)
    taken = [agent_id for _, agent_id in found]
    assert len(set(taken)) == len(taken), "one agent was given two contacts"
    released = [agent_id for contact_id, agent_id in found if kinds[contact_id]]
    assert len(released) <= len(at_desk) and set(released) <= at_desk, "a callback without an agent who can call"


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_callbacks_and_callers_are_served_in_one_order(order: list[int], calls: set[int]) -> None:
    board = board_with()
    for number in order:
        board.put_contact(contact(f"c{number}", since=number)._replace(callback=number in calls), 0.0)
    served = []
    for turn in range(6):
        board.put_agent(agent(f"a{turn}", turn))
        served += [contact_id for contact_id, _ in pairs(board)]
    assert served == [f"c{number}" for number in range(6)]


def test_weighted_queue_offers_callbacks_to_nobody_who_is_away() -> None:
    from routing.domain.rules import Rules

    board = board_with(Line("q", True, (), Rules(Strategy.WEIGHTED)))
    board.put_agent(agent("a0")._replace(idle_since=LAST))
    board.put_contact(contact("c0")._replace(callback=True), 0.0)
    assert pairs(board) == []
    board.put_contact(contact("c1"), 0.0)
    assert pairs(board) == [("c1", "a0")]


_STEPS = st.lists(st.sampled_from(["match", "answer", "miss", "take", "gone", "over", "free"]), max_size=40)


@given(st.sampled_from(list(CallOrder)), st.integers(0, 4), st.integers(0, 6), _STEPS, st.randoms())
def test_never_more_customers_are_rung_than_agents_were_free_for_them(
    order: CallOrder, agents: int, asking: int, steps: list[str], dice: random.Random
) -> None:
    """In both orders: each ring begins with an agent taken off the board for it alone, and a customer who waits on the
    line without one is rung by nobody again."""
    board = board_with(Line("q", True, ()))
    first = order is CallOrder.CUSTOMER_FIRST
    free = {f"a{number}" for number in range(agents)}
    for name in sorted(free):
        board.put_agent(agent(name, int(name[1:]), {}, ["q"]))
    line = {
        f"c{number}": callbacks.queued(draft(callback_id=f"c{number}"), f"c{number}", None, NOW)
        for number in range(asking)
    }
    for name in line:
        board.put_contact(contact(name, "q", -1)._replace(callback=True), 0.0)
    with_agent: dict[str, str] = {}
    rings: list[tuple[str, frozenset[str]]] = []

    def back(name: str, *, in_call: bool) -> None:
        board.put_contact(contact(name, "q", -1)._replace(callback=not in_call), 0.0)

    for step in steps:
        calling = sorted(name for name, each in line.items() if each.state is CallbackState.CALLING)
        name = dice.choice(calling) if calling else ""
        if step == "match" and (found := board.decide(0.0)) is not None:
            name, who = found.contact.contact_id, found.agent.agent_id
            assert who in free and who not in with_agent.values()
            free.remove(who)
            with_agent[name] = who
            if line[name].state is CallbackState.WAITING:
                rings.append((name, frozenset(with_agent.values())))
                line[name] = callbacks.released(line[name], who, NOW, customer_first=first)
        elif step == "answer" and name and line[name].keeps_agent:
            line[name] = callbacks.answered(line[name], NOW)
        elif step in ("miss", "gone") and first and name in with_agent:
            # An agent who missed the customer is not ready; one who went while it rang is gone. The customer stays.
            del with_agent[name]
            back(name, in_call=True)
        elif step in ("take", "over") and name:
            outcome = Outcome.ANSWERED if step == "take" else Outcome.NO_ANSWER
            line[name] = callbacks.attempted(line[name], outcome, RULES, None, NOW)
            board.drop_contact(name)
            if (who := with_agent.pop(name, "")) and who not in free:
                free.add(who)
                board.put_agent(agent(who, int(who[1:]), {}, ["q"]))
        elif step == "free" and len(free) + len(with_agent) < agents:
            who = dice.choice(sorted({f"a{n}" for n in range(agents)} - free - set(with_agent.values())))
            free.add(who)
            board.put_agent(agent(who, int(who[1:]), {}, ["q"]))
        assert len(free) + len(with_agent) <= agents
    assert all(len(busy) <= agents for _, busy in rings)
    assert len({name for name, _ in rings}) == len(rings), "a customer was rung while they rang"


def test_weekend_that_the_queue_is_closed_expires_nothing() -> None:
    evening = datetime(2026, 3, 6, 14, 50, tzinfo=UTC)  # a Friday, ten to six in Istanbul
    monday = datetime(2026, 3, 9, 6, tzinfo=UTC)
    waits = callbacks.queued(callbacks.asked_for(draft(), None, RULES, evening, evening), "con_1", WEEKDAYS, evening)
    closes = waits.close_time
    assert closes is not None
    assert closes == evening + timedelta(minutes=10) < waits.expire_time < monday
    held = callbacks.held(waits, RULES, WEEKDAYS, closes)
    assert (held.next_time, held.place_time) == (monday, evening) and held.expire_time == monday + RULES.time_to_live
    put_off = callbacks.put_off(replace(held, due_time=closes, expire_time=waits.expire_time), monday, RULES)
    assert put_off.next_time == monday
    released = callbacks.released(waits, "usr_1", closes - timedelta(minutes=1))
    tried = callbacks.attempted(released, Outcome.BUSY, RULES, WEEKDAYS, closes)
    assert tried.next_time == monday
