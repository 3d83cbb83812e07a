"""Tenancy as flows sees it."""

from __future__ import annotations

from typing import Any

from kernel.errors import Unavailable
from merkez.tenancy.v1 import (
    number_pb2,
    number_service_pb2,
    number_service_pb2_grpc,
    porting_pb2,
    porting_service_pb2,
    porting_service_pb2_grpc,
)


class FakeTenancy(number_service_pb2_grpc.NumberServiceServicer, porting_service_pb2_grpc.PortingServiceServicer):
    """The numbers of the company, as flows sees them."""

    def __init__(self) -> None:
        self.away = False
        self.numbers: list[number_pb2.Number] = []
        self.orders: list[porting_pb2.PortOrder] = []

    async def ListNumbers(self, request: Any, context: Any) -> number_service_pb2.ListNumbersResponse:
        if self.away:
            raise Unavailable("tenancy is away")
        begin = int(request.page_token or 0)
        more = begin + 1 < len(self.numbers)
        return number_service_pb2.ListNumbersResponse(
            numbers=self.numbers[begin : begin + 1], next_page_token=str(begin + 1) if more else ""
        )

    async def ListPortOrders(self, request: Any, context: Any) -> porting_service_pb2.ListPortOrdersResponse:
        return porting_service_pb2.ListPortOrdersResponse(orders=self.orders)
