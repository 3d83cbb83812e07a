"""Flows and prompts between the contract's messages and the domain."""

from __future__ import annotations

from typing import Any

from chassis.instants import duration_in, duration_out, time_out
from merkez.flows.v1 import flow_pb2

from flows.convert import steps as steps_of
from flows.domain import definitions as d
from flows.domain.flows import Flow, Place, Release
from flows.domain.prompts import Prompt
from flows.domain.templates import Template

_SEVERITIES = {
    d.Severity.WARNING: flow_pb2.SEVERITY_WARNING,
    d.Severity.ERROR: flow_pb2.SEVERITY_ERROR,
}


def definition_from(message: flow_pb2.Definition) -> d.Definition:
    """The definition a client sent; validation judges it, not this."""
    steps = tuple(d.Step(step.step_id, step.display_name, _action_from(step)) for step in message.steps)
    given, made = (steps_of.parameters_from(each) for each in (message.inputs, message.outputs))
    return d.Definition(message.start, steps, message.language, given, made)


def layout_from(flow: flow_pb2.Flow) -> dict[str, Place]:
    """The places a client gave."""
    return {step_id: Place(place.x, place.y) for step_id, place in flow.layout.items()}


def _action_from(step: flow_pb2.Step) -> d.Action | None:
    kind = step.WhichOneof("kind")
    return _FROM[kind](getattr(step, kind)) if kind else None


def _menu_from(menu: flow_pb2.Menu) -> d.Menu:
    choices = tuple(d.Choice(choice.digit, choice.value, choice.next, tuple(choice.phrases)) for choice in menu.choices)
    return d.Menu(
        steps_of.utterance_from(menu.utterance), choices, duration_in(menu, "timeout"), menu.attempts,
        steps_of.utterance_from(menu.invalid), menu.no_match,
    )  # fmt: skip


def _collect_from(m: flow_pb2.Collect) -> d.Collect:
    return d.Collect(
        steps_of.utterance_from(m.utterance), m.attribute, m.min_digits, m.max_digits, m.terminator,
        duration_in(m, "timeout"), m.attempts, m.next, m.no_match, m.masked,
    )  # fmt: skip


def _http_from(m: flow_pb2.HttpRequest) -> d.HttpRequest:
    return d.HttpRequest(
        m.method, m.url, dict(m.headers), m.body, dict(m.extract), duration_in(m, "timeout"), m.retries, m.filler,
        m.next, m.failed,
    )  # fmt: skip


def _queue_from(m: flow_pb2.Queue) -> d.Queue:
    return d.Queue(
        m.queue_id, dict(m.skills), m.priority, m.music_prompt_id, duration_in(m, "announce_interval"),
        duration_in(m, "max_wait"), m.timed_out, m.closed, m.nobody_staffed, m.full, m.announce_only_improved,
        m.preferred, m.preferred_attribute, m.no_match, m.no_answer, m.most_offers, m.by_rules, m.abandoned,
        m.after_agent,
    )  # fmt: skip


def _transfer_from(m: flow_pb2.Transfer) -> d.Transfer:
    to = m.WhichOneof("target") or ""
    return d.Transfer(
        to, getattr(m, to) if to else "", m.caller_number, duration_in(m, "timeout"), m.music_prompt_id, m.next,
        m.failed, m.people_only,
    )  # fmt: skip


def _voicemail_from(m: flow_pb2.Voicemail) -> d.Voicemail:
    mailbox = m.WhichOneof("mailbox") or ""
    return d.Voicemail(
        steps_of.utterance_from(m.utterance), mailbox, getattr(m, mailbox) if mailbox else "",
        duration_in(m, "max_duration"), duration_in(m, "silence_timeout"), m.end_digit, m.without_beep, m.next,
    )  # fmt: skip


def _callback_offer_from(m: flow_pb2.CallbackOffer) -> d.CallbackOffer:
    return d.CallbackOffer(
        m.queue_id, steps_of.utterance_from(m.utterance), dict(m.skills), m.priority, m.always,
        steps_of.utterance_from(m.confirmation), m.declined,
    )  # fmt: skip


_FROM: dict[str, Any] = {
    "say": lambda m: d.Say(steps_of.utterance_from(m.utterance), m.next),
    "play": lambda m: d.Play(m.prompt_id, m.next),
    "menu": _menu_from,
    "collect": _collect_from,
    "hours": lambda m: d.Hours(m.business_hours_id, m.open, m.closed),
    "set_attribute": lambda m: d.SetAttribute(m.attribute, m.value, m.next, m.expression),
    "http_request": _http_from,
    "queue": _queue_from,
    "transfer": _transfer_from,
    "voicemail": _voicemail_from,
    "callback_offer": _callback_offer_from,
    "hang_up": lambda m: d.HangUp(steps_of.utterance_from(m.utterance)),
    **steps_of.FROM,
}


def to_definition(definition: d.Definition) -> flow_pb2.Definition:
    """A definition as clients read it."""
    steps = [_to_step(step) for step in definition.steps]
    return flow_pb2.Definition(
        start=definition.start,
        steps=steps,
        language=definition.language,
        inputs=steps_of.to_parameters(definition.inputs),
        outputs=steps_of.to_parameters(definition.outputs),
    )


def _to_step(step: d.Step) -> flow_pb2.Step:
    made = flow_pb2.Step(step_id=step.step_id, display_name=step.display_name)
    match step.action:
        case d.Say(said, following):
            made.say.CopyFrom(flow_pb2.Say(utterance=steps_of.to_utterance(said), next=following))
        case d.Play(prompt_id, following):
            made.play.CopyFrom(flow_pb2.Play(prompt_id=prompt_id, next=following))
        case d.Menu() as menu:
            made.menu.CopyFrom(_to_menu(menu))
        case d.Collect() as collect:
            made.collect.CopyFrom(_to_collect(collect))
        case d.Hours(hours_id, when_open, when_closed):
            made.hours.CopyFrom(flow_pb2.Hours(business_hours_id=hours_id, open=when_open, closed=when_closed))
        case d.SetAttribute(attribute, value, following, expression):
            made.set_attribute.CopyFrom(
                flow_pb2.SetAttribute(attribute=attribute, value=value, next=following, expression=expression)
            )
        case d.HttpRequest() as request:
            made.http_request.CopyFrom(_to_http(request))
        case d.Queue() as queue:
            made.queue.CopyFrom(_to_queue(queue))
        case d.Transfer() as transfer:
            made.transfer.CopyFrom(_to_transfer(transfer))
        case d.Voicemail() as voicemail:
            made.voicemail.CopyFrom(_to_voicemail(voicemail))
        case d.CallbackOffer() as offer:
            made.callback_offer.CopyFrom(_to_callback_offer(offer))
        case d.HangUp(said):
            made.hang_up.CopyFrom(flow_pb2.HangUpStep(utterance=steps_of.to_utterance(said)))
        case None:
            pass
        case _:
            steps_of.put(made, step.action)
    return made


def _to_menu(menu: d.Menu) -> flow_pb2.Menu:
    return flow_pb2.Menu(
        utterance=steps_of.to_utterance(menu.utterance),
        choices=[flow_pb2.Choice(digit=c.digit, value=c.value, next=c.next, phrases=c.phrases) for c in menu.choices],
        timeout=duration_out(menu.timeout),
        attempts=menu.attempts,
        invalid=steps_of.to_utterance(menu.invalid),
        no_match=menu.no_match,
    )


def _to_collect(collect: d.Collect) -> flow_pb2.Collect:
    return flow_pb2.Collect(
        utterance=steps_of.to_utterance(collect.utterance),
        attribute=collect.attribute,
        min_digits=collect.min_digits,
        max_digits=collect.max_digits,
        terminator=collect.terminator,
        timeout=duration_out(collect.timeout),
        attempts=collect.attempts,
        next=collect.next,
        no_match=collect.no_match,
        masked=collect.masked,
    )


def _to_http(request: d.HttpRequest) -> flow_pb2.HttpRequest:
    return flow_pb2.HttpRequest(
        method=request.method,
        url=request.url,
        headers=dict(request.headers),
        body=request.body,
        extract=dict(request.extract),
        timeout=duration_out(request.timeout),
        retries=request.retries,
        filler=request.filler,
        next=request.next,
        failed=request.failed,
    )


def _to_queue(queue: d.Queue) -> flow_pb2.Queue:
    return flow_pb2.Queue(
        queue_id=queue.queue_id,
        skills=dict(queue.skills),
        priority=queue.priority,
        music_prompt_id=queue.music_prompt_id,
        announce_interval=duration_out(queue.announce_interval),
        max_wait=duration_out(queue.max_wait),
        timed_out=queue.timed_out,
        closed=queue.closed,
        nobody_staffed=queue.nobody_staffed,
        full=queue.full,
        announce_only_improved=queue.announce_only_improved,
        preferred=queue.preferred,
        preferred_attribute=queue.preferred_attribute,
        no_match=queue.no_match,
        no_answer=queue.no_answer,
        most_offers=queue.most_offers,
        by_rules=queue.by_rules,
        abandoned=queue.abandoned,
        after_agent=queue.after_agent,
    )


def _to_transfer(transfer: d.Transfer) -> flow_pb2.Transfer:
    made = flow_pb2.Transfer(
        caller_number=transfer.caller_number,
        timeout=duration_out(transfer.timeout),
        music_prompt_id=transfer.music_prompt_id,
        next=transfer.next,
        failed=transfer.failed,
        people_only=transfer.people_only,
    )
    if transfer.to:
        setattr(made, transfer.to, transfer.target)
    return made


def _to_voicemail(voicemail: d.Voicemail) -> flow_pb2.Voicemail:
    made = flow_pb2.Voicemail(
        utterance=steps_of.to_utterance(voicemail.utterance),
        max_duration=duration_out(voicemail.max_duration),
        silence_timeout=duration_out(voicemail.silence_timeout),
        end_digit=voicemail.end_digit,
        without_beep=voicemail.without_beep,
        next=voicemail.next,
    )
    if voicemail.mailbox:
        setattr(made, voicemail.mailbox, voicemail.owner)
    return made


def _to_callback_offer(offer: d.CallbackOffer) -> flow_pb2.CallbackOffer:
    return flow_pb2.CallbackOffer(
        queue_id=offer.queue_id,
        utterance=steps_of.to_utterance(offer.utterance),
        skills=dict(offer.skills),
        priority=offer.priority,
        always=offer.always,
        confirmation=steps_of.to_utterance(offer.confirmation),
        declined=offer.declined,
    )


def to_flow(flow: Flow) -> flow_pb2.Flow:
    """A flow as clients read it."""
    return flow_pb2.Flow(
        flow_id=flow.flow_id,
        display_name=flow.display_name,
        draft=to_definition(flow.draft),
        release_id=flow.release_id,
        release_number=flow.release_number,
        create_time=time_out(flow.create_time),
        update_time=time_out(flow.update_time),
        version=flow.version,
        layout={step_id: flow_pb2.Place(x=place.x, y=place.y) for step_id, place in flow.layout.items()},
    )


def to_release(release: Release) -> flow_pb2.Release:
    """A release as clients read it."""
    return flow_pb2.Release(
        release_id=release.release_id,
        flow_id=release.flow_id,
        number=release.number,
        definition=to_definition(release.definition),
        publisher=release.publisher,
        comment=release.comment,
        restored_number=release.restored_number,
        create_time=time_out(release.create_time),
    )


def to_problem(problem: d.Problem) -> flow_pb2.Problem:
    """A problem as clients read it."""
    return flow_pb2.Problem(
        step_id=problem.step_id,
        field=problem.field,
        severity=_SEVERITIES[problem.severity],
        reason=problem.reason,
        message=problem.message,
        line=problem.line,
        column=problem.column,
    )


def to_template(template: Template) -> flow_pb2.Template:
    """A template as clients read it."""
    return flow_pb2.Template(
        template_id=template.template_id,
        names=dict(template.names),
        summaries=dict(template.summaries),
        parameters=list(template.parameters),
    )


def to_prompt(prompt: Prompt) -> flow_pb2.Prompt:
    """A prompt as clients read it."""
    return flow_pb2.Prompt(
        prompt_id=prompt.prompt_id,
        display_name=prompt.display_name,
        language=prompt.language,
        duration=duration_out(prompt.duration),
        size_bytes=prompt.size_bytes,
        create_time=time_out(prompt.create_time),
    )
