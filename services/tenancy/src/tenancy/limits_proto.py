"""Between the contract's messages and the domain's values: limits."""

from __future__ import annotations

from chassis.instants import time_out
from merkez.tenancy.v1 import limit_events_pb2, limit_pb2

from tenancy.domain.limits import FeatureStanding, LimitStanding, Passed
from tenancy.domain.people import Tenant


def limit_out(value: LimitStanding) -> limit_pb2.LimitStanding:
    """A limit as the contract shows it."""
    return limit_pb2.LimitStanding(
        limit=value.limit, allowed=value.allowed, used=value.used or 0, counted=value.used is not None,
        soft=value.soft, next_plan_id=value.next_plan_id, add_on_ids=value.add_on_ids,
    )  # fmt: skip


def feature_out(value: FeatureStanding) -> limit_pb2.FeatureStanding:
    """A feature as the contract shows it."""
    return limit_pb2.FeatureStanding(
        feature=value.feature, held=value.held, lowest_plan_id=value.lowest_plan_id, add_on_ids=value.add_on_ids
    )


def passing_out(value: Passed) -> limit_pb2.LimitPassing:
    """A passing as the contract shows it."""
    return limit_pb2.LimitPassing(
        tenant_id=value.tenant_id, tenant_name=value.tenant_name, limit=value.limit, allowed=value.allowed,
        used=value.used, count=value.count, first_pass_time=time_out(value.first_pass_time),
        pass_time=time_out(value.pass_time),
    )  # fmt: skip


def plan_limit_passed(value: Passed, tenant: Tenant) -> limit_events_pb2.PlanLimitPassed:
    """The fact that a company went past a soft limit."""
    said = passing_out(value)
    said.tenant_id, said.tenant_name = tenant.tenant_id, tenant.display_name
    return limit_events_pb2.PlanLimitPassed(passing=said)
