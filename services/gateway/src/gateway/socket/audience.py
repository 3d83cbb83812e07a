"""Who may hear of a fact: the agents it is about, the customer whose call it is, and those who watch the tenant.

A call has any number of agents in it. Whoever takes part hears what becomes of it; that a supervisor takes part is
told to nobody but that supervisor and those who watch.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from chassis.permissions import SERVICE
from google.protobuf.message import Message
from merkez.routing.v1 import contact_pb2
from merkez.telephony.v1 import call_pb2

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
    "WrapUpChanged": "contact.agent_id",
    "ContactEnded": "contact.agent_id",
    "ContactCorrected": "contact.agent_id",
    "AgentStateChanged": "agent.agent_id",
    "AgentChanged": "agent.agent_id",
    "CallAnswered": "call.agent_id",
    "CallHeld": "call.agent_id",
    "CallResumed": "call.agent_id",
    "CallEnded": "cdr.agent_id",
    "LegMediaChanged": "leg.agent_id",
    "LegChanged": "leg.agent_id",
    "CallTransferred": "agent_id",
    "CallParked": "agent_id",
    "AnswerDetected": "call.agent_id",
    "ParkExpired": "agent_id",
    "CallForwarded": "agent_id",
    "CallMoved": "call.agent_id",
    "AgentLeft": "agent_id",
    "SupervisionChanged": "supervisor_id",
    "StationAttached": "station.agent_id",
    "StationDetached": "station.agent_id",
    "FindMeChanged": "agent_id",
    "RecordingStarted": "recording.agent_id",
    "HistoryAdded": "entry.agent_id",
    "UserChanged": "user.user_id",
    "AgentNoticed": "agent_notice.user_id",
    "ShiftOfferMade": "user_id",
    "ShiftOfferChanged": "user_id",
    "ShiftAdjusted": "adjustment.user_id",
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
    "ParkExpired": "call.call_id",
    "CallMoved": "call.call_id",
    "CallForwarded": "call.call_id",
    "AgentLeft": "call_id",
    "ContactQueued": "contact.call_id",
    "ContactDequeued": "contact.call_id",
}
# What a watcher needs beyond events.read: facts as closely kept as the rpcs that show the same.
_ALSO_NEEDS = {
    "UsageRated": "billing.read",
    "PlanSubscribed": "billing.read",
    "SubscriptionChanged": "billing.read",
    "NoticeRaised": "notices.read",
    "TenantSuspended": "notices.read",
    "TenantResumed": "notices.read",
    "RecordingStored": "recordings.read",
    "RecordingErased": "recordings.read",
    # The log is read where the plan has it, by the rpc that asks the plan: nobody hears its entries pass.
    "RequestAudited": SERVICE,
}


# Facts that also concern every agent who takes part in the call.
_EVERY_AGENT = frozenset(
    {
        "CallAnswered", "CallHeld", "CallResumed", "LegChanged", "LegMediaChanged", "CallTransferred", "CallParked",
        "AnswerDetected", "CallMoved", "AgentLeft", "CallEnded",
    }
)  # fmt: skip
_NOT_IN_IT = frozenset({call_pb2.LEG_STATE_RINGING, call_pb2.LEG_STATE_ENDED})
_REMEMBERED_CALLS = 50_000


class Participants:
    """Which agents take part in a call, by the facts that have passed: some facts of a call don't say."""

    def __init__(self) -> None:
        self._agents: OrderedDict[str, frozenset[str]] = OrderedDict()

    def note(self, fact: str, message: Any) -> None:
        """A fact passes by."""
        if fact == "CallEnded":
            self._agents.pop(message.cdr.call_id, None)
        elif fact in _EVERY_AGENT and (call := getattr(message, "call", None)) is not None:
            self._agents[call.call_id] = _agents_in(call)
            self._agents.move_to_end(call.call_id)
            while len(self._agents) > _REMEMBERED_CALLS:
                self._agents.popitem(last=False)

    def of(self, call_id: str) -> frozenset[str]:
        """The agents in a call, as far as it is known here."""
        return self._agents.get(call_id, frozenset())


@dataclass(frozen=True)
class Audience:
    """Who may hear of one fact."""

    agent_ids: frozenset[str]
    """The agents it concerns."""
    call_id: str
    """The call it is about, for that call's customer; empty when none."""
    permissions: frozenset[str]
    """What a watcher needs."""


def audience_of(fact: str, message: Message, participants: Participants) -> Audience:
    """Who may hear of this fact. `participants` says who takes part in a call whose fact does not name them."""
    call_id = "" if _is_consult(message) else _at(message, _CALL.get(fact, ""))
    named = _at(message, _AGENT.get(fact, ""))
    agent_ids = frozenset({named}) if named else frozenset()
    if fact in _EVERY_AGENT and not _is_supervisors(message):
        call = getattr(message, "call", None)
        agent_ids |= _agents_in(call) if call is not None else participants.of(_call_id(message))
    permissions = {WATCH} | ({_ALSO_NEEDS[fact]} if fact in _ALSO_NEEDS else set())
    return Audience(agent_ids, call_id, frozenset(permissions))


def _agents_in(call: Any) -> frozenset[str]:
    """Who talks in it. Who is only asked to is told by their offer."""
    found = {leg.agent_id for leg in call.legs if leg.party == "agent" and leg.state not in _NOT_IN_IT}
    return frozenset((found | {call.agent_id}) - {""})


def _call_id(message: Any) -> str:
    return message.cdr.call_id if hasattr(message, "cdr") else message.call_id


def _is_supervisors(message: Any) -> bool:
    # Agents must not learn from a microphone that goes on or off that somebody listens.
    leg = getattr(message, "leg", None)
    return leg is not None and leg.party == "supervisor"


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
