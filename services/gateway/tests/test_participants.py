"""Who of several people in a call hears what becomes of it, and what only supervisors hear."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from merkez.telephony.v1 import call_pb2
from merkez.telephony.v1.call_pb2 import Call, Cdr, Leg
from merkez.telephony.v1.telephony_events_pb2 import (
    AgentLeft,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallMoved,
    CallParked,
    CallResumed,
    CallTransferred,
    LegChanged,
    LegMediaChanged,
    SupervisionChanged,
)

CALL = "call_01jd3v9k8r5x7m2p4q6s8t0w1y"


def leg(who: str, state: call_pb2.LegState.ValueType = call_pb2.LEG_STATE_CONNECTED, party: str = "agent") -> Leg:
    """A leg of somebody."""
    return Leg(leg_id=f"leg_{who}", party=party, agent_id=f"usr_{who}" if party != "customer" else "", state=state)


def conference(*legs: Leg) -> Call:
    """A call led by a, with these legs beside the customer's."""
    return Call(call_id=CALL, agent_id="usr_a", legs=[leg("c", party="customer"), *legs])


async def heard_by(socket: Any, last: str = "CallEnded") -> list[str]:
    """The facts a socket hears, up to the last one."""
    facts: list[str] = []
    while not facts or facts[-1] != last:
        facts.append((await socket.until("event"))["fact"])
    return facts


async def publish(house: Any, *facts: Message) -> None:
    for fact in facts:
        await house.publish(fact)


async def test_every_agent_in_a_call_hears_what_becomes_of_it(house: Any) -> None:
    first, second = await house.signed_in("agent", "usr_a"), await house.signed_in("agent", "usr_b")
    call = conference(leg("a"), leg("b"))
    await publish(
        house,
        CallAnswered(call=call),
        CallHeld(call=call),
        CallResumed(call=call),
        LegChanged(call=call, leg=leg("c", party="customer")),
        LegMediaChanged(call_id=CALL, leg=leg("c", party="customer")),
        LegMediaChanged(call_id=CALL, leg=leg("a")),
        CallMoved(call=call, to_node_id="node-2"),
        AgentLeft(call_id=CALL, agent_id="usr_a", contact_id="con_1", reason="LEFT"),
        CallTransferred(call=call, agent_id="usr_a"),
        CallParked(call=call, agent_id="usr_a"),
        CallEnded(cdr=Cdr(call_id=CALL, agent_id="usr_a")),
    )
    everything = [
        "CallAnswered", "CallHeld", "CallResumed", "LegChanged", "LegMediaChanged", "LegMediaChanged", "CallMoved",
        "AgentLeft", "CallTransferred", "CallParked", "CallEnded",
    ]  # fmt: skip
    assert await heard_by(first) == everything
    assert await heard_by(second) == everything
    for socket in (first, second):
        await socket.close()


async def test_who_left_a_call_hears_that_and_no_more_of_it(house: Any) -> None:
    socket = await house.signed_in("agent", "usr_b")
    gone = leg("b", call_pb2.LEG_STATE_ENDED)
    await publish(
        house,
        CallAnswered(call=conference(leg("a"), leg("b"))),
        LegChanged(call=conference(leg("a"), gone), leg=gone),
        AgentLeft(call_id=CALL, agent_id="usr_b", reason="LEFT"),
        CallHeld(call=conference(leg("a"), gone)),
        LegMediaChanged(call_id=CALL, leg=leg("c", party="customer")),
        CallEnded(cdr=Cdr(call_id=CALL, agent_id="usr_a")),
        CallEnded(cdr=Cdr(call_id="call_2", agent_id="usr_b")),
    )
    assert await heard_by(socket) == ["CallAnswered", "LegChanged", "AgentLeft", "CallEnded"]
    assert await socket.silent(), "the end of the call they left was not theirs"
    await socket.close()


async def test_who_is_only_asked_hears_nothing_of_the_call_but_being_asked(house: Any) -> None:
    socket = await house.signed_in("agent", "usr_b")
    asked = leg("b", call_pb2.LEG_STATE_RINGING)
    call = conference(leg("a"), asked)
    await publish(
        house, LegChanged(call=call, leg=asked), CallHeld(call=call), LegMediaChanged(call_id=CALL, leg=leg("a")),
        CallEnded(cdr=Cdr(call_id="call_2", agent_id="usr_b")),
    )  # fmt: skip
    assert await heard_by(socket) == ["LegChanged", "CallEnded"]
    await socket.close()


async def test_agent_does_not_learn_that_somebody_listens(house: Any) -> None:
    agent, boss = await house.signed_in("agent", "usr_a"), await house.signed_in("supervisor", "usr_s")
    other = await house.signed_in("supervisor", "usr_t")
    watching = Leg(
        leg_id="leg_s", party="supervisor", agent_id="usr_s", state=call_pb2.LEG_STATE_CONNECTED,
        mode=call_pb2.SUPERVISION_MODE_LISTEN, supervised_agent_id="usr_a",
    )  # fmt: skip
    supervision = SupervisionChanged(call_id=CALL, supervisor_id="usr_s", agent_id="usr_a", mode=watching.mode)
    await publish(
        house,
        CallAnswered(call=conference(leg("a"))),
        supervision,
        LegMediaChanged(call_id=CALL, leg=watching, call_version=7),
        CallEnded(cdr=Cdr(call_id=CALL, agent_id="usr_a")),
    )
    assert await heard_by(agent) == ["CallAnswered", "CallEnded"]
    everything = ["CallAnswered", "SupervisionChanged", "LegMediaChanged", "CallEnded"]
    assert await heard_by(boss) == everything
    assert await heard_by(other) == everything
    for socket in (agent, boss, other):
        await socket.close()


async def test_agent_who_was_away_hears_what_happened_in_the_call_they_are_in(house: Any) -> None:
    first = await house.publish(CallAnswered(call=Call(call_id="call_2", agent_id="usr_x")))
    await publish(
        house,
        CallAnswered(call=conference(leg("a"), leg("b"))),
        LegMediaChanged(call_id=CALL, leg=leg("c", party="customer")),
        LegMediaChanged(call_id="call_2", leg=leg("x")),
        CallEnded(cdr=Cdr(call_id=CALL, agent_id="usr_a")),
        LegMediaChanged(call_id=CALL, leg=leg("c", party="customer")),
    )
    socket = await house.signed_in("agent", "usr_b")
    await socket.send(type="subscribe", topics=["facts"], since=first)
    await socket.until("subscribed")
    heard: list[str] = []
    while (message := await socket.next(10))["type"] == "event":
        assert message["replayed"]
        heard.append(message["fact"])
    assert message["complete"] and heard == ["CallAnswered", "LegMediaChanged", "CallEnded"]
    await socket.close()
