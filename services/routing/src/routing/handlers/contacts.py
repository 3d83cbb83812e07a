"""ContactService and OfferService."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token, page_size
from chassis.telemetry import current_traceparent
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.routing.v1 import contact_pb2, contact_service_pb2
from merkez.routing.v1.contact_service_pb2_grpc import ContactServiceServicer, OfferServiceServicer

from routing import convert, rules_proto
from routing.domain.contacts import WAITING, ContactKind
from routing.handlers.asking import Asked, page
from routing.ledger import Ledger
from routing.ops import contacts as ops
from routing.ops import offers as offer_ops
from routing.ops import overflow, waits
from routing.ops.contacts import WrapUp
from routing.overflow_proto import add_checks

_CHANGEABLE = ("priority", "required_skills", "requirement", "preferred_agent_id")


class ContactServicer(Asked, ContactServiceServicer):
    """Contacts."""

    async def EnqueueContact(
        self, request: contact_service_pb2.EnqueueContactRequest, context: Any
    ) -> contact_pb2.Contact:
        draft = convert.contact_from_proto(request.contact, current_traceparent())

        async def enqueue(tx: Ledger) -> contact_pb2.Contact:
            return convert.contact_to_proto(await overflow.enqueue_contact(tx, draft, self._desk.clock.now()))

        return await self._once_together(
            "EnqueueContact", request, contact_pb2.Contact, enqueue, ops.sought_by(draft)
        )  # fmt: skip

    async def DequeueContact(
        self, request: contact_service_pb2.DequeueContactRequest, context: Any
    ) -> contact_pb2.Contact:
        contact_id = require_id("con", request.contact_id, "contact_id")
        if len(request.reason) > 64:
            raise InvalidInput.of("reason", "is longer than 64 characters")
        now = self._desk.clock.now()
        return convert.contact_to_proto(
            await self._run(
                lambda tx: ops.dequeue_contact(tx, contact_id, request.reason, now, rescind_offer=request.rescind_offer)
            )
        )

    async def StartOutboundContact(
        self, request: contact_service_pb2.StartOutboundContactRequest, context: Any
    ) -> contact_pb2.Contact:
        draft = convert.contact_from_proto(request.contact, current_traceparent(), ContactKind.OUTBOUND)
        agent_id = require_id("usr", request.agent_id, "agent_id")

        async def start(tx: Ledger) -> contact_pb2.Contact:
            return convert.contact_to_proto(await ops.start_contact(tx, draft, agent_id, self._desk.clock.now()))

        return await self._once("StartOutboundContact", request, contact_pb2.Contact, start)

    async def PickUpContact(self, request: contact_service_pb2.PickUpContactRequest, context: Any) -> contact_pb2.Offer:
        contact_id, agent_id = require_id("con", request.contact_id, "contact_id"), principal().subject
        now = self._desk.clock.now()
        return convert.offer_to_proto(*await self._run(lambda tx: offer_ops.pick_up(tx, contact_id, agent_id, now)))

    async def GetContact(self, request: contact_service_pb2.GetContactRequest, context: Any) -> contact_pb2.Contact:
        contact_id = require_id("con", request.contact_id, "contact_id")
        return convert.contact_to_proto(await self._run(lambda tx: ops.get_contact(tx, contact_id), read_only=True))

    async def ListContacts(
        self, request: contact_service_pb2.ListContactsRequest, context: Any
    ) -> contact_service_pb2.ListContactsResponse:
        size = page_size(request.page_size)
        wanted = ops.ContactFilter(
            queue_id=require_id("que", request.queue_id, "queue_id") if request.queue_id else "",
            states=convert.contact_states(request.states),
            customer_id=require_id("cus", request.customer_id, "customer_id") if request.customer_id else "",
        )
        rows = await self._run(lambda tx: ops.list_contacts(tx, wanted, size, request.page_token), read_only=True)
        listed, token = page(rows, size, lambda each: encode_token(each.create_time, each.contact_id))
        return contact_service_pb2.ListContactsResponse(
            contacts=map(convert.contact_to_proto, listed), next_page_token=token
        )

    async def GetWaitEstimate(
        self, request: contact_service_pb2.GetWaitEstimateRequest, context: Any
    ) -> contact_pb2.WaitEstimate:
        contact_id = require_id("con", request.contact_id, "contact_id")
        now = self._desk.clock.now()
        return convert.estimate_to_proto(
            await self._run(lambda tx: waits.estimate_wait(tx, contact_id, now), read_only=True)
        )

    async def UpdateContact(
        self, request: contact_service_pb2.UpdateContactRequest, context: Any
    ) -> contact_pb2.Contact:
        contact = request.contact
        contact_id = require_id("con", contact.contact_id, "contact.contact_id")
        fields = convert.masked(request.update_mask, contact, _CHANGEABLE)
        every = {
            "priority": contact.priority,
            "required_skills": convert.skills_from_proto(contact.required_skills),
            "requirement": contact.requirement,
            "preferred_agent_id": contact.preferred_agent_id,
        }
        changes, now = {name: every[name] for name in fields}, self._desk.clock.now()
        return convert.contact_to_proto(
            await self._run(lambda tx: ops.update_contact(tx, contact_id, changes, request.version, now))
        )

    async def ExplainContact(
        self, request: contact_service_pb2.ExplainContactRequest, context: Any
    ) -> contact_pb2.Explanation:
        contact_id, now = require_id("con", request.contact_id, "contact_id"), self._desk.clock.now()

        async def explain(tx: Ledger) -> contact_pb2.Explanation:
            found = await waits.explain_contact(tx, contact_id, now)
            names = await ops.skill_names(tx)
            made = rules_proto.explanation_to_proto(found, convert.contact_to_proto(found.contact), names)
            if found.contact.state in WAITING:
                add_checks(made, await overflow.checks(tx, contact_id, now))
            return made

        return await self._run(explain, read_only=True)

    async def EndWrapUp(self, request: contact_service_pb2.EndWrapUpRequest, context: Any) -> contact_pb2.Contact:
        command, now = _wrap_up(request), self._desk.clock.now()
        return convert.contact_to_proto(await self._run(lambda tx: ops.end_wrap_up(tx, command, now)))

    async def SaveWrapUp(self, request: contact_service_pb2.SaveWrapUpRequest, context: Any) -> contact_pb2.Contact:
        command, now = _wrap_up(request), self._desk.clock.now()
        return convert.contact_to_proto(await self._run(lambda tx: ops.save_wrap_up(tx, command, now)))

    async def ListDecisions(
        self, request: contact_service_pb2.ListDecisionsRequest, context: Any
    ) -> contact_service_pb2.ListDecisionsResponse:
        contact_id = require_id("con", request.contact_id, "contact_id")

        async def read(tx: Ledger) -> contact_service_pb2.ListDecisionsResponse:
            found, names = await ops.list_decisions(tx, contact_id), await ops.skill_names(tx)
            shown = [convert.decision_to_proto(decision, names) for decision in found]
            return contact_service_pb2.ListDecisionsResponse(decisions=shown)

        return await self._run(read, read_only=True)


class OfferServicer(Asked, OfferServiceServicer):
    """Offers. The agent is the caller."""

    async def AcceptOffer(self, request: contact_service_pb2.AcceptOfferRequest, context: Any) -> contact_pb2.Offer:
        offer_id, agent_id = require_id("ofr", request.offer_id, "offer_id"), principal().subject
        now = self._desk.clock.now()
        return convert.offer_to_proto(*await self._run(lambda tx: offer_ops.accept_offer(tx, offer_id, agent_id, now)))

    async def TakeOffer(self, request: contact_service_pb2.TakeOfferRequest, context: Any) -> contact_pb2.Offer:
        offer_id, agent_id = (
            require_id("ofr", request.offer_id, "offer_id"),
            require_id("usr", request.agent_id, "agent_id"),
        )

        async def take(tx: Ledger) -> contact_pb2.Offer:
            return convert.offer_to_proto(*await offer_ops.accept_offer(tx, offer_id, agent_id, self._desk.clock.now()))

        return await self._once("TakeOffer", request, contact_pb2.Offer, take)

    async def MissOffer(self, request: contact_service_pb2.MissOfferRequest, context: Any) -> contact_pb2.Offer:
        offer_id, agent_id = (
            require_id("ofr", request.offer_id, "offer_id"),
            require_id("usr", request.agent_id, "agent_id"),
        )
        now = self._desk.clock.now()
        return convert.offer_to_proto(*await self._run(lambda tx: offer_ops.miss_offer(tx, offer_id, agent_id, now)))

    async def DeclineOffer(self, request: contact_service_pb2.DeclineOfferRequest, context: Any) -> contact_pb2.Offer:
        offer_id, agent_id = require_id("ofr", request.offer_id, "offer_id"), principal().subject
        now = self._desk.clock.now()
        return convert.offer_to_proto(*await self._run(lambda tx: offer_ops.decline_offer(tx, offer_id, agent_id, now)))


def _wrap_up(request: contact_service_pb2.EndWrapUpRequest | contact_service_pb2.SaveWrapUpRequest) -> WrapUp:
    who = principal()
    return WrapUp(
        contact_id=require_id("con", request.contact_id, "contact_id"),
        disposition_id=require_id("dsp", request.disposition_id, "disposition_id") if request.disposition_id else "",
        note=request.note,
        agent_id="" if who.may("agents.write") else who.subject,
    )
