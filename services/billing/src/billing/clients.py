"""The calls to other services that billing really needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from chassis.auth import acting_for
from chassis.grpc import Peers
from chassis.instants import time_out
from merkez.telephony.v1 import call_pb2, call_service_pb2, call_service_pb2_grpc

_PAGE = 200
MOST_PAGES = 500


class Telephony:
    """Detail records of calls, as telephony keeps them."""

    def __init__(self, peers: Peers) -> None:
        self._calls = cast(
            "call_service_pb2_grpc.CallServiceAsyncStub",
            peers.stub(call_service_pb2_grpc.CallServiceStub, "telephony"),
        )

    async def cdrs(self, tenant_id: str, start: datetime, end: datetime) -> Sequence[call_pb2.Cdr]:
        """Records of calls that began in [start, end). Raises Unavailable."""
        found: list[call_pb2.Cdr] = []
        token = ""
        for _ in range(MOST_PAGES):
            request = call_service_pb2.ListCdrsRequest(
                page_size=_PAGE, page_token=token, start_time=time_out(start), end_time=time_out(end)
            )
            with acting_for(tenant_id):
                page = await self._calls.ListCdrs(request, timeout=10)
            found += page.cdrs
            token = page.next_page_token
            if not token:
                break
        return found
