"""Proto <-> domain, for handlers, consumers and the facts that leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from chassis.instants import duration_in, duration_out, time_out
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from kernel.errors import InvalidInput
from merkez.routing.v1 import callback_events_pb2 as callback_events
from merkez.routing.v1 import contact_pb2, queue_pb2, wrap_up_pb2
from merkez.routing.v1 import routing_events_pb2 as events

from routing.callbacks_proto import callback_rules_from_proto, callback_rules_to_proto, callback_to_proto
from routing.capacity_proto import (
    capacities_to_proto,
    capacity_rules_to_proto,
    channel_from_proto,
    channel_to_proto,
    held_to_proto,
)
from routing.domain import facts
from routing.domain.agents import Agent, AgentState, Directly, directly
from routing.domain.capacity import USUAL_RULES
from routing.domain.contacts import Channel, Contact, ContactKind, ContactState
from routing.domain.facts import Fact
from routing.domain.offers import Decision, Offer
from routing.domain.queues import (
    OFFER_TIMEOUT,
    SERVICE_LEVEL_THRESHOLD,
    SHORT_ABANDON_THRESHOLD,
    WRAP_UP_DURATION,
    Disposition,
    Queue,
    Skill,
    SkillLevel,
    WrapUpMode,
)
from routing.domain.requirements import renamed
from routing.domain.waiting import WaitEstimate
from routing.overflow_proto import leave_reason_to_proto, overflow_from_proto, overflow_to_proto, overflowed_to_proto
from routing.rules_proto import rules_from_proto, rules_to_proto

_NEVER = datetime.min.replace(tzinfo=UTC)


def queue_to_proto(queue: Queue, names: Mapping[str, str] = MappingProxyType({})) -> queue_pb2.Queue:
    """Whole; `names` of skills by id, for the expressions of its rules."""
    return queue_pb2.Queue(
        queue_id=queue.queue_id,
        display_name=queue.display_name,
        required_skills=_skills_to_proto(queue.required_skills),
        offer_timeout=duration_out(queue.offer_timeout),
        wrap_up_duration=duration_out(queue.wrap_up_duration),
        disposition_required=queue.disposition_required,
        service_level_threshold=duration_out(queue.service_level_threshold),
        short_abandon_threshold=duration_out(queue.short_abandon_threshold),
        disposition_ids=queue.disposition_ids,
        open_to_all=queue.open_to_all,
        auto_accept=queue.auto_accept,
        create_time=time_out(queue.create_time),
        update_time=time_out(queue.update_time),
        version=queue.version,
        rules=rules_to_proto(queue.rules, names),
        business_hours_id=queue.business_hours_id,
        overflow=overflow_to_proto(queue.overflow),
        callbacks=callback_rules_to_proto(queue.callbacks),
        wrap_up_mode=_wrap_up_mode(queue.wrap_up_mode),
        wrap_up_extension=duration_out(queue.wrap_up_extension),
        missed_offer_return=duration_out(queue.missed_offer_return),
    )


def queue_from_proto(message: queue_pb2.Queue, queue_id: str = "") -> Queue:
    """A draft: unset durations are the defaults, what is output only is ignored."""
    return Queue(
        queue_id=queue_id,
        display_name=message.display_name,
        required_skills=skills_from_proto(message.required_skills),
        offer_timeout=_given(message, "offer_timeout", OFFER_TIMEOUT),
        wrap_up_duration=_given(message, "wrap_up_duration", WRAP_UP_DURATION),
        disposition_required=message.disposition_required,
        service_level_threshold=_given(message, "service_level_threshold", SERVICE_LEVEL_THRESHOLD),
        short_abandon_threshold=_given(message, "short_abandon_threshold", SHORT_ABANDON_THRESHOLD),
        disposition_ids=tuple(message.disposition_ids),
        open_to_all=message.open_to_all,
        auto_accept=message.auto_accept,
        create_time=_NEVER,
        update_time=_NEVER,
        rules=rules_from_proto(message.rules, "queue.rules"),
        business_hours_id=message.business_hours_id,
        overflow=overflow_from_proto(message.overflow, "queue.overflow"),
        callbacks=callback_rules_from_proto(message.callbacks, "queue.callbacks"),
        wrap_up_mode=WrapUpMode(
            _name(wrap_up_pb2.WrapUpMode, message.wrap_up_mode, "WRAP_UP_MODE_", "queue.wrap_up_mode")
            if message.wrap_up_mode
            else WrapUpMode.MANDATORY
        ),
        wrap_up_extension=_given(message, "wrap_up_extension", timedelta(0)),
        missed_offer_return=_given(message, "missed_offer_return", timedelta(0)),
    )


def skill_to_proto(skill: Skill) -> queue_pb2.Skill:
    """Whole."""
    return queue_pb2.Skill(
        skill_id=skill.skill_id, display_name=skill.display_name, create_time=time_out(skill.create_time)
    )


def skills_from_proto(levels: Iterable[queue_pb2.SkillLevel]) -> tuple[SkillLevel, ...]:
    """As given; the rules check them."""
    return tuple(SkillLevel(level.skill_id, level.proficiency) for level in levels)


def disposition_to_proto(disposition: Disposition) -> queue_pb2.Disposition:
    """Whole."""
    return queue_pb2.Disposition(
        disposition_id=disposition.disposition_id,
        display_name=disposition.display_name,
        create_time=time_out(disposition.create_time),
    )


def contact_to_proto(contact: Contact) -> contact_pb2.Contact:
    """Whole."""
    return contact_pb2.Contact(
        contact_id=contact.contact_id,
        channel=channel_to_proto(contact.channel),
        state=contact_pb2.ContactState.Value(f"CONTACT_STATE_{contact.state}"),
        queue_id=contact.queue_id,
        brand_id=contact.brand_id,
        call_id=contact.call_id,
        customer_id=contact.customer_id,
        caller_number=contact.caller_number,
        caller_name=contact.caller_name,
        dialed_number=contact.dialed_number,
        required_skills=_skills_to_proto(contact.required_skills),
        requirement=contact.requirement,
        priority=contact.priority,
        attributes=dict(contact.attributes),
        agent_id=contact.agent_id,
        queue_time=time_out(contact.queue_time),
        answer_time=time_out(contact.answer_time),
        end_time=time_out(contact.end_time),
        wrap_up_expire_time=time_out(contact.wrap_up_expire_time),
        wrap_up_end_time=time_out(contact.wrap_up_end_time),
        disposition_id=contact.disposition_id,
        note=contact.note,
        offer_count=contact.offer_count,
        kind=contact_pb2.ContactKind.Value(f"CONTACT_KIND_{contact.kind}"),
        previous_contact_id=contact.previous_contact_id,
        target_agent_id=contact.target_agent_id,
        consulting_agent_id=contact.consulting_agent_id,
        preferred_agent_id=contact.preferred_agent_id,
        overflows=map(overflowed_to_proto, contact.overflows),
        leave_reason=leave_reason_to_proto(contact.leave_reason),
        callback_id=contact.callback_id,
        wrap_up_mode=_wrap_up_mode(contact.wrap_up_mode),
        wrap_up_wanted=contact.wrap_up_wanted,
        wrap_up_extension=duration_out(contact.wrap_up_extension or None),
        wrap_up_least_time=time_out(contact.wrap_up_least_time),
        ringing_count=contact.ringing,
        version=contact.version,
    )


def contact_from_proto(
    message: contact_pb2.Contact, traceparent: str, kind: ContactKind = ContactKind.INBOUND
) -> Contact:
    """A draft, of `kind` unless it says another. InvalidInput when the channel is not said."""
    if message.kind:
        kind = ContactKind(_name(contact_pb2.ContactKind, message.kind, "CONTACT_KIND_", "contact.kind"))
    return Contact(
        contact_id="",
        channel=channel_from_proto(message.channel, "contact.channel"),
        state=ContactState.QUEUED,
        queue_id=message.queue_id,
        queue_time=_NEVER,
        create_time=_NEVER,
        brand_id=message.brand_id,
        call_id=message.call_id,
        customer_id=message.customer_id,
        caller_number=message.caller_number,
        caller_name=message.caller_name,
        dialed_number=message.dialed_number,
        required_skills=skills_from_proto(message.required_skills),
        requirement=message.requirement,
        priority=message.priority,
        attributes=dict(message.attributes),
        traceparent=traceparent,
        kind=kind,
        previous_contact_id=message.previous_contact_id,
        target_agent_id=message.target_agent_id,
        consulting_agent_id=message.consulting_agent_id,
        preferred_agent_id=message.preferred_agent_id,
    )


def contact_states(values: Sequence[int]) -> list[ContactState]:
    """States to filter by."""
    return [ContactState(_name(contact_pb2.ContactState, each, "CONTACT_STATE_", "states")) for each in values]


def offer_to_proto(offer: Offer, contact: Contact) -> contact_pb2.Offer:
    """With the whole contact, so that who shows it need not ask."""
    return contact_pb2.Offer(
        offer_id=offer.offer_id,
        state=contact_pb2.OfferState.Value(f"OFFER_STATE_{offer.state}"),
        contact=contact_to_proto(contact),
        agent_id=offer.agent_id,
        create_time=time_out(offer.create_time),
        expire_time=time_out(offer.expire_time),
        queue_name=offer.queue_name,
        waiting_duration=duration_out(offer.waited),
        away=offer.away,
        auto_accept=offer.auto_accept,
        kept=offer.kept,
        rescind_reason=contact_pb2.RescindReason.Value(f"RESCIND_REASON_{offer.rescind_reason or 'UNSPECIFIED'}"),
    )


def agent_to_proto(agent: Agent) -> contact_pb2.Agent:
    """Whole."""
    return contact_pb2.Agent(
        agent_id=agent.agent_id,
        display_name=agent.display_name,
        state=contact_pb2.AgentState.Value(f"AGENT_STATE_{agent.state}"),
        reason=agent.reason,
        state_time=time_out(agent.state_time),
        skills=_skills_to_proto(agent.skills),
        queue_ids=agent.queue_ids,
        contact_id=agent.contact_id,
        next_state=_agent_state(agent.next_state),
        next_reason=agent.next_reason,
        voice_capacity=USUAL_RULES.capacity(Channel.VOICE, agent.capacities),
        capacities=capacities_to_proto(agent.capacities),
        held_contacts=map(held_to_proto, agent.others),
        cost=agent.cost,
        auto_accept=agent.auto_accept,
        reason_id=agent.reason_id,
        next_reason_id=agent.next_reason_id,
        return_time=time_out(agent.return_time),
        missed_offers=agent.missed_offers,
        version=agent.version,
    )


def colleague_to_proto(agent: Agent) -> contact_pb2.Colleague:
    """Who, in which state, and whether they can be called; nothing of where they are reached."""
    return contact_pb2.Colleague(
        agent_id=agent.agent_id, display_name=agent.display_name, state=_agent_state(agent.state),
        reachable=directly(agent) is not Directly.REFUSED,
    )  # fmt: skip


def agent_state(value: int) -> AgentState:
    """InvalidInput when it is not said."""
    return AgentState(_name(contact_pb2.AgentState, value, "AGENT_STATE_", "state"))


def estimate_to_proto(estimate: WaitEstimate) -> contact_pb2.WaitEstimate:
    """Whole."""
    return contact_pb2.WaitEstimate(
        position=estimate.position,
        depth=estimate.depth,
        expected_wait=duration_out(estimate.expected),
        expected_wait_low=duration_out(estimate.low),
        expected_wait_high=duration_out(estimate.high),
        waited=duration_out(estimate.waited),
    )


def decision_to_proto(decision: Decision, names: Mapping[str, str]) -> contact_pb2.Decision:
    """Whole; `names` of skills by id."""
    return contact_pb2.Decision(
        offer_id=decision.offer_id,
        contact_id=decision.contact_id,
        rule=decision.rule,
        candidates=[
            contact_pb2.Candidate(
                agent_id=each.agent_id,
                idle_duration=duration_out(timedelta(seconds=each.idle_seconds)),
                score=each.score,
                rejection=each.rejection,
                value=each.value,
            )
            for each in decision.candidates
        ],
        create_time=time_out(decision.create_time),
        requirement=renamed(decision.requirement, names.get),
        steps=[number + 1 for number in decision.steps],
    )


def masked(mask: FieldMask, message: Message, allowed: Collection[str]) -> list[str]:
    """The fields an update changes: the mask's, or without a mask those that are set."""
    paths = list(mask.paths) or [each.name for each, _ in message.ListFields() if each.name in allowed]
    for path in paths:
        if path not in allowed:
            raise InvalidInput.of("update_mask", f"{path[:64]} can't be changed; these can: {', '.join(allowed)}")
    if not paths:
        raise InvalidInput.of("update_mask", "names no field to change")
    return paths


def fact_to_proto(fact: Fact) -> Message:
    """The message that leaves."""
    told = callback_events if isinstance(fact, facts.CallbackFact) else events
    made: Any = getattr(told, type(fact).__name__)()
    if isinstance(
        fact,
        facts.OfferMade | facts.OfferAccepted | facts.OfferDeclined | facts.OfferMissed | facts.OfferRescinded,
    ):
        made.offer.CopyFrom(offer_to_proto(fact.offer, fact.contact))
    elif isinstance(fact, facts.AgentStateChanged | facts.AgentChanged):
        made.agent.CopyFrom(agent_to_proto(fact.agent))
        if isinstance(fact, facts.AgentStateChanged):
            made.previous_state = _agent_state(fact.previous_state)
            made.previous_state_time.FromDatetime(fact.previous_state_time)
    elif isinstance(fact, facts.CapacityChanged):
        made.capacity_rules.CopyFrom(capacity_rules_to_proto(fact.rules))
    elif isinstance(fact, facts.QueueChanged):
        made.queue.CopyFrom(queue_to_proto(fact.queue))
    elif isinstance(fact, facts.QueueDeleted):
        made.queue_id = fact.queue_id
    elif isinstance(fact, facts.CallbackFact):
        made.callback.CopyFrom(callback_to_proto(fact.callback))
    else:
        _contact_fact(made, fact)
    return made


def sentence_of(fact: Fact) -> str:
    """`OfferMade` -> `offer made`, for the log."""
    name = type(fact).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def ids_of(fact: Fact) -> dict[str, str]:
    """What the log line of a fact names: ids and states, nothing personal."""
    found: dict[str, str] = {}
    for name in ("contact", "offer", "agent", "queue", "callback"):
        value = getattr(fact, name, None)
        if value is not None:
            found[f"{name}_id"] = getattr(value, f"{name}_id")
            found |= {"agent_state": value.state} if name == "agent" else {}
    contact = getattr(fact, "contact", None)
    if contact is not None:
        found |= {"call_id": contact.call_id, "agent_id": contact.agent_id, "contact_state": contact.state}
    if isinstance(fact, facts.CallbackFact):
        found |= {"callback_state": fact.callback.state, "contact_id": fact.callback.contact_id}
    return {key: value for key, value in found.items() if value}


def _contact_fact(made: Any, fact: facts.ContactFact) -> None:
    made.contact.CopyFrom(contact_to_proto(fact.contact))
    if isinstance(fact, facts.ContactDequeued):
        made.reason = fact.reason
    elif isinstance(fact, facts.ContactAbandoned):
        made.short_abandon = fact.short_abandon
        if fact.contact.end_time is not None:
            made.abandon_time.FromDatetime(fact.contact.end_time)
    elif isinstance(fact, facts.ContactEnded):
        made.by_timer = fact.by_timer


def _wrap_up_mode(mode: WrapUpMode | None) -> wrap_up_pb2.WrapUpMode.ValueType:
    return wrap_up_pb2.WrapUpMode.Value(f"WRAP_UP_MODE_{mode}" if mode else "WRAP_UP_MODE_UNSPECIFIED")


def _agent_state(state: AgentState | None) -> contact_pb2.AgentState.ValueType:
    name = f"AGENT_STATE_{state}" if state is not None else "AGENT_STATE_UNSPECIFIED"
    return contact_pb2.AgentState.Value(name)


def _skills_to_proto(levels: Iterable[SkillLevel]) -> list[queue_pb2.SkillLevel]:
    return [queue_pb2.SkillLevel(skill_id=level.skill_id, proficiency=level.proficiency) for level in levels]


def _name(enum: Any, value: int, prefix: str, field: str) -> str:
    # An open enum lets numbers of a newer contract through.
    descriptor: FieldDescriptor | Any = enum.DESCRIPTOR.values_by_number.get(value)
    if descriptor is None or value == 0:
        raise InvalidInput.of(field, "is required" if value == 0 else "is not a value this version knows")
    return descriptor.name.removeprefix(prefix)


def _given(message: Message, field: str, default: timedelta) -> timedelta:
    given = duration_in(message, field)
    return default if given is None else given
