"""Callbacks, proto <-> domain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.instants import duration_in, duration_out, time_in, time_out
from google.protobuf.message import Message
from kernel.errors import InvalidInput
from merkez.routing.v1 import callback_pb2, callback_rules_pb2, callback_service_pb2, queue_pb2

from routing.domain.callback_rules import USUAL_CALLBACKS, CallbackRules, CallOrder, OnMachine
from routing.domain.callbacks import Callback, CallbackState, Offered, When, order_of
from routing.domain.queues import SkillLevel

_NEVER = datetime.min.replace(tzinfo=UTC)
_ACTION, _ORDER = "CALLBACK_MACHINE_ACTION_", "CALLBACK_ORDER_"


def callback_rules_to_proto(rules: CallbackRules) -> callback_rules_pb2.CallbackRules:
    """Whole."""
    return callback_rules_pb2.CallbackRules(
        offer_over=duration_out(rules.offer_over),
        attempts=rules.attempts,
        retry_after=duration_out(rules.retry_after),
        time_to_live=duration_out(rules.time_to_live),
        on_machine=machine_action(rules.on_machine),
        message_prompt_id=rules.message_prompt_id,
        business_hours_id=rules.business_hours_id,
        order=_order(rules.order),
        ring_timeout=duration_out(rules.ring_timeout),
        greeting_prompt_id=rules.greeting_prompt_id,
    )


def callback_rules_from_proto(message: callback_rules_pb2.CallbackRules, field: str) -> CallbackRules:
    """As given, with what is unset as usual; the rules check them. InvalidInput for what this version doesn't know."""
    name = _known(callback_rules_pb2.CallbackMachineAction, message.on_machine, f"{field}.on_machine")
    order = _known(callback_rules_pb2.CallbackOrder, message.order, f"{field}.order")
    return CallbackRules(
        _length(message, "offer_over", USUAL_CALLBACKS.offer_over),
        message.attempts or USUAL_CALLBACKS.attempts,
        _length(message, "retry_after", USUAL_CALLBACKS.retry_after),
        _length(message, "time_to_live", USUAL_CALLBACKS.time_to_live),
        OnMachine(name.removeprefix(_ACTION)) if message.on_machine else USUAL_CALLBACKS.on_machine,
        message.message_prompt_id,
        message.business_hours_id,
        CallOrder(order.removeprefix(_ORDER)) if message.order else USUAL_CALLBACKS.order,
        _length(message, "ring_timeout", USUAL_CALLBACKS.ring_timeout),
        message.greeting_prompt_id,
    )


def machine_action(action: OnMachine) -> callback_rules_pb2.CallbackMachineAction.ValueType:
    """As the contract names it."""
    return callback_rules_pb2.CallbackMachineAction.Value(f"{_ACTION}{action}")


def callback_to_proto(callback: Callback) -> callback_pb2.Callback:
    """Whole."""
    return callback_pb2.Callback(
        callback_id=callback.callback_id,
        state=callback_pb2.CallbackState.Value(f"CALLBACK_STATE_{callback.state}"),
        queue_id=callback.queue_id,
        number=callback.number,
        caller_name=callback.caller_name,
        customer_id=callback.customer_id,
        brand_id=callback.brand_id,
        dialed_number=callback.dialed_number,
        required_skills=[
            queue_pb2.SkillLevel(skill_id=level.skill_id, proficiency=level.proficiency)
            for level in callback.required_skills
        ],
        requirement=callback.requirement,
        priority=callback.priority,
        attributes=dict(callback.attributes),
        preferred_agent_id=callback.preferred_agent_id,
        due_time=time_out(callback.due_time),
        time_zone=callback.time_zone,
        place_time=time_out(callback.place_time),
        expire_time=time_out(callback.expire_time),
        contact_id=callback.contact_id,
        call_id=callback.call_id,
        agent_id=callback.agent_id,
        attempts=[
            callback_pb2.CallbackAttempt(
                begin_time=time_out(each.begin_time),
                agent_id=each.agent_id,
                contact_id=each.contact_id,
                call_id=each.call_id,
                outcome=callback_pb2.CallbackOutcome.Value(f"CALLBACK_OUTCOME_{each.outcome}"),
            )
            for each in callback.attempts
        ],
        end_time=time_out(callback.end_time),
        cancel_reason=callback.cancel_reason,
        previous_contact_id=callback.previous_contact_id,
        create_time=time_out(callback.create_time),
        version=callback.version,
        order=_order(order_of(callback)),
        answer_time=time_out(callback.answer_time),
    )


def callback_from_proto(message: callback_pb2.Callback, traceparent: str = "") -> Callback:
    """A draft; what is output only is ignored."""
    return Callback(
        "", CallbackState.SCHEDULED, message.queue_id, message.number.strip(), _NEVER, _NEVER, _NEVER, _NEVER,
        caller_name=message.caller_name,
        customer_id=message.customer_id,
        brand_id=message.brand_id,
        dialed_number=message.dialed_number,
        required_skills=_levels(message.required_skills),
        requirement=message.requirement,
        priority=message.priority,
        attributes=dict(message.attributes),
        preferred_agent_id=message.preferred_agent_id,
        time_zone=message.time_zone,
        previous_contact_id=message.previous_contact_id,
        traceparent=traceparent,
    )  # fmt: skip


def arrival_from_proto(request: callback_service_pb2.GetCallbackOfferRequest) -> Callback:
    """Somebody who would come now."""
    return Callback(
        "", CallbackState.SCHEDULED, request.queue_id, "", _NEVER, _NEVER, _NEVER, _NEVER,
        required_skills=_levels(request.required_skills), priority=request.priority,
    )  # fmt: skip


def wanted_time(message: Message, field: str, local: str) -> When:
    """When a callback is wanted; `message` holds the field due_time, `field` is its place in the request."""
    return When(time_in(message, "due_time"), local.strip(), field)


def offered_to_proto(found: Offered) -> callback_pb2.CallbackOffer:
    """Whole."""
    return callback_pb2.CallbackOffer(
        offered=found.offered,
        expected_wait=duration_out(found.expected),
        offer_over=duration_out(found.offer_over),
        earliest_time=time_out(found.earliest),
    )


def dial_to_proto(
    callback: Callback, on_machine: OnMachine, prompt_id: str, ring_timeout: timedelta
) -> callback_pb2.CallbackDial:  # fmt: skip
    """Whole."""
    return callback_pb2.CallbackDial(
        callback_id=callback.callback_id, number=callback.number, brand_id=callback.brand_id,
        dialed_number=callback.dialed_number, on_machine=machine_action(on_machine),
        message_prompt_id=prompt_id, order=_order(order_of(callback)), ring_timeout=duration_out(ring_timeout),
        version=callback.version,
    )  # fmt: skip


def _order(order: CallOrder | None) -> callback_rules_pb2.CallbackOrder.ValueType:
    return callback_rules_pb2.CallbackOrder.Value(f"{_ORDER}{order or 'UNSPECIFIED'}")


def callback_states(values: Sequence[int]) -> list[CallbackState]:
    """States to filter by. InvalidInput."""
    names = [_known(callback_pb2.CallbackState, each, "states") for each in values if each]
    return [CallbackState(name.removeprefix("CALLBACK_STATE_")) for name in names]


def _levels(levels: Sequence[queue_pb2.SkillLevel]) -> tuple[SkillLevel, ...]:
    return tuple(SkillLevel(level.skill_id, level.proficiency) for level in levels)


def _known(enum: Any, value: int, field: str) -> str:
    # An open enum lets numbers of a newer contract through.
    found = enum.DESCRIPTOR.values_by_number.get(value)
    if found is None:
        raise InvalidInput.of(field, "is not a value this version knows")
    return found.name


def _length(message: Message, field: str, usual: timedelta) -> timedelta:
    given = duration_in(message, field)
    return usual if given is None else given
