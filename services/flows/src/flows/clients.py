"""What flows asks of routing and engagement. Calls act as whoever asks flows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import date
from typing import Any

from chassis.auth import acting_for, principal
from chassis.grpc import Peers
from chassis.hours import intervals_in
from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import (
    AlreadyExists,
    DomainError,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Unavailable,
)
from kernel.hours import Holiday
from kernel.hours import Hours as Calendar
from kernel.ids import is_id
from kernel.phone import is_e164
from kernel.skills import Requirement, Term, both, parsed, skill_finder
from merkez.engagement.v1 import customer_service_pb2, customer_service_pb2_grpc
from merkez.routing.v1 import (
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
    overflow_pb2,
    queue_pb2,
    queue_service_pb2,
    queue_service_pb2_grpc,
)

from flows.callback_clients import Callbacks
from flows.convert.channels import channel_to
from flows.domain.branching import CheckQueue
from flows.domain.callbacks import LANGUAGE
from flows.domain.deeds import Found, LookedUp, LookUp, QueueSeen, QueueStanding
from flows.domain.definitions import LANGUAGES, CallbackOffer, Definition, Hours, Queue, Transfer, Voicemail
from flows.domain.effects import CheckContact, CheckHours, Dequeue, Enqueue, Estimate
from flows.domain.entry import EntryRules
from flows.domain.names import OF_ROUTING, Names, Noun
from flows.domain.runs import ContactChecked, ContactKind, Dequeued, Enqueued, Estimated, HoursChecked, Run
from flows.domain.speech import WaitEstimate
from flows.domain.validation import MAX_STEPS, References

_IDENTIFY_SECONDS = 1.0
_ROUTING_SECONDS = 2.0
_MOST_YEARS = 50
"""Of calendars that routing looks up at once."""
_STANDING_SECONDS = 1.0
_OVER = (contact_pb2.CONTACT_STATE_ENDED, contact_pb2.CONTACT_STATE_ABANDONED)
_TAKEN = (contact_pb2.CONTACT_STATE_OFFERED, contact_pb2.CONTACT_STATE_ON_CONTACT, contact_pb2.CONTACT_STATE_WRAP_UP)


class Engagement:
    """Who calls."""

    def __init__(self, peers: Peers):
        self._customers = peers.stub(customer_service_pb2_grpc.CustomerServiceStub, "engagement")

    async def identify(self, call_id: str, brand_id: str, number: str, name: str) -> str:
        """The customer behind a call; empty when that can't be told within a second: the caller isn't kept waiting.

        Asked when the call begins and, if that failed, when it is queued: an agent should see who calls.
        """
        request = customer_service_pb2.IdentifyCustomerRequest(
            request_id=f"{call_id}:customer",
            brand_id=brand_id,
            number=number if is_e164(number) else "",
            display_name=name[:200],
        )
        try:
            async with asyncio.timeout(_IDENTIFY_SECONDS):
                return (await self._customers.IdentifyCustomer(request, timeout=_IDENTIFY_SECONDS)).customer_id
        except (DomainError, RemoteFailed, TimeoutError) as error:
            log.warning("the caller was not identified", call_id=call_id, reason=type(error).__name__)
            return ""

    async def look_up(self, effect: LookUp, brand_id: str) -> LookedUp:
        """One customer by what they have. Nothing to look for finds nobody; what can't be asked in a second has
        failed."""
        if not effect.value or (effect.by == "number" and not is_e164(effect.value)):
            return LookedUp(Found.NOT_FOUND)
        request = customer_service_pb2.FindCustomersRequest(brand_id=brand_id)
        setattr(request, effect.by, effect.attribute if effect.by == "attribute" else effect.value)
        if effect.by == "attribute":
            request.value = effect.value
        try:
            async with asyncio.timeout(_IDENTIFY_SECONDS):
                found = (await self._customers.FindCustomers(request, timeout=_IDENTIFY_SECONDS)).found
        except InvalidInput:
            return LookedUp(Found.NOT_FOUND)
        except (DomainError, RemoteFailed, TimeoutError) as error:
            log.warning("a customer was not looked up", reason=type(error).__name__)
            return LookedUp(Found.FAILED)
        if not found:
            return LookedUp(Found.NOT_FOUND)
        return LookedUp(Found.FOUND, _known_of(found[0])) if len(found) == 1 else LookedUp(Found.SEVERAL)

    async def preferred(self, kind: str, customer_id: str) -> str:
        """The agent a customer should have: who talked with them last, or whom their attribute account_owner names;
        empty when that can't be told within a second."""
        if not customer_id:
            return ""
        request = customer_service_pb2.GetScreenPopRequest(customer_id=customer_id)
        try:
            async with asyncio.timeout(_IDENTIFY_SECONDS):
                pop = await self._customers.GetScreenPop(request, timeout=_IDENTIFY_SECONDS)
        except (DomainError, RemoteFailed, TimeoutError) as error:
            log.warning("no preferred agent was found", customer_id=customer_id, reason=type(error).__name__)
            return ""
        if kind == "account_owner":
            return pop.customer.attributes.get("account_owner", "")
        return next((each.agent_id for each in pop.history if each.kind == "contact" and each.agent_id), "")


class Routing:
    """Queues, business hours, contacts."""

    def __init__(self, peers: Peers, engagement: Engagement):
        self._engagement = engagement
        self.callbacks = Callbacks(peers)
        self._contacts = peers.stub(contact_service_pb2_grpc.ContactServiceStub, "routing")
        self._agents = peers.stub(contact_service_pb2_grpc.AgentServiceStub, "routing")
        self._queues = peers.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
        self._skills = peers.stub(queue_service_pb2_grpc.SkillServiceStub, "routing")
        self._hours = peers.stub(queue_service_pb2_grpc.BusinessHoursServiceStub, "routing")
        self._lists: dict[Noun, tuple[Any, Any, str, str]] = {
            Noun.QUEUE: (self._queues.ListQueues, queue_service_pb2.ListQueuesRequest, "queues", "queue_id"),
            Noun.SKILL: (self._skills.ListSkills, queue_service_pb2.ListSkillsRequest, "skills", "skill_id"),
            Noun.HOURS: (
                self._hours.ListBusinessHours, queue_service_pb2.ListBusinessHoursRequest, "business_hours",
                "business_hours_id",
            ),
            Noun.AGENT: (
                self._agents.ListColleagues, contact_service_pb2.ListColleaguesRequest, "colleagues", "agent_id",
            ),
        }  # fmt: skip

    async def enqueue(self, effect: Enqueue, run: Run) -> Enqueued:
        """Have an agent found. A refusal for good is a result; Unavailable is raised, to be tried again."""
        attributes, origin = run.state.attributes, run.state.origin
        found = (
            ""
            if attributes.get("customer_id")
            else await self._engagement.identify(
                run.call_id, run.brand_id, attributes.get("caller_number", ""), attributes.get("caller_name", "")
            )
        )
        preferred = effect.preferred_agent_id
        if effect.preferred:
            preferred = await self._engagement.preferred(effect.preferred, found or attributes.get("customer_id", ""))
        contact = contact_pb2.Contact(
            channel=channel_to(attributes.get("channel") or "voice"),
            queue_id=effect.queue_id,
            brand_id=run.brand_id,
            call_id=run.call_id,
            customer_id=found or attributes.get("customer_id", ""),
            caller_number=attributes.get("caller_number", ""),
            caller_name=attributes.get("caller_name", ""),
            dialed_number=attributes.get("dialed_number", ""),
            required_skills=[
                queue_pb2.SkillLevel(skill_id=skill_id, proficiency=proficiency)
                for skill_id, proficiency in sorted(effect.skills.items())
            ],
            requirement=effect.requirement,
            priority=effect.priority,
            attributes=dict(effect.attributes),
            kind=_kind(origin.contact_kind),
            previous_contact_id=origin.previous_contact_id or effect.left_contact_id,
            target_agent_id=effect.agent_id,
            consulting_agent_id=origin.consulting_agent_id,
            # What an attribute holds may be anything; a contact without a preferred agent is better than none.
            preferred_agent_id=preferred if is_id("usr", preferred) else "",
        )
        request = contact_service_pb2.EnqueueContactRequest(request_id=effect.request_id, contact=contact)
        try:
            made, found = await self._enqueue(request, found, attributes.get("customer_id", ""))
        except (NotFound, InvalidInput, FailedPrecondition, QuotaExceeded) as error:
            log.error(
                "routing refused a contact",
                call_id=run.call_id, queue_id=effect.queue_id, agent_id=effect.agent_id, reason=error.reason,
            )  # fmt: skip
            return Enqueued("", error.reason)
        return Enqueued(made.contact_id, "", found, *_left(made))

    async def _enqueue(
        self, request: contact_service_pb2.EnqueueContactRequest, found: str, known: str
    ) -> tuple[contact_pb2.Contact, str]:
        """The contact, and who was found to call. A turn that is repeated may know more, or less, than the first time,
        of which the answer was lost: then it asks again as that one may have."""
        preferred = request.contact.preferred_agent_id
        tries = [(found or known, preferred), (known, preferred), (found or known, ""), (known, "")]
        for place, (customer_id, agent_id) in enumerate(dict.fromkeys(tries), 1):
            request.contact.customer_id, request.contact.preferred_agent_id = customer_id, agent_id
            try:
                made = await self._contacts.EnqueueContact(request, timeout=_ROUTING_SECONDS)
                return made, found if customer_id == found else ""
            except AlreadyExists:
                if place == len(dict.fromkeys(tries)):
                    raise
        raise AssertionError("unreachable")

    async def standing(self, queue_id: str) -> QueueSeen:
        """How a queue stands; nothing when routing doesn't say within a second: the caller isn't kept waiting."""
        request = queue_service_pb2.GetQueueStandingRequest(queue_id=queue_id)
        try:
            found = await self._queues.GetQueueStanding(request, timeout=_STANDING_SECONDS)
        except (DomainError, RemoteFailed) as error:
            log.warning("a queue could not be looked at", queue_id=queue_id, reason=type(error).__name__)
            return QueueSeen(None)
        wait = found.expected_wait.ToTimedelta() if found.HasField("expected_wait") else None
        return QueueSeen(QueueStanding(found.waiting, found.agents, found.free, wait, found.closed, found.holiday))

    async def estimate(self, effect: Estimate) -> Estimated:
        """Position and expected wait; nothing when routing can't say now: the music goes on without."""
        request = contact_service_pb2.GetWaitEstimateRequest(contact_id=effect.contact_id)
        try:
            found = await self._contacts.GetWaitEstimate(request, timeout=_ROUTING_SECONDS)
        except (DomainError, RemoteFailed) as error:
            log.info("no wait estimate", contact_id=effect.contact_id, reason=type(error).__name__)
            return Estimated(None)
        return Estimated(_estimate(found))

    async def dequeue(self, effect: Dequeue) -> Dequeued:
        """Take a contact out of its queue, unless an agent has it or is being rung."""
        request = contact_service_pb2.DequeueContactRequest(contact_id=effect.contact_id, reason=effect.reason)
        try:
            left = await self._contacts.DequeueContact(request, timeout=_ROUTING_SECONDS)
        except NotFound:
            return Dequeued(True)
        except FailedPrecondition:
            return Dequeued(False)
        return Dequeued(left.state not in _TAKEN)

    async def check_contact(self, effect: CheckContact) -> ContactChecked:
        """Whether the contact waits, rings or has an agent. Taken for yes while routing can't say: the next tick asks
        again."""
        request = contact_service_pb2.GetContactRequest(contact_id=effect.contact_id)
        try:
            contact = await self._contacts.GetContact(request, timeout=_ROUTING_SECONDS)
            # The offer that rings now may still be taken.
            missed = contact.offer_count - (contact.state != contact_pb2.CONTACT_STATE_QUEUED)
            return ContactChecked(contact.state not in _OVER, *_left(contact), missed=max(missed, 0))
        except NotFound:
            return ContactChecked(False)
        except (DomainError, RemoteFailed) as error:
            log.info("a contact could not be looked at", contact_id=effect.contact_id, reason=type(error).__name__)
            return ContactChecked(True)

    async def spoken(self, contact_id: str) -> str:
        """The language that whoever is called back had chosen; empty when that can't be told within a second."""
        request = contact_service_pb2.GetContactRequest(contact_id=contact_id)
        try:
            found = await self._contacts.GetContact(request, timeout=_IDENTIFY_SECONDS)
        except (DomainError, RemoteFailed) as error:
            log.info("a language is not known", contact_id=contact_id, reason=type(error).__name__)
            return ""
        language = found.attributes.get(LANGUAGE, "")
        return language if language in LANGUAGES else ""

    async def check_hours(self, effect: CheckHours) -> HoursChecked:
        """Whether it is open now."""
        request = queue_service_pb2.CheckBusinessHoursRequest(business_hours_id=effect.business_hours_id)
        try:
            return HoursChecked((await self._hours.CheckBusinessHours(request, timeout=_ROUTING_SECONDS)).open)
        except NotFound:
            log.error("a flow refers to business hours that are gone", business_hours_id=effect.business_hours_id)
            return HoursChecked(None)

    async def references(self, definition: Definition, *, allow_loopback: bool) -> References:
        """Which queues, hours, skills and agents of a definition exist; None for what could not be asked.

        Asked on flows' own account: whoever may edit flows need not be allowed to read queues.
        """
        queues: set[str] = set()
        hours: set[str] = set()
        skills: set[str] = set()
        agents: set[str] = set()
        for step in definition.steps[:MAX_STEPS]:
            match step.action:
                case Queue(queue_id=queue_id, skills=asked) | CallbackOffer(queue_id=queue_id, skills=asked):
                    queues.add(queue_id)
                    skills.update(asked)
                case CheckQueue(queue_id=queue_id):
                    queues.add(queue_id)
                case EntryRules(rules=rules):
                    queues.update(rule.queue_id for rule in rules)
                    skills.update(skill_id for rule in rules for skill_id in (*rule.skills, rule.requirement))
                case Hours(business_hours_id=hours_id):
                    hours.add(hours_id)
                case Transfer("queue_id", named) | Voicemail(mailbox="queue_id", owner=named):
                    queues.add(named)
                case Transfer("agent_id", named) | Voicemail(mailbox="agent_id", owner=named):
                    agents.add(named)
                case _:
                    pass
        try:
            with acting_for(principal().tenant_id):
                found = {queue_id: queue for queue_id in queues if (queue := await self._queue(queue_id)) is not None}
                named = await self._all_names(Noun.SKILL) if skills - {""} else {}
                return References(
                    queues=found.keys(),
                    queues_ask={queue_id: _asked(queue, named) for queue_id, queue in found.items()},
                    business_hours={hours_id for hours_id in hours if await self._has_hours(hours_id)},
                    skills=named,
                    agents=await self._known_agents() if agents else set(),
                    allow_loopback=allow_loopback,
                )
        except Unavailable:
            return References(queues=None, business_hours=None, skills=None, agents=None, allow_loopback=allow_loopback)

    async def _queue(self, queue_id: str) -> queue_pb2.Queue | None:
        if not is_id("que", queue_id):
            return None
        request = queue_service_pb2.GetQueueRequest(queue_id=queue_id)
        try:
            return await self._queues.GetQueue(request, timeout=_ROUTING_SECONDS)
        except (NotFound, InvalidInput):
            return None

    async def _has_hours(self, hours_id: str) -> bool:
        if not is_id("hrs", hours_id):
            return False
        request = queue_service_pb2.CheckBusinessHoursRequest(business_hours_id=hours_id)
        try:
            await self._hours.CheckBusinessHours(request, timeout=_ROUTING_SECONDS)
        except (NotFound, InvalidInput):
            return False
        return True

    async def _known_agents(self) -> set[str]:
        return set(await self._all_names(Noun.AGENT))

    async def names(self, nouns: Collection[Noun]) -> Names:
        """What routing's things of these nouns are called. Raises Unavailable.

        Asked on flows' own account, as `references` is.
        """
        with acting_for(principal().tenant_id):
            return Names({noun: await self._all_names(noun) for noun in sorted(OF_ROUTING.intersection(nouns))})

    async def queues_playing(self, prompt_id: str) -> list[str]:
        """Names of the queues whose callbacks play a prompt. Raises Unavailable."""
        with acting_for(principal().tenant_id):
            return [
                each.display_name
                async for each in self._all(Noun.QUEUE)
                if prompt_id in (each.callbacks.message_prompt_id, each.callbacks.greeting_prompt_id)
            ]

    async def calendars(self, years: Collection[int]) -> dict[str, Calendar]:
        """When each of the tenant's business hours is open, also in these years. Raises Unavailable."""
        wanted = sorted(years)[:_MOST_YEARS]
        with acting_for(principal().tenant_id):
            return {
                each.business_hours_id: Calendar(
                    each.time_zone, intervals_in(each.intervals), _days(each.holidays), _days(each.calendar_days)
                )
                async for each in self._all(Noun.HOURS, calendar_years=wanted)
            }

    async def _all_names(self, noun: Noun) -> dict[str, str]:
        key = self._lists[noun][3]
        return {getattr(each, key): each.display_name async for each in self._all(noun)}

    async def _all(self, noun: Noun, **more: Any) -> AsyncIterator[Any]:
        ask, make, listed, _ = self._lists[noun]
        token = ""
        while True:
            page = await ask(make(page_size=200, page_token=token, **more), timeout=_ROUTING_SECONDS)
            for each in getattr(page, listed):
                yield each
            token = page.next_page_token
            if not token:
                return


def _asked(queue: queue_pb2.Queue, names: Mapping[str, str]) -> Requirement:
    """What it asks of agents, skills by id."""
    levels = tuple(sorted(Term(each.skill_id, each.proficiency) for each in queue.required_skills))
    find = skill_finder(names)
    return both((levels,), parsed(queue.rules.requirement, lambda name: find(name) or name, "queue", stored=True))


def _left(contact: contact_pb2.Contact) -> tuple[str, str]:
    """Why its queue took the contact out, and the number it overflows to; empty for what isn't so."""
    reason = contact.leave_reason
    if contact.state == contact_pb2.CONTACT_STATE_ABANDONED:
        return "abandoned", ""
    if not reason or contact.state not in _OVER:
        return "", ""
    name = overflow_pb2.LeaveReason.Name(reason).removeprefix("LEAVE_REASON_").lower()
    return name, contact.overflows[-1].number if name == "number" else ""


def _days(holidays: Iterable[queue_pb2.Holiday]) -> tuple[Holiday, ...]:
    return tuple(
        Holiday(
            date.fromisoformat(each.date), each.display_name, intervals_in(each.intervals),
            date.fromisoformat(each.end_date) if each.end_date else None,
        )
        for each in holidays
    )  # fmt: skip


def _kind(kind: ContactKind) -> contact_pb2.ContactKind.ValueType:
    # Unset for the usual one, as before contacts had a kind: a turn an older process began must ask the same again.
    if kind is ContactKind.INBOUND:
        return contact_pb2.CONTACT_KIND_UNSPECIFIED
    return contact_pb2.ContactKind.Value(f"CONTACT_KIND_{kind}")


def _estimate(found: contact_pb2.WaitEstimate) -> WaitEstimate:
    if not found.HasField("expected_wait"):
        return WaitEstimate(found.position)
    return WaitEstimate(
        found.position,
        found.expected_wait.ToTimedelta(),
        found.expected_wait_low.ToTimedelta() if found.HasField("expected_wait_low") else None,
        found.expected_wait_high.ToTimedelta() if found.HasField("expected_wait_high") else None,
    )


def _known_of(found: customer_service_pb2.FoundCustomer) -> dict[str, str]:
    customer = found.customer
    # What is built in last: an attribute of the same name must not pass for it.
    return {
        **customer.attributes,
        "customer_id": customer.customer_id,
        "display_name": customer.display_name,
        "number": next(iter(customer.numbers), ""),
        "email": next(iter(customer.emails), ""),
        "last_agent_id": found.last_agent_id,
    }
