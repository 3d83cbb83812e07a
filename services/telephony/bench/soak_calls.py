"""The kinds of calls of the soak: how each comes, what happens in it, and how it goes.

Each is one function of the world. It fails (TimeoutError, AssertionError) when the call wasn't what it should be, and
leaves nobody behind either way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from google.protobuf.duration_pb2 import Duration
from kernel.errors import InvalidInput
from light_peer import LightPeer
from merkez.flows.v1 import run_service_pb2 as run
from soak_world import AGENT_HZ, CARRIER_HZ, COLLEAGUE_HZ, CUSTOMER_HZ, NUMBER, OURS, PHONE_HZ, World
from telephony.sip import Destination, Failure, Invitation, InviteWish, NameAddr, SipDialog
from testkit import eventually
from testkit.webrtc import Peer

from services.telephony.tests.neighbours import an_id, queue_instruction

Kind = Callable[[World], Awaitable[None]]


@asynccontextmanager
async def people(*tones: float) -> AsyncIterator[list[Peer]]:
    """Browsers with these tones, which leave at the end."""
    made = [Peer(tone) for tone in tones]
    try:
        yield made
    finally:
        await asyncio.gather(*(peer.close() for peer in made), return_exceptions=True)


async def talking(world: World, customer: Peer, agent: Peer) -> tuple[str, str]:
    """(call id, agent id) of a conversation, which is recorded."""
    agent_id = await world.sit_down(agent)
    call_id = await world.call(customer)
    await world.accept(call_id, agent_id)
    await asyncio.gather(customer.hears(AGENT_HZ), agent.hears(CUSTOMER_HZ))
    return call_id, agent_id


async def recorded_conversation(world: World) -> None:
    """Two browsers; hold, mute, digits; the agent hangs up."""
    async with people(CUSTOMER_HZ, AGENT_HZ) as (customer, agent):
        call_id, agent_id = await talking(world, customer, agent)
        await world.do("HoldCall", agent_id, call_id)
        await agent.hears_nothing()
        await world.do("ResumeCall", agent_id, call_id)
        await customer.hears(AGENT_HZ)
        await world.do("SendDigits", agent_id, call_id, digits="42#")
        await eventually(lambda: customer.digits == "42#")
        await world.do("HangUp", agent_id, call_id)
        await world.ended(call_id)
    recording = world.around.recording
    await eventually(lambda: recording.by_call.get(call_id) in recording.finished)


async def both_browsers_vanish(world: World) -> None:
    """Tabs that are killed: nobody says anything, and nobody comes back."""
    async with people(CUSTOMER_HZ, AGENT_HZ) as (customer, agent):
        call_id, _ = await talking(world, customer, agent)
        customer.vanish()
        agent.vanish()
        await world.ended(call_id)


async def gone_from_the_queue(world: World) -> None:
    """A customer hears music and leaves before anybody answers."""
    async with people(CUSTOMER_HZ) as (customer,):
        call_id = await world.call(customer)
        await customer.hears_sound()
        await customer.close()
        await world.ended(call_id)


async def trunk_call_in(world: World) -> None:
    """A carrier's caller talks with a browser, and says goodbye."""
    async with people(AGENT_HZ) as (agent,):
        agent_id = await world.sit_down(agent)
        started = world.around.flows.started
        before = len(started)
        dialog = await world.carrier.call(world.sip_port, OURS)
        assert isinstance(dialog, SipDialog), dialog
        await eventually(lambda: len(started) > before)
        call_id = started[before].call_id
        await world.accept(call_id, agent_id)
        await asyncio.gather(world.carrier.peer.hears(AGENT_HZ), agent.hears(CARRIER_HZ))
        await dialog.bye()
        await world.ended(call_id)


async def trunk_call_out(world: World) -> None:
    """An agent dials a number, and hangs up."""
    async with people(AGENT_HZ) as (agent,):
        agent_id = await world.sit_down(agent)
        call_id = await world.dial(agent_id, NUMBER)
        await asyncio.gather(world.carrier.peer.hears(AGENT_HZ), agent.hears(CARRIER_HZ))
        await world.do("HangUp", agent_id, call_id)
        await world.ended(call_id)


async def desk_phone(world: World) -> None:
    """A customer talks with an agent whose phone rings, and who hangs up on it."""
    phone = world.phone
    if phone is None:
        return
    async with people(CUSTOMER_HZ) as (customer,):
        call_id, before = await world.call(customer), len(phone.events)
        await world.accept(call_id, world.phone_agent)
        await phone.sees("CALL_INCOMING", since=before)
        await phone.answer()
        await asyncio.gather(phone.hears(CUSTOMER_HZ), customer.hears(PHONE_HZ))
        await phone.hang_up()
        await world.ended(call_id)


async def conference(world: World) -> None:
    """Customer, agent and a number consulted and joined; the customer leaves."""
    async with people(CUSTOMER_HZ, AGENT_HZ) as (customer, agent):
        call_id, agent_id = await talking(world, customer, agent)
        await world.do("ConsultCall", agent_id, call_id, number=NUMBER)
        await world.carrier.peer.hears(AGENT_HZ)
        await world.answered(agent_id, call_id)
        await world.do("JoinCall", agent_id, call_id)
        await customer.hears_all(AGENT_HZ, CARRIER_HZ)
        await customer.close()
        await world.ended(call_id)


async def transfer_to_a_number(world: World) -> None:
    """The agent gives the customer to a number, which hangs up."""
    async with people(CUSTOMER_HZ, AGENT_HZ) as (customer, agent):
        call_id, agent_id = await talking(world, customer, agent)
        await world.do("TransferCall", agent_id, call_id, number=NUMBER)
        await asyncio.gather(customer.hears(CARRIER_HZ), world.carrier.peer.hears(CUSTOMER_HZ))
        await world.carrier.dialogs[-1].bye()
        await world.ended(call_id)


async def transfer_to_a_queue(world: World) -> None:
    """The agent gives the customer to a queue, where a colleague accepts."""
    async with people(CUSTOMER_HZ, AGENT_HZ, COLLEAGUE_HZ) as (customer, agent, colleague):
        call_id, agent_id = await talking(world, customer, agent)
        colleague_id = await world.sit_down(colleague)
        await world.do("TransferCall", agent_id, call_id, queue_id=an_id("que"))
        await world.accept(call_id, colleague_id)
        # The customer alone may hear the like in the music.
        await asyncio.gather(customer.hears(COLLEAGUE_HZ), colleague.hears(CUSTOMER_HZ))
        await world.do("HangUp", colleague_id, call_id)
        await world.ended(call_id)


async def voicemail(world: World) -> None:
    """A greeting, a beep, a message that ends by silence."""
    record = run.RecordInstruction(
        audio=[run.Audio(text="Nobody is here.")], beep=True, max_duration=Duration(seconds=20), end_digit="#",
        agent_id=an_id("usr"), silence_timeout=Duration(seconds=1),
    )  # fmt: skip
    over = run.Instruction(hang_up=run.HangUpInstruction(cause="MESSAGE_LEFT"))
    flows, recording = world.around.flows, world.around.recording
    flows.steps = [run.Instruction(record=record), over]
    try:
        async with people(CUSTOMER_HZ) as (customer,):
            customer.microphone = False
            call_id = await world.call(customer)
            await customer.hears(1000.0, timeout=20)
            customer.microphone = True
            await eventually(lambda: call_id in recording.by_call, deadline=10)
            await asyncio.sleep(1.0)
            customer.microphone = False
            await world.ended(call_id)
        await eventually(lambda: recording.by_call[call_id] in recording.finished)
    finally:
        flows.steps = [queue_instruction()]


async def set_ups_that_fail(world: World) -> None:
    """A browser that never connects, an offer that is none, a number nobody has, a caller who gives up, a carrier that
    is busy."""
    silent = LightPeer()
    response = await world.offer(await silent.offer())
    await silent.close()
    try:
        await world.offer("v=0\r\nm=audio nonsense")
    except InvalidInput:
        pass
    else:
        raise AssertionError("an offer that is none was taken")
    refused = await world.carrier.call(world.sip_port, "+902125550199")
    assert isinstance(refused, Failure) and refused.status == 404, refused
    await _gives_up(world)
    carrier = world.carrier
    carrier.behave = _busy
    try:
        async with people(AGENT_HZ) as (agent,):
            await world.ended(await world.dial(await world.sit_down(agent), NUMBER))
    finally:
        carrier.behave = carrier.answer
    await world.ended(response.call_id)


async def _busy(invitation: Invitation) -> None:
    await invitation.refuse(486)


async def _gives_up(world: World) -> None:
    """An INVITE that is cancelled as soon as it is sent."""
    wish = InviteWish(
        target=f"sip:{OURS}@127.0.0.1:{world.sip_port}", caller=NameAddr("sip:+15550100199@127.0.0.1", "Zoe"),
        sdp=world.carrier.peer.describe(), hop=Destination("UDP", "127.0.0.1", world.sip_port),
    )  # fmt: skip
    over = asyncio.Event()
    attempt = await world.carrier.agent.invite(wish)

    def answered(dialog: SipDialog, sdp: str) -> None:
        del sdp
        # It was answered before the CANCEL came, as may be.
        world.carrier.agent.stack.spawn(dialog.bye(), "goodbye")
        over.set()

    attempt.on_answered = answered
    attempt.on_failed = lambda _failure: over.set()
    await attempt.cancel()
    await asyncio.wait_for(over.wait(), 10)


TOGETHER: tuple[Kind, ...] = (recorded_conversation, both_browsers_vanish, gone_from_the_queue, transfer_to_a_queue)
"""Some of these at a time."""
ALONE: tuple[Kind, ...] = (
    trunk_call_in, trunk_call_out, desk_phone, conference, transfer_to_a_number, voicemail, set_ups_that_fail,
)  # fmt: skip
"""One after the other: the carrier and the phone have one line."""
BY_NAME = {kind.__name__: kind for kind in (*TOGETHER, *ALONE)}
