"""Runs between the contract's messages and the domain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from chassis.instants import duration_in, duration_out, time_out
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.flows.v1 import run_service_pb2 as pb
from merkez.routing.v1 import contact_pb2

from flows.convert.channels import channel_from
from flows.domain.deeds import AgentLeft
from flows.domain.orders import Audio, Dial, EndCall, Gather, PlayAudio, Record, Wait, WaitInQueue
from flows.domain.runs import (
    Call,
    ContactKind,
    DialEnded,
    DialFailed,
    Digits,
    Event,
    Finished,
    HandedOn,
    How,
    Instruction,
    Proceed,
    QueueTick,
    Recorded,
    Run,
    RunStep,
    TimedOut,
)

_MAX_DIGITS = 64
_MAX_TURNS = 1000
_DETAIL = re.compile(r"[A-Z0-9_]{0,64}")


def call_from(request: pb.StartRunRequest, transfer_wait: timedelta) -> Call:
    """The call a run begins for, and how it came to it. One agent is waited for `transfer_wait`."""
    if not 0 <= request.turn <= _MAX_TURNS:
        raise InvalidInput.of("turn", f"must be 0 to {_MAX_TURNS}")
    origin = _origin_from(request, transfer_wait)
    return Call(
        call_id=require_id("call", request.call_id, "call_id"),
        flow_id="" if origin.to else require_id("flw", request.flow_id, "flow_id"),
        turn=request.turn,
        origin=origin,
        brand_id=request.brand_id,
        brand_name=request.brand_name,
        language=request.language,
        caller_number=request.caller_number,
        caller_name=request.caller_name,
        dialed_number=request.dialed_number,
        attributes=dict(request.attributes),
        channel=channel_from(request.channel, "channel") or "voice",
        kept_run_id=require_id("run", request.kept_run_id, "kept_run_id") if request.kept_run_id else "",
    )


def agent_left_from(request: pb.ResumeRunRequest) -> AgentLeft:
    """After whom a run goes on."""
    return AgentLeft(
        require_id("con", request.contact_id, "contact_id"),
        require_id("usr", request.agent_id, "agent_id"),
        require_id("que", request.queue_id, "queue_id") if request.queue_id else "",
    )


def _origin_from(request: pb.StartRunRequest, transfer_wait: timedelta) -> HandedOn:
    to = request.WhichOneof("target") or ""
    kind = ContactKind.TRANSFER if request.turn else ContactKind.INBOUND
    if request.contact_kind:
        try:
            kind = ContactKind(contact_pb2.ContactKind.Name(request.contact_kind).removeprefix("CONTACT_KIND_"))
        except ValueError as error:
            raise InvalidInput.of("contact_kind", "is not a value this version knows") from error
    if kind is ContactKind.OUTBOUND:
        raise InvalidInput.of("contact_kind", "can't be OUTBOUND: such a contact does not wait")
    if (kind is ContactKind.CONSULT) != bool(request.consulting_agent_id):
        raise InvalidInput.of("consulting_agent_id", "goes with a CONSULT, and a CONSULT with it")
    if kind is ContactKind.CONSULT and to not in ("queue_id", "agent_id"):
        raise InvalidInput.of("target", "of a CONSULT must be a queue or an agent")
    if request.WhichOneof("otherwise") and (to != "agent_id" or kind is ContactKind.CONSULT):
        raise InvalidInput.of("otherwise", "goes with a call that waits for an agent")
    if request.waiting_contact_id and to != "queue_id":
        raise InvalidInput.of("waiting_contact_id", "goes with queue_id")
    if request.greeting_prompt_id and not request.waiting_contact_id:
        raise InvalidInput.of("greeting_prompt_id", "goes with waiting_contact_id")
    for prefix, name in (
        ("con", "previous_contact_id"), ("usr", "consulting_agent_id"), ("usr", "return_agent_id"),
        ("que", "otherwise_queue_id"), ("con", "waiting_contact_id"), ("prm", "greeting_prompt_id"),
    ):  # fmt: skip
        if getattr(request, name):
            require_id(prefix, getattr(request, name), name)
    return HandedOn(
        contact_kind=kind,
        previous_contact_id=request.previous_contact_id,
        consulting_agent_id=request.consulting_agent_id,
        return_agent_id=request.return_agent_id,
        to=to,
        target=require_id("que" if to.endswith("queue_id") else "usr", getattr(request, to), to) if to else "",
        max_wait=transfer_wait,
        otherwise_queue_id=request.otherwise_queue_id,
        otherwise_end=request.otherwise_end,
        waiting_contact_id=request.waiting_contact_id,
        greeting_prompt_id=request.greeting_prompt_id,
    )


def event_from(request: pb.AdvanceRunRequest) -> Event:
    """What telephony reports. InvalidInput for no event, digits that no keypad has, or a detail that is none."""
    if not _DETAIL.fullmatch(request.detail):
        raise InvalidInput.of("detail", "must be up to 64 of A-Z 0-9 _")
    duration = duration_in(request, "duration") or timedelta(0)
    if duration < timedelta(0):
        raise InvalidInput.of("duration", "must not be negative")
    digits = request.digits
    if len(digits) > _MAX_DIGITS or digits.strip("0123456789*#ABCD"):
        raise InvalidInput.of("digits", "must be up to 64 of 0-9 * # A-D")
    match request.event:
        case pb.RUN_EVENT_KIND_FINISHED:
            return Finished()
        case pb.RUN_EVENT_KIND_DIGITS:
            return Digits(digits, How(request.detail) if request.detail in set(How) else How.PRESSED)
        case pb.RUN_EVENT_KIND_TIMEOUT:
            return TimedOut(digits)
        case pb.RUN_EVENT_KIND_QUEUE_TICK:
            return QueueTick()
        case pb.RUN_EVENT_KIND_PROCEED:
            return Proceed()
        case pb.RUN_EVENT_KIND_DIAL_FAILED:
            return DialFailed(request.detail)
        case pb.RUN_EVENT_KIND_DIAL_ENDED:
            return DialEnded(duration)
        case pb.RUN_EVENT_KIND_RECORDED:
            return Recorded(duration)
        case _:
            raise InvalidInput.of("event", "is required")


def to_instruction(instruction: Instruction) -> pb.Instruction:
    """An instruction as telephony reads it."""
    made = pb.Instruction(
        run_id=instruction.run_id,
        sequence=instruction.sequence,
        release_id=instruction.release_id,
        step_id=instruction.step_id,
    )
    match instruction.order:
        case PlayAudio(audio):
            made.play.CopyFrom(pb.PlayInstruction(audio=_audio(audio)))
        case Gather() as gather:
            made.gather.CopyFrom(
                pb.GatherInstruction(
                    audio=_audio(gather.audio),
                    max_digits=gather.max_digits,
                    terminator=gather.terminator,
                    timeout=duration_out(gather.timeout),
                    masked=gather.masked,
                    spoken=[pb.SpokenChoice(phrase=each.phrase, digit=each.digit) for each in gather.spoken],
                    language=gather.language,
                )
            )
        case Wait(filler):
            made.wait.CopyFrom(pb.WaitInstruction(filler=filler))
        case WaitInQueue() as queue:
            made.queue.CopyFrom(
                pb.QueueInstruction(
                    contact_id=queue.contact_id,
                    music_prompt_id=queue.music_prompt_id,
                    tick_interval=duration_out(queue.tick_interval),
                    audio=_audio(queue.audio),
                    goes_on_after_agent=queue.goes_on,
                )
            )
        case Dial() as dial:
            made.dial.CopyFrom(
                pb.DialInstruction(
                    number=dial.number,
                    caller_number=dial.caller_number,
                    timeout=duration_out(dial.timeout),
                    audio=_audio(dial.audio),
                    people_only=dial.people_only,
                )
            )
        case Record() as record:
            made.record.CopyFrom(_record(record))
        case EndCall(audio, cause):
            made.hang_up.CopyFrom(pb.HangUpInstruction(audio=_audio(audio), cause=cause))
    return made


def to_run(run: Run, steps: Sequence[RunStep]) -> pb.Run:
    """A run as people read it; masked values are masks already."""
    return pb.Run(
        run_id=run.run_id,
        call_id=run.call_id,
        flow_id=run.flow_id,
        release_id=run.release_id,
        attributes=dict(run.state.attributes),
        steps=[
            pb.RunStep(
                sequence=step.sequence,
                step_id=step.step_id,
                outcome=step.outcome,
                create_time=time_out(step.create_time),
            )
            for step in steps
        ],
        create_time=time_out(run.create_time),
        end_time=time_out(run.end_time),
        turn=run.turn,
    )


def _record(record: Record) -> pb.RecordInstruction:
    made = pb.RecordInstruction(
        audio=_audio(record.audio),
        beep=record.beep,
        max_duration=duration_out(record.max_duration),
        silence_timeout=duration_out(record.silence_timeout),
        end_digit=record.end_digit,
    )
    setattr(made, record.mailbox, record.owner)
    return made


def _audio(items: Sequence[Audio]) -> list[pb.Audio]:
    return [
        pb.Audio(text=item.text, prompt_id=item.prompt_id, language=item.language, personal=item.personal)
        for item in items
    ]
