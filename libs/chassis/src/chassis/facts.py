"""The catalogue of facts: who owns each, what it is about, who listens. One function builds subjects.

A fact is past tense and belongs to the service whose state changed. Its subject is
`merkez.{tenant}.{noun}.v1.{fact_snake}`: no entity ids, so that a consumer's filter stays one line. Each owner has
one stream that captures exactly its nouns; live hints (`merkez.*.live.v1.*`) are never captured.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from dataclasses import dataclass

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message

# owner -> noun -> fact -> consumers. The gateway sees every fact as a plain subscriber and is not listed.
_TABLE: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {
    "tenancy": {
        "tenant": {
            "TenantSignedUp": ("routing", "analytics", "wfm", "billing"),
            "TenantChanged": ("billing", "analytics", "wfm"),
            "PlanSubscribed": ("billing", "recording", "routing"),
            "SubscriptionChanged": ("billing",),
            "TenantSuspended": ("telephony",),
            "TenantResumed": ("telephony",),
            "NoticeRaised": (),
            "PlanLimitPassed": ("tenancy",),
        },
        "brand": {"BrandChanged": ("billing",)},
        "number": {
            "NumberAssigned": ("billing", "telephony"),
            "NumberChanged": ("telephony", "billing"),
            "NumberReleased": ("billing", "telephony"),
            "NumberPortingChanged": (),
            "PortOutChanged": (),
        },
        "user": {
            "UserJoined": ("routing", "billing", "analytics"),
            "UserChanged": ("routing", "billing", "analytics", "telephony", "wfm"),
        },
    },
    "telephony": {
        "call": {
            "CallStarted": (),
            "CallRefused": ("tenancy",),
            "CallOverLimit": ("tenancy", "billing"),
            "CallProgressed": (),
            "CallAnswered": (),
            "CallHeld": ("analytics",),
            "CallResumed": ("analytics",),
            "LegMediaChanged": (),
            "LegChanged": (),
            "CallTransferred": (),
            "CallParked": (),
            "AnswerDetected": ("routing",),
            "ParkExpired": (),
            "SupervisionChanged": (),
            "CallMoved": (),
            "CallForwarded": (),
            "AgentLeft": ("routing", "analytics"),
            "CallEnded": ("routing", "flows", "billing", "analytics", "engagement", "recording"),
        },
        "station": {
            "StationAttached": ("routing",),
            "StationDetached": ("routing",),
        },
        "find_me": {"FindMeChanged": ("routing",)},
    },
    "flows": {
        "flow": {"FlowPublished": ()},
        "run": {"RunEnded": (), "SurveyAnswered": ()},
    },
    "routing": {
        "contact": {
            "ContactQueued": ("analytics", "engagement", "wfm"),
            "ContactChanged": (),
            "ContactOverflowed": ("analytics", "wfm"),
            "ContactStarted": ("analytics", "engagement", "wfm"),
            "ContactDequeued": ("telephony", "analytics", "engagement", "wfm"),
            "ContactAbandoned": ("analytics", "engagement", "flows", "wfm"),
            "WrapUpStarted": ("analytics", "engagement", "wfm"),
            "WrapUpChanged": (),
            "ContactEnded": ("analytics", "engagement", "wfm"),
            "ContactCorrected": ("analytics", "engagement", "wfm"),
        },
        "offer": {
            "OfferMade": ("telephony", "analytics"),
            "OfferAccepted": ("telephony", "analytics", "engagement"),
            "OfferDeclined": ("telephony", "analytics"),
            "OfferMissed": ("telephony", "analytics"),
            "OfferRescinded": ("telephony", "analytics"),
        },
        "callback": {
            "CallbackRequested": ("analytics",),
            "CallbackRescheduled": (),
            "CallbackQueued": (),
            "CallbackHeld": (),
            "CallbackReleased": ("telephony",),
            "CallbackAnswered": (),
            "CallbackAttempted": (),
            "CallbackCompleted": ("analytics",),
            "CallbackFailed": ("analytics",),
            "CallbackCancelled": ("analytics",),
            "CallbackExpired": ("analytics",),
        },
        "agent": {
            "AgentStateChanged": ("analytics", "billing", "wfm"),
            "AgentChanged": (),
            "CapacityChanged": (),
        },
        "queue": {
            "QueueChanged": ("analytics", "wfm"),
            "QueueDeleted": ("telephony", "analytics", "wfm"),
        },
    },
    "recording": {
        "recording": {
            "RecordingStarted": (),
            "RecordingStored": ("billing", "engagement"),
            "RecordingErased": ("billing", "engagement"),
        },
    },
    "engagement": {
        "customer": {
            "CustomerChanged": (),
            "HistoryAdded": (),
        },
    },
    "billing": {
        "usage": {"UsageRated": ()},
        "wallet": {
            "WalletToppedUp": ("tenancy",),
            "WalletBalanceLow": ("tenancy",),
            "WalletTopUpDue": (),
            "WalletTopUpFailed": ("tenancy",),
        },
        "invoice": {
            "InvoiceFinalized": ("tenancy",),
            "InvoicePaymentFailed": ("tenancy",),
            "InvoicePaid": ("tenancy",),
            "InvoiceOverdue": ("tenancy",),
            "InvoiceVoided": ("tenancy",),
        },
    },
    "wfm": {
        "schedule": {"SchedulePublished": ()},
        "agent_notice": {"AgentNoticed": ()},
        "shift_offer": {"ShiftOfferMade": (), "ShiftOfferChanged": ()},
        "adjustment": {"ShiftAdjusted": ()},
    },
    "gateway": {
        "audit": {"RequestAudited": ("tenancy",)},
        "budget": {"ApiRequestLimitReached": ("tenancy",), "ApiRequestsOverLimit": ("billing", "tenancy")},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One line of the catalogue."""

    full_name: str
    """Proto message, such as `merkez.routing.v1.OfferMade`."""
    name: str
    owner: str
    noun: str
    consumers: tuple[str, ...]

    @property
    def snake(self) -> str:
        """`OfferMade` -> `offer_made`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower()


def _catalogue() -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    owners: dict[str, str] = {}
    for owner, nouns in _TABLE.items():
        for noun, names in nouns.items():
            if owners.setdefault(noun, owner) != owner:
                raise ValueError(f"the noun {noun!r} has two owners: two streams would capture it")
            for name, consumers in names.items():
                full_name = f"merkez.{owner}.v1.{name}"
                found[full_name] = Fact(full_name, name, owner, noun, consumers)
    return found


CATALOGUE: dict[str, Fact] = _catalogue()
"""Proto full name -> its line."""

STREAMS: dict[str, str] = {owner: owner.upper() for owner in _TABLE}
"""Owner -> the JetStream stream that holds its facts."""

DEAD_STREAM = "DEAD"
"""What could not be worked, with payload and reason, on `dead.{tenant}.{consumer}`."""

FACT_DAYS = 14
"""How long a stream keeps a fact: who listens to it may be away that long."""
DEAD_DAYS = 30
"""How long a dead letter waits for its cause to be mended."""
REPLAY_DAYS = FACT_DAYS + DEAD_DAYS
"""A fact older than this is not replayed, however often it died."""
INBOX_DAYS = REPLAY_DAYS + FACT_DAYS
"""Inboxes remember a fact for as long as it can still come: until the stream has let go of the latest replay."""

_BY_SUBJECT = {(fact.noun, fact.snake): fact for fact in CATALOGUE.values()}
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


def fact_of(message: Message | type[Message]) -> Fact:
    """The catalogue line of a message or message class; KeyError when it is no fact."""
    return CATALOGUE[message.DESCRIPTOR.full_name]


def subject_for(message: Message | type[Message], tenant_id: str) -> str:
    """The subject a fact travels on. `tenant_id` `*` makes the filter over all tenants."""
    fact = fact_of(message)
    return f"merkez.{_token(tenant_id)}.{fact.noun}.v1.{fact.snake}"


def live_subject(tenant_id: str, name: str) -> str:
    """The subject of a live hint: plain NATS, lossy by declaration."""
    return f"merkez.{_token(tenant_id)}.live.v1.{_token(name)}"


def stream_subjects(owner: str) -> list[str]:
    """What the owner's stream captures: its nouns, named one by one so that live hints stay out."""
    return [f"merkez.*.{noun}.v1.*" for noun in _TABLE[owner]]


def fact_of_subject(subject: str) -> Fact | None:
    """The catalogue line of a subject; None for live hints and anything else."""
    parts = subject.split(".")
    if len(parts) != 5 or parts[0] != "merkez" or parts[3] != "v1":
        return None
    return _BY_SUBJECT.get((parts[2], parts[4]))


@functools.cache
def message_class(full_name: str) -> type[Message]:
    """The generated class of a fact, importing the owner's events module when needed."""
    fact = CATALOGUE[full_name]
    package = importlib.import_module(f"merkez.{fact.owner}.v1")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.endswith("_events_pb2"):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(full_name))


def _token(value: str) -> str:
    # A tenant id with a dot or a wildcard in it would reach another tenant's subscribers.
    if value != "*" and not _TOKEN.fullmatch(value):
        raise ValueError("not a subject token")
    return value
