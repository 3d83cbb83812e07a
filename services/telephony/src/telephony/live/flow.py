"""Drives one call through its flow: flows says what is to be heard, this plays it and reports what came of it.

Every report carries the sequence of the instruction it is about, so it can be repeated: while flows is away the
customer hears music and the same report is sent again until it answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from time import monotonic

from chassis.lifecycle import Tasks
from chassis.statuses import RemoteFailed
from chassis.telemetry import log, tracer
from kernel.errors import Conflict, DomainError, QuotaExceeded, Unavailable
from merkez.flows.v1 import run_service_pb2 as run

from telephony.domain import after_agent, callbacks, calls, transfers
from telephony.domain.call_rules import ParkEnd
from telephony.domain.calls import Call, CallState, EndCause
from telephony.domain.flow_dials import instruction_of
from telephony.live.asking import Asking
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.instructions import DialInFlow, Dialled, DialOrder, Told
from telephony.live.voicemail import take_message
from telephony.media.clips import Clip, ClipFailed
from telephony.ops import calls as ops

_FILLER_AFTER = 0.8
_RETRY = (0.2, 0.5, 1.0, 2.0, 3.0)
_LEARN_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_REPORT_TIMEOUT = 10.0
_RESUME_PATIENCE = 10.0
"""A customer whose agent has left isn't kept for long by what can't be asked."""
_WORK_TIMEOUT = 65.0
_FAILED_TRIES = 3
_DEFAULT_TICK = 30.0
_DEFAULT_RING = 30.0


class FlowFailed(Exception):
    """Flows refused the run, or could not be reached for too long."""


def learn(house: House, live: LiveCall, call: Call, dial: DialInFlow) -> None:
    """An agent is joined. Where they were faster than flows' answer that the call waits, find out what follows them."""
    if live.waits_as or not after_agent.may_go_on(call):
        return

    async def ask() -> None:
        await FlowDriver(house, live, dial).learn()

    house.tasks.spawn(ask(), "learn what follows the agent")


class FlowDriver:
    """The run of one call. `drive` returns the cause to end the call with; joining cancels it."""

    def __init__(self, house: House, live: LiveCall, dial: DialInFlow) -> None:
        self._house = house
        self._live = live
        self._dial_number = dial
        self._run_id = ""
        self._turn = live.call.turn
        waits = live.call.state is CallState.QUEUED or live.call.kept_run_id
        self._contact_id = live.call.contact_id if waits else ""
        self._dequeued = ""
        """Contact whose end was reported already."""
        self._tasks = Tasks("flow driver")

    async def drive(self) -> str:
        """Carry out the flow until it hangs up; the end cause."""
        self._live.waits_as = ""
        try:
            instruction = await self._ask(self._start)
            while True:
                self._keep(instruction)
                if instruction.WhichOneof("action") == "hang_up":
                    await self._play(instruction.hang_up.audio)
                    return self._cause(instruction.hang_up.cause or "FLOW_ENDED")
                told = await self._carry_out(instruction)
                instruction = await self._ask(self._report(instruction, told))
        except Exception as error:
            if not isinstance(error, FlowFailed):
                log.error("a call's flow broke", call_id=self._live.call_id, exc_info=error)
            if self._run_id or not self._live.call.resumed:  # who has talked with an agent was to be asked, no more
                await self._apologize()
            return EndCause.FLOW_FAILED
        finally:
            await self._tasks.close()

    async def learn(self) -> None:
        """Note whether the run goes on after the agent who has come already. The turn that let the call wait may still
        be under way in flows: until it is done the newest instruction is an older one."""
        for pause in _LEARN_PAUSES:
            try:
                instruction = await self._persist(self._start)
            except FlowFailed:
                return
            if not self._live.talking or self._live.call.turn != self._turn:
                return
            if instruction.queue.contact_id == self._live.call.contact_id:
                self._keep(instruction)
                return
            await asyncio.sleep(pause)

    def _cause(self, cause: str) -> str:
        """Nobody took a parked call back, and it was to end then: that is why it ended."""
        call = self._live.call
        ends = transfers.recalled(call) and call.rules.park_end is ParkEnd.HANG_UP
        return EndCause.PARK_TIMEOUT if ends and cause == "FLOW_ENDED" else cause

    async def _apologize(self) -> None:
        """Said where it can be: without it the call must end all the same."""
        try:
            await self._live.say(await self._house.phrase("trouble", self._live.call.language))
        except Exception as error:
            log.error("a caller hears no apology", call_id=self._live.call_id, exc_info=error)

    # -- flows -----------------------------------------------------------------------------------------------

    async def _start(self) -> run.Instruction:
        call = self._live.call
        if call.resumed and call.served is not None:
            resume = run.ResumeRunRequest(
                run_id=call.run_id, contact_id=call.served.contact_id, agent_id=call.served.agent_id,
                queue_id=call.queue_id,
            )  # fmt: skip
            instruction = await self._house.flows.resume_run(self._live.tenant_id, resume)
            self._run_id = instruction.run_id
            return instruction
        request = run.StartRunRequest(
            call_id=call.call_id,
            flow_id=call.flow_id,
            brand_id=call.brand_id,
            brand_name=call.brand_name,
            language=call.language,
            caller_number=call.customers_number,
            caller_name=call.caller_name,
            dialed_number=call.companys_number,
            attributes=call.attributes,
            turn=call.turn,
            previous_contact_id=call.contact_id if call.turn else "",
            return_agent_id=call.sent_by if call.sent_to.startswith("agent:") else "",
            kept_run_id=call.kept_run_id,
        )
        kind, _, target = call.sent_to.partition(":")
        match kind:
            case "queue":
                request.queue_id = target
            case "agent":
                request.agent_id = target
            case "flow":
                request.flow_id = target
            case transfers.RECALL:
                request.agent_id = target
                if call.rules.park_end is ParkEnd.QUEUE and call.queue_id:
                    request.otherwise_queue_id = call.queue_id
                elif call.rules.park_end is ParkEnd.HANG_UP:
                    request.otherwise_end = True
            case "voicemail":
                request.voicemail_of_agent_id = target
            case callbacks.CALLBACK:
                # Told first, and again by whoever adopts the call: from now on their agent rings.
                waits = await self._house.routing.answer_callback(self._live.tenant_id, target, call.call_id)
                request.queue_id, request.waiting_contact_id = waits.queue_id, target
                request.greeting_prompt_id = waits.greeting_prompt_id
            case _:
                pass
        instruction = await self._house.flows.start_run(self._live.tenant_id, request)
        self._run_id = instruction.run_id
        self._note(calls.run_started(self._turn, instruction.run_id, instruction.release_id), "run started")
        return instruction

    def _report(self, instruction: run.Instruction, told: Told) -> Callable[[], Awaitable[run.Instruction]]:
        request = run.AdvanceRunRequest(
            run_id=self._run_id, sequence=instruction.sequence, event=told.event, digits=told.digits, detail=told.detail
        )
        if told.event in (run.RUN_EVENT_KIND_RECORDED, run.RUN_EVENT_KIND_DIAL_ENDED):
            request.duration.FromTimedelta(told.duration)
        timeout = _WORK_TIMEOUT if told.event == run.RUN_EVENT_KIND_PROCEED else _REPORT_TIMEOUT
        return lambda: self._house.flows.advance_run(self._live.tenant_id, request, timeout)

    async def _ask(self, call: Callable[[], Awaitable[run.Instruction]]) -> run.Instruction:
        """Flows' answer; music covers a wait that would be noticed as silence."""
        with tracer.start_as_current_span("flow", context=self._live.trace):
            asking = self._tasks.spawn(self._persist(call), "ask flows")
        done, _ = await asyncio.wait({asking}, timeout=_FILLER_AFTER)
        if not done:
            # keep_playing leaves queue music that plays already as it is.
            self._live.earpiece.keep_playing(self._house.music)
        return await asking

    async def _persist(self, call: Callable[[], Awaitable[run.Instruction]]) -> run.Instruction:
        """Ask until flows answers. FlowFailed when it refuses or stays away too long."""
        began, tries, failures = monotonic(), 0, 0
        while True:
            await self._house.pulse.owned()
            try:
                return await call()
            except (Unavailable, Conflict, QuotaExceeded) as error:
                wait: DomainError | RemoteFailed = error
            except DomainError as error:
                log.warning("flows refused a run", call_id=self._live.call_id, reason=error.reason)
                raise FlowFailed from error
            except RemoteFailed as error:
                failures += 1
                wait = error
                if failures >= _FAILED_TRIES:
                    log.error("flows keeps failing", call_id=self._live.call_id, exc_info=error)
                    raise FlowFailed from error
            resuming = self._live.call.resumed and not self._run_id
            patience = self._house.settings.flow_patience_seconds
            if monotonic() - began > (min(patience, _RESUME_PATIENCE) if resuming else patience):
                log.error("flows stayed away too long", call_id=self._live.call_id, exc_info=wait)
                raise FlowFailed from wait
            await asyncio.sleep(_RETRY[min(tries, len(_RETRY) - 1)] * random.uniform(0.8, 1.2))
            tries += 1

    def _keep(self, instruction: run.Instruction) -> None:
        """Store where the call stands by now."""
        action = instruction.WhichOneof("action")
        self._live.waits_as = instruction.queue.contact_id
        if action == "queue" and self._contact_id != instruction.queue.contact_id:
            self._contact_id = instruction.queue.contact_id
            goes_on = instruction.queue.goes_on_after_agent
            self._note(calls.queued(self._turn, self._contact_id, self._run_id, goes_on=goes_on), "call queued")
        elif self._contact_id and action in ("gather", "hang_up", "wait", "dial", "record"):
            self._contact_id = ""
            self._note(calls.went_on(self._run_id), "call left queue")

    def _note(self, change: calls.Change, name: str) -> None:
        self._live.journal.note(ops.change_calls, ops.CallChange(self._live.call_id, change), name)

    # -- what instructions mean ------------------------------------------------------------------------------

    async def _carry_out(self, instruction: run.Instruction) -> Told:
        match instruction.WhichOneof("action"):
            case "play":
                await self._play(instruction.play.audio)
                return Told(run.RUN_EVENT_KIND_FINISHED)
            case "gather":
                clips = await self._clips(instruction.gather.audio)
                await self._connected()
                return await Asking(self._house, self._live, self._tasks).ask(instruction.gather, clips)
            case "wait":
                filler = await self._filler(instruction.wait.filler)
                self._live.earpiece.keep_playing(filler)
                return Told(run.RUN_EVENT_KIND_PROCEED)
            case "queue":
                await self._queue(instruction.queue)
                return Told(run.RUN_EVENT_KIND_QUEUE_TICK)
            case "dial":
                return await self._dial(instruction)
            case "record":
                clips = await self._clips(instruction.record.audio)
                await self._connected()
                seconds = await take_message(self._house, self._live, instruction, clips)
                return Told(run.RUN_EVENT_KIND_RECORDED, duration=timedelta(seconds=seconds))
            case other:
                log.error("flows gave an unknown instruction", call_id=self._live.call_id, action=other)
                raise FlowFailed

    async def _play(self, audio: Sequence[run.Audio]) -> None:
        clips = await self._clips(audio)
        await self._connected()
        if clips:
            await self._live.say(clips)

    async def _queue(self, queue: run.QueueInstruction) -> None:
        """Music for one interval, and what is said once over it; no longer than the contact waits."""
        music = self._house.music
        if queue.music_prompt_id:
            found = await self._clip(run.Audio(prompt_id=queue.music_prompt_id), self._house.clips.music)
            music = found or music
        clips = await self._clips(queue.audio)
        await self._connected()
        if clips:
            await self._live.earpiece.announce(clips, music)
        else:
            self._live.earpiece.keep_playing(music)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(queue.tick_interval.ToTimedelta().total_seconds() or _DEFAULT_TICK):
                await self._live.until(lambda: self._over(queue.contact_id))
                self._dequeued = queue.contact_id

    def _over(self, contact_id: str) -> bool:
        """Whether the rows say that the contact doesn't wait any more, and flows hasn't heard so from here."""
        call = self._live.call
        return call.state is CallState.IN_FLOW and call.contact_id == contact_id != self._dequeued

    async def _dial(self, instruction: run.Instruction) -> Told:
        """Ring a number and wait for the end of what comes of it."""
        dial = instruction.dial
        clips = await self._clips(dial.audio)
        await self._connected()
        # Until the rows say that it is rung, which is as long as the database is away.
        self._live.earpiece.play(clips or [self._house.ringback], loop=True)
        order = DialOrder(
            instruction=instruction_of(self._run_id, instruction.sequence),
            number=dial.number,
            caller_number=dial.caller_number,
            ring_seconds=dial.timeout.ToTimedelta().total_seconds() or _DEFAULT_RING,
            sound=clips,
            people_only=dial.people_only,
        )
        try:
            dialled = await self._dial_number(self._live, order)
        except DomainError as error:
            log.info("flows can't dial", call_id=self._live.call_id, reason=error.reason)
            dialled = Dialled(error.reason)
        self._live.earpiece.stop()
        if dialled.failure:
            return Told(run.RUN_EVENT_KIND_DIAL_FAILED, detail=dialled.failure)
        return Told(run.RUN_EVENT_KIND_DIAL_ENDED, duration=dialled.talk)

    async def _filler(self, name: str) -> Clip:
        if name == "tone":
            try:
                return await self._house.clips.ringback()
            except ClipFailed:
                pass
        return self._house.music

    # -- sound -----------------------------------------------------------------------------------------------

    async def _clips(self, audio: Sequence[run.Audio]) -> list[Clip]:
        """What is to be heard, made at the same time; what can't be made is left out and logged."""
        made = await asyncio.gather(*(self._clip(item) for item in audio))
        return [clip for clip in made if clip is not None]

    async def _clip(self, audio: run.Audio, of_file: Callable[[bytes], Awaitable[Clip]] | None = None) -> Clip | None:
        try:
            if audio.prompt_id:
                data = await self._house.flows.prompt_audio(self._live.tenant_id, audio.prompt_id)
                return await (of_file or self._house.clips.file)(data)
            if audio.text.strip():
                language = audio.language or self._live.call.language
                return await self._house.clips.speech(audio.text, language, personal=audio.personal)
        except (ClipFailed, DomainError, RemoteFailed) as error:
            log.warning(
                "something to be heard is left out",
                call_id=self._live.call_id,
                prompt_id=audio.prompt_id,
                exc_info=error,
            )
        return None

    async def _connected(self) -> None:
        """Nothing is said before the customer can hear it."""
        await self._live.customer_connected()
