"""Who may hear of a fact: the agent it is about, the customer whose call it is, and those who watch the tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.permissions import SERVICE
from google.protobuf.message import Message
from merkez.routing.v1 import contact_pb2

WATCH = "events.read"
"""Who has this permission may hear of every fact of the tenant."""

# Fact -> where it names the agent it concerns. A fact that is not here concerns no agent in person.
_AGENT = {
    "OfferMade": "offer.agent_id",
    "OfferAccepted": "offer.agent_id",
    "OfferDeclined": "offer.agent_id",
    "OfferMissed": "offer.agent_id",
    "OfferRescinded": "offer.agent_id",
    "ContactStarted": "contact.agent_id",
    "ContactDequeued": "contact.consulting_agent_id",
    "ContactAbandoned": "contact.agent_id",
    "WrapUpStarted": "contact.agent_id",
    "ContactEnded": "contact.agent_id",
    "ContactCorrected": "contact.agent_id",
    "AgentStateChanged": "agent.agent_id",
    "AgentChanged": "agent.agent_id",
    "CallAnswered": "call.agent_id",
    "CallHeld": "call.agent_id",
    "CallResumed": "call.agent_id",
    "CallEnded": "cdr.agent_id",
    "LegMediaChanged": "leg.agent_id",
    "CallTransferred": "agent_id",
    "CallParked": "agent_id",
    "CallMoved": "call.agent_id",
    "AgentLeft": "agent_id",
    "SupervisionChanged": "supervisor_id",
    "StationAttached": "station.agent_id",
    "StationDetached": "station.agent_id",
    "RecordingStarted": "recording.agent_id",
    "HistoryAdded": "entry.agent_id",
    "UserChanged": "user.user_id",
}
_CALL = {
    "CallStarted": "call.call_id",
    "CallRefused": "call_id",
    "CallAnswered": "call.call_id",
    "CallHeld": "call.call_id",
    "CallResumed": "call.call_id",
    "CallEnded": "cdr.call_id",
    "LegMediaChanged": "call_id",
    "CallTransferred": "call.call_id",
    "CallParked": "call.call_id",
    "CallMoved": "call.call_id",
    "ContactQueued": "contact.call_id",
    "ContactDequeued": "contact.call_id",
}
# What a watcher needs beyond events.read: facts as closely kept as the rpcs that show the same.
_ALSO_NEEDS = {
    "UsageRated": "billing.read",
    "NoticeRaised": "notices.read",
    "TenantSuspended": "notices.read",
    "TenantResumed": "notices.read",
    "RecordingStored": "recordings.read",
    "RecordingErased": "recordings.read",
    # The log is read where the plan has it, by the rpc that asks the plan: nobody hears its entries pass.
    "RequestAudited": SERVICE,
}


@dataclass(frozen=True)
class Audience:
    """Who may hear of one fact."""

    agent_id: str
    """The agent it concerns; empty when none."""
    call_id: str
    """The call it is about, for that call's customer; empty when none."""
    permissions: frozenset[str]
    """What a watcher needs."""


def audience_of(fact: str, message: Message, agent_of_call: Mapping[str, str]) -> Audience:
    """Who may hear of this fact. `agent_of_call` says who talks in a call whose fact does not name the agent."""
    call_id = "" if _is_consult(message) else _at(message, _CALL.get(fact, ""))
    agent_id = _at(message, _AGENT.get(fact, ""))
    if not agent_id and fact == "LegMediaChanged":
        agent_id = agent_of_call.get(call_id, "")  # the customer's leg matters to the agent who listens
    permissions = {WATCH} | ({_ALSO_NEEDS[fact]} if fact in _ALSO_NEEDS else set())
    return Audience(agent_id, call_id, frozenset(permissions))


def _is_consult(message: Message) -> bool:
    # What agents ask each other is not the customer's to hear of, and does not move their call.
    contact = getattr(message, "contact", None)
    return contact is not None and contact.kind == contact_pb2.CONTACT_KIND_CONSULT


def _at(message: Message, path: str) -> str:
    if not path:
        return ""
    here: Any = message
    for name in path.split("."):
        here = getattr(here, name)
    return here
