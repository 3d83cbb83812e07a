"""A caller leaves a message: greeting, beep, what they say. It is recorded when something was said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chassis.telemetry import log
from merkez.flows.v1 import run_service_pb2 as run
from merkez.recording.v1 import recording_pb2

from telephony.domain.messages import EndedBy, MessageRules
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.recording import finish_recording, open_recording
from telephony.media.clips import Clip, ClipFailed
from telephony.media.recorder import Recording
from telephony.media.voicemail import MessageRecorder


async def take_message(house: House, live: LiveCall, instruction: run.Instruction, greeting: Sequence[Clip]) -> float:
    """Carry out a record instruction; seconds of the message, 0 when nothing was said.

    Cancelling it, as a hang-up does, keeps what was said until then.
    """
    wish = instruction.record
    rules = MessageRules.of(
        wish.max_duration.ToTimedelta().total_seconds(),
        wish.silence_timeout.ToTimedelta().total_seconds(),
        wish.end_digit,
    )
    await _play(live, greeting, await _beep(house, wish), rules)
    return await _record(house, live, instruction, rules)


async def _record(house: House, live: LiveCall, instruction: run.Instruction, rules: MessageRules) -> float:
    opening: list[asyncio.Task[None]] = []

    def begin(recording: Recording) -> None:
        opening.append(house.tasks.spawn(_open(house, live, recording, instruction), "open voicemail"))

    recorder = MessageRecorder(live.tenant_id, house.plane.ticker, rules, begin)
    live.listen(recorder.tap)
    try:
        await _until_ended(live, recorder)
    finally:
        live.listen(None)
        seconds = recorder.stop()
        recording = recorder.recording
        if recording is not None:
            # At once when the key is here; else when it comes.
            opening[0].add_done_callback(lambda _: finish_recording(house, live, recording))
    log.info("a message was left", call_id=live.call_id, seconds=round(seconds, 1), ended_by=recorder.ended.result())
    return seconds


async def _open(house: House, live: LiveCall, recording: Recording, instruction: run.Instruction) -> None:
    call, wish = live.call, instruction.record
    message = recording_pb2.Recording(
        call_id=call.call_id, contact_id=call.contact_id, brand_id=call.brand_id, customer_id=call.customer_id,
        queue_id=wish.queue_id, agent_id=wish.agent_id, kind=recording_pb2.RECORDING_KIND_VOICEMAIL,
        caller_number=call.customers_number,
    )  # fmt: skip
    # Begun anew after a move to another node it is another message: the first one's parts have their numbers already.
    part = f"/{instruction.run_id}/{instruction.sequence}{live.part}"
    await open_recording(house, live, recording, message, part, house.now())


async def _until_ended(live: LiveCall, recorder: MessageRecorder) -> EndedBy:
    """The end by silence, length or digit. Keys that were pressed before the beep count for nothing."""
    while not live.pressed.empty():
        live.pressed.get_nowait()
    while not recorder.ended.done():
        digit = asyncio.get_running_loop().create_task(live.pressed.get())
        try:
            await asyncio.wait({digit, recorder.ended}, return_when=asyncio.FIRST_COMPLETED)
            if digit.done():
                recorder.press(digit.result())
        finally:
            digit.cancel()
    return recorder.ended.result()


async def _play(live: LiveCall, greeting: Sequence[Clip], beep: Sequence[Clip], rules: MessageRules) -> None:
    """Who knows the greeting may cut it short with the end digit: then the beep alone is played."""
    playing = live.say([*greeting, *beep])
    while not playing.done():
        digit = asyncio.get_running_loop().create_task(live.pressed.get())
        try:
            await asyncio.wait({digit, playing}, return_when=asyncio.FIRST_COMPLETED)
            if digit.done() and digit.result() == rules.end_digit and not playing.done():
                await live.say(beep)
        finally:
            digit.cancel()


async def _beep(house: House, wish: run.RecordInstruction) -> list[Clip]:
    if not wish.beep:
        return []
    try:
        return [await house.clips.message_beep()]
    except ClipFailed as error:
        log.warning("a message is taken without a beep", exc_info=error)
        return []
