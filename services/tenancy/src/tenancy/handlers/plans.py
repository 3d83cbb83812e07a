"""The catalogue: what anybody reads, and what operators do with it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from chassis.auth import principal
from chassis.instants import time_out
from chassis.sql import Database, Tx
from chassis.statuses import RemoteFailed
from google.protobuf.message import Message
from kernel.errors import DomainError
from kernel.features import Feature
from kernel.ids import require_request_id
from merkez.tenancy.v1 import (
    operator_plan_service_pb2,
    operator_plan_service_pb2_grpc,
    plan_pb2,
    plan_service_pb2,
    plan_service_pb2_grpc,
)

from tenancy.clients import PlanRating
from tenancy.domain import plan_rules
from tenancy.domain.fields import FieldInvalid
from tenancy.domain.meters import METERS
from tenancy.domain.plans import AddOn, Plan
from tenancy.ops import held, plans
from tenancy.ops.plans import ADD_ON, PLAN, Overview
from tenancy.plans_proto import Reading, add_on_out, plan_out

M = TypeVar("M", bound=Message)


class Plans(plan_service_pb2_grpc.PlanServiceServicer):
    """merkez.tenancy.v1.PlanService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListPlans(
        self, request: plan_service_pb2.ListPlansRequest, context: Any
    ) -> plan_service_pb2.ListPlansResponse:
        catalogue = await self._db.system(held.catalogue, read_only=True)
        return plan_service_pb2.ListPlansResponse(plans=[plan_out(plan) for plan in catalogue.on_sale()])

    async def GetPlan(self, request: plan_service_pb2.GetPlanRequest, context: Any) -> plan_pb2.Plan:
        catalogue = await self._db.system(held.catalogue, read_only=True)
        return plan_out(catalogue.find(request.plan_id, request.version, principal().tenant_id))


class OperatorPlans(operator_plan_service_pb2_grpc.OperatorPlanServiceServicer):
    """merkez.tenancy.v1.OperatorPlanService. `rating` is billing, asked whether it could rate a plan; without it
    nobody is."""

    def __init__(self, db: Database, rating: PlanRating | None = None) -> None:
        self._db = db
        self._rating = rating

    async def ListAllPlans(
        self, request: operator_plan_service_pb2.ListAllPlansRequest, context: Any
    ) -> operator_plan_service_pb2.ListAllPlansResponse:
        found = await self._db.system(lambda tx: plans.list_all(tx, PLAN), read_only=True)
        return operator_plan_service_pb2.ListAllPlansResponse(
            plans=[_plan(each) for each in found], meters=list(METERS), features=list(Feature)
        )

    async def CheckPlan(
        self, request: operator_plan_service_pb2.CheckPlanRequest, context: Any
    ) -> operator_plan_service_pb2.CheckPlanResponse:
        reading = Reading(request.plan.currency)
        plan = reading.plan(request.plan, request.plan.plan_id, request.plan.version)
        found = await self._db.system(lambda tx: plans.faults_of(tx, plan, reading.faults), read_only=True)
        known = {each.field for each in found}
        with contextlib.suppress(DomainError, RemoteFailed):  # asked again, and answered, before it is published
            found += [each for each in await self._unrated(request.plan) if each.field not in known]
        return operator_plan_service_pb2.CheckPlanResponse(
            faults=[
                operator_plan_service_pb2.PlanFault(field=each.field, description=each.description, fault=each.key)
                for each in found
            ]
        )

    async def CreatePlan(
        self, request: operator_plan_service_pb2.CreatePlanRequest, context: Any
    ) -> operator_plan_service_pb2.PlanOverview:
        reading = Reading(request.plan.currency)
        plan = reading.plan(request.plan, _new_id(request.plan_id, "plan_id"))
        return await self._once(
            request, "CreatePlan", operator_plan_service_pb2.PlanOverview,
            lambda tx: _made(plans.create(tx, plan, reading.faults, self._db.clock.now()), _plan),
        )  # fmt: skip

    async def CreatePlanVersion(
        self, request: operator_plan_service_pb2.CreatePlanVersionRequest, context: Any
    ) -> operator_plan_service_pb2.PlanOverview:
        asked = request.plan_id, request.version
        return await self._once(
            request, "CreatePlanVersion", operator_plan_service_pb2.PlanOverview,
            lambda tx: _made(plans.create_version(tx, PLAN, *asked, self._db.clock.now()), _plan),
        )  # fmt: skip

    async def UpdatePlanDraft(
        self, request: operator_plan_service_pb2.UpdatePlanDraftRequest, context: Any
    ) -> operator_plan_service_pb2.PlanOverview:
        reading = Reading(request.plan.currency)
        plan = reading.plan(request.plan, request.plan.plan_id, request.plan.version)
        return _plan(await self._db.system(lambda tx: plans.update_draft(tx, plan, reading.faults, request.revision)))

    async def PublishPlan(
        self, request: operator_plan_service_pb2.PublishPlanRequest, context: Any
    ) -> operator_plan_service_pb2.PlanOverview:
        now, asked = self._db.clock.now(), (request.plan_id, request.version, request.revision)
        draft = await self._db.system(lambda tx: plans.draft(tx, PLAN, *asked), read_only=True)
        if isinstance(draft.item, Plan):
            plan_rules.check(await self._unrated(plan_out(draft.item, as_written=True)))
        # Of what was looked at: a draft that changed meanwhile has another revision.
        asked = (*asked[:2], draft.revision)
        return _plan(await self._db.system(lambda tx: plans.publish(tx, PLAN, *asked, now)))

    async def _unrated(self, plan: plan_pb2.Plan) -> list[plan_rules.Fault]:
        found = await self._rating.faults(plan) if self._rating is not None and plan.rates else []
        return [plan_rules.Fault(field, key) for field, key in found]

    async def RetirePlan(
        self, request: operator_plan_service_pb2.RetirePlanRequest, context: Any
    ) -> operator_plan_service_pb2.PlanOverview:
        now = self._db.clock.now()
        return _plan(await self._db.system(lambda tx: plans.retire(tx, PLAN, request.plan_id, request.version, now)))

    async def ListAllAddOns(
        self, request: operator_plan_service_pb2.ListAllAddOnsRequest, context: Any
    ) -> operator_plan_service_pb2.ListAllAddOnsResponse:
        found = await self._db.system(lambda tx: plans.list_all(tx, ADD_ON), read_only=True)
        return operator_plan_service_pb2.ListAllAddOnsResponse(add_ons=[_add_on(each) for each in found])

    async def CreateAddOn(
        self, request: operator_plan_service_pb2.CreateAddOnRequest, context: Any
    ) -> operator_plan_service_pb2.AddOnOverview:
        reading = Reading(request.add_on.currency)
        add_on = reading.add_on(request.add_on, _new_id(request.add_on_id, "add_on_id"))
        return await self._once(
            request, "CreateAddOn", operator_plan_service_pb2.AddOnOverview,
            lambda tx: _made(plans.create(tx, add_on, reading.faults, self._db.clock.now()), _add_on),
        )  # fmt: skip

    async def CreateAddOnVersion(
        self, request: operator_plan_service_pb2.CreateAddOnVersionRequest, context: Any
    ) -> operator_plan_service_pb2.AddOnOverview:
        asked = request.add_on_id, request.version
        return await self._once(
            request, "CreateAddOnVersion", operator_plan_service_pb2.AddOnOverview,
            lambda tx: _made(plans.create_version(tx, ADD_ON, *asked, self._db.clock.now()), _add_on),
        )  # fmt: skip

    async def UpdateAddOnDraft(
        self, request: operator_plan_service_pb2.UpdateAddOnDraftRequest, context: Any
    ) -> operator_plan_service_pb2.AddOnOverview:
        reading = Reading(request.add_on.currency)
        add_on = reading.add_on(request.add_on, request.add_on.add_on_id, request.add_on.version)
        return _add_on(
            await self._db.system(lambda tx: plans.update_draft(tx, add_on, reading.faults, request.revision))
        )

    async def PublishAddOn(
        self, request: operator_plan_service_pb2.PublishAddOnRequest, context: Any
    ) -> operator_plan_service_pb2.AddOnOverview:
        now, asked = self._db.clock.now(), (request.add_on_id, request.version, request.revision)
        return _add_on(await self._db.system(lambda tx: plans.publish(tx, ADD_ON, *asked, now)))

    async def RetireAddOn(
        self, request: operator_plan_service_pb2.RetireAddOnRequest, context: Any
    ) -> operator_plan_service_pb2.AddOnOverview:
        now = self._db.clock.now()
        return _add_on(
            await self._db.system(lambda tx: plans.retire(tx, ADD_ON, request.add_on_id, request.version, now))
        )

    async def _once(self, request: Any, method: str, kind: type[M], work: Callable[[Tx], Awaitable[M]]) -> M:
        request_id = require_request_id(request.request_id)

        async def once(tx: Tx) -> M:
            return await tx.once(request_id, method, request, kind, lambda: work(tx))

        return await self._db.system(once)


async def _made(done: Awaitable[Overview], show: Callable[[Overview], M]) -> M:
    return show(await done)


def _new_id(value: str, field: str) -> str:
    if plan_rules.id_faults(value, field):
        raise FieldInvalid.of(field, "must have 2 to 40 lower-case letters, digits, - and _, a letter first")
    return value


def _plan(found: Overview) -> operator_plan_service_pb2.PlanOverview:
    if not isinstance(found.item, Plan):
        raise TypeError("a plan is shown as a plan")
    return operator_plan_service_pb2.PlanOverview(
        plan=plan_out(found.item, as_written=True),
        holder_count=found.holder_count,
        revision=found.revision,
        create_time=time_out(found.create_time),
    )


def _add_on(found: Overview) -> operator_plan_service_pb2.AddOnOverview:
    if not isinstance(found.item, AddOn):
        raise TypeError("an add-on is shown as an add-on")
    return operator_plan_service_pb2.AddOnOverview(
        add_on=add_on_out(found.item, as_written=True),
        holder_count=found.holder_count,
        revision=found.revision,
        create_time=time_out(found.create_time),
    )
