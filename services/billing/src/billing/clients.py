"""The calls to others that billing really needs: telephony, a payment provider. No transaction is open meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol, cast

from chassis.auth import acting_for
from chassis.grpc import Peers
from chassis.instants import time_out
from merkez.telephony.v1 import call_pb2, call_service_pb2, call_service_pb2_grpc

from billing.domain.payments import Method, Outcome, Payment, ProviderEvent

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


class PaymentProvider(Protocol):
    """Somebody who collects money. Every call may be repeated with the same ids and then does nothing twice."""

    @property
    def name(self) -> str:
        """What payments of it are called."""
        ...

    async def customer(self, tenant_id: str, name: str, email: str) -> str:
        """The customer this company is there; made when it is none yet. Raises `ProviderUnavailable`."""
        ...

    async def setup_page(self, tenant_id: str, customer_id: str, back_to: str, request_id: str) -> str:
        """Address of the page where a payment method is put in. Raises `ProviderUnavailable`."""
        ...

    def least(self, amount: Decimal, currency: str) -> Decimal:
        """The least it can take that isn't less than the amount: where its steps are coarser than the currency's."""
        ...

    async def charge(self, payment: Payment, method: Method, number: str) -> Outcome:
        """Takes the payment from the method on file; its id is the idempotency key. Raises `ProviderUnavailable` when
        it isn't known whether it was taken."""
        ...

    async def event(self, payload: bytes, signature: str) -> ProviderEvent | None:
        """What the provider tells, verified; None for what isn't ours. Raises `SignatureWrong`."""
        ...
