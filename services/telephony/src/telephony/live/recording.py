"""Recording a call: packets are taken from the instant of joining, whenever recording gives the key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import DomainError
from merkez.recording.v1 import recording_pb2

from telephony.domain.call_rules import CallRules, RecordingTone
from telephony.domain.calls import Call, recorded_as
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.media.clips import ClipFailed
from telephony.media.recorder import Recording
from telephony.media.recording_notice import RecordingNotice
from telephony.media.segment_files import Finish
from telephony.media.tracks import Entry
from telephony.ops import calls as ops

_PAUSES = (0.1, 0.3, 1.0, 3.0, 5.0)
_GIVE_UP_SECONDS = 900.0


def record(house: House, live: LiveCall, call: Call) -> None:
    """Begin; `live.follow` puts the taps on. The recording finishes by itself when the call is released."""
    loop = asyncio.get_running_loop()
    live.recording = Recording(live.tenant_id, loop)
    if call.rules.tone is not RecordingTone.NONE:
        house.tasks.spawn(_give_notice(house, live, call.rules), "tell that it is recorded")
    live.recording_task = house.tasks.spawn(_open(house, live, live.recording, call), "open recording")


async def _give_notice(house: House, live: LiveCall, rules: CallRules) -> None:
    try:
        tone = await house.clips.recording_beep()
    except ClipFailed as error:
        log.error("nobody hears that the call is recorded", call_id=live.call_id, exc_info=error)
        return
    if live.recording is not None and not live.ending:
        again = rules.tone_seconds if rules.tone is RecordingTone.REPEATED else None
        live.notice = RecordingNotice(live.room, tone, again)
        live.tell_recorded()


def finish(house: House, live: LiveCall) -> None:
    """The conversation is over: seal the rest. Without a key yet, that happens when it comes."""
    recording, task = live.recording, live.recording_task
    if recording is None or task is None:
        return
    live.recording = None
    if task.done():
        finish_recording(house, live, recording)
    else:
        recording.stop_clock()
        task.add_done_callback(lambda _: finish_recording(house, live, recording))


def end_part(house: House, live: LiveCall) -> None:
    """The agents have left, and what the customer tells flows is nobody's to hear: the recording ends, and who joins
    them later begins another one."""
    finish(house, live)
    live.part = f":{live.call.version}"
    if live.notice is not None:
        live.notice.close()
        live.notice = None


async def _open(house: House, live: LiveCall, recording: Recording, call: Call) -> None:
    wish = recording_pb2.Recording(
        call_id=call.call_id, contact_id=call.contact_id, brand_id=call.brand_id, queue_id=call.queue_id,
        agent_id=call.agent_id, customer_id=call.customer_id,
    )  # fmt: skip
    # To the moment: by it and its length one sees what is missing between this part and the next one.
    start = house.now() - timedelta(seconds=recording.seconds)
    await open_recording(house, live, recording, wish, live.part, start)
    recording_id = recording.recording_id
    if recording_id:
        begun = ops.CallChange(call.call_id, recorded_as(recording_id))
        live.journal.note(ops.change_calls, begun, "recording begun")


async def open_recording(
    house: House,
    live: LiveCall,
    recording: Recording,
    wish: recording_pb2.Recording,
    part: str,
    start: datetime,
) -> None:
    """Get the key, however long recording is away; give up after a quarter of an hour."""
    waited, tries = 0.0, 0
    while True:
        try:
            key = await house.recordings.start(live.tenant_id, wish, part, start)
            break
        except (DomainError, RemoteFailed) as error:
            if tries == 0 or waited > _GIVE_UP_SECONDS:
                log.warning("a recording can't begin yet", call_id=live.call_id, exc_info=error)
            if waited > _GIVE_UP_SECONDS:
                return
            pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
            await asyncio.sleep(pause)
            waited, tries = waited + pause, tries + 1

    def keep(segments: Sequence[Entry]) -> None:
        house.spool.keep(live.tenant_id, key.recording_id, segments)

    house.spool.begin(live.tenant_id, key.recording_id)
    recording.open(key, keep, house.spool.tails)


def finish_recording(house: House, live: LiveCall, recording: Recording) -> None:
    """Seal the rest and say that no more follows."""
    seconds, counts = recording.finish()
    if recording.recording_id:
        house.spool.finish(Finish(live.tenant_id, recording.recording_id, seconds, counts, recording.presences))
    else:
        log.error("a call could not be recorded", call_id=live.call_id)
