"""Runs between the contract's messages and the domain."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.instants import duration_out, time_out
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.flows.v1 import run_service_pb2 as pb

from flows.domain.runs import (
    Audio,
    Call,
    Digits,
    EndCall,
    Event,
    Finished,
    Gather,
    Instruction,
    PlayAudio,
    Proceed,
    QueueTick,
    Run,
    RunStep,
    TimedOut,
    Wait,
    WaitInQueue,
)  # fmt: skip

_MAX_DIGITS = 64


def call_from(request: pb.StartRunRequest) -> Call:
    """The call a run begins for."""
    return Call(
        call_id=require_id("call", request.call_id, "call_id"),
        flow_id=require_id("flw", request.flow_id, "flow_id"),
        brand_id=request.brand_id,
        brand_name=request.brand_name,
        language=request.language,
        caller_number=request.caller_number,
        caller_name=request.caller_name,
        dialed_number=request.dialed_number,
        attributes=dict(request.attributes),
    )


def event_from(request: pb.AdvanceRunRequest) -> Event:
    """What telephony reports. InvalidInput for no event, or digits that no keypad has."""
    digits = request.digits
    if len(digits) > _MAX_DIGITS or digits.strip("0123456789*#ABCD"):
        raise InvalidInput.of("digits", "must be up to 64 of 0-9 * # A-D")
    match request.event:
        case pb.RUN_EVENT_KIND_FINISHED:
            return Finished()
        case pb.RUN_EVENT_KIND_DIGITS:
            return Digits(digits)
        case pb.RUN_EVENT_KIND_TIMEOUT:
            return TimedOut(digits)
        case pb.RUN_EVENT_KIND_QUEUE_TICK:
            return QueueTick()
        case pb.RUN_EVENT_KIND_PROCEED:
            return Proceed()
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
                )
            )
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
    )


def _audio(items: Sequence[Audio]) -> list[pb.Audio]:
    return [
        pb.Audio(text=item.text, prompt_id=item.prompt_id, language=item.language, personal=item.personal)
        for item in items
    ]
