"""What a plan gives and lacks, and who went past a soft limit."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import Page
from chassis.sql import Database
from merkez.tenancy.v1 import limit_service_pb2, limit_service_pb2_grpc

from tenancy import limits_proto
from tenancy.ops import limits


class Limits(limit_service_pb2_grpc.LimitServiceServicer):
    """merkez.tenancy.v1.LimitService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def GetStanding(
        self, request: limit_service_pb2.GetStandingRequest, context: Any
    ) -> limit_service_pb2.GetStandingResponse:
        plan, found, features = await self._db.run(principal().tenant_id, limits.standing, read_only=True)
        return limit_service_pb2.GetStandingResponse(
            plan_id=plan.plan_id,
            plan_version=plan.version,
            limits=[limits_proto.limit_out(each) for each in found],
            features=[limits_proto.feature_out(each) for each in features],
        )

    async def ListLimitPassings(
        self, request: limit_service_pb2.ListLimitPassingsRequest, context: Any
    ) -> limit_service_pb2.ListLimitPassingsResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.system(lambda tx: limits.list_passings(tx, page), read_only=True)
        return limit_service_pb2.ListLimitPassingsResponse(
            passings=[limits_proto.passing_out(each) for each in found], next_page_token=token
        )
