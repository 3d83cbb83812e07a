"""A company's own subscription."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.auth import principal
from chassis.sql import Database, Tx
from kernel.ids import require_request_id
from merkez.tenancy.v1 import subscription_pb2, subscription_service_pb2, subscription_service_pb2_grpc

from tenancy.domain.plans import PlanNotFound
from tenancy.ops import subscriptions
from tenancy.ops.held import Held
from tenancy.plans_proto import add_on_out, move_out, plan_out, subscription_out


class Subscriptions(subscription_service_pb2_grpc.SubscriptionServiceServicer):
    """merkez.tenancy.v1.SubscriptionService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def GetSubscription(
        self, request: subscription_service_pb2.GetSubscriptionRequest, context: Any
    ) -> subscription_service_pb2.GetSubscriptionResponse:
        now = self._db.clock.now()
        found = await self._db.run(principal().tenant_id, lambda tx: subscriptions.read(tx, now), read_only=True)
        answer = subscription_service_pb2.GetSubscriptionResponse(
            subscription=subscription_out(found.subscription, found.stints),
            plan=plan_out(found.plan),
            add_ons=[add_on_out(each) for each, _ in found.add_ons],
        )
        try:
            newest = found.catalogue.find(found.plan.plan_id, tenant_id=principal().tenant_id)
        except PlanNotFound:  # retired, without another version on sale
            newest = found.plan
        if newest.version > found.plan.version:
            answer.newer_plan.CopyFrom(plan_out(newest))
        waiting = found.subscription.pending_plan_id, found.subscription.pending_plan_version
        if waiting[0]:
            answer.pending_plan.CopyFrom(plan_out(found.catalogue.find(*waiting, principal().tenant_id)))
        return answer

    async def ListOffers(
        self, request: subscription_service_pb2.ListOffersRequest, context: Any
    ) -> subscription_service_pb2.ListOffersResponse:
        on_sale, add_ons = await self._db.run(principal().tenant_id, subscriptions.offers, read_only=True)
        return subscription_service_pb2.ListOffersResponse(
            plans=[plan_out(each) for each in on_sale], add_ons=[add_on_out(each) for each in add_ons]
        )

    async def PreviewPlanChange(
        self, request: subscription_service_pb2.PreviewPlanChangeRequest, context: Any
    ) -> subscription_service_pb2.PreviewPlanChangeResponse:
        now = self._db.clock.now()
        move = await self._db.run(
            principal().tenant_id, lambda tx: subscriptions.preview(tx, request.plan_id, now), read_only=True
        )
        return move_out(move)

    async def MovePlan(
        self, request: subscription_service_pb2.MovePlanRequest, context: Any
    ) -> subscription_pb2.Subscription:
        now = self._db.clock.now()
        return await self._once(
            request, "MovePlan", lambda tx: subscriptions.move(tx, request.plan_id, request.version, now)
        )

    async def UndoPendingChange(
        self, request: subscription_service_pb2.UndoPendingChangeRequest, context: Any
    ) -> subscription_pb2.Subscription:
        now = self._db.clock.now()
        return await self._once(request, "UndoPendingChange", lambda tx: subscriptions.undo(tx, request.version, now))

    async def SetAddOn(
        self, request: subscription_service_pb2.SetAddOnRequest, context: Any
    ) -> subscription_pb2.Subscription:
        now = self._db.clock.now()
        asked = request.add_on_id, request.quantity, request.version
        return await self._once(request, "SetAddOn", lambda tx: subscriptions.set_add_on(tx, *asked, now))

    async def PauseSubscription(
        self, request: subscription_service_pb2.PauseSubscriptionRequest, context: Any
    ) -> subscription_pb2.Subscription:
        now = self._db.clock.now()
        return await self._once(request, "PauseSubscription", lambda tx: subscriptions.pause(tx, request.version, now))

    async def ResumeSubscription(
        self, request: subscription_service_pb2.ResumeSubscriptionRequest, context: Any
    ) -> subscription_pb2.Subscription:
        now = self._db.clock.now()
        return await self._once(
            request, "ResumeSubscription", lambda tx: subscriptions.resume(tx, request.version, now)
        )

    async def CancelSubscription(
        self, request: subscription_service_pb2.CancelSubscriptionRequest, context: Any
    ) -> subscription_pb2.Subscription:
        now = self._db.clock.now()
        return await self._once(
            request, "CancelSubscription", lambda tx: subscriptions.cancel(tx, request.now, request.version, now)
        )

    async def ReactivateSubscription(
        self, request: subscription_service_pb2.ReactivateSubscriptionRequest, context: Any
    ) -> subscription_pb2.Subscription:
        now = self._db.clock.now()
        return await self._once(
            request, "ReactivateSubscription",
            lambda tx: subscriptions.reactivate(tx, request.plan_id, request.version, now),
        )  # fmt: skip

    async def _once(
        self, request: Any, method: str, work: Callable[[Tx], Awaitable[Held]]
    ) -> subscription_pb2.Subscription:
        request_id = require_request_id(request.request_id)

        async def run(tx: Tx) -> subscription_pb2.Subscription:
            async def change() -> subscription_pb2.Subscription:
                found = await work(tx)
                return subscription_out(found.subscription, found.stints)

            return await tx.once(request_id, method, request, subscription_pb2.Subscription, change)

        return await self._db.run(principal().tenant_id, run)
