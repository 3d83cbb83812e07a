"""The fan-out: facts and live hints of a tenant, as they pass on NATS, to the sockets they are for.

There is one plain subscription per tenant that has a socket here, and each fact is decoded and written as JSON once
however many hear of it. Nothing here waits for a socket.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, TypeVar

from chassis.bus import Bus, LiveMessage
from chassis.lifecycle import Tasks
from chassis.regions import Subscriptions
from chassis.telemetry import counter, log
from google.protobuf.message import DecodeError, Message
from kernel.errors import QuotaExceeded
from kernel.tenant import Principal
from merkez.analytics.v1.analytics_pb2 import Wallboard
from merkez.telephony.v1.call_pb2 import StationWanted
from merkez.telephony.v1.quality_pb2 import CallQuality

from gateway.call_traces import CallTraces
from gateway.identity import Identity
from gateway.settings import GatewaySettings
from gateway.socket.audience import Audience, Participants, audience_of
from gateway.socket.replay import Replays
from gateway.transcode import to_json

LIVE: Mapping[str, tuple[type[Message], str]] = {"wallboard": (Wallboard, "analytics.read")}
"""Live hints that sockets may subscribe to: their message and the permission they need."""

PERSONAL: Mapping[str, type[Message]] = {"station_wanted": StationWanted}
"""Live hints for one person, whom they name as `agent_id`: pushed without being asked for."""

_QUALITY = "call_quality"
"""The live hint that goes to those who are in the call, unasked."""

_SUBSCRIBE_SECONDS = 2.0
_pushed = counter("merkez.socket.pushed", "Messages pushed to sockets")


class SocketLimitReached(QuotaExceeded):
    """The user, the tenant or the address has too many sockets open."""

    reason = "SOCKET_LIMIT_REACHED"


@dataclass(frozen=True)
class Event:
    """One fact on its way to sockets."""

    event_id: str
    time: str
    fact: str
    message: Message
    audience: Audience
    traceparent: str = ""

    @cached_property
    def data(self) -> dict[str, Any]:
        """The fact as proto3 JSON."""
        return to_json(self.message)

    @cached_property
    def text(self) -> str:
        """The pushed message, the same for everybody who gets it plain."""
        return self.text_with({})

    def text_with(self, extra: Mapping[str, Any]) -> str:
        """The pushed message with more beside the fact."""
        frame = {"type": "event", "id": self.event_id, "time": self.time, "fact": self.fact, "data": self.data}
        return json.dumps(frame | dict(extra), ensure_ascii=False, separators=(",", ":"))


class Member(Protocol):
    """A socket as the hub sees it."""

    def push(self, item: str | Awaitable[str]) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class Person(Member, Protocol):
    """A signed-in socket: a user's or an API client's."""

    @property
    def principal(self) -> Principal: ...

    @property
    def topics(self) -> set[str]: ...

    def recheck(self) -> None: ...


class Guest(Member, Protocol):
    """A customer's socket: hears of calls through `hear`."""

    def hear(self, event: Event) -> None: ...

    def hear_quality(self, quality: CallQuality) -> None: ...


class Feed:
    """A tenant's sockets here and the subscription that feeds them."""

    def __init__(self, tenant_id: str):
        self.tenant_id = tenant_id
        self.people: dict[str, set[Person]] = defaultdict(set)
        self.guests: set[Guest] = set()
        self.subscription: Subscriptions | None = None
        self.ready = asyncio.Event()

    @property
    def size(self) -> int:
        """How many sockets of people there are."""
        return sum(len(found) for found in self.people.values())

    @property
    def empty(self) -> bool:
        """Whether nobody listens any more."""
        return not self.people and not self.guests

    def everybody(self) -> list[Member]:
        """All of its sockets."""
        return [*self.guests, *(person for found in self.people.values() for person in found)]


WithScreenPop = Callable[[Event, Principal], Coroutine[Any, Any, str]]
T = TypeVar("T")


class Hub:
    """All feeds of this gateway."""

    def __init__(
        self,
        bus: Bus,
        identity: Identity,
        traces: CallTraces,
        with_screen_pop: WithScreenPop,
        settings: GatewaySettings,
    ):
        self._bus = bus
        self._identity = identity
        self._traces = traces
        self._with_screen_pop = with_screen_pop
        self._settings = settings
        self._feeds: dict[str, Feed] = {}
        self._participants = Participants()
        self.tasks = Tasks("gateway.sockets")
        self._requests: set[asyncio.Task[Any]] = set()
        self.draining = False
        self._replays = Replays(bus)

    def start(self) -> None:
        """Begin to watch over the connection and over users' and tenants' changes."""
        self.tasks.spawn(self._follow_users(), "follow users")
        self.tasks.spawn(self._follow_tenants(), "follow tenants")
        self._bus.when_back(self._have_missed)

    async def join(self, person: Person) -> None:
        """Let a signed-in socket hear its tenant; SocketLimitReached when there are too many."""
        who = person.principal
        feed = self._feed(who.tenant_id)
        if len(feed.people.get(who.subject, ())) >= self._settings.sockets_per_user:
            raise SocketLimitReached("you have too many connections open", metadata={"limit": "user"})
        if feed.size >= self._settings.sockets_per_tenant:
            raise SocketLimitReached("the organisation has too many connections open", metadata={"limit": "tenant"})
        feed.people[who.subject].add(person)
        await self._listening(feed)

    async def leave(self, person: Person) -> None:
        """A signed-in socket is gone. Safe to call twice."""
        feed = self._feeds.get(person.principal.tenant_id)
        if feed is not None:
            found = feed.people.get(person.principal.subject, set())
            found.discard(person)
            if not found:
                feed.people.pop(person.principal.subject, None)
            await self._close_when_empty(feed)

    async def admit_guest(self, tenant_id: str, guest: Guest) -> None:
        """Let a customer's socket hear of calls."""
        feed = self._feed(tenant_id)
        feed.guests.add(guest)
        await self._listening(feed)

    async def dismiss_guest(self, tenant_id: str, guest: Guest) -> None:
        """A customer's socket is gone. Safe to call twice."""
        feed = self._feeds.get(tenant_id)
        if feed is not None:
            feed.guests.discard(guest)
            await self._close_when_empty(feed)

    def carry_out(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Do what a socket asked for; a drain waits for it, whether the socket is still there or not."""
        task: asyncio.Task[T] = self.tasks.spawn(work, name)
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        return task

    async def replay(self, person: Person, since: str, now: datetime) -> tuple[list[str], bool]:
        """What the socket would have heard since an event, as messages, and whether that is all of it."""
        found = await self._replays.since(person.principal.tenant_id, since, now)
        # Who took part in a call then isn't who does now.
        then = Participants()
        events: list[Event] = []
        for each in found.messages:
            event = self._event(each, then) if each.fact is not None else None
            if event is not None:
                then.note(event.fact, event.message)
                events.append(event)
        texts = [event.text_with({"replayed": True}) for event in events if _heard(person, event)]
        return texts, found.complete

    def close_all(self, code: int, reason: str) -> None:
        """Ask every socket to go and come back."""
        for feed in self._feeds.values():
            for member in feed.everybody():
                member.close(code, reason)

    async def drain(self) -> None:
        """Finish what was asked for, send everybody to another gateway and wait until they went."""
        self.draining = True
        while self._requests:
            await asyncio.wait(self._requests)
        self.close_all(1012, "restarting: reconnect")
        while self._feeds:
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Stop listening."""
        await self.tasks.close()

    # -- feeds -------------------------------------------------------------------------------------------------

    def _feed(self, tenant_id: str) -> Feed:
        feed = self._feeds.get(tenant_id)
        if feed is None:
            feed = self._feeds[tenant_id] = Feed(tenant_id)
            self.tasks.spawn(self._open(feed), "open feed")
        return feed

    async def _open(self, feed: Feed) -> None:
        async def deliver(message: LiveMessage) -> None:
            self._deliver(feed, message)

        feed.subscription = await self._bus.subscribe(f"merkez.{feed.tenant_id}.>", deliver)
        # What is published after this is heard. Twice, since nats-py's flush writes its PING ahead of what is still
        # queued: the first round trip sends the subscription, the second one proves that it has arrived.
        await self._bus.nats.flush()
        await self._bus.nats.flush()
        feed.ready.set()
        if self._feeds.get(feed.tenant_id) is not feed:
            await feed.subscription.unsubscribe()

    async def _listening(self, feed: Feed) -> None:
        # While NATS is away a socket still carries requests: don't make it wait for long.
        try:
            await asyncio.wait_for(feed.ready.wait(), _SUBSCRIBE_SECONDS)
        except TimeoutError:
            log.warning("a socket is open but hears nothing yet: nats is away")

    async def _close_when_empty(self, feed: Feed) -> None:
        if feed.empty and self._feeds.get(feed.tenant_id) is feed:
            del self._feeds[feed.tenant_id]
            if feed.subscription is not None:
                subscription, feed.subscription = feed.subscription, None
                await subscription.unsubscribe()

    # -- what passes -------------------------------------------------------------------------------------------

    def _deliver(self, feed: Feed, message: LiveMessage) -> None:
        if message.fact is None:
            self._deliver_live(feed, message)
            return
        event = self._event(message, self._participants)
        if event is None:
            return
        self._traces.note(feed.tenant_id, event.message, event.traceparent)
        self._participants.note(event.fact, event.message)
        if event.audience.call_id:
            for guest in list(feed.guests):
                guest.hear(event)
        self._deliver_to_people(feed, event)

    def _event(self, message: LiveMessage, participants: Participants) -> Event | None:
        assert message.fact is not None
        try:
            decoded = message.decode()
        except DecodeError:
            log.error("a fact can't be decoded", subject=message.subject)
            return None
        name, traceparent = message.fact.name, message.headers.get("traceparent", "")
        audience = audience_of(name, decoded, participants)
        return Event(message.event_id, message.time, name, decoded, audience, traceparent)

    def _deliver_to_people(self, feed: Feed, event: Event) -> None:
        concerned = [feed.people[each] for each in event.audience.agent_ids if each in feed.people]
        if concerned and event.fact == "OfferMade":
            mine = concerned[0]
            enriched = self.carry_out(self._with_screen_pop(event, next(iter(mine)).principal), "screen pop")
            for person in mine:
                person.push(asyncio.shield(enriched))
        else:
            for person in (each for found in concerned for each in found):
                person.push(event.text)
        for user_id, found in feed.people.items():
            if user_id in event.audience.agent_ids:
                continue
            for person in found:
                if watches(person, event.audience):
                    person.push(event.text)
        _pushed.add(1)

    def _deliver_live(self, feed: Feed, message: LiveMessage) -> None:
        parts = message.subject.split(".")
        if len(parts) != 5 or parts[2] != "live":
            return
        if message.name in PERSONAL:
            told: Any = PERSONAL[message.name].FromString(message.data)
            for person in feed.people.get(told.agent_id, ()):
                person.push(live_text(message.name, told))
        if message.name == _QUALITY:
            _deliver_quality(feed, CallQuality.FromString(message.data))
        known = LIVE.get(message.name)
        if known is None:
            return
        kind, permission = known
        listeners = [
            person
            for found in feed.people.values()
            for person in found
            if message.name in person.topics and permission in person.principal.permissions
        ]
        if listeners:
            text = live_text(message.name, kind.FromString(message.data))
            for person in listeners:
                person.push(text)

    # -- around it ---------------------------------------------------------------------------------------------

    async def _follow_users(self) -> None:
        async def changed(message: LiveMessage) -> None:
            user: Any = getattr(message.decode(), "user", None)
            self._identity.note_user(user, _unix_time(message))
            feed = self._feeds.get(message.tenant_id)
            for person in list(feed.people.get(user.user_id, ()) if feed is not None else ()):
                person.recheck()

        await self._bus.subscribe("merkez.*.user.v1.user_changed", changed)

    async def _follow_tenants(self) -> None:
        async def changed(message: LiveMessage) -> None:
            if message.fact is not None and message.fact.name in ("PlanSubscribed", "SubscriptionChanged"):
                self._identity.keys.forget_tenant(message.tenant_id)
            if message.fact is None or message.fact.name not in ("TenantSuspended", "TenantResumed"):
                return
            suspended = message.fact.name == "TenantSuspended"
            self._identity.note_tenant(message.tenant_id, suspended, _unix_time(message))
            feed = self._feeds.get(message.tenant_id)
            for person in [each for found in feed.people.values() for each in found] if feed is not None else ():
                person.recheck()

        await self._bus.subscribe("merkez.*.tenant.v1.*", changed)

    def _have_missed(self) -> None:
        # What passed while we were not connected is not repeated: who reads the state anew misses nothing.
        self.close_all(1012, "events may have been missed: reconnect")


def watches(person: Person, audience: Audience) -> bool:
    """Whether somebody whom the fact does not concern hears of it all the same: people who may watch always do,
    programs when they have asked for it."""
    who = person.principal
    asked = who.role != "api_client" or "facts" in person.topics
    return asked and audience.permissions <= who.permissions


def _deliver_quality(feed: Feed, quality: CallQuality) -> None:
    for guest in list(feed.guests):
        guest.hear_quality(quality)
    concerned = [person for agent_id in quality.agent_ids for person in feed.people.get(agent_id, ())]
    if concerned:
        text = live_text(_QUALITY, quality)
        for person in concerned:
            person.push(text)


def _heard(person: Person, event: Event) -> bool:
    return person.principal.subject in event.audience.agent_ids or watches(person, event.audience)


def _unix_time(message: LiveMessage) -> float:
    return datetime.fromisoformat(message.time).timestamp() if message.time else 0.0


def live_text(name: str, message: Message) -> str:
    """The pushed message of a live hint."""
    frame = {"type": "live", "name": name, "data": to_json(message)}
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
