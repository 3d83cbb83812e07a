"""What carriers tell by webhook: only which of their orders to ask about, the answer is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.errors import InvalidInput
from merkez.tenancy.v1 import porting_service_pb2, porting_service_pb2_grpc

from tenancy.carriers.hooks import WebhookSignatureWrong, verify
from tenancy.ops import port_work


class Carriers(porting_service_pb2_grpc.CarrierServiceServicer):
    """merkez.tenancy.v1.CarrierService."""

    def __init__(self, db: Database, key: Callable[[], bytes]) -> None:
        self._db = db
        self._key = key

    async def ReceiveCarrierEvent(self, request: porting_service_pb2.ReceiveCarrierEventRequest, context: Any) -> Empty:
        now = self._db.clock.now()
        if not (key := self._key()):
            raise WebhookSignatureWrong("No carrier's webhooks are expected here.")
        verify(key, request.webhook_id, request.webhook_timestamp, request.body, request.webhook_signature, now)
        carrier_ref = _named(request.body)
        await self._db.system(lambda tx: port_work.hurry(tx, carrier_ref, now))
        return Empty()


def _named(body: bytes) -> str:
    try:
        said = json.loads(body)
        carrier_ref = said["data"]["id"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput.of("body", "must be JSON that names an order as data.id") from error
    if not isinstance(carrier_ref, str) or not carrier_ref:
        raise InvalidInput.of("body", "must be JSON that names an order as data.id")
    return carrier_ref
