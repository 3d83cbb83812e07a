"""Steps that choose by themselves, over the wire: what routing and engagement are asked, and what is told."""

from __future__ import annotations

from typing import Any

import pytest
from kernel.errors import InvalidInput
from merkez.engagement.v1 import customer_pb2, customer_service_pb2
from merkez.flows.v1 import flow_code_service_pb2
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc
from merkez.routing.v1 import contact_pb2
from testkit.told import told

from .conftest import flow_of, said, say


async def test_a_call_is_split_once_and_the_same_way_when_it_is_asked_again(house: Any) -> None:
    split = pb.Split(shares=[pb.Share(name="old", percent=50, next="a"), pb.Share(name="new", percent=50, next="b")])
    flow = await house.publish(flow_of(pb.Step(step_id="split", split=split), say("a", "Old."), say("b", "New.")))
    ways = set()
    for _ in range(12):
        call_id = house.fresh("call")
        first, again = await house.start(flow.flow_id, call_id), await house.start(flow.flow_id, call_id)
        assert first == again
        ways.add(first.step_id)
    assert ways == {"a", "b"}


def busy(house: Any) -> pb.Definition:
    return flow_of(
        pb.Step(step_id="look", check_queue=pb.CheckQueue(
            queue_id=house.routing.queue_id, otherwise="short", failed="gone",
            branches=[pb.Branch(name="long", condition="queue.expected_wait > 60 and queue.free == 0", next="long")])),
        say("long", "Long."), say("short", "Short."), say("gone", "Gone."),
    )  # fmt: skip


async def test_a_call_goes_by_how_a_queue_stands_and_another_way_when_routing_is_away(house: Any) -> None:
    flow = await house.publish(busy(house))
    assert (await house.start(flow.flow_id)).step_id == "long"
    house.routing.standing.free = 1
    assert (await house.start(flow.flow_id)).step_id == "short"
    house.routing.away = True
    assert (await house.start(flow.flow_id)).step_id == "gone"


async def test_a_call_goes_by_whether_a_queue_is_closed_for_a_holiday(house: Any) -> None:
    look = pb.CheckQueue(queue_id=house.routing.queue_id, otherwise="open", failed="open")
    look.branches.add(condition="queue.holiday == 'Novruz' and not queue.open", next="shut")
    flow = await house.publish(
        flow_of(pb.Step(step_id="look", check_queue=look), say("open", "Hi."), say("shut", "No."))
    )
    assert (await house.start(flow.flow_id)).step_id == "open"
    house.routing.standing.closed, house.routing.standing.holiday = True, "Novruz"
    assert (await house.start(flow.flow_id)).step_id == "shut"


def lookup() -> pb.Definition:
    find = pb.FindCustomer(
        by="attribute", attribute="card", value="{card}", extract={"tier": "tier", "agent": "last_agent_id"},
        next="known", not_found="new", several="many", failed="gone",
    )  # fmt: skip
    return flow_of(
        pb.Step(step_id="find", find_customer=find),
        say("known", "Tier {tier}."), say("new", "New."), say("many", "Many."), say("gone", "Gone."),
    )  # fmt: skip


async def test_a_caller_is_looked_up_by_what_they_have(house: Any) -> None:
    flow = await house.publish(lookup())
    one = customer_service_pb2.FoundCustomer(
        customer=customer_pb2.Customer(customer_id=house.fresh("cus"), attributes={"tier": "gold"}),
        last_agent_id=house.routing.agent_id,
    )
    house.engagement.found = [one]
    brand_id = house.fresh("brd")
    first = await house.start(flow.flow_id, attributes={"card": "12-3"}, brand_id=brand_id)
    assert first.play.audio[0].text == "Tier gold." and first.play.audio[0].personal
    asked = house.engagement.requests[-1]
    assert (asked.brand_id, asked.attribute, asked.value) == (brand_id, "card", "12-3")
    house.engagement.found = [one, one]
    assert (await house.start(flow.flow_id, attributes={"card": "1"})).step_id == "many"
    house.engagement.found = []
    assert (await house.start(flow.flow_id, attributes={"card": "1"})).step_id == "new"
    house.engagement.found = [one]
    assert (await house.start(flow.flow_id)).step_id == "new", "nothing to look for finds nobody"
    house.engagement.away = True
    assert (await house.start(flow.flow_id, attributes={"card": "1"})).step_id == "gone"


@pytest.mark.parametrize("preferred", ["last_agent", "account_owner", "attribute"])
async def test_the_agent_a_caller_knows_is_preferred(house: Any, preferred: str) -> None:
    agent_id = house.routing.agent_id
    queue = pb.Queue(queue_id=house.routing.queue_id, preferred=preferred)
    if preferred == "attribute":
        queue.preferred_attribute = "owner"
    house.engagement.pop = customer_pb2.ScreenPop(
        customer=customer_pb2.Customer(attributes={"account_owner": agent_id}),
        history=[
            customer_pb2.HistoryEntry(kind="note", agent_id=house.fresh("usr")),
            customer_pb2.HistoryEntry(kind="contact", outcome="abandoned"),
            customer_pb2.HistoryEntry(kind="contact", agent_id=agent_id),
        ],
    )
    flow = await house.publish(flow_of(pb.Step(step_id="q", queue=queue)))
    await house.start(flow.flow_id, caller_number="+994125551234", attributes={"owner": agent_id})
    (contact,) = house.routing.contacts.values()
    assert contact.preferred_agent_id == agent_id


async def test_a_caller_waits_without_a_preferred_agent_when_none_can_be_told(house: Any) -> None:
    queue = pb.Queue(queue_id=house.routing.queue_id, preferred="attribute", preferred_attribute="owner")
    flow = await house.publish(flow_of(pb.Step(step_id="q", queue=queue)))
    assert (await house.start(flow.flow_id, attributes={"owner": "Leyla"})).queue.contact_id
    house.engagement.away = True
    queue = pb.Queue(queue_id=house.routing.queue_id, preferred="last_agent")
    flow = await house.publish(flow_of(pb.Step(step_id="q", queue=queue)))
    assert (await house.start(flow.flow_id)).queue.contact_id
    assert {each.preferred_agent_id for each in house.routing.contacts.values()} == {""}


async def test_a_caller_leaves_a_queue_nobody_serves_or_answers(house: Any) -> None:
    queue = pb.Queue(
        queue_id=house.routing.queue_id, no_match="none", no_answer="missed", most_offers=2,
    )  # fmt: skip
    steps = (pb.Step(step_id="q", queue=queue), say("none", "Nobody."), say("missed", "Missed."))
    flow = await house.publish(flow_of(*steps))
    waiting = await house.start(flow.flow_id)
    house.routing.offer_count, house.routing.state = 2, contact_pb2.CONTACT_STATE_QUEUED
    house.clock.advance(5)
    assert (await house.advance(waiting, "QUEUE_TICK")).step_id == "missed"
    house.routing.expected = None
    assert (await house.start(flow.flow_id)).step_id == "none"
    assert [reason for _, reason in house.routing.dequeued] == ["no_answer", "no_match"]


async def test_an_answer_to_a_survey_is_told_once(house: Any) -> None:
    survey = pb.Survey(utterance=said("1 to 5?"), question_id="csat", lowest=1, highest=5, next="bye")
    flow = await house.publish(flow_of(pb.Step(step_id="rate", survey=survey), say("bye", "Thanks.")))
    call_id = house.fresh("call")
    asked = await house.start(flow.flow_id, call_id)
    for _ in range(2):
        assert (await house.advance(asked, "DIGITS", "4")).step_id == "bye"
    (fact,) = await told(house.db, house.tenant_id, "SurveyAnswered")
    assert (fact.call_id, fact.flow_id, fact.release_id) == (call_id, flow.flow_id, flow.release_id)
    assert (fact.step_id, fact.question_id, fact.value, fact.language) == ("rate", "csat", 4, "en")
    assert fact.HasField("answer_time")


async def test_a_draft_comes_back_with_every_field_of_every_step(house: Any) -> None:
    steps = (
        *busy(house).steps, *lookup().steps[:1],
        pb.Step(step_id="s", split=pb.Split(shares=[pb.Share(name="a", percent=100, next="look")])),
        pb.Step(step_id="t", test=pb.Test(
            branches=[pb.Branch(name="x", condition="a == 'b'", next="s")], otherwise="s")),
        pb.Step(step_id="e", set_attribute=pb.SetAttribute(attribute="x", expression="1 + 1", next="t")),
        pb.Step(step_id="v", survey=pb.Survey(
            utterance=said("?"), question_id="q", lowest=1, highest=5, attempts=2, invalid=said("!"), next="s",
            no_match="t")),
        pb.Step(step_id="l", choose_language=pb.ChooseLanguage(
            utterance=said("?"), choices=[pb.LanguageChoice(digit="1", language="en")], attempts=1, next="s",
            no_match="t")),
        pb.Step(step_id="q", queue=pb.Queue(
            queue_id=house.routing.queue_id, preferred="attribute", preferred_attribute="a", no_match="s",
            no_answer="t", most_offers=4)),
    )  # fmt: skip
    draft = flow_of(*steps)
    with house.as_admin():
        request = rpc.CreateFlowRequest(request_id="r", flow=pb.Flow(display_name="All", draft=draft))
        made = await house.flows.CreateFlow(request)
        assert made.draft == draft
        validated = await house.flows.ValidateFlow(rpc.ValidateFlowRequest(flow_id=made.flow_id, definition=flow_of(
            pb.Step(step_id="t", test=pb.Test(branches=[pb.Branch(condition="1 +")])))))  # fmt: skip
    wrong = next(each for each in validated.problems if each.reason == "EXPRESSION_INVALID")
    assert (wrong.step_id, wrong.field, wrong.column) == ("t", "branches[0].condition", 4)


def asked(flow_id: str) -> pb.Definition:
    call = pb.CallFlow(
        flow_id=flow_id, inputs={"total": "1 + 1"}, outputs={"said": "answer"}, next="say", failed="sorry"
    )
    return flow_of(pb.Step(step_id="in", call_flow=call), say("say", "You said {said}."), say("sorry", "Sorry."))


async def test_a_call_goes_through_another_flow_and_comes_back(house: Any) -> None:
    inner = flow_of(
        pb.Step(step_id="ask", collect=pb.Collect(utterance=said("{total}?"), attribute="answer", max_digits=2)),
    )
    inner.inputs.add(name="total", type="number", required=True)
    inner.outputs.add(name="answer", type="number")
    other = await house.publish(inner)
    main = await house.publish(asked(other.flow_id))
    first = await house.start(main.flow_id)
    assert (first.step_id, first.release_id) == ("ask", other.release_id) and first.gather.audio[0].text == "2?"
    after = await house.advance(first, "DIGITS", "42")
    assert (after.step_id, after.release_id) == ("say", main.release_id) and after.play.audio[0].text == "You said 42."
    assert await house.advance(first, "DIGITS", "42") == after
    with house.as_admin():
        problems = await house.flows.ValidateFlow(
            rpc.ValidateFlowRequest(flow_id=other.flow_id, definition=asked(main.flow_id))
        )
        exported = await house.code.ExportFlow(flow_code_service_pb2.ExportFlowRequest(flow_id=other.flow_id))
        read = await house.code.ImportFlow(
            flow_code_service_pb2.ImportFlowRequest(flow_id=other.flow_id, yaml=exported.yaml, dry_run=True)
        )
    assert "FLOW_CIRCLE" in {each.reason for each in problems.problems}
    assert "inputs:\n- name: total\n  type: number\n  required: true\n" in exported.yaml
    assert read.valid and read.flow.draft == inner


async def test_entry_rules_choose_where_a_call_waits(house: Any) -> None:
    rules = pb.EntryRules(next="wait", otherwise="bye")
    rules.rules.add(
        name="VIP", condition="starts(caller_number, '+994')", queue_id=house.routing.queue_id, priority=7,
        skills={house.routing.skill_id: 4}, requirement=f"{house.routing.skill_id} <= 4",
    )  # fmt: skip
    draft = flow_of(
        pb.Step(step_id="rules", entry_rules=rules), pb.Step(step_id="wait", queue=pb.Queue(by_rules=True)),
        say("bye", "Bye."),
    )  # fmt: skip
    flow = await house.publish(draft)
    assert flow.draft == draft
    waiting = await house.start(flow.flow_id, caller_number="+994125551234")
    assert (await house.advance(waiting, "QUEUE_TICK")).queue.contact_id == waiting.queue.contact_id
    (contact,) = house.routing.contacts.values()
    assert (contact.queue_id, contact.priority) == (house.routing.queue_id, 7)
    assert [(each.skill_id, each.proficiency) for each in contact.required_skills] == [(house.routing.skill_id, 4)]
    assert contact.requirement == f"{house.routing.skill_id} <= 4"
    assert (await house.start(flow.flow_id, caller_number="+4930123")).step_id == "bye"


def by_channel(house: Any) -> pb.Definition:
    rules = [
        pb.EntryRule(
            condition="channel == 'chat'",
            queue_id=house.routing.queue_id,
            priority=4,
            skills={house.routing.skill_id: 2},
        ),
        pb.EntryRule(condition="channel == 'email'", queue_id=house.routing.queue_id, requirement="Turkish >= 3"),
    ]
    return flow_of(
        pb.Step(step_id="rules", entry_rules=pb.EntryRules(rules=rules, next="wait", otherwise="sorry")),
        pb.Step(step_id="wait", queue=pb.Queue(by_rules=True, timed_out="sorry")), say("sorry", "Sorry."),
    )  # fmt: skip


async def test_a_chat_and_a_letter_wait_as_their_channels_rows_say_and_a_call_goes_another_way(house: Any) -> None:
    flow = await house.publish(by_channel(house))
    chat = await house.start(flow.flow_id, channel=contact_pb2.CHANNEL_CHAT)
    letter = await house.start(flow.flow_id, channel=contact_pb2.CHANNEL_EMAIL, attributes={"channel": "chat"})
    made = {each.contact_id: each for each in house.routing.contacts.values()}
    asked = made[chat.queue.contact_id]
    assert (asked.channel, asked.priority) == (contact_pb2.CHANNEL_CHAT, 4)
    assert [(each.skill_id, each.proficiency) for each in asked.required_skills] == [(house.routing.skill_id, 2)]
    asked = made[letter.queue.contact_id]
    assert (asked.channel, asked.priority) == (contact_pb2.CHANNEL_EMAIL, 0), "nobody passes for another channel"
    assert asked.requirement == f"{house.routing.skill_id} >= 3"
    for call in ({}, {"channel": contact_pb2.CHANNEL_VOICE}, {"channel": contact_pb2.CHANNEL_FAX}):
        assert (await house.start(flow.flow_id, **call)).step_id == "sorry"
    with pytest.raises(InvalidInput, match="channel"):
        await house.start(flow.flow_id, channel=77)


async def test_a_chat_is_still_a_chat_where_it_is_handed_on_and_inside_other_flows(house: Any) -> None:
    inner = await house.publish(by_channel(house))
    call = pb.CallFlow(flow_id=inner.flow_id, next="bye", failed="bye")
    outer = await house.publish(flow_of(pb.Step(step_id="c", call_flow=call), say("bye", "Bye.")))
    over = pb.Transfer(flow_id=outer.flow_id)
    flow = await house.publish(flow_of(pb.Step(step_id="over", transfer=over)))
    chat = await house.start(flow.flow_id, channel=contact_pb2.CHANNEL_CHAT)
    (made,) = house.routing.contacts.values()
    assert (made.contact_id, made.channel) == (chat.queue.contact_id, contact_pb2.CHANNEL_CHAT)
