"""TrunkService. A password is sealed here and goes nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.paging import encode_token, page_size
from chassis.sealing import Seal
from chassis.sql import Database, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.errors import InvalidInput
from kernel.ids import require_id, require_request_id
from kernel.networks import Network
from kernel.phone import require_e164
from kernel.tenant import PLATFORM
from merkez.telephony.v1 import trunk_pb2, trunk_service_pb2, trunk_service_pb2_grpc

from telephony.clients import Tenancy
from telephony.domain.dialing import MAX_TYPED
from telephony.domain.trunk_tests import SipSwitchedOff
from telephony.domain.trunks import Trunk, TrunkHasNumbers, check_places
from telephony.handlers.masks import masked
from telephony.handlers.trunk_messages import health_out, step_out, trunk_in, trunk_out
from telephony.live.sip.trial import Trial
from telephony.ops import trunks as ops

MAX_PASSWORD = 256
_CHANGEABLE = (
    "display_name", "gateways", "registers", "user_name", "source_networks", "codecs", "srtp", "digits",
    "caller_header", "country", "dialed_format", "caller_format", "limits", "currency", "rates", "priority", "enabled",
)  # fmt: skip


class TrunkHandlers(trunk_service_pb2_grpc.TrunkServiceServicer):
    """TrunkService."""

    def __init__(
        self, db: Database, seal: Seal, tenancy: Tenancy, trial: Trial | None = None, private: Sequence[Network] = ()
    ) -> None:
        """`private`: networks of the operator's that companies' trunks may lead into."""
        self._db = db
        self._seal = seal
        self._tenancy = tenancy
        self._private = private
        self._trial = trial

    async def CreateTrunk(self, request: trunk_service_pb2.CreateTrunkRequest, context: Any) -> trunk_pb2.Trunk:
        request_id, draft = require_request_id(request.request_id), trunk_in(request.trunk)
        password = _password(request.password)
        check_places(principal().tenant_id == PLATFORM, draft.gateways, self._private)
        # What is remembered to know a repeat by must not tell the password, not even its digest.
        remembered = trunk_service_pb2.CreateTrunkRequest(request_id=request_id, trunk=request.trunk)
        now = self._db.clock.now()

        async def work(tx: Tx) -> trunk_pb2.Trunk:
            async def create() -> trunk_pb2.Trunk:
                trunk = await ops.create_trunk(tx, draft, now)
                if password:
                    trunk = await ops.set_password(tx, trunk.trunk_id, self._sealed(trunk, password), now)
                return trunk_out(trunk)

            return await tx.once(request_id, "CreateTrunk", remembered, trunk_pb2.Trunk, create)

        return await self._db.run(principal().tenant_id, work)

    async def GetTrunk(self, request: trunk_service_pb2.GetTrunkRequest, context: Any) -> trunk_pb2.Trunk:
        trunk_id = require_id("trk", request.trunk_id, "trunk_id")
        found = await self._db.run(principal().tenant_id, lambda tx: ops.get_trunk(tx, trunk_id), read_only=True)
        return trunk_out(found)

    async def ListTrunks(
        self, request: trunk_service_pb2.ListTrunksRequest, context: Any
    ) -> trunk_service_pb2.ListTrunksResponse:
        size, token = page_size(request.page_size), request.page_token
        found = await self._db.run(principal().tenant_id, lambda tx: ops.list_trunks(tx, token, size), read_only=True)
        last = found[size - 1] if len(found) > size else None
        return trunk_service_pb2.ListTrunksResponse(
            trunks=[trunk_out(each) for each in found[:size]],
            next_page_token=encode_token(last.create_time, last.trunk_id) if last else "",
            shared_trunk_count=await self._db.system(ops.count_shared, read_only=True),
        )

    async def UpdateTrunk(self, request: trunk_service_pb2.UpdateTrunkRequest, context: Any) -> trunk_pb2.Trunk:
        trunk_id = require_id("trk", request.trunk.trunk_id, "trunk.trunk_id")
        fields = masked(request.update_mask, request.trunk, _CHANGEABLE)
        draft = trunk_in(request.trunk, "" if "currency" in fields else await self._currency(trunk_id))
        changes = {name: getattr(draft, name) for name in fields}
        check_places(principal().tenant_id == PLATFORM, changes.get("gateways", ()), self._private)
        now = self._db.clock.now()
        return trunk_out(
            await self._db.run(
                principal().tenant_id, lambda tx: ops.update_trunk(tx, trunk_id, changes, request.version, now)
            )
        )

    async def _currency(self, trunk_id: str) -> str:
        found = await self._db.run(principal().tenant_id, lambda tx: ops.get_trunk(tx, trunk_id), read_only=True)
        return found.currency

    async def SetTrunkPassword(
        self, request: trunk_service_pb2.SetTrunkPasswordRequest, context: Any
    ) -> trunk_pb2.Trunk:
        trunk_id = require_id("trk", request.trunk_id, "trunk_id")
        password, now = _password(request.password), self._db.clock.now()

        async def work(tx: Tx) -> trunk_pb2.Trunk:
            trunk = await ops.get_trunk(tx, trunk_id)
            sealed = self._sealed(trunk, password) if password else None
            return trunk_out(await ops.set_password(tx, trunk_id, sealed, now))

        return await self._db.run(principal().tenant_id, work)

    async def DeleteTrunk(self, request: trunk_service_pb2.DeleteTrunkRequest, context: Any) -> Empty:
        trunk_id, now = require_id("trk", request.trunk_id, "trunk_id"), self._db.clock.now()
        await self._db.run(principal().tenant_id, lambda tx: ops.get_trunk(tx, trunk_id), read_only=True)
        await self._let_go(principal().tenant_id, trunk_id)
        await self._db.run(principal().tenant_id, lambda tx: ops.delete_trunk(tx, trunk_id, now))
        return Empty()

    async def _let_go(self, tenant_id: str, trunk_id: str) -> None:
        """TrunkHasNumbers while numbers are bound to it. The platform brings none."""
        if tenant_id == PLATFORM:
            return
        bound = (await self._tenancy.caller_numbers(tenant_id, "")).trunks.values()
        if count := sum(each == trunk_id for each in bound):
            raise TrunkHasNumbers(
                "numbers are bound to this trunk: bind them to another one or let them go first",
                metadata={"count": str(count)},
            )

    async def GetTrunkHealth(
        self, request: trunk_service_pb2.GetTrunkHealthRequest, context: Any
    ) -> trunk_pb2.TrunkHealth:
        trunk_id, now = require_id("trk", request.trunk_id, "trunk_id"), self._db.clock.now()
        trunk, health = await self._db.run(
            principal().tenant_id, lambda tx: ops.health_of(tx, trunk_id, now), read_only=True
        )
        lost = trunk.password is not None and self._seal.open(trunk.password, trunk_id) is None
        return health_out(trunk, health, lost)

    async def TestTrunk(
        self, request: trunk_service_pb2.TestTrunkRequest, context: Any
    ) -> trunk_service_pb2.TestTrunkResponse:
        trunk_id, number = require_id("trk", request.trunk_id, "trunk_id"), request.number.strip()
        if len(number) > MAX_TYPED:
            raise InvalidInput.of("number", f"is longer than {MAX_TYPED} characters")
        if number:
            require_e164(request.caller_number, "caller_number")
        trunk = await self._db.run(principal().tenant_id, lambda tx: ops.get_trunk(tx, trunk_id), read_only=True)
        if self._trial is None:
            raise SipSwitchedOff("this installation has no SIP: set MERKEZ_SIP_LISTEN to reach carriers")
        now = self._db.clock.now()
        steps = await self._trial.test(trunk, number, request.caller_number)
        return trunk_service_pb2.TestTrunkResponse(steps=[step_out(each) for each in steps], test_time=time_out(now))

    def _sealed(self, trunk: Trunk, password: str) -> bytes:
        return self._seal.close(password.encode(), trunk.trunk_id)


def _password(value: str) -> str:
    if len(value) > MAX_PASSWORD:
        raise InvalidInput.of("password", f"is longer than {MAX_PASSWORD} characters")
    return value
